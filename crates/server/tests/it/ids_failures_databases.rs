//! Failure cases of configurations: deleted, renamed, doubled, over several databases, with a bad table, and
//! their passwords. The list of all is in [`crate::ids_failures`].

use futures_util::future::join_all;
use platform::ids::entity::database;
use serde_json::{Value, json};
use store::{Mode, Opening, Role};

use crate::{
    ids_support::{
        Product, Shop, ask, assert_disjoint, done, initialize, journal, key_named, row_of, scan, second_node,
        take, try_take,
    },
    support::TestApp,
};

/// Until every node has noticed what was done to a key.
async fn noticed() {
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
}

/// F18
#[tokio::test]
async fn deleting_one_configuration_leaves_its_siblings_and_its_counters_go_on_when_it_returns() {
    for product in [Product::Mysql, Product::Postgres] {
        let (Some(one), Some(two)) = (Shop::on(product).await, Shop::on(product).await) else { continue };
        let app = TestApp::new().await;
        let org = app.org("home").await;
        let mut ids = Vec::new();
        for shop in [&one, &two] {
            shop.table("t", "BIGINT", &[1000]).await;
            ids.push(shop.configure(&org, "shop").await);
            initialize(&org.owner, *ids.last().unwrap()).await;
            assert_eq!(take(&app.anon(), &shop.ask("shop", "t", 100)).await, (1001, 1100));
        }
        let custom = json!({ "table_name": "custom", "field_name": "id", "initial_value": 7 });
        done(&org.owner, &format!("/api/database/{}/add-config", ids[0]), custom).await;
        let removal = org.owner.get(&format!("/api/id-databases/{}/removal", ids[0])).await.expect(200);
        assert_eq!(removal.body["retires"], json!([one.key("shop", "custom"), one.key("shop", "t")]));
        assert_eq!(removal.body["keeps"], json!([format!("shop/{}", two.name)]));
        let deleted = org.owner.delete(&format!("/api/database/{}", ids[0])).await.expect(200);
        assert_eq!(deleted.body["data"], json!({ "deleted": true, "guid": ids[0] }));
        noticed().await;
        for _ in 0..2 {
            let refused = try_take(&app.anon(), &one.ask("shop", "t", 1)).await.unwrap_err();
            assert_eq!(refused.0, 404, "nobody is told of a key whose database is gone: {refused:?}");
        }
        assert_eq!(take(&app.anon(), &two.ask("shop", "t", 100)).await, (1101, 1200));
        let gone = key_named(&org.owner, &one.key("shop", "t")).await;
        assert_eq!(gone["state"], "retired");
        let ceiling: i64 = gone["ceiling"].as_str().unwrap().parse().unwrap();
        assert!(ceiling >= 1100);
        // It comes back: by a first use, by initialising, and by a configuration of one's own.
        let id = one.configure(&org, "SHOP").await;
        let first = take(&app.anon(), &one.ask("shop", "t", 10)).await;
        assert!(first.0 > 1100, "{first:?}");
        let data = initialize(&org.owner, id).await;
        assert_eq!(row_of(&data, "t")["action"], "keep");
        let custom = json!({ "table_name": "custom", "field_name": "id", "initial_value": 0 });
        done(&org.owner, &format!("/api/database/{id}/add-config"), custom).await;
        assert_eq!(take(&app.anon(), &one.ask("shop", "custom", 1)).await, (8, 8));
        org.owner.delete(&format!("/api/id-databases/{id}")).await.expect(204);
        let id = one.configure(&org, "shop").await;
        let data = initialize(&org.owner, id).await;
        assert_eq!(row_of(&data, "t")["action"], "revive");
        assert!(take(&app.anon(), &one.ask("shop", "t", 1)).await.0 > first.1);
    }
}

