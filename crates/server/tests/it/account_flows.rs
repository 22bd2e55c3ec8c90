//! What belongs to a person: profile, e-mail address, reset links, letters, the operator's means.

use identity::{
    account::{self, By, operator},
    entity::{letter, refresh_token, session, sign_in_attempt},
};
use jobs::{Engine, NewJob};
use kernel::{ActorKind, Origin, audit::Who};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Caller, Org, TestApp, people::PASSWORD};

async fn login(app: &TestApp, name: &str, password: &str) -> u16 {
    app.login(name, password).await.status.as_u16()
}

fn cli(origin: &Origin) -> By<'_> {
    By { who: Who { kind: ActorKind::Cli, id: None, name: "operator".into() }, origin }
}

#[tokio::test]
async fn an_address_counts_when_its_letter_came_back() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &[]).await;
    let bob = app.member(&org, "bob", &[]).await;
    app.give_password(alice.id).await;
    let ask = async |email: &str, password: &str| {
        alice.post("/api/auth/email/change", json!({ "email": email, "password": password })).await
    };
    let wrong = ask("new@example.com", "wrong").await.expect(422);
    assert_eq!(wrong.body["errors"][0]["field"], "password");
    ask("no address", PASSWORD).await.expect(422);
    let free = ask("new@example.com", PASSWORD).await.expect(202);
    assert_eq!(app.read_user(alice.id).await.email.as_deref(), Some("alice@example.com"));
    let first = app.mailed("new@example.com").await.unwrap();
    let taken = ask("Bob@Example.com", PASSWORD).await.expect(202);
    assert_eq!(free.body, taken.body, "whether an address is taken is not told");
    let confirm =
        async |token: &str| app.anon().post("/api/auth/email/confirm", json!({ "token": token })).await;
    assert_eq!(confirm(&first).await.expect(422).code(), "invalid_token");
    let clash = app.mailed("Bob@Example.com").await.unwrap();
    confirm(&clash).await.expect(409);
    assert_eq!(app.read_user(bob.id).await.login_email.as_deref(), Some("bob@example.com"));
    ask("New@Example.com", PASSWORD).await.expect(202);
    app.anon().post("/api/auth/password/forgot", json!({ "email": "alice@example.com" })).await.expect(202);
    let reset = app.mailed("alice@example.com").await.unwrap();
    let token = app.mailed("New@Example.com").await.unwrap();
    confirm(&token).await.expect(204);
    confirm(&token).await.expect(422);
    let body = json!({ "token": reset, "new_password": "violet tram over seven hills" });
    app.anon().post("/api/auth/password/reset", body).await.expect(422);
    assert_eq!(login(&app, "new@example.com", PASSWORD).await, 200);
    assert_eq!(login(&app, "alice@example.com", PASSWORD).await, 401);
    let shown = org.owner.get(&format!("/api/users/{}", alice.id)).await.expect(200);
    assert_eq!(shown.body["email"], "New@Example.com", "the membership's copy follows");
    app.work().await;
    assert!(
        app.mailer
            .sent()
            .iter()
            .any(|mail| mail.to == "alice@example.com" && mail.subject.contains("was changed"))
    );
    let found = org.owner.get("/api/audit-entries?search=email").await.expect(200);
    assert!(found.items().iter().any(|entry| entry["action"] == "identity:email:change"), "{}", found.text());
}

async fn link(caller: &Caller, id: base::Id) -> Value {
    caller.act(&format!("/api/users/{id}/send-reset")).await.expect(200).body["link"].clone()
}

