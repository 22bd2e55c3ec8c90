//! Telling one receiver of one event: a try, what came of it, and when the next one is due.
//!
//! A try is a job. What it does is written together with the job of the next try, so that a delivery is
//! always either over, held, or has a job; one whose process dies is tried again. Receivers that failed at
//! their last try are waited for in a lane of their own, which never takes all of a worker's places.

use std::time::Duration;

use base::{Error, Id, Result, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use http::HeaderValue;
use jobs::{Arguments, Engine, Failure, Job, NewJob, Policy, Run, Words};
use kernel::App;
use outbound::{
    GuardedClient, Purpose,
    http::{Call, Method},
};
use schemars::JsonSchema;
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role, Tx};

use crate::{
    delivery::{State, at},
    entity::{attempt, delivery, endpoint, message},
    health,
    publish::message_id,
    service::Webhooks,
    signature,
};

/// Waiting times before the second and each further try.
const WAITS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(8),
    Duration::from_hours(24),
];
/// By which share a waiting time is prolonged at most, so that not everything comes at once.
const JITTER: f64 = 0.1;
/// Time of one try, from connecting to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER: usize = 64 * 1024;
/// Characters of it that are kept.
const KEPT: usize = 1_000;
/// Characters of what was wrong that are kept.
const DETAIL: usize = 300;

/// Tries at once of receivers that did not answer last.
const SLOW: u32 = 8;
/// And of one organisation, so that its dead receivers leave room for those of others.
const SLOW_OF_ONE: u32 = 6;

/// One try of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The delivery.
    delivery: Id,
    /// Its receiver.
    endpoint: Id,
    /// The turn of the delivery for which this is meant.
    turn: i64,
}

/// A try of a receiver that answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Deliver(Task);

/// A try of one that did not answer last.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Retry(Task);

fn policy(each: u32) -> Policy {
    Policy {
        queue: "webhooks",
        // A try that fails is a success of its job; these are for a database that is away.
        max_attempts: 10,
        timeout: Duration::from_mins(1),
        key_concurrency: Some(each),
        keep: Duration::from_hours(1),
        keep_failed: Duration::from_hours(7 * 24),
        ..Policy::default()
    }
}

macro_rules! kind {
    ($name:ident, $kind:literal, $title:expr, $policy:expr) => {
        impl Arguments for $name {
            const KIND: &'static str = $kind;
            const TITLE: Words = $title;
            const ABOUT: Words = Words {
                zh: "把一个事件投递给一个接收端，结果见 Webhook 投递记录。",
                en: "Tells one receiver of one event; what came of it is in the list of deliveries.",
            };

            fn policy() -> Policy {
                $policy
            }
            fn key(&self) -> Option<String> {
                Some(self.0.endpoint.to_string())
            }
        }

        impl Job<App> for $name {
            type Output = &'static str;

            async fn run(self, app: App, run: Run) -> Result<&'static str, Failure> {
                Ok(attempt(&app, run.org(), &self.0).await?)
            }
        }
    };
}

kind!(Deliver, "webhooks.deliver", Words { zh: "投递 Webhook", en: "Deliver a webhook" }, policy(4));
kind!(
    Retry,
    "webhooks.retry",
    Words { zh: "重试 Webhook 投递", en: "Retry a webhook" },
    Policy { concurrency: Some(SLOW), org_concurrency: Some(SLOW_OF_ONE), ..policy(1) }
);

/// A delivery whose next try is to be enqueued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// The delivery.
    pub delivery: Id,
    /// Its receiver.
    pub endpoint: Id,
    /// Its turn.
    pub turn: i64,
    /// Whether the receiver is in trouble.
    pub slow: bool,
    /// How long to wait.
    pub wait: Duration,
}

impl Due {
    /// The first try, at once.
    pub fn first(receiver: &endpoint::Model, delivery: Id) -> Self {
        let slow = receiver.failing_since.is_some();
        Self { delivery, endpoint: receiver.id, turn: 1, slow, wait: Duration::ZERO }
    }
}

/// What makes the job of a turn of a delivery the only one.
pub(crate) fn unique_key(delivery: Id, turn: i64) -> String {
    format!("webhook:{delivery}:{turn}")
}

