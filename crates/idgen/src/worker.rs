//! Which node number this node may put into ids, and up to which millisecond.
//!
//! A node leases a number. The row holds a millisecond up to which the holder may issue, moved ahead before
//! it is reached; whoever leases the number next issues above it. So neither a clock that steps back, nor a
//! node that comes back late, nor two nodes that believe to hold the same number can make an id twice.

use std::{collections::HashMap, time::Duration};

use ::store::Mode as Access;
use base::{Error, Id, Result};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Engine, Layout,
    engine::{end, retrying, unbroken},
    store,
};

/// Milliseconds that a node reserves ahead.
const AHEAD: i64 = 10_000;
/// How long a number is a node's own after it was last heard of.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Milliseconds by which a clock may step back while callers wait for it.
const PATIENCE: i64 = 20;
/// Ids of one call.
const MOST: i64 = 10_000;
/// How often a call waits for the next millisecond before it gives up on the clock.
const TRIES: u32 = 2_000;

/// What this node holds.
#[derive(Debug)]
pub(crate) struct Worker {
    pub number: i64,
    pub fence: i64,
    /// It may issue up to this millisecond.
    pub reserved: i64,
    /// And above this one.
    pub floor: i64,
    /// The last millisecond and sequence of each generator.
    last: HashMap<Id, (i64, i64)>,
}

impl Worker {
    pub(crate) fn new(number: i64, fence: i64, floor: i64, reserved: i64) -> Self {
        Self { number, fence, reserved, floor, last: HashMap::new() }
    }
    /// The highest millisecond that it has used.
    fn used(&self) -> i64 {
        self.last.values().map(|(at, _)| *at).max().unwrap_or(self.floor)
    }
}

/// What came of a try to issue one id.
enum Step {
    Id(i64),
    /// Not before another millisecond.
    Wait,
    /// Not before more milliseconds are reserved.
    Reserve,
}

impl Engine {
    /// Ids of a layout, rising. `generator` tells apart whose sequence it is.
    ///
    /// Errors: 422 `validation_failed` (`count`, 1 to 10,000); 409 `layout_ended`, `before_epoch`; 503
    /// `clock_went_back`, `no_worker_number`, and those of the database.
    pub async fn snowflakes(
        &self,
        generator: Id,
        layout: Layout,
        epoch: DateTime<Utc>,
        count: i64,
    ) -> Result<Vec<i64>> {
        if !(1..=MOST).contains(&count) {
            return Err(Error::field("count", "range", format!("from 1 to {MOST}")));
        }
        let engine = self.clone();
        unbroken(async move {
            let mut held = engine.shared.worker.lock().await;
            let mut ids = Vec::new();
            let mut tries = 0;
            while i64::try_from(ids.len()).unwrap_or(i64::MAX) < count {
                let now = engine.shared.clock.now().timestamp_millis();
                let Some(worker) = held.as_mut() else {
                    *held = Some(engine.lease_number(layout, now).await?);
                    continue;
                };
                if worker.number >= layout.workers() {
                    // A lower one may be free by now.
                    let old = held.take();
                    engine.release_number(old).await?;
                    *held = Some(engine.lease_number(layout, now).await?);
                    continue;
                }
                match worker.step(generator, layout, epoch.timestamp_millis(), now)? {
                    Step::Id(id) => {
                        ids.push(id);
                        tries = 0;
                    }
                    Step::Wait if tries < TRIES => {
                        tries += 1;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    Step::Wait => {
                        return Err(Error::unavailable(
                            "clock_went_back",
                            "the clock of this node stands still",
                        )
                        .retry_after(1));
                    }
                    Step::Reserve => engine.reserve(&mut held, layout, now).await?,
                }
            }
            Ok(ids)
        })
        .await
    }

    async fn lease_number(&self, layout: Layout, now: i64) -> Result<Worker> {
        retrying(|| async {
            let (tx, at) = self.begin_timed(Access::Write).await?;
            let leased =
                store::worker::lease(&tx, self.shared.node, layout.workers(), (now, AHEAD), (at, at + LEASE))
                    .await;
            end(tx, leased).await
        })
        .await
    }

    /// Moves the reservation ahead; a node that lost its number takes another one.
    async fn reserve(&self, held: &mut Option<Worker>, layout: Layout, now: i64) -> Result<()> {
        let Some(worker) = held.as_mut() else { return Ok(()) };
        let to = now.max(worker.reserved) + AHEAD;
        let (number, fence) = (worker.number, worker.fence);
        let kept = retrying(|| async {
            let (tx, at) = self.begin_timed(Access::Write).await?;
            let kept = store::worker::keep(&tx, self.shared.node, (number, fence), to, at + LEASE).await;
            end(tx, kept).await
        });
        if kept.await? {
            worker.reserved = to;
        } else {
            tracing::warn!(number, "another node has this node's number; it takes a new one");
            *held = Some(self.lease_number(layout, now).await?);
        }
        Ok(())
    }

    /// Gives the number back, so that the next node may use it at once.
    pub(crate) async fn release_number(&self, worker: Option<Worker>) -> Result<()> {
        let Some(worker) = worker else { return Ok(()) };
        let (number, fence, used) = (worker.number, worker.fence, worker.used());
        retrying(|| async {
            let (tx, at) = self.begin_timed(Access::Write).await?;
            let kept = store::worker::keep(&tx, self.shared.node, (number, fence), used, at).await;
            end(tx, kept).await.map(drop)
        })
        .await
    }
}

impl Worker {
    fn step(&mut self, generator: Id, layout: Layout, epoch: i64, now: i64) -> Result<Step> {
        let (last, sequence) = self.last.get(&generator).copied().unwrap_or((self.floor, i64::MAX - 1));
        if now < last {
            if last - now <= PATIENCE {
                return Ok(Step::Wait);
            }
            let detail = format!("the clock of this node is {} ms behind what it has used", last - now);
            let seconds = u32::try_from((last - now) / 1_000).unwrap_or(u32::MAX).saturating_add(1);
            return Err(Error::unavailable("clock_went_back", detail).retry_after(seconds));
        }
        if now > self.reserved {
            return Ok(Step::Reserve);
        }
        let sequence = if now > last { 0 } else { sequence + 1 };
        if sequence >= layout.per_millisecond() {
            return Ok(Step::Wait);
        }
        let id = layout.compose(epoch, now, self.number, sequence)?;
        self.last.insert(generator, (now, sequence));
        Ok(Step::Id(id))
    }
}
