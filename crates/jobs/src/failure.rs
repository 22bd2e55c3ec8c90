//! How an attempt ends.

use std::time::Duration;

/// Why a job did not do what it should.
#[derive(Debug)]
pub enum Failure {
    /// It may work next time.
    Retry(base::Error),
    /// It will never work: dead at once.
    Fatal(base::Error),
    /// Not yet: ready again after this time, and the attempt is not counted.
    Snooze(Duration),
}

impl From<base::Error> for Failure {
    /// What is wrong with the job itself stays wrong; everything else may pass.
    fn from(error: base::Error) -> Self {
        match error.kind() {
            base::Kind::Invalid | base::Kind::Forbidden | base::Kind::NotFound => Self::Fatal(error),
            _ => Self::Retry(error),
        }
    }
}

/// How one attempt ended, as the worker saw it.
#[derive(Debug)]
pub enum Outcome {
    /// With this result.
    Succeeded(serde_json::Value),
    /// With an error that may pass, or not.
    Failed {
        /// What to show.
        error: String,
        /// Whether another attempt makes sense.
        fatal: bool,
        /// `failed`, `panicked` or `timed_out`.
        how: &'static str,
    },
    /// Put off by the job itself.
    Snoozed(Duration),
    /// Stopped because somebody cancelled it.
    Cancelled,
    /// Given back untouched because the worker goes away.
    HandedBack,
    /// The lease is no longer ours; nothing may be written.
    Lost,
}
