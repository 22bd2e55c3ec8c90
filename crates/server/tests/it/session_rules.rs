//! What sessions, API keys and links may not be stretched to.

use base::Id;
use identity::{
    Identity,
    entity::{app_user, session},
};
use kernel::access::DataScope;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Caller, Org, TestApp, caller::Reply, people::PASSWORD};

async fn department(org: &Org, name: &str) -> Id {
    org.owner.post("/api/departments", json!({ "name": name })).await.expect(201).id()
}

async fn key_of(app: &TestApp, caller: &Caller) -> (Id, Caller) {
    let made = caller.post("/api/auth/api-keys", json!({ "name": "key" })).await.expect(201);
    (made.id(), app.anon().with_token(made.body["key"].as_str().unwrap()))
}

async fn invite(org: &Org, email: &str) -> String {
    let sent = org.owner.post("/api/invitations", json!({ "email": email })).await.expect(201);
    sent.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned()
}

/// The live session of somebody in an organisation.
async fn session_in(app: &TestApp, user: Id, org: Id) -> session::Model {
    let tx = app.app.system(Mode::Read).await.unwrap();
    let select = tx
        .find::<session::Entity>()
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::OrgId.eq(org))
        .filter(session::Column::RevokedAt.is_null());
    tx.one(select).await.unwrap().unwrap()
}

async fn reset(caller: &Caller, id: Id) -> Reply {
    caller.act(&format!("/api/users/{id}/send-reset")).await
}

#[tokio::test]
async fn a_reset_link_never_gives_more_than_its_reader_may_do_himself() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let (here, there) = (department(&org, "here").await, department(&org, "there").await);
    let both = ["identity:user:reset", "identity:user:list"];
    let helper = app.member_with(&org, "helper", &both, DataScope::Department, Some(here)).await;
    let equal =
        app.member_with(&org, "equal", &["identity:user:list"], DataScope::Department, Some(here)).await;
    let wider = app.member_with(&org, "wider", &["identity:user:list"], DataScope::All, Some(here)).await;
    let higher =
        app.member_with(&org, "higher", &["identity:role:update"], DataScope::Department, Some(here)).await;
    let far = app.member_with(&org, "far", &[], DataScope::Department, Some(there)).await;
    let link = async |id: Id| reset(&helper, id).await.expect(200).body["link"].clone();
    assert!(link(equal.id).await.is_string());
    assert!(link(wider.id).await.is_null(), "reaches more rows");
    assert!(link(higher.id).await.is_null(), "holds what the helper lacks");
    reset(&helper, far.id).await.expect(404);
    assert!(reset(&org.owner, higher.id).await.expect(200).body["link"].is_string());
    let (_, key) = key_of(&app, &org.owner).await;
    assert_eq!(reset(&key, equal.id).await.expect(403).code(), "session_required");
}

#[tokio::test]
async fn an_administrator_of_keys_and_sessions_stays_within_his_department_and_below_owners() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let (here, there) = (department(&org, "here").await, department(&org, "there").await);
    let codes = [
        "identity:api_key:list",
        "identity:api_key:delete",
        "identity:session:list",
        "identity:session:delete",
    ];
    let local = app.member_with(&org, "local", &codes, DataScope::Department, Some(here)).await;
    let global = app.member(&org, "global", &codes).await;
    let near = app.member_with(&org, "near", &[], DataScope::Own, Some(here)).await;
    let far = app.member_with(&org, "far", &[], DataScope::Own, Some(there)).await;
    let (near_key, _) = key_of(&app, &near).await;
    let (far_key, _) = key_of(&app, &far).await;
    let (owner_key, by_owner) = key_of(&app, &org.owner).await;
    let listed = local.get("/api/api-keys").await.expect(200);
    let ids: Vec<&Value> = listed.items().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(near_key)]);
    local.delete(&format!("/api/api-keys/{far_key}")).await.expect(404);
    local.delete(&format!("/api/api-keys/{near_key}")).await.expect(204);
    let refused = global.delete(&format!("/api/api-keys/{owner_key}")).await.expect(403);
    assert_eq!(refused.code(), "owner_only");
    by_owner.get("/api/posts").await.expect(200);
    let (session, owner) = (org.owner.session, org.owner.id);
    assert_eq!(global.delete(&format!("/api/sessions/{session}")).await.expect(403).code(), "owner_only");
    assert_eq!(global.delete(&format!("/api/users/{owner}/sessions")).await.expect(403).code(), "owner_only");
    org.owner.delete(&format!("/api/api-keys/{owner_key}")).await.expect(204);
    global.delete(&format!("/api/sessions/{}", far.session)).await.expect(204);
    org.owner.delete(&format!("/api/sessions/{session}")).await.expect(204);
}

