//! Who may do what to databases, tables and keys of the id service, and that an organisation has its own.

use base::Id;
use serde_json::{Value, json};

use crate::{
    ids_support::{done, ids, next},
    support::{Caller, TestApp},
};

async fn make(caller: &Caller, body: Value) -> String {
    let key = caller.post("/api/id-keys", body).await.expect(201);
    key.id().to_string()
}

/// What may be done to a key, with its permission.
fn acts(id: &str) -> Vec<(&'static str, String, Value)> {
    let own = |what: &str| format!("/api/id-keys/{id}{what}");
    vec![
        ("ids:key:list", "/api/id-keys".into(), Value::Null),
        ("ids:key:read", own(""), Value::Null),
        ("ids:key:read", own("/journal"), Value::Null),
        ("ids:key:read", own("/spans"), Value::Null),
        ("ids:key:read", own("/owner?value=1"), Value::Null),
        ("ids:key:read", own("/usage"), Value::Null),
        ("ids:key:create", "/api/id-keys".into(), json!({ "name": "new" })),
        ("ids:key:update", own("/raise"), json!({ "to": "100" })),
        ("ids:key:update", own("/rename"), json!({ "name": "renamed" })),
        ("ids:key:operate", own("/quarantine"), json!({ "reason": "a drill" })),
        ("ids:key:operate", own("/release"), json!({ "at_least": "100000" })),
        ("ids:key:operate", own("/check"), json!({})),
        ("ids:key:delete", own("/retire"), json!({})),
        ("ids:key:update", own("/revive"), json!({})),
        ("ids:key:allocate", "/api/ids/next".into(), json!({ "key": "renamed" })),
        ("ids:key:update", own("/return"), json!({ "start": "100001", "end": "100001" })),
    ]
}

#[tokio::test]
async fn everything_has_its_permission_and_nobody_can_do_more() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "k", "mode": "strict" })).await;
    let acts = acts(&key);
    let permissions = ["list", "read", "create", "update", "delete", "operate", "allocate"];
    let mut members = Vec::new();
    for one in permissions {
        let permission = format!("ids:key:{one}");
        members.push((app.member(&org, one, &[&permission]).await, permission));
    }
    let call = async |caller: &Caller, path: &str, body: &Value| match body {
        Value::Null => caller.get(path).await,
        body => caller.post(path, body.clone()).await,
    };
    for (needed, path, body) in &acts {
        for (member, permission) in members.iter().filter(|(_, permission)| permission != needed) {
            let status = call(member, path, body).await.status.as_u16();
            assert_eq!(status, 403, "{path} with {permission} alone");
        }
        assert_eq!(call(&app.anon(), path, body).await.status.as_u16(), 401, "{path}");
    }
    // In this order each of them is possible.
    for (needed, path, body) in &acts {
        let (member, _) = members.iter().find(|(_, permission)| permission == needed).unwrap();
        let reply = call(member, path, body).await;
        assert!(reply.status.is_success(), "{path}: {}", reply.text());
    }
    // A key of the API has no more than what it was given.
    let wanted = json!({ "name": "inserter", "scopes": ["ids:key:allocate"] });
    let made = org.owner.post("/api/auth/api-keys", wanted).await.expect(201);
    let robot = app.anon().with("x-api-key", made.body["key"].as_str().unwrap());
    next(&robot, "renamed", 1).await.expect(200);
    robot.get("/api/id-keys").await.expect(403);
    robot.post("/api/id-keys", json!({ "name": "mine" })).await.expect(403);
}

#[tokio::test]
async fn an_organisation_sees_and_uses_its_own_keys_only() {
    let app = TestApp::new().await;
    let (home, other) = (app.org("home").await, app.org("other").await);
    let mine = make(&home.owner, json!({ "name": "k" })).await;
    let theirs = make(&other.owner, json!({ "name": "k", "in_use": "500" })).await;
    make(&other.owner, json!({ "name": "secret" })).await;
    assert_eq!((ids(&home.owner, "k", 5).await, ids(&other.owner, "k", 5).await), ((1, 5), (501, 505)));
    assert_eq!(home.owner.get("/api/id-keys").await.expect(200).body["total"], 1);
    assert_eq!(next(&home.owner, "secret", 1).await.expect(404).code(), "key_unknown");
    for (_, path, body) in acts(&theirs) {
        if !path.contains(&theirs) {
            continue;
        }
        let reply = match body {
            Value::Null => home.owner.get(&path).await,
            body => home.owner.post(&path, body).await,
        };
        assert_eq!(reply.status.as_u16(), 404, "{path}: {}", reply.text());
    }
    home.owner.patch(&format!("/api/id-keys/{theirs}"), json!({ "sync": true })).await.expect(404);
    // A token of one organisation is another one in the next.
    let (a, b) = (home.owner.with("idempotency-key", "x"), other.owner.with("idempotency-key", "x"));
    assert_eq!((ids(&a, "k", 1).await, ids(&b, "k", 1).await), ((6, 6), (506, 506)));
    home.owner.act(&format!("/api/id-keys/{mine}/retire")).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(ids(&other.owner, "k", 1).await, (507, 507));
}

