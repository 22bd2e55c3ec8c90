//! Users who are kept at Authentik, and members who are disabled since their account there is.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use authentik::{Settings, SubMode};
use futures_util::future::join_all;
use members::{CompareAuthentik, Compared, compare};
use serde_json::{Value, json};

use crate::{
    authentik_double::{Double, Fault, TOKEN},
    members_support::{path, program, sister, told},
    support::{Org, TestApp, Wish, caller::Reply},
};

const ENSURE: &str = "/internal/authentik/users/ensure";
const STAGE: &str = "5b2c9a52-6c0e-4d2b-8f2d-3a3c2e8b1c11";

fn settings(url: &str) -> Settings {
    let usual = Settings::new(url, TOKEN.to_owned().into());
    Settings { timeout: Some(Duration::from_millis(700)), recovery_stage: Some(STAGE.into()), ..usual }
}

async fn with(settings: Settings) -> (TestApp, Org) {
    let app = TestApp::with(Wish { authentik: Some(settings), ..Wish::default() }).await;
    let org = app.org("home").await;
    (app, org)
}

async fn ensure(app: &TestApp, body: Value) -> Reply {
    sister(app).post(ENSURE, body).await
}

fn ann() -> Value {
    json!({ "email": "ann@example.com", "display_name": "Ann" })
}

/// What was done under an action, the newest first.
async fn trail(app: &TestApp, org: &Org, action: &str) -> Vec<Value> {
    let wish = json!({ "name": format!("reader of {action}"), "scopes": ["audit:read"] });
    let (_, reader) = program(app, org, wish).await;
    let read = reader.get(&format!("/admin/audit?action={action}")).await.expect(200);
    read.body["items"].as_array().unwrap().clone()
}

async fn is_active(app: &TestApp, sub: &str) -> bool {
    sister(app).get(&path(sub)).await.expect(200).body["is_active"].as_bool().unwrap()
}