/// F18: what was written by hand while a key was given up lies below what it issues when it returns, for
/// whoever is the first, on whichever node.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_returns_is_above_its_table_before_anybody_gets_an_id() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let other = second_node(&app).await;
        let org = app.org("home").await;
        shop.table("t", "BIGINT", &[10]).await;
        let mut id = shop.configure(&org, "shop").await;
        let ask = shop.ask("shop", "t", 1);
        let mut ranges = vec![take(&app.anon(), &ask).await];
        for round in 1..=3_i64 {
            org.owner.delete(&format!("/api/id-databases/{id}")).await.expect(204);
            let by_hand = round * 1_000_000;
            shop.run(&[&format!("INSERT INTO t VALUES ({by_hand})")]).await;
            noticed().await;
            id = shop.configure(&org, "shop").await;
            let callers = (0..12).map(|n| {
                let node = if n % 2 == 0 { &app } else { &other };
                let (anon, ask) = (node.anon(), ask.clone());
                async move { take(&anon, &ask).await }
            });
            // By a first use, or by initialising beside it.
            let initializing = async {
                if round % 2 == 0 {
                    initialize(&org.owner, id).await;
                }
            };
            let (got, ()) = tokio::join!(join_all(callers), initializing);
            assert!(got.iter().all(|(start, _)| *start > by_hand), "round {round}: {got:?}");
            ranges.extend(got);
        }
        assert_disjoint(&ranges);
    }
}

/// Keys know neither case nor schema, so tables that differ in nothing else share one from the first use on.
#[tokio::test]
async fn a_first_use_is_above_every_table_that_shares_its_counter() {
    let Some(shop) = Shop::on(Product::Postgres).await else { return };
    let app = TestApp::new().await;
    let org = app.org("home").await;
    shop.run(&[
        "CREATE TABLE orders (id bigint PRIMARY KEY, note text)",
        "INSERT INTO orders VALUES (10)",
        "CREATE TABLE \"Orders\" (\"ID\" bigint PRIMARY KEY)",
        "INSERT INTO \"Orders\" VALUES (500)",
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.orders (id int PRIMARY KEY)",
        "INSERT INTO sales.orders VALUES (900)",
        "CREATE TABLE sales.\"ORDERS\" (id text PRIMARY KEY)",
    ])
    .await;
    shop.configure(&org, "shop").await;
    assert_eq!(take(&app.anon(), &shop.ask("shop", "orders", 1)).await, (901, 901));
}

/// F19
#[tokio::test]
async fn a_renamed_configuration_takes_its_counters_along() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t", "BIGINT", &[1000]).await;
        let id = shop.configure(&org, "old").await;
        initialize(&org.owner, id).await;
        assert_eq!(take(&app.anon(), &shop.ask("old", "t", 100)).await, (1001, 1100));
        let wire = format!("/api/database/{id}");
        let renamed = org.owner.put(&wire, shop.config("New")).await.expect(200);
        assert_eq!((&renamed.body["code"], &renamed.body["data"]["system_code"]), (&json!(0), &json!("New")));
        noticed().await;
        for _ in 0..2 {
            let sentence = format!(
                "Database configuration not found for system_code: old, db_name: {}. \
                 Please add database configuration first.",
                shop.name
            );
            assert_eq!(try_take(&app.anon(), &shop.ask("old", "t", 1)).await, Err((404, sentence)));
        }
        let after = take(&app.anon(), &shop.ask("new", "t", 100)).await;
        assert!(after.0 > 1100, "{after:?}");
        // The journal went along: both ranges are of one key.
        let key = key_named(&org.owner, &shop.key("new", "t")).await;
        let lines = journal(&org.owner, key["id"].as_str().unwrap()).await;
        let starts: Vec<&str> =
            lines.iter().filter(|l| l["kind"] == "issued").map(|l| l["start"].as_str().unwrap()).collect();
        assert_eq!(starts, ["1001", &after.0.to_string()]);
        // And back by the house's own route; a name that is taken is refused and changes nothing.
        let taken = json!({ "name": shop.key("third", "t"), "in_use": "5" });
        org.owner.post("/api/id-keys", taken).await.expect(201);
        let path = format!("/api/id-databases/{id}");
        let refused = org.owner.patch(&path, json!({ "system_code": "third" })).await.expect(409);
        assert_eq!(refused.code(), "key_exists");
        assert_eq!(org.owner.get(&path).await.expect(200).body["system_code"], "New");
        org.owner.patch(&path, json!({ "system_code": "old" })).await.expect(200);
        noticed().await;
        assert!(take(&app.anon(), &shop.ask("old", "t", 1)).await.0 > after.1);
    }
}

