//! How a kind of job is treated: queue, attempts, waiting times, limits, keeping.

use std::time::Duration;

/// Waiting times between attempts: `base * factor^(n-1)`, at most `cap`, spread by `jitter`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second attempt.
    pub base: Duration,
    /// Growth.
    pub factor: f64,
    /// The longest.
    pub cap: Duration,
    /// Share of the waiting time by which it is spread at random, 0 to 1.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_secs(5), factor: 3.0, cap: Duration::from_hours(6), jitter: 0.2 }
    }
}

impl Backoff {
    /// Always the same, without spread.
    pub fn fixed(every: Duration) -> Self {
        Self { base: every, factor: 1.0, cap: every, jitter: 0.0 }
    }

    /// How long to wait after `attempt` attempts; `dice` is a number from 0 to 1.
    pub fn after(&self, attempt: u32, dice: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX).min(64);
        let plain =
            (self.base.as_secs_f64() * self.factor.max(1.0).powi(exponent)).min(self.cap.as_secs_f64());
        let spread = 1.0 + self.jitter.clamp(0.0, 1.0) * (dice.clamp(0.0, 1.0) * 2.0 - 1.0);
        Duration::from_secs_f64((plain * spread).clamp(0.0, self.cap.as_secs_f64()))
    }
}

/// So many starts in a period, over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Starts.
    pub starts: u32,
    /// In which period.
    pub per: Duration,
}

/// How a kind of job is treated, unless a single job says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Queue.
    pub queue: &'static str,
    /// Higher runs first, within one organisation.
    pub priority: i32,
    /// Attempts in all.
    pub max_attempts: u32,
    /// Waiting times.
    pub backoff: Backoff,
    /// One attempt may take this long.
    pub timeout: Duration,
    /// How long a job that is cancelled or out of time may go on to clean up before it is dropped.
    pub cleanup: Duration,
    /// How many run at once over all nodes.
    pub concurrency: Option<u32>,
    /// How many with the same [`key`](crate::Arguments::key) run at once over all nodes.
    pub key_concurrency: Option<u32>,
    /// How many of one organisation run at once over all nodes.
    pub org_concurrency: Option<u32>,
    /// Starts in a period over all nodes.
    pub rate: Option<Rate>,
    /// Nobody may call it off: something would stay half done.
    pub must_finish: bool,
    /// How long a job that succeeded is kept.
    pub keep: Duration,
    /// How long a dead or cancelled one is kept.
    pub keep_failed: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            queue: "default",
            priority: 0,
            max_attempts: 5,
            backoff: Backoff::default(),
            timeout: Duration::from_mins(10),
            cleanup: Duration::ZERO,
            concurrency: None,
            key_concurrency: None,
            org_concurrency: None,
            rate: None,
            must_finish: false,
            keep: Duration::from_hours(7 * 24),
            keep_failed: Duration::from_hours(30 * 24),
        }
    }
}

impl Policy {
    /// Whether jobs of this kind are let through one by one.
    pub fn is_limited(&self) -> bool {
        self.concurrency.is_some()
            || self.key_concurrency.is_some()
            || self.org_concurrency.is_some()
            || self.rate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_grow_to_the_cap_and_stay_there() {
        let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
        let seconds: Vec<u64> = (1..=12).map(|n| backoff.after(n, 0.5).as_secs()).collect();
        assert_eq!(&seconds[..4], &[5, 15, 45, 135]);
        assert_eq!(seconds[11], 6 * 3600);
        assert_eq!(backoff.after(u32::MAX, 1.0), Duration::from_hours(6));
    }

    proptest::proptest! {
        #[test]
        fn a_spread_waiting_time_stays_within_its_bounds(attempt in 1u32..200, dice in 0.0f64..1.0) {
            let backoff = Backoff::default();
            let plain = Backoff { jitter: 0.0, ..backoff }.after(attempt, dice).as_secs_f64();
            let spread = backoff.after(attempt, dice).as_secs_f64();
            proptest::prop_assert!(spread >= plain * 0.8 - 1e-6 && spread <= (plain * 1.2 + 1e-6));
            proptest::prop_assert!(spread <= backoff.cap.as_secs_f64());
        }
    }
}
