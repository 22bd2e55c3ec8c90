//! Belonging to an organisation: invitations, API keys, rights and their reasons, ownership, the end,
//! the menu.

use futures_util::future::join_all;
use serde_json::{Value, json};
use store::Mode;

use crate::support::{TestApp, caller::Reply, people::PASSWORD};

#[tokio::test]
async fn an_invitation_makes_a_member_with_just_its_roles_and_each_step_is_audited() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let role = json!({ "name": "Reader", "code": "reader", "data_scope": "all", "permissions": ["identity:post:list"] });
    let role = org.owner.post("/api/roles", role).await.expect(201).id();
    let body = json!({ "email": "new@example.com", "role_ids": [role] });
    let invited = org.owner.post("/api/invitations", body.clone()).await.expect(201);
    let link = invited.body["link"].as_str().unwrap().to_owned();
    let token = link.split("token=").nth(1).unwrap().to_owned();
    org.owner.post("/api/invitations", body).await.expect(409);
    let shown = app.anon().get(&format!("/api/auth/invitations/{token}")).await.expect(200);
    assert_eq!(shown.body["email"], "new@example.com");
    let accept = |n: usize| {
        let (anon, path) = (app.anon(), format!("/api/auth/invitations/{token}/accept"));
        async move {
            let body =
                json!({ "username": format!("newcomer{n}"), "password": PASSWORD, "name": "New Comer" });
            anon.post(&path, body).await
        }
    };
    let replies = join_all((0..20).map(accept)).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status.is_success()).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|r| r.status.as_u16()).collect::<Vec<_>>());
    assert!(replies.iter().all(|reply| !reply.status.is_server_error()));
    let newcomer = app.anon().with_token(won[0].body["access_token"].as_str().unwrap());
    newcomer.get("/api/posts").await.expect(200);
    newcomer.get("/api/users").await.expect(403);
    let members = org.owner.get("/api/users").await.expect(200);
    assert_eq!(members.items().len(), 2, "nobody else came in");
    app.anon().get("/api/auth/invitations/unknown-token").await.expect(404);
    let actions = app.audited(&org).await;
    for action in ["identity:role:create", "identity:invitation:create", "identity:invitation:accept"] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
    let other = app.org("other").await;
    let trail = other.owner.get("/api/audit-entries?search=new").await.expect(200);
    assert_eq!(trail.items().len(), 0);
}

#[tokio::test]
async fn an_invitation_can_be_sent_again_taken_back_and_runs_out() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let invite =
        async |mail: &str| org.owner.post("/api/invitations", json!({ "email": mail })).await.expect(201);
    let token =
        |reply: &Reply| reply.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let look =
        async |token: &str| app.anon().get(&format!("/api/auth/invitations/{token}")).await.status.as_u16();
    let one = invite("one@example.com").await;
    let again = org.owner.act(&format!("/api/invitations/{}/resend", one.id())).await.expect(200);
    assert_eq!((look(&token(&one)).await, look(&token(&again)).await), (404, 200));
    org.owner.act(&format!("/api/invitations/{}/revoke", one.id())).await.expect(204);
    assert_eq!(look(&token(&again)).await, 409);
    let two = invite("two@example.com").await;
    app.clock.advance(chrono::Duration::days(8));
    let owner = app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await;
    assert_eq!(look(&token(&two)).await, 404);
    let stranger = app.org("stranger").await;
    stranger.owner.act(&format!("/api/invitations/{}/revoke", two.id())).await.expect(404);
    let foreign =
        stranger.owner.post("/api/roles", json!({ "name": "x", "code": "x" })).await.expect(201).id();
    let body = json!({ "email": "three@example.com", "role_ids": [foreign] });
    let reply = owner.post("/api/invitations", body).await.expect(422);
    assert_eq!(reply.body["errors"][0]["code"], "unknown_reference");
}

#[tokio::test]
async fn somebody_with_an_account_joins_a_second_organisation_and_switches() {
    let app = TestApp::new().await;
    let (acme, globex) = (app.org("acme").await, app.org("globex").await);
    let alice = app.member_with_password(&acme, "alice").await;
    let invited =
        globex.owner.post("/api/invitations", json!({ "email": "alice@example.com" })).await.expect(201);
    let token = invited.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let caller = app.sign_in(alice, Some(acme.id)).await;
    caller.post(&format!("/api/auth/invitations/{token}/accept"), json!({})).await.expect(200);
    let list = caller.get("/api/organizations").await.expect(200);
    assert_eq!(list.items().len(), 2);
    let switched = caller
        .post("/api/auth/switch-organization", json!({ "organization_id": globex.id }))
        .await
        .expect(200);
    caller.get("/api/auth/user/info").await.expect(401);
    let there = app.anon().with_token(switched.body["access_token"].as_str().unwrap());
    assert_eq!(
        there.get("/api/auth/user/info").await.expect(200).body["organization"]["id"],
        json!(globex.id)
    );
    let other = app.org("initech").await;
    let reply = there.post("/api/auth/switch-organization", json!({ "organization_id": other.id })).await;
    assert!(reply.status.is_client_error() && reply.status != 403, "{}", reply.text());
}

