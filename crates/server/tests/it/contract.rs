//! The contract: what every registered resource does, run from its own samples. A new resource is
//! tested by being registered.

use serde_json::{Map, Value, json};

use crate::support::{Caller, Org, TestApp, caller::Reply};

/// One resource as the suite sees it.
struct Subject {
    name: String,
    path: String,
    create: Value,
    patch: Value,
    meta: Value,
    actions: Vec<&'static str>,
}

/// `{n}` inside texts becomes the number.
fn numbered(value: &Value, n: usize) -> Value {
    match value {
        Value::String(text) => text.replace("{n}", &n.to_string()).into(),
        Value::Array(items) => items.iter().map(|item| numbered(item, n)).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), numbered(value, n))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

impl Subject {
    fn body(&self, n: usize) -> Value {
        numbered(&self.create, n)
    }
    fn column(&self, name: &str) -> Option<&Value> {
        self.meta["columns"].as_array().unwrap().iter().find(|column| column["name"] == name)
    }
    fn columns(&self) -> &Vec<Value> {
        self.meta["columns"].as_array().unwrap()
    }
}

/// Every resource that can be created, with an organisation to create it in.
async fn subjects(app: &TestApp) -> (Org, Vec<Subject>) {
    let org = app.org("contract").await;
    let metas = org.owner.get("/api/meta").await.expect(200);
    let mut out = Vec::new();
    for resource in app.app.registry().iter() {
        let name = resource.meta().full_name();
        let meta =
            metas.body["resources"].as_array().unwrap().iter().find(|meta| meta["name"] == name.as_str());
        let meta = meta.unwrap_or_else(|| panic!("{name} is not in /api/meta/")).clone();
        for sample in resource.samples() {
            out.push(Subject {
                name: name.clone(),
                path: resource.meta().path(),
                create: sample.create,
                patch: sample.patch,
                meta: meta.clone(),
                actions: resource.actions().to_vec(),
            });
        }
        let creatable = resource.actions().contains(&"create");
        assert_eq!(
            creatable,
            !resource.samples().is_empty(),
            "{name}: samples exactly when it can be created"
        );
    }
    assert!(out.len() >= 4, "the registry lost its resources");
    (org, out)
}

async fn made(caller: &Caller, subject: &Subject, n: usize) -> Reply {
    caller.post(&subject.path, subject.body(n)).await.expect(201)
}

#[tokio::test]
async fn a_created_record_is_read_back_as_it_was_sent() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let created = made(&org.owner, subject, 1).await;
        assert_eq!(created.header("etag"), "\"1\"", "{}", subject.name);
        let read = org.owner.get(created.header("location")).await.expect(200);
        assert_eq!(read.body, created.body, "{}", subject.name);
        for (field, sent) in subject.body(1).as_object().unwrap() {
            assert_eq!(&read.body[field], sent, "{}.{field}", subject.name);
        }
        let stamp = read.body["created_at"].as_str().unwrap();
        assert_eq!(stamp.len(), "2026-01-01T00:00:00.000000Z".len(), "six fraction digits: {stamp}");
        assert_eq!(read.body["created_by"], json!(org.owner.id.to_string()));
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_422_and_names_the_field() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let mut with_more = subject.body(1);
        with_more["no_such_field"] = json!(1);
        let reply = org.owner.post(&subject.path, with_more).await.expect(422);
        assert_eq!(reply.body["errors"][0]["code"], "unknown_field", "{}", subject.name);
        for member in ["id", "org_id", "created_at", "deleted_at", "alive", "search_key"] {
            let mut forged = subject.body(1);
            forged[member] = json!("00000000-0000-7000-8000-000000000000");
            org.owner.post(&subject.path, forged).await.expect(422);
        }
        for column in subject.columns().iter().filter(|column| column["create"] == true) {
            let field = column["name"].as_str().unwrap();
            let mut wrong = subject.body(1);
            wrong[field] = json!({ "not": ["a", "value"] });
            let reply = org.owner.post(&subject.path, wrong).await.expect(422);
            assert!(
                reply.body["errors"][0]["field"].as_str().unwrap().starts_with(field),
                "{}",
                reply.text()
            );
            if column["required"] == true {
                let mut without = subject.body(1);
                without.as_object_mut().unwrap().remove(field);
                let reply = org.owner.post(&subject.path, without).await.expect(422);
                assert_eq!(reply.body["errors"][0]["code"], "required", "{}.{field}", subject.name);
            }
            if let Some(most) = column["max_length"].as_u64() {
                let mut long = subject.body(1);
                long[field] = json!("x".repeat(usize::try_from(most).unwrap() + 1));
                let reply = org.owner.post(&subject.path, long).await.expect(422);
                assert!(reply.text().contains(field), "{}", reply.text());
            }
        }
        let list = org.owner.get(&subject.path).await.expect(200);
        assert_eq!(list.body["total"].as_u64().unwrap() as usize, list.items().len());
        assert!(!list.text().contains("no_such_field"), "nothing was saved");
    }
}

