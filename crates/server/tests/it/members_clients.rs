//! Programs with keys of their own: every check, in its order.

use argon2::password_hash::{PasswordHasher, phc::PasswordHash};
use base::Id;

use serde_json::json;

use crate::{
    members_support::{keeper, may, program, told},
    support::{Org, TestApp},
};

const LIST: &str = "/admin/permissions";

#[tokio::test]
async fn what_a_program_lacks_is_told_only_once_its_key_is_proven() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (id, client) = program(&app, &org, json!({ "name": "reader", "scopes": ["permissions:read"] })).await;
    client.get(LIST).await.expect(200);
    for broken in [
        app.anon(),
        client.with("x-api-key", "short"),
        client.with("x-client-key", "a b"),
        app.anon().with("x-client-key", "someone"),
    ] {
        assert_eq!(broken.get(LIST).await.expect(401).code(), "client_auth_required");
    }
    let wrong =
        client.with("x-api-key", "mk_dev_0123456789012345678901234567890").get(LIST).await.expect(401);
    let unknown = client.with("x-client-key", "nobody").get(LIST).await.expect(401);
    assert_eq!((wrong.code(), unknown.code()), ("invalid_client", "invalid_client"));
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
    let change = |body: serde_json::Value| async {
        org.owner.patch(&format!("/api/member-clients/{id}"), body).await.expect(200);
    };
    let refused = |code: &'static str| {
        let client = client.clone();
        async move { assert_eq!(client.get(LIST).await.expect(403).code(), code) }
    };
    // Each check comes before those that follow it.
    change(json!({ "scopes": [] })).await;
    refused("insufficient_scope").await;
    change(json!({ "allow_paths": ["/admin/permissions/*"] })).await;
    refused("client_not_allowed").await;
    change(json!({ "expires_at": "2020-01-01T00:00:00Z" })).await;
    refused("client_expired").await;
    change(json!({ "active": false })).await;
    refused("client_disabled").await;
    change(
        json!({ "active": true, "expires_at": null, "allow_paths": null, "scopes": ["permissions:read"] }),
    )
    .await;
    client.get(LIST).await.expect(200);
    change(json!({ "allow_ips": ["10.0.0.0/8"] })).await;
    refused("client_not_allowed").await;
    client.with("x-forwarded-for", "10.1.1.1").get(LIST).await.expect(403);
    change(json!({ "allow_ips": ["127.0.0.1"] })).await;
    client.get(LIST).await.expect(200);
    change(json!({ "allow_origins": ["https://Back.Office:443"] })).await;
    refused("client_not_allowed").await;
    client.with("origin", "null").get(LIST).await.expect(403);
    client.with("origin", "https://back.office").get(LIST).await.expect(200);
    let few = json!({ "name": "few", "scopes": ["permissions:read"], "calls_per_minute": 3 });
    let (_, few) = program(&app, &org, few).await;
    for status in [200, 200, 200, 429] {
        few.get(LIST).await.expect(status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_busy_back_office_is_not_taken_for_one_that_guesses() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({ "name": "busy", "scopes": ["permissions:read"], "calls_per_minute": 0 });
    let (_, client) = program(&app, &org, wish).await;
    let calls = (0..60).map(|_| client.get(LIST));
    for reply in futures_util::future::join_all(calls).await {
        reply.expect(200);
    }
}

#[tokio::test]
async fn a_program_gives_and_takes_only_what_it_may() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let wish = json!({ "name": "k", "may_grant": ["mkt:read"], "scopes": ["permissions:write"] });
    let (_, client) = program(&app, &org, wish).await;
    client.post("/admin/permissions/grant", may("ann", "1", "mkt", "read")).await.expect(201);
    for (module, action) in [("mkt", "write"), ("adm", "read")] {
        let refused =
            client.post("/admin/permissions/grant", may("ann", "1", module, action)).await.expect(403);
        assert_eq!(refused.code(), "not_grantable");
    }
    let mut making = may("new", "1", "mkt", "read");
    making["create_user"] = json!(true);
    assert_eq!(
        client.post("/admin/permissions/grant", making).await.expect(403).code(),
        "insufficient_scope"
    );
    client.put("/admin/permission-catalog/action/fly", json!({})).await.expect(403);
    // Another organisation's program reaches nobody here.
    let other = app.org("other").await;
    let wish =
        json!({ "name": "o", "may_grant": ["mkt"], "scopes": ["permissions:write", "permissions:read"] });
    let (_, foreign) = program(&app, &other, wish).await;
    foreign.post("/admin/permissions/grant", may("ann", "1", "mkt", "read")).await.expect(422);
    assert!(foreign.get(LIST).await.expect(200).items().is_empty());
}

