//! Whether it makes sense to ask at all: after some failures in a row nobody waits for the next one, until
//! one caller has tried again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// For how long it is open (members, section 12.3).
const OPEN: TimeDelta = TimeDelta::seconds(30);

/// A circuit breaker.
pub(crate) struct Breaker {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
    /// Somebody tries whether it works again.
    trying: bool,
}

/// Leave for one call. Dropped without [`Permit::end`] it says nothing about the other side.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Breaker {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for one call, or the seconds after which to ask again.
    pub(crate) fn admit(&self) -> Result<Permit<'_>, u32> {
        let (now, mut state) = (self.clock.now(), self.lock());
        let Some(until) = state.open_until else { return Ok(Permit { breaker: self, is_trial: false }) };
        let left = (until - now).num_milliseconds();
        if left > 0 {
            return Err(u32::try_from((left + 999) / 1000).unwrap_or(1));
        }
        if std::mem::replace(&mut state.trying, true) {
            return Err(1);
        }
        Ok(Permit { breaker: self, is_trial: true })
    }

    /// Whether calls are refused at the moment.
    pub(crate) fn is_open(&self) -> bool {
        let now = self.clock.now();
        self.lock().open_until.is_some_and(|until| now < until)
    }
}

impl Permit<'_> {
    /// Says whether the other side has answered.
    pub(crate) fn end(self, has_answered: bool) {
        let (now, mut state) = (self.breaker.clock.now(), self.breaker.lock());
        if has_answered {
            (state.failures, state.open_until) = (0, None);
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if self.is_trial || state.failures >= FAILURES {
            tracing::warn!(
                failures = state.failures,
                "Authentik does not answer; it is left alone for a while"
            );
            state.open_until = Some(now + OPEN);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.lock().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use base::ManualClock;

    use super::*;

    fn fail(breaker: &Breaker) {
        breaker.admit().ok().unwrap().end(false);
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_caller_tries_again() {
        let clock = ManualClock::default();
        let breaker = Breaker::new(Arc::new(clock.clone()));
        (1..FAILURES).for_each(|_| fail(&breaker));
        breaker.admit().ok().unwrap().end(true);
        (1..FAILURES).for_each(|_| fail(&breaker));
        assert!(!breaker.is_open() && breaker.admit().is_ok());
        fail(&breaker);
        assert!(breaker.is_open());
        assert!(breaker.admit().is_err_and(|seconds| (29..=30).contains(&seconds)));
        clock.advance(TimeDelta::seconds(31));
        let trial = breaker.admit().ok().unwrap();
        assert_eq!(breaker.admit().err(), Some(1), "one tries, the others do not wait for him");
        drop(trial);
        fail(&breaker);
        assert!(breaker.is_open(), "one failed trial is enough");
        clock.advance(TimeDelta::seconds(31));
        breaker.admit().ok().unwrap().end(true);
        assert!(!breaker.is_open() && breaker.admit().is_ok());
    }
}