/// Enqueues tries in the caller's transaction. One that is enqueued already stays alone.
pub(crate) async fn enqueue(app: &App, tx: &Tx, org: Id, due: Vec<Due>) -> Result<()> {
    let job = |due: Due| {
        let task = Task { delivery: due.delivery, endpoint: due.endpoint, turn: due.turn };
        let job = if due.slow { NewJob::of(org, &Retry(task)) } else { NewJob::of(org, &Deliver(task)) };
        let key = unique_key(due.delivery, due.turn);
        Ok(job?.delay(due.wait).unique_by_key(key))
    };
    let jobs = due.into_iter().map(job).collect::<Result<Vec<_>>>()?;
    app.service::<Engine>()?.enqueue_all(tx, jobs).await.map(drop)
}

/// What a try needs.
struct Parcel {
    row: delivery::Model,
    receiver: endpoint::Model,
    body: String,
    secrets: Vec<base::Secret>,
}

/// What came of a try.
struct Outcome {
    at: DateTime<Utc>,
    milliseconds: i32,
    status: Option<u16>,
    error: Option<&'static str>,
    detail: Option<String>,
    response: Option<String>,
}

async fn begin(app: &App, org: Id, mode: Mode) -> Result<Tx> {
    app.store().begin(mode, Opening::new(Role::System, Some(org))).await
}

async fn attempt(app: &App, org: Id, task: &Task) -> Result<&'static str> {
    let Some(parcel) = load(app, org, task).await? else { return Ok("skipped") };
    let outcome = send(app, &parcel).await?;
    let result = outcome.error.unwrap_or("delivered");
    app.service::<std::sync::Arc<dyn kernel::port::Meter>>()?.webhook(result);
    let mut tries = 0;
    loop {
        tries += 1;
        match settle(app, org, &parcel, &outcome).await {
            // The receiver has been told; a lost lock is no reason to tell it again.
            Err(error) if error.is_retryable() && tries < 5 => {}
            other => return other.map(|()| result),
        }
    }
}

/// What is to be sent; `None` when this turn of the delivery is over.
async fn load(app: &App, org: Id, task: &Task) -> Result<Option<Parcel>> {
    let tx = begin(app, org, Mode::Read).await?;
    let row = tx.lookup::<delivery::Entity>(task.delivery).await?;
    let row = row.filter(|row| row.turn == task.turn && row.state == State::Pending.as_str());
    let Some(row) = row else { return Ok(None) };
    let receiver = tx.lookup::<endpoint::Entity>(row.endpoint_id).await?;
    let Some(receiver) = receiver.filter(|receiver| receiver.enabled) else {
        tx.commit().await?;
        // It was disabled while this was published.
        let tx = begin(app, org, Mode::Write).await?;
        health::hold(&tx, row.endpoint_id).await?;
        tx.commit().await?;
        return Ok(None);
    };
    let Some(message) = tx.lookup::<message::Entity>(row.message_id).await? else { return Ok(None) };
    let secrets = Webhooks::of(app)?.secrets(&tx, app.now(), receiver.id).await?;
    tx.commit().await?;
    Ok(Some(Parcel { row, receiver, body: message.body, secrets }))
}

fn call(now: DateTime<Utc>, parcel: &Parcel) -> Result<Call> {
    let id = message_id(parcel.row.message_id);
    let signature = signature::header(&parcel.secrets, &id, now.timestamp(), parcel.body.as_bytes())?;
    let mut call = Call::new(Method::POST, parcel.receiver.url.clone());
    for (name, value) in [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", now.timestamp().to_string()),
        ("webhook-signature", signature),
    ] {
        let value = HeaderValue::from_str(&value).map_err(Error::internal)?;
        call.headers.insert(http::HeaderName::from_static(name), value);
    }
    call.body = parcel.body.clone().into();
    // The clock of this try is the one below.
    call.timeout = TIMEOUT * 2;
    (call.body_max, call.truncate) = (ANSWER, true);
    Ok(call)
}

