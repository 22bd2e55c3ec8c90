//! Moving in from the older service: what lay in its Redis goes on above every counter and every table.

use platform::ids::{
    Ids,
    adopt::{self, Options, ReportLine},
};
use serde_json::json;
use store::kv::foreign::Value;

use crate::support::{Org, TestApp};

/// What that service leaves in Redis, in its own spelling.
fn leftovers() -> Vec<(String, Value)> {
    let text = |name: &str, value: &str| (format!("kxy:id:{name}"), Value::Text(value.to_owned()));
    let config = |guid: &str, name: &str| {
        let config = json!({
            "guid": guid, "system_code": "Shop", "db_type": "mysql", "db_address": "127.0.0.1:1",
            "db_user": "kxy", "db_password": "s3cret-kxy", "db_name": name,
        });
        text(&format!("db_config:{guid}"), &config.to_string())
    };
    vec![
        config("g1", "main"),
        config("g2", "MAIN"),
        text("db_config:broken", "{\"guid\":1"),
        (
            "kxy:id:discovered_tables:g1".to_owned(),
            Value::Set(vec![r#"{"database":"main","table":"t","primary_key":"id","max_id":5}"#.to_owned()]),
        ),
        text("failure:shop:main:gone:id", "1"),
        text("lock:segment:shop:main:t:id", "0b0c"),
        text("segment:shop:main:orders:id", "1600"),
        text("segment:shop:main:low:id", "-7"),
        text("segment:shop:main:name:id", "zed"),
        text("segment:shop:main:full:id", "9223372036854775807"),
        text("segment:a:b:c:d:e", "5"),
        text("system:init", "1"),
        text("system:password", "efaf2f5c9088e4c51298ed9cd17eb04b"),
        text("system:username", "admin"),
    ]
}

async fn run(app: &TestApp, org: &Org, dry_run: bool) -> Vec<ReportLine> {
    let options = Options { org: org.id, dry_run, margin: 1_000 };
    adopt::adopt(&app.app, &leftovers(), &options).await.unwrap()
}

fn outcome<'a>(report: &'a [ReportLine], name: &str) -> &'a ReportLine {
    report.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("{name} is not in {report:?}"))
}

#[tokio::test]
async fn counters_go_on_above_what_was_issued_and_a_dry_run_does_nothing() {
    let app = TestApp::new().await;
    let org = app.org("mover").await;
    let report = run(&app, &org, true).await;
    assert!(outcome(&report, "shop:main:orders:id").outcome.contains("2600, would be made"));
    assert!(org.owner.get("/api/id-databases").await.expect(200).items().is_empty());
    assert!(org.owner.get("/api/id-keys").await.expect(200).items().is_empty());

    let report = run(&app, &org, false).await;
    for (name, said, is_problem) in [
        ("shop:main:orders:id", "2600, made", false),
        ("shop:main:low:id", "1000, made", false),
        ("shop:main:name:id", "no number", true),
        ("shop:main:full:id", "9223372036854775807, made", false),
        ("a:b:c:d:e", "has colons", true),
        ("broken", "cannot be read", true),
        ("Shop/MAIN", "g1 has the same", true),
        ("Shop", "cannot be asked", true),
        ("admin", "--with-administrator", false),
    ] {
        let line = outcome(&report, name);
        assert!(line.outcome.contains(said) && line.is_problem == is_problem, "{line:?}");
    }
    let text = serde_json::to_string(&org.owner.get("/api/id-databases").await.expect(200).body).unwrap();
    assert!(text.contains("127.0.0.1:1") && !text.contains("s3cret-kxy"), "{text}");
    let names = json!({
        "system_code": "Shop", "db_name": "main", "table_name": "orders", "field_name": "id",
        "segment_count": 10,
    });
    let got = app.anon().post("/api/segment/allocate", names).await.expect(200);
    assert_eq!(got.body["data"], json!({ "start": 2601, "end": 2610 }));

    // What the older service has issued meanwhile raises; what went on here is not lowered.
    let report = run(&app, &org, false).await;
    assert!(outcome(&report, "shop:main:orders:id").outcome.contains("ahead already"), "{report:?}");
    let engine = Ids::of(&app.app).unwrap().engine();
    assert!(engine.check_all().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_organisation_takes_its_keys_journals_and_generators_along_and_no_password() {
    let app = TestApp::new().await;
    let org = app.org("leaver").await;
    run(&app, &org, false).await;
    org.owner.post("/api/ids/next", json!({ "key": "shop:main:orders:id", "count": 5 })).await.expect(200);
    let number = json!({ "name": "inv", "kind": "number", "settings": { "pattern": "I{seq:3}" } });
    org.owner.post("/api/id-generators", number).await.expect(201);
    org.owner.post("/api/ids/next", json!({ "key": "inv" })).await.expect(200);
    Ids::of(&app.app).unwrap().engine().flush().await.unwrap();
    let export = org.owner.get(&format!("/api/organizations/{}/export", org.id)).await.expect(200);
    let text = export.text();
    for table in ["id_database", "id_key", "id_journal", "id_usage", "id_lease", "id_generator", "id_number"]
    {
        assert!(text.contains(&format!("\"{table}\"")), "{table} is missing");
    }
    assert!(text.contains("I{seq:3}") && !text.contains("s3cret-kxy") && !text.contains("password_sealed"));
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "the export is whole: {line}");
    }
}

#[tokio::test]
async fn a_stored_password_goes_nowhere_else_and_a_configured_column_keeps_its_name() {
    let app = TestApp::new().await;
    let org = app.org("keeper").await;
    let body = json!({
        "system_code": "shop", "kind": "mysql", "address": "127.0.0.1:1", "user": "kxy", "password": "s3cret",
        "database": "main",
    });
    let made = org.owner.post("/api/id-databases", body).await.expect(201);
    let path = format!("/api/id-databases/{}", made.id());
    for change in
        [json!({ "address": "127.0.0.1:2" }), json!({ "user": "x" }), json!({ "kind": "postgresql" })]
    {
        let refused = org.owner.patch(&path, change.clone()).await.expect(422);
        assert_eq!(refused.body["errors"][0]["field"], "password", "{change}");
        let mut whole = change.clone();
        whole["password"] = "again".into();
        org.owner.patch(&path, whole).await.expect(200);
    }
    org.owner.patch(&path, json!({ "system_code": "store" })).await.expect(200);

    let key = org.owner.post("/api/id-keys", json!({ "name": "store:main:orders:id" })).await.expect(201);
    let rename = format!("/api/id-keys/{}/rename", key.id());
    let refused = org.owner.post(&rename, json!({ "name": "elsewhere" })).await.expect(409);
    assert_eq!(refused.code(), "database_configured");
    org.owner.delete(&path).await.expect(204);
    org.owner.post(&rename, json!({ "name": "elsewhere" })).await.expect(200);
}