#[tokio::test]
async fn a_reset_link_is_shown_only_to_whom_the_account_is_below() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("acme").await, app.org("other").await);
    let helper = app.member(&org, "helper", &["identity:user:reset"]).await;
    let alice = app.member(&org, "alice", &[]).await;
    let shared = app.member(&org, "shared", &[]).await;
    app.join(&other, &app.read_user(shared.id).await).await;
    let shown = link(&helper, alice.id).await;
    let token = shown.as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    assert!(link(&helper, org.owner.id).await.is_null(), "not an owner's");
    assert!(link(&helper, shared.id).await.is_null(), "not somebody's who works elsewhere too");
    assert!(link(&org.owner, shared.id).await.is_null());
    helper.act(&format!("/api/users/{}/send-reset", other.owner.id)).await.expect(404);
    alice.act(&format!("/api/users/{}/send-reset", helper.id)).await.expect(403);
    let body = json!({ "token": token, "new_password": "violet tram over seven hills" });
    app.anon().post("/api/auth/password/reset", body).await.expect(204);
    assert_eq!(login(&app, "alice", "violet tram over seven hills").await, 200);
}

#[tokio::test]
async fn a_profile_is_read_and_changed() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &["identity:post:list"]).await;
    let info = alice.get("/api/auth/user/info").await.expect(200).body;
    assert_eq!(info["permissions"], json!(["identity:post:list"]));
    assert_eq!(info["roles"][0]["code"], "role-of-alice");
    assert_eq!(info["organization"]["slug"], "acme");
    assert_eq!(info["user"]["email_verified"], true);
    let patch = json!({ "name": "Alice\nB", "locale": "zh-CN", "time_zone": "Asia/Shanghai" });
    let after = alice.patch("/api/auth/user/info", patch).await.expect(200).body;
    assert_eq!(after["user"]["time_zone"], "Asia/Shanghai");
    assert!(!after["user"]["name"].as_str().unwrap().contains('\n'));
    for (field, value) in
        [("locale", "fr-FR"), ("time_zone", "Mars/Base"), ("name", " "), ("is_platform_admin", "true")]
    {
        alice.patch("/api/auth/user/info", json!({ field: value })).await.expect(422);
    }
    let shown = org.owner.get(&format!("/api/users/{}", alice.id)).await.expect(200);
    assert!(shown.body["name"].as_str().unwrap().starts_with("Alice"));
    let owner = org.owner.get("/api/auth/user/info").await.expect(200).body;
    assert!(owner["permissions"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn letters_wait_and_are_given_up_after_a_day() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let admin = org.owner.clone();
    admin.act("/api/auth/test-mail").await.expect(403);
    app.make_admin(admin.id).await;
    let sent = admin.act("/api/auth/test-mail").await.expect(200).body;
    assert_eq!(sent["to"], "owner-of-acme@example.com");
    // A letter that cannot be opened fails like one that cannot be sent.
    let letter = app.app.new_id();
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.insert(letter::ActiveModel {
        id: Set(letter),
        recipient: Set("x@example.com".into()),
        sealed: Set("v1.broken".into()),
        created_at: Set(app.now()),
    })
    .await
    .unwrap();
    let deliver = NewJob::of(jobs::PLATFORM, &identity::mail::Deliver { letter }).unwrap();
    let job = app.app.service::<Engine>().unwrap().enqueue(&tx, deliver).await.unwrap().id;
    tx.commit().await.unwrap();
    let attempts = async || {
        app.work().await;
        let tx = app.app.system(Mode::Read).await.unwrap();
        let row = tx.get::<jobs::store::entity::job::Entity>(job).await.unwrap();
        tx.commit().await.unwrap();
        (row.attempt, row.state)
    };
    assert_eq!(attempts().await, (1, "failed".to_owned()));
    assert_eq!(attempts().await, (1, "failed".to_owned()), "not before its time");
    app.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(attempts().await.0, 2);
    for _ in 0..28 {
        app.clock.advance(chrono::Duration::hours(1));
        attempts().await;
    }
    assert_eq!(attempts().await, (15, "dead".to_owned()));
}

#[tokio::test]
async fn the_operator_sets_unlocks_closes_and_keeps_an_administrator() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &[]).await;
    let (origin, id) = (Origin::nowhere(), alice.id);
    operator::set_password(&app.app, &cli(&origin), id, &"short".to_owned().into()).await.unwrap_err();
    operator::set_password(&app.app, &cli(&origin), id, &PASSWORD.to_owned().into()).await.unwrap();
    alice.get("/api/auth/user/info").await.expect(401);
    for _ in 0..5 {
        assert_eq!(login(&app, "alice", "wrong").await, 401);
    }
    assert_eq!(login(&app, "alice", PASSWORD).await, 401);
    assert!(operator::unlock(&app.app, &cli(&origin), id).await.unwrap() >= 5);
    assert_eq!(login(&app, "alice", PASSWORD).await, 200);
    operator::set_disabled(&app.app, &cli(&origin), id, true).await.unwrap();
    assert_eq!(login(&app, "alice", PASSWORD).await, 401);
    operator::set_disabled(&app.app, &cli(&origin), id, false).await.unwrap();
    app.make_admin(id).await;
    let admin = app.sign_in(app.read_user(id).await, Some(org.id)).await;
    let flag = async |id: base::Id, on: bool| {
        admin.patch(&format!("/api/platform/users/{id}"), json!({ "is_platform_admin": on })).await
    };
    assert_eq!(flag(id, false).await.expect(409).code(), "last_platform_admin");
    operator::set_disabled(&app.app, &cli(&origin), id, true).await.unwrap_err();
    flag(org.owner.id, true).await.expect(200);
    let tx = app.app.system(Mode::Write).await.unwrap();
    let gone =
        operator::anonymize(&app.app, &tx, &account::lock(&tx, id).await.unwrap().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(gone.email.is_none() && gone.username.starts_with("deleted-"));
    assert_eq!(login(&app, "alice", PASSWORD).await, 401);
    let trail = org.owner.get("/api/audit-entries?action=identity:user:reset").await.expect(200);
    assert_eq!(trail.items()[0]["actor_kind"], "cli");
    assert_eq!(operator::list(&app.app).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_can_decide_nothing_any_more_is_forgotten() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &[]).await;
    app.give_password(alice.id).await;
    assert_eq!(login(&app, "alice", PASSWORD).await, 200);
    assert_eq!(login(&app, "alice", "wrong").await, 401);
    app.clock.advance(chrono::Duration::days(46));
    identity::session::prune(&app.app).await.unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert_eq!(tx.count(tx.find::<session::Entity>()).await.unwrap(), 0);
    assert_eq!(tx.count(tx.find::<refresh_token::Entity>()).await.unwrap(), 0);
    assert_eq!(tx.count(tx.find::<sign_in_attempt::Entity>()).await.unwrap(), 0);
}

