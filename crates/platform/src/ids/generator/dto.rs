//! Generators on the wire.

use base::{Id, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// Kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdGeneratorKind")]
pub enum Kind {
    /// 63 bits that sort by time.
    Snowflake,
    /// 53 bits that sort by time.
    Snowflake53,
    /// UUID version 7 (RFC 9562).
    Uuid7,
    /// ULID.
    Ulid,
    /// Formatted numbers.
    Number,
}

impl Kind {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snowflake => "snowflake",
            Self::Snowflake53 => "snowflake53",
            Self::Uuid7 => "uuid7",
            Self::Ulid => "ulid",
            Self::Number => "number",
        }
    }
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Snowflake, Self::Snowflake53, Self::Uuid7, Self::Ulid, Self::Number]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// When counting begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdNumberReset")]
pub enum ResetWord {
    /// Never.
    #[default]
    Never,
    /// Each day.
    Day,
    /// Each month.
    Month,
    /// Each year.
    Year,
}

/// What a generator makes; which members count follows from its kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdGeneratorSettings")]
pub struct Settings {
    /// Of what sorts by time: the instant that its time counts from; 2024-01-01 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<Timestamp>,
    /// Of numbers: `INV-{yyyyMMdd}-{seq:4}`.
    #[validate(length(max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pattern: Option<String>,
    /// Of numbers: when counting begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<ResetWord>,
    /// Of numbers: whose days these are; an IANA name, UTC unless said otherwise.
    #[validate(length(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<String>,
    /// Of numbers: the first of each period.
    #[validate(range(min = 0, max = 1_000_000_000_000_i64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<i64>,
    /// Of numbers: whether a number is given only together with its answer. Callers of one period then
    /// wait for each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gap_free: Option<bool>,
}

/// A new generator.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdGeneratorCreate")]
pub struct Create {
    /// Its name: what `key` of `POST /api/ids/next` says.
    #[validate(length(min = 1, max = 500))]
    pub(super) name: String,
    pub(super) kind: Kind,
    #[validate(nested)]
    #[serde(default)]
    pub(super) settings: Settings,
}

/// Changes to a generator; its kind stays.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdGeneratorPatch")]
pub struct Patch {
    #[validate(length(min = 1, max = 500))]
    pub(super) name: Option<String>,
    /// All of them.
    #[validate(nested)]
    pub(super) settings: Option<Settings>,
}

/// What to try.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdGeneratorPreview")]
pub struct Preview {
    pub(super) kind: Kind,
    #[validate(nested)]
    #[serde(default)]
    pub(super) settings: Settings,
}

/// What it would make.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdGeneratorExamples")]
pub struct Examples {
    pub(super) examples: Vec<String>,
    /// When its bits of time are used up.
    pub(super) expires_at: Option<Timestamp>,
}

/// A generator as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdGenerator")]
pub struct View {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) settings: Settings,
    /// When its bits of time are used up.
    pub(super) expires_at: Option<Timestamp>,
    /// Whether that is within five years.
    pub(super) expires_soon: bool,
    pub(super) version: i32,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Generators.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdGenerators")]
pub struct Items {
    pub(super) items: Vec<View>,
}
