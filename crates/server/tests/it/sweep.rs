//! The sweep: every operation × nobody, another organisation, no permission, read-only, a disabled
//! user. It walks the operations that the router was built from, so a route that exists is in it.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use kernel::api::{Access, Operation};
use serde_json::{Value, json};

use crate::support::{Caller, Org, TestApp};

/// The only operations that anybody may call. Adding to this list is a decision.
const PUBLIC: &[&str] = &[
    "system.live",
    "system.health",
    "system.ready",
    "system.metrics",
    "system.openapi",
    "system.schema",
    "system.docs",
    "system.swagger",
    "system.redoc",
    "system.schema_redoc",
    "auth.check_init",
    "auth.init_user",
    "auth.public_key",
    "auth.jwks",
    "auth.login",
    "auth.token",
    "auth.refresh",
    "auth.forgot_password",
    "auth.reset_password",
    "auth.confirm_email",
    "auth.invitation",
    "auth.accept_invitation",
    // Unless ID_ALLOCATE_AUTH asks for a key; tests of its own say who gets what.
    "ids.allocate",
    // Known by a secret, a key or a token of their own: `members::whoever_shows_nothing_is_refused_everywhere`.
    "members.api_client",
    "members.api_client_create",
    "members.api_client_delete",
    "members.api_client_rotate",
    "members.api_client_update",
    "members.api_clients",
    "members.audit",
    "members.audit_verify",
    "members.batch",
    "members.catalog",
    "members.catalog_put",
    "members.changes",
    "members.check",
    "members.ensure",
    "members.grant",
    "members.grants",
    "members.me",
    "members.own_snapshot",
    "members.revoke",
    "members.snapshot",
    "members.snapshots",
    "members.upsert",
    "members.user_update",
    "members.users",
];

/// The only operations that need no permission beside a sign-in. Adding to this list is a decision, too.
const SIGNED_IN: &[&str] = &[
    "auth.api_keys",
    "auth.change_email",
    "auth.change_password",
    "auth.change_user_info",
    "auth.create_api_key",
    "auth.delete_api_key",
    "auth.end_session",
    "auth.logout",
    "auth.menus",
    "auth.rotate_api_key",
    "auth.routes",
    "auth.sessions",
    "auth.switch_organization",
    "auth.user_info",
    "identity.meta",
    "identity.organization.create",
    "identity.organization.delete",
    "identity.organization.export",
    "identity.organization.leave",
    "identity.organization.list",
    "identity.organization.read",
    "identity.organization.restore",
    "identity.organization.transfer",
    "identity.permission.list",
    // What an id says of itself; a generator is read in the caller's organisation.
    "ids.decode",
    "ids.settings",
    // Whoever asked for an export or import, and still may.
    "transfers.cancel",
    "transfers.events",
    "transfers.file",
    "transfers.read",
];

/// Ids of real records of an organisation, by the path of their collection.
async fn real_ids(app: &TestApp, org: &Org) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for resource in app.app.registry().iter() {
        let path = resource.meta().path();
        if let Some(sample) = resource.samples().into_iter().next() {
            let body: Value = serde_json::from_str(&sample.create.to_string().replace("{n}", "77")).unwrap();
            ids.insert(path.clone(), org.owner.post(&path, body).await.expect(201).id().to_string());
        } else if let Some(first) = org.owner.get(&path).await.expect(200).items().first() {
            ids.insert(path, first["id"].as_str().unwrap().to_owned());
        }
    }
    let invited =
        org.owner.post("/api/invitations", json!({ "email": "swept@example.com" })).await.expect(201);
    ids.insert("/api/invitations".into(), invited.id().to_string());
    let key = org.owner.post("/api/auth/api-keys", json!({ "name": "swept" })).await.expect(201);
    ids.insert("/api/api-keys".into(), key.id().to_string());
    ids.insert("/api/auth/api-keys".into(), key.id().to_string());
    let begun = org.owner.act("/api/posts/export-job").await.expect(202);
    ids.insert("/api/transfers".into(), begun.id().to_string());
    ids.insert("/api/jobs".into(), begun.id().to_string());
    ids.insert("/api/sessions".into(), org.owner.session.to_string());
    ids.insert("/api/auth/sessions".into(), org.owner.session.to_string());
    ids.insert("/api/organizations".into(), org.id.to_string());
    ids.insert("/api/users".into(), org.owner.id.to_string());
    let database = json!({
        "system_code": "swept", "kind": "mysql", "address": "127.0.0.1:1", "user": "nobody", "password": "x",
    });
    let database = org.owner.post("/api/id-databases", database).await.expect(201).id().to_string();
    ids.insert("/api/database/initialize".into(), database.clone());
    ids.insert("/api/database".into(), database.clone());
    ids.insert("/api/id-databases".into(), database);
    let key = org.owner.post("/api/id-keys", json!({ "name": "swept" })).await.expect(201);
    ids.insert("/api/id-keys".into(), key.id().to_string());
    let client = org.owner.post("/api/member-clients", json!({ "name": "swept" })).await.expect(201);
    ids.insert("/api/member-clients".into(), client.id().to_string());
    let issuer = json!({ "name": "swept", "issuer": "https://sso.example.com/", "audiences": ["swept"] });
    let issuer = org.owner.post("/api/member-issuers", issuer).await.expect(201);
    ids.insert("/api/member-issuers".into(), issuer.id().to_string());
    ids
}

