//! The keys of one issuer over time: when they are fetched, by whom, and how long they are used.
//!
//! Whoever needs keys decides under a lock whether a fetch is due, and starts at most one. The fetch runs as
//! a task of its own, so that a request that is broken off neither stops it nor leaves others waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{Clock, Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use outbound::GuardedClient;
use tokio::sync::watch;

use crate::{
    Standing, State,
    fetch::{self, Fetched},
    keys::KeySet,
};

/// For how long the last good answer is used while the issuer gives no other.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// After how long a discovered address is looked up again.
const DISCOVERED: TimeDelta = TimeDelta::hours(24);
/// Between two fetches that unknown key ids cause. Anybody can invent a key id.
const COOLDOWN: TimeDelta = TimeDelta::seconds(30);
/// For how long a key id that a fetch did not find causes no other.
const UNKNOWN_KEPT: TimeDelta = TimeDelta::seconds(60);
/// The most such key ids that are remembered.
const UNKNOWN_MAX: usize = 128;
/// The longest pause after a failure.
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);

/// One answer of the issuer.
pub(crate) struct Held {
    pub set: KeySet,
    at: DateTime<Utc>,
    ttl: TimeDelta,
}

/// The keys of one issuer at one address.
pub(crate) struct Cache {
    client: GuardedClient,
    clock: Arc<dyn Clock>,
    issuer: String,
    jwks_url: Option<String>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    held: Option<Arc<Held>>,
    flight: Option<Flight>,
    failures: u32,
    /// Fetches that came to something, and those that did not, ever.
    fetches: (u64, u64),
    /// When it last failed, until when nothing is tried again, and why.
    failed: Option<Failed>,
    forced_at: Option<DateTime<Utc>>,
    discovered: Option<(String, DateTime<Utc>)>,
    unknown: VecDeque<(String, DateTime<Utc>)>,
}

struct Failed {
    at: DateTime<Utc>,
    until: DateTime<Utc>,
    why: String,
}

/// A fetch. It has landed when its end of the channel is gone, however that came about.
#[derive(Clone)]
struct Flight {
    landed: watch::Receiver<()>,
    forced: bool,
}

impl Flight {
    fn is_flying(&self) -> bool {
        self.landed.has_changed().is_ok()
    }

    async fn land(mut self) {
        // Nothing is ever sent: this ends, with an error, when the fetch does.
        let _landed = self.landed.changed().await;
    }
}

impl Cache {
    pub fn new(
        client: GuardedClient,
        clock: Arc<dyn Clock>,
        issuer: String,
        jwks_url: Option<String>,
    ) -> Self {
        Self { client, clock, issuer, jwks_url, memory: Mutex::default() }
    }

    /// The keys to use now. Fetches them when there are none or they have had their time; close to that
    /// time, and while the issuer is failing, a fetch is begun but not awaited.
    /// Errors: 503 `jwks_unavailable` with `Retry-After`.
    pub async fn keys(self: &Arc<Self>) -> Result<Arc<Held>> {
        let now = self.clock.now();
        let flight = {
            let mut memory = self.lock();
            let resting = memory.is_resting(now);
            match memory.good(now) {
                Some(held) if resting || !held.is_due(now) => return Ok(held),
                Some(held) if held.is_fresh(now) || memory.failed_lately(now) => {
                    self.launch(&mut memory, now, false);
                    return Ok(held);
                }
                None if resting && memory.flying().is_none() => return Err(memory.unavailable(now)),
                _ => self.launch(&mut memory, now, false),
            }
        };
        flight.land().await;
        let (memory, now) = (self.lock(), self.clock.now());
        memory.good(now).ok_or_else(|| memory.unavailable(now))
    }

    /// Keys that are newer than `seen`, in which `kid` was not found; `None` if there are none and this is
    /// not the time to ask for them.
    pub async fn newer(self: &Arc<Self>, seen: &Arc<Held>, kid: &str) -> Option<Arc<Held>> {
        let (flight, forced) = {
            let (mut memory, now) = (self.lock(), self.clock.now());
            if let Some(held) = memory.other_than(seen) {
                return Some(held);
            }
            if memory.is_unknown(kid, now) {
                return None;
            }
            match memory.flying() {
                Some(flight) => (flight.clone(), flight.forced),
                None if memory.is_resting(now) || memory.is_cooling(now) => return None,
                None => {
                    memory.forced_at = Some(now);
                    (self.launch(&mut memory, now, true), true)
                }
            }
        };
        flight.land().await;
        let (mut memory, now) = (self.lock(), self.clock.now());
        let newer = memory.other_than(seen)?;
        // A fetch for another reason may have begun before the key was published.
        if forced && !newer.set.has(kid) {
            memory.remember_unknown(kid, now);
        }
        Some(newer)
    }

