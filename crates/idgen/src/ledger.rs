//! The journal's way into the database: lines wait in memory and are written in groups.
//!
//! Whoever flushes writes for everybody who came before; those who arrive meanwhile are the next group.
//! Lines that could not be written stay and go with the next group, also when the one who flushed was
//! cancelled.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use ::store::{Mode, Tx};
use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify, mpsc};

use crate::{
    Engine, Line, Range, Reason, State,
    engine::{end, retrying},
    store::{journal, key, lease},
};

/// Entries in one write.
const GROUP: usize = 1_000;

/// What is to be written.
pub(crate) enum Entry {
    Line(Line),
    /// A line that may become one with its neighbour.
    Mergeable(Line),
    /// A lease is used up. Its row goes only after the lines that came before.
    Ended {
        org: Id,
        lease: Id,
    },
}

impl Entry {
    pub(crate) fn of(line: Line, merge: bool) -> Self {
        if merge { Self::Mergeable(line) } else { Self::Line(line) }
    }
}

/// Entries on their way.
pub(crate) struct Ledger {
    sender: mpsc::UnboundedSender<Entry>,
    pending: Mutex<Pending>,
    depth: AtomicUsize,
    pub(crate) came: Notify,
}

struct Pending {
    receiver: mpsc::UnboundedReceiver<Entry>,
    group: Vec<Entry>,
    /// How many entries the group stands for.
    taken: usize,
}

impl Pending {
    /// Takes entries until the group is full or `most` were taken.
    fn fill(&mut self, most: usize) {
        // The last line of each key that may still grow.
        let mut last: HashMap<Id, usize> = HashMap::new();
        while self.group.len() < GROUP && self.taken < most {
            let Ok(entry) = self.receiver.try_recv() else { return };
            self.taken += 1;
            if let Entry::Mergeable(line) = &entry {
                let before = last.get(&line.key).and_then(|at| self.group.get_mut(*at));
                if let Some(Entry::Mergeable(before)) = before
                    && before.absorb(line)
                {
                    continue;
                }
                last.insert(line.key, self.group.len());
            }
            self.group.push(entry);
        }
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            pending: Mutex::new(Pending { receiver, group: Vec::new(), taken: 0 }),
            depth: AtomicUsize::new(0),
            came: Notify::new(),
        }
    }

    pub(crate) fn send(&self, entry: Entry) {
        // The receiver lives as long as this does, so sending cannot fail.
        if self.sender.send(entry).is_ok() {
            self.depth.fetch_add(1, Ordering::AcqRel);
            self.came.notify_one();
        }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::Acquire)
    }
}

impl Engine {
    /// Writes every line that was made before this call.
    ///
    /// Errors: 503 while the database cannot be written; the lines stay and are written later.
    pub async fn flush(&self) -> Result<()> {
        let ledger = &self.shared.ledger;
        let mut pending = ledger.pending.lock().await;
        let pending = &mut *pending;
        let mut left = pending.taken + pending.receiver.len();
        loop {
            pending.fill(left);
            if pending.group.is_empty() {
                return Ok(());
            }
            self.write(&pending.group).await?;
            let written = std::mem::take(&mut pending.taken);
            ledger.depth.fetch_sub(written, Ordering::AcqRel);
            left = left.saturating_sub(written);
            pending.group.clear();
        }
    }

    async fn write(&self, group: &[Entry]) -> Result<()> {
        match retrying(|| self.write_together(group)).await {
            Err(error) if error.code() == "conflict" => {
                for entry in group {
                    self.write_alone(entry).await?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn write_together(&self, group: &[Entry]) -> Result<()> {
        let mut lines = Vec::with_capacity(group.len());
        let mut ended = Vec::new();
        for entry in group {
            match entry {
                Entry::Line(line) | Entry::Mergeable(line) => lines.push(line),
                Entry::Ended { org, lease } => ended.push((*org, *lease)),
            }
        }
        let tx = self.begin(Mode::Write).await?;
        let mut outcome = journal::insert(&tx, &lines).await;
        if outcome.is_ok() {
            outcome = lease::delete(&tx, &ended).await;
        }
        end(tx, outcome).await
    }

    /// Writes one entry of a group that could not be written together. A line that is there already was
    /// written by a flush whose answer got lost; one whose ids have another owner is written beside it,
    /// so that nothing is hidden, and the key stops.
    async fn write_alone(&self, entry: &Entry) -> Result<()> {
        let alone = std::slice::from_ref(entry);
        match retrying(|| self.write_together(alone)).await {
            Err(error) if error.code() == "conflict" => {}
            outcome => return outcome,
        }
        let (Entry::Line(line) | Entry::Mergeable(line)) = entry else { return Ok(()) };
        retrying(|| async {
            let (tx, now) = self.begin_timed(Mode::Write).await?;
            let outcome = self.write_beside(&tx, line, now).await;
            end(tx, outcome).await
        })
        .await
    }

    async fn write_beside(&self, tx: &Tx, line: &Line, now: DateTime<Utc>) -> Result<()> {
        if journal::is_written(tx, line.org, line.id).await? {
            return Ok(());
        }
        // The key first, as every other unit of work does it.
        let key = key::lock_id(tx, line.org, line.key).await?;
        let turn = journal::free_turn(tx, line.org, line.key, line.range.start()).await?;
        journal::insert(tx, &[&Line { turn, ..line.clone() }]).await?;
        if let Some(key) = key.filter(|key| matches!(key.state, State::Active | State::Exhausted)) {
            let sentence = overlap(line.range);
            key::quarantine(tx, &key, (Reason::Overlap, &sentence), line.range.end(), now).await?;
            tracing::error!(key = %key.name, "{sentence}");
        }
        Ok(())
    }

    /// `Ok` when there is room for more lines in memory.
    ///
    /// Errors: 503 `journal_behind`.
    pub(crate) async fn room(&self) -> Result<()> {
        if self.shared.ledger.depth() < self.shared.options.journal_limit {
            return Ok(());
        }
        self.flush().await.map_err(|cause| {
            Error::unavailable("journal_behind", "the journal of ids cannot be written; nothing is issued")
                .retry_after(2)
                .with_source(cause)
        })
    }
}

/// The sentence for ids that were given away twice.
pub(crate) fn overlap(range: Range) -> String {
    format!("the ids {} to {} have two owners", range.start(), range.end())
}
