//! Record ids: UUID version 7 (RFC 9562), made before the INSERT on every database.

use chrono::{DateTime, Utc};

/// The id of any record.
pub type Id = uuid::Uuid;

/// A new id that sorts by `now` and then at random.
pub fn new(now: DateTime<Utc>) -> Id {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Id::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// A bound that is not above any id made at `at` or later, and above every id made a millisecond earlier.
pub fn floor(at: DateTime<Utc>) -> Id {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Id::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use crate::{Clock, SystemClock};

    #[test]
    fn the_floor_of_an_instant_parts_earlier_ids_from_later_ones() {
        let now = SystemClock.now();
        let earlier = super::new(now - chrono::Duration::milliseconds(1));
        assert!(earlier < super::floor(now) && super::floor(now) <= super::new(now));
    }

    #[test]
    fn ids_made_later_sort_later() {
        let now = SystemClock.now();
        let earlier = super::new(now - chrono::Duration::milliseconds(5));
        let later = super::new(now);
        assert!(earlier < later);
        assert_eq!(later.get_version_num(), 7);
    }
}