#[tokio::test]
async fn a_key_is_shown_once_replaced_with_an_overlap_and_ends() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (id, client) = program(&app, &org, json!({ "name": "r", "scopes": ["permissions:read"] })).await;
    let shown = org.owner.get(&format!("/api/member-clients/{id}")).await.expect(200);
    assert!(shown.body.get("api_key").is_none() && !shown.text().contains("argon2"), "{}", shown.text());
    let (gone, dead) = program(&app, &org, json!({ "name": "d", "scopes": ["permissions:read"] })).await;
    dead.get(LIST).await.expect(200);
    org.owner.delete(&format!("/api/member-clients/{gone}")).await.expect(204);
    dead.get(LIST).await.expect(401);
    let member = app.member(&org, "bob", &["members:client:create"]).await;
    let wish = json!({ "name": "x", "scopes": ["permissions:write"], "may_grant": ["mkt"] });
    assert_eq!(member.post("/api/member-clients", wish).await.expect(403).code(), "cannot_grant");
    let rotated =
        org.owner.post(&format!("/api/member-clients/{id}/rotate"), json!({ "overlap_hours": 2 })).await;
    let rotated = rotated.expect(200);
    let trail = org.owner.get("/api/audit-entries/").await.expect(200);
    let key = rotated.body["api_key"].as_str().unwrap();
    assert!(trail.text().contains("members:client:rotate"), "{}", trail.text());
    assert!(!trail.text().contains(key) && !trail.text().contains("argon2"));
    let next = client.with("x-api-key", rotated.body["api_key"].as_str().unwrap());
    next.get(LIST).await.expect(200);
    client.get(LIST).await.expect(200);
    app.clock.advance(chrono::Duration::seconds(2 * 3_600 + 1));
    client.get(LIST).await.expect(401);
    next.get(LIST).await.expect(200);
}

/// Gives a program another hash, as rows that are taken over have.
async fn with_hash(app: &TestApp, org: &Org, id: Id, hash: &str) {
    let tx = app.tx(org.id).await;
    let sql = match tx.dialect() {
        store::Dialect::Postgres => "UPDATE member_client SET key_hash = $1 WHERE id = $2",
        _ => "UPDATE member_client SET key_hash = ? WHERE id = ?",
    };
    tx.execute_sql(sql, vec![hash.into(), id.into()]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn each_kind_of_hash_is_compared_whole_and_within_bounds() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (id, client) = program(&app, &org, json!({ "name": "r", "scopes": ["permissions:read"] })).await;
    let key = "a-key-of-an-older-service-0123456789";
    let client = client.with("x-api-key", key);
    let sha = {
        use sha2::Digest;
        sha2::Sha256::digest(key).iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    let cheap = argon2::Argon2::new(
        argon2::Algorithm::Argon2i,
        argon2::Version::V0x13,
        argon2::Params::new(64, 1, 1, None).unwrap(),
    );
    let cheap: PasswordHash = cheap.hash_password_with_salt(key.as_bytes(), &[7; 16]).unwrap();
    for hash in [format!("sha256:{sha}"), bcrypt::hash(key, 4).unwrap(), cheap.to_string()] {
        with_hash(&app, &org, id, &hash).await;
        client.get(LIST).await.expect(200);
        client.with("x-api-key", &format!("{key}x")).get(LIST).await.expect(401);
    }
    // bcrypt reads 72 bytes, its own end included: a longer key is not compared by its beginning.
    let long = "k".repeat(71);
    with_hash(&app, &org, id, &bcrypt::hash(&long, 4).unwrap()).await;
    client.with("x-api-key", &long).get(LIST).await.expect(200);
    client.with("x-api-key", &format!("{long}k")).get(LIST).await.expect(401);
    let begun = std::time::Instant::now();
    for hash in [
        "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
        "md5:0",
        "sha256:zz",
    ] {
        with_hash(&app, &org, id, hash).await;
        client.get(LIST).await.expect(401);
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "no row makes the server spend much");
}

#[tokio::test]
async fn nobody_gets_through_a_program_what_he_does_not_hold_himself() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let codes = [
        "members:client:create",
        "members:client:update",
        "members:client:rotate",
        "members:client:list",
        "identity:user:grant",
        "identity:post:list",
    ];
    let bob = app.member(&org, "bob", &codes).await;
    let wish =
        |may_grant: &str| json!({ "name": "x", "scopes": ["permissions:write"], "may_grant": [may_grant] });
    for wanted in ["identity.role:update", "platform.user:update"] {
        let refused = bob.post("/api/member-clients", wish(wanted)).await.expect(403);
        assert_eq!(refused.code(), "cannot_grant");
    }
    bob.post("/api/member-clients", wish("identity.post:list")).await.expect(201);
    // A module as a whole is another system's; the product's own actions are named one by one.
    let (_, whole) = program(&app, &org, wish("identity.role")).await;
    let own = |sub: base::Id, module: &str, action: &str| {
        json!({
            "authentik_sub": sub, "scope_type": "org", "scope_id": org.id, "module": module, "action": action,
        })
    };
    let refused = whole.post("/admin/permissions/grant", own(bob.id, "identity.role", "update")).await;
    assert_eq!(refused.expect(403).code(), "not_grantable");
    let (_, platform) = program(&app, &org, wish("mkt")).await;
    let refused = platform.post("/admin/permissions/grant", own(bob.id, "platform.user", "update")).await;
    assert_eq!(refused.expect(403).code(), "not_grantable");
    let mut foreign = own(bob.id, "identity.post", "list");
    foreign["scope_id"] = json!(app.app.new_id());
    let refused = whole.post("/admin/permissions/grant", foreign).await.expect(422);
    assert_eq!(refused.body["errors"][0]["code"], "unknown_reference");
    // Nor does he learn the key of a stronger one, or open it.
    let (strong, _) = program(&app, &org, wish("identity.role:update")).await;
    for (path, body) in [("/rotate", json!({})), ("", json!({ "active": true, "allow_ips": null }))] {
        let path = format!("/api/member-clients/{strong}{path}");
        let refused =
            if body == json!({}) { bob.post(&path, body).await } else { bob.patch(&path, body).await };
        assert_eq!(refused.expect(403).code(), "cannot_grant");
    }
}