#[tokio::test]
async fn databases_and_tables_have_their_permissions_and_belong_to_one_organisation() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("home").await, app.org("other").await);
    let body = json!({
        "system_code": "shop", "kind": "mysql", "address": "127.0.0.1:1", "user": "u", "password": "p",
        "database": "main",
    });
    let id: Id = org.owner.post("/api/id-databases", body.clone()).await.expect(201).id();
    let own = |what: &str| format!("/api/id-databases/{id}{what}");
    let table = app.app.new_id();
    let acts = [
        ("ids:database:list", "GET", "/api/id-databases".to_owned(), 200),
        ("ids:database:read", "GET", own(""), 200),
        ("ids:database:update", "PATCH", own(""), 200),
        ("ids:database:update", "POST", own("/test"), 200),
        ("ids:database:initialize", "POST", own("/plan"), 200),
        ("ids:database:initialize", "POST", own("/initialize"), 202),
        ("ids:database:initialize", "GET", own("/initialization"), 200),
        ("ids:table:list", "GET", "/api/id-tables".to_owned(), 200),
        ("ids:table:update", "POST", format!("/api/id-tables/{table}/approve"), 404),
        ("ids:table:update", "POST", format!("/api/id-tables/{table}/ignore"), 404),
        ("ids:table:update", "POST", "/api/id-tables/approve-all".to_owned(), 200),
        ("ids:database:delete", "GET", own("/removal"), 200),
        ("ids:database:delete", "DELETE", own(""), 204),
    ];
    let mut members = Vec::new();
    for (n, permission) in [
        "ids:database:list",
        "ids:database:read",
        "ids:database:create",
        "ids:database:update",
        "ids:database:initialize",
        "ids:database:delete",
        "ids:table:list",
        "ids:table:update",
        "ids:key:allocate",
    ]
    .into_iter()
    .enumerate()
    {
        members.push((app.member(&org, &format!("member{n}"), &[permission]).await, permission));
    }
    let call = async |caller: &Caller, method: &str, path: &str| {
        let body = match method {
            "PATCH" => Some(json!({ "system_code": "u2" })),
            "POST" => Some(json!({})),
            _ => None,
        };
        caller.send(method.parse().unwrap(), path, body).await
    };
    for (needed, method, path, _) in &acts {
        for (member, permission) in members.iter().filter(|(_, permission)| permission != needed) {
            let status = call(member, method, path).await.status.as_u16();
            assert_eq!(status, 403, "{method} {path} with {permission} alone");
        }
        assert_eq!(call(&app.anon(), method, path).await.status.as_u16(), 401, "{path}");
        if path.contains(&id.to_string()) {
            assert_eq!(call(&other.owner, method, path).await.status.as_u16(), 404, "{method} {path}");
        }
    }
    for (needed, method, path, status) in &acts {
        let (member, _) = members.iter().find(|(_, permission)| permission == needed).unwrap();
        let reply = call(member, method, path).await;
        assert_eq!(reply.status.as_u16(), *status, "{method} {path}: {}", reply.text());
    }
    // The older wire asks for the same, in its own words.
    let id = other.owner.post("/api/id-databases", body).await.expect(201).id();
    let reader = app.member(&other, "reader", &["ids:database:list", "ids:database:read"]).await;
    assert_eq!(reader.get("/api/database/list").await.expect(200).body["data"].as_array().unwrap().len(), 1);
    let refused = reader.delete(&format!("/api/database/{id}")).await.expect(403);
    assert!(refused.body["detail"].is_string(), "{}", refused.text());
    assert_eq!(org.owner.get("/api/database/list").await.expect(200).body["data"], json!([]));
    let unknown = org.owner.get(&format!("/api/database/{id}")).await.expect(200).body;
    assert_eq!(unknown["code"], 404, "{unknown}");
    let data = done(
        &other.owner,
        &format!("/api/database/{id}/add-config"),
        json!({ "table_name": "t", "field_name": "f" }),
    )
    .await;
    assert_eq!(data["segment_key"], "shop:main:t:f");
}
