//! Webhooks: what happens is told to receivers on this machine, who verify it with the standard's own library.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use http::HeaderMap;
use jobs::Engine;
use kernel::port::{Event, Publisher};
use serde_json::{Value, json};
use standardwebhooks::{Webhook, WebhookError};
use store::Mode;

use crate::{
    members_support::{keeper, may, told},
    support::TestApp,
    webhooks_support::{Answer, Receiver, hook, pass, tell},
};

#[tokio::test]
async fn a_message_is_verified_by_the_standards_library_and_a_changed_one_is_not() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let pinged = hook.ping().await.expect(202).body;
    app.work().await;
    let got = receiver.received().remove(0);
    assert!(got.is_good(&hook.secret));
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!((&got.body["type"], &got.body["id"]), (&json!("ping"), &json!(got.header("webhook-id"))));
    assert!(got.body["at"].as_str().unwrap().ends_with('Z'));
    let wrong = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(!got.is_good(wrong));
    let webhook = Webhook::new(&hook.secret).unwrap();
    let tampered = [&got.bytes[..], b" "].concat();
    assert!(matches!(webhook.verify(&tampered, &got.headers), Err(WebhookError::InvalidSignature)));
    let with = |name: &'static str, value: &str| {
        let mut headers: HeaderMap = got.headers.clone();
        headers.insert(name, value.parse().unwrap());
        headers
    };
    let other = with("webhook-id", "msg_other");
    assert!(matches!(webhook.verify(&got.bytes, &other), Err(WebhookError::InvalidSignature)));
    let now: i64 = got.header("webhook-timestamp").parse().unwrap();
    let later = with("webhook-timestamp", &(now + 1).to_string());
    assert!(matches!(webhook.verify(&got.bytes, &later), Err(WebhookError::InvalidSignature)));
    let old = with("webhook-timestamp", &(now - 600).to_string());
    assert!(matches!(webhook.verify(&got.bytes, &old), Err(WebhookError::TimestampTooOldError)));
    let delivery = hook.deliveries().await.remove(0);
    assert_eq!((&delivery["id"], &delivery["state"]), (&pinged["delivery_id"], &json!("delivered")));
    assert_eq!(delivery["message_id"], got.body["id"]);
    let detail = hook.delivery(&delivery).await;
    assert_eq!(detail["body"].as_str().unwrap().as_bytes(), &got.bytes[..]);
    assert_eq!(
        (&detail["tries"][0]["status"], &detail["tries"][0]["response"]),
        (&json!(200), &json!("answer 200"))
    );
    let view = hook.view().await;
    assert_eq!(view["state"], "active");
    assert!(view["last_success_at"].is_string() && view["failing_since"].is_null());
    let metrics = app.anon().get("/metrics").await.expect(200).text();
    assert!(metrics.contains(r#"webhook_deliveries_total{result="delivered"} 1"#), "{metrics}");
}

#[tokio::test]
async fn changes_of_programs_and_of_the_console_are_told_with_the_names_that_others_use() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "before").await.expect(201);
    let (all, some) = (Receiver::start().await, Receiver::start().await);
    let hook_of_all = hook(&org, "all", &all.url(), json!([])).await;
    hook(&org, "some", &some.url(), json!(["permission.granted", "permission.revoked"])).await;
    // A program.
    let ann = told(&app, "ann").await.expect(201).id().to_string();
    let granted = keeper.post("/admin/permissions/grant", may("ann", "7", "mkt", "read")).await.expect(201);
    keeper.post("/admin/permissions/revoke", may("ann", "7", "mkt", "read")).await.expect(200);
    // Nothing has changed, so there is nothing to tell.
    keeper.post("/admin/permissions/revoke", may("ann", "7", "mkt", "read")).await.expect(200);
    let mut ends = may("ann", "8", "mkt", "read");
    ends["expires_at"] = json!(base::time::format(app.now() + TimeDelta::seconds(50)));
    keeper.post("/admin/permissions/grant", ends).await.expect(201);
    // The console.
    let grants = format!("/api/users/{ann}/grants");
    org.owner.put(&grants, json!({ "permissions": ["identity:post:list"] })).await.expect(200);
    org.owner.put(&grants, json!({ "permissions": ["identity:post:read"] })).await.expect(200);
    let user = format!("/api/users/{ann}");
    org.owner.patch(&user, json!({ "title": "Buyer" })).await.expect(200);
    org.owner.patch(&user, json!({ "active": false })).await.expect(200);
    org.owner.patch(&user, json!({ "active": true })).await.expect(200);
    let role = json!({ "name": "Buyers", "code": "buyers", "data_scope": "all", "permissions": [] });
    let role = org.owner.post("/api/roles", role).await.expect(201).id().to_string();
    org.owner.delete(&user).await.expect(204);
    app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(members::expire(&app.app).await.unwrap(), 1);
    tell(&app).await;
    let told = all.told();
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "user.created",
        "permission.granted",
        "permission.revoked",
        "permission.granted",
        "permission.granted",
        "permission.revoked",
        "permission.granted",
        "user.updated",
        "user.disabled",
        "user.enabled",
        "role.changed",
        "user.deleted",
        "permission.revoked",
    ];
    // What is given and taken by one request has one version, so either may come first.
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names[4..7].sort();
        names
    };
    assert_eq!(sorted(&names), sorted(&expected), "{told:#?}");
    for (name, data) in told.iter().filter(|(name, _)| name != "role.changed") {
        assert_eq!((&data["authentik_sub"], &data["user_id"]), (&json!("ann"), &json!(ann)), "{name}");
    }
    assert_eq!(told[1].1["permission"]["scope_id"], "7");
    assert_eq!(told[1].1["version"], granted.body["version"]);
    assert_eq!((&told[10].1["role_id"], &told[10].1["authentik_sub"]), (&json!(role), &Value::Null));
    let ops: Vec<&str> = told.iter().map(|(_, data)| data["op"].as_str().unwrap()).collect();
    assert_eq!((ops[2], ops[12]), ("revoke", "expire"));
    let listed: Vec<&Value> = told[4..7].iter().map(|(_, data)| &data["permission"]["module"]).collect();
    assert!(listed.iter().all(|module| **module == "identity.post"), "{listed:?}");
    assert_eq!(some.count(), 7);
    assert!(some.received().iter().all(|one| one.body["type"].as_str().unwrap().starts_with("permission.")));
    // Each event has one id, and every receiver is told the same one.
    let mut ids: Vec<String> = all.received().iter().map(|one| one.header("webhook-id").to_owned()).collect();
    let every = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), every), (13, 13));
    assert!(some.received().iter().all(|one| ids.contains(&one.header("webhook-id").to_owned())));
    // Nothing is told twice.
    tell(&app).await;
    assert_eq!((all.count(), hook_of_all.deliveries().await.len()), (13, 13));
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody_and_where_nobody_listens_nothing_is_kept() {
    let app = TestApp::new().await;
    let (org, quiet) = (app.org("home").await, app.org("quiet").await);
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let publisher = app.app.service::<Arc<dyn Publisher>>().unwrap();
    let event = |name| Event {
        id: app.app.new_id(),
        name,
        at: app.now(),
        data: json!({ "authentik_sub": "ann", "version": 0 }),
    };
    let tx = app.tx(org.id).await;
    publisher.publish(&app.app, &tx, vec![event("user.updated")]).await.unwrap();
    kernel::access::bump(&tx, app.now(), "user_disabled", Some(org.owner.id)).await.unwrap();
    tx.rollback().await.unwrap();
    tell(&app).await;
    assert_eq!((receiver.count(), hook.deliveries().await.len()), (0, 0));
    // Another module's events, in the transaction of what they tell of.
    let tx = app.tx(org.id).await;
    publisher.publish(&app.app, &tx, vec![event("user.updated"), event("user.deleted")]).await.unwrap();
    tx.commit().await.unwrap();
    let tx = app.tx(quiet.id).await;
    for _ in 0..2 {
        publisher.publish(&app.app, &tx, vec![event("user.updated")]).await.unwrap();
    }
    let unknown = publisher.publish(&app.app, &tx, vec![event("user.sneezed")]).await.unwrap_err();
    assert_eq!(unknown.code(), "internal");
    tx.commit().await.unwrap();
    tell(&app).await;
    assert_eq!(receiver.count(), 2);
    let tx = app.app.system(Mode::Read).await.unwrap();
    let kept = tx.all(tx.find::<webhooks::entity::message::Entity>()).await.unwrap();
    assert!(kept.len() == 2 && kept.iter().all(|message| message.org_id == org.id));
}

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_is_told_everything_in_the_end() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    // A port at which nobody listens yet.
    let address = Receiver::start().await.address;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let hook = hook(&org, "orders", &format!("http://{address}/hook"), json!([])).await;
    for shop in 0..10 {
        keeper
            .post("/admin/permissions/grant", may("ann", &shop.to_string(), "mkt", "read"))
            .await
            .expect(201);
        tell(&app).await;
        app.clock.advance(TimeDelta::minutes(6));
    }
    assert_eq!(hook.states("pending").await, 10);
    let view = hook.view().await;
    assert_eq!((&view["state"], &view["enabled"]), (&json!("failing"), &json!(true)));
    let waiting = hook.delivery(&hook.deliveries().await[9]).await;
    assert_eq!(waiting["last_error"], "unreachable");
    assert!(waiting["tries"].as_array().unwrap().len() >= 3, "{waiting:#}");
    let receiver = Receiver::at(address).await;
    pass(&app, TimeDelta::minutes(30), 6).await;
    let mut shops: Vec<String> = receiver
        .told()
        .iter()
        .map(|(_, data)| data["permission"]["scope_id"].as_str().unwrap().to_owned())
        .collect();
    shops.sort();
    shops.dedup();
    assert_eq!(shops.len(), 10, "{shops:?}");
    assert!(receiver.received().iter().all(|one| one.is_signed(&hook.secret)));
    assert_eq!((hook.states("delivered").await, &hook.view().await["state"]), (10, &json!("active")));
    // What was wrong with a try is text, and leaves with the organisation's data as such.
    let owner = app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await;
    let all = owner.get(&format!("/api/organizations/{}/export", org.id)).await.expect(200).text();
    assert!(all.contains("unreachable") && all.contains("webhook_attempt"), "{} bytes", all.len());
}