/// F20
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_system_and_a_database_are_configured_once() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("home").await, app.org("other").await);
    let config = |system: &str, database: Value| {
        json!({
            "system_code": system, "db_type": "mysql", "db_address": "127.0.0.1:1", "db_user": "u",
            "db_password": "p", "db_name": database,
        })
    };
    let adds = (0..8).map(|n| {
        let caller = org.owner.clone();
        let body = config(if n % 2 == 0 { "shop" } else { "SHOP" }, json!("main"));
        async move { caller.post("/api/database/add", body).await.expect(200).body }
    });
    let replies = join_all(adds).await;
    let won: Vec<&Value> = replies.iter().filter(|reply| reply["code"] == 0).collect();
    assert_eq!(won.len(), 1, "{replies:?}");
    for lost in replies.iter().filter(|reply| reply["code"] != 0) {
        let msg = lost["msg"].as_str().unwrap();
        assert!(lost["code"] == 409 && msg.contains("already exists for system_code: "), "{lost}");
    }
    // The same with the house's own routes, in another case, and for a whole server.
    let modern = |database: Value| {
        json!({
            "system_code": "Shop", "kind": "postgresql", "address": "127.0.0.1:1", "user": "u",
            "password": "p", "database": database,
        })
    };
    let refused = org.owner.post("/api/id-databases", modern(json!("MAIN"))).await.expect(409);
    assert_eq!(refused.code(), "database_exists");
    org.owner.post("/api/id-databases", modern(Value::Null)).await.expect(201);
    org.owner.post("/api/id-databases", modern(Value::Null)).await.expect(409);
    let second = org.owner.post("/api/id-databases", modern(json!("second"))).await.expect(201).id();
    let path = format!("/api/id-databases/{second}");
    let refused = org.owner.patch(&path, json!({ "database": "Main" })).await.expect(409);
    assert_eq!(refused.code(), "database_exists");
    let wire = format!("/api/database/{second}");
    let refused = org.owner.put(&wire, config("shop", json!("MAIN"))).await.expect(200);
    assert_eq!(refused.body["code"], 409, "{}", refused.text());
    assert_eq!(org.owner.get(&path).await.expect(200).body["database"], "second");
    // Another organisation has names of its own.
    other.owner.post("/api/id-databases", modern(json!("main"))).await.expect(201);
}

/// F21
#[tokio::test]
async fn every_database_of_a_server_has_its_own_highest() {
    // One configuration for a whole server: an account that sees two databases.
    if let (Some(one), Some(two)) = (Shop::on(Product::Mysql).await, Shop::on(Product::Mysql).await) {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        one.table("t", "BIGINT", &[100]).await;
        two.table("t", "BIGINT", &[2000]).await;
        let grants = [&one, &two].map(|shop| format!("GRANT SELECT ON {}.* TO {{user}}", shop.name));
        let mut body = one.body("shop");
        body["user"] = json!(one.account(&grants).await);
        body["password"] = json!(Shop::PASSWORD);
        body["database"] = Value::Null;
        let id = org.owner.post("/api/id-databases", body).await.expect(201).id();
        let data = initialize(&org.owner, id).await;
        let mut expected = [one.key("shop", "t"), two.key("shop", "t")];
        expected.sort();
        assert_eq!(data["segments"], json!(expected));
        assert_eq!(take(&app.anon(), &one.ask("shop", "t", 1)).await, (101, 101));
        assert_eq!(take(&app.anon(), &two.ask("shop", "t", 1)).await, (2001, 2001));
    }
    // Two configurations of one server.
    for product in [Product::Mysql, Product::Postgres] {
        let (Some(one), Some(two)) = (Shop::on(product).await, Shop::on(product).await) else { continue };
        let app = TestApp::new().await;
        let org = app.org("home").await;
        one.table("t", "BIGINT", &[100]).await;
        two.table("t", "BIGINT", &[2000]).await;
        two.table("only_here", "BIGINT", &[]).await;
        let id = one.configure(&org, "shop").await;
        two.configure(&org, "shop").await;
        let data = initialize(&org.owner, id).await;
        assert_eq!(data["segments"], json!([one.key("shop", "t")]));
        assert_eq!(take(&app.anon(), &one.ask("shop", "t", 1)).await, (101, 101));
        assert_eq!(take(&app.anon(), &two.ask("shop", "t", 1)).await, (2001, 2001));
        assert_eq!(try_take(&app.anon(), &one.ask("shop", "only_here", 1)).await.unwrap_err().0, 404);
    }
}

