//! What a node holds of a key in memory.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use base::{Error, Result};
use tokio::{
    sync::{Mutex as Turnstile, oneshot},
    time::Instant,
};

use crate::{Key, Line, allocate::Ask, block::Buffer};

/// The highest id that this node drew from a key, and the key's turn at that time. The stored ceiling can
/// only be below it when somebody handed ids back after that turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub high: i64,
    pub turn: i64,
}

/// A caller of a strict key that waits for its share of the next write.
pub(crate) struct Waiting {
    pub ask: Ask,
    pub answer: oneshot::Sender<Result<Line>>,
}

/// What changes together, under one lock that is never held across an await.
pub(crate) struct Held {
    /// The key as last read.
    pub key: Arc<Key>,
    /// The key's row is gone from the database.
    pub gone: bool,
    /// The ids at hand.
    pub buffer: Buffer,
    /// The size of the last lease, and when it was taken.
    pub leased: Option<(i64, Instant)>,
    /// What was drawn, if anything.
    pub mark: Option<Mark>,
}

/// A key on this node.
pub(crate) struct Slot {
    held: Mutex<Held>,
    waiting: Mutex<VecDeque<Waiting>>,
    /// One at a time writes to the database for this key.
    pub turnstile: Turnstile<()>,
    wanted: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(crate) fn new(key: Key) -> Self {
        let held =
            Held { key: Arc::new(key), gone: false, buffer: Buffer::default(), leased: None, mark: None };
        Self {
            held: Mutex::new(held),
            waiting: Mutex::default(),
            turnstile: Turnstile::new(()),
            wanted: AtomicBool::new(false),
        }
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }
    pub(crate) fn key(&self) -> Arc<Key> {
        self.held().key.clone()
    }

    /// Has the next reading count as newer, whatever epoch it names.
    pub(crate) fn forget_epoch(&self) {
        let mut held = self.held();
        held.key = Arc::new(Key { epoch: -1, ..(*held.key).clone() });
    }

    pub(crate) fn wait(&self, waiting: Waiting) {
        lock(&self.waiting).push_back(waiting);
    }
    /// Those that wait, first come first.
    pub(crate) fn next_batch(&self, most: usize) -> Vec<Waiting> {
        let mut waiting = lock(&self.waiting);
        let count = most.min(waiting.len());
        waiting.drain(..count).collect()
    }

    /// Whether a block is to be fetched ahead and nobody was asked to yet.
    pub(crate) fn want(&self) -> bool {
        !self.wanted.swap(true, Ordering::AcqRel)
    }
    pub(crate) fn got(&self) {
        self.wanted.store(false, Ordering::Release);
    }
}

/// The same failure for another caller: an error cannot be cloned.
pub(crate) fn echo(error: &Error) -> Error {
    let echo = Error::new(error.kind(), error.code().to_owned(), error.detail().to_owned());
    match error.retry_after_seconds() {
        Some(seconds) => echo.retry_after(seconds),
        None => echo,
    }
}
