//! The states of a job and the steps between them.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its time has not come, it waits for other jobs, or for its kind's limit.
    Scheduled,
    /// A worker may take it.
    Ready,
    /// A worker holds its lease.
    Running,
    /// Done.
    Succeeded,
    /// The last attempt failed; another follows by itself.
    Failed,
    /// The last attempt failed, and no other follows.
    Dead,
    /// Somebody did not want it any more, or what it needed died.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Scheduled,
        Self::Ready,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Dead,
        Self::Cancelled,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing happens to the job by itself any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }
    /// Whether a person may have it tried (again).
    pub fn can_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Dead | Self::Cancelled)
    }
    /// Whether it can be called off.
    pub fn can_cancel(self) -> bool {
        !self.is_final()
    }
}