/// F22
#[tokio::test]
async fn one_bad_table_spoils_no_other() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        for table in ["a_good", "b_bad", "z_good"] {
            shop.table(table, "BIGINT", &[10]).await;
        }
        let quote = if shop.product == Product::Mysql { '`' } else { '"' };
        let odd = format!("Wei{quote}{quote}rd; DROP %_:");
        shop.run(&[&format!("CREATE TABLE {quote}{odd}{quote} (id BIGINT PRIMARY KEY)")]).await;
        let (odd, mut body) =
            (odd.replace(&format!("{quote}{quote}"), &quote.to_string()), shop.body("shop"));
        let reason = match shop.product {
            Product::Mysql => {
                shop.run(&[
                    "ALTER TABLE b_bad MODIFY id BIGINT UNSIGNED",
                    "INSERT INTO b_bad VALUES (18446744073709551615)",
                ])
                .await;
                "above_limit"
            }
            Product::Postgres => {
                let grants = [
                    "GRANT SELECT ON a_good, z_good TO {user}".to_owned(),
                    format!("GRANT SELECT ON \"{}\" TO {{user}}", odd.replace('"', "\"\"")),
                ];
                body["user"] = json!(shop.account(&grants).await);
                body["password"] = json!(Shop::PASSWORD);
                "unreadable"
            }
        };
        let id = org.owner.post("/api/id-databases", body).await.expect(201).id();
        let data = initialize(&org.owner, id).await;
        let bad = row_of(&data, "b_bad");
        assert_eq!((&bad["action"], &bad["reason"]), (&json!("error"), &json!(reason)), "{bad}");
        assert!(!bad["detail"].as_str().unwrap().is_empty());
        for table in ["a_good", "z_good", &odd] {
            assert_eq!(row_of(&data, table)["action"], "create", "{data}");
        }
        assert_eq!(data["initialized_count"], 3);
        assert_eq!(take(&app.anon(), &shop.ask("shop", "z_good", 1)).await, (11, 11));
        assert_eq!(take(&app.anon(), &shop.ask("shop", &odd, 1)).await, (1, 1));
        let keys = org.owner.get("/api/id-keys").await.expect(200);
        assert_eq!(keys.body["total"], 3, "of the bad one nothing is stored: {}", keys.body);
        // The scanner and the job say the same.
        scan(&app).await;
        let path = format!("/api/id-databases/{id}");
        org.owner.act(&format!("{path}/initialize")).await.expect(202);
        app.work().await;
        let last = org.owner.get(&format!("{path}/initialization")).await.expect(200).body;
        assert_eq!((&last["state"], &last["result"]["failed"]), (&json!("succeeded"), &json!(1)), "{last}");
        assert_eq!(last["result"]["kept"], 3);
    }
}

