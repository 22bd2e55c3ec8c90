//! The change feed: what is done with it, and the task that follows it.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{Mutex as Turnstile, watch};

use super::{
    Error, Options, Shared,
    clock::Clock,
    snapshot::Change,
    wire::{self, BATCH, Call, Feed, Page},
};
use crate::backoff::chance;

/// In seconds; also the least time between two long polls.
const FIRST_PAUSE: f64 = 1.0;
/// Seconds beyond which a server that says when to come again is not heeded.
const LONGEST_PAUSE: f64 = 60.0;

/// Where the feed stands.
pub struct State {
    cursor: Mutex<Option<String>>,
    /// One at a time asks.
    turn: Turnstile<()>,
    reconcile_at: Mutex<f64>,
}

impl State {
    pub fn new(options: &Options, clock: &Clock) -> Self {
        // Programs that were started together do not ask together.
        let first = options.reconcile_every.as_secs_f64() * (0.5 + chance() / 2.0);
        Self {
            cursor: Mutex::new(options.cursor.clone()),
            turn: Turnstile::new(()),
            reconcile_at: Mutex::new(clock.steady() + first),
        }
    }

    pub fn cursor(&self) -> Option<String> {
        hold(&self.cursor).clone()
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Asks the feed to its end; for how many seconds the first answer may be held back.
    pub async fn pull(&self, wait: u32) -> Result<usize, Error> {
        let _turn = self.feed.turn.lock().await;
        let Some(mut since) = self.feed.cursor() else {
            let page = self.newest().await?;
            // What was read before the feed began may have changed in between.
            self.cache.mark_all();
            self.advance(&page);
            return Ok(0);
        };
        let (mut count, mut wait) = (0, wait);
        loop {
            let reply = self.http.send(&Call::changes(Some(&since), wait)).await?;
            let page = match wire::read_changes(Some(&since), &reply)? {
                Feed::Page(page) => page,
                Feed::Expired(why) => {
                    tracing::warn!(why, "the change feed begins anew");
                    self.resync().await?;
                    return Ok(count);
                }
            };
            self.cache.alive();
            if self.is_closed.load(Ordering::Acquire) {
                return Ok(count);
            }
            self.cache.hear_all(&page.items);
            page.items.iter().for_each(|change| self.tell(change));
            self.advance(&page);
            count += page.items.len();
            if !page.has_more || page.next_cursor == since {
                return Ok(count);
            }
            (since, wait) = (page.next_cursor, 0);
        }
    }

    /// The newest cursor.
    async fn newest(&self) -> Result<Page, Error> {
        let reply = self.http.send(&Call::changes(None, 0)).await?;
        match wire::read_changes(None, &reply)? {
            Feed::Page(page) => {
                self.cache.alive();
                Ok(page)
            }
            Feed::Expired(why) => Err(Error::Failed(super::Failure::of(why))),
        }
    }

    async fn resync(&self) -> Result<(), Error> {
        let page = self.newest().await?;
        self.cache.restart();
        self.tell(&Change::resync());
        self.advance(&page);
        if let Err(error) = self.reconcile().await {
            // Each is asked for again before its next use.
            tracing::warn!(%error, "not all could be compared");
        }
        Ok(())
    }

    /// Compares all that is remembered.
    pub async fn reconcile(&self) -> Result<(), Error> {
        let subs: Vec<_> = self.cache.tickets().into_iter().map(|ticket| ticket.sub).collect();
        for some in subs.chunks(BATCH) {
            // Made when it is their turn, since a ticket says what was known when it was sent.
            let mut tickets: HashMap<_, _> = self
                .cache
                .tickets()
                .into_iter()
                .filter(|ticket| some.contains(&ticket.sub))
                .map(|ticket| (ticket.sub.clone(), ticket))
                .collect();
            if tickets.is_empty() {
                continue;
            }
            let versions: Vec<(&str, Option<i64>)> =
                tickets.values().map(|ticket| (&*ticket.sub, ticket.version)).collect();
            let reply = self.http.send(&Call::snapshots(&versions)).await?;
            for (sub, answer) in wire::read_snapshots(&reply)? {
                if let Some(ticket) = tickets.remove(&*sub) {
                    self.cache.store(&ticket, answer);
                }
            }
        }
        Ok(())
    }

    fn advance(&self, page: &Page) {
        let is_new =
            hold(&self.feed.cursor).replace(page.next_cursor.clone()).as_ref() != Some(&page.next_cursor);
        if let Some(hook) = self.options.on_cursor.as_ref().filter(|_| is_new)
            && catch_unwind(AssertUnwindSafe(|| hook(&page.next_cursor))).is_err()
        {
            tracing::error!("on_cursor failed");
        }
    }

    fn tell(&self, change: &Change) {
        if let Some(hook) = &self.options.on_change
            && catch_unwind(AssertUnwindSafe(|| hook(change))).is_err()
        {
            tracing::error!("on_change failed");
        }
    }

    async fn turn(&self) -> Result<f64, Error> {
        let begun = Instant::now();
        self.pull(self.options.long_poll).await?;
        let took = begun.elapsed().as_secs_f64();
        if self.clock.steady() >= *hold(&self.feed.reconcile_at) {
            self.reconcile().await?;
            *hold(&self.feed.reconcile_at) = self.clock.steady() + self.options.reconcile_every.as_secs_f64();
        }
        Ok(match self.options.long_poll {
            0 => self.options.pull_every.as_secs_f64() * (0.9 + chance() / 10.0),
            // A server, or something before it, that does not hold the answer back is not asked without end.
            _ => (FIRST_PAUSE - took).max(0.0),
        })
    }

    /// Seconds until the feed is asked again, after so many failures.
    fn pause_after(&self, failures: u32, error: &Error) -> f64 {
        let grown = FIRST_PAUSE * 2.0_f64.powi(failures.clamp(1, 17) as i32 - 1);
        let pause = grown.min(self.options.pull_every.as_secs_f64());
        match error.retry_after() {
            None => pause * (0.5 + chance() / 2.0),
            Some(after) => after.as_secs_f64().min(LONGEST_PAUSE).max(pause),
        }
    }
}

/// Follows the feed until the client is closed or nobody has it any more.
pub async fn follow(shared: Weak<Shared>, mut closed: watch::Receiver<bool>, mut life: watch::Receiver<()>) {
    let (mut pause, mut failures) = (0.0, 0);
    loop {
        let turn = async {
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            let shared = shared.upgrade()?;
            Some(match shared.turn().await {
                Ok(pause) => (pause, 0),
                Err(error) => {
                    tracing::warn!(%error, "the change feed could not be read");
                    (shared.pause_after(failures + 1, &error), failures + 1)
                }
            })
        };
        let done = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => return,
            _ = life.changed() => return,
            done = turn => done,
        };
        let Some(done) = done else { return };
        (pause, failures) = done;
    }
}
