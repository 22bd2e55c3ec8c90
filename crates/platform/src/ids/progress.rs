//! How an initialisation goes: the job's row as whoever may initialise sees it, without a permission for
//! jobs.

use base::{Id, Timestamp};
use jobs::store::entity::job;
use schemars::JsonSchema;
use serde::Serialize;

use super::plan::Done;
use crate::job::dto::{Progress, View};

/// An initialisation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdInitialization")]
pub struct Initialization {
    /// The job.
    pub job_id: Id,
    /// scheduled, ready, running, succeeded, failed, dead or cancelled.
    pub state: String,
    /// How far it is.
    pub progress: Option<Progress>,
    /// What it did.
    pub result: Option<Done>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Initialization {
    /// From the job's row.
    pub fn of(row: job::Model) -> Self {
        let (job_id, created_at) = (row.id, row.created_at.into());
        let view = View::from(row);
        Self {
            job_id,
            state: view.state,
            progress: view.progress,
            result: view.result.and_then(|result| serde_json::from_value(result).ok()),
            error: view.error,
            created_at,
            finished_at: view.finished_at,
        }
    }
}
