//! Failure cases of counters and the tables that they are for: set back, behind, written past, and looked at
//! by a scanner that nobody may hold up. The list of all is in [`crate::ids_failures`].

use std::{net::TcpListener, time::Duration};

use futures_util::future::join_all;
use idgen::store::entity::key;
use jobs::Filter;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value, json};
use store::Mode;

use crate::{
    ids_support::{
        ALLOCATE, Product, Shop, ask, assert_disjoint, given, initialize, key_named, scan, second_node, take,
        try_take,
    },
    support::{Org, TestApp},
};

/// What the scanner said of keys that it raised: name, before, after.
async fn trace(org: &Org) -> Vec<(String, String, String)> {
    let entries =
        org.owner.get("/api/audit-entries?action=ids:key:reconcile&page_size=200").await.expect(200);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |entry: &Value| {
        let change = &entry["changes"]["ceiling"];
        let change = if change.is_null() { &entry["changes"][0] } else { change };
        let (before, after) = (&change["before"], &change["after"]);
        let (before, after) = if before.is_null() { (&change[0], &change[1]) } else { (before, after) };
        (text(&entry["target_name"]), text(before), text(after))
    };
    entries.items().iter().map(of).collect()
}

/// F7
#[tokio::test]
async fn a_counter_that_was_set_back_is_stopped_until_it_is_released_above_all_that_is_known() {
    for mode in ["strict", "buffered"] {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        let key = json!({ "name": "s:d:t:id", "mode": mode });
        let id = org.owner.post("/api/id-keys", key).await.expect(201).id();
        let (ask, path) = (ask("s", "d", "t", "id", 1000), format!("/api/id-keys/{id}"));
        assert_eq!(take(&app.anon(), &ask).await, (1, 1000));
        org.owner.get(&format!("{path}/journal")).await.expect(200);
        // As a database comes back whose newest pages were lost.
        let tx = app.app.system(Mode::Write).await.unwrap();
        let values = key::ActiveModel { ceiling: Set(400), ..Default::default() };
        tx.update_where(values, Condition::all().add(key::Column::Id.eq(id))).await.unwrap();
        tx.commit().await.unwrap();
        let fresh = second_node(&app).await;
        for _ in 0..2 {
            let reply = fresh.anon().post(ALLOCATE, ask.clone()).await;
            let (code, msg) = given(&reply).unwrap_err();
            assert!(code == 503 && msg.contains("quarantine"), "{mode}: {code} {msg}");
            assert_eq!(reply.header("retry-after"), "", "trying again does not help");
        }
        let key = org.owner.get(&path).await.expect(200).body;
        let (state, kind) = (&key["state"], &key["reason"]["kind"]);
        assert_eq!((state, kind), (&json!("quarantined"), &json!("behind_journal")), "{mode}");
        let release = format!("{path}/release");
        let refused = org.owner.post(&release, json!({ "at_least": "999" })).await.expect(409);
        assert_eq!(refused.code(), "below_known");
        let detail = refused.body["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("1000"), "it says from where: {detail}");
        org.owner.post(&release, json!({ "at_least": "1000" })).await.expect(200);
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let after = take(&fresh.anon(), &ask).await;
        assert!(after.0 > 1000, "{after:?}");
        assert_disjoint(&[(1, 1000), after, take(&app.anon(), &ask).await]);
        org.owner.post(&release, json!({ "at_least": "5000" })).await.expect(409);
    }
}

/// F7
#[tokio::test]
async fn a_counter_behind_its_table_jumps_ahead_at_the_next_look_and_at_initialize() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        for table in ["t_scanned", "t_initialized"] {
            shop.table(table, "BIGINT", &[2500]).await;
        }
        let id = shop.configure(&org, "shop").await;
        initialize(&org.owner, id).await;
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_scanned", 1)).await, (2501, 2501));
        // The store is older than the table.
        for table in ["t_scanned", "t_initialized"] {
            shop.run(&[&format!("INSERT INTO {table} VALUES (900000)")]).await;
        }
        initialize(&org.owner, id).await;
        assert!(take(&app.anon(), &shop.ask("shop", "t_initialized", 1)).await.0 > 900_000);
        shop.run(&["INSERT INTO t_scanned VALUES (1800000)"]).await;
        scan(&app).await;
        assert!(take(&app.anon(), &shop.ask("shop", "t_scanned", 1)).await.0 > 1_800_000);
    }
}

