//! What a node does beside issuing: write the journal, fetch blocks ahead, look for changes, say that it
//! lives, and end in order.

use std::{sync::Arc, time::Duration};

use ::store::Mode as Access;
use base::Result;
use chrono::TimeDelta;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    Engine, Key, LineKind,
    block::Block,
    engine::{end, retrying},
    slot::Slot,
    store,
};

/// The shortest time between two groups of lines, so that groups are worth their write.
const BETWEEN: Duration = Duration::from_millis(10);
/// How often a node says that it lives and looks how fast its keys are used.
const BEAT: Duration = Duration::from_secs(15);
/// How long it is kept who used how much.
const KEPT: TimeDelta = TimeDelta::days(31);

impl Engine {
    /// Works until `stop` says so, then ends in order: see [`Engine::close`]. Without it everything is
    /// right as well, but callers wait for what happens here ahead of them.
    pub async fn run(&self, stop: watch::Receiver<bool>) -> Result<()> {
        tokio::join!(
            until(stop.clone(), Box::pin(self.write_lines())),
            until(stop.clone(), Box::pin(self.fetch_ahead())),
            until(stop.clone(), Box::pin(self.look_for_changes())),
            until(stop, Box::pin(self.beat())),
        );
        Box::pin(self.close()).await
    }

    async fn write_lines(&self) {
        let mut pause = BETWEEN;
        loop {
            self.shared.ledger.came.notified().await;
            while self.shared.ledger.depth() > 0 {
                match self.flush().await {
                    Ok(()) => pause = BETWEEN,
                    Err(error) => {
                        tracing::warn!(?error, "the journal of ids cannot be written; trying again");
                        pause = (pause * 2).min(Duration::from_secs(2));
                    }
                }
                sleep(pause).await;
            }
        }
    }

    async fn fetch_ahead(&self) {
        let mut wishes = self.shared.wishes.lock().await;
        while let Some(slot) = wishes.recv().await {
            let _turn = slot.turnstile.lock().await;
            if let Err(error) = self.lease(&slot, 1).await
                && error.code() != "key_exhausted"
            {
                // Callers meet the same failure when the block is used up, and are told.
                tracing::warn!(?error, key = %slot.key().name, "a block of ids could not be fetched ahead");
            }
            slot.got();
        }
    }

    async fn look_for_changes(&self) {
        let mut turns = interval(self.shared.options.trust / 3);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            if let Err(error) = self.look_now().await {
                tracing::debug!(?error, "changes of keys cannot be looked for");
            }
        }
    }

    async fn beat(&self) {
        let mut turns = interval(BEAT);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            if let Err(error) = self.keep().await {
                tracing::debug!(?error, "the upkeep of keys waits for the database");
            }
        }
    }

    /// Says that this node lives, forgets requests that are too old, and looks how fast the keys that it
    /// has used go.
    pub async fn keep(&self) -> Result<()> {
        retrying(|| async {
            let (tx, now) = self.begin_timed(Access::Write).await?;
            let mut outcome = store::lease::seen(&tx, self.shared.node, now).await;
            if outcome.is_ok() {
                outcome = store::request::prune(&tx, now).await;
            }
            if outcome.is_ok() {
                outcome = store::usage::prune(&tx, now - KEPT).await;
            }
            end(tx, outcome).await
        })
        .await?;
        for slot in self.slots() {
            self.measure(&slot.key()).await?;
        }
        Ok(())
    }

    async fn measure(&self, key: &Key) -> Result<()> {
        retrying(|| async {
            let (tx, now) = self.begin_timed(Access::Write).await?;
            let outcome = async {
                let Some(key) = store::key::lock(&tx, key.org, &key.name).await? else { return Ok(()) };
                let rate = key.rate.advance(now, key.drawn);
                if rate == key.rate { Ok(()) } else { store::key::set_rate(&tx, &key, rate).await }
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await
    }

    /// Stops issuing, writes what is to be written, and gives back what this node leased and did not
    /// issue: to the key where nobody leased after it, else to nobody. The engine issues nothing afterwards.
    pub async fn close(&self) -> Result<()> {
        self.set_closed();
        let number = self.shared.worker.lock().await.take();
        self.release_number(number).await?;
        for slot in self.slots() {
            let _turn = slot.turnstile.lock().await;
            let (key, blocks) = {
                let mut held = slot.held();
                (held.key.clone(), held.buffer.empty())
            };
            self.flush().await?;
            // The highest first: only then the one below it may become the newest.
            for block in blocks.into_iter().rev() {
                self.give_up(&slot, &key, block).await?;
            }
        }
        self.flush().await
    }

    async fn give_up(&self, slot: &Arc<Slot>, key: &Key, block: Block) -> Result<()> {
        let leases: Vec<_> = block.leases().map(|lease| (key.org, lease.id)).collect();
        retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let outcome = async {
                if let Some(rest) = block.rest()
                    && !store::key::unlease(&tx, key, rest, block.turn()).await?
                {
                    let line = self.line(key, LineKind::Dropped, rest, block.turn());
                    store::journal::insert(&tx, &[&line]).await?;
                }
                store::lease::delete(&tx, &leases).await
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await?;
        slot.held().mark = None;
        Ok(())
    }
}

/// Works until the stop is given. Everything here may be broken off between two steps.
async fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        // A sender that is gone stops it, too.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
