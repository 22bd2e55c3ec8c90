//! What a sign-in leaves behind, and where.

use identity::{Identity, entity::app_user, resource::user};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Org, TestApp, caller::Reply};

const PASSWORD: &str = "correct horse battery staple";

async fn member_of(app: &TestApp, orgs: &[&Org], name: &str) -> base::Id {
    let person = app.person(name).await;
    let hash = Identity::of(&app.app).unwrap().hasher.hash(&PASSWORD.to_owned().into()).await.unwrap();
    let values = app_user::ActiveModel { password_hash: Set(Some(hash)), ..Default::default() };
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(values, Condition::all().add(app_user::Column::Id.eq(person.id))).await.unwrap();
    tx.commit().await.unwrap();
    for org in orgs {
        let tx = app.tx(org.id).await;
        user::join(&app.app, &tx, &person, None, user::Join::default()).await.unwrap();
        tx.commit().await.unwrap();
        app.clock.advance(chrono::Duration::seconds(1));
    }
    person.id
}

async fn login(app: &TestApp, password: &str, org: Option<base::Id>) -> Reply {
    let body = json!({ "username": "alice", "password": password, "organization_id": org });
    app.anon().post("/api/auth/login", body).await
}

/// Outcome and reason of each entry in the log of an organisation, the oldest first.
async fn log(org: &Org) -> Vec<(Value, Value)> {
    let log = org.owner.get("/api/sign-ins?sort=at").await.expect(200);
    log.items().iter().map(|row| (row["outcome"].clone(), row["reason"].clone())).collect()
}

fn failed(reason: &str) -> (Value, Value) {
    (json!("failed"), json!(reason))
}

fn ok() -> (Value, Value) {
    (json!("ok"), json!(""))
}

#[tokio::test]
async fn a_right_password_with_an_organisation_that_is_not_his_is_answered_and_logged_like_a_wrong_one() {
    let app = TestApp::new().await;
    let (org, other) = (app.org("acme").await, app.org("other").await);
    member_of(&app, &[&org], "alice").await;
    let wrong = login(&app, "not the password", Some(org.id)).await.expect(401);
    let elsewhere = login(&app, PASSWORD, Some(other.id)).await.expect(401);
    let nowhere = login(&app, PASSWORD, Some(app.app.new_id())).await.expect(401);
    let shown = |reply: &Reply| {
        let mut body = reply.body.clone();
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(shown(&wrong), shown(&elsewhere));
    assert_eq!(shown(&wrong), shown(&nowhere));
    assert_eq!(log(&org).await, [failed("password"), failed("organization"), failed("organization")]);
    // They count: the fifth locks.
    for _ in 0..2 {
        login(&app, PASSWORD, Some(other.id)).await.expect(401);
    }
    login(&app, PASSWORD, Some(org.id)).await.expect(401);
    assert_eq!(log(&org).await.last(), Some(&failed("locked")));
}

#[tokio::test]
async fn an_organisation_learns_of_sign_ins_to_itself_only() {
    let app = TestApp::new().await;
    let (first, second) = (app.org("first").await, app.org("second").await);
    let alice = member_of(&app, &[&first, &second], "alice").await;
    let last = async |org: &Org| {
        let shown = org.owner.get(&format!("/api/users/{alice}")).await.expect(200);
        shown.body["last_sign_in_at"].clone()
    };
    let signed = login(&app, PASSWORD, None).await.expect(200);
    assert_eq!(signed.body["organization"]["id"], json!(first.id));
    assert_eq!((log(&first).await, log(&second).await), (vec![ok()], vec![]));
    let entered = last(&first).await;
    assert!(entered.is_string() && last(&second).await.is_null(), "{entered}");
    app.clock.advance(chrono::Duration::minutes(1));
    let caller = app.anon().with_token(signed.body["access_token"].as_str().unwrap());
    let to = json!({ "organization_id": second.id });
    caller.post("/api/auth/switch-organization", to).await.expect(200);
    assert_eq!((log(&first).await, log(&second).await), (vec![ok()], vec![ok()]));
    let later = last(&second).await;
    assert!(later.as_str() > entered.as_str(), "{later} after {entered}");
    assert_eq!(last(&first).await, entered);
    // What failed could have been meant for either, but not for one that he may not enter.
    login(&app, "not the password", None).await.expect(401);
    second.owner.patch(&format!("/api/users/{alice}"), json!({ "active": false })).await.expect(200);
    login(&app, "not the password", None).await.expect(401);
    assert_eq!(log(&first).await, [ok(), failed("password"), failed("password")]);
    assert_eq!(log(&second).await, [ok(), failed("password")]);
}
