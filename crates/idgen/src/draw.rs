//! Drawing from a key's ceiling, and what is done when a draw contradicts what is known.

use ::store::Tx;
use base::{Error, Result};

use crate::{Engine, Key, Range, Reason, allocate::changed, engine::end, key::exhausted, slot::Slot, store};

/// Ids that were drawn, and the key's turn at that time.
#[derive(Clone, Copy)]
pub(crate) struct Drawn {
    pub range: Range,
    pub turn: i64,
}

/// Why a draw is not committed.
pub(crate) enum Refused {
    Failed(Error),
    /// It contradicts what is known.
    Doubt {
        reason: Reason,
        start: i64,
        known: i64,
    },
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Refused {
    /// A broken uniqueness of the journal or the leases means that the ids were given away before.
    pub(crate) fn taken(range: Range, error: Error) -> Self {
        if error.code() != "conflict" {
            return Self::Failed(error);
        }
        Self::Doubt { reason: Reason::Overlap, start: range.start(), known: range.end() }
    }
}

impl Engine {
    /// Draws ids, unless they are some that this node has drawn before.
    pub(crate) async fn draw_within(
        &self,
        tx: &Tx,
        slot: &Slot,
        key: &Key,
        count: i64,
    ) -> Result<Option<Drawn>, Refused> {
        let Some(drawn) = store::key::draw(tx, key, count).await? else { return Ok(None) };
        let start = drawn.ceiling - count + 1;
        let mark = slot.held().mark;
        if let Some(mark) = mark.filter(|mark| start <= mark.high)
            && !store::journal::was_returned(tx, key.org, key.id, mark.high, mark.turn).await?
        {
            return Err(Refused::Doubt { reason: Reason::BehindIssued, start, known: mark.high });
        }
        let range = Range::new(start, drawn.ceiling).ok_or_else(changed)?;
        Ok(Some(Drawn { range, turn: drawn.turn }))
    }

    /// Ends a draw. What contradicts itself is taken back and stops the key.
    pub(crate) async fn end_draw<T>(
        &self,
        tx: Tx,
        key: &Key,
        outcome: Result<Option<T>, Refused>,
    ) -> Result<Option<T>> {
        match outcome {
            Ok(drawn) => end(tx, Ok(drawn)).await,
            Err(Refused::Failed(error)) => end(tx, Err(error)).await,
            Err(Refused::Doubt { reason, start, known }) => {
                tx.rollback().await?;
                Err(self.stop(key, reason, start, known).await)
            }
        }
    }

    /// Puts the key into quarantine and says so.
    async fn stop(&self, key: &Key, reason: Reason, start: i64, known: i64) -> Error {
        let sentence = match reason {
            Reason::Overlap => format!("the ids from {start} to {known} were given away before"),
            _ => format!("the database gave ids from {start}, but this node has issued ids up to {known}"),
        };
        match self.doubt(key.org, &key.name, reason, &sentence, known).await {
            Ok(key) => key.must_issue().err().unwrap_or_else(changed),
            Err(error) => error,
        }
    }

    /// A broken uniqueness of the journal or the leases means that ids were given away before.
    pub(crate) async fn if_overlap(&self, key: &Key, start: i64, end: i64, error: Error) -> Error {
        if error.code() == "conflict" { self.stop(key, Reason::Overlap, start, end).await } else { error }
    }

    /// Why a draw of `total` ids gave nothing. `Ok` when it is worth another try.
    pub(crate) async fn explain(&self, slot: &Slot, before: &Key, total: i64) -> Result<()> {
        self.reload(slot).await?;
        let key = slot.key();
        key.must_issue()?;
        let remaining = key.max() - key.ceiling;
        if key.epoch == before.epoch && remaining < total {
            return Err(exhausted(&key.name, remaining));
        }
        Ok(())
    }
}
