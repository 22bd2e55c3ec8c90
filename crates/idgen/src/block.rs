//! Blocks that a node has leased, and the arithmetic of issuing from them.
//!
//! A [`Buffer`] has a block that is issued from and, when the next one is not its continuation, a second
//! one behind it. A lease that continues the block only makes it longer, so that a single node leaves no
//! gaps. Everything here is memory; nothing here waits.

use std::{collections::VecDeque, time::Duration};

use base::Id;

use crate::Range;

/// How long a block should last.
const LASTS: Duration = Duration::from_secs(10);

/// A lease as the database knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub id: Id,
    pub range: Range,
}

/// Ids that lie side by side, leased by one or more leases.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    next: i64,
    end: i64,
    turn: i64,
    leases: VecDeque<Lease>,
}

impl Block {
    pub(crate) fn new(lease: Lease, turn: i64) -> Self {
        Self { next: lease.range.start(), end: lease.range.end(), turn, leases: [lease].into() }
    }

    /// What was not issued yet.
    pub(crate) fn rest(&self) -> Option<Range> {
        Range::new(self.next, self.end)
    }
    fn left(&self) -> i64 {
        self.end - self.next + 1
    }
    pub(crate) fn turn(&self) -> i64 {
        self.turn
    }
    /// The leases that are not used up.
    pub(crate) fn leases(&self) -> impl Iterator<Item = Lease> {
        self.leases.iter().copied()
    }

    /// Whether `lease` was put at its end.
    fn extend(&mut self, lease: Lease, turn: i64) -> bool {
        if self.end.checked_add(1) != Some(lease.range.start()) {
            return false;
        }
        self.end = lease.range.end();
        self.turn = self.turn.max(turn);
        self.leases.push_back(lease);
        true
    }

    /// The next `count` ids, and the leases that were used up before them. The lease of the newest range
    /// stays open, so that the range can be put back.
    fn take(&mut self, count: i64) -> Option<(Range, Vec<Lease>)> {
        if count < 1 || self.left() < count {
            return None;
        }
        let range = Range::new(self.next, self.next + (count - 1))?;
        // The end of the numbers has no next id; an empty block is left behind instead.
        match range.end().checked_add(1) {
            Some(next) => self.next = next,
            None => (self.next, self.end) = (i64::MAX, i64::MAX - 1),
        }
        let mut used = Vec::new();
        while self.leases.front().is_some_and(|lease| lease.range.end() < range.start()) {
            used.extend(self.leases.pop_front());
        }
        Some((range, used))
    }

    /// Whether exactly this range was issued last, from a lease that is still open.
    pub(crate) fn was_last(&self, range: Range) -> bool {
        self.next.checked_sub(1) == Some(range.end())
            && self.leases.front().is_some_and(|lease| lease.range.start() <= range.start())
    }

    /// Makes the range that was issued last free again, from the given turn on.
    pub(crate) fn put_back(&mut self, range: Range, turn: i64) {
        self.next = range.start();
        self.turn = self.turn.max(turn);
    }
}

/// What [`Buffer::take`] gave.
#[derive(Debug)]
pub(crate) struct Taken {
    pub range: Range,
    pub turn: i64,
    /// Leases that nothing is issued from any more.
    pub used: Vec<Lease>,
    /// A block that is let go of: used up, or its rest was too short for the call.
    pub dropped: Option<Block>,
}

/// The blocks of a node for one key.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    current: Option<Block>,
    following: Option<Block>,
}

impl Buffer {
    /// `count` ids, or `None` when no block has so many side by side; then nothing changed.
    pub(crate) fn take(&mut self, count: i64) -> Option<Taken> {
        if let Some(block) = &mut self.current
            && let Some((range, used)) = block.take(count)
        {
            return Some(Taken { range, turn: block.turn, used, dropped: None });
        }
        let (range, used) = self.following.as_mut()?.take(count)?;
        let dropped = std::mem::replace(&mut self.current, self.following.take());
        let turn = self.current.as_ref().map_or(0, Block::turn);
        Some(Taken { range, turn, used, dropped })
    }

    /// Adds a lease. What has to make room for it comes back and is let go of.
    pub(crate) fn add(&mut self, lease: Lease, turn: i64) -> Option<Block> {
        let last = self.following.as_mut().or(self.current.as_mut());
        if last.is_some_and(|block| block.extend(lease, turn)) {
            return None;
        }
        let block = Block::new(lease, turn);
        if self.current.is_none() {
            self.current = Some(block);
            return None;
        }
        match self.following.take() {
            None => {
                self.following = Some(block);
                None
            }
            // Only a call that needs more than either has asks for a third.
            Some(following) => {
                let dropped = self.current.replace(following);
                self.following = Some(block);
                dropped
            }
        }
    }

    /// Ids that are at hand.
    pub(crate) fn left(&self) -> i64 {
        [&self.current, &self.following].into_iter().flatten().map(Block::left).sum()
    }

    /// Takes everything out.
    pub(crate) fn empty(&mut self) -> Vec<Block> {
        [self.current.take(), self.following.take()].into_iter().flatten().collect()
    }

    /// Takes out the block of which this range was issued last, so that nothing more is issued from it.
    pub(crate) fn detach(&mut self, range: Range) -> Option<Block> {
        self.current.take_if(|block| block.was_last(range))
    }
    /// Puts a detached block back. A block that took its place meanwhile comes next.
    pub(crate) fn attach(&mut self, block: Block) -> Option<Block> {
        let came = self.current.replace(block)?;
        self.following.replace(came)
    }
}

