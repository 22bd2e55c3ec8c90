//! Moving in from an older member platform: what becomes of members who are known already, and of rows that say
//! what is not understood. The whole way, from a database, is in the tests of the process.

use kernel::{ActorKind, Origin, audit::Who};
use members::adopt::{Adoption, Fate, Options, ReportLine};
use serde_json::{Value, json};

use crate::{
    members_support::{allowed, keeper, path, sister, told},
    support::{Org, TestApp, Wish},
};

async fn adoption(app: &TestApp, org: &Org) -> Adoption {
    let options = Options {
        org: org.id,
        issuer: None,
        dry_run: false,
        grant_modules: false,
        who: Who { kind: ActorKind::Cli, id: None, name: "tenon".into() },
        origin: Origin::nowhere(),
    };
    Adoption::new(&app.app, options).await.unwrap()
}

fn line(report: &[ReportLine], at: usize) -> (Fate, &str) {
    (report[at].fate, report[at].note.as_str())
}

async fn snapshot(app: &TestApp, sub: &str) -> Value {
    sister(app).get(&path(sub)).await.expect(200).body
}

fn permission(id: u32, user: u32) -> Value {
    json!({ "id": id, "user_id": user, "scope_type": "shop", "scope_id": "1", "module": "mkt", "action": "read" })
}

#[tokio::test]
async fn whoever_may_not_work_there_is_given_nothing_where_he_may_work_here() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    keeper(&app, &org).await;
    for sub in ["ann", "bob", "eve"] {
        told(&app, sub).await.expect(201);
    }
    let eve = snapshot(&app, "eve").await["user_id"].as_str().unwrap().to_owned();
    org.owner.patch(&format!("/api/users/{eve}"), json!({ "active": false })).await.expect(200);
    let mut moving = adoption(&app, &org).await;
    let user =
        |id: u32, sub: &str, active: Value| json!({ "id": id, "authentik_sub": sub, "is_active": active });
    let users = [
        user(1, "ann", json!(false)),
        user(2, "bob", json!("t")),
        user(3, "eve", json!(0)),
        user(4, "new", json!("f")),
        user(5, "odd", json!(null)),
    ];
    let report = moving.users(&users).await.unwrap();
    assert_eq!(report[0].fate, Fate::Unchanged);
    assert!(report[0].note.contains("may not work there, and may here"), "{report:?}");
    assert_eq!(line(&report, 1), (Fate::Unchanged, ""));
    assert_eq!(line(&report, 2), (Fate::Unchanged, ""));
    assert_eq!(line(&report, 3), (Fate::Taken, "may not work, as there"));
    assert_eq!(line(&report, 4), (Fate::Refused, "its is_active is neither true nor false"));
    let rows: Vec<Value> = (1..=4).map(|at| permission(at, at)).collect();
    let report = moving.permissions(&rows).await.unwrap();
    assert_eq!(line(&report, 0), (Fate::Refused, "its user may not work there, and may here"));
    for at in 1..4 {
        assert_eq!(line(&report, at), (Fate::Taken, ""));
    }
    assert!(allowed(&snapshot(&app, "ann").await).is_empty());
    assert_eq!(allowed(&snapshot(&app, "bob").await), ["1/mkt:read"]);
    for off in ["eve", "new"] {
        let off = snapshot(&app, off).await;
        assert_eq!((&off["is_active"], allowed(&off).len()), (&json!(false), 0));
    }
}

#[tokio::test]
async fn a_version_goes_on_above_the_one_there_also_of_a_member_who_was_here_before() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    told(&app, "ann").await.expect(201);
    told(&app, "bob").await.expect(201);
    let version = |body: Value| body["version"].as_i64().unwrap();
    let before = version(snapshot(&app, "ann").await);
    let bob = version(snapshot(&app, "bob").await);
    let there = before + 1_000;
    let rows = |ann: i64| {
        vec![
            json!({ "id": 1, "authentik_sub": "ann", "is_active": true, "perm_version": ann }),
            json!({ "id": 2, "authentik_sub": "bob", "is_active": true, "perm_version": 1 }),
        ]
    };
    let report = adoption(&app, &org).await.users(&rows(there)).await.unwrap();
    assert_eq!(line(&report, 0), (Fate::Unchanged, "his version goes on above the one there"));
    let raised = version(snapshot(&app, "ann").await);
    assert!(raised > there, "{raised} {there}");
    assert_eq!(version(snapshot(&app, "bob").await), bob);
    // Once more changes nothing, and what no counter reaches is believed by nobody.
    let report = adoption(&app, &org).await.users(&rows(there)).await.unwrap();
    assert_eq!(line(&report, 0), (Fate::Unchanged, ""));
    let report = adoption(&app, &org).await.users(&rows((1 << 53) + 1)).await.unwrap();
    assert_eq!(report[0].fate, Fate::Refused);
    assert!(report[0].note.starts_with("its perm_version"), "{report:?}");
    assert_eq!(version(snapshot(&app, "ann").await), raised);
    let new = json!({ "id": 3, "authentik_sub": "new", "is_active": true, "perm_version": 3 });
    adoption(&app, &org).await.users(&[new]).await.unwrap();
    assert!(version(snapshot(&app, "new").await) < 1 << 40, "the counter was not lifted by what was refused");
}

#[tokio::test]
async fn a_program_is_let_in_only_where_it_is_said_to_be_on() {
    // Programs are looked for on a connection of their own, which there must not be beside the unit of work.
    let app = TestApp::with(Wish { pool: 1, ..Wish::default() }).await;
    let org = app.org("home").await;
    let key = "a-key-of-an-older-service-0123456789";
    let hash = {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(key);
        format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let rows = [
        ("on", json!({ "status": "active", "revoked_at": null })),
        ("bare", json!({})),
        ("null", json!({ "status": null })),
        ("odd", json!({ "status": "ACTIVE" })),
        ("flag", json!({ "status": "active", "is_active": false })),
        ("revoked", json!({ "status": "active", "revoked_at": "2026-01-01T00:00:00Z" })),
    ];
    let source = |(name, more): &(&str, Value)| {
        let mut row = json!({
            "client_key": format!("{name}-key"), "api_key_hash": hash, "scopes": ["permissions:read"],
        });
        for (column, value) in more.as_object().unwrap() {
            row[column] = value.clone();
        }
        row
    };
    let sources: Vec<Value> = rows.iter().map(source).collect();
    let mut moving = adoption(&app, &org).await;
    let report = moving.programs(&sources).await.unwrap();
    for ((name, _), line) in rows.iter().zip(&report) {
        assert_eq!(line.fate, Fate::Taken, "{line:?}");
        let is_on = ["on", "bare"].contains(name);
        assert_eq!(line.note.contains("switched off"), !is_on, "{line:?}");
        let caller = app.anon().with("x-client-key", &line.name).with("x-api-key", key);
        let reply = caller.get("/admin/permissions").await;
        match is_on {
            true => drop(reply.expect(200)),
            false => assert_eq!(reply.expect(403).code(), "client_disabled", "{name}"),
        }
    }
    let report = moving.programs(&sources).await.unwrap();
    assert!(report.iter().all(|line| line.fate == Fate::Unchanged), "{report:?}");
}