/// The operation's path with ids of `ids` where the collection is known, else with one that does not exist.
fn filled(operation: &Operation, ids: &BTreeMap<String, String>) -> String {
    let collection = operation.path.split("/{").next().unwrap_or_default();
    let id = ids.get(collection).map_or("00000000-0000-7000-8000-00000000dead", String::as_str);
    let mut out = String::new();
    for part in operation.path.split('/').skip(1) {
        out.push('/');
        out.push_str(if part.starts_with('{') { id } else { part });
    }
    out
}

/// A body that is JSON, where the operation takes one.
fn body(operation: &Operation) -> Option<Value> {
    operation.body.iter().any(|(kind, _)| kind == "application/json").then(|| json!({}))
}

async fn call(
    caller: &Caller,
    operation: &Operation,
    ids: &BTreeMap<String, String>,
) -> crate::support::caller::Reply {
    caller.send(operation.method.clone(), &filled(operation, ids), body(operation)).await
}

#[tokio::test]
async fn only_the_listed_operations_are_public() {
    let app = TestApp::new().await;
    let public = app.operations.iter().filter(|operation| operation.access == Access::Public);
    let found: BTreeSet<&str> = public.map(|operation| operation.id.as_str()).collect();
    assert_eq!(found, PUBLIC.iter().copied().collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn only_the_listed_operations_ask_for_no_permission() {
    let app = TestApp::new().await;
    let open = app.operations.iter().filter(|operation| operation.access == Access::SignedIn);
    let found: BTreeSet<&str> = open.map(|operation| operation.id.as_str()).collect();
    assert_eq!(found, SIGNED_IN.iter().copied().collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn the_document_lists_every_operation_with_its_permission() {
    let app = TestApp::new().await;
    let document = app.anon().get("/openapi.json").await.expect(200).body;
    let mut listed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            listed += 1;
            let operation = app
                .operations
                .iter()
                .find(|o| o.path == *path && o.method.as_str().eq_ignore_ascii_case(method))
                .unwrap_or_else(|| panic!("{method} {path} is documented but not served"));
            let summary = described["summary"].as_str().unwrap_or_default();
            assert!(summary.len() > 3, "{} has no summary", operation.id);
            match &operation.access {
                Access::Permission(code) => assert_eq!(described["x-permission"], json!(code)),
                Access::AnyOf(codes) => assert_eq!(described["x-permission"], json!(codes)),
                Access::Public => assert_eq!(described["security"], json!([])),
                Access::SignedIn => assert_eq!(described["x-access"], "signed_in"),
            }
        }
    }
    assert_eq!(listed, app.operations.len());
}

#[tokio::test]
async fn nobody_gets_401_everywhere_but_on_public_operations() {
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let ids = real_ids(&app, &org).await;
    for operation in app.operations.iter().filter(|operation| operation.access != Access::Public) {
        let reply = call(&app.anon(), operation, &ids).await;
        assert_eq!(reply.status.as_u16(), 401, "{}: {}", operation.id, reply.text());
        let reply = call(&app.anon().with_token("not.a.token"), operation, &ids).await;
        assert_eq!(reply.status.as_u16(), 401, "{}: {}", operation.id, reply.text());
    }
}

#[tokio::test]
async fn a_member_without_roles_gets_403_wherever_a_permission_is_needed() {
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let ids = real_ids(&app, &org).await;
    let nobody = app.member(&org, "powerless", &[]).await;
    for operation in &app.operations {
        if matches!(operation.access, Access::Public | Access::SignedIn) {
            continue;
        }
        let reply = call(&nobody, operation, &ids).await;
        assert_eq!(reply.status.as_u16(), 403, "{}: {}", operation.id, reply.text());
        assert_eq!(reply.code(), "permission_denied", "{}", operation.id);
    }
}

#[tokio::test]
async fn a_reader_reads_and_changes_nothing() {
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let ids = real_ids(&app, &org).await;
    let reading = |code: &&str| {
        let action = code.rsplit(':').next().unwrap_or_default();
        ["list", "read"].contains(&action) && !code.starts_with("platform:")
    };
    let codes: Vec<&str> =
        app.app.catalogue().iter().map(|(_, entry)| entry.code.as_str()).filter(reading).collect();
    let reader = app.member(&org, "reader", &codes).await;
    for operation in &app.operations {
        let Access::Permission(code) = &operation.access else { continue };
        let reply = call(&reader, operation, &ids).await;
        if codes.contains(&code.as_str()) {
            // 422: a required parameter is missing, which is found out after the permission.
            let let_in = [200, 404, 422].contains(&reply.status.as_u16());
            assert!(let_in, "{}: {}", operation.id, reply.text());
            assert_eq!(operation.method, Method::GET, "{} changes something under {code}", operation.id);
        } else {
            assert_eq!(reply.status.as_u16(), 403, "{}: {}", operation.id, reply.text());
        }
    }
}

#[tokio::test]
async fn the_owner_of_another_organisation_finds_nothing() {
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let ids = real_ids(&app, &org).await;
    let other = app.org("other").await;
    for operation in app.operations.iter().filter(|operation| operation.path.contains('{')) {
        // What `ids.decode` is given is no record: an id says the same to everybody.
        let is_no_record = operation.id == "ids.decode";
        if operation.access == Access::Public || operation.id.starts_with("platform.") || is_no_record {
            continue;
        }
        let reply = call(&other.owner, operation, &ids).await;
        // A body that is not right may be refused before the record is looked for; nothing may succeed.
        let is_older = operation.refusal.is_some() && reply.status.as_u16() == 200;
        // The older wire says 404 in its envelope, and lists nothing.
        let says_nothing = reply.body["code"] == 404 || reply.body["data"] == json!([]);
        let fine = [404, 422].contains(&reply.status.as_u16()) || (is_older && says_nothing);
        assert!(fine, "{} answered {}: {}", operation.id, reply.status, reply.text());
    }
}

#[tokio::test]
async fn a_disabled_user_gets_401_everywhere() {
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let ids = real_ids(&app, &org).await;
    let person = app.person("gone").await;
    let tx = app.tx(org.id).await;
    identity::resource::user::join(&app.app, &tx, &person, None, Default::default()).await.unwrap();
    tx.commit().await.unwrap();
    let gone = app.sign_in(person.clone(), Some(org.id)).await;
    gone.get("/api/auth/user/info").await.expect(200);
    let tx = app.app.system(store::Mode::Write).await.unwrap();
    let disabled = identity::entity::app_user::ActiveModel {
        disabled_at: sea_orm::ActiveValue::Set(Some(app.now())),
        ..Default::default()
    };
    let condition = sea_orm::Condition::all()
        .add(sea_orm::ColumnTrait::eq(&identity::entity::app_user::Column::Id, person.id));
    tx.update_where(disabled, condition).await.unwrap();
    tx.commit().await.unwrap();
    for operation in app.operations.iter().filter(|operation| operation.access != Access::Public) {
        let reply = call(&gone, operation, &ids).await;
        assert_eq!(reply.status.as_u16(), 401, "{}: {}", operation.id, reply.text());
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_or_verb_gets_around_the_guard() {
    let app = TestApp::new().await;
    let anon = app.anon();
    for path in [
        "/api/posts/",
        "/api//posts",
        "//api/posts",
        "/API/posts",
        "/api/posts;x",
        "/api/%70osts",
        "/api/posts%2f",
        "/api/posts/%2e%2e/posts",
        "/api/./posts",
        "/api/posts/..",
        "/api/posts//",
    ] {
        let reply = anon.get(path).await;
        assert!(!reply.body["items"].is_array(), "{path} answered {}", reply.text());
    }
    for verb in ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "HEAD"] {
        let reply = anon.send(Method::from_bytes(verb.as_bytes()).unwrap(), "/api/posts", None).await;
        assert!(reply.status.as_u16() >= 400 || reply.bytes.is_empty(), "{verb}");
        assert_ne!(reply.status.as_u16(), 200, "{verb}");
    }
    let reply = anon.with("x-http-method-override", "GET").post("/api/posts", json!({})).await;
    assert_eq!(reply.status.as_u16(), 401);
    let reply = anon.send(Method::DELETE, "/api/posts", None).await;
    assert_eq!(reply.status.as_u16(), 405);
    assert!(reply.header("allow").contains("GET"), "{:?}", reply.headers);
}

#[tokio::test]
async fn every_permission_has_a_title_of_its_own_in_both_languages() {
    let app = TestApp::new().await;
    let org = app.org("titles").await;
    let mut seen = BTreeSet::new();
    let all = org.owner.get("/api/permissions").await.expect(200);
    assert!(all.items().len() > 50);
    for entry in all.items() {
        let title = |language: &str| entry[language].as_str().unwrap_or_default().to_owned();
        let (zh, en) = (title("title_zh"), title("title_en"));
        let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let parts: Vec<&str> = zh.split('：').collect();
        assert!(parts.len() == 2 && parts.iter().all(|part| chinese(part)), "{entry}");
        assert!(!chinese(&en) && en.contains(": "), "{entry}");
        assert!(seen.insert(zh) && seen.insert(en), "another permission has the same title: {entry}");
    }
}
