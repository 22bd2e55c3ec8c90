//! Jobs on the wire.

use base::{Id, Timestamp};
use jobs::{
    State,
    store::entity::{attempt, file, job, log},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

/// How far a job is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobProgress")]
pub struct Progress {
    /// Done.
    pub done: i64,
    /// Of how much.
    pub total: i64,
    /// In words.
    pub note: String,
}

/// A file of a job.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobFile")]
pub struct File {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

impl From<file::Model> for File {
    fn from(row: file::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            expires_at: row.expires_at.into(),
        }
    }
}

/// A job as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct View {
    /// Kind.
    pub kind: String,
    /// Queue.
    pub queue: String,
    /// scheduled, ready, running, succeeded, failed, dead or cancelled.
    pub state: String,
    /// Higher runs first.
    pub priority: i32,
    /// Arguments; secrets are `"***"`.
    pub args: Value,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Not before.
    pub run_at: Timestamp,
    /// Start of the last attempt.
    pub started_at: Option<Timestamp>,
    /// End.
    pub finished_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempt: i32,
    /// Attempts in all.
    pub max_attempts: i32,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// What it left.
    pub result: Option<Value>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// No other job with this key is under way.
    pub unique_key: Option<String>,
    /// The schedule that made it.
    pub schedule_id: Option<Id>,
    /// For which of its times.
    pub scheduled_for: Option<Timestamp>,
    /// Jobs that it still waits for.
    pub waits: i32,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// Who works on it, or did last.
    pub worker: Option<String>,
    /// Until when that one holds it.
    pub lease_until: Option<Timestamp>,
    /// Files that it left; only where one job is read.
    pub files: Vec<File>,
}

impl From<job::Model> for View {
    fn from(row: job::Model) -> Self {
        let progress = row.progress_total.map(|total| Progress {
            done: row.progress_done.unwrap_or_default(),
            total,
            note: row.progress_note.clone().unwrap_or_default(),
        });
        Self {
            args: jobs::redact(&row.args),
            tags: row.tags.split_whitespace().map(str::to_owned).collect(),
            result: row.result.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            priority: row.priority,
            run_at: row.run_at.into(),
            started_at: row.started_at.map(Into::into),
            finished_at: row.finished_at.map(Into::into),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            error: row.error,
            progress,
            unique_key: row.unique_key,
            schedule_id: row.schedule_id,
            scheduled_for: row.scheduled_for.map(Into::into),
            waits: row.waits,
            cancel_requested: row.cancel_requested,
            worker: row.worker,
            lease_until: row.lease_until.map(Into::into),
            files: Vec::new(),
        }
    }
}

/// A job with what the engine adds to records, where no list or read of the engine answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobDetail")]
pub struct Detail {
    /// Id.
    pub id: Id,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub created_by: Option<Id>,
    /// The rest.
    #[serde(flatten)]
    pub view: View,
}

impl From<job::Model> for Detail {
    fn from(row: job::Model) -> Self {
        Self { id: row.id, created_at: row.created_at.into(), created_by: row.created_by, view: row.into() }
    }
}

/// A new job.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobCreate")]
pub struct Create {
    /// Kind; `GET /api/job-kinds/` lists them.
    #[validate(length(min = 1, max = 100))]
    pub kind: String,
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
    pub priority: Option<i32>,
    /// Not before.
    #[serde(default)]
    pub run_at: Option<Timestamp>,
    /// Not before that many seconds have passed.
    #[validate(range(min = 0, max = 31_536_000))]
    #[serde(default)]
    pub delay_seconds: Option<u32>,
    /// Attempts in all.
    #[validate(range(min = 1, max = 100))]
    #[serde(default)]
    pub max_attempts: Option<u32>,
    /// Words to find it by.
    #[validate(length(max = 10))]
    #[serde(default)]
    pub tags: Vec<String>,
    /// None while another job with this key is under way.
    #[validate(length(min = 1, max = 100))]
    #[serde(default)]
    pub unique_key: Option<String>,
}

pub(crate) fn no_args() -> Value {
    serde_json::json!({})
}

/// Another run of a job.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobRunAgain")]
pub struct Again {
    /// Other arguments; `"***"` stands for a stored secret. Absent: the same.
    #[serde(default)]
    pub args: Option<Value>,
}

/// What to do with many jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobAction")]
pub enum Action {
    /// Try again.
    Retry,
    /// Call off.
    Cancel,
    /// Delete what is over.
    Delete,
}

/// Which jobs, where ids are not named.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobQuery")]
pub struct Query {
    /// State.
    #[serde(default)]
    pub state: Option<State>,
    /// Kind.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub kind: Option<String>,
    /// Queue.
    #[validate(length(max = 64))]
    #[serde(default)]
    pub queue: Option<String>,
    /// Schedule.
    #[serde(default)]
    pub schedule_id: Option<Id>,
}

/// One action on many jobs.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobBulk")]
pub struct Bulk {
    /// Jobs by id, at most 1,000.
    #[validate(length(min = 1, max = 1000))]
    #[serde(default)]
    pub ids: Option<Vec<Id>>,
    /// The first 1,000 that match.
    #[validate(nested)]
    #[serde(default)]
    pub query: Option<Query>,
    /// The action.
    pub action: Action,
}

/// An attempt that did not succeed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobAttempt")]
pub struct Attempt {
    /// Its number.
    pub attempt: i32,
    /// Its fencing token.
    pub fence: i64,
    /// Who worked.
    pub worker: Option<String>,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Timestamp,
    /// failed, timed_out, panicked, lost, cancelled or handed_back.
    pub outcome: String,
    /// What it said.
    pub error: String,
}

impl From<attempt::Model> for Attempt {
    fn from(row: attempt::Model) -> Self {
        Self {
            attempt: row.attempt,
            fence: row.fence,
            worker: row.worker,
            started_at: row.started_at.map(Into::into),
            ended_at: row.ended_at.into(),
            outcome: row.outcome,
            error: row.error,
        }
    }
}

/// A line of a job's log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobLine")]
pub struct Line {
    /// Rises within a job.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// info, warn or error.
    pub level: String,
    /// What was said.
    pub line: String,
}

impl From<log::Model> for Line {
    fn from(row: log::Model) -> Self {
        Self { seq: row.seq, at: row.at.into(), level: row.level, line: row.line }
    }
}

/// All of something.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct All<T> {
    /// The entries.
    pub items: Vec<T>,
}
