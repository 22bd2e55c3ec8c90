//! Keys over the house's own routes: made, found, set, raised, renamed, stopped, given up, and who may.

use idgen::store::entity::key;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value, json};
use store::Mode;

use crate::{
    ids_support::{ALLOCATE, ask, given, ids, key_named, next, take, try_take, with_key},
    support::{Caller, Org, TestApp, caller::Reply},
};

async fn make(caller: &Caller, body: Value) -> Value {
    caller.post("/api/id-keys", body).await.expect(201).body
}

fn path(key: &Value, what: &str) -> String {
    format!("/api/id-keys/{}{what}", key["id"].as_str().unwrap())
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.items().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

async fn audited(org: &Org, action: &str) -> usize {
    let path = format!("/api/audit-entries?page_size=200&action=ids:key:{action}");
    org.owner.get(&path).await.expect(200).items().len()
}

#[tokio::test]
async fn a_key_is_made_as_it_was_asked_for_and_its_name_is_taken_once() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "Orders" })).await;
    for (field, value) in [
        ("name", json!("orders")),
        ("parts", Value::Null),
        ("mode", json!("buffered")),
        ("sync", json!(false)),
        ("id_type", json!("i64")),
        ("most_ids", json!(1_000_000)),
        ("anonymous", json!(true)),
        ("state", json!("active")),
        ("origin", json!("0")),
        ("ceiling", json!("0")),
        ("low", json!(false)),
    ] {
        assert_eq!(key[field], value, "{field}");
    }
    let parts = json!({ "system_code": "Shop", "database": "Main:1", "table": "T", "field": "Id" });
    let wish = json!({
        "parts": parts, "in_use": "1500", "mode": "strict", "sync": true, "id_type": "i32", "most_ids": 50,
        "block": { "least": 10, "most": 20 },
    });
    let key = make(&org.owner, wish.clone()).await;
    assert_eq!(key["name"], "shop:main%3a1:t:id");
    let shown = json!({ "system_code": "shop", "database": "main:1", "table": "t", "field": "id" });
    assert_eq!((&key["parts"], &key["origin"]), (&shown, &json!("1500")));
    assert_eq!((&key["max"], &key["remaining"]), (&json!("2147483647"), &json!("2147482147")));
    assert_eq!(ids(&org.owner, "SHOP:MAIN%3A1:T:ID", 2).await, (1501, 1502));
    assert_eq!(org.owner.post("/api/id-keys", wish).await.expect(409).code(), "key_exists");
    for (wrong, field) in [
        (json!({}), "name"),
        (json!({ "name": "a", "parts": parts }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\u{7}b" }), "name"),
        (json!({ "name": "a", "in_use": "-1" }), "in_use"),
        (json!({ "name": "a", "in_use": "1e3" }), "in_use"),
        (json!({ "name": "a", "id_type": "i128" }), "id_type"),
        (json!({ "name": "a", "mode": "loose" }), "mode"),
        (json!({ "name": "a", "most_ids": 0 }), "most_ids"),
        (json!({ "name": "a", "block": { "least": 9, "most": 8 } }), "block"),
    ] {
        let reply = org.owner.post("/api/id-keys", wrong.clone()).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{wrong}: {}", reply.text());
        assert!(reply.text().contains(field), "{wrong}: {}", reply.text());
    }
    assert_eq!(audited(&org, "create").await, 2);
}

#[tokio::test]
async fn keys_are_searched_filtered_sorted_and_paged() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for (name, in_use, id_type, per_day) in [
        ("a:one", "100", "i8", Some(1)),
        ("b:two", "10", "i8", Some(2)),
        ("c:three", "126", "i8", None),
        ("d:four", "127", "i8", None),
        ("e:five", "5", "i64", Some(3)),
        ("f:six", "5", "i64", None),
    ] {
        let made = make(&org.owner, json!({ "name": name, "in_use": in_use, "id_type": id_type })).await;
        let id: base::Id = made["id"].as_str().unwrap().parse().unwrap();
        let tx = app.app.system(Mode::Write).await.unwrap();
        let values = key::ActiveModel { rate_per_day: Set(per_day), ..Default::default() };
        tx.update_where(values, Condition::all().add(key::Column::Id.eq(id))).await.unwrap();
        tx.commit().await.unwrap();
    }
    let f = key_named(&org.owner, "f:six").await;
    org.owner.act(&path(&f, "/retire")).await.expect(200);
    let e = key_named(&org.owner, "e:five").await;
    org.owner.post(&path(&e, "/quarantine"), json!({ "reason": "a drill" })).await.expect(200);
    let list = async |query: &str| org.owner.get(&format!("/api/id-keys{query}")).await.expect(200);
    let all = ["a:one", "b:two", "c:three", "d:four", "e:five", "f:six"];
    assert_eq!(names(&list("").await), all);
    let reversed: Vec<&str> = all.into_iter().rev().collect();
    assert_eq!(names(&list("?sort=-name").await), reversed);
    assert_eq!(names(&list("?sort=created_at").await), all);
    assert_eq!(names(&list("?sort=-used").await)[..4], ["d:four", "c:three", "a:one", "b:two"]);
    assert_eq!(names(&list("?sort=used").await)[2..], ["b:two", "a:one", "c:three", "d:four"]);
    // 27 days, 58.5 days, for ever; those of which nothing is known come last either way.
    assert_eq!(names(&list("?sort=full_at").await)[..3], ["a:one", "b:two", "e:five"]);
    assert_eq!(names(&list("?sort=-full_at").await)[..3], ["e:five", "b:two", "a:one"]);
    for (state, expected) in [
        ("active", &["a:one", "b:two", "c:three"][..]),
        ("exhausted", &["d:four"]),
        ("quarantined", &["e:five"]),
        ("retired", &["f:six"]),
        // 90 % used, or full within 30 days.
        ("low", &["a:one", "c:three", "d:four"]),
    ] {
        assert_eq!(names(&list(&format!("?state={state}")).await), expected, "{state}");
    }
    assert_eq!(names(&list("?search=O").await), ["a:one", "b:two", "d:four"]);
    assert_eq!(names(&list("?search=o&state=low&sort=-name").await), ["d:four", "a:one"]);
    let second = list("?page=2&page_size=4").await;
    assert_eq!(names(&second), ["e:five", "f:six"]);
    let window = ["total", "page", "page_size"].map(|field| second.body[field].as_u64().unwrap());
    assert_eq!(window, [6, 2, 4]);
    assert_eq!(names(&list("?page=9").await), Vec::<&str>::new());
    for wrong in ["?state=lost", "?sort=colour", "?page=0", "?page_size=0", "?page_size=201", "?colour=red"] {
        org.owner.get(&format!("/api/id-keys{wrong}")).await.expect(422);
    }
}

