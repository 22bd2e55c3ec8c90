//! Ways to come to more than one was given: by roles, by departments, by the trash, by what outlives
//! a membership.

use std::time::Duration;

use base::Id;
use kernel::access::{self, DataScope, Holder, Tuple};
use serde_json::{Value, json};

use crate::support::{Caller, Org, TestApp};

const ROLES: [&str; 4] =
    ["identity:role:list", "identity:role:read", "identity:role:create", "identity:role:update"];
const USERS: [&str; 4] =
    ["identity:user:list", "identity:user:read", "identity:user:update", "identity:user:delete"];

async fn department(org: &Org, name: &str, parent: Option<Id>) -> Id {
    let body = json!({ "name": name, "code": name, "parent_id": parent });
    org.owner.post("/api/departments", body).await.expect(201).id()
}

async fn role(org: &Org, name: &str, scope: &str, codes: &[&str], more: Value) -> Id {
    let mut body = json!({ "name": name, "code": name, "data_scope": scope, "permissions": codes });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    org.owner.post("/api/roles", body).await.expect(201).id()
}

async fn refused(caller: &Caller, path: String, patch: Value, code: &str) {
    assert_eq!(caller.patch(&path, patch).await.expect(403).code(), code);
}

#[tokio::test]
async fn enabling_a_role_counts_as_giving_it() {
    let app = TestApp::new().await;
    let org = app.org("enable").await;
    let manager = app.member(&org, "manager", &ROLES).await;
    let strong = role(&org, "strong", "all", &["identity:post:purge"], json!({ "status": "disabled" })).await;
    let on = json!({ "status": "enabled" });
    refused(&manager, format!("/api/roles/{strong}"), on.clone(), "cannot_grant").await;
    let weak = role(&org, "weak", "all", &ROLES[..1], json!({ "status": "disabled" })).await;
    let me = format!("/api/users/{}", manager.id);
    org.owner.patch(&me, json!({ "role_ids": [manager.role, weak] })).await.expect(200);
    refused(&manager, format!("/api/roles/{weak}"), on.clone(), "own_role").await;
    org.owner.patch(&me, json!({ "role_ids": [manager.role] })).await.expect(200);
    manager.patch(&format!("/api/roles/{weak}"), on).await.expect(200);
}

#[tokio::test]
async fn a_role_with_more_than_one_holds_can_be_renamed_and_narrowed_but_not_widened() {
    let app = TestApp::new().await;
    let org = app.org("widen").await;
    let manager = app.member(&org, "manager", &ROLES).await;
    let strong = role(&org, "strong", "department", &["identity:post:purge"], json!({})).await;
    let path = format!("/api/roles/{strong}");
    refused(&manager, path.clone(), json!({ "data_scope": "all" }), "cannot_grant").await;
    manager.patch(&path, json!({ "description": "renamed" })).await.expect(200);
    manager.patch(&path, json!({ "data_scope": "self" })).await.expect(200);
    refused(&manager, path, json!({ "data_scope": "department" }), "cannot_grant").await;
}

#[tokio::test]
async fn a_scope_that_names_departments_is_measured_by_the_stored_ones_when_none_are_sent() {
    let app = TestApp::new().await;
    let org = app.org("stored").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let manager = app.member_with(&org, "manager", &ROLES, DataScope::Department, Some(mine)).await;
    let wide = json!({ "data_scope": "departments" });
    for (name, id, status) in [("there", other, 403), ("here", mine, 200)] {
        let role = role(&org, name, "self", &ROLES[..1], json!({ "department_ids": [id] })).await;
        let path = format!("/api/roles/{role}");
        let reply = manager.patch(&path, wide.clone()).await.expect(status);
        assert!(status == 200 || reply.code() == "cannot_grant");
    }
}

