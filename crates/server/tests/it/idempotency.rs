//! `Idempotency-Key`: a POST that is sent again is answered as the first time and does nothing twice.

use chrono::Duration;
use futures_util::future::join_all;
use http::Method;
use identity::entity::app_user;
use kernel::api::Access;
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Caller, Org, TestApp, people::PASSWORD};

fn post(code: &str) -> Value {
    json!({ "code": code, "name": format!("The {code}") })
}

async fn posts(org: &Org) -> u64 {
    org.owner.get("/api/posts?count=exact").await.expect(200).body["total"].as_u64().unwrap()
}

fn replayed(reply: &crate::support::caller::Reply) -> bool {
    reply.header("idempotency-replayed") == "true"
}

async fn signed_in_again(app: &TestApp, caller: &Caller, org: Option<base::Id>) -> Caller {
    let tx = app.app.system(Mode::Read).await.unwrap();
    let person = tx.get::<app_user::Entity>(caller.id).await.unwrap();
    tx.commit().await.unwrap();
    app.sign_in(person, org).await
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_one_record() {
    let app = TestApp::new().await;
    let org = app.org("again").await;
    let caller = org.owner.with("idempotency-key", "order-1");
    let first = caller.post("/api/posts", post("carpenter")).await.expect(201);
    assert!(!replayed(&first));
    let second = caller.post("/api/posts/", post("carpenter")).await.expect(201);
    assert!(replayed(&second));
    assert_eq!(first.bytes, second.bytes);
    for name in ["location", "etag", "content-type", "cache-control"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    assert_eq!(posts(&org).await, 1);
    let trail = org.owner.get("/api/audit-entries?action=identity:post:create").await.expect(200);
    assert_eq!(trail.items().len(), 1);
}

#[tokio::test]
async fn another_request_with_a_used_key_is_422() {
    let app = TestApp::new().await;
    let org = app.org("reuse").await;
    let caller = org.owner.with("idempotency-key", "order-1");
    let made = caller.post("/api/posts", post("carpenter")).await.expect(201);
    let reply = caller.post("/api/posts", post("joiner")).await.expect(422);
    assert_eq!(reply.code(), "idempotency_key_reused");
    // The path and the query belong to the request; another operation has keys of its own.
    let record = format!("/api/posts/{}", made.id());
    let other = org.owner.post("/api/posts", post("turner")).await.expect(201);
    for id in [made.id(), other.id()] {
        org.owner.delete(&format!("/api/posts/{id}")).await.expect(204);
    }
    caller.act(&format!("{record}/restore")).await.expect(200);
    let reply = caller.act(&format!("/api/posts/{}/restore", other.id())).await.expect(422);
    assert_eq!(reply.code(), "idempotency_key_reused");
    assert_eq!(posts(&org).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_its_organisation() {
    let app = TestApp::new().await;
    let (left, right) = (app.org("left").await, app.org("right").await);
    left.owner.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(201);
    let reply =
        right.owner.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(201);
    assert!(!replayed(&reply));
    // The owner of the left one joins the right one: there his key says nothing of the left one.
    let tx = app.app.system(Mode::Read).await.unwrap();
    let person = tx.get::<app_user::Entity>(left.owner.id).await.unwrap();
    tx.commit().await.unwrap();
    let tx = app.tx(right.id).await;
    let owner = identity::resource::user::Join { owner: true, ..Default::default() };
    identity::resource::user::join(&app.app, &tx, &person, None, owner).await.unwrap();
    tx.commit().await.unwrap();
    let there = signed_in_again(&app, &left.owner, Some(right.id)).await;
    let reply = there.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(422);
    assert_eq!(reply.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn what_failed_leaves_the_key_free() {
    let app = TestApp::new().await;
    let org = app.org("failed").await;
    let caller = org.owner.with("idempotency-key", "k");
    caller.post("/api/posts", json!({ "code": "x" })).await.expect(422);
    caller.post("/api/posts", post("carpenter")).await.expect(201);
    let nobody = app.member(&org, "powerless", &[]).await.with("idempotency-key", "k");
    nobody.post("/api/posts", post("joiner")).await.expect(403);
}

#[tokio::test]
async fn of_many_at_the_same_time_one_does_the_work() {
    let app = TestApp::new().await;
    let org = app.org("race").await;
    let caller = org.owner.with("idempotency-key", "race");
    let replies = join_all((0..12).map(|_| caller.post("/api/posts", post("carpenter")))).await;
    let done: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert!(!done.is_empty());
    assert_eq!(done.iter().filter(|reply| !replayed(reply)).count(), 1);
    for reply in &replies {
        match reply.status.as_u16() {
            201 => assert_eq!(reply.bytes, done[0].bytes),
            409 => assert_eq!(reply.code(), "idempotency_key_running"),
            _ => panic!("{} {}", reply.status, reply.text()),
        }
    }
    assert_eq!(posts(&org).await, 1);
}

#[tokio::test]
async fn after_a_day_a_key_is_new_and_its_answer_is_pruned() {
    let app = TestApp::new().await;
    let org = app.org("day").await;
    let first =
        org.owner.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(201);
    app.clock.advance(Duration::hours(23));
    let caller = signed_in_again(&app, &org.owner, Some(org.id)).await;
    kernel::http::idempotency::prune(&app.app).await.unwrap();
    let again = caller.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(201);
    assert!(replayed(&again) && again.id() == first.id());
    app.clock.advance(Duration::hours(2));
    let caller = signed_in_again(&app, &org.owner, Some(org.id)).await;
    // Not pruned yet, and of no account any more: the code is taken by the first record.
    caller.with("idempotency-key", "k").post("/api/posts", post("carpenter")).await.expect(409);
    kernel::http::idempotency::prune(&app.app).await.unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    let left = tx.count(tx.find::<kernel::http::idempotency::entity::Entity>()).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_answer_with_a_secret_is_never_kept() {
    let app = TestApp::new().await;
    let org = app.org("secret").await;
    let caller = org.owner.with("idempotency-key", "k");
    let key = json!({ "name": "Nightly report" });
    let first = caller.post("/api/auth/api-keys", key.clone()).await.expect(201);
    let second = caller.post("/api/auth/api-keys", key).await.expect(201);
    assert!(!replayed(&second));
    assert_ne!(first.body["key"], second.body["key"]);
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert_eq!(tx.count(tx.find::<kernel::http::idempotency::entity::Entity>()).await.unwrap(), 0);
}

/// A platform administrator with a password, who owns the organisation.
async fn administrator(app: &TestApp, org: &Org) -> Caller {
    app.give_password(org.owner.id).await;
    app.make_admin(org.owner.id).await;
    org.owner.clone()
}

#[tokio::test]
async fn founding_an_organisation_twice_with_one_key_founds_one() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = administrator(&app, &org).await.with("idempotency-key", "found-1");
    let body = json!({ "name": "Founded" });
    let first = caller.post("/api/organizations", body.clone()).await.expect(201);
    let second = caller.post("/api/organizations/", body.clone()).await.expect(201);
    assert!(!replayed(&first) && replayed(&second));
    assert_eq!(
        (first.bytes, first.headers["location"].clone()),
        (second.bytes, second.headers["location"].clone())
    );
    assert_eq!(
        caller.post("/api/organizations", json!({ "name": "Other" })).await.expect(422).code(),
        "idempotency_key_reused"
    );
    let many = caller.with("idempotency-key", "found-2");
    let replies = join_all((0..8).map(|_| many.post("/api/organizations", body.clone()))).await;
    for reply in &replies {
        assert!(reply.status == 201 || reply.code() == "idempotency_key_running", "{}", reply.text());
    }
    let made = replies.iter().filter(|reply| reply.status == 201 && !replayed(reply)).count();
    assert_eq!(made, 1);
    let own = caller.get("/api/organizations").await.expect(200);
    assert_eq!(own.items().len(), 3, "the first one, and one for each key");
}

#[tokio::test]
async fn work_that_would_fail_a_second_time_is_answered_as_the_first_time() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = administrator(&app, &org).await.with("idempotency-key", "k");
    let alice = app.member_with_password(&org, "alice").await;
    let sent = |app: &TestApp, subject: &str| {
        app.mailer.sent().iter().filter(|mail| mail.subject.contains(subject)).count()
    };
    let password = json!({ "current_password": PASSWORD, "new_password": "violet tram over seven hills" });
    let email = json!({ "email": "new@example.com", "password": PASSWORD });
    for (path, body, status) in [
        ("/api/auth/test-mail".to_owned(), None, 200),
        ("/api/auth/email/change".to_owned(), Some(email), 202),
        ("/api/auth/password/change".to_owned(), Some(password), 204),
        (format!("/api/platform/users/{}/anonymize", alice.id), None, 200),
        // There is nothing left to do here, and so no work to keep the answer with.
        (format!("/api/platform/users/{}/anonymize", alice.id), None, 200),
    ] {
        let first = caller.send(Method::POST, &path, body.clone()).await.expect(status);
        let second = caller.send(Method::POST, &path, body).await.expect(status);
        assert!(replayed(&second), "{path}");
        assert_eq!(first.bytes, second.bytes, "{path}");
    }
    assert_eq!(sent(&app, "Test letter"), 1, "{:?}", app.mailer.sent());
    app.login("owner-of-acme", "violet tram over seven hills").await.expect(200);
    let entries = caller.get("/api/platform/audit/?action=platform:mail:test").await.expect(200);
    assert_eq!(entries.items().len(), 1);
    let changed = caller.get("/api/audit-entries?action=identity:password:change").await.expect(200);
    assert_eq!(changed.items().len(), 1);
}

#[tokio::test]
async fn work_of_its_own_that_failed_leaves_the_key_free() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = org.owner.with("idempotency-key", "k");
    caller.post("/api/organizations", json!({ "name": "Mine" })).await.expect(403);
    app.make_admin(org.owner.id).await;
    caller.post("/api/organizations", json!({ "name": "\u{7}" })).await.expect(422);
    let made = caller.post("/api/organizations", json!({ "name": "Mine" })).await.expect(201);
    assert!(!replayed(&made));
}

#[tokio::test]
async fn a_kept_digest_does_not_tell_what_was_asked() {
    use sha2::{Digest, Sha256};
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = administrator(&app, &org).await.with("idempotency-key", "k");
    let body = json!({ "current_password": PASSWORD, "new_password": "violet tram over seven hills" });
    caller.post("/api/auth/password/change", body.clone()).await.expect(204);
    let tx = app.app.system(Mode::Read).await.unwrap();
    let rows = tx.all(tx.find::<kernel::http::idempotency::entity::Entity>()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let head = json!([org.id, [], ""]).to_string();
    let guess = Sha256::new().chain_update(head).chain_update([0]).chain_update(body.to_string()).finalize();
    assert_ne!(rows[0].digest, format!("{guess:x}"), "a fast hash of a password would be guessed");
    assert!(!rows[0].digest.is_empty() && rows[0].body.is_empty());
}

#[tokio::test]
async fn a_misshapen_key_is_422() {
    let app = TestApp::new().await;
    let org = app.org("misshapen").await;
    for key in ["", "two words", "tab\there", "x".repeat(256).as_str()] {
        let reply = org.owner.with("idempotency-key", key).post("/api/posts", post("carpenter")).await;
        assert_eq!(reply.expect(422).body["errors"][0]["field"], "Idempotency-Key", "{key}");
    }
    org.owner
        .with("idempotency-key", &"x".repeat(255))
        .post("/api/posts", post("carpenter"))
        .await
        .expect(201);
    org.owner.with("idempotency-key", "two words").get("/api/posts").await.expect(200);
}

#[tokio::test]
async fn the_document_names_the_header_where_it_is_honoured() {
    let app = TestApp::new().await;
    let document = app.anon().get("/openapi.json").await.expect(200).body;
    for operation in &app.operations {
        let method = operation.method.as_str().to_ascii_lowercase();
        let parameters = document["paths"][&operation.path][&method]["parameters"].as_array().cloned();
        let named = parameters.unwrap_or_default().iter().any(|one| one["name"] == "Idempotency-Key");
        if operation.id == "ids.allocate" {
            // It takes the header in a way of its own: the engine remembers which range the key got.
            assert!(named);
            continue;
        }
        assert_eq!(named, operation.takes_idempotency_key(), "{}", operation.id);
        assert!(!named || (operation.method == Method::POST && operation.access != Access::Public));
    }
    for id in [
        "identity.post.create",
        "identity.post.bulk",
        "identity.role.copy",
        "identity.organization.create",
        "auth.change_password",
        "auth.change_email",
        "platform.user.anonymize",
        "platform.mail.test",
    ] {
        assert!(app.operations.iter().any(|one| one.id == id && one.takes_idempotency_key()), "{id}");
    }
    for id in ["auth.create_api_key", "auth.rotate_api_key", "identity.invitation.create", "auth.login"] {
        assert!(app.operations.iter().any(|one| one.id == id && !one.takes_idempotency_key()), "{id}");
    }
}