#[tokio::test]
async fn settings_are_changed_while_a_key_works_and_nothing_is_issued_twice() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "s:d:t:id" })).await;
    let own = path(&key, "");
    let mut last = ids(&org.owner, "s:d:t:id", 10).await;
    for change in [
        json!({ "mode": "strict" }),
        json!({ "sync": true }),
        json!({ "mode": "buffered", "block": { "least": 5, "most": 5 } }),
        json!({ "id_type": "i32", "most_ids": 100 }),
        json!({ "sync": false, "id_type": "i53" }),
    ] {
        let after = org.owner.patch(&own, change.clone()).await.expect(200).body;
        for (field, value) in change.as_object().unwrap() {
            assert_eq!(&after[field], value, "{field}");
        }
        let range = ids(&org.owner, "s:d:t:id", 10).await;
        assert!(range.0 > last.1, "{change}: {range:?} after {last:?}");
        last = range;
    }
    assert_eq!(audited(&org, "update").await, 5);
    org.owner.patch(&own, json!({ "most_ids": 100 })).await.expect(200);
    assert_eq!(audited(&org, "update").await, 5, "what changes nothing leaves no entry");
    assert_eq!(next(&org.owner, "s:d:t:id", 101).await.expect(422).code(), "validation_failed");
    for wrong in [
        json!({ "most_ids": 0 }),
        json!({ "most_ids": 1_000_001 }),
        json!({ "id_type": "i7" }),
        json!({ "block": { "least": 0, "most": 8 } }),
        json!({ "calls_per_second": -1 }),
        json!({ "ceiling": "9" }),
    ] {
        let reply = org.owner.patch(&own, wrong.clone()).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{wrong}: {}", reply.text());
    }
    // A column that ends below what was issued.
    org.owner.post(&path(&key, "/raise"), json!({ "to": "200" })).await.expect(200);
    org.owner.patch(&own, json!({ "id_type": "i8" })).await.expect(422);
    assert!(ids(&org.owner, "s:d:t:id", 10).await.0 > last.1);
}