#[tokio::test]
async fn an_api_key_touches_nothing_of_its_owner_and_sees_one_organisation() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("acme").await, app.org("other").await);
    let alice = app.member(&org, "alice", &[]).await;
    let token = invite(&other, "alice@example.com").await;
    alice.post(&format!("/api/auth/invitations/{token}/accept"), json!({})).await.expect(200);
    let (_, key) = key_of(&app, &alice).await;
    let change = json!({ "current_password": PASSWORD, "new_password": "violet tram over seven hills" });
    let replies = [
        key.get("/api/auth/sessions").await,
        key.delete(&format!("/api/auth/sessions/{}", alice.session)).await,
        key.patch("/api/auth/user/info", json!({ "name": "Mallory" })).await,
        key.post("/api/auth/email/change", json!({ "email": "m@example.com", "password": PASSWORD })).await,
        key.post("/api/auth/password/change", change).await,
        key.post("/api/auth/switch-organization", json!({ "organization_id": other.id })).await,
    ];
    for reply in replies {
        assert_eq!(reply.expect(403).code(), "session_required");
    }
    let seen = key.get("/api/auth/user/info").await.expect(200).body;
    assert_eq!(seen["organizations"].as_array().unwrap().len(), 1);
    assert_eq!(seen["organizations"][0]["id"], json!(org.id));
    let own = alice.get("/api/auth/user/info").await.expect(200).body;
    assert_eq!(own["organizations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_session_grows_neither_older_nor_stronger_by_joining_or_switching() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("acme").await, app.org("other").await);
    let alice = app.member(&org, "alice", &[]).await;
    let tx = app.app.system(Mode::Write).await.unwrap();
    let weak = session::ActiveModel { amr: Set("otp".into()), ..Default::default() };
    tx.update_where(weak, Condition::all().add(session::Column::Id.eq(alice.session))).await.unwrap();
    tx.commit().await.unwrap();
    let before = session_in(&app, alice.id, org.id).await;
    app.clock.advance(chrono::Duration::minutes(5));
    let token = invite(&other, "alice@example.com").await;
    alice.post(&format!("/api/auth/invitations/{token}/accept"), json!({})).await.expect(200);
    let same = |after: &session::Model| {
        assert_eq!(after.expires_at, before.expires_at);
        assert_eq!((after.amr.as_str(), after.step_up_at), ("otp", None));
    };
    let joined = session_in(&app, alice.id, other.id).await;
    same(&joined);
    let gone = app.now();
    let tx = app.app.system(Mode::Write).await.unwrap();
    let ended = session::ActiveModel { revoked_at: Set(Some(gone)), ..Default::default() };
    tx.update_where(ended, Condition::all().add(session::Column::Id.eq(joined.id))).await.unwrap();
    tx.commit().await.unwrap();
    alice.post("/api/auth/switch-organization", json!({ "organization_id": other.id })).await.expect(200);
    same(&session_in(&app, alice.id, other.id).await);
}

#[tokio::test]
async fn without_mail_an_invitation_proves_no_address() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    assert!(!Identity::of(&app.app).unwrap().mailer.is_smtp());
    let token = invite(&org, "victim@example.com").await;
    let body = json!({ "username": "newcomer", "password": PASSWORD });
    let joined =
        app.anon().post(&format!("/api/auth/invitations/{token}/accept"), body).await.expect(200).body;
    assert_eq!(joined["user"]["email"], "victim@example.com");
    assert_eq!(joined["user"]["email_verified"], false);
    assert!(joined["user"]["time_zone"].is_null(), "not chosen yet");
    let id: Id = joined["user"]["id"].as_str().unwrap().parse().unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert!(tx.get::<app_user::Entity>(id).await.unwrap().login_email.is_none());
    drop(tx);
    let login = async |name: &str| {
        app.anon().post("/api/auth/login", json!({ "username": name, "password": PASSWORD })).await
    };
    login("victim@example.com").await.expect(401);
    let signed = login("newcomer").await.expect(200);
    let caller = app.anon().with_token(signed.body["access_token"].as_str().unwrap());
    let zone = async |value: Value| {
        let reply = caller.patch("/api/auth/user/info", json!({ "time_zone": value })).await.expect(200);
        reply.body["user"]["time_zone"].clone()
    };
    assert_eq!(zone(json!("Asia/Shanghai")).await, "Asia/Shanghai");
    assert!(zone(Value::Null).await.is_null());
}

#[tokio::test]
async fn an_organisation_that_is_about_to_go_is_closed_to_all_but_its_owners_at_once() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let clerk = app.member(&org, "clerk", &["identity:post:list"]).await;
    let (_, key) = key_of(&app, &clerk).await;
    clerk.get("/api/posts").await.expect(200);
    key.get("/api/posts").await.expect(200);
    let path = format!("/api/organizations/{}", org.id);
    org.owner.delete(&path).await.expect(204);
    clerk.get("/api/posts").await.expect(401);
    key.get("/api/posts").await.expect(401);
    org.owner.get("/api/posts").await.expect(200);
    org.owner.act(&format!("{path}/restore")).await.expect(200);
    clerk.get("/api/posts").await.expect(200);
}

#[tokio::test]
async fn metrics_are_kept_from_whoever_hides_behind_a_proxy() {
    let app = TestApp::new().await;
    app.anon().get("/metrics").await.expect(200);
    for header in ["forwarded", "x-forwarded-for", "x-real-ip"] {
        app.anon().with(header, "127.0.0.1").get("/metrics").await.expect(403);
    }
    let mut far = app.anon();
    far.peer = ([192, 0, 2, 7], 1).into();
    far.get("/metrics").await.expect(403);
    let wish = crate::support::Wish {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..crate::support::Wish::default()
    };
    let app = TestApp::with(wish).await;
    let mut proxy = app.anon();
    proxy.peer = ([10, 0, 0, 1], 1).into();
    proxy.with("x-forwarded-for", "127.0.0.5").get("/metrics").await.expect(200);
    proxy.with("x-forwarded-for", "192.0.2.7").get("/metrics").await.expect(403);
    app.anon().with("x-forwarded-for", "192.0.2.7").get("/metrics").await.expect(403);
}