/// F27
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_cluster_has_one_scanner() {
    let app = TestApp::new().await;
    let nodes = [second_node(&app).await, second_node(&app).await];
    let engine = |node: &TestApp| node.app.service::<jobs::Engine>().unwrap().clone();
    let declared = server::wiring::declared().unwrap();
    let engines: Vec<jobs::Engine> = [&app, &nodes[0], &nodes[1]].map(engine).into();
    for outcome in join_all(engines.iter().map(|one| one.declare(&declared))).await {
        outcome.unwrap();
    }
    let scanners = async || {
        let tx = app.app.system(Mode::Read).await.unwrap();
        let rows = engines[0].declared(&tx).await.unwrap();
        tx.commit().await.unwrap();
        rows.into_iter().filter(|row| row.name == "ids.scan").collect::<Vec<_>>()
    };
    let rows = scanners().await;
    assert_eq!(rows.len(), 1, "one row, however many nodes");
    let row = &rows[0];
    assert_eq!((row.every_seconds, row.overlap.as_str(), row.enabled), (Some(60), "skip", true));
    // All of them work; within three minutes there are three jobs and not nine.
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let options = jobs::worker::Options { concurrency: 4, ..jobs::worker::Options::default() };
    let work = [&app, &nodes[0], &nodes[1]].map(|node| {
        let (engine, runners) = (engine(node), node.runners.clone());
        Box::pin(jobs::worker::work(
            engine,
            runners,
            node.app.clone(),
            options.clone(),
            None,
            stopped.clone(),
        ))
    });
    let jobs = async || {
        let tx = app.app.system(Mode::Read).await.unwrap();
        let filter = Filter { kind: Some("ids.scan".into()), limit: 100, ..Filter::default() };
        let list = engines[0].list(&tx, &filter).await.unwrap();
        tx.commit().await.unwrap();
        list
    };
    let watching = async {
        for minute in 1..=3_usize {
            for node in [&app, &nodes[0], &nodes[1]] {
                node.clock.advance(chrono::TimeDelta::seconds(60));
            }
            let begin = std::time::Instant::now();
            loop {
                let list = jobs().await;
                assert!(list.len() <= minute, "{} jobs in {minute} minutes", list.len());
                if list.len() == minute && list.iter().all(|job| job.state == "succeeded") {
                    break;
                }
                assert!(begin.elapsed() < Duration::from_secs(60), "minute {minute}: {list:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let _ = stop.send(true);
    };
    tokio::join!(join_all(work), watching);
    assert_eq!(scanners().await[0].runs, 3);
}

/// A port that lets everybody in and says nothing; until it is dropped.
fn hanging() -> (u16, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, listener)
}

/// F28
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_hangs_delays_nobody_and_every_failure_is_told() {
    let Some(shop) = Shop::on(Product::Mysql).await else { return };
    let app = TestApp::new().await;
    let org = app.org("home").await;
    shop.table("t", "BIGINT", &[10]).await;
    let silent: Vec<(u16, TcpListener)> = (0..3).map(|_| hanging()).collect();
    let (refusing, listener) = hanging();
    drop(listener);
    let account = shop.account(&[]).await;
    let add = async |system: &str, change: Value| {
        let mut body = shop.body(system);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        org.owner.post("/api/id-databases", body).await.expect(201).id()
    };
    let mut hangs = Vec::new();
    for (n, (port, _)) in silent.iter().enumerate() {
        let kind = ["mysql", "postgresql", "sqlserver"][n];
        let body = json!({ "kind": kind, "address": format!("127.0.0.1:{port}"), "password": "hush-7Qx" });
        hangs.push(add(&format!("silent{n}"), body).await);
    }
    let refuses =
        add("refusing", json!({ "address": format!("127.0.0.1:{refusing}"), "password": "hush-7Qx" })).await;
    let denies = add("denying", json!({ "user": account, "password": "hush-7Qx" })).await;
    let good = add("good", json!({})).await;
    let look = async |id: base::Id| {
        org.owner.get(&format!("/api/id-databases/{id}")).await.expect(200).body["scan"].clone()
    };
    let meanwhile = async {
        let begin = std::time::Instant::now();
        while look(good).await["at"].is_null() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the good one waits for the others");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for id in &hangs {
            assert!(look(*id).await["at"].is_null(), "the good one waited for one that hangs");
        }
        // All else goes on as well.
        let data = initialize(&org.owner, good).await;
        assert_eq!(data["segments"], json!([shop.key("good", "t")]));
        assert_eq!(take(&app.anon(), &shop.ask("good", "t", 1)).await, (11, 11));
        for id in &hangs {
            assert!(look(*id).await["at"].is_null(), "initialising waited for one that hangs");
        }
    };
    tokio::join!(scan(&app), meanwhile);
    let seen = look(good).await;
    assert_eq!((&seen["ok"], &seen["error"], &seen["tables"]), (&json!(true), &Value::Null, &json!(1)));
    let mut sentences = Vec::new();
    for (id, words) in [
        (hangs[0], &["did not answer within"][..]),
        (hangs[1], &["did not answer within"]),
        (hangs[2], &["did not answer within"]),
        (refuses, &["refused"]),
        (denies, &["Access denied for user"]),
    ] {
        let seen = look(id).await;
        let error = seen["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(seen["ok"], false, "{seen}");
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error:?}");
        sentences.push(error);
        let first_use = org.owner.get(&format!("/api/database/{id}")).await.expect(200);
        let system = first_use.body["data"]["system_code"].as_str().unwrap();
        if id == refuses || id == denies {
            let (code, msg) = try_take(&app.anon(), &shop.ask(system, "t", 1)).await.unwrap_err();
            assert_eq!(code, 500, "{msg}");
            sentences.push(msg);
            let reply =
                org.owner.post(&format!("/api/database/initialize/{id}"), json!({})).await.expect(200);
            assert_eq!(reply.body["code"], 500, "{}", reply.text());
            let msg = reply.body["msg"].as_str().unwrap();
            assert!(msg.starts_with("Failed to initialize database: "), "{msg}");
            sentences.push(msg.to_owned());
        }
    }
    for sentence in sentences {
        assert!(!sentence.contains("hush-7Qx") && !sentence.contains('\n'), "{sentence}");
    }
}

/// F30
#[tokio::test]
async fn ids_that_somebody_wrote_by_hand_raise_the_counter_and_leave_a_trace() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t", "BIGINT", &[1500]).await;
        let id = shop.configure(&org, "shop").await;
        initialize(&org.owner, id).await;
        let ask = shop.ask("shop", "t", 10);
        let mut ranges = vec![take(&app.anon(), &ask).await];
        assert_eq!(ranges[0], (1501, 1510));
        // What was issued is in the table by right.
        shop.run(&["INSERT INTO t VALUES (1505)"]).await;
        scan(&app).await;
        assert_eq!(trace(&org).await, []);
        ranges.push(take(&app.anon(), &ask).await);
        assert_eq!(ranges[1], (1511, 1520), "nothing was lost for it");
        // By hand, among ids that this node holds and has not issued: they are jumped over.
        shop.run(&["INSERT INTO t VALUES (1600)"]).await;
        scan(&app).await;
        ranges.push(take(&app.anon(), &ask).await);
        assert!(ranges[2].0 > 1600, "{ranges:?}");
        // By hand, far above.
        let ceiling = key_named(&org.owner, &shop.key("shop", "t")).await["ceiling"].clone();
        shop.run(&["INSERT INTO t VALUES (500000)"]).await;
        scan(&app).await;
        let expected = (shop.key("shop", "t"), ceiling.as_str().unwrap().to_owned(), "500000".to_owned());
        assert_eq!(trace(&org).await, [expected]);
        ranges.push(take(&app.anon(), &ask).await);
        assert!(ranges[3].0 > 500_000, "{ranges:?}");
        // Once: the next look finds nothing new.
        scan(&app).await;
        assert_eq!(trace(&org).await.len(), 1);
        ranges.push(take(&app.anon(), &ask).await);
        assert_disjoint(&ranges);
        // A key that was given up stays as it is.
        let key = key_named(&org.owner, &shop.key("shop", "t")).await;
        org.owner.act(&format!("/api/id-keys/{}/retire", key["id"].as_str().unwrap())).await.expect(200);
        shop.run(&["INSERT INTO t VALUES (900000)"]).await;
        scan(&app).await;
        assert_eq!(key_named(&org.owner, &shop.key("shop", "t")).await["state"], "retired");
    }
}