#[tokio::test]
async fn nobody_moves_himself_or_others_to_where_their_roles_open_more_than_he_reaches() {
    let app = TestApp::new().await;
    let org = app.org("move").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let manager = app.member(&org, "manager", &USERS).await;
    let victim =
        app.member_with(&org, "victim", &["identity:post:list"], DataScope::Department, Some(mine)).await;
    let there = json!({ "department_id": other });
    refused(&manager, format!("/api/users/{}", manager.id), there.clone(), "own_department").await;
    refused(&manager, format!("/api/users/{}", victim.id), there.clone(), "cannot_grant").await;
    let reader =
        app.member_with(&org, "reader", &["identity:user:list"], DataScope::Department, Some(mine)).await;
    manager.patch(&format!("/api/users/{}", reader.id), there).await.expect(200);
}

#[tokio::test]
async fn a_department_moves_only_within_what_the_caller_reaches() {
    let app = TestApp::new().await;
    let org = app.org("tree").await;
    let mine = department(&org, "mine", None).await;
    let one = department(&org, "one", Some(mine)).await;
    let two = department(&org, "two", Some(mine)).await;
    let other = department(&org, "other", None).await;
    let codes = ["identity:department:list", "identity:department:read", "identity:department:update"];
    let manager = app.member_with(&org, "manager", &codes, DataScope::DepartmentAndBelow, Some(mine)).await;
    let path = format!("/api/departments/{one}");
    manager.patch(&path, json!({ "parent_id": two })).await.expect(200);
    refused(&manager, path.clone(), json!({ "parent_id": other }), "cannot_move").await;
    refused(&manager, path, json!({ "parent_id": null }), "cannot_move").await;
}

const DEPARTMENTS: [&str; 6] = [
    "identity:department:list",
    "identity:department:read",
    "identity:department:create",
    "identity:department:update",
    "identity:department:delete",
    "identity:department:import",
];

/// A body of a new department.
fn below(name: &str, parent: Option<Id>) -> Value {
    json!({ "name": name, "code": name, "parent_id": parent })
}

#[tokio::test]
async fn a_manager_founds_departments_below_those_that_he_reaches_and_nowhere_else() {
    let app = TestApp::new().await;
    let org = app.org("found").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let wide = DataScope::DepartmentAndBelow;
    let manager = app.member_with(&org, "manager", &DEPARTMENTS, wide, Some(mine)).await;
    let north = manager.post("/api/departments", below("north", Some(mine))).await.expect(201).id();
    let deeper = manager.post("/api/departments", below("deeper", Some(north))).await.expect(201).id();
    manager.patch(&format!("/api/departments/{deeper}"), json!({ "phone": "1" })).await.expect(200);
    for parent in [Some(other), None] {
        let reply = manager.post("/api/departments", below("astray", parent)).await.expect(403);
        assert_eq!(reply.code(), "out_of_scope");
    }
    // Whose scope ends at his own department reaches nothing below it, a new one included.
    let narrow = DataScope::Department;
    let clerk = app.member_with(&org, "clerk", &DEPARTMENTS, narrow, Some(mine)).await;
    let reply = clerk.post("/api/departments", below("clerkish", Some(mine))).await.expect(403);
    assert_eq!(reply.code(), "out_of_scope");
    let key = json!({ "name": "k", "scopes": ["identity:department:create"] });
    let key = manager.post("/api/auth/api-keys", key).await.expect(201);
    let key = app.anon().with_token(key.body["key"].as_str().unwrap());
    key.post("/api/departments", below("by-key", Some(north))).await.expect(201);
    key.post("/api/departments", below("by-key-astray", Some(other))).await.expect(403);
    let names = org.owner.get("/api/departments?sort=name").await.expect(200);
    let names: Vec<&Value> = names.items().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["by-key", "deeper", "mine", "north", "other"], "what was refused was not kept");
}

