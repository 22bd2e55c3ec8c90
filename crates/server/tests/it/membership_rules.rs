//! What happens to memberships: who lets whom in again, moves, hands over, and what ends with them.

use std::time::Duration;

use base::Id;
use identity::{entity::app_user, resource::user};
use kernel::access::DataScope;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value, json};
use store::{Dialect, Mode};

use crate::support::{Caller, Org, TestApp, database};

const USERS: [&str; 3] = ["identity:user:list", "identity:user:read", "identity:user:update"];

fn path(caller: &Caller) -> String {
    format!("/api/users/{}", caller.id)
}

async fn refused(caller: &Caller, who: &Caller, patch: Value, code: &str) {
    assert_eq!(caller.patch(&path(who), patch).await.expect(403).code(), code);
}

async fn department(org: &Org, name: &str) -> Id {
    org.owner.post("/api/departments", json!({ "name": name })).await.expect(201).id()
}

async fn set_account(app: &TestApp, id: Id, values: app_user::ActiveModel) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(values, Condition::all().add(app_user::Column::Id.eq(id))).await.unwrap();
    tx.commit().await.unwrap();
}

/// Invites; the token of the link.
async fn invite(caller: &Caller, email: &str) -> (Id, String) {
    let sent = caller.post("/api/invitations", json!({ "email": email })).await.expect(201);
    (sent.id(), sent.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned())
}

#[tokio::test]
async fn a_member_is_let_in_again_only_by_who_could_give_what_he_has() {
    let app = TestApp::new().await;
    let org = app.org("again").await;
    let manager = app.member(&org, "manager", &USERS).await;
    let weak = app.member(&org, "weak", &USERS[..1]).await;
    let strong = app.member(&org, "strong", &["identity:post:purge"]).await;
    let granted = app.member(&org, "granted", &[]).await;
    let grants = json!({ "permissions": ["identity:post:purge"] });
    org.owner.put(&format!("{}/grants", path(&granted)), grants).await.expect(200);
    for member in [&weak, &strong, &granted] {
        org.owner.patch(&path(member), json!({ "active": false })).await.expect(200);
    }
    let on = json!({ "active": true });
    refused(&manager, &strong, on.clone(), "cannot_grant").await;
    refused(&manager, &granted, on.clone(), "cannot_grant").await;
    let whole = json!({ "active": true, "role_ids": [strong.role] });
    assert_eq!(manager.put(&path(&strong), whole).await.expect(403).code(), "cannot_grant");
    let bulk = json!({ "ids": [strong.id], "action": "patch", "patch": on });
    let done = manager.post("/api/users/bulk", bulk).await.expect(200);
    assert_eq!((&done.body["ok"], &done.body["items"][0]["code"]), (&json!(0), &json!("cannot_grant")));
    manager.patch(&path(&weak), on.clone()).await.expect(200);
    manager.patch(&path(&strong), json!({ "active": true, "role_ids": [] })).await.expect(200);
    org.owner.patch(&path(&granted), on).await.expect(200);
}

#[tokio::test]
async fn nobody_moves_a_member_to_where_he_reaches_more_of_him() {
    let app = TestApp::new().await;
    let org = app.org("near").await;
    let (mine, other) = (department(&org, "mine").await, department(&org, "other").await);
    // Sees everybody, and may send links to his own department's members only.
    let manager =
        app.member_with(&org, "manager", &["identity:user:reset"], DataScope::Department, Some(mine)).await;
    let body = json!({ "name": "all", "code": "all", "data_scope": "all", "permissions": USERS });
    let all = org.owner.post("/api/roles", body).await.expect(201).id();
    org.owner.patch(&path(&manager), json!({ "role_ids": [manager.role, Some(all)] })).await.expect(200);
    let far = app.member_with(&org, "far", &[], DataScope::Own, Some(other)).await;
    let nowhere = app.member_with(&org, "nowhere", &[], DataScope::Own, None).await;
    let near = app.member_with(&org, "near", &[], DataScope::Own, Some(mine)).await;
    let here = json!({ "department_id": mine });
    refused(&manager, &far, here.clone(), "cannot_move").await;
    refused(&manager, &nowhere, here.clone(), "cannot_move").await;
    manager.patch(&path(&near), json!({ "department_id": other })).await.expect(200);
    manager.patch(&path(&nowhere), json!({ "department_id": other })).await.expect(200);
    org.owner.patch(&path(&far), here).await.expect(200);
}

