//! Ranges of ids and what is left between them.

/// Ids from `start` to `end`, both included. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    start: i64,
    end: i64,
}

impl Range {
    /// `None` when it would be empty.
    pub fn new(start: i64, end: i64) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// The first id.
    pub fn start(self) -> i64 {
        self.start
    }
    /// The last id.
    pub fn end(self) -> i64 {
        self.end
    }
    /// How many ids.
    pub fn count(self) -> u64 {
        // As unsigned, because a range over zero may be longer than the highest signed number.
        self.end.abs_diff(self.start).saturating_add(1)
    }
    /// Whether the id is one of these.
    pub fn contains(self, id: i64) -> bool {
        (self.start..=self.end).contains(&id)
    }
    /// The ids that both have.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

/// What of `whole` none of `taken` covers, lowest first. `taken` is sorted by its starts.
pub fn gaps(whole: Range, taken: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut free = Vec::new();
    let mut next = whole.start;
    for range in taken {
        if range.start > whole.end {
            break;
        }
        if let Some(gap) = Range::new(next, range.start.saturating_sub(1)) {
            free.push(gap);
        }
        if range.end >= whole.end {
            return free;
        }
        next = next.max(range.end + 1);
    }
    free.extend(Range::new(next, whole.end));
    free
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Vec<Range>> {
        let one = (1i64..200, 0i64..30).prop_map(|(start, more)| Range { start, end: start + more });
        proptest::collection::vec(one, 0..12).prop_map(|mut all| {
            all.sort_by_key(|range| range.start);
            all
        })
    }

    proptest! {
        #[test]
        fn every_id_is_either_taken_or_in_a_gap(taken in ranges(), start in 1i64..100, more in 0i64..150) {
            let whole = Range { start, end: start + more };
            let free = gaps(whole, taken.iter().copied());
            for id in start - 5..=start + more + 5 {
                let held = taken.iter().any(|range| range.contains(id));
                let open = free.iter().filter(|range| range.contains(id)).count();
                prop_assert_eq!(open, usize::from(whole.contains(id) && !held), "{}", id);
            }
        }

        #[test]
        fn what_two_ranges_have_in_common_is_in_both(taken in ranges()) {
            for pair in taken.windows(2) {
                for id in 0..250 {
                    let both = pair[0].contains(id) && pair[1].contains(id);
                    prop_assert_eq!(pair[0].common(pair[1]).is_some_and(|range| range.contains(id)), both);
                }
            }
        }
    }

    #[test]
    fn ranges_at_the_end_of_the_numbers_do_not_overflow() {
        let all = Range::new(1, i64::MAX).unwrap();
        assert_eq!(all.count(), i64::MAX as u64);
        assert!(gaps(all, [all]).is_empty());
        assert_eq!(Range::new(2, 1), None);
    }
}
