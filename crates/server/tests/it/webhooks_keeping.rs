//! Webhooks as people of an organisation keep them: secrets, who sees what, what is refused, what is forgotten.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{
    access,
    port::{Event, Publisher},
};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use store::Mode;

use crate::{
    members_grants::{batch, op, shop},
    support::{TestApp, Wish},
    webhooks_support::{Answer, Receiver, hook, run},
};

#[tokio::test]
async fn both_secrets_sign_while_one_replaces_the_other() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let path = hook.path("rotate-secret");
    let rotate = |hours| hook.owner.post(&path, hours);
    let rotated = rotate(json!({ "overlap_hours": 2 })).await.expect(200).body;
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(second, hook.secret);
    let hints = rotated["endpoint"]["secrets"].as_array().unwrap();
    assert_eq!((hints.len(), &hints[0]["expires_at"]), (2, &Value::Null));
    assert!(hints[0]["hint"].as_str().unwrap().ends_with(&second[second.len() - 4..]));
    hook.ping().await.expect(202);
    app.work().await;
    let both = receiver.received().remove(0);
    assert!(both.is_good(&hook.secret) && both.is_good(&second));
    app.clock.advance(TimeDelta::hours(3));
    hook.ping().await.expect(202);
    app.work().await;
    let one = receiver.received().remove(1);
    assert!(!one.is_signed(&hook.secret) && one.is_signed(&second));
    assert_eq!(one.header("webhook-signature").split(' ').count(), 1);
    // At once.
    let third = rotate(json!({ "overlap_hours": 0 })).await.expect(200).body;
    assert_eq!(third["endpoint"]["secrets"].as_array().unwrap().len(), 1);
    for _ in 0..4 {
        rotate(json!({})).await.expect(200);
    }
    assert_eq!(rotate(json!({})).await.expect(409).code(), "too_many_secrets");
    assert_eq!(rotate(json!({ "overlap_hours": 169 })).await.expect(422).code(), "validation_failed");
    rotate(json!({ "overlap_hours": 0 })).await.expect(200);
}

#[tokio::test]
async fn a_receiver_that_wants_nothing_more_is_disabled_and_one_disabled_by_hand_says_so() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    receiver.answers(Answer::Status(410));
    hook.ping().await.expect(202);
    app.work().await;
    assert_eq!(hook.view().await["disabled_reason"], "gone");
    assert_eq!(hook.states("held").await, 1);
    let path = hook.path("");
    org.owner.patch(&path, json!({ "enabled": true })).await.expect(200);
    assert_eq!(hook.view().await["disabled_reason"], Value::Null);
    let put = json!({ "name": "orders", "url": receiver.url(), "enabled": false });
    let put = org.owner.put(&path, put).await.expect(200).body;
    assert_eq!((&put["disabled_reason"], &put["event_types"]), (&json!("by_hand"), &json!([])));
    assert!(put["disabled_at"].is_string() && put["last_failure_at"].is_string());
    // In the trash nothing is sent; gone for good, nothing is left.
    org.owner.act(&hook.path("enable")).await.expect(200);
    org.owner.delete(&path).await.expect(204);
    let publisher = app.app.service::<Arc<dyn Publisher>>().unwrap();
    let tx = app.tx(org.id).await;
    let event = Event { id: app.app.new_id(), name: "user.updated", at: app.now(), data: json!({}) };
    publisher.publish(&app.app, &tx, vec![event]).await.unwrap();
    tx.commit().await.unwrap();
    app.work().await;
    assert_eq!(receiver.count(), 1);
    org.owner.act(&hook.path("restore")).await.expect(200);
    org.owner.delete(&format!("{path}?purge=true")).await.expect(204);
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert_eq!(tx.count(tx.find::<webhooks::entity::secret::Entity>()).await.unwrap(), 0);
    assert_eq!(tx.count(tx.find::<webhooks::entity::delivery::Entity>()).await.unwrap(), 0);
    assert_eq!(tx.count(tx.find::<webhooks::entity::attempt::Entity>()).await.unwrap(), 0);
}

