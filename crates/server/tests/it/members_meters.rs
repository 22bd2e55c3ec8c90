//! What is counted, limited, remembered and forgotten of the authority on members.

use std::time::Instant;

use chrono::Duration;
use http::Method;
use serde_json::json;
use store::Mode;

use crate::{
    members_grants::shop,
    members_support::{keeper, may, path, program, sister, told},
    support::{INTERNAL_SECRET, INTERNAL_SECRET_PREVIOUS, Org, TestApp, Wish},
};

async fn metrics(app: &TestApp) -> String {
    app.anon().get("/metrics").await.expect(200).text()
}

async fn counted(app: &TestApp, series: &str) -> u64 {
    let text = metrics(app).await;
    let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap_or(" 0");
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn refusals_changes_and_what_was_known_already_are_counted_in_words_out_of_few() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    app.anon()
        .with("x-internal-secret", "wrong-secret-of-some-length-000000")
        .get(&path("ann"))
        .await
        .expect(401);
    app.anon().get(&path("ann")).await.expect(401);
    app.anon().with("x-internal-secret", INTERNAL_SECRET_PREVIOUS).get(&path("ann")).await.expect(200);
    let snapshot = sister(&app).get(&path("ann")).await.expect(200);
    sister(&app).with("if-none-match", snapshot.header("etag")).get(&path("ann")).await.expect(304);
    let version = snapshot.body["version"].clone();
    let several = json!({ "subs": ["ann"], "if_versions": { "ann": version } });
    sister(&app).post("/internal/permissions/snapshots", several).await.expect(200);
    app.anon().get("/admin/permissions").await.expect(401);
    keeper
        .with("x-api-key", "mk_dev_0123456789012345678901234567890")
        .get("/admin/permissions")
        .await
        .expect(401);
    keeper.get("/admin/users").await.expect(403);
    app.anon().get("/me").await.expect(401);
    app.anon().with_token("a.b.c").get("/me").await.expect(401);
    for status in [201, 200] {
        keeper.post("/admin/permissions/grant", may("ann", "1", "mkt", "read")).await.expect(status);
    }
    keeper.post("/admin/permissions/grant", may("ann", "1", "crm", "read")).await.expect(403);
    for _ in 0..2 {
        keeper.post("/admin/permissions/revoke", may("ann", "1", "mkt", "read")).await.expect(200);
    }
    let mut ending = may("ann", "2", "mkt", "read");
    ending["expires_at"] = json!(base::time::format(app.now() + Duration::minutes(1)));
    keeper.post("/admin/permissions/grant", ending).await.expect(201);
    app.clock.advance(Duration::minutes(2));
    members::expire(&app.app).await.unwrap();
    let few = json!({ "name": "few", "scopes": ["permissions:read"], "calls_per_minute": 1 });
    let (_, few) = program(&app, &org, few).await;
    for status in [200, 429] {
        few.get("/admin/permissions").await.expect(status);
    }
    for (series, count) in [
        (r#"auth_failures_total{kind="internal",reason="internal_auth_required"}"#, 2),
        (r#"auth_failures_total{kind="client",reason="client_auth_required"}"#, 1),
        (r#"auth_failures_total{kind="client",reason="invalid_client"}"#, 1),
        (r#"auth_failures_total{kind="client",reason="insufficient_scope"}"#, 1),
        (r#"auth_failures_total{kind="token",reason="missing_token"}"#, 1),
        (r#"auth_failures_total{kind="token",reason="invalid_token"}"#, 1),
        (r#"internal_secret_used_total{slot="previous"}"#, 1),
        ("snapshot_not_modified_total", 2),
        (r#"permission_changes_total{op="grant",result="granted"}"#, 2),
        (r#"permission_changes_total{op="grant",result="unchanged"}"#, 1),
        (r#"permission_changes_total{op="grant",result="refused"}"#, 1),
        (r#"permission_changes_total{op="revoke",result="revoked"}"#, 1),
        (r#"permission_changes_total{op="revoke",result="not_granted"}"#, 1),
        (r#"permission_changes_total{op="expire",result="expired"}"#, 1),
        (r#"rate_limited_total{scope="client"}"#, 1),
    ] {
        assert_eq!(counted(&app, series).await, count, "{series} in {}", metrics(&app).await);
    }
    assert!(counted(&app, r#"internal_secret_used_total{slot="current"}"#).await >= 4);
    let text = metrics(&app).await;
    assert!(!text.contains("ann") && !text.contains("crm"), "nothing that a caller chose is a label: {text}");
}

#[tokio::test]
async fn sister_systems_share_what_the_operator_allows_and_zero_is_no_limit() {
    let app = TestApp::with(Wish { internal_calls: 3, ..Wish::default() }).await;
    app.org("home").await;
    for status in [201, 200, 200, 429] {
        told(&app, "ann").await.expect(status);
    }
    assert_eq!(counted(&app, r#"rate_limited_total{scope="internal"}"#).await, 1);
    app.clock.advance(Duration::seconds(61));
    told(&app, "ann").await.expect(200);
    let open = TestApp::with(Wish { internal_calls: 0, ..Wish::default() }).await;
    open.org("home").await;
    for _ in 0..10 {
        sister(&open).get("/internal/permissions/changes").await.expect(200);
    }
}

#[tokio::test]
async fn the_previous_secret_ends_when_the_operator_says() {
    let clock = base::ManualClock::default();
    let until = base::Clock::now(&clock) + Duration::hours(1);
    let app = TestApp::with(Wish { internal_previous_until: Some(until), ..Wish::default() }).await;
    app.org("home").await;
    let with = |secret: &str| app.anon().with("x-internal-secret", secret);
    let changes = "/internal/permissions/changes";
    let left = until - app.now();
    assert!(left > Duration::zero(), "the clocks of tests begin alike");
    with(INTERNAL_SECRET_PREVIOUS).get(changes).await.expect(200);
    app.clock.advance(left);
    assert_eq!(
        with(INTERNAL_SECRET_PREVIOUS).get(changes).await.expect(401).code(),
        "internal_auth_required"
    );
    with(INTERNAL_SECRET).get(changes).await.expect(200);
}

#[tokio::test]
async fn readiness_tells_of_issuers_and_never_fails_for_them() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    assert_eq!(app.anon().get("/readyz").await.expect(200).body["issuers"], "ok");
    // Nobody listens there.
    let wish = json!({ "name": "down", "issuer": "http://127.0.0.1:9/", "audiences": ["x"] });
    let down = org.owner.post("/api/member-issuers", wish.clone()).await.expect(201);
    members::warm_issuers(&app.app).await.unwrap();
    assert_eq!(app.anon().get("/readyz").await.expect(200).body["issuers"], "empty");
    let keys = members::issuer_keys(&app.app).await.unwrap();
    assert_eq!((keys.fetched, keys.failed, keys.oldest), (0, 1, None));
    let mut off = wish;
    off["active"] = json!(false);
    org.owner.put(&format!("/api/member-issuers/{}", down.id()), off).await.expect(200);
    assert_eq!(app.anon().get("/readyz").await.expect(200).body["issuers"], "ok");
}

#[tokio::test]
async fn a_previous_key_is_remembered_as_the_newest_is_and_ends_in_time() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({ "name": "r", "scopes": ["permissions:read"], "calls_per_minute": 0 });
    let (id, client) = program(&app, &org, wish).await;
    let rotate = format!("/api/member-clients/{id}/rotate");
    org.owner.post(&rotate, json!({ "overlap_hours": 1 })).await.expect(200);
    let call = || async {
        let begin = Instant::now();
        client.get("/admin/permissions").await.expect(200);
        begin.elapsed()
    };
    let first = call().await;
    let mut others = Vec::new();
    for _ in 0..9 {
        others.push(call().await);
    }
    others.sort();
    // Twice the work of Argon2 is left out: the newest key's and its own.
    assert!(others[4] < first / 2, "{first:?} {others:?}");
    app.clock.advance(Duration::hours(1));
    client.get("/admin/permissions").await.expect(401);
    let org = Org { owner: app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await, ..org };
    // Nor does it outlive another change of keys.
    let (id, client) = program(&app, &org, json!({ "name": "s", "scopes": ["permissions:read"] })).await;
    let rotate = format!("/api/member-clients/{id}/rotate");
    org.owner.post(&rotate, json!({ "overlap_hours": 1 })).await.expect(200);
    client.get("/admin/permissions").await.expect(200);
    org.owner.post(&rotate, json!({ "overlap_hours": 0 })).await.expect(200);
    client.get("/admin/permissions").await.expect(401);
}

#[tokio::test]
async fn events_are_forgotten_after_thirty_days_and_older_cursors_are_refused() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let changes = |query: String| {
        let sister = sister(&app);
        async move { sister.get(&format!("/internal/permissions/changes{query}")).await }
    };
    let cursor = |body: &serde_json::Value| format!("?since={}", body["next_cursor"].as_str().unwrap());
    let start = cursor(&changes(String::new()).await.expect(200).body);
    let grant = |shop: &str| keeper.post("/admin/permissions/grant", may("ann", shop, "mkt", "read"));
    grant("1").await.expect(201);
    let first = changes(start.clone()).await.expect(200);
    assert_eq!(first.items().len(), 1);
    let after_first = cursor(&first.body);
    grant("2").await.expect(201);
    let after_second = cursor(&changes(after_first.clone()).await.expect(200).body);
    let rows = || async {
        let tx = app.tx(org.id).await;
        let rows = tx.query_sql("SELECT id FROM access_event", Vec::new()).await.unwrap().len();
        tx.rollback().await.unwrap();
        rows
    };
    let before = rows().await;
    assert!(before > 2);
    app.clock.advance(Duration::days(29));
    assert_eq!(kernel::access::prune(&app.app).await.unwrap(), 0);
    changes(start.clone()).await.expect(200);
    app.clock.advance(Duration::days(1) + Duration::seconds(1));
    // Nothing has gone yet that this one has not seen.
    changes(start.clone()).await.expect(200);
    let tx = app.app.system(Mode::Write).await.unwrap();
    let job = jobs::NewJob::named(jobs::PLATFORM, "jobs.prune", json!({}));
    app.app.service::<jobs::Engine>().unwrap().enqueue(&tx, job).await.unwrap();
    tx.commit().await.unwrap();
    app.work().await;
    assert_eq!(rows().await, 1, "the newest stays");
    for gone in [&start, &after_first] {
        assert_eq!(changes(gone.clone()).await.expect(410).code(), "cursor_expired");
    }
    // Whoever has seen the last of them has missed nothing.
    assert!(changes(after_second.clone()).await.expect(200).items().is_empty());
    keeper.post("/admin/permissions/grant", may("ann", "3", "mkt", "read")).await.expect(201);
    let next = changes(after_second.clone()).await.expect(200);
    assert_eq!(next.items().len(), 1);
    assert_eq!(next.items()[0]["permission"]["scope_id"], "3");
    // The old one goes when there is a newer old one, and not before.
    app.clock.advance(Duration::days(31));
    assert!(kernel::access::prune(&app.app).await.unwrap() >= 1);
    assert_eq!(changes(after_second).await.expect(410).code(), "cursor_expired");
    assert!(changes(cursor(&next.body)).await.expect(200).items().is_empty());
    assert_eq!(rows().await, 1);
}

#[tokio::test]
async fn what_a_dry_run_takes_back_is_not_counted() {
    let app = TestApp::new().await;
    let (_, clerk, ..) = shop(&app).await;
    let file = "username,scope_type,scope_id,module,action\nann,shop,1,mkt,read\nbob,shop,1,mkt,read\n";
    let import = async |dry: bool| {
        let path = format!("/api/member-grants/import?dry_run={dry}");
        clerk.raw(Method::POST, &path, Some("text/csv"), file.as_bytes().to_vec()).await.expect(200)
    };
    let series = r#"permission_changes_total{op="grant",result="granted"}"#;
    assert_eq!(import(true).await.body["granted"], 2);
    assert_eq!(counted(&app, series).await, 0);
    assert_eq!(import(false).await.body["granted"], 2);
    assert_eq!(counted(&app, series).await, 2);
}