#[tokio::test]
async fn lists_page_by_number_and_by_cursor_without_losing_or_repeating_a_record() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        for n in 0..7 {
            made(&org.owner, subject, n).await;
        }
        let all = org.owner.get(&format!("{}?page_size=200", subject.path)).await.expect(200);
        let total = all.items().len();
        let ids = |reply: &Reply| reply.items().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
        let mut sorts = vec![String::new()];
        for column in subject.columns().iter().filter(|column| column["sort"] == true) {
            let name = column["name"].as_str().unwrap();
            sorts.extend([format!("&sort={name}"), format!("&sort=-{name}")]);
        }
        for sort in sorts {
            let whole =
                ids(&org.owner.get(&format!("{}?page_size=200{sort}", subject.path)).await.expect(200));
            let mut paged = Vec::new();
            for page in 1..=total.div_ceil(3) {
                let path = format!("{}?page_size=3&page={page}{sort}", subject.path);
                paged.extend(ids(&org.owner.get(&path).await.expect(200)));
            }
            assert_eq!(paged, whole, "{} by page {sort}", subject.name);
            let (mut walked, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("{}?page_size=3&cursor={cursor}{sort}", subject.path);
                let reply = org.owner.get(&path).await.expect(200);
                walked.extend(ids(&reply));
                match reply.body["next_cursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(walked, whole, "{} by cursor {sort}", subject.name);
        }
        let first = org.owner.get(&format!("{}?page_size=3", subject.path)).await;
        let cursor = first.body["next_cursor"].as_str().unwrap();
        let reply =
            org.owner.get(&format!("{}?cursor={cursor}&sort=-created_at&search=zz", subject.path)).await;
        assert_eq!(reply.expect(422).code(), "cursor_mismatch", "{}", subject.name);
        org.owner.get(&format!("{}?cursor=garbage", subject.path)).await.expect(422);
        org.owner.get(&format!("{}?page=0", subject.path)).await.expect(422);
        org.owner.get(&format!("{}?page_size=201", subject.path)).await.expect(422);
    }
}

#[tokio::test]
async fn filters_and_search_find_the_record_and_unknown_ones_are_422() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let other = made(&org.owner, subject, 1).await;
        let wanted = made(&org.owner, subject, 2).await;
        for column in subject.columns() {
            let name = column["name"].as_str().unwrap();
            let operators: Vec<&str> =
                column["filter"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let value = match &wanted.body[name] {
                Value::String(text) => text.clone(),
                Value::Null if operators.contains(&"null") => {
                    let path = format!("{}?{name}__null=true&page_size=200", subject.path);
                    let found = org.owner.get(&path).await.expect(200);
                    assert!(found.text().contains(&wanted.id().to_string()), "{name}__null");
                    continue;
                }
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => continue,
                other => other.to_string(),
            };
            for operator in operators {
                let (suffix, expected) = match operator {
                    "null" => continue,
                    "ne" | "gt" | "lt" => (format!("__{operator}"), false),
                    _ => (format!("__{operator}"), true),
                };
                let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                let path = format!("{}?{name}{suffix}={encoded}&page_size=200", subject.path);
                let found = org.owner.get(&path).await.expect(200);
                let hit = found.items().iter().any(|item| item["id"] == wanted.body["id"]);
                assert_eq!(hit, expected, "{}: {name} {operator} {value}", subject.name);
            }
        }
        let label = subject.columns().iter().find(|column| column["search"] == true).unwrap();
        let text = wanted.body[label["name"].as_str().unwrap()].as_str().unwrap().to_uppercase();
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let found = org.owner.get(&format!("{}?search={encoded}", subject.path)).await.expect(200);
        assert!(found.items().iter().any(|item| item["id"] == wanted.body["id"]), "search {text}");
        assert!(!found.items().iter().any(|item| item["id"] == other.body["id"]), "search {text}");
        for bad in
            ["nope=1", "version__nope=1", "sort=nope", "created_at__gte=yesterday", "search=a&search=b"]
        {
            let reply = org.owner.get(&format!("{}?{bad}", subject.path)).await;
            assert_eq!(reply.status.as_u16(), 422, "{}?{bad}: {}", subject.path, reply.text());
        }
        for odd in ["search=%27", "search=%25", "search=_", "search=%5C"] {
            org.owner.get(&format!("{}?{odd}", subject.path)).await.expect(200);
        }
        org.owner.get(&format!("{}?search=%00", subject.path)).await.expect(422);
    }
}

