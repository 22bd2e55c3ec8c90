//! Keys over time: a node that meets a key which another one has made, secrets that are sealed again,
//! and when an API key was last used.

use base::Secret;
use chrono::Duration;
use identity::{
    Identity, api_key,
    credential::{jwt::Algorithm, seal::Sealer},
    service::rotate_keys,
};
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Caller, Org, TestApp, Wish};

/// What `tenon keys rotate` does, and the taking up of the new keys by this node alone.
async fn rotate(node: &TestApp) {
    let identity = Identity::of(&node.app).unwrap();
    let tx = node.app.system(Mode::Write).await.unwrap();
    rotate_keys(&tx, node.now(), &identity.settings, &identity.sealer).await.unwrap();
    tx.commit().await.unwrap();
    identity.reload(&node.app).await.unwrap();
}

#[tokio::test]
async fn a_node_reads_the_keys_again_for_a_token_that_another_node_has_signed_with_a_new_one() {
    let wish = || Wish { algorithm: Algorithm::EdDSA, ..Wish::default() };
    let one = TestApp::with(wish()).await;
    let two = TestApp::with(Wish { url: Some(one.database.url.clone()), ..wish() }).await;
    let org = one.org("acme").await;
    let at_two = |caller: &Caller| two.anon().with_token(caller.token.as_deref().unwrap());
    at_two(&org.owner).get("/api/posts").await.expect(200);
    rotate(&one).await;
    let person = one.read_user(org.owner.id).await;
    let fresh = one.sign_in(person.clone(), Some(org.id)).await;
    let head = |caller: &Caller| caller.token.as_deref().unwrap().split('.').next().unwrap().to_owned();
    assert_ne!(head(&fresh), head(&org.owner), "another key signs");
    at_two(&fresh).get("/api/posts").await.expect(200);
    let looked = two.now();
    at_two(&org.owner).get("/api/posts").await.expect(200);
    // Looking costs a read of the database, so made-up key ids make a node look once in a while only.
    rotate(&one).await;
    let newer = one.sign_in(person, Some(org.id)).await;
    // Making keys takes its time; this node's clock is put back by as much.
    two.clock.advance(looked - two.now());
    assert_eq!(at_two(&newer).get("/api/posts").await.expect(401).code(), "invalid_token");
    two.clock.advance(Duration::seconds(6));
    at_two(&newer).get("/api/posts").await.expect(200);
    let (_, rest) = newer.token.as_deref().unwrap().split_once('.').unwrap();
    // Under the name of another key that is known, too, a signature stays what it is.
    let forged = format!("{}.{rest}", head(&org.owner));
    two.anon().with_token(&forged).get("/api/posts").await.expect(401);
}

fn sealer(now: &str, before: Option<&str>) -> Sealer {
    let secret = |text: &str| Secret::from(format!("{text}-encryption-key-0123456789abcdef"));
    Sealer::new(&secret(now), before.map(secret).as_ref()).unwrap()
}

#[tokio::test]
async fn a_rotation_seals_again_what_lies_under_the_previous_key() {
    let app = TestApp::with(Wish { algorithm: Algorithm::ES256, ..Wish::default() }).await;
    let org = app.org("acme").await;
    // A letter that waits, beside the keys that the start has made.
    org.owner.post("/api/invitations", json!({ "email": "new@example.com" })).await.expect(201);
    let identity = Identity::of(&app.app).unwrap();
    let open = async |sealer: Sealer| {
        let (settings, mailer) = (identity.settings.clone(), app.mailer.clone());
        Identity::open(app.app.store(), app.now(), settings, sealer, mailer).await
    };
    open(sealer("next", None)).await.err().expect("another key alone opens nothing");
    let tx = app.app.system(Mode::Write).await.unwrap();
    let done = rotate_keys(&tx, app.now(), &identity.settings, &sealer("next", Some("test"))).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(done.made.len(), 2, "one signs, one is for encrypted passwords");
    assert_eq!(done.resealed, 3, "two keys and a letter");
    open(sealer("next", None)).await.expect("the previous key is needed no more");
    open(sealer("test", None)).await.err().expect("and opens nothing now");
    let tx = app.app.system(Mode::Write).await.unwrap();
    let again = rotate_keys(&tx, app.now(), &identity.settings, &sealer("next", None)).await.unwrap();
    assert_eq!(again.resealed, 0, "there is nothing left");
}

async fn last_use(org: &Org, id: base::Id) -> Value {
    let list = org.owner.get("/api/api-keys").await.expect(200);
    let found = list.items().iter().find(|key| key["id"] == json!(id)).unwrap_or_else(|| panic!("{id}"));
    found["last_used_at"].clone()
}

#[tokio::test]
async fn an_api_keys_last_use_is_kept_to_the_minute() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let made = org.owner.post("/api/auth/api-keys", json!({ "name": "ci" })).await.expect(201);
    let key = app.anon().with_token(made.body["key"].as_str().unwrap());
    let flush = async || api_key::flush_uses(&app.app).await.unwrap();
    flush().await;
    assert_eq!(last_use(&org, made.id()).await, Value::Null);
    key.get("/api/posts").await.expect(200);
    assert_eq!(last_use(&org, made.id()).await, Value::Null, "no request waits for it");
    flush().await;
    let first = last_use(&org, made.id()).await;
    assert!(first.is_string());
    app.clock.advance(Duration::seconds(20));
    key.get("/api/posts").await.expect(200);
    flush().await;
    assert_eq!(last_use(&org, made.id()).await, first, "at most once a minute");
    app.clock.advance(Duration::seconds(50));
    flush().await;
    let second = last_use(&org, made.id()).await;
    assert!(second.as_str() > first.as_str(), "{first} and then {second}");
    let rotated = org.owner.act(&format!("/api/auth/api-keys/{}/rotate", made.id())).await.expect(200);
    assert_eq!(last_use(&org, made.id()).await, Value::Null, "a new secret was never used");
    // Refused requests are no uses.
    app.clock.advance(Duration::minutes(2));
    key.get("/api/posts").await.expect(401);
    flush().await;
    assert_eq!(last_use(&org, made.id()).await, Value::Null);
    app.anon().with_token(rotated.body["key"].as_str().unwrap()).get("/api/posts").await.expect(200);
    flush().await;
    assert!(last_use(&org, made.id()).await.is_string());
}
