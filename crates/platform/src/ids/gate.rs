//! Limits of what one node gives: calls per second of a key, ids per minute of a caller. Counted in memory,
//! each node for itself, so that counting costs nothing beside issuing.
//!
//! Callers without a name share one allowance per key. Where a key sets none, it is a thousandth of what
//! the key has left: a column of 64 bits never meets it, and a narrow one cannot be used up by strangers
//! before somebody has seen the alarm.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use idgen::Key;

/// Names that are counted at once; a minute with more counts the rest as one.
const NAMES: usize = 10_000;
/// The least that strangers get of a key in a minute.
const LEAST: i64 = 100;

/// The counts of this node.
#[derive(Default)]
pub struct Gate {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    second: i64,
    calls: HashMap<Id, i64>,
    minute: i64,
    ids: HashMap<(Id, Option<String>), i64>,
}

/// Ids per minute that callers without a name get of a key which does not say it.
pub fn share(key: &Key) -> i64 {
    ((key.max() - key.ceiling) / 1_000).max(LEAST)
}

impl Gate {
    /// Counts a call, or refuses it.
    ///
    /// Errors: 429 `too_many_calls`, `too_many_ids`; 409 `above_share`; 403 `key_not_anonymous`.
    pub fn pass(&self, key: &Key, caller: Option<&str>, count: i64, now: DateTime<Utc>) -> Result<()> {
        let settings = &key.settings;
        if caller.is_none() && !settings.anonymous {
            let detail = format!("the key {} serves callers with an API key only", key.name);
            return Err(Error::forbidden("key_not_anonymous", detail));
        }
        let most = match (settings.ids_per_minute, caller) {
            (0, None) => share(key),
            (0, Some(_)) => i64::MAX,
            (most, _) => most,
        };
        if settings.calls_per_second == 0 && most > 1 << 40 {
            // Nothing that could be counted within a minute.
            return Ok(());
        }
        if count > key.max() - key.ceiling {
            // The engine says that the key is used up, which no waiting changes.
            return Ok(());
        }
        let who = if caller.is_none() { "callers without an API key get" } else { "each caller gets" };
        if count > most {
            // However long he waits.
            let instead = if caller.is_none() { "ask for fewer, or with a key" } else { "ask for fewer" };
            let detail = format!("{who} at most {most} ids of this key per minute; {instead}");
            return Err(Error::conflict("above_share", detail));
        }
        let (second, minute) = (now.timestamp(), now.timestamp().div_euclid(60));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.second != second {
            counts.second = second;
            counts.calls.clear();
        }
        if counts.minute != minute {
            counts.minute = minute;
            counts.ids.clear();
        }
        let calls = counts.calls.get(&key.id).copied().unwrap_or(0);
        if settings.calls_per_second > 0 && calls >= settings.calls_per_second {
            let detail = format!("the key answers {} calls per second", settings.calls_per_second);
            return Err(Error::too_many("too_many_calls", detail).retry_after(1));
        }
        let name = caller.map(str::to_owned).filter(|_| counts.ids.len() < NAMES);
        let ids = counts.ids.entry((key.id, name)).or_default();
        if ids.saturating_add(count) > most {
            let left = u32::try_from(60 - now.timestamp().rem_euclid(60)).unwrap_or(60);
            let detail = format!("{who} at most {most} ids of this key per minute");
            return Err(Error::too_many("too_many_ids", detail).retry_after(left));
        }
        *ids += count;
        if settings.calls_per_second > 0 {
            counts.calls.insert(key.id, calls + 1);
        }
        Ok(())
    }

    /// Takes back what was just counted for a caller without a name: his call is counted again.
    pub fn forget(&self, key: Id, count: i64, now: DateTime<Utc>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.minute == now.timestamp().div_euclid(60)
            && let Some(ids) = counts.ids.get_mut(&(key, None))
        {
            *ids = (*ids - count).max(0);
        }
        if counts.second == now.timestamp()
            && let Some(calls) = counts.calls.get_mut(&key)
        {
            *calls = (*calls - 1).max(0);
        }
    }
}