#[tokio::test]
async fn an_import_and_a_bulk_found_and_bring_back_departments_within_the_same_bounds() {
    let app = TestApp::new().await;
    let org = app.org("many").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let wide = DataScope::DepartmentAndBelow;
    let manager = app.member_with(&org, "manager", &DEPARTMENTS, wide, Some(mine)).await;
    let import = async |rows: &[(&str, String)]| {
        let lines = rows.iter().map(|(code, parent)| format!("{code},{code},{parent}\n"));
        let file = format!("name,code,parent_id\n{}", lines.collect::<String>());
        let path = "/api/departments/import?key=code";
        manager.raw(http::Method::POST, path, Some("text/csv"), file.into_bytes()).await.expect(200)
    };
    // The second line changes what the first one has just made.
    let good = import(&[("one", mine.to_string()), ("one", mine.to_string())]).await;
    assert_eq!((&good.body["created"], &good.body["updated"]), (&json!(1), &json!(1)), "{}", good.text());
    for parent in [other.to_string(), String::new()] {
        let bad = import(&[("two", mine.to_string()), ("three", parent)]).await;
        assert_eq!(bad.body["applied"], false);
        assert_eq!(bad.body["errors"][0]["code"], "out_of_scope", "{}", bad.text());
        assert_eq!(bad.body["errors"][0]["row"], 3);
    }
    let one = manager.get("/api/departments?code=one").await.expect(200).items()[0]["id"].clone();
    let all = json!([one, other]);
    let bulk = async |action: &str| {
        let body = json!({ "ids": all, "action": action });
        let done = manager.post("/api/departments/bulk", body).await.expect(200);
        done.items().iter().map(|item| item["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bulk("delete").await, [200, 404]);
    assert_eq!(manager.get("/api/departments?trash=true").await.expect(200).items().len(), 1);
    org.owner.delete(&format!("/api/departments/{other}")).await.expect(204);
    assert_eq!(bulk("restore").await, [200, 404]);
}

#[tokio::test]
async fn a_scope_that_follows_the_member_is_measured_by_the_department_of_who_receives_it() {
    let app = TestApp::new().await;
    let org = app.org("follow").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let held = role(&org, "held", "department", &["identity:post:list"], json!({})).await;
    let all = app.member(&org, "all", &USERS).await;
    let near = app.member_with(&org, "near", &[], DataScope::Own, Some(mine)).await;
    let far = app.member_with(&org, "far", &[], DataScope::Own, Some(other)).await;
    // He finds every member, but reaches posts of his own department only.
    let posts =
        role(&org, "posts", "departments", &["identity:post:list"], json!({ "department_ids": [mine] }))
            .await;
    let me = json!({ "role_ids": [all.role, posts], "department_id": mine });
    org.owner.patch(&format!("/api/users/{}", all.id), me).await.expect(200);
    let give = |to: &Caller| json!({ "role_ids": [to.role, Some(held)] });
    refused(&all, format!("/api/users/{}", far.id), give(&far), "cannot_grant").await;
    all.patch(&format!("/api/users/{}", near.id), give(&near)).await.expect(200);
}

#[tokio::test]
async fn a_member_comes_back_from_the_trash_only_by_who_could_give_what_he_had() {
    let app = TestApp::new().await;
    let org = app.org("back").await;
    let manager = app.member(&org, "manager", &USERS).await;
    let owner = app.member(&org, "second", &[]).await;
    let strong = app.member(&org, "strong", &["identity:post:purge"]).await;
    let path = |caller: &Caller| format!("/api/users/{}", caller.id);
    org.owner.patch(&path(&owner), json!({ "is_owner": true })).await.expect(200);
    for (gone, code) in [(&owner, "owner_only"), (&strong, "cannot_grant")] {
        org.owner.delete(&path(gone)).await.expect(204);
        let restore = format!("{}/restore", path(gone));
        assert_eq!(manager.act(&restore).await.expect(403).code(), code);
        org.owner.act(&restore).await.expect(200);
    }
}

#[tokio::test]
async fn sessions_keys_and_invitations_end_with_the_membership() {
    let app = TestApp::new().await;
    let org = app.org("end").await;
    let codes = ["identity:post:list", "identity:invitation:create", "identity:invitation:list"];
    let member = app.member(&org, "member", &codes).await;
    let key = json!({ "name": "ci", "scopes": ["identity:post:list"] });
    let key = member.post("/api/auth/api-keys", key).await.expect(201);
    let key = app.anon().with_token(key.body["key"].as_str().unwrap());
    let invite = async |mail: &str| {
        let made = member.post("/api/invitations", json!({ "email": mail })).await.expect(201);
        made.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned()
    };
    let path = format!("/api/users/{}", member.id);
    let token = invite("one@example.com").await;
    org.owner.patch(&path, json!({ "active": false })).await.expect(200);
    org.owner.patch(&path, json!({ "active": true })).await.expect(200);
    member.get("/api/posts").await.expect(401);
    key.get("/api/posts").await.expect(200);
    let open = app.anon().get(&format!("/api/auth/invitations/{token}")).await;
    assert!(open.status.is_client_error(), "{}", open.text());
    org.owner.delete(&path).await.expect(204);
    org.owner.act(&format!("{path}/restore")).await.expect(200);
    key.get("/api/posts").await.expect(401);
    member.get("/api/posts").await.expect(401);
}

#[tokio::test]
async fn an_invitation_of_a_removed_member_cannot_be_accepted() {
    let app = TestApp::new().await;
    let org = app.org("invite").await;
    let member = app.member(&org, "member", &["identity:invitation:create"]).await;
    let made = member.post("/api/invitations", json!({ "email": "two@example.com" })).await.expect(201);
    let token = made.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    org.owner.delete(&format!("/api/users/{}", member.id)).await.expect(204);
    let open = app.anon().get(&format!("/api/auth/invitations/{token}")).await;
    assert!(open.status.is_client_error(), "{}", open.text());
}

#[tokio::test]
async fn the_members_of_a_role_are_shown_as_far_as_members_are() {
    let app = TestApp::new().await;
    let org = app.org("shown").await;
    let (mine, other) = (department(&org, "mine", None).await, department(&org, "other", None).await);
    let blind = app.member(&org, "blind", &["identity:role:read"]).await;
    let codes = ["identity:role:read", "identity:user:list"];
    let near = app.member_with(&org, "near", &codes, DataScope::Department, Some(mine)).await;
    let far = app.member_with(&org, "far", &[], DataScope::Own, Some(other)).await;
    let path = |role: &Caller| format!("/api/roles/{}/members", role.role.unwrap());
    blind.get(&path(&near)).await.expect(403);
    assert_eq!(near.get(&path(&near)).await.expect(200).items().len(), 1);
    assert_eq!(near.get(&path(&far)).await.expect(200).items().len(), 0);
    assert_eq!(org.owner.get(&path(&far)).await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn what_is_taken_from_somebody_while_he_gives_it_is_not_given() {
    let app = TestApp::new().await;
    let org = app.org("race").await;
    let weak = role(&org, "weak", "all", &[], json!({})).await;
    let lists = role(&org, "lists", "all", &["identity:post:list"], json!({})).await;
    let ann = app.member(&org, "ann", &[]).await;
    let codes = [&ROLES[..], &USERS, &["identity:user:grant", "identity:post:list"]].concat();
    let give = json!({ "permissions": ["identity:post:list"] });
    let asked = [
        ("PUT", format!("/api/users/{}/grants", ann.id), give.clone()),
        ("PATCH", format!("/api/roles/{weak}"), give),
        ("PATCH", format!("/api/users/{}", ann.id), json!({ "role_ids": [ann.role, lists] })),
    ];
    for (at, (method, path, body)) in asked.into_iter().enumerate() {
        let manager = app.member(&org, &format!("manager-{at}"), &codes).await;
        let catalogue = app.app.catalogue();
        let taken = Tuple::own(org.id, catalogue.entry(catalogue.find("identity:post:list").unwrap()));
        // Somebody takes it from his role, and has not committed yet when he asks.
        let tx = app.tx(org.id).await;
        access::lock_head(&tx).await.unwrap();
        let holder = Holder::Role(manager.role.unwrap());
        assert!(access::take(&tx, app.now(), holder, &taken).await.unwrap().is_some());
        access::bump(&tx, app.now(), "role_changed", manager.role).await.unwrap();
        let commit = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            tx.commit().await.unwrap();
        };
        let (reply, ()) = tokio::join!(manager.send(method.parse().unwrap(), &path, Some(body)), commit);
        assert_eq!(reply.expect(403).code(), "cannot_grant", "{path}");
    }
}
