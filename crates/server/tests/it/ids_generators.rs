//! Kinds of id that are no counters: made, told apart, limited to their organisation.

use serde_json::{Value, json};

use crate::support::{TestApp, caller::Reply};

fn ids(reply: &Reply) -> Vec<String> {
    reply.body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_kind_makes_rising_ids_that_say_what_they_are() {
    let app = TestApp::new().await;
    let org = app.org("makers").await;
    for kind in ["snowflake", "snowflake53", "uuid7", "ulid"] {
        let body = json!({ "name": kind, "kind": kind });
        let made = org.owner.post("/api/id-generators", body).await.expect(201);
        assert_eq!(made.body["expires_at"].is_string(), kind.starts_with("snow"), "{kind}");
        let got = org.owner.post("/api/ids/next", json!({ "key": kind, "count": 200 })).await.expect(200);
        assert_eq!(got.body["kind"], kind);
        let ids = ids(&got);
        assert_eq!(ids.len(), 200);
        // Of the random ones only those of a later call are surely higher.
        let mut sorted = ids.clone();
        sorted.sort_by_key(|id| (id.len(), id.clone()));
        sorted.dedup();
        assert_eq!(sorted.len(), 200, "{kind}");
        if kind != "uuid7" {
            assert_eq!(sorted, ids, "{kind}");
        }
        let path = format!("/api/ids/decode/{}?key={kind}", ids[7]);
        let said = org.owner.get(&path).await.expect(200);
        assert_eq!(said.body["kind"], kind);
        let at = said.body["at"].as_str().unwrap();
        assert_eq!(at[..10], base::time::format(app.now())[..10], "{kind}");
    }
    let said = org.owner.get("/api/ids/decode/01ARZ3NDEKTSV4RRFFQ69G5FAV").await.expect(200);
    assert_eq!(said.body["at"], "2016-07-30T23:54:10.259000Z");
    assert_eq!(org.owner.get("/api/ids/decode/12345").await.expect(422).body["errors"][0]["field"], "key");
    org.owner.get("/api/ids/decode/nonsense").await.expect(422);
}

#[tokio::test]
async fn numbers_count_anew_each_day_of_their_zone_and_each_organisation_for_itself() {
    let app = TestApp::new().await;
    let (one, two) = (app.org("one").await, app.org("two").await);
    let invoice = json!({
        "name": "Invoice", "kind": "number",
        "settings": { "pattern": "INV-{yyyyMMdd}-{seq:4}", "reset": "day", "time_zone": "Asia/Shanghai" },
    });
    for org in [&one, &two] {
        org.owner.post("/api/id-generators", invoice.clone()).await.expect(201);
    }
    let next = async |org: &crate::support::Org, count: i64| {
        let got =
            org.owner.post("/api/ids/next", json!({ "key": "invoice", "count": count })).await.expect(200);
        ids(&got).iter().map(|id| id.rsplit('-').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(next(&one, 2).await, ["0001", "0002"]);
    assert_eq!(next(&two, 1).await, ["0001"]);
    assert_eq!(next(&one, 1).await, ["0003"]);
    // A key outlives the session.
    let key = one.owner.post("/api/auth/api-keys", json!({ "name": "biller" })).await.expect(201);
    app.clock.advance(chrono::TimeDelta::days(1));
    let biller = app.anon().with("x-api-key", key.body["key"].as_str().unwrap());
    let got = biller.post("/api/ids/next", json!({ "key": "invoice" })).await.expect(200);
    assert!(ids(&got)[0].ends_with("-0001"), "{:?}", ids(&got));
}

#[tokio::test]
async fn a_retry_gets_the_same_numbers_and_those_without_gaps_insist_on_one() {
    let app = TestApp::new().await;
    let org = app.org("gapless").await;
    let body = json!({
        "name": "receipt", "kind": "number", "settings": { "pattern": "R{seq:3}", "gap_free": true },
    });
    org.owner.post("/api/id-generators", body).await.expect(201);
    let wanted = json!({ "key": "receipt", "count": 2 });
    let refused = org.owner.post("/api/ids/next", wanted.clone()).await.expect(422);
    assert_eq!(refused.code(), "idempotency_key_required");
    let first =
        org.owner.with("idempotency-key", "a").post("/api/ids/next", wanted.clone()).await.expect(200);
    let again =
        org.owner.with("idempotency-key", "a").post("/api/ids/next", wanted.clone()).await.expect(200);
    assert_eq!((ids(&first), ids(&again)), (vec!["R001".into(), "R002".into()], ids(&first)));
    let other = org.owner.with("idempotency-key", "b").post("/api/ids/next", wanted).await.expect(200);
    assert_eq!(ids(&other), ["R003", "R004"]);
}

#[tokio::test]
async fn a_generator_that_would_repeat_itself_is_refused() {
    let app = TestApp::new().await;
    let org = app.org("strict").await;
    let refused = |settings: Value, kind: &str, field: &str| {
        let (owner, body) = (org.owner.clone(), json!({ "name": "x", "kind": kind, "settings": settings }));
        let field = field.to_owned();
        async move {
            let reply = owner.post("/api/id-generators", body.clone()).await.expect(422);
            assert_eq!(reply.body["errors"][0]["field"], field, "{body}");
            let preview = json!({ "kind": body["kind"], "settings": body["settings"] });
            owner.post("/api/id-generators/preview", preview).await.expect(422);
        }
    };
    refused(json!({ "pattern": "A-{seq}", "reset": "day" }), "number", "settings.pattern").await;
    refused(json!({}), "number", "settings.pattern").await;
    refused(json!({ "pattern": "{seq}", "time_zone": "Moon/Sea" }), "number", "settings.time_zone").await;
    refused(json!({ "epoch": "2099-01-01T00:00:00Z" }), "snowflake", "settings.epoch").await;
    refused(json!({ "epoch": "1900-01-01T00:00:00Z" }), "snowflake", "settings.epoch").await;
    refused(json!({ "epoch": "2024-01-01T00:00:00Z" }), "ulid", "settings.epoch").await;
    refused(json!({ "pattern": "{seq}" }), "uuid7", "settings").await;
    // A name means one thing, whichever came first.
    org.owner.post("/api/id-keys", json!({ "name": "taken" })).await.expect(201);
    let body = json!({ "name": "Taken", "kind": "ulid" });
    assert_eq!(org.owner.post("/api/id-generators", body).await.expect(409).code(), "key_exists");
    org.owner.post("/api/id-generators", json!({ "name": "made", "kind": "ulid" })).await.expect(201);
    org.owner.post("/api/id-generators", json!({ "name": "MADE", "kind": "uuid7" })).await.expect(409);
    org.owner.post("/api/id-keys", json!({ "name": "made" })).await.expect(409);
    // The epoch of ids that exist stays.
    let made = org
        .owner
        .post("/api/id-generators", json!({ "name": "flake", "kind": "snowflake" }))
        .await
        .expect(201);
    let path = format!("/api/id-generators/{}", made.id());
    let moved = json!({ "settings": { "epoch": "2025-01-01T00:00:00Z" } });
    assert_eq!(org.owner.patch(&path, moved).await.expect(422).body["errors"][0]["code"], "fixed");
    org.owner.patch(&path, json!({ "name": "flakes" })).await.expect(200);
    org.owner.post("/api/ids/next", json!({ "key": "flakes" })).await.expect(200);
    org.owner.delete(&path).await.expect(204);
    org.owner.post("/api/ids/next", json!({ "key": "flakes" })).await.expect(404);
}

#[tokio::test]
async fn a_change_of_the_period_that_would_repeat_numbers_is_refused() {
    let app = TestApp::new().await;
    let org = app.org("periods").await;
    let settings = json!({ "pattern": "{yyyyMMdd}-{seq:2}", "reset": "day" });
    let body = json!({ "name": "daily", "kind": "number", "settings": settings });
    let made = org.owner.post("/api/id-generators", body).await.expect(201);
    let path = format!("/api/id-generators/{}", made.id());
    let wider = json!({ "settings": { "pattern": "{yyyyMMdd}-{seq:2}", "reset": "month" } });
    assert_eq!(org.owner.patch(&path, wider).await.expect(422).body["errors"][0]["field"], "settings.reset");
    let longer = json!({ "settings": { "pattern": "{yyyyMMdd}-{seq:4}", "reset": "day" } });
    org.owner.patch(&path, longer).await.expect(200);
}
