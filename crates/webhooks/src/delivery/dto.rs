//! Deliveries on the wire.

use base::{Id, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    entity::{attempt, delivery},
    publish::message_id,
};

/// A delivery as shown: one event for one receiver.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
pub struct View {
    /// The receiver.
    pub endpoint_id: Id,
    /// Its name; null when it is gone.
    pub endpoint_name: Option<String>,
    /// What the receiver sees as `webhook-id`.
    pub message_id: String,
    /// What it tells of.
    pub event_type: String,
    /// `pending`, `delivered`, `failed` (every try is spent) or `held` (the receiver was disabled).
    pub state: String,
    /// Tries since it was last put in the queue by somebody.
    pub attempts: i32,
    /// When the next try is due.
    pub next_at: Option<Timestamp>,
    /// HTTP status of the last try.
    pub last_status: Option<i32>,
    /// What was wrong with the last try: `status`, `timeout`, `unreachable`, `refused`, `invalid`.
    pub last_error: Option<String>,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

impl From<delivery::Model> for View {
    fn from(row: delivery::Model) -> Self {
        Self {
            endpoint_id: row.endpoint_id,
            endpoint_name: None,
            message_id: message_id(row.message_id),
            event_type: row.event_type,
            state: row.state,
            attempts: row.attempts,
            next_at: row.next_at.map(Timestamp),
            last_status: row.last_status,
            last_error: row.last_error,
            finished_at: row.finished_at.map(Timestamp),
        }
    }
}

/// A delivery with what the engine adds to records, where no list of the engine answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDeliveryRow")]
pub struct Row {
    /// Id.
    pub id: Id,
    /// When it was made.
    pub created_at: Timestamp,
    /// The rest.
    #[serde(flatten)]
    pub view: View,
}

/// One try.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookTry")]
pub struct Try {
    /// When.
    pub at: Timestamp,
    /// Which one, since the delivery was last put in the queue by somebody.
    pub number: i32,
    /// HTTP status of the answer.
    pub status: Option<i32>,
    /// How long it took.
    pub duration_ms: i32,
    /// `status`, `timeout`, `unreachable`, `refused` or `invalid`; null for a success.
    pub error: Option<String>,
    /// More of what was wrong.
    pub detail: Option<String>,
    /// The beginning of the answer's body.
    pub response: Option<String>,
}

impl From<attempt::Model> for Try {
    fn from(row: attempt::Model) -> Self {
        Self {
            at: row.at.into(),
            number: row.number,
            status: row.status,
            duration_ms: row.duration_ms,
            error: row.error,
            detail: row.detail,
            response: row.response,
        }
    }
}

/// A delivery with what is sent and how that went.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDeliveryDetail")]
pub struct Detail {
    /// The delivery.
    #[serde(flatten)]
    pub row: Row,
    /// The JSON that is sent, byte by byte.
    pub body: String,
    /// The oldest first.
    pub tries: Vec<Try>,
}

/// A delivery that was put in the queue.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookQueued")]
pub struct Queued {
    /// The delivery.
    pub delivery_id: Id,
}