#[tokio::test]
async fn a_change_needs_the_version_it_was_made_from() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let created = made(&org.owner, subject, 1).await;
        let path = format!("{}/{}", subject.path, created.id());
        let patch = numbered(&subject.patch, 1);
        let changed = org.owner.with("if-match", "\"1\"").patch(&path, patch.clone()).await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        assert_eq!(changed.body["version"], 2);
        for (field, sent) in patch.as_object().unwrap() {
            assert_eq!(&changed.body[field], sent, "{}.{field}", subject.name);
        }
        let stale = org.owner.with("if-match", "\"1\"").patch(&path, patch.clone()).await.expect(412);
        assert_eq!(stale.code(), "version_mismatch");
        let mut with_version = patch.clone();
        with_version["version"] = json!(1);
        assert_eq!(org.owner.patch(&path, with_version).await.expect(409).code(), "version_conflict");
        org.owner.with("if-match", "\"1\"").delete(&path).await.expect(412);
        let replaced = org.owner.put(&path, subject.body(9)).await.expect(200);
        assert_eq!(replaced.body["version"], 3);
        assert_eq!(replaced.body["created_at"], created.body["created_at"]);
        org.owner.patch(&path, json!({})).await.expect(200);
        org.owner.patch(&path, json!([])).await.expect(422);
    }
}

#[tokio::test]
async fn the_trash_takes_restores_and_purges() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let created = made(&org.owner, subject, 1).await;
        let path = format!("{}/{}", subject.path, created.id());
        let among = |reply: &Reply| reply.items().iter().any(|item| item["id"] == created.body["id"]);
        org.owner.delete(&path).await.expect(204);
        assert!(!among(&org.owner.get(&format!("{}?page_size=200", subject.path)).await.expect(200)));
        assert!(among(&org.owner.get(&format!("{}?trash=true", subject.path)).await.expect(200)));
        org.owner.patch(&path, json!({})).await.expect(404);
        // What lies in the trash blocks no new record of the same key, and cannot come back over it.
        let twin = made(&org.owner, subject, 1).await;
        let unique = subject.meta["unique"].as_array().unwrap();
        if !unique.is_empty() {
            assert_eq!(org.owner.act(&format!("{path}/restore")).await.expect(409).code(), "conflict");
        }
        org.owner.delete(&format!("{}/{}?purge=true", subject.path, twin.id())).await.expect(204);
        let restored = org.owner.act(&format!("{path}/restore")).await.expect(200);
        assert_eq!(restored.body["deleted_at"], Value::Null);
        assert!(among(&org.owner.get(&format!("{}?page_size=200", subject.path)).await.expect(200)));
        org.owner.act(&format!("{path}/restore")).await.expect(404);
        org.owner.delete(&format!("{path}?purge=true")).await.expect(204);
        org.owner.get(&path).await.expect(404);
    }
}