#[tokio::test]
async fn a_key_can_be_kept_for_callers_with_a_name_and_limits_each_of_them() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "s:d:t:id" })).await;
    let ask = |count: i64| ask("s", "d", "t", "id", count);
    let (one, two) = (with_key(&app, &org.owner, "one").await, with_key(&app, &org.owner, "two").await);
    org.owner.patch(&path(&key, ""), json!({ "anonymous": false })).await.expect(200);
    let refused = app.anon().post(ALLOCATE, ask(1)).await.expect(403);
    assert_eq!(refused.body["code"], "key_not_anonymous", "{}", refused.text());
    assert_eq!(take(&one, &ask(1)).await, (1, 1));

    org.owner.patch(&path(&key, ""), json!({ "anonymous": true, "ids_per_minute": 100 })).await.expect(200);
    let begin_a_minute = || {
        let into = app.now().timestamp().rem_euclid(60);
        app.clock.advance(chrono::TimeDelta::seconds(61 - into));
    };
    begin_a_minute();
    for caller in [&one, &two, &app.anon()] {
        take(caller, &ask(60)).await;
        let reply = caller.post(ALLOCATE, ask(41)).await.expect(429);
        assert_eq!(given(&reply).unwrap_err().0, 429);
        assert!((1..=60).contains(&reply.header("retry-after").parse::<u32>().unwrap()));
        take(caller, &ask(40)).await;
    }
    let never = next(&org.owner, "s:d:t:id", 101).await.expect(409);
    assert_eq!(never.code(), "above_share", "no waiting helps");
    assert_eq!(next(&one, "s:d:t:id", 1).await.expect(429).code(), "too_many_ids");
    begin_a_minute();
    take(&one, &ask(100)).await;

    let limits = json!({ "ids_per_minute": 0, "calls_per_second": 2 });
    org.owner.patch(&path(&key, ""), limits).await.expect(200);
    let (begin, mut refused) = (app.now(), 0);
    for _ in 0..30 {
        let reply = one.post(ALLOCATE, ask(1)).await;
        refused += i64::from(reply.status == 429);
    }
    let seconds = (app.now() - begin).num_seconds() + 2;
    assert!(refused >= 30 - 2 * seconds, "{refused} of 30 in {seconds} s");
    assert!(refused > 0);
}

#[tokio::test]
async fn a_key_is_raised_and_never_lowered() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key =
        make(&org.owner, json!({ "name": "k", "in_use": "50", "mode": "strict", "id_type": "i16" })).await;
    let raise = async |to: &str| org.owner.post(&path(&key, "/raise"), json!({ "to": to })).await;
    assert_eq!(raise("5000").await.expect(200).body["ceiling"], "5000");
    assert_eq!(ids(&org.owner, "k", 1).await, (5001, 5001));
    for lower in ["0", "50", "4999", "5001"] {
        assert_eq!(raise(lower).await.expect(200).body["ceiling"], "5001", "{lower}");
    }
    for wrong in ["32768", "9223372036854775808", "-1", "", "x", "1.0"] {
        let reply = raise(wrong).await.expect(422);
        assert_eq!(reply.body["errors"][0]["field"], "to", "{wrong}: {}", reply.text());
    }
    assert_eq!(raise("32767").await.expect(200).body["state"], "exhausted");
    assert_eq!(next(&org.owner, "k", 1).await.expect(409).code(), "key_exhausted");
}

#[tokio::test]
async fn a_renamed_key_takes_its_counter_and_its_journal_along() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "before" })).await;
    make(&org.owner, json!({ "name": "other" })).await;
    assert_eq!(ids(&org.owner, "before", 5).await, (1, 5));
    let rename = async |name: &str| org.owner.post(&path(&key, "/rename"), json!({ "name": name })).await;
    assert_eq!(rename("OTHER").await.expect(409).code(), "key_exists");
    rename("").await.expect(422);
    let renamed = rename("After").await.expect(200).body;
    assert_eq!((&renamed["name"], &renamed["id"]), (&json!("after"), &key["id"]));
    assert_eq!(next(&org.owner, "before", 1).await.expect(404).code(), "key_unknown");
    assert!(ids(&org.owner, "after", 1).await.0 > 5);
    let owner = org.owner.get(&path(&key, "/owner?value=3")).await.expect(200).body;
    assert_eq!((&owner["state"], &owner["line"]["end"]), (&json!("issued"), &json!("5")));
    rename("after").await.expect(200);
    assert_eq!(audited(&org, "rename").await, 1);
    // The old name is free, and begins anew for whoever says so.
    make(&org.owner, json!({ "name": "before" })).await;
}

