//! Receivers on the wire.

use base::{Id, Timestamp};
use kernel::Nullable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

use crate::entity::{endpoint, secret};

/// A new receiver.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookEndpointCreate")]
pub struct Create {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// Where messages are sent: http or https.
    #[validate(length(min = 1, max = 2000))]
    pub url: String,
    /// What it is for.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Option<String>,
    /// Types of events that it is told of; empty: every type.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub event_types: Vec<String>,
    /// Whether messages are sent.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// Changes to a receiver.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookEndpointPatch")]
pub struct Patch {
    /// Name, unique in the organisation.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// Where messages are sent: http or https.
    #[validate(length(min = 1, max = 2000))]
    pub url: Option<String>,
    /// What it is for; `null` clears.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Nullable<String>,
    /// Types of events that it is told of; empty: every type.
    #[validate(length(max = 100))]
    pub event_types: Option<Vec<String>>,
    /// Whether messages are sent.
    pub enabled: Option<bool>,
}

/// A secret that signs, without itself.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookSecretHint")]
pub struct Hint {
    /// Its beginning and its last characters.
    pub hint: String,
    /// Since when it signs.
    pub created_at: Timestamp,
    /// Until when, once it has a successor.
    pub expires_at: Option<Timestamp>,
}

impl From<&secret::Model> for Hint {
    fn from(row: &secret::Model) -> Self {
        Self {
            hint: row.hint.clone(),
            created_at: row.created_at.into(),
            expires_at: row.expires_at.map(Timestamp),
        }
    }
}

/// A receiver as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEndpoint")]
pub struct View {
    /// Name.
    pub name: String,
    /// Where messages are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Types of events that it is told of; empty: every type.
    pub event_types: Vec<String>,
    /// Whether messages are sent.
    pub enabled: bool,
    /// `active`, `failing` (the newest tries failed) or `disabled`.
    pub state: String,
    /// Why it is disabled: `by_hand`, `failing` (for five days nothing could be delivered) or `gone` (it
    /// answered 410).
    pub disabled_reason: Option<String>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Since when every try has failed.
    pub failing_since: Option<Timestamp>,
    /// When it last took a message; within ten seconds.
    pub last_success_at: Option<Timestamp>,
    /// When it last did not.
    pub last_failure_at: Option<Timestamp>,
    /// The secrets that sign at present, the newest first.
    pub secrets: Vec<Hint>,
}

impl From<endpoint::Model> for View {
    fn from(row: endpoint::Model) -> Self {
        let state = match (row.enabled, row.failing_since) {
            (false, _) => "disabled",
            (true, Some(_)) => "failing",
            (true, None) => "active",
        };
        Self {
            name: row.name,
            url: row.url,
            description: row.description,
            event_types: names(row.event_types.as_ref()),
            enabled: row.enabled,
            state: state.to_owned(),
            disabled_reason: row.disabled_reason,
            disabled_at: row.disabled_at.map(Timestamp),
            failing_since: row.failing_since.map(Timestamp),
            last_success_at: row.last_success_at.map(Timestamp),
            last_failure_at: row.last_failure_at.map(Timestamp),
            secrets: Vec::new(),
        }
    }
}

/// The names of a list as it is stored.
pub fn names(list: Option<&Value>) -> Vec<String> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A receiver with what the engine adds to records, where no list or read of the engine answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEndpointRow")]
pub struct Row {
    /// Id.
    pub id: Id,
    /// Rises with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Option<Id>,
    /// Who changed it last.
    pub updated_by: Option<Id>,
    /// The rest.
    #[serde(flatten)]
    pub view: View,
}

/// A receiver with its new secret, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEndpointSecret")]
pub struct Told {
    /// The receiver.
    pub endpoint: Row,
    /// What signs its messages: `whsec_` and base64.
    pub secret: String,
}

/// How a secret is replaced.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookRotate")]
pub struct Rotate {
    /// For how many hours the present secret signs as well; 0 ends it at once.
    #[validate(range(min = 0, max = 168))]
    #[serde(default = "day")]
    pub overlap_hours: u32,
}

fn day() -> u32 {
    24
}

/// Which messages are sent again.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookReplay")]
pub struct Replay {
    /// From when on.
    pub since: Timestamp,
    /// Before when; absent: until now.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Of which types; absent or empty: of all that the receiver is told of.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub event_types: Vec<String>,
    /// Only those that failed or are held.
    #[serde(default)]
    pub only_failed: bool,
}

/// A replay that has begun.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookReplaying")]
pub struct Replaying {
    /// The job that puts them in the queue.
    pub job_id: Id,
    /// How many messages there are.
    pub messages: u64,
}
