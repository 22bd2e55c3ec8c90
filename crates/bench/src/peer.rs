//! What the peer's script measured: Celery with Redis (`bench/peers/celery_jobs.py`).

use std::path::Path;

use serde::Deserialize;

use crate::load::Latency;

/// The script's JSON.
#[derive(Debug, Deserialize)]
pub struct Peer {
    /// Its name and version.
    pub name: String,
    /// Tasks a second that its client sends, the best of several.
    pub enqueue: f64,
    /// Processes that sent them.
    pub senders: u32,
    /// What its worker does, for each way of running it.
    pub pools: Vec<Pool>,
}

/// One way of running its worker.
#[derive(Debug, Deserialize)]
pub struct Pool {
    /// As on its command line.
    pub options: String,
    /// Empty tasks a second.
    pub process: f64,
    /// From before a task is sent to its first line, in an idle worker.
    pub start: Latency,
}

impl Peer {
    /// Reads the script's file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let peer: Self =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if peer.pools.is_empty() {
            return Err(format!("{}: no pool was measured", path.display()));
        }
        Ok(peer)
    }

    /// The most tasks a second that any of its ways processes.
    pub fn process(&self) -> f64 {
        self.pools.iter().map(|pool| pool.process).fold(0.0, f64::max)
    }
    /// The start latency of the way that begins soonest.
    pub fn start(&self) -> Option<Latency> {
        self.pools.iter().map(|pool| pool.start).min_by(|a, b| a.p99.total_cmp(&b.p99))
    }
}
