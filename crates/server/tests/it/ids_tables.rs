//! Found tables and the initialisation of a database: seen within one scan, decided about, gone again; what
//! would be done, doing it by a job, and who may.

use serde_json::{Value, json};

use crate::{
    ids_support::{Shop, key_named, row_of, scan, take},
    support::{Caller, TestApp},
};

async fn list(caller: &Caller, query: &str) -> Vec<Value> {
    caller.get(&format!("/api/id-tables?page_size=200{query}")).await.expect(200).items().clone()
}

fn found<'a>(tables: &'a [Value], name: &str) -> &'a Value {
    tables.iter().find(|one| one["table"] == name).unwrap_or_else(|| panic!("no {name} in {tables:?}"))
}

async fn decide(caller: &Caller, table: &Value, what: &str) -> Value {
    let path = format!("/api/id-tables/{}/{what}", table["id"].as_str().unwrap());
    caller.act(&path).await.expect(200).body
}

fn states(tables: &[Value]) -> Vec<(&str, &str)> {
    let mut all: Vec<_> =
        tables.iter().map(|one| (one["table"].as_str().unwrap(), one["state"].as_str().unwrap())).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_new_table_is_found_within_one_scan_and_waits_for_a_decision() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t_one", "BIGINT", &[70]).await;
        shop.table("t_two", "INT", &[]).await;
        shop.run(&["CREATE TABLE t_text (id VARCHAR(9) PRIMARY KEY)"]).await;
        let id = shop.configure(&org, "shop").await;
        assert_eq!(list(&org.owner, "").await, Vec::<Value>::new());
        scan(&app).await;
        let tables = list(&org.owner, "").await;
        assert_eq!(states(&tables), [("t_one", "waiting"), ("t_two", "waiting")]);
        let one = found(&tables, "t_one");
        for (field, value) in [
            ("database_id", json!(id)),
            ("system_code", json!("shop")),
            ("database", json!(shop.name)),
            ("column", json!("id")),
            ("key", json!(shop.key("shop", "t_one"))),
            ("max", json!("70")),
            ("limit", json!(i64::MAX.to_string())),
            ("decided_at", Value::Null),
        ] {
            assert_eq!(one[field], value, "{field}");
        }
        assert_eq!(found(&tables, "t_two")["limit"], "2147483647");
        assert_eq!(found(&tables, "t_two")["max"], Value::Null);
        let database = org.owner.get(&format!("/api/id-databases/{id}")).await.expect(200).body;
        assert_eq!((&database["tables_waiting"], &database["keys"]), (&json!(2), &json!(0)));
        assert_eq!((&database["scan"]["ok"], &database["scan"]["tables"]), (&json!(true), &json!(2)));
        let older = format!("/api/database/{id}/discovered-tables");
        let older = org.owner.get(&older).await.expect(200).body["data"].clone();
        let entry = json!({ "database": shop.name, "table": "t_one", "primary_key": "id", "max_id": 70 });
        assert_eq!((older.as_array().unwrap().len(), &older[0]), (2, &entry));
        // Nothing gets a key by being found; a second look finds nothing twice, and what is new.
        shop.run(&["INSERT INTO t_one VALUES (90)"]).await;
        shop.table("t_three", "SMALLINT", &[5]).await;
        scan(&app).await;
        let tables = list(&org.owner, "").await;
        assert_eq!(states(&tables), [("t_one", "waiting"), ("t_three", "waiting"), ("t_two", "waiting")]);
        assert_eq!(found(&tables, "t_one")["max"], "90");
        assert_eq!(org.owner.get("/api/id-keys").await.expect(200).body["total"], 0);
        // A first use decides as well.
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_three", 1)).await, (6, 6));
        scan(&app).await;
        let approved = list(&org.owner, "&state=approved").await;
        assert_eq!(states(&approved), [("t_three", "approved")]);
    }
}

