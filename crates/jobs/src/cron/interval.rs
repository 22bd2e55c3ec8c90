//! Schedules of every so many seconds. They are counted from an anchor, so that a late run moves no later one.

use std::num::NonZeroU32;

use chrono::{DateTime, Duration, Utc};

/// The first of `anchor`, `anchor + every`, `anchor + 2 × every`, … (seconds) that is after `after`; `None` past the
/// end of the calendar.
pub fn next_after(anchor: DateTime<Utc>, every: NonZeroU32, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if after < anchor {
        return Some(anchor);
    }
    let every = i64::from(every.get());
    // Whole seconds that have passed since the anchor; both are at or after it, so this rounds down.
    let periods = (after - anchor).num_seconds() / every + 1;
    anchor.checked_add_signed(Duration::try_seconds(periods.checked_mul(every)?)?)
}
