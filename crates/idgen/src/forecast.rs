//! How fast a key is used, and when it will be full.

use chrono::{DateTime, TimeDelta, Utc};

/// Half of a rate is what happened within this time.
const HALF_LIFE: f64 = 86_400.0;
/// Shorter spans say nothing about a day.
const LEAST: TimeDelta = TimeDelta::seconds(60);

/// The recent rate of a key, averaged with a half-life of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// When it was last looked at.
    pub at: DateTime<Utc>,
    /// How many ids the key had given away by then.
    pub drawn: i64,
    /// Ids per day; `None` until a first minute was seen.
    pub per_day: Option<i64>,
}

impl Rate {
    /// The rate after another look; unchanged when the last one is less than a minute ago.
    #[must_use]
    pub fn advance(self, now: DateTime<Utc>, drawn: i64) -> Self {
        let passed = now - self.at;
        if passed < LEAST {
            return self;
        }
        let seconds = passed.as_seconds_f64();
        // Ids that were returned lower the count; a rate is never below zero.
        let seen = drawn.saturating_sub(self.drawn).max(0) as f64 * 86_400.0 / seconds;
        let per_day = match self.per_day {
            None => seen,
            Some(before) => {
                let weight = 0.5f64.powf(seconds / HALF_LIFE);
                before as f64 * weight + seen * (1.0 - weight)
            }
        };
        // A float becomes the nearest integer that there is.
        Self { at: now, drawn, per_day: Some(per_day.round() as i64) }
    }
}

/// What is left of a key, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Ids that can still be given away.
    pub remaining: i64,
    /// The share of all ids up to the limit that is used, 0 to 1.
    pub used: f64,
    /// Ids per day, lately; `None` while unknown.
    pub per_day: Option<i64>,
    /// When none will be left if that goes on; `None` when it does not, or not within 1,000 years.
    pub full_at: Option<DateTime<Utc>>,
}

impl Forecast {
    /// For a key that has reached `ceiling` of `max`.
    pub fn of(ceiling: i64, max: i64, rate: Rate, now: DateTime<Utc>) -> Self {
        let remaining = max.saturating_sub(ceiling).max(0);
        let full_at = match rate.per_day {
            _ if remaining == 0 => Some(now),
            Some(per_day) if per_day > 0 => {
                let days = remaining as f64 / per_day as f64;
                (days < 365_250.0).then(|| now + TimeDelta::seconds((days * 86_400.0) as i64))
            }
            _ => None,
        };
        Self { remaining, used: ceiling as f64 / max.max(1) as f64, per_day: rate.per_day, full_at }
    }

    /// Whether somebody should look: full within `days`, or 90 % used.
    pub fn is_low(&self, now: DateTime<Utc>, days: u32) -> bool {
        self.used >= 0.9 || self.full_at.is_some_and(|at| at <= now + TimeDelta::days(i64::from(days)))
    }
}

#[cfg(test)]
mod tests {
    use base::{Clock, SystemClock};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_steady_key_is_full_when_arithmetic_says_so() {
        let now = SystemClock.now();
        let mut rate = Rate { at: now, drawn: 0, per_day: None };
        for hour in 1..=48 {
            rate = rate.advance(now + TimeDelta::hours(hour), hour * 1_000);
        }
        assert_eq!(rate.per_day, Some(24_000));
        let later = rate.at;
        let forecast = Forecast::of(48_000, 48_000 + 41 * 24_000, rate, later);
        assert_eq!(forecast.full_at, Some(later + TimeDelta::days(41)));
        assert!(!forecast.is_low(later, 40) && forecast.is_low(later, 41));
    }

    #[test]
    fn a_key_that_stands_still_is_never_full_and_one_that_is_full_is_full_now() {
        let now = SystemClock.now();
        let rate = Rate { at: now, drawn: 5, per_day: Some(0) };
        assert_eq!(Forecast::of(5, 100, rate, now).full_at, None);
        let full = Forecast::of(100, 100, rate, now);
        assert_eq!((full.full_at, full.remaining), (Some(now), 0));
    }

    proptest! {
        #[test]
        fn a_rate_lies_between_what_it_was_and_what_was_seen(
            before in 0i64..1_000_000_000, drawn in 0i64..1_000_000_000, seconds in 60i64..10_000_000,
        ) {
            let now = SystemClock.now();
            let rate = Rate { at: now, drawn: 0, per_day: Some(before) };
            let after = rate.advance(now + TimeDelta::seconds(seconds), drawn).per_day.unwrap();
            let seen = drawn as f64 * 86_400.0 / seconds as f64;
            let (low, high) = (seen.min(before as f64), seen.max(before as f64));
            prop_assert!(after as f64 >= low - 1.0 && after as f64 <= high + 1.0);
        }

        #[test]
        fn a_forecast_takes_every_number(ceiling in 0i64..=i64::MAX, max in 0i64..=i64::MAX, per_day in any::<i64>()) {
            let now = SystemClock.now();
            let forecast = Forecast::of(ceiling, max, Rate { at: now, drawn: 0, per_day: Some(per_day) }, now);
            prop_assert!(forecast.remaining >= 0);
            prop_assert!(forecast.full_at.is_none_or(|at| at >= now));
        }
    }
}
