//! Ids that sort by time: milliseconds since an epoch, the number of the node that made it, a sequence
//! within the millisecond.
//!
//! Arithmetic only; who may use which node number, and up to which millisecond, is [`crate::worker`].

use base::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};

/// How the bits of an id are shared out. The sign bit stays 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// 41 bits of time, 10 of worker, 12 of sequence: 4,096 ids per millisecond and worker.
    Bits63,
    /// 41 bits of time, 5 of worker, 7 of sequence: exact as a number of JavaScript. 128 ids per
    /// millisecond, 32 workers.
    Bits53,
}

/// Bits of time: about 69 years and 8 months.
const TIME: u32 = 41;

/// What an id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// By which worker.
    pub worker: i64,
    /// As which within its millisecond.
    pub sequence: i64,
}

impl Layout {
    fn worker_bits(self) -> u32 {
        match self {
            Self::Bits63 => 10,
            Self::Bits53 => 5,
        }
    }
    fn sequence_bits(self) -> u32 {
        match self {
            Self::Bits63 => 12,
            Self::Bits53 => 7,
        }
    }
    /// How many workers it has room for.
    pub fn workers(self) -> i64 {
        1 << self.worker_bits()
    }
    /// Ids of one worker within a millisecond.
    pub fn per_millisecond(self) -> i64 {
        1 << self.sequence_bits()
    }
    /// When the bits of time are used up.
    pub fn ends(self, epoch: DateTime<Utc>) -> DateTime<Utc> {
        epoch + TimeDelta::milliseconds(1 << TIME)
    }

    /// An id. `at` is in milliseconds since 1970, as `epoch` is.
    ///
    /// Errors: 409 `layout_ended` after [`Layout::ends`]; 409 `before_epoch`.
    pub fn compose(self, epoch: i64, at: i64, worker: i64, sequence: i64) -> Result<i64> {
        let time = at - epoch;
        if time < 0 {
            return Err(Error::conflict("before_epoch", "its epoch lies in the future"));
        }
        if time >> TIME != 0 {
            return Err(Error::conflict("layout_ended", "the bits of time are used up; begin a new epoch"));
        }
        let tail = self.worker_bits() + self.sequence_bits();
        Ok((time << tail) | (worker << self.sequence_bits()) | sequence)
    }

    /// What an id says; `None` for one that no such layout makes.
    pub fn parts(self, epoch: DateTime<Utc>, id: i64) -> Option<Parts> {
        let tail = self.worker_bits() + self.sequence_bits();
        if id < 0 || (id >> tail) >> TIME != 0 {
            return None;
        }
        Some(Parts {
            at: epoch + TimeDelta::milliseconds(id >> tail),
            worker: (id >> self.sequence_bits()) & (self.workers() - 1),
            sequence: id & (self.per_millisecond() - 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_says_what_it_was_made_of_and_sorts_by_it(
            time in 0i64..1 << TIME, worker in 0i64..32, sequence in 0i64..128, later in 1i64..1000,
        ) {
            let epoch = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
            for layout in [Layout::Bits63, Layout::Bits53] {
                let start = epoch.timestamp_millis();
                let id = layout.compose(start, start + time, worker, sequence).unwrap();
                let parts = layout.parts(epoch, id).unwrap();
                prop_assert_eq!((parts.at.timestamp_millis() - start, parts.worker, parts.sequence), (time, worker, sequence));
                if layout == Layout::Bits53 {
                    prop_assert!(id < 1 << 53);
                }
                if time + later < 1 << TIME {
                    prop_assert!(layout.compose(start, start + time + later, 0, 0).unwrap() > id);
                }
            }
        }
    }

    #[test]
    fn a_layout_ends_after_69_years_and_says_so() {
        let epoch: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(Layout::Bits63.ends(epoch).to_rfc3339(), "2093-09-06T15:47:35.552+00:00");
        let (start, end) = (epoch.timestamp_millis(), Layout::Bits63.ends(epoch).timestamp_millis());
        assert!(Layout::Bits63.compose(start, end - 1, 1023, 4095).is_ok());
        assert_eq!(Layout::Bits63.compose(start, end, 0, 0).unwrap_err().code(), "layout_ended");
        assert_eq!(Layout::Bits63.compose(start, start - 1, 0, 0).unwrap_err().code(), "before_epoch");
    }
}
