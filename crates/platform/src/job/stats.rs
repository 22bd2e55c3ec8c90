//! How an organisation's jobs went, for charts.

use std::collections::BTreeMap;

use base::{Error, Result, Timestamp};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    Engine, State,
    store::{Depth, Histogram, Minute},
};
use kernel::{Cx, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Hours back from now, 1 to 168; 24 by default.
    #[serde(default)]
    #[schemars(range(min = 1, max = 168))]
    pub hours: Option<u32>,
    /// One kind only.
    #[serde(default)]
    pub kind: Option<String>,
    /// One queue only.
    #[serde(default)]
    pub queue: Option<String>,
}

/// How many jobs stand where.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "JobDepths")]
pub struct Depths {
    /// Their time has not come.
    pub scheduled: i64,
    /// A worker may take them.
    pub ready: i64,
    /// Under way.
    pub running: i64,
    /// Will be tried again.
    pub failed: i64,
    /// Will not.
    pub dead: i64,
}

impl Depths {
    pub(crate) fn add(&mut self, depth: &Depth) {
        match depth.state {
            State::Scheduled => self.scheduled += depth.count,
            State::Ready => self.ready += depth.count,
            State::Running => self.running += depth.count,
            State::Failed => self.failed += depth.count,
            State::Dead => self.dead += depth.count,
            State::Succeeded | State::Cancelled => {}
        }
    }
}

/// How jobs went in a stretch of time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobBucket")]
pub struct Bucket {
    /// Its beginning.
    pub at: Timestamp,
    /// Attempts that ended well.
    pub succeeded: i64,
    /// Attempts after which another follows.
    pub failed: i64,
    /// Last attempts.
    pub dead: i64,
    /// Called off while they ran.
    pub cancelled: i64,
    /// Half of the jobs waited no longer, in milliseconds.
    pub wait_p50_ms: Option<u64>,
    /// 95 of 100 waited no longer.
    pub wait_p95_ms: Option<u64>,
    /// Half ran no longer.
    pub run_p50_ms: Option<u64>,
    /// 95 of 100 ran no longer.
    pub run_p95_ms: Option<u64>,
}

/// How jobs of a kind went.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "JobKindCount")]
pub struct KindCount {
    /// Kind.
    pub kind: String,
    /// Attempts that ended well.
    pub succeeded: i64,
    /// Attempts after which another follows.
    pub failed: i64,
    /// Last attempts.
    pub dead: i64,
}

/// Everything.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobStats")]
pub struct Stats {
    /// Now.
    pub now: Depths,
    /// For how long the oldest ready job has been waiting.
    pub oldest_ready_seconds: Option<i64>,
    /// Stretches of time, oldest first.
    pub buckets: Vec<Bucket>,
    /// By kind, most first.
    pub kinds: Vec<KindCount>,
}

/// Buckets of a chart.
const BUCKETS: i64 = 48;

pub(super) async fn stats(cx: &Cx) -> Result<Json<Stats>> {
    let window: Window = cx.query()?;
    let hours = window.hours.unwrap_or(24);
    if !(1..=168).contains(&hours) {
        return Err(Error::field("hours", "range", "must be between 1 and 168"));
    }
    let engine = cx.app.service::<Engine>()?;
    let (tx, org) = (cx.tx()?, cx.org()?);
    let now = engine.now(tx).await?;
    let mut depths = Depths::default();
    let mut oldest: Option<DateTime<Utc>> = None;
    for depth in engine.depths(tx, Some(org)).await? {
        if window.queue.as_ref().is_some_and(|queue| *queue != depth.queue) {
            continue;
        }
        depths.add(&depth);
        if depth.state == State::Ready {
            oldest = oldest.into_iter().chain(depth.oldest).min();
        }
    }
    let span = TimeDelta::hours(hours.into());
    let minutes = engine.minutes(tx, Some(org), now - span).await?;
    let wanted = |minute: &&Minute| {
        window.kind.as_ref().is_none_or(|kind| *kind == minute.kind)
            && window.queue.as_ref().is_none_or(|queue| *queue == minute.queue)
    };
    let minutes: Vec<&Minute> = minutes.iter().filter(wanted).collect();
    Ok(Json(Stats {
        now: depths,
        oldest_ready_seconds: oldest.map(|at| (now - at).num_seconds().max(0)),
        buckets: buckets(&minutes, now - span, span),
        kinds: kinds(&minutes),
    }))
}

fn buckets(minutes: &[&Minute], from: DateTime<Utc>, span: TimeDelta) -> Vec<Bucket> {
    let width = (span.num_seconds() / BUCKETS).max(60);
    // Aligned, so that a chart does not tremble from look to look.
    let first = from.timestamp() / width * width;
    (0..=BUCKETS)
        .map(|n| {
            let begin = first + n * width;
            let within = |minute: &&&Minute| (begin..begin + width).contains(&minute.at.timestamp());
            let (mut waits, mut runs) = (Histogram::default(), Histogram::default());
            let mut bucket = Bucket {
                at: DateTime::from_timestamp(begin, 0).unwrap_or(from).into(),
                succeeded: 0,
                failed: 0,
                dead: 0,
                cancelled: 0,
                wait_p50_ms: None,
                wait_p95_ms: None,
                run_p50_ms: None,
                run_p95_ms: None,
            };
            for minute in minutes.iter().filter(within) {
                bucket.succeeded += minute.succeeded;
                bucket.failed += minute.failed;
                bucket.dead += minute.dead;
                bucket.cancelled += minute.cancelled;
                waits.merge(&minute.waits);
                runs.merge(&minute.runs);
            }
            (bucket.wait_p50_ms, bucket.wait_p95_ms) = (waits.quantile(0.5), waits.quantile(0.95));
            (bucket.run_p50_ms, bucket.run_p95_ms) = (runs.quantile(0.5), runs.quantile(0.95));
            bucket
        })
        .collect()
}

fn kinds(minutes: &[&Minute]) -> Vec<KindCount> {
    let mut by_kind: BTreeMap<&str, KindCount> = BTreeMap::new();
    for minute in minutes {
        let count = by_kind.entry(&minute.kind).or_default();
        count.succeeded += minute.succeeded;
        count.failed += minute.failed;
        count.dead += minute.dead;
    }
    let mut all: Vec<KindCount> =
        by_kind.into_iter().map(|(kind, count)| KindCount { kind: kind.to_owned(), ..count }).collect();
    all.sort_by_key(|count| std::cmp::Reverse(count.succeeded + count.failed + count.dead));
    all
}
