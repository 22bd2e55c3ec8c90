//! What a member may do, and what has changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// What is compared, byte by byte. There are no wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What kind of thing the scope is.
    pub scope_type: String,
    /// Which one.
    pub scope_id: String,
    /// Module.
    pub module: String,
    /// Action.
    pub action: String,
}

/// One thing that a member may do, in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Where and what.
    pub key: Key,
    /// Until when.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a member may do, as of when this was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What his issuer calls him.
    pub sub: String,
    /// His id in Tenon.
    pub user_id: String,
    /// Whether he may work; if not, he may do nothing.
    pub is_active: bool,
    /// Higher is newer.
    pub version: i64,
    /// When Tenon made it.
    pub generated_at: DateTime<Utc>,
    /// Until when it is used without asking, by Tenon's clock.
    pub expires_at: DateTime<Utc>,
    /// What he may do.
    pub permissions: Arc<[Permission]>,
    /// Whether Tenon could not be asked whether it still holds.
    pub is_stale: bool,
}

impl Snapshot {
    /// Whether the permission is among them.
    pub fn allows(&self, scope_type: &str, scope_id: &str, module: &str, action: &str) -> bool {
        let is = |key: &Key| {
            key.scope_type == scope_type
                && key.scope_id == scope_id
                && key.module == module
                && key.action == action
        };
        self.is_active && self.permissions.iter().any(|one| is(&one.key))
    }
}

/// One line of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `grant`, `revoke`, `expire`, `user_disabled`, `user_enabled`, `user_deleted`, `user_changed` or
    /// `role_changed`, and perhaps a word that is newer than this library. `resync` is its own: the feed was
    /// interrupted, and what happened meanwhile is not known.
    pub op: String,
    /// Whom it concerns; `None` where it may be everybody.
    pub sub: Option<String>,
    /// The version of what he may do.
    pub version: Option<i64>,
    /// What was given or taken.
    pub permission: Option<Key>,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// In which request.
    pub request_id: Option<String>,
}

impl Change {
    pub(super) fn resync() -> Self {
        let op = "resync".to_owned();
        Self { op, sub: None, version: None, permission: None, at: None, request_id: None }
    }
}

/// A webhook message whose signature was right.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The message.
    pub id: String,
    /// Such as `permission.revoked`.
    pub kind: String,
    /// When it happened.
    pub at: Option<DateTime<Utc>>,
    /// Whom it concerns.
    pub sub: Option<String>,
    /// The version of what he may do.
    pub version: Option<i64>,
    /// What was given or taken.
    pub permission: Option<Key>,
    /// All that was said, as it came.
    pub data: serde_json::Value,
}
