//! Exports and imports that are done by jobs: on whose behalf, checked whole, applied in batches, taken
//! back whole, and watched without any permission for jobs.

use std::{future::Future, time::Duration};

use base::Id;
use http::Method;
use serde_json::{Value, json};
use store::{Mode, Opening, Role};

use crate::support::{
    Org, TestApp,
    caller::{Caller, Reply},
};

const EXPORT: &[&str] = &["identity:post:export", "identity:post:list"];
const IMPORT: &[&str] = &[
    "identity:post:import",
    "identity:post:create",
    "identity:post:update",
    "identity:post:list",
    "identity:post:read",
];

/// A file of posts: `prefix-0`, `prefix-1`, …
fn file(prefix: &str, rows: usize) -> String {
    let lines = (0..rows).map(|n| format!("{prefix}-{n},Post {n}\n"));
    format!("code,name\n{}", lines.collect::<String>())
}

async fn send(caller: &Caller, query: &str, file: impl Into<Vec<u8>>) -> Reply {
    let path = format!("/api/posts/import-job{query}");
    caller.raw(Method::POST, &path, Some("text/csv"), file.into()).await
}

/// Has it imported; the job once nothing is left to do.
async fn imported(app: &TestApp, caller: &Caller, query: &str, file: impl Into<Vec<u8>>) -> Value {
    let begun = send(caller, query, file).await.expect(202);
    assert_eq!(begun.body["kind"], "resource.import");
    app.work().await;
    own(caller, begun.id()).await
}

async fn own(caller: &Caller, id: Id) -> Value {
    caller.get(&format!("/api/transfers/{id}")).await.expect(200).body
}

async fn codes(org: &Org, search: &str) -> Vec<String> {
    let rows =
        org.owner.get(&format!("/api/posts?search={search}&sort=code&page_size=200")).await.expect(200);
    rows.items().iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect()
}

async fn total(org: &Org) -> u64 {
    org.owner.get("/api/posts?count=exact&page_size=1").await.expect(200).body["total"].as_u64().unwrap()
}

/// What is left of the journal of imports.
async fn journal(app: &TestApp, org: Id) -> (usize, usize) {
    use platform::transfer::journal::{run, step};
    let tx = app.app.store().begin(Mode::Read, Opening::new(Role::System, Some(org))).await.unwrap();
    let runs = tx.all(tx.find::<run::Entity>()).await.unwrap().len();
    (runs, tx.all(tx.find::<step::Entity>()).await.unwrap().len())
}

