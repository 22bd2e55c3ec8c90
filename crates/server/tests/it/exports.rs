//! What the audit trail says of a download: what was asked for, in which format, and how many rows
//! were taken, also when it ends early.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::{Caller, Org, TestApp};

async fn posts(org: &Org, many: usize) {
    for n in 0..many {
        let body = json!({ "code": format!("c{n}"), "name": format!("Post {n}") });
        org.owner.post("/api/posts", body).await.expect(201);
    }
}

async fn entries(org: &Org, action: &str) -> Vec<Value> {
    org.owner.get(&format!("/api/audit-entries?action={action}&sort=at")).await.expect(200).items().clone()
}

/// Asks for a download, takes `pieces` of it, does something, and goes away or takes the rest.
async fn take(app: &TestApp, caller: &Caller, path: &str, pieces: usize) -> Body {
    let token = caller.token.as_deref().unwrap();
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
    let response = app.edge.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    for _ in 0..pieces {
        body.frame().await.unwrap().unwrap();
    }
    body
}

/// The one entry of an action, which is written when the download ends.
async fn ended(org: &Org, action: &str) -> Value {
    for _ in 0..400 {
        let found = entries(org, action).await;
        assert!(found.len() < 2, "{found:?}");
        if let Some(entry) = found.into_iter().next() {
            return entry;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("there is no entry for {action}");
}

#[tokio::test]
async fn an_export_arrives_whole_when_it_is_compressed() {
    let app = TestApp::new().await;
    let org = app.org("gzip").await;
    posts(&org, 3).await;
    let zipped = org.owner.with("accept-encoding", "gzip").get("/api/posts/export").await.expect(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    // The last bytes of a gzip stream say how long its content is (RFC 1952, 2.3.1).
    let (bytes, plain) = (zipped.bytes, org.owner.get("/api/posts/export").await.expect(200).bytes);
    let length = u32::from_le_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
    assert_eq!(length as usize, plain.len());
}

#[tokio::test]
async fn an_export_says_what_was_asked_for_and_how_many_rows_were_taken() {
    let app = TestApp::new().await;
    let org = app.org("rows").await;
    posts(&org, 5).await;
    org.owner.get("/api/posts/export?search=post&code__in=c1,c3,c4").await.expect(200);
    org.owner.get("/api/posts/export?format=xlsx").await.expect(200);
    org.owner.get("/api/posts/export?format=pdf").await.expect(422);
    let found = entries(&org, "identity:post:export").await;
    let said = |entry: &Value| {
        let after = |field: &str| entry["changes"][field]["after"].clone();
        (after("format"), after("query"), after("rows"), entry["outcome"].clone())
    };
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        said(&found[0]),
        (json!("csv"), json!("search=post&code__in=c1,c3,c4"), json!(3), json!("ok"))
    );
    assert_eq!(said(&found[1]), (json!("xlsx"), json!("format=xlsx"), json!(5), json!("ok")));
    assert_eq!(found[0]["target_type"], "identity.post");
    assert_eq!(found[0]["actor_id"], json!(org.owner.id));
}

#[tokio::test]
async fn an_export_that_its_client_leaves_is_recorded_with_the_rows_that_were_handed_over() {
    let app = TestApp::new().await;
    let org = app.org("left").await;
    posts(&org, 450).await;
    // The head and the first page; at most one more page is on its way.
    let body = take(&app, &org.owner, "/api/posts/export", 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(entries(&org, "identity:post:export").await.is_empty(), "it has not ended");
    drop(body);
    let entry = ended(&org, "identity:post:export").await;
    assert_eq!(entry["outcome"], "failed");
    let rows = entry["changes"]["rows"]["after"].as_u64().unwrap();
    assert!([200, 400].contains(&rows), "{rows}");
}

#[tokio::test]
async fn an_export_whose_caller_loses_his_right_in_the_middle_ends_and_is_recorded() {
    let app = TestApp::new().await;
    let org = app.org("lost").await;
    posts(&org, 650).await;
    let reader = app.member(&org, "reader", &["identity:post:export"]).await;
    let mut body = take(&app, &reader, "/api/posts/export", 2).await;
    let path = format!("/api/users/{}", reader.id);
    org.owner.patch(&path, json!({ "role_ids": [] })).await.expect(200);
    let mut failed = false;
    while let Some(frame) = body.frame().await {
        failed |= frame.is_err();
    }
    assert!(failed, "the client sees that it is not whole");
    let entry = ended(&org, "identity:post:export").await;
    assert_eq!((&entry["outcome"], &entry["actor_id"]), (&json!("failed"), &json!(reader.id)));
    assert!(entry["changes"]["rows"]["after"].as_u64().unwrap() < 650);
}

#[tokio::test]
async fn the_export_of_an_organisation_counts_its_rows_as_well() {
    let app = TestApp::new().await;
    let org = app.org("whole").await;
    let text = org.owner.get(&format!("/api/organizations/{}/export", org.id)).await.expect(200).text();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let entry = ended(&org, "identity:organization:export").await;
    assert_eq!(entry["changes"]["rows"]["after"], last["rows"]);
    assert_eq!(entry["changes"]["format"]["after"], "ndjson");
    assert_eq!(entry["target_id"], json!(org.id));
}
