//! What is made of an Authentik that refuses, is slow, or is not there.

use std::{
    io,
    sync::{Arc, Mutex},
};

use authentik::{Settings, Standing, Wish};
use base::{Error, Kind, ManualClock};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    double::{Double, Fault, TOKEN},
    support::{ann, client, done, ensure, object, settings, with},
};

const USERS: &str = "/api/v3/core/users/";

fn get() -> String {
    format!("GET {USERS}")
}

fn post() -> String {
    format!("POST {USERS}")
}

fn status(status: u16) -> Fault {
    Fault::Status(status, "<html>a proxy's own page</html>".into())
}

async fn error(client: &authentik::Client, wish: &Wish) -> Error {
    ensure(client, wish).await.0.unwrap_err()
}

#[tokio::test]
async fn a_wrong_token_is_the_servers_fault_and_no_failure_of_authentik() {
    let double = Double::start().await;
    let wrong = Settings { token: "another-token".to_owned().into(), ..settings(&double.url) };
    let client = with(&ManualClock::default(), wrong);
    for _ in 0..7 {
        let error = error(&client, &ann()).await;
        assert_eq!((error.kind(), error.code()), (Kind::BadGateway, "authentik_error"));
    }
    assert_eq!(client.standing(), Standing::Ok);
}

#[tokio::test]
async fn what_authentik_does_not_like_comes_back_field_by_field() {
    let double = Double::start().await;
    let client = client(&double.url);
    let wish = Wish { path: Some("a//b".into()), ..ann() };
    let refused = error(&client, &wish).await;
    assert_eq!(refused.kind(), Kind::Invalid);
    let fields = refused.field_errors();
    assert_eq!(
        (fields.len(), fields[0].field.as_str(), fields[0].code.as_str()),
        (1, "path", "authentik_refused")
    );
    assert_eq!(fields[0].message, "No empty segments in user path allowed.");
    let said = json!({ "name": ["Too\nlong.", "Odd."], "non_field_errors": [format!("No {TOKEN} here.")], "code": "x" });
    double.fault(&post(), Fault::Status(400, said.to_string()));
    let refused = error(&client, &ann()).await;
    let fields: Vec<(&str, &str)> =
        refused.field_errors().iter().map(|one| (one.field.as_str(), one.message.as_str())).collect();
    assert_eq!(
        fields,
        [("display_name", "Too\u{fffd}long."), ("display_name", "Odd."), ("", "No *** here.")]
    );
    double.user(json!({ "username": "bob", "email": "bob@example.com" }));
    double.fault("PATCH", Fault::Status(400, json!({ "email": ["No."] }).to_string()));
    let wish = Wish { username: Some("bob".into()), name: Some("B".into()), ..Wish::default() };
    assert_eq!(error(&client, &wish).await.field_errors()[0].field, "email");
    for fault in [status(400), status(500), status(404), status(302)] {
        double.fault(&post(), fault.clone());
        let error = error(&client, &ann()).await;
        assert_eq!((error.kind(), error.code()), (Kind::BadGateway, "authentik_error"), "{fault:?}");
    }
    double.fault(&get(), Fault::Status(200, "{\"results\": 1}".into()));
    assert_eq!(error(&client, &ann()).await.code(), "authentik_error");
}

#[tokio::test]
async fn questions_are_asked_three_times_at_most() {
    let double = Double::start().await;
    let client = client(&double.url);
    double.user(json!({ "username": "ann@example.com", "email": "ann@example.com", "name": "Ann" }));
    for fault in [status(502), status(503), status(504), Fault::Hangup] {
        double.fault(&get(), fault.clone());
        double.fault(&get(), fault);
        done(&client, &ann()).await;
        assert_eq!(double.calls().len(), 3);
    }
    (0..3).for_each(|_| double.fault(&get(), status(503)));
    let unavailable = error(&client, &ann()).await;
    assert_eq!((unavailable.kind(), unavailable.code()), (Kind::Unavailable, "authentik_unavailable"));
    assert_eq!((unavailable.retry_after_seconds(), double.calls().len()), (Some(5), 3));
    // A wait of its whole time is not begun again.
    double.fault(&get(), Fault::Silence);
    let silent = error(&client, &ann()).await;
    assert_eq!((silent.kind(), silent.code()), (Kind::GatewayTimeout, "authentik_timeout"));
    assert_eq!(double.calls().len(), 1);
    double.fault(&get(), Fault::Status(429, "{}".into()));
    let busy = error(&client, &ann()).await;
    assert_eq!((busy.code(), busy.retry_after_seconds()), ("authentik_unavailable", Some(5)));
}

