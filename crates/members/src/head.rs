//! Whether anything has changed since: one read of the newest version serves everybody who waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use base::Result;
use kernel::{App, access};
use store::Mode;
use tokio::{
    sync::{Mutex, watch},
    time::{Duration, Instant},
};

/// How old a version may be for whoever trades freshness for speed.
const STALE: Duration = Duration::from_secs(1);

/// The newest version of who may do what.
pub struct Heads {
    begun: AtomicU64,
    turn: Mutex<()>,
    last: watch::Sender<Read>,
}

#[derive(Clone, Copy)]
struct Read {
    /// Which read it was.
    number: u64,
    version: i64,
    at: Option<Instant>,
}

impl Default for Heads {
    fn default() -> Self {
        let last = watch::Sender::new(Read { number: 0, version: 0, at: None });
        Self { begun: AtomicU64::new(0), turn: Mutex::default(), last }
    }
}

impl Heads {
    /// The newest version that was committed before this call, or a later one.
    pub async fn newest(&self, app: &App) -> Result<i64> {
        // A read that has begun already may have missed what was committed since.
        let before = self.begun.load(Ordering::Acquire);
        let mut seen = self.last.subscribe();
        let turn = tokio::select! {
            biased;
            read = seen.wait_for(|read| read.number > before) => {
                return read.map(|read| read.version).map_err(base::Error::internal);
            }
            turn = self.turn.lock() => turn,
        };
        let last = *self.last.borrow();
        if last.number > before {
            return Ok(last.version);
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let tx = app.system(Mode::Read).await?;
        let version = access::head(&tx).await?;
        // Whoever waits need not wait for the end of it.
        self.last.send_replace(Read { number, version, at: Some(Instant::now()) });
        drop(turn);
        tx.commit().await?;
        Ok(version)
    }

    /// The same, at most a second old.
    pub async fn recent(&self, app: &App) -> Result<i64> {
        match self.at_hand() {
            Some(version) => Ok(version),
            None => self.newest(app).await,
        }
    }

    /// The same, if it is at hand.
    pub fn at_hand(&self) -> Option<i64> {
        let last = *self.last.borrow();
        last.at.filter(|at| at.elapsed() < STALE).map(|_| last.version)
    }
}
