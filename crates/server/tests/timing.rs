//! Time as a side channel. A binary of its own: nothing else runs beside it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]
#![expect(dead_code, reason = "the support is shared with the suite, which uses all of it")]

#[path = "it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use identity::{Identity, entity::app_user};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::json;
use store::Mode;

use support::{Org, TestApp};

const PASSWORD: &str = "correct horse battery staple";

async fn change(app: &TestApp, id: base::Id, values: app_user::ActiveModel) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(values, Condition::all().add(app_user::Column::Id.eq(id))).await.unwrap();
    tx.commit().await.unwrap();
}

async fn disable(app: &TestApp, id: base::Id) {
    change(app, id, app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() }).await;
}

async fn member_with_hash(app: &TestApp, org: &Org, name: &str, hash: &str) -> app_user::Model {
    let person = app.person(name).await;
    change(
        app,
        person.id,
        app_user::ActiveModel { password_hash: Set(Some(hash.into())), ..Default::default() },
    )
    .await;
    let tx = app.tx(org.id).await;
    identity::resource::user::join(&app.app, &tx, &person, None, Default::default()).await.unwrap();
    tx.commit().await.unwrap();
    person
}

/// The figures of the issue: medians of 200 accounts each, one after the other.
#[tokio::test]
async fn unknown_wrong_and_disabled_take_the_same_time() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let hash = Identity::of(&app.app).unwrap().hasher.hash(&PASSWORD.to_owned().into()).await.unwrap();
    let count = 200u8;
    for n in 0..count {
        member_with_hash(&app, &org, &format!("known{n}"), &hash).await;
        let gone = member_with_hash(&app, &org, &format!("gone{n}"), &hash).await;
        disable(&app, gone.id).await;
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
