//! The sealed audit trail: what was changed, removed, inserted or made anew in it is found, and what is only
//! old, late or sealed under the key before is not called so.

use base::Id;
use chrono::{DateTime, Duration, Utc};
use kernel::Origin;
use kernel::audit::{
    self, Event, Who,
    seal::{self, Trail},
    verify::{self, Wish as Range},
};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::{Mode, Tx};

use crate::{
    members_support::program,
    support::{Caller, Org, TestApp, Wish},
};

fn vault(app: &TestApp) -> Arc<dyn base::Vault> {
    app.app.service::<Arc<dyn base::Vault>>().unwrap().clone()
}

async fn seal_now(app: &TestApp) -> u64 {
    seal::seal(&app.app, &*vault(app)).await.unwrap()
}

fn origin() -> Origin {
    Origin { request_id: "req-1".into(), ip: None, user_agent: "tests".into() }
}

async fn write_at(app: &TestApp, org: Id, count: usize, at: DateTime<Utc>) {
    let tx = app.tx(org).await;
    for n in 0..count {
        let event = Event::new("test:thing:touch", "test.thing").change(
            "n",
            json!(null),
            json!({ "z": n, "a": [1.5, { "k": null }] }),
        );
        audit::write(&tx, at, Who::system(), &origin(), event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// An organisation in whose trail its founding is not told.
async fn fresh(app: &TestApp, name: &str) -> Org {
    let org = app.org(name).await;
    let tx = intruder(app).await;
    let all = Query::delete().from_table("audit_entry").and_where(Expr::col("org_id").eq(org.id)).to_owned();
    tx.execute(&all).await.unwrap();
    tx.commit().await.unwrap();
    seal_now(app).await;
    org
}

/// Its owner, signed in anew: time passes in these tests.
async fn owner(app: &TestApp, org: &Org) -> Caller {
    app.sign_in(app.read_user(org.owner.id).await, Some(org.id)).await
}

/// An organisation with `count` sealed entries, and no others.
async fn sealed(app: &TestApp, count: usize) -> Org {
    let org = fresh(app, "sealed").await;
    write_at(app, org.id, count, app.now()).await;
    assert_eq!(seal_now(app).await, count as u64);
    org
}

async fn verified(app: &TestApp, org: &Org, range: Value) -> Value {
    owner(app, org).await.post("/api/audit-seals/verify", range).await.expect(200).body
}

fn kinds(report: &Value) -> Vec<(&str, Option<&str>)> {
    report["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["entry_id"].as_str()))
        .collect()
}

/// The ids of an organisation's entries, in the order of the chain.
async fn chain(tx: &Tx, org: Id) -> Vec<Id> {
    let select = Query::select()
        .column("id")
        .from(seal::LINKS)
        .and_where(Expr::col("org_id").eq(org))
        .order_by("seq", Order::Asc)
        .to_owned();
    tx.query_all(&select).await.unwrap().iter().map(|row| store::read(row, "id").unwrap()).collect()
}

async fn delete(tx: &Tx, table: &'static str, id: Id) {
    let gone = Query::delete().from_table(table).and_where(Expr::col("id").eq(id)).to_owned();
    assert_eq!(tx.execute(&gone).await.unwrap(), 1);
}

/// Whoever can write to the database.
async fn intruder(app: &TestApp) -> Tx {
    app.app.system(Mode::Write).await.unwrap()
}

#[tokio::test]
async fn what_is_written_is_sealed_once_and_found_as_it_was() {
    let app = TestApp::new().await;
    let org = sealed(&app, 1_203).await;
    assert_eq!(seal_now(&app).await, 0, "nothing came since");
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(
        (&report["sound"], &report["entries"], &report["days"]),
        (&json!(true), &json!(1203), &json!(1))
    );
    assert_eq!((&report["unsealed"], &report["next"]), (&json!(0), &Value::Null));
    // The verification itself is an entry, and is sealed with the next pass.
    let standing = owner(&app, &org).await.get("/api/audit-seals/status").await.expect(200).body;
    assert_eq!((&standing["sealed"], &standing["unsealed"]), (&json!(1203), &json!(1)), "{standing}");
    assert_eq!(standing["head"], report["head"]);
    assert_eq!(seal_now(&app).await, 1);
    let days = owner(&app, &org).await.get("/api/audit-seals").await.expect(200).body;
    let day = &days["items"][0];
    assert_eq!(
        (&day["entries"], &day["state"], &day["pruned"]),
        (&json!(1204), &json!("open"), &json!(false))
    );
    assert_eq!((&day["previous_hash"], &days["next"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn two_nodes_that_seal_at_once_make_one_chain() {
    let app = TestApp::new().await;
    let org = fresh(&app, "both").await;
    write_at(&app, org.id, 300, app.now()).await;
    let vault = vault(&app);
    let (left, right) = tokio::join!(seal::seal(&app.app, &*vault), seal::seal(&app.app, &*vault));
    assert!(left.is_ok() || right.is_ok(), "{left:?} {right:?}");
    seal_now(&app).await;
    let report = verified(&app, &org, json!({})).await;
    assert_eq!((&report["sound"], &report["entries"]), (&json!(true), &json!(300)), "{report}");
}

#[tokio::test]
async fn an_entry_that_was_changed_is_named() {
    let app = TestApp::new().await;
    let org = sealed(&app, 20).await;
    for (column, value) in [
        ("actor_name", Expr::val("somebody else")),
        ("outcome", Expr::val("denied")),
        ("request_id", Expr::val("req-2")),
        ("target_id", Expr::val(Some(Id::from_u128(7)))),
        ("changes", Expr::val(json!({ "n": { "before": null, "after": { "z": 99 } } }))),
        // The same names and values in another shape.
        (
            "changes",
            Expr::val(json!([["n", { "before": null, "after": { "z": 7, "a": [1.5, { "k": null }] } }]])),
        ),
    ] {
        let tx = intruder(&app).await;
        let victim = chain(&tx, org.id).await[7];
        tx.savepoint("attack").await.unwrap();
        let change = Query::update()
            .table("audit_entry")
            .value(column, value)
            .and_where(Expr::col("id").eq(victim))
            .to_owned();
        assert_eq!(tx.execute(&change).await.unwrap(), 1);
        let trail = Trail { org: Some(org.id) };
        let report = verify::verify(&tx, &*vault(&app), trail, app.now(), &Range::default()).await.unwrap();
        let report = serde_json::to_value(report).unwrap();
        assert_eq!(kinds(&report), [("changed", Some(victim.to_string().as_str()))], "{column}: {report}");
        tx.back_to_savepoint("attack").await.unwrap();
        let report = verify::verify(&tx, &*vault(&app), trail, app.now(), &Range::default()).await.unwrap();
        assert!(report.sound, "{column}: {report:?}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn an_entry_that_was_removed_is_named_and_so_is_its_link() {
    let app = TestApp::new().await;
    let org = sealed(&app, 20).await;
    let tx = intruder(&app).await;
    let ids = chain(&tx, org.id).await;
    delete(&tx, "audit_entry", ids[3]).await;
    delete(&tx, "audit_entry", ids[9]).await;
    delete(&tx, seal::LINKS, ids[9]).await;
    tx.commit().await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(
        kinds(&report),
        [("removed", Some(ids[3].to_string().as_str())), ("removed", None)],
        "{report}"
    );
    let told = report["breaks"][1]["detail"].as_str().unwrap();
    assert!(told.contains("1 links before number 11"), "{told}");
    // It is told in the trail that somebody looked, and what was found.
    let looked =
        owner(&app, &org).await.get("/api/audit-entries?action=identity:audit_seal:verify").await.expect(200);
    assert_eq!(looked.items()[0]["outcome"], "failed");
}

#[tokio::test]
async fn an_entry_that_was_inserted_later_is_named_whether_or_not_it_was_sealed() {
    let app = TestApp::new().await;
    let org = sealed(&app, 20).await;
    let long_ago = app.now();
    app.clock.advance(Duration::hours(3));
    write_at(&app, org.id, 2, app.now()).await;
    seal_now(&app).await;
    // One with an id of the time that it tells: no pass looks there any more.
    write_at(&app, org.id, 1, long_ago).await;
    assert_eq!(seal_now(&app).await, 0);
    let report = verified(&app, &org, json!({})).await;
    let found = kinds(&report);
    assert_eq!((found.len(), found[0].0, &report["unsealed"]), (1, "inserted", &json!(1)), "{report}");
    assert!(
        report["breaks"][0]["at"]
            .as_str()
            .unwrap()
            .starts_with(&long_ago.format("%Y-%m-%dT%H:%M").to_string())
    );

    // One with a new id and an old time: it is sealed, and does not fit.
    write_at(&app, org.id, 1, app.now()).await;
    let tx = intruder(&app).await;
    let newest = Query::select()
        .column("id")
        .from("audit_entry")
        .and_where(Expr::col("org_id").eq(org.id))
        .order_by("id", Order::Desc)
        .limit(1)
        .to_owned();
    let forged: Id = store::read(&tx.query_one(&newest).await.unwrap().unwrap(), "id").unwrap();
    let change = Query::update()
        .table("audit_entry")
        .value("at", long_ago)
        .and_where(Expr::col("id").eq(forged))
        .to_owned();
    tx.execute(&change).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(seal_now(&app).await, 2, "the verification and the forged one");
    let report = verified(&app, &org, json!({})).await;
    let forged = forged.to_string();
    assert!(kinds(&report).contains(&("inserted", Some(forged.as_str()))), "{report}");
}

/// What a link says of everything up to it, and what goes into that beside the link before.
async fn hashes(tx: &Tx, id: Id) -> (String, String) {
    let select = Query::select()
        .columns(["entry_hash", "hash", "day", "sealed_at"])
        .from(seal::LINKS)
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    let row = tx.query_one(&select).await.unwrap().unwrap();
    let text = |column| store::read::<String>(&row, column).unwrap();
    let sealed_at: DateTime<Utc> = store::read(&row, "sealed_at").unwrap();
    let own = format!("{}\n{}\n{}", text("entry_hash"), text("day"), sealed_at.timestamp_micros());
    (own, text("hash"))
}

#[tokio::test]
async fn a_chain_that_was_made_anew_does_not_open_with_the_installations_key() {
    let app = TestApp::new().await;
    let org = sealed(&app, 20).await;
    let tx = intruder(&app).await;
    let ids = chain(&tx, org.id).await;
    delete(&tx, "audit_entry", ids[9]).await;
    delete(&tx, seal::LINKS, ids[9]).await;
    // The links behind it get new numbers and new hashes, as the product itself would make them.
    let mut before = hashes(&tx, ids[8]).await.1;
    for (at, id) in ids.iter().enumerate().skip(10) {
        let (own, _) = hashes(&tx, *id).await;
        let digest = Sha256::digest(format!("{before}\n{own}").as_bytes());
        before = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let change = Query::update()
            .table(seal::LINKS)
            .value("seq", at as i64)
            .value("hash", before.clone())
            .and_where(Expr::col("id").eq(*id))
            .to_owned();
        tx.execute(&change).await.unwrap();
    }
    tx.commit().await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(kinds(&report), [("seal_changed", None)], "the links agree, the seal does not: {report}");
    assert_eq!(report["entries"], 19);
}

#[tokio::test]
async fn a_trail_that_lost_its_end_is_found_by_a_head_that_was_noted_down() {
    let app = TestApp::new().await;
    let org = fresh(&app, "sealed").await;
    write_at(&app, org.id, 5, app.now()).await;
    seal_now(&app).await;
    write_at(&app, org.id, 5, app.now()).await;
    seal_now(&app).await;
    let head = owner(&app, &org).await.get("/api/audit-seals/status").await.expect(200).body["head"].clone();
    let tx = intruder(&app).await;
    for id in &chain(&tx, org.id).await[5..] {
        delete(&tx, "audit_entry", *id).await;
        delete(&tx, seal::LINKS, *id).await;
    }
    tx.commit().await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(report["sound"], true, "nothing in the database tells of it: {report}");
    let report = verified(&app, &org, json!({ "expected": head })).await;
    assert_eq!(kinds(&report), [("head_missing", None)], "{report}");
}

#[tokio::test]
async fn days_follow_each_other_and_may_be_verified_alone() {
    let app = TestApp::new().await;
    let org = fresh(&app, "days").await;
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(app.now().format("%Y-%m-%d").to_string());
        write_at(&app, org.id, 3, app.now()).await;
        seal_now(&app).await;
        app.clock.advance(Duration::days(1));
    }
    let listed = owner(&app, &org).await.get("/api/audit-seals?limit=2").await.expect(200).body;
    let days = |listed: &Value| -> Vec<String> {
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| day["day"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(days(&listed), [names[4].clone(), names[3].clone()]);
    assert_eq!(listed["items"][0]["previous_hash"], listed["items"][1]["hash"]);
    assert_eq!(listed["items"][0]["state"], "closed");
    let next = listed["next"].as_str().unwrap();
    let rest = owner(&app, &org)
        .await
        .get(&format!("/api/audit-seals?limit=9&before={next}"))
        .await
        .expect(200)
        .body;
    assert_eq!((days(&rest).len(), &rest["next"]), (3, &Value::Null));
    let range = json!({ "from": names[1], "to": names[2] });
    let report = verified(&app, &org, range.clone()).await;
    assert_eq!((&report["sound"], &report["days"], &report["entries"]), (&json!(true), &json!(2), &json!(6)));

    let tx = intruder(&app).await;
    let ids = chain(&tx, org.id).await;
    delete(&tx, "audit_entry", ids[13]).await;
    tx.commit().await.unwrap();
    assert_eq!(verified(&app, &org, range).await["sound"], true, "the last day was not asked for");
    assert_eq!(verified(&app, &org, json!({ "from": names[4] })).await["sound"], false);
}

#[tokio::test]
async fn entries_committed_around_midnight_and_whole_days_taken_out_are_told_apart() {
    let app = TestApp::new().await;
    let org = fresh(&app, "night").await;
    let midnight = (app.now() + Duration::days(1)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    app.clock.advance(midnight - app.now() + Duration::seconds(1));
    write_at(&app, org.id, 2, midnight + Duration::seconds(1)).await;
    seal_now(&app).await;
    write_at(&app, org.id, 2, midnight - Duration::seconds(5)).await;
    seal_now(&app).await;
    let report = verified(&app, &org, json!({})).await;
    assert_eq!((&report["sound"], &report["days"], &report["entries"]), (&json!(true), &json!(1), &json!(4)));
    for _ in 0..2 {
        app.clock.advance(Duration::days(1));
        write_at(&app, org.id, 2, app.now()).await;
        seal_now(&app).await;
    }
    // All of the day in the middle is gone, but for the link that pruning would leave.
    let tx = intruder(&app).await;
    let ids = chain(&tx, org.id).await;
    let middle = ids.len() - 4;
    delete(&tx, "audit_entry", ids[middle]).await;
    delete(&tx, "audit_entry", ids[middle + 1]).await;
    delete(&tx, seal::LINKS, ids[middle]).await;
    tx.commit().await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert!(kinds(&report).iter().all(|(kind, _)| *kind == "removed"), "{report}");
    assert_eq!(kinds(&report).len(), 2, "the link, and the entry of the one that is left: {report}");
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_by_whole_days_and_leaves_its_seals() {
    let app = TestApp::with(Wish { audit_retention_days: Some(30), ..Wish::default() }).await;
    let org = fresh(&app, "old").await;
    for _ in 0..3 {
        write_at(&app, org.id, 4, app.now()).await;
        seal_now(&app).await;
        app.clock.advance(Duration::days(1));
    }
    app.clock.advance(Duration::days(28) + Duration::hours(1));
    assert_eq!(audit::prune(&app.app).await.unwrap(), 4, "the first day is over thirty days old");
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(
        (&report["sound"], &report["pruned_days"], &report["entries"]),
        (&json!(true), &json!(1), &json!(8))
    );
    let listed = owner(&app, &org).await.get("/api/audit-seals").await.expect(200).body;
    let pruned: Vec<_> = listed["items"].as_array().unwrap().iter().map(|day| &day["pruned"]).collect();
    assert_eq!(pruned, [&json!(false), &json!(false), &json!(true)]);
    assert_eq!(listed["items"][2]["entries"], 4, "how many there were is still known");
    app.clock.advance(Duration::days(400));
    seal_now(&app).await;
    audit::prune(&app.app).await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert_eq!((&report["sound"], &report["entries"]), (&json!(true), &json!(0)), "{report}");
}

#[tokio::test]
async fn the_installations_own_trail_is_sealed_and_only_its_administrators_see_it() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let org = fresh(&app, "plain").await;
    for _ in 0..3 {
        audit::record_now(
            &app.app,
            None,
            Who::system(),
            &origin(),
            Event::new("platform:test:touch", "platform.test"),
        )
        .await
        .unwrap();
    }
    seal_now(&app).await;
    let report = root.post("/api/platform/audit/verify", json!({})).await.expect(200).body;
    assert_eq!(report["sound"], true, "{report}");
    assert!(report["entries"].as_u64().unwrap() >= 3);
    assert_eq!(root.get("/api/platform/audit/seals").await.expect(200).items().len(), 1);
    owner(&app, &org).await.post("/api/platform/audit/verify", json!({})).await.expect(403);
    owner(&app, &org).await.get("/api/platform/audit/seals").await.expect(403);
}

#[tokio::test]
async fn an_organisation_sees_its_own_seals_and_bad_days_are_refused_by_name() {
    let app = TestApp::new().await;
    let org = sealed(&app, 3).await;
    let other = fresh(&app, "other").await;
    assert_eq!(verified(&app, &other, json!({})).await["entries"], 0);
    assert!(other.owner.get("/api/audit-seals").await.expect(200).items().is_empty());
    let clerk = app.member(&org, "clerk", &["identity:audit_entry:list"]).await;
    clerk.get("/api/audit-seals").await.expect(403);
    clerk.post("/api/audit-seals/verify", json!({})).await.expect(403);
    for (body, field) in [
        (json!({ "from": "yesterday" }), "from"),
        (json!({ "to": "2026-2-3" }), "to"),
        (json!({ "from": "2026-11-02", "to": "2026-11-01" }), "to"),
        (json!({ "expected": "short" }), "expected"),
    ] {
        let refused = owner(&app, &org).await.post("/api/audit-seals/verify", body).await.expect(422);
        assert_eq!(refused.body["errors"][0]["field"], field, "{}", refused.body);
    }
    owner(&app, &org).await.get("/api/audit-seals?limit=0").await.expect(422);
    owner(&app, &org).await.get("/api/audit-seals?before=x").await.expect(422);
}

#[tokio::test]
async fn seals_are_made_anew_when_the_key_changes_and_forged_ones_are_not_made_good() {
    let app = TestApp::new().await;
    let org = sealed(&app, 3).await;
    let forged = sealed_other(&app).await;
    let tx = intruder(&app).await;
    let ids = chain(&tx, forged.id).await;
    let change = Query::update()
        .table(seal::LINKS)
        .value("hash", "0".repeat(64))
        .and_where(Expr::col("id").eq(ids[2]))
        .to_owned();
    tx.execute(&change).await.unwrap();
    let (old, new) = ("test-encryption-key-0123456789abcdef", "another-encryption-key-0123456789ab");
    let key = |text: &str| base::Secret::from(text.to_owned());
    let turning = identity::credential::seal::Sealer::new(&key(new), Some(&key(old))).unwrap();
    assert_eq!(seal::reseal(&tx, &turning).await.unwrap(), 2, "the sound one and the installation's");
    tx.commit().await.unwrap();
    let later = identity::credential::seal::Sealer::new(&key(new), None).unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    for (trail, is_sound) in [(org.id, true), (forged.id, false)] {
        let trail = Trail { org: Some(trail) };
        let report = verify::verify(&tx, &later, trail, app.now(), &Range::default()).await.unwrap();
        assert_eq!(report.sound, is_sound, "{report:?}");
    }
    tx.commit().await.unwrap();
}

async fn sealed_other(app: &TestApp) -> Org {
    let org = fresh(app, "forged").await;
    write_at(app, org.id, 3, app.now()).await;
    seal_now(app).await;
    org
}

#[tokio::test]
async fn a_back_office_that_may_read_the_trail_may_verify_it_and_no_other() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let reader = json!({ "name": "reader", "scopes": ["audit:read"] });
    let (_, reader) = program(&app, &org, reader).await;
    let writer = json!({ "name": "writer", "scopes": ["users:read"] });
    let (_, writer) = program(&app, &org, writer).await;
    seal_now(&app).await;
    let report = reader.get("/admin/audit/verify").await.expect(200).body;
    assert_eq!(report["sound"], true, "{report}");
    assert!(report["entries"].as_u64().unwrap() >= 2);
    let today = app.now().format("%Y-%m-%d");
    let range = format!("/admin/audit/verify?from={today}&to={today}");
    assert_eq!(reader.get(&range).await.expect(200).body["days"], 1);
    reader.get("/admin/audit/verify?from=yesterday").await.expect(422);
    writer.get("/admin/audit/verify").await.expect(403);
}

#[tokio::test]
async fn days_that_were_taken_out_without_retention_are_missed() {
    let app = TestApp::new().await;
    let org = fresh(&app, "prefix").await;
    for _ in 0..3 {
        write_at(&app, org.id, 3, app.now()).await;
        seal_now(&app).await;
        app.clock.advance(Duration::days(1));
    }
    let tx = intruder(&app).await;
    let ids = chain(&tx, org.id).await;
    for id in &ids[..3] {
        delete(&tx, "audit_entry", *id).await;
    }
    for id in &ids[..2] {
        delete(&tx, seal::LINKS, *id).await;
    }
    // Nor does it help to say that retention took them, without the installation's key.
    let values = [app.app.new_id().into(), org.id.into(), "2999-01-01".into(), "v1.key.AAAA".into()];
    let mark = Query::insert()
        .into_table("audit_mark")
        .columns(["id", "org_id", "day", "seal"])
        .values_panic(values.map(|value: sea_orm::Value| value.into()))
        .to_owned();
    tx.execute(&mark).await.unwrap();
    tx.commit().await.unwrap();
    let report = verified(&app, &org, json!({})).await;
    assert_eq!((&report["sound"], &report["pruned_days"]), (&json!(false), &json!(0)), "{report}");
    assert!(kinds(&report).iter().all(|(kind, _)| *kind == "removed"), "{report}");
}

#[tokio::test]
async fn a_trail_whose_links_were_taken_away_and_made_again_says_that_it_was_sealed_late() {
    let app = TestApp::new().await;
    let org = sealed(&app, 20).await;
    assert_eq!(verified(&app, &org, json!({})).await["late"], json!([]));
    app.clock.advance(Duration::hours(2));
    let tx = intruder(&app).await;
    let all = Query::delete().from_table(seal::LINKS).to_owned();
    tx.execute(&all).await.unwrap();
    let change = Query::update().table("audit_entry").value("actor_name", "somebody else").to_owned();
    tx.execute(&change).await.unwrap();
    tx.commit().await.unwrap();
    seal_now(&app).await;
    let report = verified(&app, &org, json!({})).await;
    assert_eq!(report["sound"], true, "the product has sealed it: {report}");
    let late = &report["late"][0];
    assert!(late["entries"].as_u64().unwrap() >= 20, "{report}");
    let sealed_at: DateTime<Utc> = late["sealed_at"].as_str().unwrap().parse().unwrap();
    assert!((app.now() - sealed_at).num_minutes().abs() < 5, "{report}");
    // And no one can set the time back.
    let tx = intruder(&app).await;
    let change =
        Query::update().table(seal::LINKS).value("sealed_at", app.now() - Duration::hours(2)).to_owned();
    tx.execute(&change).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(verified(&app, &org, json!({})).await["sound"], false);
}

#[tokio::test]
async fn a_day_of_many_entries_is_verified_in_several_turns() {
    let app = TestApp::new().await;
    let org = sealed(&app, 2_500).await;
    let tx = app.app.system(Mode::Read).await.unwrap();
    let trail = Trail { org: Some(org.id) };
    let wish = Range { until: Some(std::time::Instant::now()), ..Range::default() };
    let part = verify::verify(&tx, &*vault(&app), trail, app.now(), &wish).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((part.entries, part.sound, part.unsealed), (1_000, true, None));
    let next = part.next.unwrap();
    let rest = verified(&app, &org, json!({ "from": next })).await;
    assert_eq!((&rest["entries"], &rest["days"], &rest["next"]), (&json!(1_500), &json!(0), &Value::Null));
    assert_eq!(rest["sound"], true, "{rest}");
    let refused =
        owner(&app, &org).await.post("/api/audit-seals/verify", json!({ "from": "2026-11-27:x" })).await;
    assert_eq!(refused.expect(422).body["errors"][0]["field"], "from");
}

#[tokio::test]
async fn a_clock_that_ran_ahead_once_does_not_carry_the_chain_into_the_future() {
    let app = TestApp::new().await;
    let org = fresh(&app, "ahead").await;
    write_at(&app, org.id, 1, app.now() + Duration::days(2_000)).await;
    write_at(&app, org.id, 1, app.now()).await;
    assert_eq!(seal_now(&app).await, 2);
    let days = owner(&app, &org).await.get("/api/audit-seals").await.expect(200).body;
    let today = app.now().format("%Y-%m-%d").to_string();
    assert_eq!((days["items"].as_array().unwrap().len(), &days["items"][0]["day"]), (1, &json!(today)));
}

#[tokio::test]
async fn an_entry_inserted_into_a_quiet_trail_is_found_while_others_go_on() {
    let app = TestApp::new().await;
    let (quiet, busy) = (fresh(&app, "quiet").await, fresh(&app, "busy").await);
    write_at(&app, quiet.id, 1, app.now()).await;
    seal_now(&app).await;
    app.clock.advance(Duration::hours(1));
    let meanwhile = app.now();
    app.clock.advance(Duration::hours(3));
    write_at(&app, busy.id, 1, app.now()).await;
    seal_now(&app).await;
    write_at(&app, quiet.id, 1, meanwhile).await;
    assert_eq!(seal_now(&app).await, 0);
    let report = verified(&app, &quiet, json!({})).await;
    assert_eq!(kinds(&report).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["inserted"], "{report}");
}