#[tokio::test]
async fn a_user_is_told_of_again_only_when_a_look_has_not_found_him() {
    let double = Double::start().await;
    let client = client(&double.url);
    // He was made, though nobody said so.
    double.fault(&post(), Fault::DoneBut(504));
    let (made, progress) = done(&client, &ann()).await;
    assert_eq!((made.user.pk, progress.created, double.users().len()), (1, true, 1));
    assert_eq!(double.calls().iter().filter(|what| **what == post()).count(), 1);
    // He was not.
    for fault in [Fault::Hangup, status(503), Fault::Silence] {
        double.fault(&post(), fault);
        let email = format!("n{}@example.com", double.users().len());
        let (_, progress) = done(&client, &Wish { email: Some(email), ..ann() }).await;
        assert!(progress.created);
        let posts: Vec<_> = double.calls().into_iter().filter(|what| *what == post()).collect();
        assert_eq!(posts.len(), 2);
    }
    assert_eq!(double.users().len(), 4);
    // Twice is enough.
    double.fault(&post(), status(503));
    double.fault(&post(), status(503));
    let wish = Wish { email: Some("last@example.com".into()), ..ann() };
    assert_eq!(error(&client, &wish).await.code(), "authentik_unavailable");
    assert_eq!(double.users().len(), 4);
}

#[tokio::test]
async fn what_was_done_before_an_error_is_told() {
    let double = Double::start().await;
    let client = client(&double.url);
    double.group("members", false, &[]);
    double.fault("POST /api/v3/core/groups/", status(500));
    let attributes = object(json!({ "a": 1 }));
    let (outcome, progress) =
        ensure(&client, &Wish { groups: vec!["members".into()], attributes, ..ann() }).await;
    assert_eq!(outcome.unwrap_err().code(), "authentik_error");
    assert_eq!((progress.created, progress.pk), (true, Some(1)));
}

#[tokio::test]
async fn after_five_failures_nobody_asks_for_half_a_minute() {
    let (double, clock) = (Double::start().await, ManualClock::default());
    let client = with(&clock, settings(&double.url));
    (0..5).for_each(|_| double.fault(&get(), Fault::Silence));
    for _ in 0..5 {
        assert_eq!(error(&client, &ann()).await.code(), "authentik_timeout");
    }
    assert_eq!((client.standing(), double.calls().len()), (Standing::Down, 5));
    let refused = error(&client, &ann()).await;
    assert_eq!((refused.kind(), refused.code()), (Kind::Unavailable, "authentik_unavailable"));
    assert!(refused.retry_after_seconds().is_some_and(|seconds| (1..=30).contains(&seconds)));
    assert!(double.calls().is_empty());
    clock.advance(chrono::Duration::seconds(31));
    let (_, progress) = done(&client, &ann()).await;
    assert!(progress.created);
    assert_eq!(client.standing(), Standing::Ok);
    // And where there is nobody at all.
    let nobody = with(&clock, settings("http://127.0.0.1:1025"));
    for _ in 0..5 {
        assert_eq!(error(&nobody, &ann()).await.code(), "authentik_unavailable");
    }
    assert_eq!(nobody.standing(), Standing::Down);
}

#[tokio::test]
async fn a_letter_is_asked_for_at_the_stage_that_was_set() {
    let double = Double::start().await;
    let client = client(&double.url);
    let (ann, bob) = (
        double.user(json!({ "username": "ann", "email": "ann@example.com" })),
        double.user(json!({ "username": "bob" })),
    );
    client.mail_recovery(ann).await.unwrap();
    let seen = double.seen().pop().unwrap();
    assert_eq!(seen.what, format!("POST {USERS}{ann}/recovery_email/"));
    assert_eq!(seen.body, json!({ "email_stage": crate::support::STAGE }));
    assert_eq!(client.mail_recovery(bob).await.unwrap_err().kind(), Kind::Conflict);
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

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_token_is_in_no_error_and_in_no_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let double = Double::start().await;
    let client = with(&ManualClock::default(), settings(&double.url));
    let mut told = String::new();
    let echo = Fault::Status(400, json!({ "email": [format!("Bearer {TOKEN}")] }).to_string());
    let page = Fault::Status(500, format!("Authorization: Bearer {TOKEN}"));
    let odd = Fault::Status(201, format!("{{\"{TOKEN}\": 1}}"));
    for fault in [echo, page, odd, Fault::DoneBut(200)] {
        double.fault(&post(), fault);
        told += &format!("{:?}", error(&client, &ann()).await);
    }
    let refusal = Fault::Status(403, json!({ "detail": TOKEN }).to_string());
    for (fault, times) in [(Fault::Silence, 1), (Fault::Hangup, 3), (refusal, 1)] {
        (0..times).for_each(|_| double.fault(&get(), fault.clone()));
        let wish = Wish { email: Some("b@example.com".into()), ..ann() };
        told += &format!("{:?}", error(&client, &wish).await);
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("authentik_timeout") && told.contains("authentik_error"), "{told}");
    assert!(logged.contains("reqwest") || logged.contains("hyper"), "the log is not empty: {logged}");
    assert!(!told.contains(TOKEN) && !logged.contains(TOKEN));
}