#[tokio::test]
async fn a_user_is_made_there_and_here_and_a_second_time_does_nothing() {
    let double = Double::start().await;
    let (app, org) = with(settings(&double.url)).await;
    let group = double.group("members", false, &[]);
    let mut wish = ann();
    wish["groups"] = json!(["members"]);
    wish["attributes"] = json!({ "shop": 7 });
    wish["path"] = json!("users/shop");
    let made = ensure(&app, wish.clone()).await.expect(201).body;
    let there = double.named("ann@example.com");
    assert_eq!((&there["groups"], &there["attributes"]), (&json!([group]), &json!({ "shop": 7 })));
    assert_eq!(
        made["authentik"],
        json!({
            "pk": 1, "uuid": there["uuid"], "uid": there["uid"], "username": "ann@example.com",
            "email": "ann@example.com", "name": "Ann", "is_active": true, "type": "internal",
            "path": "users/shop",
        })
    );
    assert_eq!((&made["created"], &made["changed"]), (&json!(true), &json!(["groups"])));
    assert_eq!((&made["authentik_sub"], &made["user"]["authentik_sub"]), (&there["uid"], &there["uid"]));
    assert_eq!(
        (&made["user"]["email"], &made["user"]["display_name"]),
        (&json!("ann@example.com"), &json!("Ann"))
    );
    assert_eq!((&made["user"]["is_active"], &made["recovery_email_sent"]), (&json!(true), &json!(false)));
    // He is who his token will say.
    let sub = there["uid"].as_str().unwrap();
    assert_eq!(sister(&app).get(&path(sub)).await.expect(200).body["user_id"], made["user"]["id"]);
    double.seen();
    let again = ensure(&app, wish).await.expect(200).body;
    assert_eq!((&again["created"], &again["changed"]), (&json!(false), &json!([])));
    assert_eq!(again["user"]["id"], made["user"]["id"]);
    assert!(double.calls().iter().all(|what| what.starts_with("GET ")));
    let entries = trail(&app, &org, "members:authentik:ensure").await;
    assert_eq!(entries.len(), 1, "doing nothing is no change");
    assert_eq!(entries[0]["target_id"], made["user"]["id"]);
    assert_eq!(entries[0]["changes"]["created"]["after"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_at_the_same_time_make_one_user_and_one_member() {
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let all = join_all((0..6).map(|_| ensure(&app, ann()))).await;
    let made: Vec<u16> = all.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    let ids: BTreeSet<&str> = all.iter().map(|reply| reply.body["user"]["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), double.users().len()), (1, 1));
    // Somebody else, whom this server knows nothing of, is faster.
    let rival = json!({ "username": "bob@example.com", "email": "bob@example.com", "name": "Bob" });
    double.fault("POST /api/v3/core/users/", Fault::Rival(rival));
    let bob = json!({ "email": "bob@example.com", "display_name": "Bob" });
    let lost = ensure(&app, bob).await.expect(200).body;
    assert_eq!((&lost["created"], &lost["changed"]), (&json!(false), &json!([])));
    // And one is made although the answer is lost.
    double.fault("POST /api/v3/core/users/", Fault::DoneBut(502));
    ensure(&app, json!({ "email": "carol@example.com" })).await.expect(201);
    assert_eq!(double.users().len(), 3);
}

#[tokio::test]
async fn a_user_who_is_known_by_his_number_or_his_name_is_changed_there_and_here() {
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let made = ensure(&app, ann()).await.expect(201).body;
    // Whoever is renamed there is found by what was kept here.
    double.set(1, "username", json!("anna"));
    double.set(1, "attributes", json!({ "theirs": [1] }));
    let wish = json!({
        "authentik_sub": made["authentik_sub"], "email": "anna@Example.COM", "attributes": { "ours": true },
        "is_active": false,
    });
    let changed = ensure(&app, wish).await.expect(200).body;
    assert_eq!(changed["changed"], json!(["attributes", "email", "is_active"]));
    assert_eq!(changed["authentik"]["email"], "anna@example.com");
    assert_eq!(double.named("anna")["attributes"], json!({ "theirs": [1], "ours": true }));
    assert_eq!(
        (&changed["user"]["id"], &changed["user"]["email"]),
        (&made["user"]["id"], &json!("anna@example.com"))
    );
    assert_eq!(changed["user"]["is_active"], false);
    let sub = made["authentik_sub"].as_str().unwrap();
    assert!(!is_active(&app, sub).await);
    // Nobody is enabled without a word; with one he is, there and here.
    let silent = ensure(&app, json!({ "authentik_user_pk": 1, "display_name": null })).await.expect(200).body;
    assert_eq!((&silent["user"]["is_active"], &silent["changed"]), (&json!(false), &json!(["name"])));
    let back = ensure(&app, json!({ "authentik_user_pk": 1, "is_active": true })).await.expect(200).body;
    assert_eq!((&back["user"]["is_active"], &back["changed"]), (&json!(true), &json!(["is_active"])));
    // Disabled here alone, for whatever reason: a word about something else leaves it.
    sister(&app)
        .post("/internal/users/upsert-by-sub", json!({ "authentik_sub": sub, "is_active": false }))
        .await
        .expect(200);
    let kept = ensure(&app, json!({ "authentik_user_pk": 1, "display_name": "Ann" })).await.expect(200).body;
    assert_eq!((&kept["user"]["is_active"], &kept["authentik"]["is_active"]), (&json!(false), &json!(true)));
    for nobody in [json!({ "authentik_user_pk": 99 }), json!({ "authentik_sub": "nobody" })] {
        assert_eq!(ensure(&app, nobody).await.expect(404).code(), "user_not_found");
    }
    assert_eq!(double.users().len(), 1);
}

#[tokio::test]
async fn a_member_who_came_by_his_token_first_is_the_same_member() {
    let double = Double::start().await;
    let (app, _org) = with(Settings { sub_mode: SubMode::UserUuid, ..settings(&double.url) }).await;
    double.user(json!({ "username": "ann", "email": "ann@example.com" }));
    let uuid = double.named("ann")["uuid"].as_str().unwrap().to_owned();
    let first = told(&app, &uuid).await.expect(201).body;
    let ensured =
        ensure(&app, json!({ "authentik_sub": uuid, "display_name": "Ann" })).await.expect(200).body;
    assert_eq!((&ensured["user"]["id"], &ensured["authentik_sub"]), (&first["id"], &json!(uuid)));
    // A name that is a user's id here would speak for him.
    let id = first["id"].as_str().unwrap();
    double.user(json!({ "username": "mallory", "uuid": id, "email": "m@example.com" }));
    let refused = ensure(&app, json!({ "authentik_sub": id })).await.expect(409);
    assert_eq!(refused.code(), "sub_taken");
}

#[tokio::test]
async fn whoever_is_refused_is_told_why() {
    let double = Double::start().await;
    let (app, org) = with(settings(&double.url)).await;
    assert_eq!(app.anon().post(ENSURE, ann()).await.expect(401).code(), "internal_auth_required");
    for (body, field) in [
        (json!({}), "email"),
        (json!({ "email": "none" }), "email"),
        (json!({ "email": "a@b.c", "is_superuser": true }), "is_superuser"),
        (json!({ "email": "a@b.c", "username": "x".repeat(151) }), "username"),
        (json!({ "email": "a@b.c", "path": "/a" }), "path"),
        (json!({ "email": "a@b.c", "display_name": "a\u{1}" }), "display_name"),
        (json!({ "authentik_user_pk": 0 }), "authentik_user_pk"),
        (json!({ "authentik_user_pk": 1, "authentik_sub": "a" }), "authentik_sub"),
    ] {
        let refused = ensure(&app, body.clone()).await.expect(422);
        assert_eq!(refused.body["detail"][0]["loc"], json!(["body", field]), "{body}: {}", refused.text());
    }
    assert!(double.calls().is_empty());
    double.user(json!({ "username": "root", "email": "root@example.com", "is_superuser": true }));
    double.user(json!({ "username": "robot", "email": "robot@example.com", "type": "service_account" }));
    double.user(json!({ "username": "ann", "email": "other@example.com" }));
    let admins = double.group("admins", true, &[]);
    for (body, code) in [
        (json!({ "email": "root@example.com", "display_name": "M" }), "protected_account"),
        (json!({ "email": "robot@example.com", "is_active": false }), "protected_account"),
        (json!({ "email": "ann@example.com", "username": "ann" }), "conflict"),
        (json!({ "email": "new@example.com", "groups": [admins] }), "protected_group"),
    ] {
        assert_eq!(ensure(&app, body.clone()).await.expect(409).code(), code, "{body}");
    }
    let unknown = ensure(&app, json!({ "email": "new@example.com", "groups": ["none"] })).await.expect(422);
    assert_eq!(unknown.body["detail"][0]["loc"], json!(["body", "groups", 0]));
    // Authentik's own words.
    let said = json!({ "name": ["Ensure this field is nicer."] });
    double.fault("POST /api/v3/core/users/", Fault::Status(400, said.to_string()));
    let refused = ensure(&app, ann()).await.expect(422);
    assert_eq!(refused.body["detail"][0]["loc"], json!(["body", "display_name"]));
    assert_eq!(refused.body["detail"][0]["msg"], "Ensure this field is nicer.");
    assert_eq!(refused.body["errors"][0]["code"], "authentik_refused");
    assert_eq!(double.users().len(), 3);
    assert!(trail(&app, &org, "members:authentik:ensure").await.is_empty());
}

#[tokio::test]
async fn trouble_with_authentik_is_told_apart_and_what_was_done_before_is_in_the_trail() {
    let double = Double::start().await;
    let (app, org) = with(settings(&double.url)).await;
    double.fault("GET", Fault::Status(403, json!({ "detail": "Token invalid/expired" }).to_string()));
    assert_eq!(ensure(&app, ann()).await.expect(502).code(), "authentik_error");
    double.fault("GET", Fault::Silence);
    assert_eq!(ensure(&app, ann()).await.expect(504).code(), "authentik_timeout");
    (0..3).for_each(|_| double.fault("GET", Fault::Hangup));
    let away = ensure(&app, ann()).await.expect(503);
    assert_eq!((away.code(), away.header("retry-after")), ("authentik_unavailable", "5"));
    double.group("members", false, &[]);
    double.fault("POST /api/v3/core/groups/", Fault::Status(500, String::new()));
    let mut wish = ann();
    wish["groups"] = json!(["members"]);
    assert_eq!(ensure(&app, wish.clone()).await.expect(502).code(), "authentik_error");
    let entries = trail(&app, &org, "members:authentik:ensure").await;
    assert_eq!((entries.len(), &entries[0]["outcome"]), (1, &json!("failed")));
    assert_eq!(entries[0]["changes"]["authentik"]["after"], 1);
    // Sent again it goes on where it ended.
    let done = ensure(&app, wish).await.expect(200).body;
    assert_eq!((&done["created"], &done["changed"]), (&json!(false), &json!(["groups"])));
    for _ in 0..5 {
        double.fault("GET", Fault::Silence);
        ensure(&app, ann()).await.expect(504);
    }
    double.seen();
    let shut = ensure(&app, ann()).await.expect(503);
    let seconds: u32 = shut.header("retry-after").parse().unwrap();
    assert!(shut.code() == "authentik_unavailable" && (1..=30).contains(&seconds), "{}", shut.text());
    assert!(double.calls().is_empty());
    app.clock.advance(chrono::Duration::seconds(31));
    ensure(&app, ann()).await.expect(200);
}

#[tokio::test]
async fn without_an_authentik_the_route_says_so() {
    let app = TestApp::new().await;
    app.org("home").await;
    assert_eq!(ensure(&app, ann()).await.expect(503).code(), "authentik_not_configured");
    assert_eq!(compare(&app.app, false).await.unwrap(), Compared::default());
    let declared = server::wiring::declared().unwrap();
    assert!(declared.iter().any(|one| one.name == "members.authentik_compare"));
}

#[tokio::test]
async fn a_letter_is_sent_when_user_and_member_are_there() {
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let mut wish = ann();
    wish["send_recovery_email"] = json!(true);
    assert_eq!(ensure(&app, wish.clone()).await.expect(201).body["recovery_email_sent"], true);
    let last = double.seen().pop().unwrap();
    assert_eq!(
        (last.what.as_str(), last.body),
        ("POST /api/v3/core/users/1/recovery_email/", json!({ "email_stage": STAGE }))
    );
    let (app, _org) = with(Settings { recovery_stage: None, ..settings(&double.url) }).await;
    let refused = ensure(&app, wish).await.expect(422);
    assert_eq!(refused.body["detail"][0]["loc"], json!(["body", "send_recovery_email"]));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_token_is_in_no_answer_and_in_no_log() {
    let log = Log::default();
    let kept = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || kept.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let mut answers = ensure(&app, ann()).await.expect(201).text();
    let echo = json!({ "email": [TOKEN], TOKEN: [TOKEN] }).to_string();
    for (begins, fault) in [
        ("GET", Fault::Status(403, json!({ "detail": TOKEN }).to_string())),
        ("GET", Fault::Status(200, format!("{{\"{TOKEN}\": 1}}"))),
        ("PATCH", Fault::Status(400, echo)),
        ("PATCH", Fault::Silence),
        ("PATCH", Fault::Hangup),
    ] {
        double.fault(begins, fault);
        let wish = json!({ "email": "ann@example.com", "display_name": "Ann B" });
        let refused = ensure(&app, wish).await;
        assert!(refused.status.as_u16() >= 422, "{}", refused.text());
        answers += &refused.text();
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("authentik_timeout"), "the log has the refusals");
    assert!(!answers.contains(TOKEN) && !logged.contains(TOKEN));
}

#[tokio::test]
async fn members_whose_accounts_are_disabled_or_gone_there_are_disabled_here_and_nobody_is_enabled() {
    let double = Double::start().await;
    double.page_max(3);
    let (app, org) = with(settings(&double.url)).await;
    let mut subs = Vec::new();
    for n in 1..=8 {
        let made = ensure(&app, json!({ "email": format!("m{n}@example.com") })).await.expect(201).body;
        subs.push(made["authentik_sub"].as_str().unwrap().to_owned());
    }
    // One came by his token, and one was never at Authentik.
    double.user(json!({ "username": "late", "is_active": true }));
    let late = double.named("late");
    let late_sub = late["uid"].as_str().unwrap().to_owned();
    told(&app, &late_sub).await.expect(201);
    told(&app, "elsewhere").await.expect(201);
    app.clock.advance(chrono::Duration::seconds(1));
    let first = compare(&app.app, false).await.unwrap();
    let expected = Compared { configured: true, accounts: 9, learnt: 1, ..Compared::default() };
    assert_eq!(first, expected);
    // Two are disabled there, one is gone, and one is disabled here alone.
    double.set(1, "is_active", json!(false));
    double.set(late["pk"].as_i64().unwrap(), "is_active", json!(false));
    double.delete(3);
    let alone = json!({ "authentik_sub": subs[3], "is_active": false });
    sister(&app).post("/internal/users/upsert-by-sub", alone).await.expect(200);
    app.clock.advance(chrono::Duration::seconds(1));
    // As its schedule has it done.
    let tx = app.app.system(store::Mode::Write).await.unwrap();
    let job = jobs::NewJob::of(jobs::PLATFORM, &CompareAuthentik::default()).unwrap();
    app.app.service::<jobs::Engine>().unwrap().enqueue(&tx, job).await.unwrap();
    tx.commit().await.unwrap();
    app.work().await;
    for (sub, expected) in [
        (subs[0].as_str(), false),
        (subs[1].as_str(), true),
        (subs[2].as_str(), false),
        (subs[3].as_str(), false),
        (late_sub.as_str(), false),
        ("elsewhere", true),
    ] {
        assert_eq!(is_active(&app, sub).await, expected, "{sub}");
    }
    let entries = trail(&app, &org, "members:authentik:disable").await;
    let mut why: Vec<_> = entries.iter().map(|entry| entry["changes"]["account"]["after"].clone()).collect();
    why.sort_by_key(|why| why.to_string());
    assert_eq!(why, [json!("gone"), json!("inactive"), json!("inactive")]);
    assert!(entries.iter().all(|entry| entry["actor_kind"] == "system"));
    // Whoever may sign in there again is not enabled by it.
    double.set(1, "is_active", json!(true));
    app.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(compare(&app.app, false).await.unwrap().disabled, 0);
    assert!(!is_active(&app, &subs[0]).await);
}

#[tokio::test]
async fn when_most_accounts_are_not_to_be_seen_nobody_is_disabled_for_it() {
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let mut subs = Vec::new();
    for n in 1..=7 {
        let made = ensure(&app, json!({ "email": format!("m{n}@example.com") })).await.expect(201).body;
        subs.push(made["authentik_sub"].as_str().unwrap().to_owned());
    }
    (1..=6).for_each(|pk| double.delete(pk));
    app.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(compare(&app.app, false).await.unwrap_err().code(), "too_many_gone");
    assert!(is_active(&app, &subs[0]).await);
    // An Authentik that refuses disables nobody either.
    double.fault("GET", Fault::Status(403, String::new()));
    assert_eq!(compare(&app.app, true).await.unwrap_err().code(), "authentik_error");
    assert!(is_active(&app, &subs[0]).await);
    assert_eq!(compare(&app.app, true).await.unwrap().disabled, 6);
    assert!(!is_active(&app, &subs[0]).await && is_active(&app, &subs[6]).await);
}

#[tokio::test]
async fn who_was_on_no_page_for_a_moment_is_looked_up_before_he_is_disabled() {
    let double = Double::start().await;
    let (app, _org) = with(settings(&double.url)).await;
    let made = ensure(&app, ann()).await.expect(201).body;
    app.clock.advance(chrono::Duration::seconds(1));
    let page = json!({ "pagination": { "next": 0, "count": 0 }, "results": [], "autocomplete": {} });
    double.fault("GET /api/v3/core/users/", Fault::Status(200, page.to_string()));
    assert_eq!(compare(&app.app, false).await.unwrap().disabled, 0);
    assert!(is_active(&app, made["authentik_sub"].as_str().unwrap()).await);
}

async fn accounts(app: &TestApp, org: &Org) -> u64 {
    let tx = app.tx(org.id).await;
    let count = sea_orm::sea_query::Query::select().column("id").from("member_account").to_owned();
    tx.query_all(&count).await.unwrap().len() as u64
}

async fn looked(app: &TestApp) -> Compared {
    app.clock.advance(chrono::Duration::seconds(1));
    compare(&app.app, false).await.unwrap()
}

#[tokio::test]
async fn a_member_whose_old_account_is_disabled_and_whose_new_one_is_not_stays() {
    let double = Double::start().await;
    double.page_max(1);
    let (app, org) = with(Settings { sub_mode: SubMode::UserUsername, ..settings(&double.url) }).await;
    let made = ensure(&app, json!({ "email": "ann@example.com", "username": "ann" })).await.expect(201).body;
    assert_eq!(made["authentik_sub"], "ann");
    // He was made anew there, with the same name.
    double.set(1, "username", json!("ann-old"));
    double.set(1, "is_active", json!(false));
    let new = double.user(json!({ "username": "ann", "email": "ann@example.com" }));
    let first = looked(&app).await;
    assert_eq!((first.learnt, first.disabled, first.accounts), (1, 0, 2));
    assert!(is_active(&app, "ann").await);
    // Known by both accounts, too.
    assert_eq!(looked(&app).await.disabled, 0);
    // The old one is gone, and is forgotten.
    assert_eq!(accounts(&app, &org).await, 2);
    double.delete(1);
    let third = looked(&app).await;
    assert_eq!((third.disabled, third.forgotten, accounts(&app, &org).await), (0, 1, 1));
    assert!(is_active(&app, "ann").await);
    double.set(new, "is_active", json!(false));
    assert_eq!(looked(&app).await.disabled, 1);
    assert!(!is_active(&app, "ann").await);
}

#[tokio::test]
async fn a_member_of_two_accounts_with_one_address_is_disabled_with_the_last_of_them() {
    let double = Double::start().await;
    double.page_max(1);
    let (app, org) = with(Settings { sub_mode: SubMode::UserEmail, ..settings(&double.url) }).await;
    let made = ensure(&app, ann()).await.expect(201).body;
    assert_eq!(made["authentik_sub"], "ann@example.com");
    let second = double.user(json!({ "username": "ann2", "email": "ann@example.com", "is_active": false }));
    let first = looked(&app).await;
    assert_eq!((first.learnt, first.disabled), (1, 0));
    // Whichever of them comes first.
    double.set(1, "is_active", json!(false));
    double.set(second, "is_active", json!(true));
    assert_eq!(looked(&app).await.disabled, 0);
    assert!(is_active(&app, "ann@example.com").await);
    // On no page for a moment, which is looked up.
    double.set(second, "is_active", json!(false));
    double.set(1, "is_active", json!(true));
    let only = double.users().into_iter().filter(|user| user["pk"] == second).collect::<Vec<_>>();
    let page = json!({ "pagination": { "next": 0, "count": 1 }, "results": only, "autocomplete": {} });
    double.fault("GET /api/v3/core/users/", Fault::Status(200, page.to_string()));
    assert_eq!(looked(&app).await.disabled, 0);
    // One is gone and the other one is disabled.
    double.delete(1);
    let last = looked(&app).await;
    assert_eq!((last.disabled, last.forgotten, accounts(&app, &org).await), (1, 1, 1));
    assert!(!is_active(&app, "ann@example.com").await);
    let entries = trail(&app, &org, "members:authentik:disable").await;
    assert_eq!(entries[0]["changes"]["account"]["after"], "inactive");
}
