//! What a running job holds: who it is, under which fencing token, and how it speaks to the outside.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base::{Id, Result};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::{Engine, State, engine::shorten};

/// Why a job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody cancelled it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// Its lease ended before it could be renewed.
    LeaseLost,
    /// The worker goes away; another will begin it anew.
    HandBack,
}

/// How grave a line of a job's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the record.
    Info,
    /// Noteworthy.
    Warn,
    /// Wrong.
    Error,
}

impl Level {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What a job says while it runs.
#[derive(Debug)]
pub(crate) enum Word {
    Progress { job: (Id, Id), fence: i64, done: u64, total: u64, note: String },
    Line { job: (Id, Id), seq: i64, level: Level, line: String },
}

/// One attempt of one job. Cheap to clone.
#[derive(Clone)]
pub struct Run {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub org: Id,
    pub id: Id,
    pub attempt: u32,
    pub max_attempts: u32,
    pub fence: i64,
    pub created_by: Option<Id>,
    pub request_id: Option<String>,
    pub words: mpsc::UnboundedSender<Word>,
    pub lines: AtomicI64,
    pub stop: watch::Receiver<Option<Stop>>,
}

/// A job that this one waited for.
#[derive(Debug)]
pub struct Input {
    /// Its id.
    pub id: Id,
    /// How it ended.
    pub state: State,
    /// What it left.
    pub result: Option<Value>,
}

impl Run {
    /// The job.
    pub fn id(&self) -> Id {
        self.shared.id
    }
    /// The organisation; [`PLATFORM`](crate::PLATFORM) for the product's own jobs.
    pub fn org(&self) -> Id {
        self.shared.org
    }
    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.shared.attempt
    }
    /// Whether no other attempt follows a failure of this one.
    pub fn is_last_attempt(&self) -> bool {
        self.shared.attempt >= self.shared.max_attempts
    }
    /// The fencing token: it rises with each claim of this job, over all nodes.
    pub fn fence(&self) -> i64 {
        self.shared.fence
    }
    /// Who asked for it.
    pub fn created_by(&self) -> Option<Id> {
        self.shared.created_by
    }
    /// The request in which it was asked for.
    pub fn request_id(&self) -> Option<&str> {
        self.shared.request_id.as_deref()
    }
    /// The engine, to enqueue more.
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Says how far the work is; shown live, written at most twice a second.
    pub fn progress(&self, done: u64, total: u64, note: impl Into<String>) {
        let job = (self.shared.org, self.shared.id);
        let _ = self.shared.words.send(Word::Progress {
            job,
            fence: self.shared.fence,
            done,
            total,
            note: shorten(&note.into(), 200),
        });
    }

    /// Adds a line to the job's log, of which the last thousand are kept.
    pub fn log(&self, level: Level, line: impl Into<String>) {
        let line = shorten(&line.into(), 2_000);
        // Rises over all attempts, as the fencing token does.
        let seq = self.shared.fence * 1_000_000 + self.shared.lines.fetch_add(1, Ordering::Relaxed);
        let job = (self.shared.org, self.shared.id);
        let _ = self.shared.words.send(Word::Line { job, seq, level, line });
    }

    /// Why the job is to stop, if it is.
    pub fn stopping(&self) -> Option<Stop> {
        *self.shared.stop.borrow()
    }

    /// Waits until the job is to stop.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.shared.stop.clone();
        match stop.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => Stop::HandBack,
        }
    }

    /// The jobs that this one waited for, with what they left, in the order in which they were enqueued.
    pub async fn inputs(&self) -> Result<Vec<Input>> {
        self.shared.engine.inputs(self.shared.org, self.shared.id).await
    }
}
