//! What programs called: listed, counted by the hour, forgotten after a week.

use chrono::Duration;
use serde_json::{Value, json};

use crate::{
    members_support::{keeper, may, program, sister, told},
    support::{Org, TestApp},
};

async fn flush(app: &TestApp) {
    members::flush_calls(&app.app).await.unwrap();
}

fn lines(body: &Value) -> Vec<String> {
    let line = |one: &Value| {
        let reason = one["reason"].as_str().unwrap_or("-");
        format!(
            "{} {} {} {reason}",
            one["method"].as_str().unwrap(),
            one["route"].as_str().unwrap(),
            one["status"]
        )
    };
    body["items"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn every_call_with_a_proven_key_is_listed_with_what_came_of_it_and_no_other_is() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let wish = json!({
        "name": "k", "may_grant": ["mkt"], "scopes": ["permissions:write", "permissions:read"], "calls_per_minute": 5,
    });
    let (id, client) = program(&app, &org, wish).await;
    let path = format!("/api/member-clients/{id}/calls");
    client
        .with("x-request-id", "first-of-them")
        .get("/admin/permissions?authentik_sub=ann")
        .await
        .expect(200);
    client.post("/admin/permissions/grant", may("ann", "1", "mkt", "read")).await.expect(201);
    client.post("/admin/permissions/grant", may("ann", "1", "adm", "read")).await.expect(403);
    client.post("/admin/permissions/grant", json!({ "authentik_sub": 1 })).await.expect(422);
    client.patch("/admin/users/ann", json!({ "is_active": false })).await.expect(403);
    client.get("/admin/permissions").await.expect(200);
    client.get("/admin/permissions").await.expect(429);
    client.with("x-api-key", "mk_dev_0123456789012345678901234567890").get("/admin/users").await.expect(401);
    sister(&app).get("/internal/permissions/ann/snapshot").await.expect(200);
    // Nothing is written in a request's path.
    assert!(org.owner.get(&path).await.expect(200).items().is_empty());
    flush(&app).await;
    flush(&app).await;
    let all = org.owner.get(&path).await.expect(200);
    let mut found = lines(&all.body);
    found.reverse();
    // Within one millisecond nothing says which was first.
    found.sort();
    assert_eq!(
        found,
        [
            "GET /admin/permissions 200 -",
            "GET /admin/permissions 200 -",
            "GET /admin/permissions 429 too_many_requests",
            "PATCH /admin/users/{authentik_sub} 403 insufficient_scope",
            "POST /admin/permissions/grant 201 -",
            "POST /admin/permissions/grant 403 not_grantable",
            "POST /admin/permissions/grant 422 validation_failed",
        ]
    );
    let of = |id: &'static str| all.items().iter().find(move |one| one["request_id"] == id).cloned();
    let first = of("first-of-them").unwrap();
    assert_eq!(first["ip"], "127.0.0.1");
    assert!(first["duration_ms"].as_i64().is_some_and(|took| (0..60_000).contains(&took)), "{first}");
    assert!(!all.text().contains("ann"), "a template tells nobody's name: {}", all.text());
    let refused = org.owner.get(&format!("{path}?status=4xx")).await.expect(200);
    assert_eq!(refused.items().len(), 4);
    let forbidden = org.owner.get(&format!("{path}?status=403")).await.expect(200);
    assert_eq!(forbidden.items().len(), 2);
    for wrong in ["status=4x", "status=9xx", "status=99", "status=abc", "limit=0", "limit=201", "nothing=1"] {
        org.owner.get(&format!("{path}?{wrong}")).await.expect(422);
    }
    let stats = org.owner.get(&format!("{path}/stats")).await.expect(200).body;
    assert_eq!(stats["total"], json!({ "ok": 3, "refused": 4, "failed": 0 }));
    assert_eq!(
        stats["hours"].as_array().unwrap().iter().map(|hour| hour["ok"].as_i64().unwrap()).sum::<i64>(),
        3
    );
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended_and_an_hour_is_counted_once_however_often_it_is_written() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({ "name": "k", "scopes": ["permissions:read"], "calls_per_minute": 0 });
    let (id, client) = program(&app, &org, wish).await;
    let path = format!("/api/member-clients/{id}/calls");
    for _ in 0..7 {
        client.get("/admin/permissions").await.expect(200);
        app.clock.advance(Duration::seconds(1));
        flush(&app).await;
    }
    app.clock.advance(Duration::hours(1));
    let org = Org { owner: app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await, ..org };
    client.get("/admin/users").await.expect(403);
    flush(&app).await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = org.owner.get(&format!("{path}?limit=3{before}")).await.expect(200);
        seen.extend(page.items().iter().map(|one| one["at"].as_str().unwrap().to_owned()));
        match page.body["next_before"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
    let stats = org.owner.get(&format!("{path}/stats")).await.expect(200).body;
    let hours: i64 = stats["hours"].as_array().unwrap().iter().map(|hour| hour["ok"].as_i64().unwrap()).sum();
    assert_eq!((hours, &stats["total"]), (7, &json!({ "ok": 7, "refused": 1, "failed": 0 })));
    assert!(stats["hours"].as_array().unwrap().len() >= 2, "{stats}");
    // Another organisation's people see none of it, nor does somebody without the permission.
    let other = app.org("other").await;
    other.owner.get(&path).await.expect(404);
    other.owner.get(&format!("{path}/stats")).await.expect(404);
    let reader = app.member(&org, "bob", &["members:client:list", "members:client:read"]).await;
    reader.get(&path).await.expect(403);
    let watcher = app.member(&org, "eve", &["members:client:calls"]).await;
    watcher.get(&path).await.expect(200);
    watcher.get(&format!("{path}/stats")).await.expect(200);
}

#[tokio::test]
async fn calls_are_forgotten_after_a_week() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({ "name": "k", "scopes": ["permissions:read"] });
    let (id, client) = program(&app, &org, wish).await;
    client.get("/admin/permissions").await.expect(200);
    flush(&app).await;
    let rows = || async {
        let tx = app.tx(org.id).await;
        let count = |table: &str| format!("SELECT id FROM {table}");
        let lines = tx.query_sql(&count("member_call"), Vec::new()).await.unwrap().len();
        let hours = tx.query_sql(&count("member_call_hour"), Vec::new()).await.unwrap().len();
        tx.rollback().await.unwrap();
        (lines, hours)
    };
    let prune = || async {
        let tx = app.app.system(store::Mode::Write).await.unwrap();
        let job = jobs::NewJob::named(jobs::PLATFORM, "members.prune", json!({}));
        app.app.service::<jobs::Engine>().unwrap().enqueue(&tx, job).await.unwrap();
        tx.commit().await.unwrap();
        app.work().await;
    };
    app.clock.advance(Duration::days(6));
    prune().await;
    assert_eq!(rows().await, (1, 1));
    app.clock.advance(Duration::days(1) + Duration::hours(2));
    // What is too old is not shown, whether it was deleted or not.
    let owner = app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await;
    let path = format!("/api/member-clients/{id}/calls");
    assert!(owner.get(&path).await.expect(200).items().is_empty());
    assert_eq!(owner.get(&format!("{path}/stats")).await.expect(200).body["total"]["ok"], 0);
    prune().await;
    assert_eq!(rows().await, (0, 0));
}

/// Runs a statement that changes the schema.
async fn alter(app: &TestApp, sql: &str) {
    let tx = app.app.system(store::Mode::Write).await.unwrap();
    if tx.dialect() == store::Dialect::Postgres {
        tx.execute_sql("RESET ROLE", Vec::new()).await.unwrap();
    }
    tx.execute_sql(sql, Vec::new()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn lines_that_are_there_already_are_not_written_for_ever() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({ "name": "k", "scopes": ["permissions:read"] });
    let (id, client) = program(&app, &org, wish).await;
    let call = || async { drop(client.get("/admin/permissions").await.expect(200)) };
    call().await;
    flush(&app).await;
    // As after a commit of which nothing was heard: the lines meet themselves.
    alter(&app, "CREATE UNIQUE INDEX only_once ON member_call (client_id)").await;
    call().await;
    flush(&app).await;
    flush(&app).await;
    let on =
        if crate::support::database::dialect() == store::Dialect::Mysql { " ON member_call" } else { "" };
    alter(&app, &format!("DROP INDEX only_once{on}")).await;
    call().await;
    flush(&app).await;
    let path = format!("/api/member-clients/{id}/calls");
    assert_eq!(org.owner.get(&path).await.expect(200).items().len(), 2);
    assert_eq!(org.owner.get(&format!("{path}/stats")).await.expect(200).body["total"]["ok"], 2);
    // What a database that is away did not take is written once it is back.
    alter(&app, "ALTER TABLE member_call_hour RENAME TO elsewhere").await;
    call().await;
    members::flush_calls(&app.app).await.unwrap_err();
    call().await;
    members::flush_calls(&app.app).await.unwrap_err();
    alter(&app, "ALTER TABLE elsewhere RENAME TO member_call_hour").await;
    flush(&app).await;
    assert_eq!(org.owner.get(&path).await.expect(200).items().len(), 4);
    assert_eq!(org.owner.get(&format!("{path}/stats")).await.expect(200).body["total"]["ok"], 4);
}