#[tokio::test]
async fn a_found_table_is_approved_ignored_reset_and_vanishes() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        for table in ["t_approved", "t_ignored", "t_gone", "t_later"] {
            shop.table(table, "BIGINT", &[70]).await;
        }
        let id = shop.configure(&org, "shop").await;
        scan(&app).await;
        let tables = list(&org.owner, "").await;
        // Asked anew: what was written since counts.
        shop.run(&["INSERT INTO t_approved VALUES (300)"]).await;
        let approved = decide(&org.owner, found(&tables, "t_approved"), "approve").await;
        assert_eq!(approved["state"], "approved");
        assert!(approved["decided_at"].is_string());
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_approved", 1)).await, (301, 301));
        let key = key_named(&org.owner, &shop.key("shop", "t_approved")).await;
        // Again: it is raised and never lowered.
        decide(&org.owner, found(&tables, "t_approved"), "approve").await;
        assert_eq!(key_named(&org.owner, &shop.key("shop", "t_approved")).await["ceiling"], key["ceiling"]);
        assert_eq!(decide(&org.owner, found(&tables, "t_ignored"), "ignore").await["state"], "ignored");
        shop.run(&["DROP TABLE t_gone"]).await;
        let gone = found(&tables, "t_gone");
        let approve = format!("/api/id-tables/{}/approve", gone["id"].as_str().unwrap());
        assert_eq!(org.owner.act(&approve).await.expect(409).code(), "table_gone");
        scan(&app).await;
        let expected = [
            ("t_approved", "approved"),
            ("t_gone", "vanished"),
            ("t_ignored", "ignored"),
            ("t_later", "waiting"),
        ];
        assert_eq!(states(&list(&org.owner, "").await), expected);
        for (query, expected) in [
            ("&state=waiting", &["t_later"][..]),
            ("&state=ignored", &["t_ignored"]),
            ("&search=T_IGN", &["t_ignored"]),
            ("&search=_g", &["t_gone"]),
            ("&search=nothing", &[]),
            (&format!("&state=vanished&database_id={id}"), &["t_gone"]),
            (&format!("&database_id={}", app.app.new_id()), &[]),
        ] {
            let names: Vec<Value> =
                list(&org.owner, query).await.iter().map(|one| one["table"].clone()).collect();
            assert_eq!(names, expected, "{query}");
        }
        let page = org.owner.get("/api/id-tables?page=2&page_size=3").await.expect(200).body;
        assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(4), 1));
        for wrong in ["state=lost", "page=0", "page_size=201", "colour=red", "database_id=x"] {
            let reply = org.owner.get(&format!("/api/id-tables?{wrong}")).await;
            assert!([400, 422].contains(&reply.status.as_u16()), "{wrong}: {}", reply.text());
        }
        let reset = decide(&org.owner, found(&tables, "t_ignored"), "reset").await;
        assert_eq!(reset["state"], "waiting");
        // Back again, it waits again.
        shop.table("t_gone", "BIGINT", &[7]).await;
        scan(&app).await;
        let waiting = list(&org.owner, "&state=waiting").await;
        assert_eq!(
            states(&waiting),
            [("t_gone", "waiting"), ("t_ignored", "waiting"), ("t_later", "waiting")]
        );
        assert_eq!(found(&waiting, "t_gone")["note"], Value::Null);
        // All that wait, but for those that cannot.
        shop.run(&["DROP TABLE t_later"]).await;
        let answer = org.owner.post("/api/id-tables/approve-all", json!({})).await.expect(200).body;
        assert_eq!((&answer["approved"], &answer["failed"]), (&json!(2), &json!(1)), "{answer}");
        assert!(answer["errors"][0]["table"].as_str().unwrap().ends_with(".t_later"), "{answer}");
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_gone", 1)).await, (8, 8));
        let nothing = json!({ "database_id": app.app.new_id() });
        let answer = org.owner.post("/api/id-tables/approve-all", nothing).await.expect(200).body;
        assert_eq!((&answer["approved"], &answer["failed"]), (&json!(0), &json!(0)));
        let trail = app.audited(&org).await;
        for action in ["approve", "ignore", "reset", "approve_all"] {
            assert!(trail.contains(&format!("ids:table:{action}")), "{action} in {trail:?}");
        }
        // With the database go its findings, and not its keys.
        org.owner.delete(&format!("/api/id-databases/{id}")).await.expect(204);
        assert_eq!(list(&org.owner, "").await, Vec::<Value>::new());
        assert_eq!(org.owner.get("/api/id-keys?state=retired").await.expect(200).body["total"], 3);
    }
}

