//! Who may do what, seen and changed by people in the console.

use std::collections::BTreeSet;

use base::Id;
use chrono::Duration;
use kernel::access::DataScope;
use serde_json::{Value, json};

use crate::{
    members_support::{keeper, may, path, sister},
    support::{Caller, Org, TestApp, caller::Reply},
};

const GRANTS: &str = "/api/member-grants";
const BATCH: &str = "/api/member-grants/batch";
/// What a keeper of grants has.
pub const KEEPER: [&str; 2] = ["members:grant:list", "members:grant:change"];

/// An operation of a batch about `module:action` in a shop.
pub fn op(kind: &str, user: &Caller, shop: &str, module: &str, action: &str) -> Value {
    json!({
        "op": kind, "user_id": user.id, "scope_type": "shop", "scope_id": shop, "module": module,
        "action": action,
    })
}

/// The same with more members.
pub fn with(mut operation: Value, more: Value) -> Value {
    operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    operation
}

/// An operation about one of the product's own permissions.
fn own(kind: &str, user: &Caller, org: Id, module: &str, action: &str) -> Value {
    json!({
        "op": kind, "user_id": user.id, "scope_type": "org", "scope_id": org, "module": module,
        "action": action,
    })
}

/// Sends a batch, all or none.
pub async fn batch(caller: &Caller, operations: &[Value]) -> Reply {
    caller.post(BATCH, json!({ "operations": operations })).await
}

fn results(reply: &Reply) -> Vec<&str> {
    reply.body["results"].as_array().unwrap().iter().map(|one| one["result"].as_str().unwrap()).collect()
}

/// `scope_id/module:action` of each item of a list.
pub fn shown(items: &[Value]) -> Vec<String> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let one = |item: &Value| {
        format!("{}/{}:{}", text(item, "scope_id"), text(item, "module"), text(item, "action"))
    };
    items.iter().map(one).collect()
}

async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    shown(caller.get(&format!("{GRANTS}?{query}")).await.expect(200).items())
}

/// A member's version, as sister systems read it.
pub async fn version(app: &TestApp, user: &Caller) -> i64 {
    let snapshot = sister(app).get(&path(&user.id.to_string())).await.expect(200);
    snapshot.body["version"].as_i64().unwrap()
}

/// An organisation with names for grants, its keeper at the screen, and two members.
pub async fn shop(app: &TestApp) -> (Org, Caller, Caller, Caller) {
    let org = app.org("home").await;
    keeper(app, &org).await;
    let clerk = app.member(&org, "clerk", &KEEPER).await;
    let ann = app.member(&org, "ann", &[]).await;
    let bob = app.member(&org, "bob", &[]).await;
    (org, clerk, ann, bob)
}

