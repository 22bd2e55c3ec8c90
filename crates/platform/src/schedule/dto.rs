//! Schedules on the wire.

use base::{Id, Timestamp};
use jobs::{
    schedule::{Misfire, Overlap, PlanKind},
    store::entity::schedule,
};
use kernel::Nullable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

use crate::job::dto::no_args;

/// A new schedule.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ScheduleCreate")]
pub struct Create {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// What it is for.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Option<String>,
    /// How it says when.
    pub kind: PlanKind,
    /// For `cron`: five fields as crontab, six or seven as Quartz.
    #[validate(length(min = 1, max = 200))]
    #[serde(default)]
    pub expression: Option<String>,
    /// For `interval`.
    #[validate(range(min = 1, max = 31_536_000))]
    #[serde(default)]
    pub every_seconds: Option<i64>,
    /// For `once`.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// IANA name.
    #[validate(length(min = 1, max = 64))]
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Not before.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// Not after.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
    /// Starts are spread over so many seconds.
    #[validate(range(min = 0, max = 86_400))]
    #[serde(default)]
    pub jitter_seconds: i32,
    /// What happens to times that were missed.
    #[serde(default)]
    pub misfire: Misfire,
    /// For `all`: so many at most.
    #[validate(range(min = 1, max = 1000))]
    #[serde(default = "ten")]
    pub misfire_limit: i32,
    /// What happens when the last job is not over.
    #[serde(default)]
    pub overlap: Overlap,
    /// Kind of job; `GET /api/job-kinds/` lists them.
    #[validate(length(min = 1, max = 100))]
    pub job_kind: String,
    /// Its arguments.
    #[serde(default = "no_args")]
    pub args: Value,
    /// Another queue than the kind's.
    #[validate(length(min = 1, max = 64))]
    #[serde(default)]
    pub queue: Option<String>,
    /// Higher runs first within the organisation.
    #[validate(range(min = -1000, max = 1000))]
    #[serde(default)]
    pub priority: i32,
    /// Whether it fires.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn ten() -> i32 {
    10
}

fn yes() -> bool {
    true
}

/// Changes to a schedule.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SchedulePatch")]
pub struct Patch {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// What it is for; `null` clears.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Nullable<String>,
    /// How it says when.
    pub kind: Option<PlanKind>,
    /// For `cron`.
    #[validate(length(max = 200))]
    #[serde(default)]
    pub expression: Nullable<String>,
    /// For `interval`, 1 to 31,536,000.
    #[serde(default)]
    pub every_seconds: Nullable<i64>,
    /// For `once`.
    #[serde(default)]
    pub at: Nullable<Timestamp>,
    /// IANA name.
    #[validate(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// Not before; `null` clears.
    #[serde(default)]
    pub starts_at: Nullable<Timestamp>,
    /// Not after; `null` clears.
    #[serde(default)]
    pub ends_at: Nullable<Timestamp>,
    /// Starts are spread over so many seconds.
    #[validate(range(min = 0, max = 86_400))]
    pub jitter_seconds: Option<i32>,
    /// What happens to times that were missed.
    pub misfire: Option<Misfire>,
    /// For `all`: so many at most.
    #[validate(range(min = 1, max = 1000))]
    pub misfire_limit: Option<i32>,
    /// What happens when the last job is not over.
    pub overlap: Option<Overlap>,
    /// Kind of job.
    #[validate(length(min = 1, max = 100))]
    pub job_kind: Option<String>,
    /// Its arguments, all of them; `"***"` stands for a stored secret.
    pub args: Option<Value>,
    /// Another queue than the kind's; `null` is the kind's own.
    #[validate(length(max = 64))]
    #[serde(default)]
    pub queue: Nullable<String>,
    /// Higher runs first within the organisation.
    #[validate(range(min = -1000, max = 1000))]
    pub priority: Option<i32>,
    /// Whether it fires.
    pub enabled: Option<bool>,
}

/// A schedule as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
pub struct View {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// cron, interval or once.
    pub kind: String,
    /// For `cron`.
    pub expression: Option<String>,
    /// For `interval`.
    pub every_seconds: Option<i64>,
    /// For `once`.
    pub at: Option<Timestamp>,
    /// IANA name.
    pub time_zone: String,
    /// Not before.
    pub starts_at: Option<Timestamp>,
    /// Not after.
    pub ends_at: Option<Timestamp>,
    /// Starts are spread over so many seconds.
    pub jitter_seconds: i32,
    /// skip, once or all.
    pub misfire: String,
    /// For `all`.
    pub misfire_limit: i32,
    /// skip, queue or allow.
    pub overlap: String,
    /// Kind of job.
    pub job_kind: String,
    /// Its arguments; secrets are `"***"`.
    pub args: Value,
    /// Another queue than the kind's.
    pub queue: Option<String>,
    /// Higher runs first.
    pub priority: i32,
    /// Whether it fires.
    pub enabled: bool,
    /// user, or code: declared by the product or its operator.
    pub source: String,
    /// When it fires next.
    pub next_at: Option<Timestamp>,
    /// The last of its times that made a job.
    pub last_at: Option<Timestamp>,
    /// That job.
    pub last_job_id: Option<Id>,
    /// How that job stands.
    pub last_state: Option<String>,
    /// Jobs that it made.
    pub runs: i64,
    /// Times that were missed.
    pub missed: i64,
    /// Times that were left out because the last job was not over.
    pub skipped: i64,
}

impl From<schedule::Model> for View {
    fn from(row: schedule::Model) -> Self {
        Self {
            name: row.name,
            description: row.description,
            kind: row.kind,
            expression: row.expression,
            every_seconds: row.every_seconds,
            at: row.at.map(Into::into),
            time_zone: row.time_zone,
            starts_at: row.starts_at.map(Into::into),
            ends_at: row.ends_at.map(Into::into),
            jitter_seconds: row.jitter_seconds,
            misfire: row.misfire,
            misfire_limit: row.misfire_limit,
            overlap: row.overlap,
            job_kind: row.job_kind,
            args: jobs::redact(&row.args),
            queue: row.queue,
            priority: row.priority,
            enabled: row.enabled,
            source: row.source,
            next_at: row.next_at.map(Into::into),
            last_at: row.last_at.map(Into::into),
            last_job_id: row.last_job_id,
            last_state: None,
            runs: row.runs,
            missed: row.missed,
            skipped: row.skipped,
        }
    }
}

/// When a schedule would fire.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SchedulePreview")]
pub struct Preview {
    /// How it says when.
    pub kind: PlanKind,
    /// For `cron`.
    #[validate(length(max = 200))]
    #[serde(default)]
    pub expression: Option<String>,
    /// For `interval`.
    #[serde(default)]
    pub every_seconds: Option<i64>,
    /// For `once`.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// IANA name.
    #[validate(length(min = 1, max = 64))]
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Not before.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// Not after.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
}

/// The next times, and the schedule in words.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SchedulePlan")]
pub struct Planned {
    /// At most ten.
    pub times: Vec<Timestamp>,
    /// In words.
    pub description: crate::job_kind::Words,
}
