//! A password that was reset leaves nothing behind of whoever had the account before.

use identity::{
    Identity,
    account::{By, operator},
    entity::app_user,
};
use kernel::{ActorKind, Origin, audit::Who};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::json;
use store::Mode;

use crate::support::{Caller, TestApp};

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "violet tram over seven hills";

async fn give_password(app: &TestApp, id: base::Id) {
    let hash = Identity::of(&app.app).unwrap().hasher.hash(&PASSWORD.to_owned().into()).await.unwrap();
    let values = app_user::ActiveModel { password_hash: Set(Some(hash)), ..Default::default() };
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(values, Condition::all().add(app_user::Column::Id.eq(id))).await.unwrap();
    tx.commit().await.unwrap();
}

/// The newest letter to somebody.
async fn letter(app: &TestApp, to: &str) -> String {
    app.work().await;
    let found = app.mailer.sent().into_iter().rev().find(|mail| mail.to == to);
    found.unwrap_or_else(|| panic!("no letter to {to}")).text
}

fn token(letter: &str) -> String {
    letter.split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Asks for another address; the token of the letter that went there.
async fn ask(app: &TestApp, caller: &Caller, password: &str) -> String {
    let body = json!({ "email": "thief@example.com", "password": password });
    caller.post("/api/auth/email/change", body).await.expect(202);
    token(&letter(app, "thief@example.com").await)
}

async fn confirm(app: &TestApp, token: &str) {
    let reply = app.anon().post("/api/auth/email/confirm", json!({ "token": token })).await.expect(422);
    assert_eq!(reply.code(), "invalid_token");
}

async fn key_of(app: &TestApp, caller: &Caller) -> Caller {
    let made = caller.post("/api/auth/api-keys", json!({ "name": "key" })).await.expect(201);
    app.anon().with_token(made.body["key"].as_str().unwrap())
}

#[tokio::test]
async fn a_pending_change_of_address_dies_with_the_old_password() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &[]).await;
    give_password(&app, alice.id).await;
    let changed = ask(&app, &alice, PASSWORD).await;
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER });
    alice.post("/api/auth/password/change", body).await.expect(204);
    confirm(&app, &changed).await;
    let reset = ask(&app, &alice, OTHER).await;
    app.anon().post("/api/auth/password/forgot", json!({ "email": "alice@example.com" })).await.expect(202);
    let link = token(&letter(&app, "alice@example.com").await);
    let body = json!({ "token": link, "new_password": PASSWORD });
    app.anon().post("/api/auth/password/reset", body).await.expect(204);
    confirm(&app, &reset).await;
    let bob = app.member(&org, "bob", &[]).await;
    give_password(&app, bob.id).await;
    let set = ask(&app, &bob, PASSWORD).await;
    let origin = Origin { request_id: String::new(), ip: None, user_agent: "cli".into() };
    let by = By { who: Who { kind: ActorKind::Cli, id: None, name: "operator".into() }, origin: &origin };
    operator::set_password(&app.app, &by, bob.id, &OTHER.to_owned().into()).await.unwrap();
    confirm(&app, &set).await;
}

#[tokio::test]
async fn whoever_is_to_lose_an_address_is_told_at_that_address() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &[]).await;
    give_password(&app, alice.id).await;
    ask(&app, &alice, PASSWORD).await;
    let told = letter(&app, "alice@example.com").await;
    assert!(told.contains("Another e-mail address was entered"), "{told}");
    assert!(!told.contains("token="), "the old address holds no link: {told}");
}

#[tokio::test]
async fn a_reset_ends_the_api_keys_everywhere_and_the_letter_says_so() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member(&org, "alice", &["identity:post:list"]).await;
    give_password(&app, alice.id).await;
    let key = key_of(&app, &alice).await;
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER });
    alice.post("/api/auth/password/change", body).await.expect(204);
    key.get("/api/posts").await.expect(200);
    assert!(!letter(&app, "alice@example.com").await.contains("API keys"), "a change keeps them");
    app.anon().post("/api/auth/password/forgot", json!({ "email": "alice@example.com" })).await.expect(202);
    let link = letter(&app, "alice@example.com").await;
    assert!(link.contains("every API key"), "{link}");
    let body = json!({ "token": token(&link), "new_password": PASSWORD });
    app.anon().post("/api/auth/password/reset", body).await.expect(204);
    assert_eq!(key.get("/api/posts").await.expect(401).code(), "invalid_api_key");
    let told = letter(&app, "alice@example.com").await;
    assert!(told.contains("API keys have ended"), "{told}");
    let trail = org.owner.get("/api/audit-entries?action=identity:password:reset").await.expect(200);
    assert!(trail.text().contains("api_keys_ended"), "{}", trail.text());
}
