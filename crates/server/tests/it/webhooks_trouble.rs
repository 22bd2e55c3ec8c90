//! Webhooks in trouble: what is running already, what lost its job, and from when on failures count.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::Id;
use chrono::TimeDelta;
use jobs::{Engine, NewJob, PLATFORM};
use kernel::port::{Event, Publisher};
use serde_json::{Value, json};
use store::Mode;

use crate::{
    support::TestApp,
    webhooks_support::{Answer, Receiver, hook, pass},
};

#[tokio::test]
async fn a_second_replay_is_refused_as_long_as_the_first_one_runs() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let since = app.now();
    hook.ping().await.expect(202);
    let path = hook.path("replay");
    let replay = |event_types: Value| {
        let wish = json!({ "since": base::time::format(since), "event_types": event_types });
        hook.owner.post(&path, wish)
    };
    app.clock.advance(TimeDelta::seconds(1));
    replay(json!([])).await.expect(202);
    let refused = replay(json!(["ping"])).await.expect(409);
    assert_eq!(refused.code(), "replay_running");
    let told = hook.owner.get("/api/audit-entries?action=webhooks:endpoint:replay").await.expect(200);
    assert_eq!(told.items().len(), 1, "what was refused stands nowhere as done");
    app.work().await;
    replay(json!(["ping"])).await.expect(202);
}

#[tokio::test]
async fn a_delivery_without_a_job_is_found_behind_many_that_have_one() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let engine = app.app.service::<Engine>().unwrap().clone();
    let publisher = app.app.service::<Arc<dyn Publisher>>().unwrap();
    let tx = app.tx(org.id).await;
    let event = |_| Event { id: app.app.new_id(), name: "user.updated", at: app.now(), data: json!({}) };
    publisher.publish(&app.app, &tx, (0..410).map(event).collect()).await.unwrap();
    engine.set_paused(&tx, "webhooks", true).await.unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(TimeDelta::seconds(1));
    let lost: Id = hook.ping().await.expect(202).body["delivery_id"].as_str().unwrap().parse().unwrap();
    let job_of_lost = async || {
        let tx = app.app.system(Mode::Read).await.unwrap();
        let keys = [(org.id, format!("webhook:{lost}:1"))];
        let job = engine.holders(&tx, &keys).await.unwrap().remove(0);
        tx.commit().await.unwrap();
        job
    };
    let job = job_of_lost().await.expect("a try is enqueued");
    let tx = app.tx(org.id).await;
    engine.cancel(&tx, org.id, job).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(job_of_lost().await, None);
    app.clock.advance(TimeDelta::minutes(6));
    let tx = app.app.system(Mode::Write).await.unwrap();
    engine.enqueue(&tx, NewJob::named(PLATFORM, "webhooks.tend", json!({}))).await.unwrap();
    tx.commit().await.unwrap();
    let begun = Instant::now();
    let found = async {
        while job_of_lost().await.is_none() && begun.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (runners, context) = (app.runners.clone(), app.app.clone());
    let options = jobs::worker::Options::default();
    let working = jobs::worker::drain_until(engine.clone(), runners, context, options, None, found);
    Box::pin(working).await.unwrap();
    assert!(job_of_lost().await.is_some(), "410 late ones came before it");
    assert_eq!(receiver.count(), 0, "nothing was sent meanwhile");
}

#[tokio::test]
async fn a_failure_after_a_quiet_time_or_at_another_url_begins_the_five_days_anew() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    receiver.answers(Answer::Status(500));
    hook.ping().await.expect(202);
    app.work().await;
    for seconds in [6, 34, 331, 1_981, 7_921, 31_681, 95_041] {
        pass(&app, TimeDelta::seconds(seconds), 1).await;
    }
    assert_eq!(hook.states("failed").await, 1);
    // Nothing happens for four days: nobody knows how it would have fared.
    pass(&app, TimeDelta::days(4), 1).await;
    hook.ping().await.expect(202);
    app.work().await;
    let view = hook.view().await;
    assert_eq!((&view["enabled"], &view["state"]), (&json!(true), &json!("failing")), "{view:#}");
    assert_eq!(view["failing_since"], view["last_failure_at"]);
    // The same URL changes nothing; another one is another receiver.
    let renamed = json!({ "name": "other", "url": receiver.url() });
    hook.owner.patch(&hook.path(""), renamed).await.expect(200);
    assert_eq!(hook.view().await["state"], "failing");
    let moved = json!({ "url": format!("{}/new", receiver.url()) });
    hook.owner.patch(&hook.path(""), moved).await.expect(200);
    let view = hook.view().await;
    assert_eq!((&view["state"], &view["failing_since"]), (&json!("active"), &Value::Null));
}
