//! Alerts on the wire.

use base::Timestamp;
use jobs::store::entity::alert;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$what])* $variant),* }

        impl $name {
            /// As stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
            /// From what is stored.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What is watched.
    Metric {
        /// For how long the oldest ready job has been waiting.
        OldestReadySeconds = "oldest_ready_seconds",
        /// How many jobs are dead.
        DeadCount = "dead_count",
        /// How many times schedules have missed, in all.
        MissedTicks = "missed_ticks",
        /// How many keys of ids run low, are exhausted or are in quarantine.
        IdsLow = "ids_low",
    }
}

words! {
    /// How somebody is told.
    Channel {
        /// By a letter.
        Mail = "mail",
        /// By a POST.
        Webhook = "webhook",
    }
}

/// A new alert.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobAlertCreate")]
pub struct Create {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// What is watched.
    pub metric: Metric,
    /// From which value on.
    #[validate(range(min = 1, max = 1_000_000_000))]
    pub threshold: i64,
    /// How somebody is told.
    pub channel: Channel,
    /// An e-mail address, or a URL.
    #[validate(length(min = 3, max = 500))]
    pub target: String,
    /// Whether it watches.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Not again within so many minutes.
    #[validate(range(min = 1, max = 10_080))]
    #[serde(default = "hour")]
    pub quiet_minutes: i32,
}

fn yes() -> bool {
    true
}

fn hour() -> i32 {
    60
}

/// Changes to an alert.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobAlertPatch")]
pub struct Patch {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// What is watched.
    pub metric: Option<Metric>,
    /// From which value on.
    #[validate(range(min = 1, max = 1_000_000_000))]
    pub threshold: Option<i64>,
    /// How somebody is told.
    pub channel: Option<Channel>,
    /// An e-mail address, or a URL.
    #[validate(length(min = 3, max = 500))]
    pub target: Option<String>,
    /// Whether it watches.
    pub enabled: Option<bool>,
    /// Not again within so many minutes.
    #[validate(range(min = 1, max = 10_080))]
    pub quiet_minutes: Option<i32>,
}

/// An alert as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobAlert")]
pub struct View {
    /// Name.
    pub name: String,
    /// What is watched.
    pub metric: String,
    /// From which value on.
    pub threshold: i64,
    /// mail or webhook.
    pub channel: String,
    /// An e-mail address, or a URL.
    pub target: String,
    /// Whether it watches.
    pub enabled: bool,
    /// Not again within so many minutes.
    pub quiet_minutes: i32,
    /// When it last told somebody.
    pub last_fired_at: Option<Timestamp>,
    /// What it last saw.
    pub last_value: Option<i64>,
}

impl From<alert::Model> for View {
    fn from(row: alert::Model) -> Self {
        Self {
            name: row.name,
            metric: row.metric,
            threshold: row.threshold,
            channel: row.channel,
            target: row.target,
            enabled: row.enabled,
            quiet_minutes: row.quiet_minutes,
            last_fired_at: row.last_fired_at.map(Into::into),
            last_value: row.last_value,
        }
    }
}