#[tokio::test]
async fn roles_and_posts_of_members_who_are_gone_can_be_deleted() {
    let app = TestApp::new().await;
    let org = app.org("gone").await;
    let body = json!({ "name": "Held", "code": "held", "data_scope": "self", "permissions": [] });
    let role = org.owner.post("/api/roles", body).await.expect(201).id();
    let post = org.owner.post("/api/posts", json!({ "code": "held", "name": "Held" })).await.expect(201).id();
    let (role_path, post_path) = (format!("/api/roles/{role}"), format!("/api/posts/{post}"));
    let member = app.member(&org, "member", &[]).await;
    org.owner.patch(&path(&member), json!({ "role_ids": [role], "post_ids": [post] })).await.expect(200);
    assert_eq!(org.owner.get(&role_path).await.expect(200).body["member_count"], 1);
    for path in [&role_path, &post_path] {
        assert_eq!(org.owner.delete(path).await.expect(409).code(), "in_use");
    }
    org.owner.delete(&path(&member)).await.expect(204);
    assert_eq!(org.owner.get(&role_path).await.expect(200).body["member_count"], 0);
    for path in [&role_path, &post_path] {
        org.owner.delete(path).await.expect(204);
        org.owner.delete(&format!("{path}?purge=true")).await.expect(204);
    }
    org.owner.act(&format!("{}/restore", path(&member))).await.expect(200);
    let back = org.owner.get(&path(&member)).await.expect(200).body;
    assert_eq!((&back["role_ids"], &back["post_ids"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn an_invitation_is_worth_as_much_as_who_made_it() {
    let app = TestApp::new().await;
    let org = app.org("word").await;
    let clerk = app.member(&org, "clerk", &["identity:invitation:create"]).await;
    let (id, token) = invite(&clerk, "new@example.com").await;
    let open = format!("/api/auth/invitations/{token}");
    app.anon().get(&open).await.expect(200);
    let closed = Set(Some(app.now()));
    set_account(&app, clerk.id, app_user::ActiveModel { disabled_at: closed, ..Default::default() }).await;
    assert_eq!(app.anon().get(&open).await.expect(404).code(), "invitation_not_found");
    let body = json!({ "username": "newcomer", "password": "correct horse battery staple" });
    app.anon().post(&format!("{open}/accept"), body.clone()).await.expect(404);
    // Whoever sends it again answers for it.
    let again = org.owner.act(&format!("/api/invitations/{id}/resend")).await.expect(200);
    assert_eq!(again.body["invited_by"], json!(org.owner.id));
    let token = again.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    app.anon().post(&format!("/api/auth/invitations/{token}/accept"), body).await.expect(200);
}

#[tokio::test]
async fn an_heir_who_is_deactivated_in_the_same_moment_does_not_become_the_only_owner() {
    let app = TestApp::new().await;
    let org = app.org("heir").await;
    let heir = app.member(&org, "heir", &[]).await;
    let tx = app.tx(org.id).await;
    let off = user::entity::ActiveModel { active: Set(false), version: Set(2), ..Default::default() };
    tx.update_where(off, Condition::all().add(user::entity::Column::Id.eq(heir.id))).await.unwrap();
    let transfer = format!("/api/organizations/{}/transfer", org.id);
    let transfer = org.owner.post(&transfer, json!({ "user_id": heir.id }));
    let end = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        tx.commit().await.unwrap();
    };
    let (reply, ()) = tokio::join!(transfer, end);
    // Where one writer follows the other, the heir is seen as he is.
    let code = if database::dialect() == Dialect::Sqlite { "validation_failed" } else { "conflict" };
    assert_eq!(reply.code(), code, "{}", reply.text());
    let owner = org.owner.get(&path(&org.owner)).await.expect(200);
    assert_eq!(owner.body["is_owner"], true);
}

#[tokio::test]
async fn a_sign_in_name_is_nobody_elses_address() {
    let app = TestApp::new().await;
    let org = app.org("names").await;
    let (_, token) = invite(&org.owner, "own@example.com").await;
    let accept = async |name: &str| {
        let body = json!({ "username": name, "password": "correct horse battery staple" });
        app.anon().post(&format!("/api/auth/invitations/{token}/accept"), body).await
    };
    for other in ["boss@example.com", "own@example.org", "@own"] {
        let reply = accept(other).await.expect(422);
        assert_eq!(reply.body["errors"][0]["field"], "username", "{other}");
        assert_eq!(reply.body["errors"][0]["code"], "invalid_format", "{other}");
    }
    accept("Own@Example.com").await.expect(200);
}

#[tokio::test]
async fn one_organisation_that_cannot_go_does_not_keep_the_others() {
    // Only here can a test make a row that does not go.
    if database::dialect() != Dialect::Sqlite {
        return;
    }
    let app = TestApp::new().await;
    let (stuck, next) = (app.org("stuck").await, app.org("next").await);
    for org in [&stuck, &next] {
        org.owner.delete(&format!("/api/organizations/{}", org.id)).await.expect(204);
    }
    let tx = app.app.system(Mode::Write).await.unwrap();
    let trigger = "CREATE TRIGGER keep BEFORE DELETE ON organization WHEN OLD.name = 'stuck' \
                   BEGIN SELECT RAISE(ABORT, 'it stays'); END";
    tx.execute_sql(trigger, vec![]).await.unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(chrono::Duration::days(31));
    assert_eq!(identity::organization::purge_due(&app.app).await.unwrap(), 1);
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert!(tx.lookup::<identity::entity::organization::Entity>(stuck.id).await.unwrap().is_some());
    assert!(tx.lookup::<identity::entity::organization::Entity>(next.id).await.unwrap().is_none());
}
