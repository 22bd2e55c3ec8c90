//! What the installation's administrators do over HTTP: everybody's accounts, all organisations.

use serde_json::{Value, json};

use crate::support::{TestApp, people::PASSWORD};

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn everybody_is_found_whatever_the_organisation_and_by_administrators_only() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let (left, right) = (app.org("left").await, app.org("right").await);
    app.member(&left, "alice", &[]).await;
    app.member(&right, "albert", &[]).await;
    let list = async |query: &str| root.get(&format!("/api/platform/users/?{query}")).await.expect(200);
    assert_eq!(
        names(list("sort=username").await.items()),
        ["albert", "alice", "owner-of-left", "owner-of-right", "root"]
    );
    assert_eq!(names(list("search=AL%20example&sort=-username").await.items()), ["alice", "albert"]);
    assert_eq!(names(list("is_platform_admin=true").await.items()), ["root"]);
    assert_eq!(list("disabled_at__null=false").await.items().len(), 0);
    let page = list("page_size=2&sort=username").await;
    assert_eq!((page.items().len(), &page.body["total"]), (2, &json!(5)));
    assert!(!page.text().contains("password_hash"));
    for path in ["/api/platform/users/", "/api/platform/organizations/"] {
        left.owner.get(path).await.expect(403);
        root.get(&format!("{path}?search={}", "x".repeat(201))).await.expect(422);
    }
    let organizations = root.get("/api/platform/organizations/?sort=name&search=r").await.expect(200);
    let shown: Vec<_> =
        organizations.items().iter().map(|one| (one["name"].clone(), one["member_count"].clone())).collect();
    assert_eq!(shown, [(json!("right"), json!(2))]);
}

#[tokio::test]
async fn an_account_is_closed_opened_and_changed_as_a_whole_or_not_at_all() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let org = app.org("acme").await;
    let alice = app.member_with_password(&org, "alice").await;
    let caller = app.sign_in(alice.clone(), Some(org.id)).await;
    let path = format!("/api/platform/users/{}", alice.id);
    let taken = json!({ "disabled": true, "email": "owner-of-acme@example.com" });
    root.patch(&path, taken).await.expect(409);
    caller.get("/api/auth/user/info").await.expect(200);
    let closed = root.patch(&path, json!({ "disabled": true, "version": 1 })).await.expect(200);
    assert_eq!((&closed.body["disabled"], closed.header("etag")), (&json!(true), "\"2\""));
    caller.get("/api/auth/user/info").await.expect(401);
    app.login("alice", PASSWORD).await.expect(401);
    assert_eq!(root.patch(&path, json!({ "version": 1 })).await.expect(409).code(), "version_conflict");
    let stale = root.with("if-match", "\"1\"").patch(&path, json!({ "disabled": false })).await;
    assert_eq!(stale.expect(412).code(), "version_mismatch");
    let open = json!({ "disabled": false, "name": "Alice A.", "email": "new@example.com" });
    let opened = root.with("if-match", "\"2\"").patch(&path, open).await.expect(200);
    assert_eq!(opened.body["email_verified"], true);
    app.login("new@example.com", PASSWORD).await.expect(200);
    app.login("alice@example.com", PASSWORD).await.expect(401);
    let member = org.owner.get(&format!("/api/users/{}", alice.id)).await.expect(200);
    assert_eq!(
        (&member.body["name"], &member.body["email"]),
        (&json!("Alice A."), &json!("new@example.com"))
    );
    app.work().await;
    assert!(app.mailer.sent().iter().any(|mail| mail.to == "alice@example.com"), "the old address is told");
    root.patch("/api/platform/users/00000000-0000-7000-8000-00000000dead", json!({})).await.expect(404);
    org.owner.patch(&path, json!({ "disabled": true })).await.expect(403);
}

#[tokio::test]
async fn the_last_administrator_stays_and_a_key_makes_none() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.make_admin(org.owner.id).await;
    let root = org.owner.clone();
    let own = format!("/api/platform/users/{}", root.id);
    for patch in [json!({ "disabled": true }), json!({ "is_platform_admin": false })] {
        assert_eq!(root.patch(&own, patch).await.expect(409).code(), "last_platform_admin");
    }
    assert_eq!(root.act(&format!("{own}/anonymize")).await.expect(409).code(), "last_platform_admin");
    let alice = app.member(&org, "alice", &[]).await;
    let path = format!("/api/platform/users/{}", alice.id);
    let key = root.post("/api/auth/api-keys", json!({ "name": "key" })).await.expect(201);
    let key = app.anon().with_token(key.body["key"].as_str().unwrap());
    key.get("/api/platform/users/").await.expect(200);
    for patch in [json!({ "is_platform_admin": true }), json!({ "email": "mallory@example.com" })] {
        assert_eq!(key.patch(&path, patch).await.expect(403).code(), "session_required");
    }
    key.act(&format!("{path}/anonymize")).await.expect(403);
    alice.get("/api/platform/users/").await.expect(403);
    root.patch(&path, json!({ "is_platform_admin": true })).await.expect(200);
    alice.get("/api/platform/users/").await.expect(200);
    root.patch(&own, json!({ "is_platform_admin": false })).await.expect(200);
    root.get("/api/platform/users/").await.expect(403);
}

#[tokio::test]
async fn who_is_anonymised_is_nobody_any_more_and_stays_so() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let org = app.org("acme").await;
    let alice = app.member_with_password(&org, "alice").await;
    let caller = app.sign_in(alice.clone(), Some(org.id)).await;
    let path = format!("/api/platform/users/{}", alice.id);
    let gone = root.act(&format!("{path}/anonymize")).await.expect(200);
    assert_eq!((&gone.body["anonymized"], &gone.body["email"]), (&json!(true), &Value::Null));
    for part in ["alice", "Alice"] {
        assert!(!gone.text().contains(part), "{}", gone.text());
    }
    caller.get("/api/auth/user/info").await.expect(401);
    app.login("alice", PASSWORD).await.expect(401);
    let member = org.owner.get(&format!("/api/users/{}", alice.id)).await.expect(200);
    assert!(member.body["username"].as_str().unwrap().starts_with("deleted-"));
    assert_eq!(root.act(&format!("{path}/anonymize")).await.expect(200).body, gone.body);
    assert_eq!(root.patch(&path, json!({ "disabled": false })).await.expect(409).code(), "anonymized");
}
