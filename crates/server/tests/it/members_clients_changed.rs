//! Programs that are switched off, limited or given another key while a request of theirs is on its way.

use std::{future::Future, time::Duration};

use base::Id;
use kernel::access::DataScope;
use serde_json::{Value, json};

use crate::{
    members_support::{keeper, may, program, told},
    support::{Org, TestApp, Wish, caller::Reply},
};

const PATH: &str = "/admin/api-clients";

fn statement(tx: &store::Tx, set: &str) -> String {
    let place = if tx.dialect() == store::Dialect::Postgres { "$1" } else { "?" };
    format!("UPDATE member_client SET {set} WHERE id = {place}")
}

/// Changes a program's row, at once.
async fn set(app: &TestApp, org: &Org, id: Id, change: &str) {
    let tx = app.tx(org.id).await;
    tx.execute_sql(&statement(&tx, change), vec![id.into()]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Changes a program's row in a transaction that ends once the request has been recognised.
async fn overtaken(
    app: &TestApp,
    org: &Org,
    (id, change): (Id, &str),
    request: impl Future<Output = Reply>,
) -> Reply {
    let tx = app.tx(org.id).await;
    tx.execute_sql(&statement(&tx, change), vec![id.into()]).await.unwrap();
    let end = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        tx.commit().await.unwrap();
    };
    tokio::join!(request, end).0
}

async fn row(org: &Org, id: Id) -> Value {
    org.owner.get(&format!("/api/member-clients/{id}")).await.expect(200).body
}

#[tokio::test]
async fn a_program_that_is_switched_off_or_loses_its_key_meanwhile_changes_nothing_more() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let wish = json!({
        "name": "warden", "client_key": "warden", "may_grant": ["mkt"], "calls_per_minute": 0,
        "scopes": ["clients:read", "clients:write", "permissions:read", "permissions:write"],
    });
    let (id, warden) = program(&app, &org, wish).await;
    let till = json!({ "name": "till", "client_key": "till", "calls_per_minute": 10 });
    let till = warden.post(PATH, till).await.expect(201).id();
    let (own, other) = (format!("{PATH}/warden"), format!("{PATH}/till"));
    let grant = || warden.post("/admin/permissions/grant", may("ann", "1", "mkt", "read"));
    let revoke = || warden.post("/admin/permissions/revoke", may("ann", "2", "mkt", "read"));
    warden.post("/admin/permissions/grant", may("ann", "2", "mkt", "read")).await.expect(201);
    let mut one = may("ann", "1", "mkt", "read");
    one["op"] = json!("grant");
    let batch = || warden.post("/admin/permissions/batch", json!({ "operations": [one.clone()] }));
    let before = (row(&org, id).await, row(&org, till).await);
    for (change, code, status) in [
        ("active = FALSE", "client_disabled", 403),
        ("expires_at = '2020-01-01 00:00:00'", "client_expired", 403),
        ("scopes = '[]'", "insufficient_scope", 403),
        ("key_hash = 'another'", "invalid_client", 401),
    ] {
        let hash = kept(&app, &org, id).await;
        for at in 0..8 {
            let request = async {
                match at {
                    0 => warden.patch(&own, json!({ "active": true })).await,
                    1 => warden.post(&format!("{own}/rotate"), json!({})).await,
                    2 => warden.post(PATH, json!({ "name": "new", "calls_per_minute": 1 })).await,
                    3 => warden.patch(&other, json!({ "name": "mine" })).await,
                    4 => warden.delete(&other).await,
                    5 => grant().await,
                    6 => revoke().await,
                    _ => batch().await,
                }
            };
            let refused = overtaken(&app, &org, (id, change), request).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{at}: {}", refused.text());
            let back = format!(
                "active = TRUE, expires_at = NULL, key_hash = '{hash}', scopes = '[\"clients:read\", \
                 \"clients:write\", \"permissions:read\", \"permissions:write\"]'"
            );
            set(&app, &org, id, &back).await;
        }
    }
    assert_eq!((row(&org, id).await, row(&org, till).await), before);
    assert_eq!(warden.get(PATH).await.expect(200).items().len(), 3);
    let held = warden.get("/admin/permissions").await.expect(200);
    assert_eq!(held.items().iter().map(|one| &one["scope_id"]).collect::<Vec<_>>(), ["2"]);
    // What it may give is judged again as well.
    let refused = overtaken(&app, &org, (id, "may_grant = '[]'"), grant()).await;
    assert_eq!(refused.expect(403).code(), "not_grantable");
    let wish = json!({ "name": "x", "may_grant": ["mkt"], "calls_per_minute": 1 });
    set(&app, &org, id, "may_grant = '[\"mkt\"]'").await;
    let refused = overtaken(&app, &org, (id, "may_grant = '[]'"), warden.post(PATH, wish)).await;
    assert_eq!(refused.expect(403).code(), "cannot_grant");
}

