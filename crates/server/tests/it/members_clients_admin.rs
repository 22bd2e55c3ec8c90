//! Programs that keep other programs: `/admin/api-clients`.

use serde_json::{Value, json};

use crate::{
    members_support::program,
    support::{Caller, Org, TestApp},
};

const PATH: &str = "/admin/api-clients";

/// A program that keeps others.
async fn warden(app: &TestApp, org: &Org, change: Value) -> (String, Caller) {
    let mut wish = json!({
        "name": "warden", "client_key": "warden", "may_grant": ["mkt", "adm:read"], "calls_per_minute": 100,
        "scopes": ["clients:read", "clients:write", "permissions:write"],
    });
    for (name, value) in change.as_object().unwrap() {
        wish[name] = value.clone();
    }
    let (_, caller) = program(app, org, wish).await;
    ("warden".to_owned(), caller)
}

fn caller_of(app: &TestApp, made: &Value) -> Caller {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    app.anon().with("x-client-key", &text("client_key")).with("x-api-key", &text("api_key"))
}

#[tokio::test]
async fn a_program_makes_changes_renews_and_removes_others_and_keys_are_shown_once() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (_, warden) = warden(&app, &org, json!({})).await;
    let wish = json!({
        "name": "till", "client_key": "till-1", "scopes": ["permissions:write"], "may_grant": ["mkt:read"],
        "calls_per_minute": 100,
    });
    let made = warden.post(PATH, wish.clone()).await.expect(201);
    let till = caller_of(&app, &made.body);
    till.get("/admin/permissions").await.expect(403);
    assert_eq!(made.body["made_by"], "warden (warden)");
    assert_eq!(warden.post(PATH, wish).await.expect(409).code(), "conflict");
    let listed = warden.get(PATH).await.expect(200);
    assert_eq!(listed.items().len(), 2);
    assert!(
        !listed.text().contains("argon2") && !listed.text().contains(made.body["api_key"].as_str().unwrap())
    );
    let shown = warden.get(&format!("{PATH}/till-1")).await.expect(200).body;
    assert_eq!((&shown["name"], shown.get("api_key")), (&json!("till"), None));
    assert_eq!(warden.get(&format!("{PATH}/nobody")).await.expect(404).code(), "not_found");
    let off = warden.patch(&format!("{PATH}/till-1"), json!({ "active": false })).await.expect(200);
    assert_eq!(off.body["active"], false);
    assert_eq!(till.get("/admin/permissions").await.expect(403).code(), "client_disabled");
    warden.patch(&format!("{PATH}/till-1"), json!({ "active": true })).await.expect(200);
    let renewed =
        warden.post(&format!("{PATH}/till-1/rotate"), json!({ "overlap_hours": 1 })).await.expect(200).body;
    let next = caller_of(&app, &renewed);
    for known in [&till, &next] {
        assert_eq!(known.get("/admin/users").await.expect(403).code(), "insufficient_scope");
    }
    let renewed = warden.post(&format!("{PATH}/till-1/rotate"), json!({})).await.expect(200).body;
    till.get("/admin/users").await.expect(401);
    next.get("/admin/users").await.expect(401);
    let last = caller_of(&app, &renewed);
    warden.delete(&format!("{PATH}/till-1")).await.expect(204);
    warden.delete(&format!("{PATH}/till-1")).await.expect(404);
    last.get("/admin/users").await.expect(401);
    let trail = org.owner.get("/api/audit-entries/?page_size=100").await.expect(200);
    for action in ["create", "update", "rotate", "delete"] {
        let by = trail.items().iter().filter(|one| one["action"] == format!("members:client:{action}"));
        assert!(
            by.into_iter().any(|one| one["actor_name"] == "warden (warden)"),
            "{action}: {}",
            trail.text()
        );
    }
    for key in [&made.body["api_key"], &renewed["api_key"]] {
        assert!(!trail.text().contains(key.as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_program_gives_no_other_and_not_itself_more_than_it_has() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let own = json!({
        "allow_ips": ["127.0.0.0/8", "10.1.0.0/16"], "allow_origins": null,
        "allow_paths": ["/admin/api-clients", "/admin/api-clients/*", "/admin/permissions/*"],
        "expires_at": "2999-01-01T00:00:00Z",
    });
    let (_, warden) = warden(&app, &org, own).await;
    let fitting = json!({
        "name": "till", "scopes": ["permissions:write"], "may_grant": ["mkt", "mkt:read", "adm:read"],
        "allow_ips": ["10.1.2.0/24", "127.0.0.1"], "allow_paths": ["/admin/permissions/grant"],
        "calls_per_minute": 100, "expires_at": "2036-12-31T00:00:00Z", "allow_origins": ["https://till.example"],
    });
    let with = |name: &str, value: Value| {
        let mut wish = fitting.clone();
        wish[name] = value;
        wish
    };
    let made = warden.post(PATH, fitting.clone()).await.expect(201).body;
    let made = format!("{PATH}/{}", made["client_key"].as_str().unwrap());
    for (name, value) in [
        ("scopes", json!(["permissions:write", "users:write"])),
        ("may_grant", json!(["crm"])),
        ("may_grant", json!(["adm"])),
        ("may_grant", json!(["adm:write"])),
        ("allow_ips", json!(null)),
        ("allow_ips", json!(["10.0.0.0/8"])),
        ("allow_ips", json!(["::1"])),
        ("allow_paths", json!(null)),
        ("allow_paths", json!(["/admin/*"])),
        ("allow_paths", json!(["/admin/users"])),
        ("calls_per_minute", json!(0)),
        ("calls_per_minute", json!(101)),
        ("expires_at", json!(null)),
        ("expires_at", json!("2999-01-02T00:00:00Z")),
    ] {
        let refused = warden.post(PATH, with(name, value.clone())).await.expect(403);
        assert_eq!(refused.code(), "cannot_grant", "{name} {value}");
        assert!(
            refused.body["detail"].as_str().unwrap().contains(name.split('_').next().unwrap()),
            "{}",
            refused.text()
        );
        warden.patch(&made, json!({ name: value.clone() })).await.expect(403);
        warden.patch(&format!("{PATH}/warden"), json!({ name: value })).await.expect(403);
    }
    // What is wrong by itself is told as what it is.
    warden.post(PATH, with("scopes", json!(["everything"]))).await.expect(422);
    warden.post(PATH, with("unknown", json!(1))).await.expect(422);
    // Nor does it get at a program that has more than itself.
    let stronger = json!({ "name": "s", "client_key": "stronger", "scopes": ["users:write"] });
    program(&app, &org, stronger).await;
    for refused in [
        warden.post(&format!("{PATH}/stronger/rotate"), json!({})).await,
        warden.patch(&format!("{PATH}/stronger"), json!({ "scopes": [] })).await,
        warden.patch(&format!("{PATH}/stronger"), json!({ "active": false })).await,
        warden.delete(&format!("{PATH}/stronger")).await,
    ] {
        assert_eq!(refused.expect(403).code(), "cannot_grant");
    }
    // It may have less, and lessen itself.
    warden.patch(&made, json!({ "may_grant": [] })).await.expect(200);
    warden.patch(&format!("{PATH}/warden"), json!({ "scopes": ["clients:read"] })).await.expect(200);
    warden.get(PATH).await.expect(200);
    assert_eq!(warden.delete(&made).await.expect(403).code(), "insufficient_scope");
}

#[tokio::test]
async fn the_products_own_permissions_are_given_to_programs_by_people_only() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let own = json!({ "may_grant": ["identity.post:list", "identity.post", "mkt"] });
    let (_, warden) = warden(&app, &org, own).await;
    let wish = |grant: &str| json!({ "name": "x", "may_grant": [grant], "calls_per_minute": 1 });
    let refused = warden.post(PATH, wish("identity.post:list")).await.expect(403);
    assert_eq!(refused.code(), "cannot_grant");
    // A module is never one of the product's own permissions, whoever gives it.
    warden.post(PATH, wish("identity.post")).await.expect(201);
    assert_eq!(
        warden.post(&format!("{PATH}/warden/rotate"), json!({})).await.expect(403).code(),
        "cannot_grant"
    );
    // Another organisation's program is nobody here.
    let other = app.org("other").await;
    let foreign =
        json!({ "name": "f", "client_key": "foreign", "scopes": ["clients:read", "clients:write"] });
    let (_, foreign) = program(&app, &other, foreign).await;
    foreign.get(&format!("{PATH}/warden")).await.expect(404);
    foreign.delete(&format!("{PATH}/warden")).await.expect(404);
    assert_eq!(foreign.get(PATH).await.expect(200).items().len(), 1);
    // A client key is unique everywhere, and nothing tells whose it is.
    let taken = json!({ "name": "t", "client_key": "warden", "calls_per_minute": 1 });
    assert_eq!(foreign.post(PATH, taken).await.expect(409).code(), "conflict");
}