#[tokio::test]
async fn a_taken_key_is_409_and_names_the_field() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    let elsewhere = app.org("elsewhere").await;
    for subject in &subjects {
        made(&org.owner, subject, 1).await;
        let Some(key) = subject.meta["unique"].as_array().unwrap().first().and_then(Value::as_str) else {
            continue;
        };
        let reply = org.owner.post(&subject.path, subject.body(1)).await.expect(409);
        assert_eq!(
            reply.body["errors"][0],
            json!({"field": key, "code": "taken", "message": "is taken by another record"})
        );
        // Another organisation's records are no obstacle, and not even a hint.
        made(&elsewhere.owner, subject, 1).await;
    }
}

#[tokio::test]
async fn bulk_answers_for_each_record() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let ids: Vec<Value> = {
            let mut ids = Vec::new();
            for n in 0..3 {
                ids.push(made(&org.owner, subject, n).await.body["id"].clone());
            }
            ids
        };
        let missing = json!("00000000-0000-7000-8000-000000000000");
        let path = format!("{}/bulk", subject.path);
        let mut asked = ids.clone();
        asked.push(missing.clone());
        let mut patch = numbered(&subject.patch, 1);
        for key in subject.meta["unique"].as_array().unwrap() {
            patch.as_object_mut().unwrap().remove(key.as_str().unwrap());
        }
        let body = json!({ "ids": asked, "action": "patch", "patch": patch });
        let done = org.owner.post(&path, body).await.expect(200);
        assert_eq!(
            (done.body["ok"].as_u64(), done.body["failed"].as_u64()),
            (Some(3), Some(1)),
            "{}",
            done.text()
        );
        assert_eq!(done.items()[3], json!({"id": missing, "status": 404, "code": "not_found"}));
        for action in ["delete", "restore", "purge"] {
            let done = org.owner.post(&path, json!({ "ids": ids, "action": action })).await.expect(200);
            assert_eq!(done.body["ok"], 3, "{} {action}: {}", subject.name, done.text());
        }
        org.owner.post(&path, json!({ "action": "delete" })).await.expect(422);
        made(&org.owner, subject, 5).await;
        let all = org
            .owner
            .post(&path, json!({ "query": "created_at__gte=2020-01-01T00:00:00Z", "action": "delete" }))
            .await;
        if subject.column("created_at").is_some_and(|column| !column["filter"].as_array().unwrap().is_empty())
        {
            assert!(all.expect(200).body["ok"].as_u64().unwrap() >= 1);
        } else {
            all.expect(422);
        }
    }
}

