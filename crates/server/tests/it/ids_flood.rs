//! A flood of anonymous calls cannot exhaust a key, fill the journal, or slow another key.

use futures_util::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};

use crate::{
    ids_support::{ALLOCATE, ask, given, journal, key_named, take, with_key},
    support::{TestApp, caller::Reply},
};

/// Calls of a flood, many at a time, from many addresses.
async fn flood(app: &TestApp, calls: usize, ask: &Value) -> Vec<Reply> {
    let call = |n: usize| {
        let mut anon = app.anon();
        let [_, _, a, b] = u32::try_from(n).unwrap().to_be_bytes();
        anon.peer = ([10, 7, a, b], 40_000).into();
        let ask = ask.clone();
        async move { anon.post(ALLOCATE, ask).await }
    };
    stream::iter(0..calls).map(call).buffer_unordered(64).collect().await
}

/// To the beginning of a minute, so that the share of one minute is counted.
fn begin_a_minute(app: &TestApp) {
    let into = app.now().timestamp().rem_euclid(60);
    app.clock.advance(chrono::TimeDelta::seconds(61 - into));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_narrow_key_is_not_used_up_by_strangers() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for mode in ["strict", "buffered"] {
        let name = format!("s:d:{mode}:id");
        let key = json!({ "name": name, "id_type": "i16", "mode": mode });
        let id = org.owner.post("/api/id-keys", key).await.expect(201).id();
        let robot = with_key(&app, &org.owner, mode).await;
        let (one, ten) = (ask("s", "d", mode, "id", 1), ask("s", "d", mode, "id", 10));
        begin_a_minute(&app);
        let begin = app.now().timestamp().div_euclid(60);
        let replies = flood(&app, 2_000, &one).await;
        let minutes = app.now().timestamp().div_euclid(60) - begin + 1;
        let (given_ids, refused): (Vec<&Reply>, Vec<&Reply>) =
            replies.iter().partition(|reply| reply.status.as_u16() == 200);
        // A hundred in a minute: all strangers together, however many addresses they have.
        let share = usize::try_from(100 * minutes).unwrap();
        assert!((100..=share).contains(&given_ids.len()), "{mode}: {} ids", given_ids.len());
        assert!(given_ids.iter().all(|reply| given(reply).is_ok()));
        for reply in &refused {
            assert_eq!((reply.status.as_u16(), given(reply).unwrap_err().0), (429, 429), "{}", reply.text());
            assert!((1..=60).contains(&reply.header("retry-after").parse::<u32>().unwrap()));
        }
        // Whoever has a name is served meanwhile, and more than strangers are.
        for _ in 0..30 {
            take(&robot, &ten).await;
        }
        // One greedy call is refused and takes nothing of the share.
        begin_a_minute(&app);
        let greedy = app.anon().post(ALLOCATE, ask("s", "d", mode, "id", 101)).await.expect(200);
        let (code, msg) = given(&greedy).unwrap_err();
        assert!(code == 409 && msg.contains("at most 100 ids"), "no waiting helps: {code} {msg}");
        take(&app.anon(), &ten).await;
        let key = key_named(&org.owner, &name).await;
        let ceiling: i64 = key["ceiling"].as_str().unwrap().parse().unwrap();
        assert!(ceiling < 10_000, "{mode}: {ceiling} of 32767");
        assert_eq!(key["state"], "active");
        // Few lines, and every id of the flood is spoken of.
        let lines = journal(&org.owner, &id.to_string()).await;
        let of = |who: &str| {
            let mine = |line: &&Value| line["caller"].as_str().is_some_and(|caller| caller.starts_with(who));
            lines.iter().filter(mine).collect::<Vec<_>>()
        };
        assert_eq!(of(&org.owner.username).len(), 30, "{mode}");
        let strangers = of("anonymous");
        let ids: i64 =
            strangers.iter().map(|line| line["count"].as_str().unwrap().parse::<i64>().unwrap()).sum();
        let calls: i64 = strangers.iter().map(|line| line["calls"].as_i64().unwrap()).sum();
        let served = i64::try_from(given_ids.len()).unwrap();
        assert_eq!((ids, calls), (served + 10, served + 1), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_one_address_fills_no_journal() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let id = org.owner.post("/api/id-keys", json!({ "name": "s:d:wide:id" })).await.expect(201).id();
    let ask = ask("s", "d", "wide", "id", 3);
    let call = |_| {
        let (anon, ask) = (app.anon(), ask.clone());
        async move { take(&anon, &ask).await }
    };
    let ranges: Vec<(i64, i64)> = stream::iter(0..3_000).map(call).buffer_unordered(64).collect().await;
    crate::ids_support::assert_disjoint(&ranges);
    let lines = journal(&org.owner, &id.to_string()).await;
    let calls: i64 = lines.iter().map(|line| line["calls"].as_i64().unwrap()).sum();
    assert_eq!(calls, 3_000);
    // One write for some calls, one line for each write and block at most.
    assert!(lines.len() <= 300, "{} lines for 3000 calls", lines.len());
    // What is refused leaves no line at all, and no row of any kind.
    let before = lines.len();
    let replies = flood(&app, 1_000, &crate::ids_support::ask("nobody", "d", "wide", "id", 3)).await;
    assert!(replies.iter().all(|reply| given(reply).is_err()));
    assert_eq!(journal(&org.owner, &id.to_string()).await.len(), before);
    assert_eq!(org.owner.get("/api/id-keys").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_key_answers_as_before_while_one_is_flooded() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for (name, id_type) in [("s:d:flooded:id", "i16"), ("s:d:calm:id", "i64")] {
        org.owner.post("/api/id-keys", json!({ "name": name, "id_type": id_type })).await.expect(201);
    }
    let (flooded, calm) = (ask("s", "d", "flooded", "id", 1), ask("s", "d", "calm", "id", 1));
    begin_a_minute(&app);
    let calls = 2_000;
    let both = stream::iter(0..2 * calls).map(|n| {
        let (anon, is_calm) = (app.anon(), n % 2 == 1);
        let ask = if is_calm { calm.clone() } else { flooded.clone() };
        async move { (is_calm, anon.post(ALLOCATE, ask).await) }
    });
    let both: Vec<(bool, Reply)> = both.buffer_unordered(64).collect().await;
    // Whoever came to the calm key was served at once and in turn: no refusal, no gap, whoever stood in
    // between.
    let mut ids: Vec<i64> =
        both.iter().filter(|(is_calm, _)| *is_calm).map(|(_, reply)| given(reply).unwrap().0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=i64::try_from(calls).unwrap()).collect::<Vec<_>>());
    let refused = both.iter().filter(|(is_calm, reply)| !is_calm && reply.status == 429).count();
    assert!(refused >= calls - 300, "{refused} of {calls} were refused");
    // The calls came mixed, and were answered mixed: the calm key did not wait for the end of the flood.
    let half = both.iter().take(calls).filter(|(is_calm, _)| *is_calm).count();
    assert!((calls / 3..=calls * 2 / 3).contains(&half), "{half} of the first {calls} answers");
}

#[tokio::test]
async fn a_body_of_a_stranger_is_small_and_wrong_ones_cost_no_id() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    org.owner.post("/api/id-keys", json!({ "name": "s:d:t:id" })).await.expect(201);
    let ask = ask("s", "d", "t", "id", 1);
    let with_junk = |length: usize| {
        let mut body = ask.clone();
        body["junk"] = "x".repeat(length).into();
        body
    };
    assert_eq!(given(&app.anon().post(ALLOCATE, with_junk(60_000)).await.expect(200)), Ok((1, 1)));
    let large = app.anon().post(ALLOCATE, with_junk(70_000)).await.expect(413);
    assert_eq!(large.header("content-type"), "application/json", "in the older form: {}", large.text());
    let send = async |body: &[u8], kind: &str| {
        app.anon().raw(Method::POST, ALLOCATE, Some(kind), body.to_vec()).await.expect(422)
    };
    for body in [&b"{"[..], b"", b"[]", b"7", b"\xff\xfe", b"{\"system_code\":\"\\ud800\"}"] {
        send(body, "application/json").await;
    }
    send(ask.to_string().as_bytes(), "text/plain").await;
    let deep = format!("{{\"junk\":{}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
    send(deep.as_bytes(), "application/json").await;
    let many = format!("{{\"junk\":[{}0]}}", "0,".repeat(30_000));
    send(many.as_bytes(), "application/json").await;
    // Names that no table has, as long as fits.
    for part in ["x".repeat(10_000), "\u{0}".to_owned(), "\n".to_owned(), "😀".repeat(3_000)] {
        let reply = app.anon().post(ALLOCATE, crate::ids_support::ask("s", "d", &part, "id", 1)).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
        let (code, msg) = given(&reply).unwrap_err();
        assert!(code == 400 && msg.len() < 200, "{code} {msg}");
    }
    assert_eq!(take(&app.anon(), &ask).await, (2, 2), "nothing else was issued");
}
