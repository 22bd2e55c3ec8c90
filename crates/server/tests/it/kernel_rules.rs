//! Rules that the kernel applies to everything: data scopes, escalation, effect on the next
//! request, safe exports, bodies.

use http::Method;
use kernel::access::DataScope;
use serde_json::{Value, json};

use crate::support::{Caller, Org, TestApp};

async fn department(org: &Org, name: &str, parent: Option<base::Id>) -> base::Id {
    let body = json!({ "name": name, "code": name, "parent_id": parent });
    org.owner.post("/api/departments", body).await.expect(201).id()
}

const ALL_OF_DEPARTMENT: [&str; 6] = [
    "identity:department:list",
    "identity:department:read",
    "identity:department:update",
    "identity:department:delete",
    "identity:department:export",
    "identity:department:purge",
];

/// What a caller sees of departments in each way there is: by list, by count, by export, by id, by bulk.
async fn seen(caller: &Caller, all: &[(base::Id, &str)]) -> Vec<String> {
    let list = caller.get("/api/departments?page_size=200&count=exact").await.expect(200);
    let mut names: Vec<String> =
        list.items().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(list.body["total"].as_u64().unwrap() as usize, names.len(), "the count agrees with the list");
    let export = caller.get("/api/departments/export").await.expect(200).text();
    let exported: Vec<&str> =
        export.lines().filter_map(|line| line.trim_start_matches('\u{feff}').split(',').next()).collect();
    for (id, name) in all {
        let visible = names.iter().any(|seen| seen == name);
        assert_eq!(exported.contains(&id.to_string().as_str()), visible, "export of {name}");
        let read = caller.get(&format!("/api/departments/{id}")).await.status.as_u16();
        assert_eq!(read, if visible { 200 } else { 404 }, "read of {name}");
        let body = json!({ "ids": [id], "action": "patch", "patch": { "phone": "1" } });
        let bulk = caller.post("/api/departments/bulk", body).await.expect(200);
        assert_eq!(bulk.items()[0]["status"], if visible { 200 } else { 404 }, "bulk of {name}");
    }
    names
}

#[tokio::test]
async fn the_five_data_scopes_are_the_same_in_list_count_export_bulk_and_by_id() {
    let app = TestApp::new().await;
    let org = app.org("scopes").await;
    let top = department(&org, "top", None).await;
    let sales = department(&org, "sales", Some(top)).await;
    let north = department(&org, "north", Some(sales)).await;
    let lab = department(&org, "lab", Some(top)).await;
    let all = [(top, "top"), (sales, "sales"), (north, "north"), (lab, "lab")];
    let member = async |name: &str, scope, department| {
        app.member_with(&org, name, &ALL_OF_DEPARTMENT, scope, department).await
    };
    let caller = member("everything", DataScope::All, Some(sales)).await;
    assert_eq!(seen(&caller, &all).await, ["lab", "north", "sales", "top"]);
    let caller = member("own", DataScope::Department, Some(sales)).await;
    assert_eq!(seen(&caller, &all).await, ["sales"]);
    let caller = member("below", DataScope::DepartmentAndBelow, Some(sales)).await;
    assert_eq!(seen(&caller, &all).await, ["north", "sales"]);
    let caller = member("nowhere", DataScope::DepartmentAndBelow, None).await;
    assert_eq!(seen(&caller, &all).await, Vec::<String>::new());
    let caller = member("self", DataScope::Own, Some(sales)).await;
    assert_eq!(seen(&caller, &all).await, Vec::<String>::new());
    let caller = member("named", DataScope::Departments, Some(sales)).await;
    assert_eq!(seen(&caller, &all).await, Vec::<String>::new());
    let role = format!("/api/roles/{}", caller.role.unwrap());
    org.owner.patch(&role, json!({ "department_ids": [lab, north] })).await.expect(200);
    assert_eq!(seen(&caller, &all).await, ["lab", "north"]);
}