/// Works until nothing is left of any import; what puts one in order may have to try again.
async fn in_order(app: &TestApp, org: Id) {
    let begin = std::time::Instant::now();
    while journal(app, org).await != (0, 0) {
        assert!(begin.elapsed() < Duration::from_secs(60), "left: {:?}", journal(app, org).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.work().await;
    }
}

/// Works while somebody does something as soon as the job has applied some rows, and not all.
async fn meanwhile<F: Future<Output = ()>>(app: &TestApp, caller: &Caller, id: Id, act: impl FnOnce() -> F) {
    let watching = async {
        let begin = std::time::Instant::now();
        while begin.elapsed() < Duration::from_secs(120) {
            let job = own(caller, id).await;
            let progress = &job["progress"];
            if progress["note"] == "import" && progress["done"].as_u64() > Some(0) {
                assert_eq!(job["state"], "running", "it was over too soon to be disturbed: {job}");
                act().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never began to apply: {}", own(caller, id).await);
    };
    tokio::join!(app.work(), watching);
}

#[tokio::test]
async fn a_long_export_is_fetched_by_whoever_asked_and_by_nobody_else() {
    let app = TestApp::new().await;
    let org = app.org("export").await;
    for n in 0..5 {
        let body = json!({ "code": format!("c{n}"), "name": format!("=Post {n}") });
        org.owner.post("/api/posts", body).await.expect(201);
    }
    let clerk = app.member(&org, "clerk", EXPORT).await;
    let other = app.member(&org, "other", EXPORT).await;
    for format in ["csv", "xlsx"] {
        let query = format!("?code__in=c1,c3,c4&sort=-code&format={format}");
        let begun = clerk.act(&format!("/api/posts/export-job{query}")).await.expect(202);
        assert_eq!(begun.body["state"], "ready");
        app.work().await;
        let job = own(&clerk, begun.id()).await;
        assert_eq!((&job["state"], &job["result"]["rows"]), (&json!("succeeded"), &json!(3)), "{job}");
        assert_eq!(job["files"][0]["name"], format!("posts.{format}"));
        let file = job["files"][0]["id"].as_str().unwrap();
        let path = format!("/api/transfers/{}/files/{file}", begun.id());
        let fetched = clerk.get(&path).await.expect(200);
        let direct = clerk.get(&format!("/api/posts/export{query}")).await.expect(200);
        match format {
            "csv" => assert_eq!(fetched.text(), direct.text()),
            _ => assert_eq!(&fetched.bytes[..2], b"PK"),
        }
        assert_eq!(fetched.bytes.len() as u64, job["result"]["bytes"].as_u64().unwrap());

        clerk.get(&format!("/api/jobs/{}", begun.id())).await.expect(403);
        // The owner sees the job, and may export by himself; what the clerk took is the clerk's.
        let seen = org.owner.get(&format!("/api/jobs/{}", begun.id())).await.expect(200);
        assert_eq!(seen.body["files"], json!([]));
        org.owner.get(&format!("/api/jobs/{}/files/{file}", begun.id())).await.expect(404);
        for path in [path, format!("/api/transfers/{}", begun.id())] {
            other.get(&path).await.expect(404);
            org.owner.get(&path).await.expect(404);
        }
        other.act(&format!("/api/transfers/{}/cancel", begun.id())).await.expect(404);
        let done = clerk.act(&format!("/api/transfers/{}/cancel", begun.id())).await.expect(409);
        assert_eq!(done.code(), "job_state");
    }
    let told = org.owner.get("/api/audit-entries?action=identity:post:export&sort=at").await.expect(200);
    let said: Vec<_> =
        told.items().iter().map(|entry| (&entry["actor_id"], &entry["changes"]["rows"])).collect();
    assert_eq!(said.len(), 4, "two by jobs and two by requests");
    assert!(said.iter().all(|(who, rows)| **who == json!(clerk.id) && rows["after"] == 3), "{said:?}");
}

#[tokio::test]
async fn whoever_may_no_longer_export_may_no_longer_fetch_what_he_exported() {
    let app = TestApp::new().await;
    let org = app.org("withdrawn").await;
    let clerk = app.member(&org, "clerk", EXPORT).await;
    let begun = clerk.act("/api/posts/export-job").await.expect(202);
    app.work().await;
    let job = own(&clerk, begun.id()).await;
    let file = job["files"][0]["id"].as_str().unwrap().to_owned();
    let user = format!("/api/users/{}", clerk.id);
    org.owner.patch(&user, json!({ "role_ids": [] })).await.expect(200);
    clerk.get(&format!("/api/transfers/{}/files/{file}", begun.id())).await.expect(404);
    clerk.get(&format!("/api/transfers/{}", begun.id())).await.expect(404);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_before_anything_is_enqueued() {
    let app = TestApp::new().await;
    let org = app.org("wrong").await;
    let owner = &org.owner;
    for (query, code) in [("?format=pdf", "unknown_value"), ("?nope=1", "unknown_field")] {
        let refused = owner.act(&format!("/api/posts/export-job{query}")).await.expect(422);
        assert_eq!(refused.body["errors"][0]["code"], code, "{query}");
    }
    let refused = send(owner, "", "nope\n1\n").await.expect(422);
    assert_eq!(refused.body["errors"][0]["field"], "nope");
    for query in ["?key=name", "?dry_run=perhaps", "?mode=fast"] {
        send(owner, query, file("w", 1)).await.expect(422);
    }
    send(owner, "", "").await.expect(422);
    let path = "/api/posts/import-job";
    owner.raw(Method::POST, path, Some("text/plain"), b"code\n".to_vec()).await.expect(415);
    let big = vec![b'x'; 33 * 1024 * 1024];
    owner.raw(Method::POST, path, Some("text/csv"), big).await.expect(413);
    assert_eq!(owner.get("/api/jobs?kind=resource.import").await.expect(200).items().len(), 0);

    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let begun = owner.raw(Method::POST, path, Some(xlsx), b"PK but no workbook".to_vec()).await.expect(202);
    app.work().await;
    let job = own(owner, begun.id()).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("dead"), &json!(1)), "{job}");
    assert!(job["error"].as_str().unwrap().contains("the workbook cannot be read"), "{job}");
}

#[tokio::test]
async fn a_long_import_is_checked_then_applied_and_leaves_no_journal() {
    let app = TestApp::new().await;
    let org = app.org("long").await;
    let clerk = app.member(&org, "clerk", IMPORT).await;
    let before = total(&org).await;
    let job = imported(&app, &clerk, "?dry_run=true", file("n", 700)).await;
    let said = |job: &Value| {
        let report = job["result"].clone();
        let number = |name: &str| report[name].as_u64().unwrap();
        (number("total"), number("created"), number("updated"), number("failed"), report["applied"] == true)
    };
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(said(&job), (700, 700, 0, 0, false));
    assert_eq!(total(&org).await, before, "a dry run keeps nothing");

    let job = imported(&app, &clerk, "", file("n", 700)).await;
    assert_eq!(said(&job), (700, 700, 0, 0, true), "{job}");
    assert_eq!(total(&org).await, before + 700);
    in_order(&app, org.id).await;
    let row = org.owner.get("/api/posts?code=n-699").await.expect(200).items()[0].clone();
    assert_eq!(row["created_by"], json!(clerk.id));
    let told = org.owner.get("/api/audit-entries?action=identity:post:import").await.expect(200);
    assert_eq!(told.items().len(), 1, "the dry run is no change");
    let entry = &told.items()[0];
    assert_eq!((&entry["target_id"], &entry["actor_id"]), (&job["id"], &json!(clerk.id)), "{entry}");
    assert_eq!(entry["changes"]["created"]["after"], 700);

    // The same file again changes what it made, found by its key.
    let changed = file("n", 700).replace("Post 699", "Last post");
    let job = imported(&app, &clerk, "?key=code", changed).await;
    assert_eq!(said(&job), (700, 0, 700, 0, true), "{job}");
    let row = org.owner.get("/api/posts?code=n-699").await.expect(200).items()[0].clone();
    assert_eq!(row["name"], "Last post");
}

#[tokio::test]
async fn rows_that_cannot_be_taken_are_named_and_nothing_is_kept() {
    let app = TestApp::new().await;
    let org = app.org("rows").await;
    org.owner.post("/api/posts", json!({ "code": "taken", "name": "Taken" })).await.expect(201);
    let before = total(&org).await;
    let mut lines = file("r", 900);
    lines += "taken,Again\n";
    lines += ",Without a code\n";
    // Far from its twin: they are checked in different transactions.
    lines += "r-3,Twin\n";
    let job = imported(&app, &org.owner, "", lines).await;
    assert_eq!(job["state"], "succeeded", "the job did its work: {job}");
    let report = &job["result"];
    assert_eq!((&report["applied"], &report["failed"]), (&json!(false), &json!(3)), "{report}");
    let mut rows: Vec<(u64, String, String)> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let text = |name: &str| error[name].as_str().unwrap().to_owned();
            (error["row"].as_u64().unwrap(), text("field"), text("code"))
        })
        .collect();
    rows.sort();
    let row = |line: u64, code: &str| (line, "code".to_owned(), code.to_owned());
    assert_eq!(rows, [row(902, "taken"), row(903, "required"), row(904, "taken")]);
    assert_eq!(total(&org).await, before);
    in_order(&app, org.id).await;
}

