//! Lines of the journal: what became of which ids.

use base::Id;
use chrono::{DateTime, Utc};

use crate::Range;

/// What became of the ids of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A caller has them.
    Issued,
    /// A caller had them and handed them back; from here on they may be issued again.
    Returned,
    /// Nobody had them: the key was raised above them.
    Skipped,
    /// Nobody had them: a node let go of the rest of a block.
    Dropped,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Issued, Self::Returned, Self::Skipped, Self::Dropped];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Returned => "returned",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line.
    pub id: Id,
    /// The organisation.
    pub org: Id,
    /// The key.
    pub key: Id,
    /// What became of the ids.
    pub kind: LineKind,
    /// The ids.
    pub range: Range,
    /// Rises each time ids are handed back, so that lines about the same ids have an order. No two lines
    /// of a key have the same first id and turn: the database refuses a second owner.
    pub turn: i64,
    /// When, by the clock of the node.
    pub at: DateTime<Utc>,
    /// Who asked, as whoever calls the engine names callers; at most 200 characters.
    pub caller: Option<String>,
    /// The request in which it happened; at most 64 characters.
    pub request_id: Option<String>,
    /// How many calls it stands for: ranges that lie side by side and went to one caller without a name
    /// within one minute are one line.
    pub calls: i64,
    /// The node that did it: one run of one process.
    pub node: Id,
}

impl Line {
    /// Takes in a line of the same caller whose ids follow this one's; whether it did.
    pub(crate) fn absorb(&mut self, next: &Self) -> bool {
        let follows = self.range.end().checked_add(1) == Some(next.range.start());
        let minute = |line: &Self| line.at.timestamp().div_euclid(60);
        let is_alike = self.kind == next.kind
            && minute(self) == minute(next)
            && self.turn == next.turn
            && self.caller == next.caller
            && (self.org, self.key, self.node) == (next.org, next.key, next.node);
        let Some(range) = Range::new(self.range.start(), next.range.end()).filter(|_| follows && is_alike)
        else {
            return false;
        };
        self.range = range;
        self.calls += next.calls;
        self.request_id = None;
        true
    }
}
