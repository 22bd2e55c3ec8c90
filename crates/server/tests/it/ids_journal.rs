//! What became of which ids: the journal, its pages, owners, spans, use over time, ranges that come back, and
//! ids with two owners.

use idgen::store::entity::line;
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::{
    ids_support::{ask, journal, take, with_key},
    support::{Caller, TestApp},
};

async fn make(caller: &Caller, body: Value) -> (Value, String) {
    let key = caller.post("/api/id-keys", body).await.expect(201).body;
    let path = format!("/api/id-keys/{}", key["id"].as_str().unwrap());
    (key, path)
}

async fn next(caller: &Caller, name: &str, count: i64) -> (String, String) {
    let reply = caller.post("/api/ids/next", json!({ "key": name, "count": count })).await.expect(200);
    let id = |field: &str| reply.body[field].as_str().unwrap().to_owned();
    (id("start"), id("end"))
}

/// A line as kind and ends.
fn brief(line: &Value) -> (String, String, String) {
    let text = |name: &str| line[name].as_str().unwrap().to_owned();
    (text("kind"), text("start"), text("end"))
}

fn lines(expected: &[(&str, i64, i64)]) -> Vec<(String, String, String)> {
    expected
        .iter()
        .map(|(kind, start, end)| ((*kind).to_owned(), start.to_string(), end.to_string()))
        .collect()
}

#[tokio::test]
async fn an_id_leads_to_the_call_that_got_it() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (_, path) = make(&org.owner, json!({ "name": "s:d:t:id", "mode": "strict" })).await;
    let robot = with_key(&app, &org.owner, "robot").await;
    let before = app.now();
    let asked = robot.post("/api/segment/allocate", ask("s", "d", "t", "id", 10)).await.expect(200);
    next(&org.owner, "s:d:t:id", 5).await;
    take(&app.anon(), &ask("s", "d", "t", "id", 1)).await;
    let all = journal(&org.owner, path.rsplit('/').next().unwrap()).await;
    let expected = lines(&[("issued", 1, 10), ("issued", 11, 15), ("issued", 16, 16)]);
    assert_eq!(all.iter().map(brief).collect::<Vec<_>>(), expected);
    assert_eq!((&all[0]["count"], &all[0]["calls"]), (&json!("10"), &json!(1)));
    assert_eq!(all[0]["request_id"], asked.header("x-request-id"));
    let at: chrono::DateTime<chrono::Utc> = all[0]["at"].as_str().unwrap().parse().unwrap();
    assert!(at >= before - chrono::TimeDelta::seconds(1) && at <= app.now());
    let callers: Vec<&str> = all.iter().map(|line| line["caller"].as_str().unwrap()).collect();
    assert!(callers[0].starts_with(&format!("{} (key ", org.owner.username)), "{callers:?}");
    assert_eq!(callers[1..], [org.owner.username.as_str(), "anonymous 127.0.0.1"]);
    let owner = org.owner.get(&format!("{path}/owner?value=7")).await.expect(200).body;
    assert_eq!((&owner["state"], &owner["line"], &owner["span"]), (&json!("issued"), &all[0], &Value::Null));
}

#[tokio::test]
async fn the_journal_is_read_page_by_page_and_no_line_is_left_out() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (key, path) = make(&org.owner, json!({ "name": "k", "mode": "strict" })).await;
    for _ in 0..7 {
        next(&org.owner, "k", 10).await;
    }
    // Some ranges went to and fro, so that several lines begin with one id.
    let back = async |start: i64, end: i64| {
        let body = json!({ "start": start.to_string(), "end": end.to_string() });
        org.owner.post(&format!("{path}/return"), body).await.expect(200);
    };
    for _ in 0..3 {
        back(61, 70).await;
        next(&org.owner, "k", 10).await;
    }
    next(&org.owner, "k", 3).await;
    let id = key["id"].as_str().unwrap();
    let all: Vec<Value> = journal(&org.owner, id).await;
    let mut expected: Vec<(&str, i64, i64)> = (0..6).map(|n| ("issued", 1 + 10 * n, 10 + 10 * n)).collect();
    for _ in 0..3 {
        expected.extend([("issued", 61, 70), ("returned", 61, 70)]);
    }
    expected.extend([("issued", 61, 70), ("issued", 71, 73)]);
    assert_eq!(all.iter().map(brief).collect::<Vec<_>>(), lines(&expected));
    // However small the pages are; a page may be longer where one id has more lines than it holds.
    for limit in 1..=15 {
        let (mut read, mut from, mut pages) = (Vec::new(), "0".to_owned(), 0);
        loop {
            pages += 1;
            assert!(pages < 30, "limit {limit}: it does not end");
            let page = format!("{path}/journal?limit={limit}&from={from}");
            let page = org.owner.get(&page).await.expect(200);
            read.extend(page.items().iter().cloned());
            match page.body["next"].as_str() {
                Some(next) => from = next.to_owned(),
                None => break,
            }
        }
        // Lines may come twice; their ids tell.
        read.dedup_by(|a, b| a["id"] == b["id"]);
        assert_eq!(read, all, "limit {limit}");
    }
    let some = org.owner.get(&format!("{path}/journal?from=41&limit=2")).await.expect(200);
    let some: Vec<_> = some.items().iter().map(brief).collect();
    assert_eq!(some, lines(&[("issued", 41, 50), ("issued", 51, 60)]));
    for wrong in ["limit=0", "limit=501", "from=x", "from=-1", "colour=red"] {
        org.owner.get(&format!("{path}/journal?{wrong}")).await.expect(422);
    }
}