#[tokio::test]
async fn a_cancelled_import_takes_back_what_it_brought_and_changed() {
    let app = TestApp::new().await;
    let org = app.org("cancel").await;
    let clerk = app.member(&org, "clerk", &[IMPORT, &["jobs:job:retry"]].concat()).await;
    let known = json!({ "code": "x-0", "name": "As it was", "remark": "Untouched", "sort": 7 });
    let known = org.owner.post("/api/posts", known).await.expect(201);
    let before = total(&org).await;
    // The first row changes a record, the second changes it again.
    let lines = file("x", 4_000).replacen("x-0,Post 0\n", "x-0,First\nx-0,Second\n", 1);
    let begun = send(&clerk, "?key=code", lines).await.expect(202);
    let cancel = format!("/api/transfers/{}/cancel", begun.id());
    meanwhile(&app, &clerk, begun.id(), || async {
        assert!(total(&org).await > before, "some of it is there already");
        let follows = org.owner.get("/api/jobs?kind=resource.settle_import").await.expect(200);
        let path = format!("/api/jobs/{}/cancel", follows.items()[0]["id"].as_str().unwrap());
        let refused = org.owner.act(&path).await.expect(409);
        assert_eq!(refused.code(), "job_must_finish");
        clerk.act(&cancel).await.expect(200);
    })
    .await;
    let job = own(&clerk, begun.id()).await;
    assert_eq!(job["state"], "cancelled", "{job}");
    assert_eq!(total(&org).await, before);
    let row = org.owner.get(&format!("/api/posts/{}", known.id())).await.expect(200).body;
    for field in ["code", "name", "remark", "sort"] {
        assert_eq!(row[field], known.body[field], "{field}");
    }
    in_order(&app, org.id).await;
    let logs = org.owner.get(&format!("/api/jobs/{}/logs", begun.id())).await.expect(200);
    let said = logs.items().iter().any(|line| line["line"].as_str().unwrap().contains("everything"));
    assert!(said, "{:?}", logs.items());

    // Its maker may have it tried again, from the beginning; nobody else in his name.
    let retry = format!("/api/jobs/{}/retry", begun.id());
    assert_eq!(org.owner.act(&retry).await.expect(403).code(), "not_yours");
    clerk.act(&retry).await.expect(200);
    app.work().await;
    let job = own(&clerk, begun.id()).await;
    assert_eq!((&job["state"], &job["result"]["updated"]), (&json!("succeeded"), &json!(2)), "{job}");
    assert_eq!(total(&org).await, before + 3_999);
    in_order(&app, org.id).await;
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_not_taken_back() {
    let app = TestApp::new().await;
    let org = app.org("kept").await;
    let begun = send(&org.owner, "", file("k", 4_000)).await.expect(202);
    meanwhile(&app, &org.owner, begun.id(), || async {
        let row = org.owner.get("/api/posts?code=k-1").await.expect(200).items()[0].clone();
        let path = format!("/api/posts/{}", row["id"].as_str().unwrap());
        org.owner.patch(&path, json!({ "name": "Mine now" })).await.expect(200);
        org.owner.act(&format!("/api/transfers/{}/cancel", begun.id())).await.expect(200);
    })
    .await;
    assert_eq!(codes(&org, "k-").await, ["k-1"]);
    let logs = org.owner.get(&format!("/api/jobs/{}/logs", begun.id())).await.expect(200);
    assert!(logs.items().iter().any(|line| line["line"].as_str().unwrap().contains("but for 1 records")));
}

#[tokio::test]
async fn an_import_ends_and_is_taken_back_when_its_maker_may_no_longer() {
    let app = TestApp::new().await;
    let org = app.org("lost").await;
    let clerk = app.member(&org, "clerk", IMPORT).await;
    let before = total(&org).await;
    let begun = send(&clerk, "", file("l", 4_000)).await.expect(202);
    let user = format!("/api/users/{}", clerk.id);
    meanwhile(&app, &clerk, begun.id(), || async {
        org.owner.patch(&user, json!({ "role_ids": [] })).await.expect(200);
    })
    .await;
    let job = org.owner.get(&format!("/api/jobs/{}", begun.id())).await.expect(200).body;
    assert_eq!(job["state"], "dead", "{job}");
    assert!(job["error"].as_str().unwrap().contains("identity:post:import"), "{job}");
    assert_eq!(total(&org).await, before);
    in_order(&app, org.id).await;
}

#[tokio::test]
async fn nothing_is_done_on_behalf_of_a_key_that_was_deleted_or_a_member_who_left() {
    let app = TestApp::new().await;
    let org = app.org("gone").await;
    let before = total(&org).await;
    let clerk = app.member(&org, "clerk", IMPORT).await;
    let leaving = send(&clerk, "", file("g", 3)).await.expect(202);
    org.owner.delete(&format!("/api/users/{}", clerk.id)).await.expect(204);

    let wanted = json!({ "name": "robot", "scopes": ["identity:post:import", "identity:post:create"] });
    let key = org.owner.post("/api/auth/api-keys", wanted).await.expect(201);
    let robot = app.anon().with("x-api-key", key.body["key"].as_str().unwrap());
    let good = send(&robot, "", file("h", 2)).await.expect(202);
    app.work().await;
    assert_eq!(own(&robot, good.id()).await["result"]["applied"], true);
    // Its scopes limit the job as they limit its requests: it cannot change records.
    let limited = send(&robot, "?key=code", file("h", 2)).await.expect(202);
    app.work().await;
    let report = own(&robot, limited.id()).await["result"].clone();
    assert_eq!((&report["applied"], &report["failed"]), (&json!(false), &json!(2)), "{report}");
    assert_eq!(report["errors"][0]["code"], "permission_denied");

    let revoked = send(&robot, "", file("i", 2)).await.expect(202);
    org.owner.delete(&format!("/api/auth/api-keys/{}", key.id())).await.expect(204);
    app.work().await;
    for id in [leaving.id(), revoked.id()] {
        let job = org.owner.get(&format!("/api/jobs/{id}")).await.expect(200).body;
        assert_eq!((&job["state"], &job["attempt"]), (&json!("dead"), &json!(1)), "{job}");
    }
    assert_eq!(total(&org).await, before + 2);
}

#[tokio::test]
async fn nobody_has_more_than_twenty_transfers_under_way() {
    let app = TestApp::new().await;
    let org = app.org("many").await;
    for _ in 0..20 {
        org.owner.act("/api/posts/export-job").await.expect(202);
    }
    let refused = org.owner.act("/api/posts/export-job").await.expect(429);
    assert_eq!(refused.code(), "too_many_transfers");
    let refused = send(&org.owner, "", file("m", 1)).await.expect(429);
    assert_eq!(refused.code(), "too_many_transfers");
    app.work().await;
    org.owner.act("/api/posts/export-job").await.expect(202);
}

#[tokio::test]
async fn a_long_import_sent_twice_with_its_key_is_done_once() {
    let app = TestApp::new().await;
    let org = app.org("once").await;
    let caller = org.owner.with("idempotency-key", "import-1");
    let first = send(&caller, "", file("o", 3)).await.expect(202);
    let second = send(&caller, "", file("o", 3)).await.expect(202);
    assert_eq!(first.id(), second.id());
    app.work().await;
    assert_eq!(codes(&org, "o-").await, ["o-0", "o-1", "o-2"]);
}

#[tokio::test]
async fn requests_get_their_turn_while_a_long_import_writes() {
    let app = TestApp::new().await;
    let org = app.org("turn").await;
    let begun = send(&org.owner, "", file("t", 3_000)).await.expect(202);
    let others = async {
        for n in 0..10 {
            let body = json!({ "code": format!("other-{n}"), "name": "Other" });
            org.owner.post("/api/posts", body).await.expect(201);
        }
        let job = own(&org.owner, begun.id()).await;
        assert_ne!(job["state"], "succeeded", "ten writers had to wait for the whole import: {job}");
    };
    tokio::join!(app.work(), others);
    assert_eq!(own(&org.owner, begun.id()).await["result"]["applied"], true);
}

#[tokio::test]
async fn an_import_that_was_called_off_after_its_last_batch_is_taken_back_by_the_next_sweep() {
    use platform::transfer::journal::{run, step};
    use sea_orm::ActiveValue::Set;
    let app = TestApp::new().await;
    let org = app.org("sweep").await;
    let post = org.owner.post("/api/posts", json!({ "code": "s-0", "name": "Brought" })).await.expect(201);
    let begun = send(&org.owner, "", file("s", 1)).await.expect(202);
    // As a worker leaves it that is killed between its last batch and the end of its job.
    let by = json!({
        "user": org.owner.id, "name": org.owner.name, "org": org.id, "key": null, "request_id": "r"
    });
    let tx = app.tx(org.id).await;
    tx.insert(run::ActiveModel {
        id: Set(begun.id()),
        org_id: Set(org.id),
        resource: Set("identity.post".into()),
        state: Set("done".into()),
        fence: Set(1),
        line: Set(1),
        created: Set(1),
        updated: Set(0),
        kept: Set(0),
        delegation: Set(by.to_string()),
    })
    .await
    .unwrap();
    tx.insert(step::ActiveModel {
        id: Set(app.app.new_id()),
        org_id: Set(org.id),
        run_id: Set(begun.id()),
        seq: Set(0),
        record_id: Set(post.id()),
        version: Set(1),
        restores: Set(None),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    org.owner.act(&format!("/api/transfers/{}/cancel", begun.id())).await.expect(200);

    let engine = app.app.service::<jobs::Engine>().unwrap();
    let tx = app.app.system(Mode::Write).await.unwrap();
    let prune = jobs::NewJob::of(jobs::PLATFORM, &platform::kind::Prune {}).unwrap();
    engine.enqueue(&tx, prune).await.unwrap();
    tx.commit().await.unwrap();
    app.work().await;
    assert_eq!(codes(&org, "s-").await, Vec::<String>::new());
    in_order(&app, org.id).await;
}

#[tokio::test]
async fn a_file_that_is_not_kept_any_more_is_called_so() {
    let app = TestApp::new().await;
    let org = app.org("expired").await;
    let begun = send(&org.owner, "", file("e", 2)).await.expect(202);
    let job = org.owner.get(&format!("/api/jobs/{}", begun.id())).await.expect(200).body;
    let id: Id = job["args"]["file"].as_str().unwrap().parse().unwrap();
    app.app.service::<jobs::Engine>().unwrap().drop_file(org.id, id).await.unwrap();
    app.work().await;
    let job = own(&org.owner, begun.id()).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("dead"), &json!(1)), "{job}");
    assert!(job["error"].as_str().unwrap().starts_with("file_expired"), "{job}");
}

#[tokio::test]
async fn a_report_that_would_be_too_long_says_as_much_as_it_can() {
    let app = TestApp::new().await;
    let org = app.org("report").await;
    let long = "岗位说明".repeat(80);
    let lines: String = (0..300).map(|n| format!("q-{n},Post {n},{long}\n")).collect();
    let job = imported(&app, &org.owner, "", format!("code,name,status\n{lines}")).await;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["result"]["failed"], 300);
    let named = job["result"]["errors"].as_array().unwrap().len();
    assert!((20..=200).contains(&named), "{named}");
}