#[tokio::test]
async fn the_scope_self_shows_a_member_only_himself() {
    let app = TestApp::new().await;
    let org = app.org("self").await;
    let codes = ["identity:user:list", "identity:user:read"];
    let me = app.member_with(&org, "me", &codes, DataScope::Own, None).await;
    let list = me.get("/api/users").await.expect(200);
    assert_eq!(list.items().len(), 1);
    assert_eq!(list.items()[0]["id"], json!(me.id.to_string()));
    me.get(&format!("/api/users/{}", org.owner.id)).await.expect(404);
}

#[tokio::test]
async fn a_member_without_roles_sees_nothing() {
    let app = TestApp::new().await;
    let org = app.org("none").await;
    let nobody = app.member(&org, "nobody", &[]).await;
    for path in ["/api/users", "/api/posts", "/api/roles", "/api/audit-entries"] {
        nobody.get(path).await.expect(403);
    }
    let info = nobody.get("/api/auth/user/info").await.expect(200);
    assert_eq!(info.body["permissions"], json!([]));
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_on_the_very_next_request() {
    let app = TestApp::new().await;
    let org = app.org("next").await;
    let member = app.member(&org, "member", &["identity:post:list"]).await;
    member.get("/api/posts").await.expect(200);
    let path = format!("/api/users/{}", member.id);
    org.owner.patch(&path, json!({ "role_ids": [] })).await.expect(200);
    member.get("/api/posts").await.expect(403);
    org.owner.patch(&path, json!({ "role_ids": [member.role] })).await.expect(200);
    member.get("/api/posts").await.expect(200);
    let role = format!("/api/roles/{}", member.role.unwrap());
    org.owner.patch(&role, json!({ "permissions": [] })).await.expect(200);
    member.get("/api/posts").await.expect(403);
    org.owner
        .patch(&role, json!({ "permissions": ["identity:post:list"], "status": "disabled" }))
        .await
        .expect(200);
    member.get("/api/posts").await.expect(403);
    org.owner.patch(&role, json!({ "status": "enabled" })).await.expect(200);
    member.get("/api/posts").await.expect(200);
    org.owner.patch(&path, json!({ "active": false })).await.expect(200);
    member.get("/api/posts").await.expect(401);
    org.owner.patch(&path, json!({ "active": true })).await.expect(200);
    org.owner.delete(&path).await.expect(204);
    member.get("/api/posts").await.expect(401);
}

#[tokio::test]
async fn nobody_can_grant_what_he_lacks() {
    let app = TestApp::new().await;
    let org = app.org("escalation").await;
    let codes = [
        "identity:role:list",
        "identity:role:read",
        "identity:role:create",
        "identity:role:update",
        "identity:user:list",
        "identity:user:read",
        "identity:user:update",
        "identity:post:list",
    ];
    let manager = app.member(&org, "manager", &codes).await;
    let victim = app.member(&org, "victim", &[]).await;
    let role = |codes: Value| json!({ "name": "n", "code": "n", "data_scope": "all", "permissions": codes });
    let reply = manager.post("/api/roles", role(json!(["identity:post:create"]))).await.expect(403);
    assert_eq!(reply.code(), "cannot_grant");
    let mine = manager.post("/api/roles", role(json!(["identity:post:list"]))).await.expect(201).id();
    let more = json!({ "permissions": ["identity:post:list", "identity:post:purge"] });
    manager.patch(&format!("/api/roles/{mine}"), more).await.expect(403);
    // Not to himself, not his own role upward, not a role that carries more than he has.
    let me = format!("/api/users/{}", manager.id);
    assert_eq!(
        manager.patch(&me, json!({ "role_ids": [manager.role, mine] })).await.expect(403).code(),
        "own_role"
    );
    let own = format!("/api/roles/{}", manager.role.unwrap());
    let upward = json!({ "permissions": ["identity:post:list", "identity:post:create"] });
    manager.patch(&own, upward).await.expect(403);
    let strong = role(json!(["identity:post:purge"]));
    let strong = org.owner.post("/api/roles", strong_named(strong)).await.expect(201).id();
    let them = format!("/api/users/{}", victim.id);
    assert_eq!(
        manager.patch(&them, json!({ "role_ids": [strong] })).await.expect(403).code(),
        "cannot_grant"
    );
    manager.patch(&them, json!({ "role_ids": [mine] })).await.expect(200);
    // Owners are beyond him.
    let owner = format!("/api/users/{}", org.owner.id);
    manager.patch(&owner, json!({ "active": false })).await.expect(403);
    manager.patch(&me, json!({ "is_owner": true })).await.expect(403);
    manager.patch(&me, json!({ "is_platform_admin": true })).await.expect(422);
    let mut platform = role(json!(["platform:user:list"]));
    platform["code"] = json!("platform");
    org.owner.post("/api/roles", platform).await.expect(422);
}

fn strong_named(mut role: Value) -> Value {
    role["code"] = json!("strong");
    role
}

#[tokio::test]
async fn a_manager_of_one_department_cannot_open_others() {
    let app = TestApp::new().await;
    let org = app.org("reach").await;
    let mine = department(&org, "mine", None).await;
    let other = department(&org, "other", None).await;
    let codes = [
        "identity:role:list",
        "identity:role:create",
        "identity:role:update",
        "identity:role:read",
        "identity:user:list",
    ];
    let manager = app.member_with(&org, "manager", &codes, DataScope::Department, Some(mine)).await;
    let role = |scope: &str, departments: Value| {
        json!({
            "name": scope, "code": scope, "data_scope": scope, "department_ids": departments,
            "permissions": ["identity:user:list"],
        })
    };
    manager.post("/api/roles", role("all", json!([]))).await.expect(403);
    manager.post("/api/roles", role("departments", json!([other]))).await.expect(403);
    manager.post("/api/roles", role("departments", json!([mine]))).await.expect(201);
    manager.post("/api/roles", role("self", json!([]))).await.expect(201);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::new().await;
    let org = app.org("last").await;
    let path = format!("/api/users/{}", org.owner.id);
    assert_eq!(org.owner.patch(&path, json!({ "is_owner": false })).await.expect(409).code(), "last_owner");
    org.owner.patch(&path, json!({ "active": false })).await.expect(409);
    org.owner.delete(&path).await.expect(409);
    let other = app.member(&org, "other", &[]).await;
    org.owner.patch(&format!("/api/users/{}", other.id), json!({ "is_owner": true })).await.expect(200);
    org.owner.patch(&path, json!({ "is_owner": false })).await.expect(200);
    other.get("/api/posts").await.expect(200);
    let info = org.owner.get("/api/auth/user/info").await.expect(200);
    assert_eq!(info.body["organization"]["is_owner"], false);
}

#[tokio::test]
async fn a_department_cannot_lie_below_itself_and_is_kept_while_it_is_in_use() {
    let app = TestApp::new().await;
    let org = app.org("tree").await;
    let top = department(&org, "top", None).await;
    let below = department(&org, "below", Some(top)).await;
    let path = format!("/api/departments/{top}");
    let reply = org.owner.patch(&path, json!({ "parent_id": below })).await.expect(422);
    assert_eq!(reply.body["errors"][0]["code"], "circular");
    org.owner.patch(&path, json!({ "parent_id": top })).await.expect(422);
    assert_eq!(org.owner.delete(&path).await.expect(409).code(), "in_use");
    let me = format!("/api/users/{}", org.owner.id);
    org.owner.patch(&me, json!({ "department_id": below })).await.expect(200);
    let path = format!("/api/departments/{below}");
    org.owner.delete(&path).await.expect(409);
    assert_eq!(org.owner.get(&path).await.expect(200).body["member_count"], 1);
    org.owner.patch(&me, json!({ "department_id": null })).await.expect(200);
    org.owner.delete(&path).await.expect(204);
}

#[tokio::test]
async fn exports_carry_no_formula() {
    let app = TestApp::new().await;
    let org = app.org("formula").await;
    for (n, evil) in ["=1+1", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "＝1+1"].iter().enumerate() {
        org.owner.post("/api/posts", json!({ "code": format!("c{n}"), "name": evil })).await.expect(201);
    }
    let text = org.owner.get("/api/posts/export").await.expect(200).text();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let name = reader.headers().unwrap().iter().position(|header| header == "name").unwrap();
    let cells: Vec<String> = reader.records().map(|row| row.unwrap()[name].to_owned()).collect();
    assert!(cells.iter().all(|cell| cell.starts_with('\'')), "{cells:?}");
    let entries = org.owner.get("/api/audit-entries?action=identity:post:export").await.expect(200);
    assert_eq!(entries.items().len(), 1, "an export is in the audit trail");
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let app = TestApp::new().await;
    let org = app.org("strict").await;
    let post = async |kind: Option<&str>, text: &[u8]| {
        org.owner.raw(Method::POST, "/api/posts", kind, text.to_vec()).await
    };
    let json = Some("application/json");
    assert_eq!(post(None, b"{}").await.expect(415).code(), "unsupported_media_type");
    post(Some("text/plain"), b"{}").await.expect(415);
    assert_eq!(post(json, b"{\"code\": \"a\"").await.expect(400).code(), "malformed_json");
    post(json, b"").await.expect(400);
    let twice = post(json, b"{\"code\":\"a\",\"code\":\"b\",\"name\":\"n\"}").await.expect(400);
    assert!(twice.text().contains("twice"), "{}", twice.text());
    let deep = format!("{}{}", "[".repeat(80), "]".repeat(80));
    post(json, deep.as_bytes()).await.expect(400);
    post(json, b"{\"code\":\"a\\u0000b\",\"name\":\"n\"}").await.expect(400);
    post(json, &vec![b' '; 2 * 1024 * 1024]).await.expect(413);
    let near = post(json, b"{\"code\":\"a\",\"nmae\":\"n\"}").await.expect(422);
    assert!(near.text().contains("did you mean name?"), "{}", near.text());
    post(json, b"\"text\"").await.expect(422);
    post(Some("application/json; charset=utf-8"), b"{\"code\":\"a\",\"name\":\"n\"}").await.expect(201);
}

#[tokio::test]
async fn an_unknown_path_of_the_api_is_a_problem_and_any_other_is_the_console() {
    let app = TestApp::new().await;
    let reply = app.anon().get("/api/nope").await.expect(404);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(reply.code(), "no_such_route");
    let page = app.anon().get("/some/page").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    for hidden in ["/.git/config", "/.env", "/backup.sql", "/assets/../Cargo.toml"] {
        app.anon().get(hidden).await.expect(404);
    }
}

#[tokio::test]
async fn every_answer_carries_its_request_id_and_the_security_headers() {
    let app = TestApp::new().await;
    let reply = app.anon().with("x-request-id", "my-request-0001").get("/api/posts").await;
    assert_eq!(reply.header("x-request-id"), "my-request-0001");
    assert_eq!(reply.body["request_id"], "my-request-0001");
    let reply = app.anon().with("x-request-id", "bad id\"").get("/api/posts").await;
    assert_eq!(reply.header("x-request-id").len(), 32);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(reply.header(name), value);
    }
    assert_eq!(reply.header("server"), "");
}

#[tokio::test]
async fn a_workbook_that_claims_the_whole_sheet_is_refused_and_a_plain_one_is_read() {
    let app = TestApp::new().await;
    let org = app.org("sheet").await;
    let book = |cells: &[(u32, u16, &str)]| {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (row, column, text) in cells {
            sheet.write_string(*row, *column, *text).unwrap();
        }
        book.save_to_buffer().unwrap()
    };
    let kind = Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let import = async |bytes: Vec<u8>| org.owner.raw(Method::POST, "/api/posts/import", kind, bytes).await;
    let far = import(book(&[(0, 0, "code"), (1_048_575, 16_383, "x")])).await.expect(422);
    assert_eq!(far.code(), "too_many_records");
    import(b"PK not a workbook".to_vec()).await.expect(400);
    let good = book(&[(0, 0, "code"), (0, 1, "name"), (1, 0, "a"), (1, 1, "A"), (2, 0, "b"), (2, 1, "=B")]);
    let done = import(good).await.expect(200);
    assert_eq!(
        (done.body["created"].as_u64(), done.body["failed"].as_u64()),
        (Some(2), Some(0)),
        "{}",
        done.text()
    );
}