#[tokio::test]
async fn an_api_key_does_what_its_scopes_and_its_owner_may_and_dies_at_once() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = app.member(&org, "robot", &["identity:post:list", "identity:post:create"]).await;
    let make = |scopes: Value| json!({ "name": "ci", "scopes": scopes });
    caller.post("/api/auth/api-keys", make(json!(["identity:role:list"]))).await.expect(403);
    caller.post("/api/auth/api-keys", make(json!(["no:such:thing"]))).await.expect(422);
    let made = caller.post("/api/auth/api-keys", make(json!(["identity:post:list"]))).await.expect(201);
    let key = made.body["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("tnk_"));
    let by_bearer = app.anon().with_token(&key);
    let by_header = app.anon().with("x-api-key", &key);
    by_bearer.get("/api/posts").await.expect(200);
    by_header.get("/api/posts").await.expect(200);
    by_bearer.post("/api/posts", json!({ "code": "a", "name": "a" })).await.expect(403);
    by_bearer.post("/api/auth/api-keys", make(json!(null))).await.expect(403);
    app.anon().get(&format!("/api/posts?api_key={key}")).await.expect(401);
    let list = caller.get("/api/auth/api-keys").await.expect(200);
    assert!(!list.text().contains(&key), "shown once");
    let mut bad = key.clone();
    bad.pop();
    app.anon().with_token(&bad).get("/api/posts").await.expect(401);
    let path = format!("/api/auth/api-keys/{}", made.id());
    let rotated = caller.act(&format!("{path}/rotate")).await.expect(200);
    by_bearer.get("/api/posts").await.expect(401);
    let fresh = app.anon().with_token(rotated.body["key"].as_str().unwrap());
    fresh.get("/api/posts").await.expect(200);
    org.owner.patch(&format!("/api/users/{}", caller.id), json!({ "role_ids": [] })).await.expect(200);
    fresh.get("/api/posts").await.expect(403);
    caller.delete(&path).await.expect(204);
    fresh.get("/api/posts").await.expect(401);
}

#[tokio::test]
async fn what_she_may_do_and_why() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let she = app.member(&org, "she", &["identity:post:list"]).await;
    let path = format!("/api/users/{}/grants", she.id);
    org.owner.put(&path, json!({ "permissions": ["identity:role:list"] })).await.expect(200);
    she.get("/api/roles").await.expect(200);
    let access = org.owner.get(&format!("/api/users/{}/access", she.id)).await.expect(200);
    let why = |code: &str| {
        let list = access.body["permissions"].as_array().unwrap();
        list.iter().find(|one| one["code"] == code).unwrap()["because"][0]["kind"].clone()
    };
    assert_eq!(why("identity:post:list"), "role");
    assert_eq!(why("identity:role:list"), "grant");
}

#[tokio::test]
async fn organisations_are_founded_handed_over_left_and_deleted_with_grace() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let other = app.member(&org, "other", &[]).await;
    org.owner.post("/api/organizations", json!({ "name": "Mine" })).await.expect(403);
    let path = format!("/api/organizations/{}", org.id);
    org.owner.act(&format!("{path}/leave")).await.expect(409);
    other.delete(&path).await.expect(403);
    org.owner.post(&format!("{path}/transfer"), json!({ "user_id": other.id })).await.expect(200);
    org.owner.delete(&path).await.expect(403);
    let export = other.get(&format!("{path}/export")).await.expect(200).text();
    assert!(
        export.contains("membership") && !export.contains("argon2"),
        "{}",
        &export[..200.min(export.len())]
    );
    let reply = other.delete(&path).await;
    assert!(reply.status.is_success(), "{}", reply.text());
    other.act(&format!("{path}/restore")).await.expect(200);
    assert!(app.organization(org.id).await.deleting_at.is_none());
    other.delete(&path).await;
    app.clock.advance(chrono::Duration::days(31));
    identity::organization::purge_due(&app.app).await.unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert!(tx.lookup::<identity::entity::organization::Entity>(org.id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_menu_shows_what_may_be_opened() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let clerk = app.member(&org, "clerk", &["identity:post:list"]).await;
    let menus = clerk.get("/api/auth/menus").await.expect(200).text();
    assert!(menus.contains("identity.posts") && !menus.contains("identity.roles"), "{menus}");
    let body =
        json!({ "kind": "link", "title_zh": "手册", "title_en": "Handbook", "url": "https://example.com/" });
    org.owner.post("/api/menus", body.clone()).await.expect(201);
    assert!(clerk.get("/api/auth/menus").await.text().contains("Handbook"));
    let mut evil = body;
    evil["url"] = json!("javascript:alert(1)");
    org.owner.post("/api/menus", evil).await.expect(422);
}