#[tokio::test]
async fn an_import_reaches_as_far_as_its_maker() {
    let app = TestApp::new().await;
    let org = app.org("reach").await;
    let department = async |name: &str| {
        org.owner.post("/api/departments", json!({ "name": name, "code": name })).await.expect(201).id()
    };
    let (sales, lab) = (department("sales").await, department("lab").await);
    let codes = ["list", "read", "create", "update", "import"].map(|a| format!("identity:department:{a}"));
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let scope = kernel::access::DataScope::DepartmentAndBelow;
    let head = app.member_with(&org, "head", &codes, scope, Some(sales)).await;
    let import = async |parent: Id, name: &str| {
        let file = format!("name,code,parent_id\n{name},{name},{parent}\n");
        let path = "/api/departments/import-job";
        let begun = head.raw(Method::POST, path, Some("text/csv"), file.into_bytes()).await.expect(202);
        app.work().await;
        own(&head, begun.id()).await["result"].clone()
    };
    let report = import(sales, "north").await;
    assert_eq!(report["applied"], true, "{report}");
    let report = import(lab, "south").await;
    assert_eq!((&report["applied"], &report["failed"]), (&json!(false), &json!(1)), "{report}");
}

#[tokio::test]
async fn what_is_stored_sealed_comes_back_sealed_when_an_import_is_taken_back() {
    use jobs::store::entity::schedule;
    let app = TestApp::new().await;
    let org = app.org("sealed").await;
    let stored = async || {
        let tx = app.app.store().begin(Mode::Read, Opening::new(Role::App, Some(org.id))).await.unwrap();
        let all = tx.all(tx.find::<schedule::Entity>()).await.unwrap();
        all.into_iter().map(|row| (row.name, row.every_seconds, row.args)).collect::<Vec<_>>()
    };
    let call = |url: &str, token: &str| json!({ "url": url, "headers": { "authorization": token } });
    let body = json!({
        "name": "hook", "kind": "interval", "every_seconds": 3600, "job_kind": "http.call",
        "args": call("https://example.com/a", "token-a"),
    });
    org.owner.post("/api/schedules", body).await.expect(201);
    let before = stored().await;
    assert!(!before[0].2.contains("token-a"), "it is sealed");
    let engine = app.app.service::<jobs::Engine>().unwrap();
    let opened = |args: &str| engine.unseal("http.call", args).unwrap();
    let quoted = |args: Value| format!("\"{}\"", args.to_string().replace('"', "\"\""));
    let mut lines =
        format!("hook,interval,60,http.call,{}\n", quoted(json!({ "url": "https://example.com/b" })));
    for n in 0..600 {
        let args = quoted(call("https://example.com/b", "token-b"));
        lines += &format!("more-{n},interval,60,http.call,{args}\n");
    }
    let file = format!("name,kind,every_seconds,job_kind,args\n{lines}");
    let path = "/api/schedules/import-job?key=name";
    let begun = org.owner.raw(Method::POST, path, Some("text/csv"), file.into_bytes()).await.expect(202);
    meanwhile(&app, &org.owner, begun.id(), || async {
        assert_ne!(stored().await[0], before[0], "the first row is applied");
        org.owner.act(&format!("/api/transfers/{}/cancel", begun.id())).await.expect(200);
    })
    .await;
    assert_eq!(own(&org.owner, begun.id()).await["state"], "cancelled");
    let after = stored().await;
    assert_eq!((after.len(), &after[0].0, after[0].1), (1, &before[0].0, before[0].1));
    // Sealed anew, so not letter by letter.
    assert_eq!(opened(&after[0].2), opened(&before[0].2));
    assert!(!after[0].2.contains("token-a"));
}