/// The size of the next block: demand decides, within the bounds, and never more than a thousandth of
/// what is left, so that a few dropped blocks cannot use up a narrow column.
pub(crate) fn next_size(last: i64, lasted: Option<Duration>, bounds: (i64, i64), remaining: i64) -> i64 {
    let (least, most) = bounds;
    let wanted = match lasted {
        None => least,
        Some(lasted) if lasted < LASTS / 8 => last.saturating_mul(8),
        Some(lasted) if lasted < LASTS / 2 => last.saturating_mul(2),
        Some(lasted) if lasted > LASTS * 2 => last / 2,
        Some(_) => last,
    };
    wanted.clamp(least, most.max(least)).min((remaining / 1_000).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease(start: i64, count: i64) -> Lease {
        Lease { id: Id::from_u128(start as u128), range: Range::new(start, start + (count - 1)).unwrap() }
    }

    #[test]
    fn leases_that_continue_each_other_leave_no_gap() {
        let mut buffer = Buffer::default();
        assert!(buffer.add(lease(1, 10), 0).is_none());
        assert!(buffer.add(lease(11, 10), 0).is_none());
        let first = buffer.take(8).unwrap();
        let second = buffer.take(8).unwrap();
        assert_eq!((first.range.end(), second.range.start(), second.range.end()), (8, 9, 16));
        assert!(second.used.is_empty() && second.dropped.is_none());
        assert_eq!(buffer.take(1).unwrap().used, [lease(1, 10)]);
    }

    #[test]
    fn a_rest_that_is_too_short_is_let_go_of_only_when_the_following_block_has_enough() {
        let mut buffer = Buffer::default();
        buffer.add(lease(1, 10), 0);
        buffer.add(lease(101, 10), 0);
        buffer.take(7).unwrap();
        assert!(buffer.take(11).is_none());
        assert_eq!(buffer.left(), 13);
        let taken = buffer.take(4).unwrap();
        assert_eq!(taken.range, Range::new(101, 104).unwrap());
        assert_eq!(taken.dropped.unwrap().rest(), Range::new(8, 10));
    }

    #[test]
    fn only_the_newest_range_can_be_put_back() {
        let mut buffer = Buffer::default();
        buffer.add(lease(1, 10), 0);
        let first = buffer.take(3).unwrap().range;
        let second = buffer.take(3).unwrap().range;
        assert!(buffer.detach(first).is_none());
        let mut block = buffer.detach(second).unwrap();
        assert!(buffer.take(1).is_none(), "nothing is issued meanwhile");
        block.put_back(second, 2);
        buffer.attach(block);
        let again = buffer.take(2).unwrap();
        assert_eq!((again.range.start(), again.turn), (4, 2));
    }

    #[test]
    fn the_last_id_of_all_is_issued_and_nothing_after_it() {
        let mut buffer = Buffer::default();
        buffer.add(lease(i64::MAX - 1, 2), 0);
        assert_eq!(buffer.take(2).unwrap().range.end(), i64::MAX);
        assert!(buffer.take(1).is_none());
        assert_eq!(buffer.left(), 0);
    }

    proptest! {
        #[test]
        fn no_id_is_issued_twice_and_none_is_lost(
            steps in proptest::collection::vec((1i64..40, 0i64..3, any::<bool>()), 1..60),
        ) {
            let mut buffer = Buffer::default();
            let (mut next, mut leased, mut seen) = (1, Vec::new(), Vec::new());
            let mut dropped: Vec<Block> = Vec::new();
            for (count, gap, add) in steps {
                if add {
                    let lease = lease(next + gap, count);
                    next = lease.range.end() + 1;
                    leased.push(lease.range);
                    dropped.extend(buffer.add(lease, 0));
                } else if let Some(taken) = buffer.take(count) {
                    prop_assert_eq!(taken.range.count(), count as u64);
                    seen.push(taken.range);
                    dropped.extend(taken.dropped);
                }
            }
            dropped.extend(buffer.empty());
            let rising = seen.windows(2).all(|pair| pair[0].end() < pair[1].start());
            prop_assert!(rising, "{:?}", seen);
            let mut all: Vec<i64> = seen.iter().chain(dropped.iter().filter_map(Block::rest).collect::<Vec<_>>().iter())
                .flat_map(|range| range.start()..=range.end()).collect();
            all.sort_unstable();
            let expected: Vec<i64> = leased.iter().flat_map(|range| range.start()..=range.end()).collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn a_block_keeps_to_its_bounds(
            last in 1i64..1 << 40, lasted in 0u64..100_000, least in 1i64..10_000, more in 0i64..1 << 39, left in 0i64..i64::MAX,
        ) {
            let size = next_size(last, Some(Duration::from_millis(lasted)), (least, least + more), left);
            prop_assert!(size >= 1 && size <= least + more);
            prop_assert!(size <= (left / 1_000).max(1));
        }
    }

    #[test]
    fn demand_makes_blocks_longer_and_idleness_makes_them_shorter() {
        let size = |seconds| next_size(4_000, Some(Duration::from_secs(seconds)), (1_000, 20_000), i64::MAX);
        assert_eq!([size(1), size(4), size(10), size(60)], [20_000, 8_000, 4_000, 2_000]);
        assert_eq!(next_size(4_000, None, (1_000, 20_000), i64::MAX), 1_000);
    }
}
