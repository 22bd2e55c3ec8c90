//! From wall-clock times to instants: what happens when a zone changes its offset. May import: the calendar.
//!
//! Two kinds of schedule, as Vixie cron has them:
//!
//! - **Fixed times** (`30 2 * * *`) fire once for each time that they name. A time in a gap fires at the gap's end;
//!   several of them in one gap fire together, once. A time that occurs twice fires the first time.
//! - **Wildcard hours** (`*/15 * * * *`) follow elapsed time: they fire in both passes of an overlap, and a gap
//!   adds nothing.

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::calendar::Calendar;

/// More than any offset from UTC that a zone has had.
const WIDEST_OFFSET: i64 = 26 * 3600;

/// The first instant after `after`, in whole seconds, at which fixed times fire.
pub(super) fn next_fixed(calendar: &Calendar, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let after = whole_seconds(after)?;
    let mut local = wall(after, zone)?.checked_add_signed(Duration::seconds(1))?;
    loop {
        let next = calendar.next(local)?;
        let (instant, resume) = match zone.from_local_datetime(&next) {
            MappedLocalTime::Single(instant) => (instant.to_utc(), None),
            MappedLocalTime::Ambiguous(first, second) => {
                let (first, second) = (first.to_utc(), second.to_utc());
                (first, Some(overlap_end(first, second, zone)?))
            }
            MappedLocalTime::None => (gap_end(next, zone)?, None),
        };
        if instant > after {
            return Some(instant);
        }
        // The second pass of an overlap: what it names has fired in the first one.
        local = resume.filter(|end| *end > next).or_else(|| next.checked_add_signed(Duration::seconds(1)))?;
    }
}

/// The first instant after `after`, in whole seconds, whose wall-clock time the expression names.
pub(super) fn next_elapsed(calendar: &Calendar, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let mut from = whole_seconds(after)?.checked_add_signed(Duration::seconds(1))?;
    loop {
        let local = wall(from, zone)?;
        // Within the first pass of an overlap, times that lie behind come once more when the second begins.
        let second_pass = match zone.from_local_datetime(&local) {
            MappedLocalTime::Ambiguous(first, second) if first.to_utc() == from => {
                Some(transition(from, second.to_utc(), zone))
            }
            _ => None,
        };
        let next = calendar.next(local);
        let found = match next.map(|next| (next, zone.from_local_datetime(&next))) {
            Some((_, MappedLocalTime::Single(instant))) => Some(instant.to_utc()),
            Some((_, MappedLocalTime::Ambiguous(first, second))) => {
                Some(if first.to_utc() >= from { first.to_utc() } else { second.to_utc() })
            }
            Some((next, MappedLocalTime::None)) if second_pass.is_none() => {
                from = gap_end(next, zone)?;
                continue;
            }
            Some((_, MappedLocalTime::None)) | None => None,
        };
        match (found, second_pass) {
            (Some(found), Some(second_pass)) if found < second_pass => return Some(found),
            (_, Some(second_pass)) => from = second_pass,
            (found, None) => return found,
        }
    }
}

fn whole_seconds(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(instant.timestamp(), 0)
}

fn offset(instant: DateTime<Utc>, zone: Tz) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc())
}

fn wall(instant: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
    instant.naive_utc().checked_add_signed(Duration::seconds(offset(instant, zone)))
}

/// The first instant after `before`, up to `after`, with another offset than `before` has.
fn transition(before: DateTime<Utc>, after: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let old = offset(before, zone);
    bisect(before, after, |instant| offset(instant, zone) != old)
}

/// The wall-clock time at which an overlap, of which two instants with the same wall-clock time are known, is over.
fn overlap_end(first: DateTime<Utc>, second: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
    let change = transition(first, second, zone);
    change.naive_utc().checked_add_signed(Duration::seconds(offset(first, zone)))
}

/// The instant at which the clock jumps over `missing`.
fn gap_end(missing: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let margin = Duration::seconds(WIDEST_OFFSET);
    let before = missing.checked_sub_signed(margin)?.and_utc();
    let after = missing.checked_add_signed(margin)?.and_utc();
    Some(bisect(before, after, |instant| wall(instant, zone).is_none_or(|local| local > missing)))
}

/// The first second after `low`, up to `high`, from which `reached` holds.
fn bisect(low: DateTime<Utc>, high: DateTime<Utc>, reached: impl Fn(DateTime<Utc>) -> bool) -> DateTime<Utc> {
    let (mut low, mut high) = (low, high);
    while (high - low).num_seconds() > 1 {
        let middle = low + (high - low) / 2;
        let middle = DateTime::from_timestamp(middle.timestamp(), 0).unwrap_or(middle);
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