#[tokio::test]
async fn an_export_can_be_imported_again() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in subjects.iter().filter(|subject| subject.actions.contains(&"import")) {
        for n in 0..3 {
            made(&org.owner, subject, n).await;
        }
        let csv = org.owner.get(&format!("{}/export?format=csv", subject.path)).await.expect(200);
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        let text = csv.text();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert!(rows.len() >= 3, "{}", subject.name);
        let xlsx = org.owner.get(&format!("{}/export?format=xlsx", subject.path)).await.expect(200);
        assert_eq!(&xlsx.bytes[..2], b"PK");
        // Only what a create takes goes back in.
        let keep: Vec<usize> = headers
            .iter()
            .enumerate()
            .filter(|(_, name)| subject.column(name).is_some_and(|column| column["create"] == true))
            .map(|(at, _)| at)
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(keep.iter().map(|at| &headers[*at])).unwrap();
        for row in &rows {
            writer.write_record(keep.iter().map(|at| row.get(*at).unwrap_or_default())).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let elsewhere = app.org(&format!("import-{}", subject.name)).await;
        let path = format!("{}/import", subject.path);
        let import = |caller: Caller, query: &str, file: Vec<u8>| {
            let path = format!("{path}{query}");
            async move { caller.raw(http::Method::POST, &path, Some("text/csv"), file).await }
        };
        let dry = import(elsewhere.owner.clone(), "?dry_run=true", file.clone()).await.expect(200);
        assert_eq!(dry.body["applied"], false);
        let before = elsewhere.owner.get(&subject.path).await.body["total"].as_u64().unwrap();
        assert_eq!(
            dry.body["failed"].as_u64().unwrap() + dry.body["created"].as_u64().unwrap(),
            rows.len() as u64
        );
        let done = import(elsewhere.owner.clone(), "", file.clone()).await.expect(200);
        if done.body["failed"] == 0 {
            assert_eq!(done.body["created"].as_u64().unwrap(), rows.len() as u64, "{}", done.text());
            let after = elsewhere.owner.get(&subject.path).await.body["total"].as_u64().unwrap();
            assert_eq!(after, before + rows.len() as u64);
        } else {
            // Something (a reference, a key that came with the organisation) does not fit: then nothing may be kept.
            assert_eq!(done.body["applied"], false);
            assert_eq!(elsewhere.owner.get(&subject.path).await.body["total"].as_u64().unwrap(), before);
        }
        if let Some(key) = subject.meta["unique"].as_array().unwrap().first().and_then(Value::as_str) {
            let again = import(org.owner.clone(), &format!("?key={key}"), file).await.expect(200);
            assert_eq!(
                again.body["updated"].as_u64().unwrap(),
                rows.len() as u64,
                "{}: {}",
                subject.name,
                again.text()
            );
            assert_eq!(again.body["created"], 0);
        }
        let bad = import(org.owner.clone(), "", b"nope\n1\n".to_vec()).await.expect(422);
        assert_eq!(bad.body["errors"][0]["code"], "unknown_field");
        org.owner.raw(http::Method::POST, &path, Some("text/plain"), b"x".to_vec()).await.expect(415);
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_trail_with_its_actor_and_fields() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    for subject in &subjects {
        let created = made(&org.owner, subject, 1).await;
        let path = format!("{}/{}", subject.path, created.id());
        org.owner.patch(&path, numbered(&subject.patch, 1)).await.expect(200);
        org.owner.delete(&path).await.expect(204);
        let trail = format!("/api/audit-entries?target_id={}&sort=at&page_size=50", created.id());
        let trail = org.owner.get(&trail).await.expect(200);
        let prefix = subject.name.replace('.', ":");
        let actions: Vec<&str> =
            trail.items().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(
            actions,
            ["create", "update", "delete"].map(|action| format!("{prefix}:{action}")),
            "{}",
            subject.name
        );
        for entry in trail.items() {
            assert_eq!(entry["actor_id"], json!(org.owner.id.to_string()));
            assert_eq!(entry["actor_name"], json!(org.owner.name));
            assert_eq!(entry["target_type"], json!(subject.name));
            assert_ne!(entry["request_id"], json!(""));
        }
        let changes = &trail.items()[1]["changes"];
        for (field, after) in numbered(&subject.patch, 1).as_object().unwrap() {
            assert_eq!(&changes[field]["after"], after, "{}.{field} in {changes}", subject.name);
            assert_eq!(changes[field]["before"], created.body[field], "{}.{field}", subject.name);
        }
    }
}

#[tokio::test]
async fn another_organisations_records_do_not_exist() {
    let app = TestApp::new().await;
    let (org, subjects) = subjects(&app).await;
    let other = app.org("other").await;
    for subject in &subjects {
        let theirs = made(&org.owner, subject, 1).await;
        let path = format!("{}/{}", subject.path, theirs.id());
        let me = &other.owner;
        me.get(&path).await.expect(404);
        me.patch(&path, json!({})).await.expect(404);
        me.put(&path, subject.body(2)).await.expect(404);
        me.delete(&path).await.expect(404);
        me.delete(&format!("{path}?purge=true")).await.expect(404);
        me.act(&format!("{path}/restore")).await.expect(404);
        let bulk = me
            .post(&format!("{}/bulk", subject.path), json!({ "ids": [theirs.id()], "action": "purge" }))
            .await;
        assert_eq!(bulk.expect(200).items()[0]["status"], 404);
        for list in [String::new(), "/export".into()] {
            let reply = me.get(&format!("{}{list}", subject.path)).await.expect(200);
            assert!(!reply.text().contains(&theirs.id().to_string()), "{}{list}", subject.path);
        }
        for column in subject.columns().iter().filter(|column| column["reference"].is_string()) {
            let mut body = subject.body(3);
            let foreign =
                if column["reference"] == subject.name.as_str() { theirs.id() } else { org.owner.id };
            body[column["name"].as_str().unwrap()] = json!(foreign);
            let reply = me.post(&subject.path, body).await.expect(422);
            assert_eq!(reply.body["errors"][0]["code"], "unknown_reference", "{}", reply.text());
        }
        org.owner.get(&path).await.expect(200);
    }
}
