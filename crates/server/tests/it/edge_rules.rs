//! The outermost layer: other sites, the documentation's readers, https, the limits of number and time,
//! and what the metrics count.

use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use http::{Method, Request};
use http_body_util::BodyExt;
use kernel::http::origin::Peer;
use serde_json::{Value, json};
use server::config::{Cors, DocsAccess};

use crate::support::{Caller, TestApp, Wish, caller::Reply, people::PASSWORD};

const SITE: &str = "https://app.example.com";

async fn preflight(caller: &Caller, origin: &str) -> Reply {
    let asking = caller.with("origin", origin).with("access-control-request-method", "PATCH");
    asking.send(Method::OPTIONS, "/api/posts/", None).await.expect(204)
}

#[tokio::test]
async fn only_listed_sites_may_call_and_they_learn_what_they_may_send() {
    let app = TestApp::with(Wish { cors: Cors::Only(vec![SITE.into()]), ..Wish::default() }).await;
    let org = app.org("acme").await;
    let asked = preflight(&app.anon(), SITE).await;
    assert_eq!(asked.header("access-control-allow-origin"), SITE);
    assert_eq!(asked.header("access-control-allow-credentials"), "true");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(asked.header("access-control-allow-methods").contains(method), "{method}");
    }
    for name in ["authorization", "content-type", "if-match", "idempotency-key", "x-api-key"] {
        assert!(asked.header("access-control-allow-headers").contains(name), "{name}");
    }
    let read = org.owner.with("origin", SITE).get("/api/posts").await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), SITE);
    assert!(read.header("access-control-expose-headers").contains("etag"));
    assert!(read.headers.get_all("vary").iter().any(|value| value == "origin"), "{:?}", read.headers);
    for other in
        ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"]
    {
        for reply in [
            preflight(&app.anon(), other).await,
            org.owner.with("origin", other).get("/api/posts").await.expect(200),
        ] {
            for name in [
                "access-control-allow-origin",
                "access-control-allow-credentials",
                "access-control-allow-methods",
            ] {
                assert_eq!(reply.header(name), "", "{name} for {other}");
            }
        }
    }
    let nobody = org.owner.get("/api/posts").await.expect(200);
    assert_eq!(nobody.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn every_site_may_call_where_the_star_says_so_but_not_one_without_a_name() {
    let app = TestApp::with(Wish { cors: Cors::Any, ..Wish::default() }).await;
    assert_eq!(preflight(&app.anon(), SITE).await.header("access-control-allow-origin"), SITE);
    assert_eq!(preflight(&app.anon(), "null").await.header("access-control-allow-origin"), "");
}

const DOCUMENTS: [&str; 2] = ["/openapi.json", "/api/schema"];
const READERS: [&str; 4] = ["/docs", "/swagger-ui", "/redoc", "/api/schema/redoc"];

#[tokio::test]
async fn the_documentation_is_for_everybody_for_who_is_signed_in_or_for_nobody() {
    let with = async |docs| TestApp::with(Wish { docs, ..Wish::default() }).await;
    let app = with(DocsAccess::Public).await;
    for path in DOCUMENTS.iter().chain(&READERS) {
        app.anon().get(path).await.expect(200);
    }
    let app = with(DocsAccess::SignedIn).await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let signed = app.login("alice", PASSWORD).await.expect(200);
    let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    for path in DOCUMENTS {
        assert_eq!(app.anon().get(path).await.expect(401).code(), "unauthenticated");
        app.anon().with("cookie", "tenon_refresh=nothing").get(path).await.expect(401);
        org.owner.get(path).await.expect(200);
        app.anon().with("cookie", &cookie).get(path).await.expect(200);
    }
    for path in READERS {
        // The page holds nothing but the reader; the document is what is kept.
        app.anon().get(path).await.expect(200);
    }
    let app = with(DocsAccess::Off).await;
    let org = app.org("acme").await;
    for path in DOCUMENTS.iter().chain(&READERS) {
        org.owner.get(path).await.expect(404);
    }
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https_where_the_server_is_reached_by_it() {
    let app = TestApp::with(Wish { base_url: "https://tenon.example.com", ..Wish::default() }).await;
    for path in ["/healthz", "/api/posts", "/some/page"] {
        let header = app.anon().get(path).await.header("strict-transport-security").to_owned();
        assert_eq!(header, "max-age=31536000; includeSubDomains", "{path}");
    }
    let app = TestApp::new().await;
    assert_eq!(app.anon().get("/healthz").await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    let app = TestApp::with(Wish { rate_limit: 3, ..Wish::default() }).await;
    let from = |last: u8| {
        let mut caller = app.anon();
        caller.peer = ([192, 0, 2, last], 1).into();
        caller
    };
    for _ in 0..3 {
        from(1).get("/api/auth/check-init").await.expect(200);
    }
    let refused = from(1).get("/api/auth/check-init").await.expect(429);
    assert_eq!(refused.code(), "too_many_requests");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    // What a forwarding header claims is not believed; another address and health are not concerned.
    from(1).with("x-forwarded-for", "203.0.113.9").get("/api/auth/check-init").await.expect(429);
    from(2).get("/api/auth/check-init").await.expect(200);
    for _ in 0..5 {
        from(1).get("/healthz").await.expect(200);
    }
    let counted = number(&app, r#"rate_limited_total{scope="request"}"#).await;
    assert!(counted >= 2.0, "{counted}");
    app.clock.advance(chrono::Duration::seconds(wait));
    from(1).get("/api/auth/check-init").await.expect(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_408_and_the_server_goes_on() {
    let app = TestApp::with(Wish { timeout: Duration::from_millis(300), ..Wish::default() }).await;
    let org = app.org("acme").await;
    // A body that begins and never ends.
    let first = stream::iter([Ok::<_, std::io::Error>("{")]);
    let body = Body::from_stream(stream::StreamExt::chain(first, stream::pending()));
    let token = org.owner.token.clone().unwrap();
    let mut request = Request::post("/api/posts")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    request.extensions_mut().insert(Peer(org.owner.peer));
    let response = app.edge.answer(request).await;
    assert_eq!(response.status(), 408);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(problem["code"], "request_timeout");
    assert!(problem["request_id"].as_str().is_some_and(|id| id.len() == 32), "{problem}");
    org.owner.post("/api/posts", json!({ "code": "a", "name": "A" })).await.expect(201);
}

/// The value of one series; 0 while it has none.
async fn number(app: &TestApp, series: &str) -> f64 {
    let text = app.anon().get("/metrics").await.expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn sign_ins_are_counted_by_their_outcome() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    app.login("alice", PASSWORD).await.expect(200);
    app.login("alice", PASSWORD).await.expect(200);
    for _ in 0..5 {
        app.login("alice", "wrong").await.expect(401);
    }
    app.login("alice", PASSWORD).await.expect(401);
    for n in 0..44 {
        app.login(&format!("nobody-{n}"), "wrong").await.expect(401);
    }
    app.login("nobody", "wrong").await.expect(429);
    let mut counted = Vec::new();
    for outcome in ["ok", "failed", "locked", "throttled"] {
        counted.push(number(&app, &format!("sign_in_total{{outcome=\"{outcome}\"}}")).await);
    }
    assert_eq!(counted, [2.0, 49.0, 1.0, 1.0]);
}

#[tokio::test]
async fn entries_of_both_audit_trails_are_counted() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    // The counter is the process's, and other tests write, too: it can be no less.
    let before = number(&app, "audit_entries_total").await;
    for n in 0..7 {
        org.owner.post("/api/posts", json!({ "code": n.to_string(), "name": "A" })).await.expect(201);
    }
    app.org("founded").await;
    let after = number(&app, "audit_entries_total").await;
    assert!(after >= before + 9.0, "{before} and then {after}");
}
