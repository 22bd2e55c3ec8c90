//! The journal's way into the database: lines wait in memory and are written in groups.
//!
//! Whoever flushes writes for everybody who came before, and finds nothing left to do when somebody else
//! wrote for it; those who arrive meanwhile are the next group. Lines that could not be written stay and go
//! with the next group.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering, fence},
};

use ::store::{Mode, Tx};
use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, mpsc, watch};

use crate::{
    Engine, Line, Range, Reason, State,
    engine::{end, retrying, unbroken},
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
    pending: Arc<Mutex<Pending>>,
    /// Entries that were ever made. Counted before they are sent, so that it is never below the place of an
    /// entry that is on its way.
    made: AtomicU64,
    /// Entries that were ever written, in the order in which they were sent.
    written: watch::Sender<u64>,
    pub(crate) came: Notify,
}

struct Pending {
    receiver: mpsc::UnboundedReceiver<Entry>,
    group: Vec<Entry>,
    /// How many entries the group stands for.
    taken: usize,
}

impl Pending {
    /// Takes entries until the group is full or `most` were taken. Those that were in the group before stay
    /// as they are, since a write whose answer got lost may have written them.
    fn fill(&mut self, most: usize) {
        let (before, mut others, mut lines) = (self.group.len(), Vec::new(), Vec::new());
        loop {
            let held = before + others.len() + lines.len();
            let room = GROUP.saturating_sub(held).min(most.saturating_sub(self.taken));
            let came = self.take(room, &mut others, &mut lines);
            lines = merge(lines);
            // With little room left, or nobody behind, what there is is worth its write.
            if came == 0
                || came < room
                || GROUP.saturating_sub(before + others.len() + lines.len()) < GROUP / 10
            {
                break;
            }
        }
        // In front of the ends of the leases that they were issued from.
        self.group.extend(lines.into_iter().map(Entry::Mergeable));
        self.group.extend(others);
    }

    /// Takes so many entries, if there are; how many there were.
    fn take(&mut self, most: usize, others: &mut Vec<Entry>, lines: &mut Vec<Line>) -> usize {
        for came in 0..most {
            let Ok(entry) = self.receiver.try_recv() else { return came };
            self.taken += 1;
            match entry {
                Entry::Mergeable(line) => lines.push(line),
                entry => others.push(entry),
            }
        }
        most
    }
}

/// Lines of neighbouring ranges as one. Callers that were served at the same time may have come in any order.
fn merge(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_unstable_by_key(|line| (line.key, line.turn, line.range.start()));
    lines.dedup_by(|next, before| before.absorb(next));
    lines
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            pending: Arc::new(Mutex::new(Pending { receiver, group: Vec::new(), taken: 0 })),
            made: AtomicU64::new(0),
            written: watch::Sender::new(0),
            came: Notify::new(),
        }
    }

    pub(crate) fn send(&self, entry: Entry) {
        self.made.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // The receiver lives as long as this does, so sending cannot fail.
        if self.sender.send(entry).is_ok() {
            self.came.notify_one();
        }
    }

    /// Returns once that many entries were written.
    async fn reached(&self, entries: u64) {
        // The sender lives as long as this does.
        let _ = self.written.subscribe().wait_for(|written| *written >= entries).await;
    }

    /// How many entries were made and not written.
    pub(crate) fn depth(&self) -> usize {
        let written = *self.written.borrow();
        usize::try_from(self.made.load(Ordering::Acquire).saturating_sub(written)).unwrap_or(usize::MAX)
    }
}

impl Engine {
    /// Writes every line that was made before this call. Whoever waits may go away at any moment.
    ///
    /// Errors: 503 while the database cannot be written; the lines stay and are written later.
    pub async fn flush(&self) -> Result<()> {
        let ledger = &self.shared.ledger;
        fence(Ordering::SeqCst);
        let made = ledger.made.load(Ordering::SeqCst);
        // Whoever's lines were written by somebody else leaves the queue at once.
        let pending = tokio::select! {
            biased;
            () = ledger.reached(made) => return Ok(()),
            pending = ledger.pending.clone().lock_owned() => pending,
        };
        let engine = self.clone();
        unbroken(async move { engine.write_pending(pending).await }).await
    }

    async fn write_pending(&self, mut pending: OwnedMutexGuard<Pending>) -> Result<()> {
        let ledger = &self.shared.ledger;
        let pending = &mut *pending;
        let mut left = pending.taken + pending.receiver.len();
        loop {
            pending.fill(left);
            if pending.group.is_empty() {
                return Ok(());
            }
            self.write(&pending.group).await?;
            pending.group.clear();
            let written = std::mem::take(&mut pending.taken);
            ledger.written.send_modify(|all| *all += written as u64);
            left = left.saturating_sub(written);
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

    /// How many lines wait in this node's memory to be written.
    pub fn unwritten(&self) -> usize {
        self.shared.ledger.depth()
    }

    /// `Ok` when there is room for more lines in memory.
    ///
    /// Errors: 503 `journal_behind`.
    pub(crate) async fn room(&self) -> Result<()> {
        if self.shared.ledger.depth() < self.shared.options.journal_limit {
            return Ok(());
        }
        self.written_down().await
    }

    /// As [`Engine::flush`], for a caller whom it does not concern which line could not be written.
    ///
    /// Errors: 503 `journal_behind`.
    pub async fn written_down(&self) -> Result<()> {
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
