//! Record ids: UUID version 7 (RFC 9562), made before the INSERT on every database.

use chrono::{DateTime, Utc};

/// The id of any record.
pub type Id = uuid::Uuid;

/// A new id that sorts by `now` and then at random.
pub fn new(now: DateTime<Utc>) -> Id {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Id::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use crate::{Clock, SystemClock};

    #[test]
    fn ids_made_later_sort_later() {
        let now = SystemClock.now();
        let earlier = super::new(now - chrono::Duration::milliseconds(5));
        let later = super::new(now);
        assert!(earlier < later);
        assert_eq!(later.get_version_num(), 7);
    }
}
