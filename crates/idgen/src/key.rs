//! Keys: their settings, and the state in which they stand.

use base::{Error, FieldError, Id, Result};
use chrono::{DateTime, Utc};

use crate::{IdType, KeyName, Rate, store::entity};

/// The most ids that one call may ask for.
pub const MOST_IDS: i64 = 1_000_000;

/// What order a key's ids have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One rising order over all nodes: if the answer to A came before B was asked, A's ids are lower.
    /// Every allocation writes to the database; callers that wait at the same time share one write.
    Strict,
    /// Rising on each node only: nodes lease blocks and issue from memory.
    Buffered,
}

impl Mode {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Buffered => "buffered",
        }
    }
    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Strict, Self::Buffered].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where the counter of a strict key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// In the database: every allocation is a write.
    Sql,
    /// In Redis, which the database gives a stretch of ids at a time. Faster; while Redis is away nothing is
    /// issued, and what it loses are ids that nobody gets. Without a Redis the database counts.
    Redis,
}

impl Counter {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Redis => "redis",
        }
    }
    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Sql, Self::Redis].into_iter().find(|counter| counter.as_str() == text)
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It issues ids.
    Active,
    /// Every id up to its limit was given away.
    Exhausted,
    /// What is known of it contradicts itself; it issues nothing until it is released.
    Quarantined,
    /// Given up. The row stays, so that a key of the same name cannot begin below it.
    Retired,
}

impl State {
    /// As shown. `exhausted` is never stored: it follows from the ceiling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Exhausted => "exhausted",
            Self::Quarantined => "quarantined",
            Self::Retired => "retired",
        }
    }
}

