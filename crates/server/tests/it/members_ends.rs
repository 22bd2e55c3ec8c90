//! Grants that have ended and whose rows are still there: they are not held, and their end is told once.

use chrono::Duration;
use serde_json::{Value, json};

use crate::{
    members_grants::{batch, op, shop, with},
    members_support::sister,
    support::{Caller, TestApp},
};

async fn cursor(app: &TestApp) -> String {
    let head = sister(app).get("/internal/permissions/changes").await.expect(200);
    head.body["next_cursor"].as_str().unwrap().to_owned()
}

/// `op` and scope of each change since a cursor.
async fn changes(app: &TestApp, since: &str) -> Vec<(String, String)> {
    let read = sister(app).get(&format!("/internal/permissions/changes?since={since}")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = read.body["items"].as_array().unwrap();
    items.iter().map(|item| (text(&item["op"]), text(&item["permission"]["module"]))).collect()
}

fn told(op: &str, module: &str) -> (String, String) {
    (op.to_owned(), module.to_owned())
}

fn own(user: &Caller, action: &str) -> Value {
    json!({
        "op": "grant", "user_id": user.id, "scope_type": "org", "scope_id": user.org.unwrap(),
        "module": "identity.post", "action": action,
    })
}

#[tokio::test]
async fn the_end_of_a_grant_is_told_although_somebody_wanted_to_take_it_in_between() {
    let app = TestApp::new().await;
    let (_, clerk, ann, _) = shop(&app).await;
    let soon = base::time::format(app.now() + Duration::seconds(50));
    batch(&clerk, &[with(op("grant", &ann, "1", "mkt", "read"), json!({ "expires_at": soon }))])
        .await
        .expect(200);
    let since = cursor(&app).await;
    app.clock.advance(Duration::seconds(60));
    let taken = batch(&clerk, &[op("revoke", &ann, "1", "mkt", "read")]).await.expect(200);
    assert_eq!(taken.body["results"][0]["result"], "not_granted");
    assert_eq!(members::expire(&app.app).await.unwrap(), 1);
    assert_eq!(changes(&app, &since).await, [told("expire", "mkt")]);
    assert_eq!(members::expire(&app.app).await.unwrap(), 0);
}

#[tokio::test]
async fn ended_grants_of_the_product_are_left_to_be_told_of_or_given_anew() {
    let app = TestApp::new().await;
    let (org, _, ann, _) = shop(&app).await;
    let soon = base::time::format(app.now() + Duration::seconds(50));
    let ending = |action: &str| with(own(&ann, action), json!({ "expires_at": soon }));
    batch(&org.owner, &[ending("list"), ending("read")]).await.expect(200);
    let since = cursor(&app).await;
    app.clock.advance(Duration::seconds(60));
    let path = format!("/api/users/{}/grants", ann.id);
    let put = async |codes: Value| {
        org.owner.put(&path, json!({ "permissions": codes })).await.expect(200).body["permissions"].clone()
    };
    // One is given anew in the place of its row; the other one is not held, and nobody took it.
    assert_eq!(put(json!(["identity:post:list"])).await, json!(["identity:post:list"]));
    assert_eq!(changes(&app, &since).await, [told("grant", "identity.post")]);
    assert_eq!(members::expire(&app.app).await.unwrap(), 1);
    let all = [told("grant", "identity.post"), told("expire", "identity.post")];
    assert_eq!(changes(&app, &since).await, all);
    ann.get("/api/posts").await.expect(200);
}

#[tokio::test]
async fn what_has_ended_is_no_reason_to_give_it_to_oneself_again() {
    let app = TestApp::new().await;
    let (org, ..) = shop(&app).await;
    let codes = ["identity:user:grant", "identity:user:read", "identity:post:list"];
    let chief = app.member(&org, "chief", &codes).await;
    let soon = base::time::format(app.now() + Duration::seconds(50));
    batch(&org.owner, &[with(own(&chief, "list"), json!({ "expires_at": soon }))]).await.expect(200);
    app.clock.advance(Duration::seconds(60));
    let path = format!("/api/users/{}/grants", chief.id);
    let refused = chief.put(&path, json!({ "permissions": ["identity:post:list"] })).await.expect(403);
    assert_eq!(refused.code(), "cannot_grant");
}