#[tokio::test]
async fn nobody_inside_can_be_reached_by_an_address_or_a_name() {
    let app = TestApp::with(Wish { dev: false, ..Wish::default() }).await;
    let org = app.org("home").await;
    let inside = Receiver::start().await;
    let make = |url: String| {
        let body = json!({ "name": "inside", "url": url });
        org.owner.post("/api/webhook-endpoints", body)
    };
    for url in [
        inside.url(),
        "http://10.0.0.1/".into(),
        "http://169.254.169.254/latest/meta-data".into(),
        "http://[::1]:8080/".into(),
        "http://2130706433/".into(),
        "ftp://example.com/".into(),
        "https://user:secret@example.com/".into(),
        "nonsense".into(),
    ] {
        let refused = make(url.clone()).await.expect(422);
        assert_eq!(refused.body["errors"][0]["field"], "url", "{url}");
    }
    // A name is judged by what it stands for, at each try.
    let named = hook(&org, "named", &format!("http://localhost:{}/", inside.address.port()), json!([])).await;
    named.ping().await.expect(202);
    app.work().await;
    let delivery = named.deliveries().await.remove(0);
    assert_eq!((&delivery["state"], &delivery["last_error"]), (&json!("pending"), &json!("refused")));
    assert_eq!(inside.count(), 0);
}

#[tokio::test]
async fn members_see_their_organisations_webhooks_only_and_nobody_a_secret() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("home").await, app.org("other").await);
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    hook.ping().await.expect(202);
    app.work().await;
    let rotated = org.owner.post(&hook.path("rotate-secret"), json!({})).await.expect(200).body;
    let rotated = rotated["secret"].as_str().unwrap().to_owned();
    let delivery = hook.deliveries().await.remove(0);
    let one = format!("/api/webhook-deliveries/{}", delivery["id"].as_str().unwrap());
    // Another organisation's owner.
    assert!(other.owner.get("/api/webhook-endpoints").await.expect(200).items().is_empty());
    assert!(other.owner.get("/api/webhook-deliveries").await.expect(200).items().is_empty());
    other.owner.get(&hook.path("")).await.expect(404);
    other.owner.get(&one).await.expect(404);
    for verb in ["ping", "enable"] {
        other.owner.act(&hook.path(verb)).await.expect(404);
    }
    other.owner.post(&hook.path("rotate-secret"), json!({})).await.expect(404);
    other.owner.act(&format!("{one}/redeliver")).await.expect(404);
    // Members with less.
    let reader = app.member(&org, "reader", &["webhooks:endpoint:list", "webhooks:delivery:list"]).await;
    assert_eq!(reader.get("/api/webhook-endpoints").await.expect(200).items().len(), 1);
    assert!(reader.get("/api/webhook-event-types").await.expect(200).items().len() >= 9);
    for (verb, permission) in [("ping", "ping"), ("enable", "update")] {
        let refused = reader.act(&hook.path(verb)).await.expect(403);
        assert!(refused.text().contains(&format!("webhooks:endpoint:{permission}")));
    }
    reader.get(&one).await.expect(403);
    reader.act(&format!("{one}/redeliver")).await.expect(403);
    reader.post(&hook.path("rotate-secret"), json!({})).await.expect(403);
    reader
        .post("/api/webhook-endpoints", json!({ "name": "x", "url": "https://example.com" }))
        .await
        .expect(403);
    // Wrong input names its field.
    let wrong = json!({ "name": "x", "url": "https://example.com/", "event_types": ["ping", "no.such"] });
    let wrong = org.owner.post("/api/webhook-endpoints", wrong).await.expect(422);
    assert_eq!(wrong.body["errors"][0]["field"], "event_types.1");
    let taken = json!({ "name": "orders", "url": "https://example.com/" });
    org.owner.post("/api/webhook-endpoints", taken).await.expect(409);
    // The secrets stand nowhere.
    let mut seen = String::new();
    for path in [
        "/api/webhook-endpoints",
        "/api/webhook-deliveries",
        "/api/audit-entries?page_size=200",
        "/api/jobs?page_size=200",
        &hook.path(""),
        &one,
        &format!("/api/organizations/{}/export", org.id),
    ] {
        seen += &org.owner.get(path).await.expect(200).text();
    }
    assert!(seen.contains("webhooks:endpoint:rotate") && seen.contains("webhooks:endpoint:create"));
    for secret in [&hook.secret, &rotated] {
        assert!(!seen.contains(secret.trim_start_matches("whsec_")));
    }
    let tx = app.app.system(Mode::Read).await.unwrap();
    let rows = tx.all(tx.find::<webhooks::entity::secret::Entity>()).await.unwrap();
    assert!(rows.iter().all(|row| !row.sealed.contains(&hook.secret[6..]) && !seen.contains(&row.sealed)));
}