async fn send(app: &App, parcel: &Parcel) -> Result<Outcome> {
    let (at, begun) = (app.now(), tokio::time::Instant::now());
    let call = call(at, parcel)?;
    let client = app.service::<GuardedClient>()?;
    let answer = tokio::time::timeout(TIMEOUT, client.send(Purpose::Webhook, call)).await;
    let milliseconds = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
    let mut outcome = Outcome { at, milliseconds, status: None, error: None, detail: None, response: None };
    match answer {
        Ok(Ok(answer)) => {
            let text = String::from_utf8_lossy(&answer.body);
            outcome.status = Some(answer.status);
            outcome.response = Some(shorten(&text, KEPT)).filter(|text| !text.is_empty());
            if !(200..300).contains(&answer.status) {
                outcome.error = Some("status");
                outcome.detail = Some(format!("the receiver answered {}", answer.status));
            }
        }
        Ok(Err(error)) => {
            let refusal = error.field_errors().first();
            outcome.error = Some(match refusal {
                Some(field) if field.code == "target_refused" => "refused",
                Some(_) => "invalid",
                None => "unreachable",
            });
            let text = refusal.map_or_else(|| error.detail().to_owned(), |field| field.message.clone());
            outcome.detail = Some(shorten(&hidden(text, parcel), DETAIL));
        }
        Err(_) => {
            outcome.error = Some("timeout");
            outcome.detail = Some(format!("no whole answer within {} s", TIMEOUT.as_secs()));
        }
    }
    outcome.response = outcome.response.map(|text| hidden(text, parcel));
    Ok(outcome)
}

/// A receiver may echo anything; no secret of ours is kept where people read.
fn hidden(text: String, parcel: &Parcel) -> String {
    parcel.secrets.iter().fold(text, |text, secret| text.replace(secret.expose_secret(), "***"))
}

/// The first characters of a text, as every database can store them.
fn shorten(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

/// The waiting time after so many tries; `None` when they are spent. `dice` is a number from 0 to 1.
fn wait(attempts: i32, dice: f64) -> Option<Duration> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    WAITS.get(at).map(|wait| wait.mul_f64(1.0 + JITTER * dice))
}

fn dice() -> f64 {
    f64::from(u32::from_be_bytes(base::random::bytes())) / f64::from(u32::MAX)
}

async fn settle(app: &App, org: Id, parcel: &Parcel, outcome: &Outcome) -> Result<()> {
    let (row, now) = (&parcel.row, app.now());
    let attempts = row.attempts + 1;
    let next = if outcome.error.is_some() { wait(attempts, dice()) } else { None };
    let state = match (outcome.error, next) {
        (None, _) => State::Delivered,
        (Some(_), Some(_)) => State::Pending,
        (Some(_), None) => State::Failed,
    };
    let tx = begin(app, org, Mode::Write).await?;
    if outcome.error.is_some() {
        // Whoever disables a receiver locks it before its deliveries, too.
        health::lock(&tx, row.endpoint_id).await?;
    }
    let values = delivery::ActiveModel {
        state: Set(state.as_str().to_owned()),
        attempts: Set(attempts),
        turn: Set(row.turn + 1),
        next_at: Set(next.map(|wait| now + wait)),
        last_status: Set(outcome.status.map(i32::from)),
        last_error: Set(outcome.error.map(str::to_owned)),
        finished_at: Set(next.is_none().then_some(now)),
        ..Default::default()
    };
    // Somebody may have put it in the queue anew, or disabled the receiver, while it was under way.
    let is_ours = tx.update_where(values, at(row.id, row.turn)).await? > 0;
    tx.insert(attempt::ActiveModel {
        id: Set(app.new_id()),
        org_id: Set(org),
        endpoint_id: Set(row.endpoint_id),
        delivery_id: Set(row.id),
        number: Set(attempts),
        at: Set(outcome.at),
        status: Set(outcome.status.map(i32::from)),
        duration_ms: Set(outcome.milliseconds),
        error: Set(outcome.error.map(str::to_owned)),
        detail: Set(outcome.detail.clone()),
        response: Set(outcome.response.clone()),
    })
    .await?;
    if let Some(wait) = next.filter(|_| is_ours) {
        let (delivery, endpoint) = (row.id, row.endpoint_id);
        let due = Due { delivery, endpoint, turn: row.turn + 1, slow: true, wait };
        enqueue(app, &tx, org, vec![due]).await?;
    }
    match outcome.error {
        None => health::succeeded(&tx, now, row.endpoint_id).await?,
        Some(_) => health::failed(app, &tx, row.endpoint_id, outcome.status).await?,
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_tries_are_spread_over_a_day_and_a_half() {
        let waits: Vec<u64> = (1..=8).filter_map(|n| wait(n, 0.0)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [5, 30, 300, 1_800, 7_200, 28_800, 86_400]);
        assert_eq!(wait(8, 0.0), None);
        assert_eq!(wait(0, 0.0), None);
        assert_eq!(wait(2, 1.0), Some(Duration::from_secs(33)));
        assert!((0.0..=1.0).contains(&dice()));
    }
}
