//! Keys on the wire. Ids are text: they may be longer than a number of JavaScript.

use base::{Error, Id, Result, Timestamp};
use chrono::{DateTime, Utc};
use idgen::{Counter, Forecast, IdType, Key, Mode, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// Days before a key is full that it counts as low.
pub const LOW_DAYS: u32 = 30;

/// The order of a key's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdKeyMode")]
pub enum KeyMode {
    /// One rising order over all nodes.
    Strict,
    /// Rising on each node; issued from memory.
    Buffered,
}

/// Where the counter of a strict key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdKeyCounter")]
pub enum KeyCounter {
    /// In the database.
    Sql,
    /// In Redis, which the database gives a stretch of ids at a time; in the database where there is none.
    Redis,
}

impl From<KeyCounter> for Counter {
    fn from(counter: KeyCounter) -> Self {
        match counter {
            KeyCounter::Sql => Self::Sql,
            KeyCounter::Redis => Self::Redis,
        }
    }
}

impl From<KeyMode> for Mode {
    fn from(mode: KeyMode) -> Self {
        match mode {
            KeyMode::Strict => Self::Strict,
            KeyMode::Buffered => Self::Buffered,
        }
    }
}

/// The smallest and the largest block that a node leases.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyBlock")]
pub struct Block {
    /// Smallest, in ids.
    #[validate(range(min = 1, max = 1_099_511_627_776_i64))]
    pub least: i64,
    /// Largest, in ids.
    #[validate(range(min = 1, max = 1_099_511_627_776_i64))]
    pub most: i64,
}

/// The four names that clients of the older wire know.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyParts")]
pub struct Parts {
    /// System.
    #[validate(length(max = 200))]
    pub system_code: String,
    /// Database.
    #[validate(length(max = 200))]
    pub database: String,
    /// Table.
    #[validate(length(max = 200))]
    pub table: String,
    /// Column.
    #[validate(length(max = 200))]
    pub field: String,
}

/// A new key.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyCreate")]
pub struct Create {
    /// Its name; or `parts`.
    #[validate(length(min = 1, max = 500))]
    #[serde(default)]
    pub name: Option<String>,
    /// The column that it is for; or `name`.
    #[validate(nested)]
    #[serde(default)]
    pub parts: Option<Parts>,
    /// Ids up to this one are in use.
    #[validate(length(max = 20))]
    #[serde(default)]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    pub in_use: Option<String>,
    /// What of its settings is not usual.
    #[serde(default)]
    pub mode: Option<KeyMode>,
    /// Where the counter of a strict key is.
    #[serde(default)]
    pub counter: Option<KeyCounter>,
    /// Whether a range is in the journal before its answer leaves.
    #[serde(default)]
    pub sync: Option<bool>,
    /// The type of the column: i8 to u64.
    #[validate(length(max = 8))]
    #[serde(default)]
    pub id_type: Option<String>,
    /// The most ids of one call.
    #[validate(range(min = 1, max = 1_000_000))]
    #[serde(default)]
    pub most_ids: Option<i64>,
    /// Blocks of nodes.
    #[validate(nested)]
    #[serde(default)]
    pub block: Option<Block>,
}

/// Other settings.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyPatch")]
pub struct Patch {
    /// The order of its ids.
    pub mode: Option<KeyMode>,
    /// Where the counter of a strict key is.
    pub counter: Option<KeyCounter>,
    /// Whether a range is in the journal before its answer leaves.
    pub sync: Option<bool>,
    /// The type of the column: i8 to u64.
    #[validate(length(max = 8))]
    pub id_type: Option<String>,
    /// The most ids of one call.
    #[validate(range(min = 1, max = 1_000_000))]
    pub most_ids: Option<i64>,
    /// Blocks of nodes.
    #[validate(nested)]
    pub block: Option<Block>,
    /// Whether callers without an API key are served, where the installation allows it.
    pub anonymous: Option<bool>,
    /// Calls per second that a node answers; 0 for no limit.
    #[validate(range(min = 0, max = 10_000_000))]
    pub calls_per_second: Option<i64>,
    /// Ids per minute that a node gives one caller; 0 for the general rule.
    #[validate(range(min = 0, max = 1_000_000_000_000_i64))]
    pub ids_per_minute: Option<i64>,
}

impl Patch {
    /// The settings with what is to change.
    pub fn apply(self, mut to: Settings) -> Result<Settings> {
        if let Some(mode) = self.mode {
            to.mode = mode.into();
        }
        if let Some(counter) = self.counter {
            to.counter = counter.into();
        }
        if let Some(id_type) = &self.id_type {
            to.id_type = id_type_of(id_type)?;
        }
        if let Some(block) = self.block {
            to.block = (block.least, block.most);
        }
        to.sync = self.sync.unwrap_or(to.sync);
        to.most_ids = self.most_ids.unwrap_or(to.most_ids);
        to.anonymous = self.anonymous.unwrap_or(to.anonymous);
        to.calls_per_second = self.calls_per_second.unwrap_or(to.calls_per_second);
        to.ids_per_minute = self.ids_per_minute.unwrap_or(to.ids_per_minute);
        Ok(to)
    }
}

/// A type by its name.
pub fn id_type_of(text: &str) -> Result<IdType> {
    IdType::parse(text).ok_or_else(|| {
        let known: Vec<&str> = IdType::ALL.iter().map(|one| one.as_str()).collect();
        Error::field("id_type", "invalid_value", format!("one of {}", known.join(", ")))
    })
}

/// An id as it is sent: decimal digits.
pub fn number(field: &'static str, text: &str) -> Result<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number.ok_or_else(|| {
        Error::field(field, "invalid_value", "must be decimal digits, at most 9223372036854775807")
    })
}