async fn kept(app: &TestApp, org: &Org, id: Id) -> String {
    let tx = app.tx(org.id).await;
    let place = if tx.dialect() == store::Dialect::Postgres { "$1" } else { "?" };
    let sql = format!("SELECT key_hash FROM member_client WHERE id = {place}");
    let rows = tx.query_sql(&sql, vec![id.into()]).await.unwrap();
    store::read(&rows[0], "key_hash").unwrap()
}

#[tokio::test]
async fn a_change_of_one_thing_leaves_what_somebody_else_changes_in_the_same_moment() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (id, _) = program(&app, &org, json!({ "name": "k", "scopes": ["permissions:read"] })).await;
    let path = format!("/api/member-clients/{id}");
    let off = (id, "active = FALSE, key_hash = 'another'");
    overtaken(&app, &org, off, org.owner.patch(&path, json!({ "name": "l" }))).await.expect(200);
    let now = row(&org, id).await;
    assert_eq!((&now["active"], &now["name"]), (&json!(false), &json!("l")));
    assert_eq!(kept(&app, &org, id).await, "another");
    set(&app, &org, id, "active = TRUE").await;
    let path = format!("{path}/rotate");
    let rotate = org.owner.post(&path, json!({ "overlap_hours": 1 }));
    overtaken(&app, &org, (id, "active = FALSE"), rotate).await.expect(200);
    assert_eq!(row(&org, id).await["active"], false);
}

#[tokio::test]
async fn whoever_keeps_programs_must_reach_every_row() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let codes = [
        "members:client:create",
        "members:client:update",
        "members:client:rotate",
        "members:client:list",
        "identity:user:grant",
    ];
    let bob = app.member_with(&org, "bob", &codes, DataScope::Own, None).await;
    let wish = json!({ "name": "x", "scopes": ["permissions:write"], "may_grant": ["mkt"] });
    let (id, _) = program(&app, &org, wish.clone()).await;
    let path = format!("/api/member-clients/{id}");
    for refused in [
        bob.post("/api/member-clients", wish.clone()).await,
        bob.patch(&path, json!({ "allow_ips": null })).await,
        bob.post(&format!("{path}/rotate"), json!({})).await,
    ] {
        assert_eq!(refused.expect(403).code(), "cannot_grant");
    }
    let eve = app.member(&org, "eve", &codes).await;
    eve.post("/api/member-clients", wish).await.expect(201);
    eve.patch(&path, json!({ "allow_ips": null })).await.expect(200);
    eve.post(&format!("{path}/rotate"), json!({})).await.expect(200);
}

#[tokio::test]
async fn programs_are_made_with_a_single_connection() {
    let app = TestApp::with(Wish { pool: 1, ..Wish::default() }).await;
    let org = app.org("home").await;
    let wish = json!({
        "name": "warden", "client_key": "warden", "scopes": ["clients:read", "clients:write"], "calls_per_minute": 0,
    });
    let (_, warden) = program(&app, &org, wish.clone()).await;
    assert_eq!(org.owner.post("/api/member-clients", wish.clone()).await.expect(409).code(), "conflict");
    warden.post(PATH, json!({ "name": "till", "client_key": "till" })).await.expect(201);
    let taken = warden.post(PATH, json!({ "name": "till", "client_key": "till" })).await.expect(409);
    assert_eq!(taken.body["errors"][0]["field"], "client_key");
}

#[tokio::test]
async fn a_key_of_a_program_is_not_kept_for_whoever_asks_again() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let owner = org.owner.with("idempotency-key", "once");
    let made = owner.post("/api/member-clients", json!({ "name": "k" })).await.expect(201);
    let renewed =
        owner.post(&format!("/api/member-clients/{}/rotate", made.id()), json!({})).await.expect(200);
    let tx = app.app.system(store::Mode::Read).await.unwrap();
    let rows = tx.query_sql("SELECT body FROM idempotency_key", Vec::new()).await.unwrap();
    tx.rollback().await.unwrap();
    for row in rows {
        let body: String = store::read(&row, "body").unwrap();
        for key in [&made.body["api_key"], &renewed.body["api_key"]] {
            assert!(!body.contains(key.as_str().unwrap()), "{body}");
        }
    }
}
