//! API keys on the wire.

use base::{Id, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::entity::api_key as entity;

/// A new key.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKeyCreate")]
pub struct Create {
    /// What it is for.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// The permissions that it is limited to; absent or `null` means all that you hold, at any time.
    #[validate(length(min = 1, max = 1000))]
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A key without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub struct View {
    /// Id.
    pub id: Id,
    /// What it is for.
    pub name: String,
    /// How it begins, to recognise it by.
    pub prefix: String,
    /// The permissions that it is limited to; `null` means all of its owner's.
    pub scopes: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Last use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Made at.
    pub created_at: Timestamp,
}

/// A key with its secret, the only time it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiKeySecret")]
pub struct Secret {
    /// The key.
    #[serde(flatten)]
    pub view: View,
    /// The secret: `tnk_…`.
    pub key: String,
}

/// Own keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiKeyList")]
pub struct Items {
    /// Newest first.
    pub items: Vec<View>,
}

/// A key with its owner.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberApiKey")]
pub struct Owned {
    /// The key.
    #[serde(flatten)]
    pub view: View,
    /// The owner.
    pub user_id: Id,
    /// The owner's name.
    pub user_name: String,
}

impl From<entity::Model> for View {
    fn from(row: entity::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes.and_then(|scopes| serde_json::from_value(scopes).ok()),
            expires_at: row.expires_at.map(Into::into),
            last_used_at: row.last_used_at.map(Into::into),
            created_at: row.created_at.into(),
        }
    }
}