#[tokio::test]
async fn grants_are_listed_newest_first_and_found_by_whatever_is_known_of_them() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let soon = base::time::format(app.now() + Duration::days(3));
    for one in [
        with(op("grant", &ann, "1", "mkt", "read"), json!({ "reason": "new here" })),
        with(op("grant", &ann, "2", "mkt", "write"), json!({ "expires_at": soon })),
        op("grant", &bob, "2", "adm", "read"),
    ] {
        batch(&clerk, &[one]).await.expect(200);
        // Ids of one instant are in no order of their own.
        app.clock.advance(Duration::seconds(1));
    }
    let program = keeper(&app, &org).await;
    let given = program.post("/admin/permissions/grant", may(&bob.id.to_string(), "3", "mkt", "read")).await;
    given.expect(201);
    assert_eq!(listed(&clerk, "").await, ["3/mkt:read", "2/adm:read", "2/mkt:write", "1/mkt:read"]);
    for (query, found) in [
        (format!("user_id={}", ann.id), vec!["2/mkt:write", "1/mkt:read"]),
        ("scope_type=shop&scope_id=2".to_owned(), vec!["2/adm:read", "2/mkt:write"]),
        ("scope_type=region".to_owned(), vec![]),
        ("scope_id=2".to_owned(), vec!["2/adm:read", "2/mkt:write"]),
        ("action=read&sort=id".to_owned(), vec!["1/mkt:read", "2/adm:read", "3/mkt:read"]),
        (format!("user_id={}&sort=id", ann.id), vec!["1/mkt:read", "2/mkt:write"]),
        ("module=mkt&action=read".to_owned(), vec!["3/mkt:read", "1/mkt:read"]),
        ("search=ANN".to_owned(), vec!["2/mkt:write", "1/mkt:read"]),
        ("search=ann%25".to_owned(), vec![]),
        ("search=bob+tester".to_owned(), vec!["3/mkt:read", "2/adm:read"]),
        (
            format!("expires_before={}", base::time::format(app.now() + Duration::days(4))),
            vec!["2/mkt:write"],
        ),
        (format!("expires_before={}", base::time::format(app.now() + Duration::days(2))), vec![]),
        (format!("granted_by={}", clerk.id), vec!["2/adm:read", "2/mkt:write", "1/mkt:read"]),
    ] {
        assert_eq!(listed(&clerk, &query).await, found, "{query}");
    }
    let first = clerk.get(&format!("{GRANTS}?page_size=1&count=exact")).await.expect(200);
    assert_eq!((&first.body["total"], &first.body["page_size"]), (&json!(4), &json!(1)));
    let giver = &first.items()[0]["granted_by"];
    assert_eq!(
        (&giver["kind"], giver["name"].as_str().unwrap().contains("back office")),
        (&json!("program"), true)
    );
    let cursor = first.body["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&clerk, &format!("page_size=1&cursor={cursor}")).await, ["2/adm:read"]);
    let refused = clerk.get(&format!("{GRANTS}?page_size=1&module=mkt&cursor={cursor}")).await.expect(422);
    assert_eq!(refused.code(), "cursor_mismatch");
    let none = clerk.get(&format!("{GRANTS}?count=none")).await.expect(200);
    assert_eq!(none.body["total"], Value::Null);
    let row = clerk.get(&format!("{GRANTS}?scope_id=1")).await.expect(200).items()[0].clone();
    assert_eq!(row["user"]["username"], "ann");
    assert_eq!((&row["user"]["email"], &row["user"]["is_active"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!((&row["reason"], &row["expires_at"]), (&json!("new here"), &Value::Null));
    assert_eq!(row["granted_by"], json!({ "kind": "user", "id": clerk.id, "name": clerk.name }));
    assert!(row["created_at"].is_string());
    for wrong in
        ["colour=red", "user_id=x", "module=a&module=b", "expires_before=soon", "page=0", "sort=action"]
    {
        clerk.get(&format!("{GRANTS}?{wrong}")).await.expect(422);
    }
    // What has ended is not there, whether it was taken away yet or not.
    app.clock.advance(Duration::days(4));
    let clerk = app.sign_in(app.read_user(clerk.id).await, Some(org.id)).await;
    assert_eq!(listed(&clerk, &format!("user_id={}", ann.id)).await, ["1/mkt:read"]);
}

#[tokio::test]
async fn nobody_sees_or_changes_grants_of_members_whom_he_does_not_reach() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    let department = async |name: &str| {
        let body = json!({ "name": name, "code": name });
        org.owner.post("/api/departments", body).await.expect(201).id()
    };
    let (north, south) = (department("north").await, department("south").await);
    let chief = app.member_with(&org, "chief", &KEEPER, DataScope::Department, Some(north)).await;
    let near = app.member_with(&org, "near", &[], DataScope::Own, Some(north)).await;
    let far = app.member_with(&org, "far", &[], DataScope::Own, Some(south)).await;
    batch(&clerk, &[op("grant", &near, "1", "mkt", "read"), op("grant", &far, "2", "mkt", "read")])
        .await
        .expect(200);
    assert_eq!(listed(&chief, "").await, ["1/mkt:read"]);
    assert_eq!(listed(&chief, "search=far").await, Vec::<String>::new());
    chief.get(&format!("/api/members/{}/access", near.id)).await.expect(200);
    chief.get(&format!("/api/members/{}/access", far.id)).await.expect(404);
    batch(&chief, &[op("grant", &near, "5", "mkt", "read")]).await.expect(200);
    let refused = batch(&chief, &[op("revoke", &far, "2", "mkt", "read")]).await.expect(422);
    assert_eq!(refused.body["errors"][0]["field"], "operations.0.user_id");
    assert_eq!(refused.body["errors"][0]["code"], "unknown_reference");
    let who = "who-can?scope_type=shop&scope_id=2&module=mkt&action=read";
    assert!(chief.get(&format!("{GRANTS}/{who}")).await.expect(200).items().is_empty());
    assert_eq!(clerk.get(&format!("{GRANTS}/{who}")).await.expect(200).items().len(), 1);
    // Another organisation is as if it were not there.
    let other = app.org("other").await;
    let stranger = app.member(&other, "stranger", &KEEPER).await;
    assert!(listed(&stranger, "").await.is_empty());
    assert!(listed(&stranger, &format!("user_id={}", ann.id)).await.is_empty());
    stranger.get(&format!("/api/members/{}/access", ann.id)).await.expect(404);
    other
        .owner
        .post(&format!("/api/members/{}/offboard", ann.id), json!({ "reason": "x" }))
        .await
        .expect(404);
    let copy = json!({ "from_user_id": near.id });
    other.owner.post(&format!("/api/members/{}/copy-grants", ann.id), copy.clone()).await.expect(404);
    let copy = other.owner.post(&format!("/api/members/{}/copy-grants", stranger.id), copy).await.expect(422);
    assert_eq!(copy.body["errors"][0]["field"], "from_user_id");
    let refused = batch(&other.owner, &[op("grant", &ann, "1", "mkt", "read")]).await.expect(422);
    assert!(refused.text().contains("unknown_"), "{}", refused.text());
    // Who lacks the permission sees nothing of it.
    for path in [GRANTS, &format!("{GRANTS}/export"), &format!("/api/members/{}/access", near.id)] {
        ann.get(path).await.expect(403);
    }
    batch(&ann, &[op("grant", &near, "1", "mkt", "read")]).await.expect(403);
}

#[tokio::test]
async fn a_batch_gives_and_takes_all_or_none_and_says_what_became_of_each() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let both = [op("grant", &ann, "1", "mkt", "read"), op("grant", &bob, "1", "mkt", "read")];
    let done = batch(&clerk, &both).await.expect(200);
    assert_eq!((results(&done), &done.body["changed"]), (vec!["granted", "granted"], &json!(2)));
    let before = version(&app, &ann).await;
    let again = batch(&clerk, &both).await.expect(200);
    assert_eq!((results(&again), &again.body["changed"]), (vec!["unchanged", "unchanged"], &json!(0)));
    assert_eq!(version(&app, &ann).await, before, "nothing changed, so there is no new version");
    let other = with(both[0].clone(), json!({ "reason": "so", "expires_at": "2999-01-01T00:00:00Z" }));
    let done = batch(
        &clerk,
        &[other, op("revoke", &bob, "1", "mkt", "read"), op("revoke", &bob, "9", "mkt", "read")],
    )
    .await
    .expect(200);
    assert_eq!(results(&done), ["updated", "revoked", "not_granted"]);
    assert!(version(&app, &ann).await > before);
    // One that is wrong keeps the others away, and is named.
    let wrong = [
        (
            with(op("grant", &ann, "2", "mkt", "read"), json!({ "module": "nope" })),
            "module",
            "unknown_module",
        ),
        (with(op("grant", &ann, "2", "mkt", "read"), json!({ "action": "*" })), "action", "invalid_format"),
        (with(op("grant", &ann, "2 2", "mkt", "read"), json!({})), "scope_id", "invalid_format"),
        (
            with(op("grant", &ann, "2", "mkt", "read"), json!({ "user_id": app.app.new_id() })),
            "user_id",
            "unknown_reference",
        ),
        (
            with(op("grant", &ann, "2", "mkt", "read"), json!({ "expires_at": "2020-01-01T00:00:00Z" })),
            "expires_at",
            "in_the_past",
        ),
        (
            with(op("revoke", &ann, "1", "mkt", "read"), json!({ "expires_at": null })),
            "expires_at",
            "not_allowed",
        ),
    ];
    for (wrong, field, code) in &wrong {
        let refused =
            batch(&clerk, &[op("grant", &bob, "2", "mkt", "read"), wrong.clone()]).await.expect(422);
        let error = &refused.body["errors"][0];
        assert_eq!(error["field"], format!("operations.1.{field}"), "{}", refused.text());
        assert_eq!(error["code"], *code);
    }
    assert!(listed(&clerk, &format!("user_id={}", bob.id)).await.is_empty(), "nothing of it was kept");
    let mixed = json!({ "atomic": false, "operations": [
        op("grant", &bob, "2", "mkt", "read"), wrong[0].0, op("revoke", &ann, "1", "mkt", "read"),
    ] });
    let done = clerk.post(BATCH, mixed).await.expect(200);
    assert_eq!(results(&done), ["granted", "refused", "revoked"]);
    assert_eq!(done.body["changed"], 2);
    assert_eq!(done.body["results"][1]["error"]["code"], "unknown_module");
    assert_eq!(listed(&clerk, "").await, ["2/mkt:read"]);
    let many: Vec<Value> = (0..501).map(|n| op("grant", &ann, &n.to_string(), "mkt", "read")).collect();
    batch(&clerk, &many).await.expect(422);
    batch(&clerk, &[]).await.expect(422);
    batch(&clerk, &[with(op("grant", &ann, "1", "mkt", "read"), json!({ "colour": 1 }))]).await.expect(422);
    // The trail has each of them, the feed the same as of programs.
    let trail = org.owner.get("/api/audit-entries/?page_size=200").await.expect(200);
    let given =
        |entry: &&Value| entry["action"] == "members:permission:grant" && entry["target_name"] == "bob";
    assert_eq!(trail.items().iter().filter(given).count(), 3, "granted, unchanged, granted again");
    let snapshot = sister(&app).get(&path(&bob.id.to_string())).await.expect(200);
    assert_eq!(shown(snapshot.body["permissions"].as_array().unwrap()), ["2/mkt:read"]);
}

#[tokio::test]
async fn what_is_deprecated_can_be_taken_and_what_a_role_gives_as_well_is_said() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let program = keeper(&app, &org).await;
    batch(&clerk, &[op("grant", &ann, "1", "mkt", "read")]).await.expect(200);
    program.put("/admin/permission-catalog/module/mkt", json!({ "deprecated": true })).await.expect(200);
    let names = clerk.get("/api/member-terms").await.expect(200);
    let is_old = |term: &&Value| term["name"] == "mkt" && term["deprecated_at"].is_string();
    assert_eq!(names.items().iter().filter(is_old).count(), 1);
    let refused = batch(&clerk, &[op("grant", &bob, "1", "mkt", "read")]).await.expect(422);
    assert_eq!(refused.body["errors"][0]["code"], "deprecated");
    batch(&clerk, &[op("revoke", &ann, "1", "mkt", "read")]).await.expect(200);
    // A role that carries one of the product's own permissions.
    let carl = app.member(&org, "carl", &["identity:post:list"]).await;
    batch(&org.owner, &[own("grant", &carl, org.id, "identity.post", "list")]).await.expect(200);
    let done = batch(&org.owner, &[own("revoke", &carl, org.id, "identity.post", "list")]).await.expect(200);
    assert_eq!(done.body["results"][0]["still_granted_by"], json!(["Role of carl"]));
    let done =
        batch(&org.owner, &[own("revoke", &org.owner, org.id, "identity.post", "list")]).await.expect(200);
    assert_eq!(results(&done), ["not_granted"]);
    assert_eq!(done.body["results"][0]["still_granted_by"], json!(["Administrator", "owner"]));
}

