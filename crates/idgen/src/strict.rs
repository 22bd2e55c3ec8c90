//! Strict keys: every allocation moves the ceiling in the database, and callers that wait at the same time
//! share one write. The ids of a later call are therefore higher, whichever node it came to.

use std::sync::Arc;

use ::store::Mode as Access;
use base::{Error, Result};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::{
    Engine, Key, Line, Mode, Range,
    allocate::{Ask, CHANGES, changed},
    draw::Refused,
    engine::retrying,
    ledger::Entry,
    slot::{Mark, Slot, Waiting, echo},
    store,
};

/// Callers that share one write.
const TOGETHER: usize = 1_000;

impl Engine {
    /// Ids of a strict key. `None` when the key is not what it was.
    pub(crate) async fn strict(&self, slot: &Arc<Slot>, ask: &Ask) -> Result<Option<Line>> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            slot.wait(Waiting { ask: ask.clone(), answer });
            // Whoever has its answer leaves the queue at once: the next turn is that of somebody who needs it.
            let _turn = tokio::select! {
                biased;
                outcome = &mut answered => match outcome {
                    Ok(outcome) => return settle(outcome),
                    // The one that wrote for this caller was cancelled.
                    Err(_) => continue,
                },
                turn = slot.turnstile.lock() => turn,
            };
            match answered.try_recv() {
                Ok(outcome) => return settle(outcome),
                // Nobody took this caller along, so it writes for all that wait.
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => continue,
            }
            self.serve(slot).await;
            if let Ok(outcome) = answered.try_recv() {
                return settle(outcome);
            }
        }
    }

    /// One write for everybody who waits; one each when there are not enough ids for all.
    async fn serve(&self, slot: &Arc<Slot>) {
        let batch = slot.next_batch(TOGETHER);
        let asks: Vec<&Ask> = batch.iter().map(|waiting| &waiting.ask).collect();
        match self.draw(slot, &asks).await {
            Ok(lines) => {
                for (waiting, line) in batch.into_iter().zip(lines) {
                    let _ = waiting.answer.send(Ok(line));
                }
            }
            Err(error) if batch.len() > 1 && error.code() == "key_exhausted" => {
                for waiting in batch {
                    let line = self.draw(slot, &[&waiting.ask]).await;
                    let line = line.and_then(|mut lines| lines.pop().ok_or_else(changed));
                    let _ = waiting.answer.send(line);
                }
            }
            Err(error) => {
                for waiting in batch {
                    let _ = waiting.answer.send(Err(echo(&error)));
                }
            }
        }
    }

    /// Moves the ceiling once and shares the ids out in the order of `asks`.
    async fn draw(&self, slot: &Arc<Slot>, asks: &[&Ask]) -> Result<Vec<Line>> {
        let total: i64 = asks.iter().map(|ask| ask.count).sum();
        for _ in 0..CHANGES {
            let key = slot.key();
            if key.settings.mode != Mode::Strict {
                return Err(changed());
            }
            if let Some(counter) = self.counter_of(&key) {
                return self.draw_shared(slot, counter, total, asks).await;
            }
            if key.generation.is_some() {
                // Other nodes draw from Redis; from the database this one would be ahead of them.
                let detail = "this key counts in Redis, and this node has none (REDIS_URL)";
                return Err(Error::unavailable("redis_missing", detail).retry_after(5));
            }
            key.must_issue()?;
            if let Some(lines) = retrying(|| self.draw_once(slot, &key, total, asks)).await? {
                if !key.settings.sync {
                    let after = lines.iter().zip(asks).filter(|(_, ask)| !ask.writes_itself);
                    after.for_each(|(line, ask)| self.shared.ledger.send(Entry::of(line.clone(), ask.merge)));
                }
                return Ok(lines);
            }
            self.explain(slot, &key, total).await?;
        }
        Err(changed())
    }

    async fn draw_once(
        &self,
        slot: &Slot,
        key: &Key,
        total: i64,
        asks: &[&Ask],
    ) -> Result<Option<Vec<Line>>> {
        let tx = self.begin(Access::Write).await?;
        let outcome = async {
            let Some(drawn) = self.draw_within(&tx, slot, key, total).await? else { return Ok(None) };
            let mut next = drawn.range.start();
            let mut lines = Vec::with_capacity(asks.len());
            for ask in asks {
                let range = Range::new(next, next + (ask.count - 1)).ok_or_else(changed)?;
                next = next.wrapping_add(ask.count);
                lines.push(self.issued(key, ask, range, drawn.turn));
            }
            if key.settings.sync {
                let with = lines.iter().zip(asks).filter(|(_, ask)| !ask.writes_itself);
                let now: Vec<&Line> = with.map(|(line, _)| line).collect();
                let written = store::journal::insert(&tx, &now).await;
                written.map_err(|error| Refused::taken(drawn.range, error))?;
            }
            Ok(Some((lines, drawn)))
        };
        let outcome = outcome.await;
        let Some((lines, drawn)) = self.end_draw(tx, key, outcome).await? else { return Ok(None) };
        slot.held().mark = Some(Mark { high: drawn.range.end(), turn: drawn.turn });
        Ok(Some(lines))
    }
}

/// An answer of a group, where a change of the key means another try.
fn settle(outcome: Result<Line>) -> Result<Option<Line>> {
    match outcome {
        Ok(line) => Ok(Some(line)),
        Err(error) if error.code() == "key_changing" => Ok(None),
        Err(error) => Err(error),
    }
}
