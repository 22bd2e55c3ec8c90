//! What is forgotten after the time that the operator sets, and what is not.

use chrono::Duration;
use identity::resource::sign_in;
use jobs::{Engine, NewJob, PLATFORM};
use kernel::audit;
use sea_orm::ActiveValue::Set;
use serde_json::json;
use store::Mode;

use crate::support::{Org, TestApp, Wish};

async fn log_sign_in(app: &TestApp, org: &Org) {
    let (tx, now) = (app.tx(org.id).await, app.now());
    tx.insert(sign_in::entity::ActiveModel {
        id: Set(base::id::new(now)),
        org_id: Set(org.id),
        at: Set(now),
        user_id: Set(org.owner.id),
        username: Set("owner".into()),
        outcome: Set("ok".into()),
        reason: Set(String::new()),
        ip: Set("127.0.0.1".into()),
        user_agent: Set("tests".into()),
        search_key: Set("owner".into()),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Has the product's own jobs that forget run now.
async fn prune(app: &TestApp) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    let engine = app.app.service::<Engine>().unwrap();
    for kind in ["jobs.prune", "identity.prune"] {
        engine.enqueue(&tx, NewJob::named(PLATFORM, kind, json!({}))).await.unwrap();
    }
    tx.commit().await.unwrap();
    app.work().await;
}

async fn counts(app: &TestApp) -> (u64, u64) {
    let tx = app.app.system(Mode::Read).await.unwrap();
    let entries = tx.count(tx.find::<audit::entity::Entity>()).await.unwrap();
    let sign_ins = tx.count(tx.find::<sign_in::entity::Entity>()).await.unwrap();
    tx.commit().await.unwrap();
    (entries, sign_ins)
}

#[tokio::test]
async fn audit_entries_and_sign_ins_go_after_the_days_that_were_set_in_every_organisation() {
    let app = TestApp::with(Wish { audit_retention_days: Some(30), ..Wish::default() }).await;
    let (one, two) = (app.org("one").await, app.org("two").await);
    let origin = kernel::Origin { request_id: String::new(), ip: None, user_agent: String::new() };
    let who = || audit::Who { kind: kernel::ActorKind::System, id: None, name: "system".into() };
    // More than one round deletes.
    let tx = app.tx(one.id).await;
    for _ in 0..1_100 {
        let event = audit::Event::new("test:thing:touch", "test.thing");
        audit::write(&tx, app.now(), who(), &origin, event).await.unwrap();
    }
    tx.commit().await.unwrap();
    for org in [&one, &two] {
        log_sign_in(&app, org).await;
        app.clock.advance(Duration::seconds(1));
    }
    let (old, _) = counts(&app).await;
    assert!(old > 1_100, "{old}");
    app.clock.advance(Duration::days(29));
    prune(&app).await;
    assert_eq!(counts(&app).await, (old, 2), "not yet");

    let tx = app.tx(two.id).await;
    let event = audit::Event::new("test:thing:touch", "test.thing");
    audit::write(&tx, app.now(), who(), &origin, event).await.unwrap();
    tx.commit().await.unwrap();
    log_sign_in(&app, &two).await;
    app.clock.advance(Duration::days(2));
    prune(&app).await;
    assert_eq!(counts(&app).await, (1, 1), "what was written two days ago stays");
}

#[tokio::test]
async fn without_a_number_of_days_the_trail_is_kept_for_ever() {
    let app = TestApp::new().await;
    let org = app.org("kept").await;
    log_sign_in(&app, &org).await;
    let before = counts(&app).await;
    app.clock.advance(Duration::days(4_000));
    prune(&app).await;
    assert_eq!(counts(&app).await, before);
}