#[tokio::test]
async fn only_2xx_is_a_success_and_no_redirect_is_followed() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    for (answer, status) in [
        (Answer::Status(500), 500),
        (Answer::Status(404), 404),
        (Answer::Status(304), 304),
        (Answer::Redirect(elsewhere.url()), 302),
    ] {
        receiver.answers(answer);
        hook.ping().await.expect(202);
        app.work().await;
        let newest = hook.deliveries().await.remove(0);
        assert_eq!(
            (&newest["state"], &newest["last_status"], &newest["last_error"]),
            (&json!("pending"), &json!(status), &json!("status"))
        );
        app.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(elsewhere.count(), 0, "nobody was sent elsewhere");
    for status in [201, 204] {
        receiver.answers(Answer::Status(status));
        hook.ping().await.expect(202);
        app.work().await;
    }
    // More than is read: it counts all the same, and little of it is kept.
    receiver.answers(Answer::Long(300 * 1024));
    let long = hook.ping().await.expect(202).body["delivery_id"].clone();
    app.work().await;
    let long = hook.delivery(&json!({ "id": long })).await;
    assert_eq!(long["state"], "delivered");
    assert_eq!(long["tries"][0]["response"].as_str().unwrap().len(), 1_000);
    // Eight tries, then it is given up; again on demand.
    receiver.answers(Answer::Status(503));
    let given_up = hook.ping().await.expect(202).body["delivery_id"].clone();
    app.work().await;
    // A little more than each waiting time.
    for seconds in [6, 34, 331, 1_981, 7_921, 31_681, 95_041] {
        pass(&app, TimeDelta::seconds(seconds), 1).await;
    }
    let found = hook.delivery(&json!({ "id": given_up })).await;
    assert_eq!((&found["state"], &found["attempts"]), (&json!("failed"), &json!(8)), "{found:#}");
    assert_eq!(found["tries"].as_array().unwrap().len(), 8);
    receiver.answers(Answer::Status(200));
    let again = format!("/api/webhook-deliveries/{}/redeliver", given_up.as_str().unwrap());
    hook.owner.patch(&hook.path(""), json!({ "enabled": false })).await.expect(200);
    assert_eq!(hook.owner.act(&again).await.expect(409).code(), "endpoint_disabled");
    hook.owner.act(&hook.path("enable")).await.expect(200);
    assert_eq!(hook.owner.act(&again).await.expect(202).body["state"], "pending");
    assert_eq!(hook.owner.act(&again).await.expect(409).code(), "delivery_pending");
    app.work().await;
    let found = hook.delivery(&json!({ "id": given_up })).await;
    assert_eq!((&found["state"], &found["attempts"]), (&json!("delivered"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receiver_that_does_not_answer_is_given_up_after_ten_seconds_and_keeps_nobody_else_waiting() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (hanging, well) = (Receiver::start().await, Receiver::start().await);
    hanging.answers(Answer::Hang);
    let stuck = hook(&org, "hanging", &hanging.url(), json!([])).await;
    hook(&org, "well", &well.url(), json!([])).await;
    let publisher = app.app.service::<Arc<dyn Publisher>>().unwrap();
    let tx = app.tx(org.id).await;
    let event = |_| Event { id: app.app.new_id(), name: "user.updated", at: app.now(), data: json!({}) };
    publisher.publish(&app.app, &tx, (0..40).map(event).collect()).await.unwrap();
    tx.commit().await.unwrap();
    let engine = app.app.service::<Engine>().unwrap().clone();
    let begun = Instant::now();
    let (mut others, mut given_up) = (None, None);
    let watching = async {
        while given_up.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if others.is_none() && well.count() == 40 {
                others = Some(begun.elapsed());
            }
            if stuck.deliveries().await.iter().any(|one| one["last_error"] == "timeout") {
                given_up = Some(begun.elapsed());
            }
            assert!(begun.elapsed() < Duration::from_secs(40), "nothing is ever given up");
        }
    };
    let options = jobs::worker::Options::default();
    let (runners, context) = (app.runners.clone(), app.app.clone());
    let working = jobs::worker::drain_until(engine, runners, context, options, None, watching);
    Box::pin(working).await.unwrap();
    let (others, given_up) = (others.expect("the other receiver was told"), given_up.unwrap());
    assert!(others < Duration::from_secs(9), "{others:?}");
    assert!(given_up >= Duration::from_secs(10) && given_up < Duration::from_secs(25), "{given_up:?}");
    assert!(hanging.count() < 12, "{} tries at a receiver that does not answer", hanging.count());
}

#[tokio::test]
async fn five_days_of_failures_disable_a_receiver_and_what_it_missed_can_be_replayed() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    let begun = app.now();
    receiver.answers(Answer::Status(500));
    let grant = async |shop: usize| {
        let wish = may("ann", &shop.to_string(), "mkt", "read");
        keeper.post("/admin/permissions/grant", wish).await.expect(201);
        tell(&app).await;
    };
    for day in 0..6 {
        grant(day).await;
        assert_eq!(hook.view().await["enabled"], day < 5, "day {day}");
        app.clock.advance(TimeDelta::hours(24));
        app.work().await;
    }
    let view = hook.view().await;
    assert_eq!((&view["state"], &view["disabled_reason"]), (&json!("disabled"), &json!("failing")));
    // While it is disabled nothing is sent, and everything is held.
    let before = receiver.count();
    grant(6).await;
    pass(&app, TimeDelta::hours(10), 3).await;
    assert_eq!(receiver.count(), before);
    assert!(hook.states("held").await >= 1 && hook.states("pending").await == 0);
    assert_eq!(hook.ping().await.expect(409).code(), "endpoint_disabled");
    let letters = app.mailer.sent();
    assert!(letters.iter().any(|letter| letter.text.contains("five days")), "somebody was told");
    let entries = hook.owner.get("/api/audit-entries?action=webhooks:endpoint:disable").await.expect(200);
    assert_eq!((entries.items().len(), &entries.items()[0]["actor_kind"]), (1, &json!("system")));
    let wish = json!({ "since": base::time::format(begun), "only_failed": true });
    assert_eq!(
        hook.owner.post(&hook.path("replay"), wish.clone()).await.expect(409).code(),
        "endpoint_disabled"
    );
    receiver.answers(Answer::Status(200));
    let enabled = hook.owner.act(&hook.path("enable")).await.expect(200).body;
    assert_eq!((&enabled["state"], &enabled["disabled_reason"]), (&json!("active"), &Value::Null));
    app.work().await;
    assert_eq!(receiver.count(), before, "held messages wait for the replay");
    let replaying = hook.owner.post(&hook.path("replay"), wish).await.expect(202).body;
    assert_eq!(replaying["messages"], 7);
    app.work().await;
    let shops: std::collections::BTreeSet<String> = receiver.received()[before..]
        .iter()
        .map(|one| one.body["data"]["permission"]["scope_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shops.len(), 7, "{shops:?}");
    assert_eq!(hook.states("delivered").await, 7);
    // All of them once more, those of one type, and none of a time without any.
    let since = base::time::format(begun);
    let all = json!({ "since": since, "event_types": ["permission.granted"] });
    assert_eq!(hook.owner.post(&hook.path("replay"), all).await.expect(202).body["messages"], 7);
    app.work().await;
    assert_eq!(receiver.count(), before + 14);
    let none = json!({ "since": since, "until": base::time::format(begun + TimeDelta::seconds(0)) });
    let none = hook.owner.post(&hook.path("replay"), none).await.expect(422);
    assert_eq!(none.body["errors"][0]["field"], "until");
    let old = json!({ "since": base::time::format(app.now() - TimeDelta::days(31)) });
    assert_eq!(
        hook.owner.post(&hook.path("replay"), old).await.expect(422).body["errors"][0]["field"],
        "since"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_is_told_within_a_second_or_so_by_a_node_that_works() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let receiver = Receiver::start().await;
    hook(&org, "orders", &receiver.url(), json!([])).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let plan = server::worker::Plan { options: jobs::worker::Options::default(), declared: Vec::new() };
    let working = server::worker::run(app.app.clone(), app.runners.clone(), plan, stopped.clone());
    let upkeep = server::upkeep::start(app.app.clone(), stopped);
    let asking = async {
        // The upkeep's first round finds nothing.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut slowest = Duration::ZERO;
        for shop in 0..5 {
            let begun = Instant::now();
            let wish = may("ann", &shop.to_string(), "mkt", "read");
            keeper.post("/admin/permissions/grant", wish).await.expect(201);
            while receiver.count() <= shop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert!(begun.elapsed() < Duration::from_secs(20), "nothing is told");
            }
            slowest = slowest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(130)).await;
        }
        stop.send(true).unwrap();
        slowest
    };
    let (slowest, worked) = Box::pin(async { tokio::join!(asking, working) }).await;
    worked.unwrap();
    upkeep.await.unwrap();
    // Half a second of the relay's pause, and what a busy machine adds.
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    println!("the slowest of five was told after {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_that_tell_at_once_tell_each_change_once() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let receiver = Receiver::start().await;
    let hook = hook(&org, "orders", &receiver.url(), json!([])).await;
    for shop in 0..12 {
        let wish = may("ann", &shop.to_string(), "mkt", "read");
        keeper.post("/admin/permissions/grant", wish).await.expect(201);
        // One of them may lose a lock to the others; what it did not tell is told in the next round.
        let both = [members::relay(&app.app), members::relay(&app.app), members::relay(&app.app)];
        futures_util::future::join_all(both).await;
    }
    tell(&app).await;
    assert_eq!((receiver.count(), hook.deliveries().await.len()), (12, 12));
}
