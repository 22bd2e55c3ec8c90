//! Strict keys whose counter is in Redis: the database gives it a stretch of ids at a time, and every node
//! draws from it in one rising order.
//!
//! What Redis holds is good only under the generation that the key's row names. Whoever finds it gone, or
//! used up, begins the next one under the row's lock, above everything that was given away before. While
//! Redis is away nothing is issued.

use std::sync::Arc;

use ::store::{
    Mode as Access,
    kv::counter::{Draw, Rest, SharedCounter},
};
use base::{Id, Result};
use tokio::time::Instant;

use crate::{
    Counter, Engine, Key, Line, LineKind, Mode, Range,
    allocate::{Ask, CHANGES, changed},
    block::{Lease, next_size},
    draw::Refused,
    engine::retrying,
    ledger::Entry,
    slot::{Mark, Slot},
    store,
};

/// Whose the stretches in Redis are: no node's.
pub(crate) const NOBODY: Id = Id::nil();

impl Engine {
    /// The counter of a key in Redis, if it has one and this installation a Redis.
    pub(crate) fn counter_of(&self, key: &Key) -> Option<&SharedCounter> {
        let is_shared = key.settings.mode == Mode::Strict && key.settings.counter == Counter::Redis;
        self.shared.options.counter.as_ref().filter(|_| is_shared)
    }

    /// Shares ids of a key's counter in Redis out in the order of `asks`.
    pub(crate) async fn draw_shared(
        &self,
        slot: &Arc<Slot>,
        counter: &SharedCounter,
        total: i64,
        asks: &[&Ask],
    ) -> Result<Vec<Line>> {
        for _ in 0..CHANGES {
            let key = slot.key();
            if self.counter_of(&key).is_none() {
                return Err(changed());
            }
            key.must_issue().or_else(|error| if key.generation.is_some() { Ok(()) } else { Err(error) })?;
            if !self.is_trusted() {
                self.look().await?;
                continue;
            }
            if let Some(generation) = &key.generation
                && let Draw::Last(last) = counter.draw(key.id, generation, total).await?
            {
                let start = last - total + 1;
                if !self.is_trusted() {
                    // The answer took long, and the key may have been raised meanwhile: nobody gets these ids.
                    continue;
                }
                let is_back =
                    slot.held().mark.is_some_and(|mark| start <= mark.high && mark.turn == key.turn);
                if is_back {
                    // Somebody has written into Redis by hand.
                    tracing::error!(key = %key.name, start, "the counter in Redis went back; it is begun anew");
                } else {
                    return self.share_out(slot, &key, start, asks).await;
                }
            }
            key.must_issue()?;
            retrying(|| self.begin_stretch(slot, counter, &key, total)).await?;
        }
        Err(changed())
    }

    async fn share_out(&self, slot: &Slot, key: &Key, start: i64, asks: &[&Ask]) -> Result<Vec<Line>> {
        let (mut next, mut lines) = (start, Vec::with_capacity(asks.len()));
        for ask in asks {
            let range = Range::new(next, next + (ask.count - 1)).ok_or_else(changed)?;
            next = next.wrapping_add(ask.count);
            lines.push(self.issued(key, ask, range, key.turn));
        }
        let high = lines.last().map_or(start, |line| line.range.end());
        slot.held().mark = Some(Mark { high, turn: key.turn });
        for (line, ask) in lines.iter().zip(asks).filter(|(_, ask)| !ask.writes_itself) {
            self.shared.ledger.send(Entry::of(line.clone(), ask.merge));
        }
        if key.settings.sync {
            self.flush().await?;
        }
        Ok(lines)
    }

    /// Gives Redis the next stretch, unless another node did since the key was read. Redis is told under
    /// the row's lock, so that one generation follows the other on every node.
    async fn begin_stretch(
        &self,
        slot: &Arc<Slot>,
        counter: &SharedCounter,
        known: &Key,
        total: i64,
    ) -> Result<()> {
        let leased = slot.held().leased;
        let (tx, now) = self.begin_timed(Access::Write).await?;
        let outcome = async {
            let Some(key) = store::key::lock(&tx, known.org, &known.name).await? else { return Ok(None) };
            if key.generation != known.generation || key.epoch != known.epoch {
                return Ok(Some(None));
            }
            key.must_issue()?;
            let remaining = key.max() - key.ceiling;
            let lasted = leased.map(|(_, at)| at.elapsed());
            let size = next_size(leased.map_or(0, |(size, _)| size), lasted, key.settings.block, remaining);
            let Some(drawn) = self.draw_within(&tx, slot, &key, size.max(total)).await? else {
                return Ok(None);
            };
            let generation = self.new_id().simple().to_string();
            let (start, count) = (drawn.range.start(), drawn.range.end() - drawn.range.start() + 1);
            let before = key.generation.as_deref().unwrap_or_default();
            let rest = counter.begin(key.id, &generation, (start - 1, count), before).await?;
            if let Some(range) = rest.and_then(unused) {
                let line = self.line(&key, LineKind::Dropped, range, key.turn);
                let written = store::journal::insert(&tx, &[&line]).await;
                written.map_err(|error| Refused::taken(range, error))?;
            }
            store::lease::end_shared(&tx, &key).await?;
            let lease = Lease { id: self.new_id(), range: drawn.range };
            let added = store::lease::insert(&tx, &key, NOBODY, lease, now).await;
            added.map_err(|error| Refused::taken(drawn.range, error))?;
            store::key::set_generation(&tx, &key, &generation).await?;
            Ok(Some(Some(size)))
        };
        let outcome = outcome.await;
        let size = self.end_draw(tx, known, outcome).await?;
        match size {
            Some(Some(size)) => slot.held().leased = Some((size, Instant::now())),
            // Another node was faster.
            Some(None) => {}
            // Fewer ids are left than a stretch has.
            None => self.explain(slot, known, total).await?,
        }
        self.reload(slot).await
    }
}

/// The ids that nobody got of a stretch.
fn unused(rest: Rest) -> Option<Range> {
    Range::new(rest.last.checked_add(1)?, rest.last.checked_add(rest.left)?)
}
