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

/// When an id was made, to the millisecond; `None` for one of another version.
pub fn made_at(id: Id) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
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
    fn an_id_tells_when_it_was_made() {
        let now = SystemClock.now();
        let told = super::made_at(super::new(now)).unwrap();
        assert_eq!(told.timestamp_millis(), now.timestamp_millis());
        assert_eq!(super::made_at(super::Id::from_u128(7)), None);
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
