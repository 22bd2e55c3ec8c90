//! Invitations on the wire.

use base::{Id, Timestamp};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::entity;

/// A new invitation.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvitationCreate")]
pub struct Create {
    /// Where the link goes.
    #[validate(length(min = 3, max = 254))]
    pub email: String,
    /// Name to greet with.
    #[validate(length(max = 120))]
    #[serde(default)]
    pub name: Option<String>,
    /// Roles that the person will have.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub role_ids: Vec<Id>,
    /// Department.
    #[serde(default)]
    pub department_id: Option<Id>,
    /// Posts.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub post_ids: Vec<Id>,
}

/// How far an invitation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "InvitationStatus")]
pub enum Status {
    /// Waits for an answer.
    Pending,
    /// Somebody has joined by it.
    Accepted,
    /// Taken back.
    Revoked,
    /// Nobody has answered in time.
    Expired,
}

impl Status {
    /// What a row is at that instant.
    pub fn of(row: &entity::Model, now: DateTime<Utc>) -> Self {
        match row.status {
            entity::Status::Accepted => Self::Accepted,
            entity::Status::Revoked => Self::Revoked,
            entity::Status::Pending if row.expires_at <= now => Self::Expired,
            entity::Status::Pending => Self::Pending,
        }
    }
}

/// An invitation as its organisation sees it. It says nothing of whether the address has an account.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
pub struct View {
    /// Id.
    pub id: Id,
    /// Where the link went.
    pub email: String,
    /// Name to greet with.
    pub name: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// When the link ends.
    pub expires_at: Timestamp,
    /// Roles.
    pub role_ids: Vec<Id>,
    /// Department.
    pub department_id: Option<Id>,
    /// Posts.
    pub post_ids: Vec<Id>,
    /// Who invited.
    pub invited_by: Id,
    /// Who joined by it.
    pub accepted_by: Option<Id>,
    /// When.
    pub accepted_at: Option<Timestamp>,
    /// Made at.
    pub created_at: Timestamp,
    /// The link itself, once, where no mail server is set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl View {
    /// What is shown of a row.
    pub fn of(row: entity::Model, now: DateTime<Utc>, link: Option<String>) -> Self {
        Self {
            status: Status::of(&row, now),
            role_ids: ids(row.role_ids.as_ref()),
            post_ids: ids(row.post_ids.as_ref()),
            id: row.id,
            email: row.email,
            name: row.name,
            expires_at: row.expires_at.into(),
            department_id: row.department_id,
            invited_by: row.invited_by,
            accepted_by: row.accepted_by,
            accepted_at: row.accepted_at.map(Into::into),
            created_at: row.created_at.into(),
            link,
        }
    }
}

/// Ids in a JSON column.
pub fn ids(column: Option<&serde_json::Value>) -> Vec<Id> {
    column.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
}

/// A filter of the list that no column answers.
#[derive(Debug, JsonSchema)]
pub struct Filter {
    /// How far they have come.
    pub status: Option<Status>,
}

/// What the holder of a link is told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InvitationInfo")]
pub struct Info {
    /// Name of the organisation.
    pub organization: String,
    /// Where the link went.
    pub email: String,
    /// Who invited.
    pub inviter: String,
    /// Whether the address signs somebody in already.
    pub existing_user: bool,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// An answer: who is new says who he is; who is signed in sends `{}`.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvitationAccept")]
pub struct Accept {
    /// Sign-in name.
    #[validate(length(min = 2, max = 64))]
    #[serde(default)]
    pub username: Option<String>,
    /// Password.
    #[validate(length(min = 1, max = 256))]
    #[serde(default)]
    pub password: Option<String>,
    /// Name to show.
    #[validate(length(max = 120))]
    #[serde(default)]
    pub name: Option<String>,
}
