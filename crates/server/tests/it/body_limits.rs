//! What a small body may cost.

use http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_body_has_at_most_a_hundred_thousand_values() {
    let app = TestApp::new().await;
    let org = app.org("values").await;
    let json = Some("application/json");
    let zeros = |n: usize| format!("{{\"code\":[{}0]}}", "0,".repeat(n - 1)).into_bytes();
    let send = async |body: Vec<u8>| org.owner.raw(Method::POST, "/api/posts", json, body).await;
    // The object and its array are values, too.
    assert_eq!(send(zeros(99_999)).await.expect(400).code(), "too_many_values");
    assert_eq!(send(zeros(99_998)).await.expect(422).body["errors"][0]["code"], "wrong_type");
}

#[tokio::test]
async fn whoever_has_not_signed_in_sends_64_kib_and_no_more() {
    let app = TestApp::new().await;
    let login = async |length: usize| {
        let body = json!({ "username": "x".repeat(length), "password": "y" });
        app.anon().post("/api/auth/login", body).await
    };
    login(60_000).await.expect(422);
    assert_eq!(login(70_000).await.expect(413).code(), "body_too_large");
    let form = format!("username=x&password={}", "y".repeat(70_000)).into_bytes();
    let kind = Some("application/x-www-form-urlencoded");
    app.anon().raw(Method::POST, "/api/auth/token", kind, form).await.expect(413);
}
