//! Buffered keys: a node leases blocks and issues from them without asking the database.

use std::sync::Arc;

use ::store::Mode as Access;
use base::Result;
use tokio::time::Instant;

use crate::{
    Engine, Key, Line, Mode,
    allocate::{Ask, CHANGES, changed},
    block::{Block, Lease, Taken, next_size},
    draw::Refused,
    engine::retrying,
    ledger::Entry,
    slot::{Mark, Slot},
    store,
};

impl Engine {
    /// Ids of a buffered key. `None` when the key is not what it was.
    pub(crate) async fn buffered(&self, slot: &Arc<Slot>, key: &Arc<Key>, ask: &Ask) -> Result<Option<Line>> {
        if let Some(line) = self.take(slot, ask) {
            return self.written(key, ask, line).await.map(Some);
        }
        let _turn = slot.turnstile.lock().await;
        // Somebody may have leased while this caller waited, and the trust may have ended.
        self.look().await?;
        if let Some(line) = self.take(slot, ask) {
            return self.written(key, ask, line).await.map(Some);
        }
        self.lease(slot, ask.count).await?;
        match self.take(slot, ask) {
            Some(line) => self.written(key, ask, line).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until the line is in the journal, for a key that asks for it.
    async fn written(&self, key: &Key, ask: &Ask, line: Line) -> Result<Line> {
        if key.settings.sync && !ask.writes_itself {
            self.written_down().await?;
        }
        Ok(line)
    }

    /// Ids from memory.
    pub(crate) fn take(&self, slot: &Arc<Slot>, ask: &Ask) -> Option<Line> {
        let (key, taken, is_low) = {
            let mut held = slot.held();
            // Between the look and this lock the trust may have ended.
            if !self.is_trusted() || held.key.settings.mode != Mode::Buffered {
                return None;
            }
            let taken = held.buffer.take(ask.count)?;
            let is_low = held.leased.is_some_and(|(size, _)| held.buffer.left() < size / 2);
            (held.key.clone(), taken, is_low)
        };
        let Taken { range, turn, used, dropped } = taken;
        let mut line = self.issued(&key, ask, range, turn);
        if !ask.writes_itself {
            // Whoever is answered knows who he is.
            let (caller, request_id) = (line.caller.take(), line.request_id.take());
            let written = Line { caller, request_id, ..line.clone() };
            self.shared.ledger.send(Entry::of(written, ask.merge));
        }
        for lease in used {
            self.shared.ledger.send(Entry::Ended { org: key.org, lease: lease.id });
        }
        if let Some(block) = dropped {
            self.let_go(&key, &block);
        }
        if is_low && slot.want() {
            let _ = self.shared.wanted.send(slot.clone());
        }
        Some(line)
    }

    /// Leases a block with at least `count` ids. The caller holds the turnstile.
    pub(crate) async fn lease(&self, slot: &Slot, count: i64) -> Result<()> {
        for _ in 0..CHANGES {
            let (key, leased) = {
                let held = slot.held();
                (held.key.clone(), held.leased)
            };
            if key.settings.mode != Mode::Buffered {
                return Ok(());
            }
            key.must_issue()?;
            let remaining = key.max() - key.ceiling;
            let lasted = leased.map(|(_, at)| at.elapsed());
            let size = next_size(leased.map_or(0, |(size, _)| size), lasted, key.settings.block, remaining)
                .max(count);
            let drawn = retrying(|| self.lease_once(slot, &key, size));
            match drawn.await? {
                Some(()) => return Ok(()),
                // With fewer ids left than a block has, the next try asks for a smaller one.
                None => self.explain(slot, &key, count).await?,
            }
        }
        Err(changed())
    }

    async fn lease_once(&self, slot: &Slot, key: &Arc<Key>, size: i64) -> Result<Option<()>> {
        let (tx, now) = self.begin_timed(Access::Write).await?;
        let outcome = async {
            let Some(drawn) = self.draw_within(&tx, slot, key, size).await? else { return Ok(None) };
            let lease = Lease { id: self.new_id(), range: drawn.range };
            let inserted = store::lease::insert(&tx, key, self.shared.node, lease, now).await;
            inserted.map_err(|error| Refused::taken(drawn.range, error))?;
            Ok(Some((lease, drawn)))
        };
        let outcome = outcome.await;
        let Some((lease, drawn)) = self.end_draw(tx, key, outcome).await? else { return Ok(None) };
        let end = drawn.range.end();
        let dropped = {
            let mut held = slot.held();
            held.mark = Some(Mark { high: end, turn: drawn.turn });
            held.leased = Some((size, Instant::now()));
            // Raised, stopped or closed since: the lease is void.
            if held.key.epoch != key.epoch || held.key.id != key.id || self.is_closed() {
                Some(Block::new(lease, drawn.turn))
            } else {
                // What is left decides how long the next block may be.
                held.key = Arc::new(Key { ceiling: held.key.ceiling.max(end), ..(*held.key).clone() });
                held.buffer.add(lease, drawn.turn)
            }
        };
        dropped.into_iter().for_each(|block| self.let_go(key, &block));
        Ok(Some(()))
    }
}