/// F29
#[tokio::test]
async fn a_password_is_sealed_at_rest_and_shown_to_nobody() {
    const PASSWORD: &str = "s3cret-Zq8-pa55";
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let body = json!({
        "system_code": "shop", "kind": "mysql", "address": "127.0.0.1:1", "user": "u",
        "password": PASSWORD, "database": "main",
    });
    let made = org.owner.post("/api/id-databases", body.clone()).await.expect(201);
    let (id, mut said) = (made.id(), vec![made.text()]);
    let row = async || {
        let tx = app.app.store().begin(Mode::Read, Opening::new(Role::App, Some(org.id))).await.unwrap();
        tx.get::<database::Entity>(id).await.unwrap()
    };
    let stored = row().await;
    assert!(!stored.password_sealed.contains(PASSWORD) && stored.password_sealed.len() > PASSWORD.len());
    let wire = format!("/api/database/{id}");
    let modern = format!("/api/id-databases/{id}");
    for path in ["/api/id-databases", &modern, "/api/database/list", &wire, &format!("{modern}/removal")] {
        said.push(org.owner.get(path).await.expect(200).text());
    }
    said.push(org.owner.act(&format!("{modern}/test")).await.expect(200).text());
    said.push(org.owner.act(&format!("{modern}/plan")).await.text());
    said.push(org.owner.post(&format!("/api/database/initialize/{id}"), json!({})).await.text());
    said.push(app.anon().post("/api/segment/allocate", ask("shop", "main", "t", "id", 1)).await.text());
    scan(&app).await;
    org.owner.act(&format!("{modern}/initialize")).await.expect(202);
    app.work().await;
    for path in [&modern, &format!("{modern}/initialization"), "/api/jobs?page_size=200"] {
        said.push(org.owner.get(path).await.expect(200).text());
    }
    // The mask is no password: what is stored stays.
    let config = json!({
        "system_code": "store", "db_type": "mysql", "db_address": "127.0.0.1:1", "db_user": "u",
        "db_password": "***", "db_name": "main",
    });
    said.push(org.owner.put(&wire, config).await.expect(200).text());
    said.push(
        org.owner
            .patch(&modern, json!({ "system_code": "store3", "password": "***" }))
            .await
            .expect(200)
            .text(),
    );
    said.push(org.owner.patch(&modern, json!({ "system_code": "store4" })).await.expect(200).text());
    let kept = row().await;
    assert_eq!((&kept.password_sealed, kept.system_code.as_str()), (&stored.password_sealed, "store4"));
    // Nor is it sent to another place, or in another name.
    for change in [json!({ "address": "127.0.0.1:2" }), json!({ "user": "u2", "password": "***" })] {
        said.push(org.owner.patch(&modern, change).await.expect(422).text());
    }
    let mut moved = json!({
        "system_code": "store4", "db_type": "mysql", "db_address": "127.0.0.1:2", "db_user": "u",
        "db_password": "***", "db_name": "main",
    });
    let refused = org.owner.put(&wire, moved.clone()).await.expect(200);
    assert_eq!(refused.body["code"], 400, "{}", refused.text());
    moved["db_address"] = json!("127.0.0.1:1");
    said.push(org.owner.put(&wire, moved).await.expect(200).text());
    // A body that is refused is not said back.
    let wrong = json!({ "db_password": PASSWORD, "db_type": "dbase", "db_address": 7 });
    said.push(org.owner.post("/api/database/add", wrong).await.expect(422).text());
    let mut wrong = body;
    wrong["kind"] = json!("dbase");
    said.push(org.owner.post("/api/id-databases", wrong).await.expect(422).text());
    // Nobody has a stored password sent to a place of his own.
    let elsewhere = json!({ "id": id, "kind": "mysql", "address": "127.0.0.1:2", "user": "u4" });
    said.push(org.owner.post("/api/id-databases/test", elsewhere).await.expect(422).text());
    let changed = org.owner.patch(&modern, json!({ "password": "another-one-77" })).await.expect(200);
    said.push(changed.text());
    assert_ne!(row().await.password_sealed, stored.password_sealed);
    said.push(org.owner.get("/api/audit-entries?page_size=200").await.expect(200).text());
    assert!(said.iter().any(|text| text.contains("ids:database:update")), "the trail was read");
    for text in said {
        assert!(!text.contains(PASSWORD) && !text.contains("another-one-77"), "{text}");
        assert!(!text.contains(&stored.password_sealed), "{text}");
    }
}