#[tokio::test]
async fn the_products_own_permissions_are_given_only_by_who_may_and_holds_them_on_every_row() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    let give = |module: &str, action: &str| own("grant", &ann, org.id, module, action);
    let refused = async |caller: &Caller, operation: Value, status: u16, code: &str| {
        let reply = batch(caller, &[operation]).await.expect(status);
        let first = reply.body["errors"][0]["code"].as_str().unwrap_or_default().to_owned();
        assert!(reply.code() == code || first == code, "{code}: {}", reply.text());
        assert!(
            reply.text().contains("operations.0") || reply.code() == "permission_denied",
            "{}",
            reply.text()
        );
    };
    // Without identity:user:grant nothing of it can be given or taken.
    refused(&clerk, give("identity.post", "list"), 403, "permission_denied").await;
    let codes = [&KEEPER[..], &["identity:user:grant", "identity:post:list"]].concat();
    let manager = app.member(&org, "manager", &codes).await;
    batch(&manager, &[give("identity.post", "list")]).await.expect(200);
    refused(&manager, give("identity.post", "purge"), 403, "cannot_grant").await;
    refused(&manager, own("grant", &manager, org.id, "identity.post", "list"), 403, "cannot_grant").await;
    refused(&manager, own("grant", &org.owner, org.id, "identity.post", "list"), 403, "owner_only").await;
    refused(&manager, give("platform.user", "update"), 403, "not_grantable").await;
    refused(&manager, give("identity.post", "grant"), 422, "unknown_permission").await;
    refused(
        &manager,
        own("grant", &ann, app.app.new_id(), "identity.post", "list"),
        422,
        "unknown_reference",
    )
    .await;
    // What he does not hold he does not take either.
    batch(&org.owner, &[give("identity.post", "purge")]).await.expect(200);
    refused(&manager, own("revoke", &ann, org.id, "identity.post", "purge"), 403, "cannot_grant").await;
    // Rows of a department are not every row.
    let body = json!({ "name": "mine", "code": "mine" });
    let mine = org.owner.post("/api/departments", body).await.expect(201).id();
    let part = app.member_with(&org, "part", &codes, DataScope::Department, Some(mine)).await;
    let near = app.member_with(&org, "near", &[], DataScope::Own, Some(mine)).await;
    refused(&part, own("grant", &near, org.id, "identity.post", "list"), 403, "cannot_grant").await;
    // A key does what its scopes say, whatever its owner may do.
    let key = json!({ "name": "k", "scopes": ["members:grant:change", "identity:user:grant"] });
    let key = org.owner.post("/api/auth/api-keys", key).await.expect(201);
    let key = app.anon().with_token(key.body["key"].as_str().unwrap());
    refused(&key, give("identity.role", "list"), 403, "cannot_grant").await;
    batch(&key, &[op("grant", &ann, "1", "mkt", "read")]).await.expect(200);
    // What was given works at the very next request.
    ann.get("/api/posts").await.expect(200);
    ann.get("/api/roles").await.expect(403);
}