    /// How it stands now.
    pub fn state(&self) -> State {
        let (memory, now) = (self.lock(), self.clock.now());
        let failures = memory.failures;
        let Some(held) = memory.good(now) else {
            let note = Some("the issuer's keys have not been fetched");
            return State { standing: Standing::Empty, age: None, keys: 0, failures, note };
        };
        let keys = held.set.len();
        let (standing, note) = match keys {
            0 => (Standing::Empty, held.set.complaint()),
            _ if held.is_fresh(now) => (Standing::Ok, None),
            _ if failures > 0 => (Standing::Stale, Some("the issuer's keys cannot be fetched again")),
            _ => (Standing::Stale, Some("the issuer's keys will be fetched again when a token needs them")),
        };
        let age = Some(held.age(now).to_std().unwrap_or_default());
        State { standing, age, keys, failures, note }
    }

    /// How many fetches came to something, and how many did not, since the start.
    pub fn fetches(&self) -> (u64, u64) {
        self.lock().fetches
    }

    /// Begins a fetch, or joins the one that is under way.
    #[expect(clippy::disallowed_methods, reason = "one fetch for all who wait, which none of them must end")]
    fn launch(self: &Arc<Self>, memory: &mut Memory, now: DateTime<Utc>, forced: bool) -> Flight {
        if let Some(flight) = memory.flying() {
            return flight.clone();
        }
        let (landing, landed) = watch::channel(());
        let flight = Flight { landed, forced };
        memory.flight = Some(flight.clone());
        let cache = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = cache.fetch(now, forced).await;
            cache.lock().land(outcome, &cache.issuer, now, cache.clock.now());
            drop(landing);
        });
        flight
    }

    async fn fetch(&self, now: DateTime<Utc>, forced: bool) -> Result<Fetched> {
        let url = self.address(now, forced).await?;
        fetch::jwks(&self.client, &url).await
    }

    /// A discovered address is used again for a day, or until it fails; an unknown key id is no reason to
    /// look it up.
    async fn address(&self, now: DateTime<Utc>, forced: bool) -> Result<String> {
        if let Some(url) = &self.jwks_url {
            return Ok(url.clone());
        }
        let known = {
            let memory = self.lock();
            match &memory.discovered {
                Some((url, at)) if forced || (memory.failures == 0 && now - *at < DISCOVERED) => {
                    return Ok(url.clone());
                }
                known => known.as_ref().map(|(url, _)| url.clone()),
            }
        };
        match fetch::discover(&self.client, &self.issuer).await {
            Ok(url) => {
                self.lock().discovered = Some((url.clone(), now));
                Ok(url)
            }
            Err(error) => known.ok_or(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.at).max(TimeDelta::zero())
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.age(now) < self.ttl
    }

    /// From four fifths of its time on, so that usually nobody waits.
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.age(now) >= self.ttl * 4 / 5
    }
}

impl Memory {
    fn good(&self, now: DateTime<Utc>) -> Option<Arc<Held>> {
        self.held.clone().filter(|held| held.age(now) < KEPT)
    }

    fn other_than(&self, seen: &Arc<Held>) -> Option<Arc<Held>> {
        self.held.clone().filter(|held| !Arc::ptr_eq(held, seen))
    }

    fn flying(&self) -> Option<&Flight> {
        self.flight.as_ref().filter(|flight| flight.is_flying())
    }

    /// After a failure nothing is tried for a while.
    fn is_resting(&self, now: DateTime<Utc>) -> bool {
        self.failed.as_ref().is_some_and(|failed| now < failed.until)
    }

    /// While the issuer fails again and again, nobody waits for the next failure. After a long silence one
    /// caller does: keys that old should not be used without asking.
    fn failed_lately(&self, now: DateTime<Utc>) -> bool {
        self.failed.as_ref().is_some_and(|failed| now - failed.at < PAUSE_MAX * 2)
    }

