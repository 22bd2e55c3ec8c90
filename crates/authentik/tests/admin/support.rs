//! A client of a double, and wishes.

use std::{sync::Arc, time::Duration};

use authentik::{Client, Ensured, Known, Progress, Settings, SubMode, Wish};
use base::{ManualClock, Result};
use outbound::{GuardedClient, Policy};
use serde_json::{Map, Value};

use crate::double::TOKEN;

/// The stage that mails links.
pub const STAGE: &str = "5b2c9a52-6c0e-4d2b-8f2d-3a3c2e8b1c11";

pub fn settings(url: &str) -> Settings {
    let usual = Settings::new(url, TOKEN.to_owned().into());
    Settings { recovery_stage: Some(STAGE.to_owned()), timeout: Some(Duration::from_millis(600)), ..usual }
}

pub fn with(clock: &ManualClock, settings: Settings) -> Client {
    let http = GuardedClient::new(Policy::parse(None, true).unwrap());
    Client::new(http, Arc::new(clock.clone()), settings).unwrap()
}

/// A client that is content with little time.
pub fn client(url: &str) -> Client {
    with(&ManualClock::default(), settings(url))
}

/// One whose tokens call users so.
pub fn calling(url: &str, sub_mode: SubMode) -> Client {
    with(&ManualClock::default(), Settings { sub_mode, ..settings(url) })
}

pub fn ann() -> Wish {
    Wish { email: Some("ann@example.com".into()), name: Some("Ann".into()), ..Wish::default() }
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// What came of it, and what was done.
pub async fn ensure(client: &Client, wish: &Wish) -> (Result<Ensured>, Progress) {
    ensure_known(client, wish, &Known::default()).await
}

pub async fn ensure_known(client: &Client, wish: &Wish, known: &Known) -> (Result<Ensured>, Progress) {
    let mut progress = Progress::default();
    let outcome = client.ensure(wish, known, &mut progress).await;
    (outcome, progress)
}

/// The same, where it must succeed.
pub async fn done(client: &Client, wish: &Wish) -> (Ensured, Progress) {
    let (outcome, progress) = ensure(client, wish).await;
    (outcome.unwrap(), progress)
}
