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

/// The figures of the issue: medians of 200 accounts each, one after the other.
#[tokio::test]
async fn unknown_wrong_and_disabled_take_the_same_time() {
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
    let median = |mut list: Vec<Duration>| {
        list.sort();
        list[list.len() / 2]
    };
    let [unknown, wrong, disabled] = times.map(median);
    println!("medians of {count}: unknown {unknown:?}, wrong {wrong:?}, disabled {disabled:?}");
    let slowest = unknown.max(wrong).max(disabled);
    let fastest = unknown.min(wrong).min(disabled);
    let apart = slowest - fastest;
    assert!(apart < Duration::from_millis(5) || apart < fastest / 10, "apart by {apart:?}");
}
