//! Reading a journal in order: where lines overlap, and where nothing is written.
//!
//! Lines come by first id and turn. A line that is followed by its return does not stand and counts for
//! nothing. One pass over the index, page by page: the database never has to join or sort the journal.

use base::Id;

use crate::{LineKind, Range};

/// What of a line the walk needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub id: Id,
    pub is_return: bool,
    pub range: Range,
    pub turn: i64,
}

impl Step {
    /// Whether this hands back the ids of `other`.
    fn returns(&self, other: &Self) -> bool {
        self.is_return && self.range.start() == other.range.start() && self.turn == other.turn + 1
    }

    pub(crate) fn new(id: Id, kind: LineKind, range: Range, turn: i64) -> Self {
        Self { id, is_return: kind == LineKind::Returned, range, turn }
    }
}

/// A walk upwards.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The highest id that is spoken of so far.
    reached: i64,
    waiting: Option<Step>,
    /// Lines with the ids that a line before them has.
    pub overlaps: Vec<(Id, Range)>,
    /// Ids of which no line speaks.
    pub gaps: Vec<Range>,
}

impl Walk {
    /// Begins above the ids that were in use before the key was made.
    pub(crate) fn new(origin: i64) -> Self {
        Self { reached: origin, waiting: None, overlaps: Vec::new(), gaps: Vec::new() }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match self.waiting.take() {
            Some(before) if step.returns(&before) => return,
            Some(before) => self.stand(&before),
            None => {}
        }
        if !step.is_return {
            self.waiting = Some(step);
        }
    }

    fn stand(&mut self, step: &Step) {
        let (start, end) = (step.range.start(), step.range.end());
        if let Some(both) = Range::new(start, end.min(self.reached)) {
            self.overlaps.push((step.id, both));
        }
        self.gap_up_to(start - 1);
        self.reached = self.reached.max(end);
    }

    fn gap_up_to(&mut self, end: i64) {
        let above = self.reached.checked_add(1);
        self.gaps.extend(above.and_then(|start| Range::new(start, end)));
    }

    /// Ends at the ceiling.
    pub(crate) fn end(mut self, ceiling: i64) -> Self {
        if let Some(last) = self.waiting.take() {
            self.stand(&last);
        }
        self.gap_up_to(ceiling);
        self
    }
}

/// The end of the highest line that stands; `steps` come from the top. `None` when none of them does.
pub(crate) fn highest(steps: &[Step]) -> Option<i64> {
    let is_returned = |at: usize| at > 0 && steps[at - 1].returns(&steps[at]);
    let stands = |at: &usize| !steps[*at].is_return && !is_returned(*at);
    (0..steps.len()).find(stands).map(|at| steps[at].range.end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(start: i64, end: i64, turn: i64, kind: LineKind) -> Step {
        Step::new(Id::from_u128(start as u128), kind, Range::new(start, end).unwrap(), turn)
    }

    fn walk(steps: &[Step], origin: i64, ceiling: i64) -> Walk {
        let mut walk = Walk::new(origin);
        steps.iter().for_each(|step| walk.step(*step));
        walk.end(ceiling)
    }

    #[test]
    fn what_was_handed_back_counts_for_nothing_until_it_is_issued_again() {
        let issued = step(11, 20, 0, LineKind::Issued);
        let returned = step(11, 20, 1, LineKind::Returned);
        let again = step(11, 14, 2, LineKind::Issued);
        let gaps = |steps: &[Step]| walk(steps, 10, 20).gaps;
        assert_eq!(gaps(&[issued]), []);
        assert_eq!(gaps(&[issued, returned]), [Range::new(11, 20).unwrap()]);
        assert_eq!(gaps(&[issued, returned, again]), [Range::new(15, 20).unwrap()]);
        assert_eq!(highest(&[issued]), Some(20));
        assert_eq!(highest(&[returned, issued]), None);
        assert_eq!(highest(&[again, returned, issued]), Some(14));
        assert_eq!(highest(&[returned, issued, step(1, 10, 0, LineKind::Issued)]), Some(10));
    }

    #[test]
    fn a_journal_may_end_at_the_last_number() {
        let all = [step(1, i64::MAX, 0, LineKind::Skipped)];
        let walked = walk(&all, 0, i64::MAX);
        assert!(walked.gaps.is_empty() && walked.overlaps.is_empty());
    }

    proptest! {
        #[test]
        fn gaps_and_overlaps_are_those_that_counting_finds(
            lines in proptest::collection::vec((1i64..80, 0i64..12), 0..14), origin in 0i64..10, more in 0i64..100,
        ) {
            let mut lines = lines;
            lines.sort_unstable();
            let steps: Vec<Step> = lines.iter().zip(0..)
                .map(|((start, more), turn)| step(start + origin, start + origin + more, turn * 2, LineKind::Issued)).collect();
            let top = steps.iter().map(|step| step.range.end()).max().unwrap_or(0);
            let ceiling = top.max(origin) + more;
            let walked = walk(&steps, origin, ceiling);
            for id in origin + 1..=ceiling {
                let owners = steps.iter().filter(|step| step.range.contains(id)).count();
                let open = walked.gaps.iter().filter(|gap| gap.contains(id)).count();
                prop_assert_eq!(open, usize::from(owners == 0), "{}", id);
                let claimed = walked.overlaps.iter().filter(|(_, both)| both.contains(id)).count();
                prop_assert_eq!(claimed, owners.saturating_sub(1), "{}", id);
            }
        }
    }
}
