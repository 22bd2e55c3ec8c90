//! Sister systems and programs that act on permissions, for the tests of the authority on members.

use base::Id;
use serde_json::{Value, json};

use crate::support::{Caller, INTERNAL_SECRET, Org, TestApp, caller::Reply};

/// A sister system with the shared secret.
pub fn sister(app: &TestApp) -> Caller {
    app.anon().with("x-internal-secret", INTERNAL_SECRET)
}

/// A program of the organisation with a key; its id and its caller.
pub async fn program(app: &TestApp, org: &Org, wish: Value) -> (Id, Caller) {
    let made = org.owner.post("/api/member-clients", wish).await.expect(201);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    let caller = app.anon().with("x-client-key", &text("client_key")).with("x-api-key", &text("api_key"));
    (made.id(), caller)
}

/// One that may do everything with the module `mkt`.
pub async fn keeper(app: &TestApp, org: &Org) -> Caller {
    let wish = json!({
        "name": "back office", "may_grant": ["mkt", "adm"], "calls_per_minute": 0,
        "scopes": ["permissions:read", "permissions:write", "users:create", "catalog:read", "catalog:write"],
    });
    let (_, caller) = program(app, org, wish).await;
    for (kind, name) in [
        ("scope_type", "shop"),
        ("module", "mkt"),
        ("module", "adm"),
        ("action", "read"),
        ("action", "write"),
    ] {
        caller.put(&format!("/admin/permission-catalog/{kind}/{name}"), json!({})).await.expect(200);
    }
    caller
}

/// `module:action` in the shop of that number.
pub fn may(sub: &str, shop: &str, module: &str, action: &str) -> Value {
    json!({
        "authentik_sub": sub, "scope_type": "shop", "scope_id": shop, "module": module, "action": action,
    })
}

/// Makes a member by a sister system's word.
pub async fn told(app: &TestApp, sub: &str) -> Reply {
    let local: String = sub.chars().filter(char::is_ascii_alphanumeric).collect();
    let body = json!({ "authentik_sub": sub, "email": format!("{local}@example.com"), "display_name": sub });
    sister(app).post("/internal/users/upsert-by-sub", body).await
}

/// A snapshot by its path.
pub fn path(sub: &str) -> String {
    format!("/internal/permissions/{sub}/snapshot")
}

/// What a snapshot allows, as `shop/module:action`.
pub fn allowed(snapshot: &Value) -> Vec<String> {
    let shown = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        format!("{}/{}:{}", text("scope_id"), text("module"), text("action"))
    };
    snapshot["permissions"].as_array().unwrap().iter().map(shown).collect()
}