/// Why a key is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The stored ceiling is below ids that the journal knows or that a node has leased.
    BehindJournal,
    /// The stored ceiling is below ids that this node has issued since it started.
    BehindIssued,
    /// Two lines of the journal, or two leases, claim the same ids.
    Overlap,
    /// Somebody asked for it.
    Asked,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::BehindJournal, Self::BehindIssued, Self::Overlap, Self::Asked];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BehindJournal => "behind_journal",
            Self::BehindIssued => "behind_issued",
            Self::Overlap => "overlap",
            Self::Asked => "asked",
        }
    }
    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What of a key can be changed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The order of its ids.
    pub mode: Mode,
    /// Where the counter is, of a strict key.
    pub counter: Counter,
    /// Whether a range is in the journal before its answer leaves. Otherwise lines are written in groups
    /// soon after, and what a kill leaves unwritten shows as unattributed.
    pub sync: bool,
    /// The type of the column, which limits the ids.
    pub id_type: IdType,
    /// The most ids of one call, 1 to [`MOST_IDS`].
    pub most_ids: i64,
    /// The smallest and the largest block that a node leases, in ids, 1 to 2^40.
    pub block: (i64, i64),
    /// Whether callers without a name may have ids. The engine stores it for whoever calls it.
    pub anonymous: bool,
    /// Calls per second that a node answers, 0 for no limit. Stored for whoever calls the engine.
    pub calls_per_second: i64,
    /// Ids per minute that a node gives one caller, 0 for the general rule. Stored for whoever calls the
    /// engine.
    pub ids_per_minute: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Buffered,
            counter: Counter::Sql,
            sync: false,
            id_type: IdType::I64,
            most_ids: MOST_IDS,
            block: (1_000, 10_000_000),
            anonymous: true,
            calls_per_second: 0,
            ids_per_minute: 0,
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<()> {
        let mut wrong = Vec::new();
        if !(1..=MOST_IDS).contains(&self.most_ids) {
            wrong.push(FieldError::new("most_ids", "range", format!("from 1 to {MOST_IDS}")));
        }
        let (least, most) = self.block;
        if least < 1 || most < least || most > 1 << 40 {
            let message = "the smallest block is at least 1, the largest not smaller and at most 2^40";
            wrong.push(FieldError::new("block", "range", message));
        }
        for (field, value) in
            [("calls_per_second", self.calls_per_second), ("ids_per_minute", self.ids_per_minute)]
        {
            if value < 0 {
                wrong.push(FieldError::new(field, "range", "0 or more"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::fields(wrong)) }
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The organisation that owns it.
    pub org: Id,
    /// Its name, unique within the organisation.
    pub name: KeyName,
    /// Ids up to this one are in use; the first one issued is the next. Negative counts as 0.
    pub in_use: i64,
    /// How it works.
    pub settings: Settings,
}

/// A key as it stands in the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key.
    pub id: Id,
    /// The organisation that owns it.
    pub org: Id,
    /// Its name.
    pub name: KeyName,
    /// How it works.
    pub settings: Settings,
    /// Where it stands.
    pub state: State,
    /// Why it is in quarantine: the kind of reason, and a sentence with the numbers.
    pub reason: Option<(Reason, String)>,
    /// Since when it stands there.
    pub state_since: DateTime<Utc>,
    /// Ids up to this one were in use before the key was made.
    pub origin: i64,
    /// No id above this one was given to anybody.
    pub ceiling: i64,
    /// The highest id that somebody claimed to have seen when doubt arose, 0 for none.
    pub claimed: i64,
    /// How many ids were given away: to callers of a strict key, to nodes of a buffered one.
    pub drawn: i64,
    /// The recent rate.
    pub rate: Rate,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    pub(crate) turn: i64,
    pub(crate) epoch: i64,
    /// Under which the counter in Redis is good.
    pub(crate) generation: Option<String>,
}

impl Key {
    /// The highest id that it may issue.
    pub fn max(&self) -> i64 {
        self.settings.id_type.max()
    }

    /// A key from its row.
    pub fn of(row: entity::key::Model) -> Result<Self> {
        let unreadable = |column: &str| Error::internal(format!("id_key.{column} holds an unknown word"));
        let id_type = IdType::parse(&row.id_type).ok_or_else(|| unreadable("id_type"))?;
        let reason = match row.reason_kind.as_deref().map(Reason::parse) {
            Some(None) => return Err(unreadable("reason_kind")),
            Some(Some(kind)) => Some((kind, row.reason.unwrap_or_default())),
            None => None,
        };
        let state = match row.state.as_str() {
            "active" if row.ceiling >= id_type.max() => State::Exhausted,
            "active" => State::Active,
            "quarantined" => State::Quarantined,
            "retired" => State::Retired,
            _ => return Err(unreadable("state")),
        };
        Ok(Self {
            id: row.id,
            org: row.org_id,
            name: KeyName::new(&row.name)?,
            settings: Settings {
                mode: Mode::parse(&row.mode).ok_or_else(|| unreadable("mode"))?,
                counter: Counter::parse(&row.counter).ok_or_else(|| unreadable("counter"))?,
                sync: row.sync_journal,
                id_type,
                most_ids: row.most_ids,
                block: (row.block_least, row.block_most),
                anonymous: row.anonymous,
                calls_per_second: row.calls_per_second,
                ids_per_minute: row.ids_per_minute,
            },
            state,
            reason,
            state_since: row.state_since,
            origin: row.origin,
            ceiling: row.ceiling,
            claimed: row.claimed,
            drawn: row.drawn,
            rate: Rate { at: row.rate_at, drawn: row.rate_drawn, per_day: row.rate_per_day },
            created_at: row.created_at,
            turn: row.turn,
            epoch: row.epoch,
            generation: row.generation,
        })
    }

    /// `Ok` if it issues ids.
    ///
    /// Errors: 503 `key_quarantined`, 409 `key_exhausted`, 409 `key_retired`.
    pub(crate) fn must_issue(&self) -> Result<()> {
        match self.state {
            State::Active => Ok(()),
            State::Exhausted => Err(exhausted(&self.name, 0)),
            State::Quarantined => {
                let why = self.reason.as_ref().map_or("", |(_, sentence)| sentence.as_str());
                let detail = format!("the key {} is in quarantine: {why}", self.name);
                Err(Error::unavailable("key_quarantined", detail))
            }
            State::Retired => {
                Err(Error::conflict("key_retired", format!("the key {} was given up", self.name)))
            }
        }
    }
}

/// 409 `key_exhausted`: fewer ids are left than were asked for.
pub(crate) fn exhausted(name: &KeyName, remaining: i64) -> Error {
    let detail = format!("the key {name} is exhausted: {remaining} ids left, which is too few");
    Error::conflict("key_exhausted", detail)
}

/// 404 `key_unknown`.
pub(crate) fn unknown(name: &KeyName) -> Error {
    Error::not_found("key_unknown", format!("there is no key {name}"))
}