#[tokio::test]
async fn an_organisation_sees_its_own_sign_ins_and_sessions_only() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("acme").await, app.org("other").await);
    let alice = app.member(&org, "alice", &[]).await;
    app.give_password(alice.id).await;
    assert_eq!(login(&app, "alice", "wrong").await, 401);
    let body = |org: &Org| json!({ "username": "alice", "password": PASSWORD, "organization_id": org.id });
    app.anon().post("/api/auth/login", body(&other)).await.expect(401);
    app.anon().post("/api/auth/login", body(&org)).await.expect(200);
    let log = org.owner.get("/api/sign-ins?sort=at").await.expect(200);
    let seen: Vec<_> =
        log.items().iter().map(|row| (row["outcome"].clone(), row["reason"].clone())).collect();
    let failed = |reason: &str| (json!("failed"), json!(reason));
    assert_eq!(seen, [failed("password"), failed("organization"), (json!("ok"), json!(""))]);
    assert_eq!(other.owner.get("/api/sign-ins").await.expect(200).items().len(), 0);
    let path = format!("/api/users/{}/sessions", alice.id);
    assert_eq!(org.owner.get(&path).await.expect(200).items().len(), 2);
    other.owner.get(&path).await.expect(404);
    other.owner.delete(&path).await.expect(404);
    org.owner.get("/api/sessions?page_size=0").await.expect(422);
    assert_eq!(org.owner.get("/api/sessions?page_size=1").await.expect(200).body["total"], 3);
    alice.get("/api/sessions").await.expect(403);
    org.owner.delete(&path).await.expect(204);
    alice.get("/api/auth/user/info").await.expect(401);
}