#[tokio::test]
async fn who_can_names_owners_roles_and_grants_and_nobody_who_may_not_work() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let carl = app.member(&org, "carl", &["identity:post:list"]).await;
    let gone = app.member(&org, "gone", &["identity:post:list"]).await;
    let off = app.member(&org, "off", &["identity:post:list"]).await;
    let soon = base::time::format(app.now() + Duration::hours(1));
    batch(
        &org.owner,
        &[
            with(own("grant", &ann, org.id, "identity.post", "list"), json!({ "reason": "helps" })),
            with(own("grant", &bob, org.id, "identity.post", "list"), json!({ "expires_at": soon })),
            own("grant", &carl, org.id, "identity.post", "list"),
        ],
    )
    .await
    .expect(200);
    org.owner.patch(&format!("/api/users/{}", gone.id), json!({ "active": false })).await.expect(200);
    let role = format!("/api/roles/{}", off.role.unwrap());
    org.owner.patch(&role, json!({ "status": "disabled" })).await.expect(200);
    let ask = |more: &str| {
        let scope = org.id;
        format!("{GRANTS}/who-can?scope_type=org&scope_id={scope}&module=identity.post&action=list{more}")
    };
    let found = clerk.get(&ask("")).await.expect(200);
    let names = |reply: &Reply| -> Vec<String> {
        reply.items().iter().map(|one| one["user"]["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&found), ["ann", "bob", "carl", "owner-of-home"], "by name");
    let kinds = |at: usize| -> Vec<&str> {
        let origins = found.items()[at]["origins"].as_array().unwrap();
        origins.iter().map(|origin| origin["kind"].as_str().unwrap()).collect()
    };
    assert_eq!((kinds(0), kinds(2), kinds(3)), (vec!["grant"], vec!["role", "grant"], vec!["owner", "role"]));
    let origin = &found.items()[0]["origins"][0];
    assert_eq!((&origin["reason"], &origin["granted_by"]["id"]), (&json!("helps"), &json!(org.owner.id)));
    assert_eq!(found.items()[2]["origins"][0]["role"]["name"], "Role of carl");
    assert_eq!(found.items()[1]["origins"][0]["expires_at"], json!(soon));
    let page = clerk.get(&ask("&page=2&page_size=3")).await.expect(200);
    assert_eq!((names(&page), &page.body["total"]), (vec!["owner-of-home".to_owned()], &json!(4)));
    app.clock.advance(Duration::hours(2));
    let clerk = app.sign_in(app.read_user(clerk.id).await, Some(org.id)).await;
    assert_eq!(names(&clerk.get(&ask("")).await.expect(200)), ["ann", "carl", "owner-of-home"]);
    // Foreign tuples are nobody's by ownership; the platform's own are no member's at all.
    batch(&clerk, &[op("grant", &ann, "1", "mkt", "read")]).await.expect(200);
    let foreign = format!("{GRANTS}/who-can?scope_type=shop&scope_id=1&module=mkt&action=read");
    assert_eq!(names(&clerk.get(&foreign).await.expect(200)), ["ann"]);
    let platform = ask("").replace("identity.post", "platform.user").replace("action=list", "action=update");
    assert!(clerk.get(&platform).await.expect(200).items().is_empty());
    for wrong in ["", "?scope_type=shop", "?scope_type=S&scope_id=1&module=mkt&action=read"] {
        clerk.get(&format!("{GRANTS}/who-can{wrong}")).await.expect(422);
    }
    // The answer is that of the snapshots of everybody.
    let all = clerk.get("/api/users?page_size=200").await;
    assert_eq!(all.status, 403);
    let holds = async |user: &Caller| {
        let snapshot = sister(&app).get(&path(&user.id.to_string())).await.expect(200);
        shown(snapshot.body["permissions"].as_array().unwrap())
            .contains(&format!("{}/identity.post:list", org.id))
    };
    let mut able = BTreeSet::new();
    for user in [&org.owner, &clerk, &ann, &bob, &carl, &gone, &off] {
        if holds(user).await {
            able.insert(user.username.clone());
        }
    }
    assert_eq!(able.into_iter().collect::<Vec<_>>(), ["ann", "carl", "owner-of-home"]);
}

#[tokio::test]
async fn what_a_member_may_do_is_shown_with_every_reason_as_his_snapshot_says_it() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    let carl = app.member(&org, "carl", &["identity:post:list", "identity:post:read"]).await;
    let soon = base::time::format(app.now() + Duration::days(1));
    batch(
        &org.owner,
        &[
            with(own("grant", &carl, org.id, "identity.post", "list"), json!({ "expires_at": soon })),
            with(op("grant", &carl, "1", "mkt", "read"), json!({ "expires_at": soon, "reason": "cover" })),
        ],
    )
    .await
    .expect(200);
    for user in [&carl, &org.owner, &ann] {
        let access = clerk.get(&format!("/api/members/{}/access", user.id)).await.expect(200);
        let snapshot = sister(&app).get(&path(&user.id.to_string())).await.expect(200);
        let plain = |list: &Value| -> Vec<Value> {
            let one = |item: &Value| {
                json!([
                    item["scope_type"],
                    item["scope_id"],
                    item["module"],
                    item["action"],
                    item["expires_at"]
                ])
            };
            list.as_array().unwrap().iter().map(one).collect()
        };
        assert_eq!(plain(&access.body["permissions"]), plain(&snapshot.body["permissions"]));
        assert_eq!(access.body["version"], snapshot.body["version"]);
        assert_eq!(access.body["is_owner"], json!(user.id == org.owner.id));
    }
    let ask = format!("/api/members/{}/access", carl.id);
    let access = clerk.get(&ask).await.expect(200);
    let both = &access.body["permissions"][0];
    assert_eq!((&both["action"], &both["expires_at"]), (&json!("list"), &Value::Null), "the role has no end");
    let kinds: BTreeSet<&str> =
        both["origins"].as_array().unwrap().iter().map(|origin| origin["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["grant", "role"]));
    for (query, count) in [
        ("search=role+of+carl", 2),
        ("search=mkt", 1),
        ("scope_type=shop", 1),
        ("module=identity.post", 2),
        ("scope_type=shop&module=identity.post", 0),
    ] {
        let found = clerk.get(&format!("{ask}?{query}")).await.expect(200);
        assert_eq!(found.body["permissions"].as_array().unwrap().len(), count, "{query}");
    }
    clerk.get(&format!("{ask}?colour=red")).await.expect(422);
    org.owner.patch(&format!("/api/users/{}", carl.id), json!({ "active": false })).await.expect(200);
    let access = clerk.get(&ask).await.expect(200);
    assert_eq!((&access.body["permissions"], &access.body["user"]["is_active"]), (&json!([]), &json!(false)));
    clerk.get(&format!("/api/members/{}/access", app.app.new_id())).await.expect(404);
}
