//! Taking a person out: what must stay in order, and what must be gone.

use identity::{
    account::By, entity::app_user, invitation::entity as invitation, organization,
    resource::sign_in::entity as log,
};
use kernel::{ActorKind, Origin, audit::Who};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde_json::json;
use store::Mode;

use crate::support::{Caller, Org, TestApp};

const PASSWORD: &str = "correct horse battery staple";

/// A platform administrator who owns an organisation of his own.
async fn admin(app: &TestApp) -> Org {
    let org = app.org("admins").await;
    let flag = app_user::ActiveModel { is_platform_admin: Set(true), ..Default::default() };
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(flag, Condition::all().add(app_user::Column::Id.eq(org.owner.id))).await.unwrap();
    tx.commit().await.unwrap();
    org
}

fn anonymize(who: &Caller) -> String {
    format!("/api/platform/users/{}/anonymize", who.id)
}

#[tokio::test]
async fn the_last_owner_is_not_anonymised_before_there_is_another_one() {
    let app = TestApp::new().await;
    let (admins, org) = (admin(&app).await, app.org("acme").await);
    let refused = admins.owner.act(&anonymize(&org.owner)).await.expect(409);
    assert_eq!(refused.code(), "last_owner");
    assert!(refused.text().contains("acme"), "{}", refused.text());
    org.owner.get("/api/posts").await.expect(200);
    // The operator's word makes an owner, of a member and of somebody who is none.
    let heir = app.person("heir").await;
    let origin = Origin { request_id: String::new(), ip: None, user_agent: "cli".into() };
    let by = By { who: Who { kind: ActorKind::Cli, id: None, name: "operator".into() }, origin: &origin };
    let found = organization::find(&app.app, "ACME").await.unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [org.id]);
    assert!(organization::appoint(&app.app, &by, org.id, heir.id).await.unwrap());
    assert!(!organization::appoint(&app.app, &by, org.id, heir.id).await.unwrap(), "owned already");
    let heir = app.sign_in(heir, Some(org.id)).await;
    let member = app.member(&org, "member", &[]).await;
    org.owner.patch(&format!("/api/users/{}", member.id), json!({ "active": false })).await.expect(200);
    assert!(organization::appoint(&app.app, &by, org.id, member.id).await.unwrap());
    let shown = heir.get(&format!("/api/users/{}", member.id)).await.expect(200).body;
    assert_eq!((&shown["is_owner"], &shown["active"]), (&json!(true), &json!(true)));
    admins.owner.act(&anonymize(&org.owner)).await.expect(200);
    let trail = heir.get("/api/audit-entries?action=identity:organization:appoint").await.expect(200);
    assert_eq!((trail.items().len(), &trail.items()[0]["actor_kind"]), (2, &json!("cli")));
    // An organisation that is about to go needs no owner any more.
    heir.delete(&format!("/api/organizations/{}", org.id)).await.expect(204);
    admins.owner.act(&anonymize(&member)).await.expect(200);
    admins.owner.act(&anonymize(&heir)).await.expect(200);
}

#[tokio::test]
async fn invitations_and_sign_in_logs_forget_who_it_was() {
    let app = TestApp::new().await;
    let (admins, org) = (admin(&app).await, app.org("acme").await);
    let invite = async |org: &Org, email: &str| {
        let body = json!({ "email": email, "name": "Zacharias Quendel" });
        let sent = org.owner.post("/api/invitations", body).await.expect(201);
        sent.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned()
    };
    let token = invite(&org, "quendel@example.com").await;
    let body = json!({ "username": "quendel", "password": PASSWORD });
    let joined = app.anon().post(&format!("/api/auth/invitations/{token}/accept"), body).await.expect(200);
    let id: base::Id = joined.body["user"]["id"].as_str().unwrap().parse().unwrap();
    let tx = app.app.system(Mode::Write).await.unwrap();
    let proven = Set(Some("quendel@example.com".to_owned()));
    let proven = app_user::ActiveModel { login_email: proven, ..Default::default() };
    tx.update_where(proven, Condition::all().add(app_user::Column::Id.eq(id))).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = invite(&admins, "Quendel@example.com").await;
    let body = json!({ "username": "quendel", "password": PASSWORD });
    app.anon().post("/api/auth/login", body).await.expect(200);
    let everything = async || {
        let tx = app.app.system(Mode::Read).await.unwrap();
        let invitations = tx.all(tx.find::<invitation::Entity>()).await.unwrap();
        let log = tx.all(tx.find::<log::Entity>().filter(log::Column::UserId.eq(id))).await.unwrap();
        tx.commit().await.unwrap();
        (invitations.len(), log.len(), format!("{invitations:?}{log:?}").to_lowercase())
    };
    let (invitations, entries, before) = everything().await;
    assert!((invitations, entries) == (2, 1) && before.contains("quendel"), "{before}");
    admins.owner.act(&format!("/api/platform/users/{id}/anonymize")).await.expect(200);
    let (_, _, after) = everything().await;
    assert!(!after.contains("quendel") && !after.contains("zacharias"), "{after}");
    assert!(after.contains("deleted-"));
    let gone = app.anon().get(&format!("/api/auth/invitations/{waiting}")).await.expect(409);
    assert_eq!(gone.code(), "invitation_revoked");
    let list = org.owner.get("/api/invitations").await.expect(200);
    assert_eq!(list.items()[0]["status"], "accepted", "{}", list.text());
}