#[tokio::test]
async fn of_every_id_it_can_be_said_what_became_of_it() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (_, path) = make(&org.owner, json!({ "name": "k", "mode": "strict", "in_use": "10" })).await;
    let state = async |path: &str, id: i64| {
        let owner = org.owner.get(&format!("{path}/owner?value={id}")).await.expect(200).body;
        (owner["state"].as_str().unwrap().to_owned(), owner)
    };
    next(&org.owner, "k", 5).await;
    next(&org.owner, "k", 5).await;
    org.owner.post(&format!("{path}/return"), json!({ "start": "16", "end": "20" })).await.expect(200);
    for (id, expected) in
        [(1, "before"), (10, "before"), (11, "issued"), (15, "issued"), (16, "returned"), (21, "free")]
    {
        assert_eq!(state(&path, id).await.0, expected, "{id}");
    }
    org.owner.post(&format!("{path}/raise"), json!({ "to": "40" })).await.expect(200);
    assert_eq!(state(&path, 16).await.0, "skipped");
    assert_eq!(state(&path, 40).await.0, "skipped");
    assert_eq!(state(&path, 41).await.0, "free");
    org.owner.get(&format!("{path}/owner?value=x")).await.expect(422);
    org.owner.get(&format!("{path}/owner")).await.expect(422);
    // What a node holds in memory, and what nobody can account for once the node is gone.
    let (_, path) = make(&org.owner, json!({ "name": "b", "block": { "least": 100, "most": 100 } })).await;
    next(&org.owner, "b", 4).await;
    let (held, owner) = state(&path, 5).await;
    assert_eq!((held.as_str(), &owner["span"]["start"], &owner["line"]), ("held", &json!("5"), &Value::Null));
    let spans = org.owner.get(&format!("{path}/spans")).await.expect(200);
    let span = &spans.items()[0];
    assert_eq!((&span["start"], &span["end"], &span["held"]), (&json!("5"), &json!("100"), &json!(true)));
    app.clock.advance(chrono::TimeDelta::minutes(5));
    let fresh = crate::ids_support::second_node(&app).await;
    fresh.clock.advance(chrono::TimeDelta::minutes(5));
    let there = crate::ids_support::at(&fresh, &org.owner);
    let owner = there.get(&format!("{path}/owner?value=5")).await.expect(200).body;
    assert_eq!((&owner["state"], &owner["span"]["held"]), (&json!("unattributed"), &json!(false)));
    // Of what is dropped a line says so: the rest of a block, when the key works otherwise.
    org.owner.patch(&path, json!({ "mode": "strict" })).await.expect(200);
    next(&org.owner, "b", 1).await;
    assert_eq!(state(&path, 5).await.0, "dropped");
    assert_eq!(org.owner.get(&format!("{path}/spans")).await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn the_newest_range_comes_back_and_an_older_one_does_not() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for mode in ["strict", "buffered"] {
        let (_, path) = make(&org.owner, json!({ "name": mode, "mode": mode })).await;
        let robot = with_key(&app, &org.owner, mode).await;
        next(&org.owner, mode, 10).await;
        next(&robot, mode, 10).await;
        let back = async |start: &str, end: &str| {
            org.owner.post(&format!("{path}/return"), json!({ "start": start, "end": end })).await
        };
        assert_eq!(back("1", "10").await.expect(409).code(), "not_newest", "{mode}");
        for (start, end) in [("11", "19"), ("12", "20"), ("21", "30"), ("1", "20")] {
            let reply = back(start, end).await;
            assert!([404, 409].contains(&reply.status.as_u16()), "{mode} {start}: {}", reply.text());
        }
        back("20", "11").await.expect(422);
        back("a", "11").await.expect(422);
        back("11", "20").await.expect(200);
        assert_eq!(next(&org.owner, mode, 4).await, ("11".into(), "14".into()), "{mode}");
        let owner = org.owner.get(&format!("{path}/owner?value=12")).await.expect(200).body;
        assert_eq!(owner["line"]["caller"], org.owner.username, "{mode}");
    }
}