#[tokio::test]
async fn a_key_in_quarantine_issues_nothing_until_it_is_released_above_what_is_known() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for mode in ["strict", "buffered"] {
        let name = format!("s:d:{mode}:id");
        let key = make(&org.owner, json!({ "name": name, "mode": mode })).await;
        let last = ids(&org.owner, &name, 500).await.1;
        let release =
            async |at: &str| org.owner.post(&path(&key, "/release"), json!({ "at_least": at })).await;
        assert_eq!(release("900").await.expect(409).code(), "not_quarantined");
        let why = json!({ "reason": "the table was restored from a backup" });
        let stopped = org.owner.post(&path(&key, "/quarantine"), why.clone()).await.expect(200).body;
        assert_eq!(stopped["state"], "quarantined");
        assert_eq!(stopped["reason"], json!({ "kind": "asked", "text": why["reason"] }));
        let refused = next(&org.owner, &name, 1).await.expect(503);
        assert_eq!(refused.code(), "key_quarantined");
        let ask = ask("s", "d", mode, "id", 1);
        let (code, msg) = try_take(&app.anon(), &ask).await.unwrap_err();
        assert!(code == 503 && msg.contains("restored from a backup"), "{code} {msg}");
        let refused = release("499").await.expect(409);
        assert_eq!(refused.code(), "below_known");
        let ceiling = stopped["ceiling"].as_str().unwrap();
        assert!(refused.body["detail"].as_str().unwrap().contains(ceiling), "{}", refused.text());
        release("x").await.expect(422);
        let released = release(ceiling).await.expect(200).body;
        assert_eq!((&released["state"], &released["reason"]), (&json!("active"), &Value::Null));
        assert!(ids(&org.owner, &name, 1).await.0 > last);
        assert_eq!(release(ceiling).await.expect(409).code(), "not_quarantined");
    }
    assert_eq!((audited(&org, "quarantine").await, audited(&org, "release").await), (2, 2));
}

#[tokio::test]
async fn a_key_that_was_given_up_keeps_its_name_and_goes_on_above_everything_when_it_is_taken_up() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = make(&org.owner, json!({ "name": "k" })).await;
    let before = ids(&org.owner, "k", 10).await;
    assert_eq!(org.owner.act(&path(&key, "/revive")).await.expect(409).code(), "not_retired");
    assert_eq!(org.owner.act(&path(&key, "/retire")).await.expect(200).body["state"], "retired");
    assert_eq!(next(&org.owner, "k", 1).await.expect(409).code(), "key_retired");
    assert_eq!(org.owner.post("/api/id-keys", json!({ "name": "k" })).await.expect(409).code(), "key_exists");
    assert_eq!(
        org.owner.post(&path(&key, "/raise"), json!({ "to": "9999" })).await.expect(409).code(),
        "key_retired"
    );
    assert_eq!(org.owner.act(&path(&key, "/revive")).await.expect(200).body["state"], "active");
    assert!(ids(&org.owner, "k", 1).await.0 > before.1);
    assert_eq!((audited(&org, "retire").await, audited(&org, "revive").await), (1, 1));
}

#[tokio::test]
async fn the_next_ids_of_a_key_come_again_for_the_same_request() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    make(&org.owner, json!({ "name": "k" })).await;
    make(&org.owner, json!({ "name": "other" })).await;
    let one = next(&org.owner, "k", 3).await.expect(200).body;
    let expected = json!({ "key": "k", "kind": "counter", "ids": ["1", "2", "3"], "start": "1", "end": "3" });
    assert_eq!(one, expected);
    let many = next(&org.owner, "k", 10_000).await.expect(200).body;
    assert_eq!(many["ids"].as_array().unwrap().len(), 10_000);
    let more = next(&org.owner, "k", 10_001).await.expect(200).body;
    assert_eq!((&more["ids"], &more["start"], &more["end"]), (&json!([]), &json!("10004"), &json!("20004")));
    let again = org.owner.with("idempotency-key", "order-1");
    let first = next(&again, "k", 5).await.expect(200).body;
    assert_eq!(first["start"], "20005");
    for _ in 0..2 {
        assert_eq!(next(&again, "k", 5).await.expect(200).body, first);
    }
    for (name, count) in [("k", 6), ("other", 5)] {
        let refused = next(&again, name, count).await;
        assert!([409, 422].contains(&refused.status.as_u16()), "{}", refused.text());
        assert_eq!(refused.code(), "idempotency_key_reused");
    }
    assert_eq!(ids(&org.owner, "k", 1).await, (20_010, 20_010), "nothing was lost");
    assert_eq!(next(&org.owner, "nobody", 1).await.expect(404).code(), "key_unknown");
    for wrong in [json!({}), json!({ "key": "k", "count": 0 }), json!({ "key": "k", "count": 1_000_001 })] {
        let reply = org.owner.post("/api/ids/next", wrong).await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{}", reply.text());
    }
    app.anon().post("/api/ids/next", json!({ "key": "k" })).await.expect(401);
}