#[tokio::test]
async fn a_plan_changes_nothing_and_a_job_does_what_it_says() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        for (table, max) in [("t_create", 10), ("t_raise", 20), ("t_keep", 30), ("t_revive", 40)] {
            shop.table(table, "BIGINT", &[max]).await;
        }
        shop.run(&["CREATE TABLE t_text (id VARCHAR(9) PRIMARY KEY)"]).await;
        let id = shop.configure(&org, "shop").await;
        let own = format!("/api/id-databases/{id}");
        org.owner.get(&format!("{own}/initialization")).await.expect(404);
        for table in ["t_raise", "t_keep", "t_revive"] {
            take(&app.anon(), &shop.ask("shop", table, 5)).await;
        }
        shop.run(&["INSERT INTO t_raise VALUES (500000)"]).await;
        let revive = key_named(&org.owner, &shop.key("shop", "t_revive")).await;
        org.owner.act(&format!("/api/id-keys/{}/retire", revive["id"].as_str().unwrap())).await.expect(200);
        let ceilings = async || {
            let keys = org.owner.get("/api/id-keys").await.expect(200);
            keys.items().iter().map(|key| (key["name"].clone(), key["ceiling"].clone())).collect::<Vec<_>>()
        };
        let before = ceilings().await;
        let plan = org.owner.act(&format!("{own}/plan")).await.expect(200).body;
        assert_eq!(plan["databases"], json!([{ "name": shop.name, "error": null }]));
        assert_eq!(plan["truncated"], false);
        for (table, action) in [
            ("t_create", "create"),
            ("t_raise", "raise"),
            ("t_keep", "keep"),
            ("t_revive", "revive"),
            ("t_text", "skip"),
        ] {
            assert_eq!(row_of(&plan, table)["action"], action, "{table}");
        }
        let raise = row_of(&plan, "t_raise");
        assert_eq!((&raise["table_max"], &raise["to"]), (&json!("500000"), &json!("500000")));
        assert_eq!(ceilings().await, before, "a plan is a plan");

        // Asked for twice at once it is one job.
        let start = format!("{own}/initialize");
        let begun = org.owner.act(&start).await.expect(202).body;
        assert_eq!(org.owner.act(&start).await.expect(202).body["job_id"], begun["job_id"]);
        assert!(["scheduled", "ready"].contains(&begun["state"].as_str().unwrap()), "{begun}");
        app.work().await;
        let end = org.owner.get(&format!("{own}/initialization")).await.expect(200).body;
        assert_eq!((&end["job_id"], &end["state"]), (&begun["job_id"], &json!("succeeded")), "{end}");
        let result = &end["result"];
        let counts = ["created", "raised", "kept", "failed"].map(|one| result[one].as_u64().unwrap());
        assert_eq!(counts, [1, 2, 1, 0], "{result}");
        assert!(end["finished_at"].is_string() && end["error"].is_null());
        assert_eq!(row_of(result, "t_create")["to"], "10");
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_create", 1)).await, (11, 11));
        assert!(take(&app.anon(), &shop.ask("shop", "t_raise", 1)).await.0 > 500_000);
        let revived = take(&app.anon(), &shop.ask("shop", "t_revive", 1)).await;
        assert!(revived.0 > 45, "{revived:?}");
        assert_eq!(org.owner.get(&own).await.expect(200).body["keys"], 4);
        // Another one is another job.
        assert_ne!(org.owner.act(&start).await.expect(202).body["job_id"], begun["job_id"]);
        app.work().await;
        assert_eq!(app.audited(&org).await.iter().filter(|one| *one == "ids:database:initialize").count(), 3);
    }
}

#[tokio::test]
async fn a_job_that_cannot_reach_its_database_says_why() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let body = json!({
        "system_code": "shop", "kind": "mysql", "address": "127.0.0.1:1", "user": "u", "password": "p",
        "database": "main",
    });
    let id = org.owner.post("/api/id-databases", body).await.expect(201).id();
    let own = format!("/api/id-databases/{id}");
    let tested = org.owner.act(&format!("{own}/test")).await.expect(200).body;
    assert_eq!((&tested["ok"], &tested["product"]), (&json!(false), &Value::Null));
    assert!(tested["error"].as_str().unwrap().contains("refused"), "{tested}");
    org.owner.act(&format!("{own}/initialize")).await.expect(202);
    app.work().await;
    let end = org.owner.get(&format!("{own}/initialization")).await.expect(200).body;
    assert!(["failed", "scheduled", "dead"].contains(&end["state"].as_str().unwrap()), "{end}");
    assert!(end["error"].as_str().unwrap().contains("refused"), "{end}");
    let plan = org.owner.act(&format!("{own}/plan")).await.expect(200).body;
    let read = &plan["databases"][0];
    assert_eq!((&read["name"], &plan["rows"]), (&json!("main"), &json!([])), "{plan}");
    assert!(read["error"].as_str().unwrap().contains("refused"), "{plan}");
}

#[tokio::test]
async fn a_database_is_tried_before_it_is_stored_and_afterwards() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t", "BIGINT", &[]).await;
        let tested = org.owner.post("/api/id-databases/test", shop.body("shop")).await.expect(200).body;
        assert_eq!((&tested["ok"], &tested["error"]), (&json!(true), &Value::Null), "{tested}");
        assert_eq!((&tested["databases"], &tested["tables"]), (&json!([shop.name]), &json!(1)));
        assert!(tested["product"].as_str().unwrap().contains('.'), "{tested}");
        let id = shop.configure(&org, "shop").await;
        let stored = org.owner.act(&format!("/api/id-databases/{id}/test")).await.expect(200).body;
        assert_eq!(stored["ok"], true);
        let mut body = shop.body("shop");
        body["id"] = json!(id);
        body.as_object_mut().unwrap().remove("password");
        assert_eq!(org.owner.post("/api/id-databases/test", body).await.expect(200).body["ok"], true);
        let mut wrong = shop.body("shop");
        wrong["database"] = json!("tenon_test_nowhere");
        let tested = org.owner.post("/api/id-databases/test", wrong).await.expect(200).body;
        assert_eq!(tested["ok"], false, "{tested}");
    }
}