#[tokio::test]
async fn a_delivery_whose_job_was_called_off_is_found_and_old_ones_are_forgotten() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    hook.ping().await.expect(202);
    let job = hook.owner.get("/api/jobs?kind=webhooks.deliver").await.expect(200).items()[0]["id"].clone();
    hook.owner.act(&format!("/api/jobs/{}/cancel", job.as_str().unwrap())).await.expect(200);
    app.work().await;
    assert_eq!((receiver.count(), hook.states("pending").await), (0, 1));
    app.clock.advance(TimeDelta::minutes(6));
    run(&app, "webhooks.tend").await;
    assert_eq!((receiver.count(), hook.states("delivered").await), (1, 1));
    app.clock.advance(TimeDelta::days(29));
    run(&app, "webhooks.tend").await;
    assert_eq!(hook.deliveries().await.len(), 1);
    app.clock.advance(TimeDelta::days(1));
    run(&app, "webhooks.tend").await;
    assert!(hook.deliveries().await.is_empty());
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert_eq!(tx.count(tx.find::<webhooks::entity::message::Entity>()).await.unwrap(), 0);
    assert_eq!(tx.count(tx.find::<webhooks::entity::attempt::Entity>()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_change_of_many_events_that_was_told_in_part_is_told_to_its_end() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    let many: Vec<Value> = (0..500).map(|n| op("grant", &ann, &n.to_string(), "mkt", "read")).collect();
    batch(&clerk, &many).await.expect(200);
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    while members::relay(&app.app).await.unwrap() > 0 {}
    let before = {
        let tx = app.tx(org.id).await;
        access::head(&tx).await.unwrap()
    };
    let leave = format!("/api/members/{}/offboard", ann.id);
    org.owner.post(&leave, json!({ "reason": "left" })).await.expect(200);
    // A process told the first 200 of them, and stopped.
    let tx = app.tx(org.id).await;
    let events = access::events(&tx, (before, base::Id::max()), 1_000).await.unwrap();
    assert_eq!(events.len(), 501);
    let place = Query::update()
        .table("member_relay")
        .value("version", events[199].version)
        .value("event_id", events[199].id)
        .and_where(Expr::col("org_id").eq(org.id))
        .to_owned();
    if tx.execute(&place).await.unwrap() == 0 {
        let place = Query::insert()
            .into_table("member_relay")
            .columns(["id", "org_id", "version", "event_id"])
            .values_panic([
                app.app.new_id().into(),
                org.id.into(),
                events[199].version.into(),
                events[199].id.into(),
            ])
            .to_owned();
        tx.execute(&place).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(members::relay(&app.app).await.unwrap(), 301);
    assert_eq!(members::relay(&app.app).await.unwrap(), 0);
    app.work().await;
    let mut told: Vec<Value> = receiver.received().into_iter().map(|one| one.body["id"].clone()).collect();
    told.sort_by_key(ToString::to_string);
    told.dedup();
    assert_eq!(told.len(), 301, "each of the others once");
    assert_eq!(hook.states("delivered").await, 200, "a page of them");
}