/// Up to where a key is raised.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyRaise")]
pub struct Raise {
    /// No id up to this one is issued from then on.
    #[validate(length(min = 1, max = 20))]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    pub to: String,
}

/// Another name.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyRename")]
pub struct Rename {
    /// The name.
    #[validate(length(min = 1, max = 500))]
    pub name: String,
}

/// A range that comes back.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyReturn")]
pub struct Return {
    /// Its first id.
    #[validate(length(min = 1, max = 20))]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    pub start: String,
    /// Its last id.
    #[validate(length(min = 1, max = 20))]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    pub end: String,
}

/// Why a key is stopped.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyQuarantine")]
pub struct Quarantine {
    /// In words.
    #[validate(length(min = 1, max = 300))]
    pub reason: String,
}

/// Above which id a key goes on.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdKeyRelease")]
pub struct Release {
    /// No id up to this one is issued from then on.
    #[validate(length(min = 1, max = 20))]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    pub at_least: String,
}

/// Why a key is in quarantine.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdKeyReason")]
pub struct Reason {
    /// behind_journal, behind_issued, overlap or asked.
    pub kind: String,
    /// In words, with the numbers.
    pub text: String,
}

/// A key as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdKey")]
pub struct View {
    /// Id.
    pub id: Id,
    /// Name, unique in the organisation.
    pub name: String,
    /// The column that it is for, where its name says so.
    pub parts: Option<Parts>,
    /// The order of its ids.
    pub mode: String,
    /// Where the counter of a strict key is: sql or redis.
    pub counter: String,
    /// Whether a range is in the journal before its answer leaves.
    pub sync: bool,
    /// The type of the column.
    pub id_type: String,
    /// The most ids of one call.
    pub most_ids: i64,
    /// Blocks of nodes.
    pub block: Block,
    /// Whether callers without an API key are served, where the installation allows it.
    pub anonymous: bool,
    /// Calls per second that a node answers; 0 for no limit.
    pub calls_per_second: i64,
    /// Ids per minute that a node gives one caller; 0 for the general rule.
    pub ids_per_minute: i64,
    /// active, exhausted, quarantined or retired.
    pub state: String,
    /// Why it is in quarantine.
    pub reason: Option<Reason>,
    /// Since when it is in that state.
    pub state_since: Timestamp,
    /// Ids up to this one were in use before it was made.
    pub origin: String,
    /// No id above this one was given to anybody.
    pub ceiling: String,
    /// The highest id that it may issue.
    pub max: String,
    /// Ids that are left.
    pub remaining: String,
    /// The share that is used, 0 to 1.
    pub used: f64,
    /// Ids per day, lately.
    pub per_day: Option<String>,
    /// When it will be full at that rate.
    pub full_at: Option<Timestamp>,
    /// Whether somebody should look.
    pub low: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl View {
    /// With its forecast.
    pub fn of(key: Key, now: DateTime<Utc>) -> Self {
        let forecast = Forecast::of(key.ceiling, key.max(), key.rate, now);
        let parts = key.name.parts().map(|[system_code, database, table, field]| Parts {
            system_code,
            database,
            table,
            field,
        });
        Self {
            id: key.id,
            parts,
            mode: key.settings.mode.as_str().to_owned(),
            counter: key.settings.counter.as_str().to_owned(),
            sync: key.settings.sync,
            id_type: key.settings.id_type.as_str().to_owned(),
            most_ids: key.settings.most_ids,
            block: Block { least: key.settings.block.0, most: key.settings.block.1 },
            anonymous: key.settings.anonymous,
            calls_per_second: key.settings.calls_per_second,
            ids_per_minute: key.settings.ids_per_minute,
            state: key.state.as_str().to_owned(),
            state_since: key.state_since.into(),
            origin: key.origin.to_string(),
            ceiling: key.ceiling.to_string(),
            max: key.max().to_string(),
            remaining: forecast.remaining.to_string(),
            used: forecast.used,
            per_day: forecast.per_day.map(|ids| ids.to_string()),
            full_at: forecast.full_at.map(Into::into),
            low: forecast.is_low(now, LOW_DAYS),
            created_at: key.created_at.into(),
            name: key.name.to_string(),
            reason: key.reason.map(|(kind, text)| Reason { kind: kind.as_str().to_owned(), text }),
        }
    }
}

/// A page of keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdKeyPage")]
pub struct Page {
    /// Keys.
    pub items: Vec<View>,
    /// How many there are.
    pub total: u64,
    /// From 1.
    pub page: u64,
    /// Of one page.
    pub page_size: u64,
}
