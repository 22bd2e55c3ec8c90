//! What platform administrators see, on the wire.

use base::{Id, Timestamp};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::store::WorkerRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::{
    job::{dto::View as JobView, stats::Depths},
    job_kind, schedule,
};

/// A queue over all organisations.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "JobQueue")]
pub struct Queue {
    /// Name.
    pub name: String,
    /// Whether no more jobs of it begin.
    pub paused: bool,
    /// How many jobs stand where.
    #[serde(flatten)]
    pub depths: Depths,
    /// For how long the oldest ready job has been waiting.
    pub oldest_ready_seconds: Option<i64>,
    /// Attempts that ended, per minute, over ten minutes.
    pub finished_per_minute: f64,
    /// Share of them that failed, 0 to 1.
    pub failure_rate: f64,
    /// Half of the jobs waited no longer, in milliseconds.
    pub wait_p50_ms: Option<u64>,
    /// 95 of 100 waited no longer.
    pub wait_p95_ms: Option<u64>,
}

/// All queues.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobQueues")]
pub struct Queues {
    /// By name.
    pub items: Vec<Queue>,
}

/// A job that a worker runs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WorkerJob")]
pub struct Running {
    /// Job.
    pub id: Id,
    /// Kind.
    pub kind: String,
    /// Organisation.
    pub org_id: Id,
    /// Since when.
    pub started_at: Timestamp,
}

/// A worker.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Worker")]
pub struct Worker {
    /// Id of this run of the process.
    pub id: Id,
    /// Host.
    pub node: String,
    /// Process.
    pub pid: i32,
    /// Version of the program.
    pub version: String,
    /// Queues that it serves.
    pub queues: Vec<String>,
    /// Jobs at once.
    pub concurrency: i32,
    /// What it runs, at most a hundred.
    pub running: Vec<Running>,
    /// Since when.
    pub started_at: Timestamp,
    /// Last sign of life.
    pub heartbeat_at: Timestamp,
    /// Whether that was within the last half minute.
    pub alive: bool,
}

impl Worker {
    pub(super) fn of(row: WorkerRow, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id,
            node: row.node,
            pid: row.pid,
            version: row.version,
            queues: row.queues.split(", ").map(str::to_owned).collect(),
            concurrency: row.concurrency,
            running: serde_json::from_str(&row.running).unwrap_or_default(),
            started_at: row.started_at.into(),
            heartbeat_at: row.heartbeat_at.into(),
            alive: row.heartbeat_at + TimeDelta::seconds(30) > now,
        }
    }
}

/// All workers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Workers")]
pub struct Workers {
    /// By host and process.
    pub items: Vec<Worker>,
}

/// A job of any organisation, without arguments and result.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformJob")]
pub struct JobRow {
    /// Id.
    pub id: Id,
    /// Organisation; all zeros for the product's own.
    pub org_id: Id,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// The rest.
    #[serde(flatten)]
    pub view: JobView,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformJobPage")]
pub struct JobPage {
    /// The jobs.
    pub items: Vec<JobRow>,
    /// How many there are in all.
    pub total: Option<u64>,
    /// Whether there are more than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub total_capped: bool,
    /// The page, from 1.
    pub page: u64,
    /// Jobs of a page.
    pub page_size: u64,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A schedule of the product itself.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformSchedule")]
pub struct ScheduleRow {
    /// Id.
    pub id: Id,
    /// The rest.
    #[serde(flatten)]
    pub view: schedule::dto::View,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformSchedules")]
pub struct Schedules {
    /// The schedules.
    pub items: Vec<ScheduleRow>,
}

/// A kind, and for how long its jobs are kept.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformJobKind")]
pub struct KindRow {
    /// Days that somebody set; `null`: the kind's own.
    pub set_retention_days: Option<i32>,
    /// The rest.
    #[serde(flatten)]
    pub view: job_kind::View,
}

/// All kinds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformJobKinds")]
pub struct Kinds {
    /// By name.
    pub items: Vec<KindRow>,
}

/// For how long jobs of a kind are kept.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobRetention")]
pub struct Retention {
    /// Days, 1 to 3650; `null` is the kind's own.
    #[validate(range(min = 1, max = 3650))]
    #[serde(default)]
    pub retention_days: Option<i32>,
}