#[tokio::test]
async fn who_used_how_much_is_shown_over_minutes_hours_and_days() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (_, path) = make(&org.owner, json!({ "name": "s:d:t:id" })).await;
    // A session does not live as long as this test.
    let (robot, reader) =
        (with_key(&app, &org.owner, "robot").await, with_key(&app, &org.owner, "reader").await);
    // To the middle of an hour, so that the steps below stay where they are meant to be.
    let into = app.now().timestamp().rem_euclid(3_600);
    app.clock.advance(chrono::TimeDelta::seconds(3_600 - into + 1_800));
    let ask = |count: i64| ask("s", "d", "t", "id", count);
    take(&robot, &ask(100)).await;
    app.clock.advance(chrono::TimeDelta::minutes(2));
    for _ in 0..3 {
        take(&robot, &ask(10)).await;
        take(&app.anon(), &ask(5)).await;
    }
    let usage = async |query: &str| reader.get(&format!("{path}/usage{query}")).await.expect(200).body;
    let sums = |body: &Value| {
        let buckets = body["buckets"].as_array().unwrap().iter();
        let filled = buckets.filter(|one| one["calls"] != 0);
        filled
            .map(|one| (one["ids"].as_str().unwrap().to_owned(), one["calls"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let hour = usage("?hours=1").await;
    assert_eq!(sums(&hour), [("100".into(), 1), ("45".into(), 6)]);
    assert_eq!(hour["buckets"].as_array().unwrap().len(), 60);
    let callers: Vec<(bool, &str, i64)> = hour["callers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let is_robot = one["caller"].as_str().unwrap().contains("(key ");
            (is_robot, one["ids"].as_str().unwrap(), one["calls"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(callers, [(true, "130", 4), (false, "15", 3)]);
    let day = usage("").await;
    assert_eq!((sums(&day), day["buckets"].as_array().unwrap().len()), (vec![("145".into(), 7)], 24));
    let month = usage("?hours=720").await;
    assert_eq!((sums(&month), month["buckets"].as_array().unwrap().len()), (vec![("145".into(), 7)], 30));
    app.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(sums(&usage("?hours=1").await), []);
    assert_eq!(sums(&usage("?hours=3").await).len(), 2);
    for wrong in ["hours=0", "hours=721", "hours=x"] {
        reader.get(&format!("{path}/usage?{wrong}")).await.expect(422);
    }
}

#[tokio::test]
async fn ids_with_two_owners_are_found_and_stop_the_key() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (key, path) = make(&org.owner, json!({ "name": "k", "mode": "strict" })).await;
    let (_, sound) = make(&org.owner, json!({ "name": "sound", "mode": "strict" })).await;
    next(&org.owner, "k", 100).await;
    next(&org.owner, "sound", 100).await;
    let check = async |path: &str| org.owner.act(&format!("{path}/check")).await.expect(200).body;
    assert_eq!(check(&path).await, json!({ "findings": [] }));
    // As no code here writes it.
    let tx = app.tx(org.id).await;
    let id = app.app.new_id();
    tx.insert(line::ActiveModel {
        id: Set(id),
        org_id: Set(org.id),
        key_id: Set(key["id"].as_str().unwrap().parse().unwrap()),
        kind: Set("issued".into()),
        range_start: Set(51),
        range_end: Set(60),
        turn: Set(0),
        at: Set(app.now()),
        caller: Set(Some("somebody".into())),
        request_id: Set(None),
        calls: Set(1),
        node_id: Set(app.app.new_id()),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    // The scheduled job looks into every key.
    let engine = app.app.service::<jobs::Engine>().unwrap();
    let tx = app.app.system(store::Mode::Write).await.unwrap();
    let job = jobs::NewJob::of(jobs::PLATFORM, &platform::ids::CheckKeys {}).unwrap();
    let job = engine.enqueue(&tx, job).await.unwrap().id;
    tx.commit().await.unwrap();
    app.work().await;
    let tx = app.app.system(store::Mode::Read).await.unwrap();
    let job = engine.find_among(&tx, &[jobs::PLATFORM], job).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(job.state, "succeeded", "{job:?}");
    let result: Value = serde_json::from_str(job.result.as_deref().unwrap()).unwrap();
    assert_eq!(result["found"], 1, "{result}");
    let stopped = org.owner.get(&path).await.expect(200).body;
    assert_eq!((&stopped["state"], &stopped["reason"]["kind"]), (&json!("quarantined"), &json!("overlap")));
    assert_eq!(org.owner.get(&sound).await.expect(200).body["state"], "active");
    let found = check(&path).await;
    assert_eq!(found["findings"], json!([{ "line": id, "start": "51", "end": "60" }]));
    let refused = org.owner.post("/api/ids/next", json!({ "key": "k" })).await.expect(503);
    assert_eq!(refused.code(), "key_quarantined");
}
