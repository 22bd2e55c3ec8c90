//! Time as a side channel. A binary of its own: nothing else runs beside it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]
#![expect(dead_code, reason = "the support is shared with the suite, which uses all of it")]

#[path = "it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use identity::entity::app_user;
use sea_orm::ActiveValue::Set;
use serde_json::json;

use support::{TestApp, people::PASSWORD};

/// One at a time measures.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Programs that nobody knows, and programs with a wrong key, whatever kind of hash theirs is.
#[tokio::test]
async fn an_unknown_program_takes_as_long_as_a_wrong_key() {
    let _alone = ALONE.lock().await;
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let made = org.owner.post("/api/member-clients", json!({ "name": "p" })).await.expect(201);
    let older = org.owner.post("/api/member-clients", json!({ "name": "o" })).await.expect(201);
    let tx = app.tx(org.id).await;
    let sql = match tx.dialect() {
        store::Dialect::Postgres => "UPDATE member_client SET key_hash = $1 WHERE id = $2",
        _ => "UPDATE member_client SET key_hash = ? WHERE id = ?",
    };
    let weak = format!("sha256:{}", "ab".repeat(32));
    tx.execute_sql(sql, vec![weak.into(), older.id().into()]).await.unwrap();
    tx.commit().await.unwrap();
    let keys =
        ["nobody", made.body["client_key"].as_str().unwrap(), older.body["client_key"].as_str().unwrap()];
    let mut times: [Vec<Duration>; 3] = Default::default();
    for n in 0..200u8 {
        for (kind, client_key) in keys.into_iter().enumerate() {
            let mut caller = app
                .anon()
                .with("x-client-key", client_key)
                .with("x-api-key", "mk_dev_a_key_that_is_wrong_000");
            caller.peer = ([10, 1, u8::try_from(kind).unwrap(), n], 1).into();
            let started = Instant::now();
            caller.get("/admin/permissions").await.expect(401);
            times[kind].push(started.elapsed());
        }
    }
    let [unknown, wrong, weak] = times.map(median);
    println!("medians of 200: unknown {unknown:?}, wrong key {wrong:?}, wrong key of an older kind {weak:?}");
    assert_together([unknown, wrong, weak]);
}

fn median(mut list: Vec<Duration>) -> Duration {
    list.sort();
    list[list.len() / 2]
}

fn assert_together(times: [Duration; 3]) {
    let (slowest, fastest) = (times.iter().max().unwrap(), times.iter().min().unwrap());
    let apart = *slowest - *fastest;
    assert!(apart < Duration::from_millis(5) || apart < *fastest / 10, "apart by {apart:?}");
}

/// The figures of the issue: medians of 200 accounts each, one after the other.
#[tokio::test]
async fn unknown_wrong_and_disabled_take_the_same_time() {
    let _alone = ALONE.lock().await;
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let count = 200u8;
    for n in 0..count {
        app.member_with_password(&org, &format!("known{n}")).await;
        let gone = app.member_with_password(&org, &format!("gone{n}")).await;
        let closed = app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() };
        app.change_user(gone.id, closed).await;
    }
    let mut times: [Vec<Duration>; 3] = Default::default();
    for n in 0..count {
        for (kind, (name, password)) in
            [("unknown", "wrong"), ("known", "wrong"), ("gone", PASSWORD)].into_iter().enumerate()
        {
            let mut caller = app.anon();
            // Each pair of addresses is fresh, so that no throttle is in the way.
            caller.peer = ([10, 0, u8::try_from(kind).unwrap(), n], 1).into();
            let started = Instant::now();
            let body = json!({ "username": format!("{name}{n}"), "password": password });
            caller.post("/api/auth/login", body).await.expect(401);
            times[kind].push(started.elapsed());
        }
    }
    let [unknown, wrong, disabled] = times.map(median);
    println!("medians of {count}: unknown {unknown:?}, wrong {wrong:?}, disabled {disabled:?}");
    assert_together([unknown, wrong, disabled]);
}