    fn is_cooling(&self, now: DateTime<Utc>) -> bool {
        self.forced_at.is_some_and(|at| now - at < COOLDOWN)
    }

    /// Whether a fetch did not find this key id a short while ago.
    fn is_unknown(&mut self, kid: &str, now: DateTime<Utc>) -> bool {
        self.unknown.retain(|(_, until)| *until > now);
        self.unknown.iter().any(|(known, _)| known == kid)
    }

    /// The oldest makes room: forgetting one costs at most a fetch, and the cooldown bounds those.
    fn remember_unknown(&mut self, kid: &str, now: DateTime<Utc>) {
        self.unknown.push_back((kid.to_owned(), now + UNKNOWN_KEPT));
        if self.unknown.len() > UNKNOWN_MAX {
            self.unknown.pop_front();
        }
    }

    fn land(&mut self, outcome: Result<Fetched>, issuer: &str, began: DateTime<Utc>, now: DateTime<Utc>) {
        match outcome {
            Ok(Fetched { set, ttl }) => {
                if let Some(complaint) = set.complaint() {
                    tracing::warn!(issuer, "{complaint}");
                }
                tracing::debug!(issuer, keys = set.len(), "the issuer's keys were fetched");
                self.held = Some(Arc::new(Held { set, at: began, ttl }));
                (self.failures, self.failed) = (0, None);
                self.fetches.0 = self.fetches.0.saturating_add(1);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.fetches.1 = self.fetches.1.saturating_add(1);
                let why =
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                tracing::warn!(issuer, failures = self.failures, why, "the issuer's keys cannot be fetched");
                self.failed = Some(Failed { at: now, until: now + pause(self.failures), why });
            }
        }
    }

    #[track_caller]
    fn unavailable(&self, now: DateTime<Utc>) -> Error {
        let (left, why) = match &self.failed {
            Some(failed) => (failed.until - now, failed.why.clone()),
            None => (TimeDelta::zero(), "the fetch was broken off".to_owned()),
        };
        let seconds = u32::try_from((left.num_milliseconds() + 999) / 1000).unwrap_or_default();
        Error::unavailable(
            "jwks_unavailable",
            "the keys of the token's issuer cannot be fetched at the moment",
        )
        .retry_after(seconds.max(1))
        .with_source(why)
    }
}

/// 1, 2, 4 … 60 seconds, and up to a quarter more, so that nodes do not ask in step.
fn pause(failures: u32) -> TimeDelta {
    let doubled = TimeDelta::seconds(1 << failures.saturating_sub(1).min(6));
    let [jitter] = base::random::bytes::<1>();
    (doubled + doubled * i32::from(jitter) / 1024).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_that_came_while_a_caller_looked_at_older_ones_need_no_fetch() {
        let client = GuardedClient::new(outbound::Policy::default());
        let clock = base::ManualClock::default();
        let held = || {
            let set = KeySet::read(b"{}").unwrap();
            Arc::new(Held { set, at: clock.now(), ttl: TimeDelta::seconds(600) })
        };
        let cache = Cache::new(client, Arc::new(clock.clone()), "https://id.example/".into(), None);
        let (seen, current, cache) = (held(), held(), Arc::new(cache));
        cache.lock().held = Some(Arc::clone(&current));
        assert!(Arc::ptr_eq(&cache.newer(&seen, "k").await.unwrap(), &current));
        assert!(cache.lock().flight.is_none() && cache.lock().forced_at.is_none());
    }

    #[test]
    fn unknown_key_ids_are_remembered_for_a_minute_and_are_never_many() {
        let (mut memory, now) = (Memory::default(), DateTime::UNIX_EPOCH);
        for n in 0..1000 {
            memory.remember_unknown(&format!("k{n}"), now);
        }
        assert_eq!(memory.unknown.len(), UNKNOWN_MAX);
        assert!(memory.is_unknown("k999", now) && !memory.is_unknown("k0", now));
        assert!(!memory.is_unknown("k999", now + UNKNOWN_KEPT));
        assert!(memory.unknown.is_empty());
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] {
            let (pause, least) = (pause(failures), TimeDelta::seconds(seconds));
            assert!(pause >= least && pause <= (least * 5 / 4).min(PAUSE_MAX), "{failures}: {pause}");
        }
    }
}
