//! What goes over the wire of permissions.

use base::{Id, Timestamp};
use chrono::{DateTime, Utc};
use kernel::access::{Grant, Tuple};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

use crate::fields::present;

/// What is to be given.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionGrant")]
pub struct GrantWish {
    /// To whom.
    pub(super) authentik_sub: String,
    /// What kind of scope.
    pub(super) scope_type: String,
    /// Which.
    pub(super) scope_id: String,
    /// Module.
    pub(super) module: String,
    /// Action.
    pub(super) action: String,
    /// Why; absent leaves what there is.
    #[validate(length(max = 500))]
    pub(super) reason: Option<String>,
    /// Until when; null: for ever; absent leaves what there is.
    #[serde(default, deserialize_with = "present")]
    pub(super) expires_at: Option<Option<DateTime<Utc>>>,
    /// Makes the user if nobody is called so; needs the scope `users:create`.
    #[serde(default)]
    pub(super) create_user: bool,
    /// E-mail address of a user who is made.
    pub(super) email: Option<String>,
    /// Name of a user who is made.
    #[validate(length(max = 120))]
    pub(super) display_name: Option<String>,
}

/// What is to be taken away.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionRevoke")]
pub struct RevokeWish {
    /// From whom.
    pub(super) authentik_sub: String,
    /// What kind of scope.
    pub(super) scope_type: String,
    /// Which.
    pub(super) scope_id: String,
    /// Module.
    pub(super) module: String,
    /// Action.
    pub(super) action: String,
    /// Why.
    #[validate(length(max = 500))]
    pub(super) reason: Option<String>,
}

/// One of several.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
#[schemars(rename = "PermissionOperation")]
pub enum Operation {
    /// Give.
    Grant(GrantWish),
    /// Take.
    Revoke(RevokeWish),
}

/// Several, all or none.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionBatch")]
pub struct Batch {
    /// At most 500.
    #[validate(length(min = 1, max = 500))]
    pub(super) operations: Vec<Operation>,
    /// `true`, which is the default, does all or none; `false` does what can be done.
    #[serde(default = "yes")]
    pub(super) atomic: bool,
}

fn yes() -> bool {
    true
}

/// A grant as this wire shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionGrantView")]
pub struct GrantView {
    pub(super) id: Id,
    pub(super) authentik_sub: String,
    pub(super) user_id: Id,
    #[serde(flatten)]
    pub(super) tuple: Tuple,
    pub(super) reason: Option<String>,
    pub(super) granted_by: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) created_at: Option<Timestamp>,
}

impl GrantView {
    pub(super) fn of(grant: Grant, user: Id, sub: String) -> Self {
        Self {
            id: grant.id,
            authentik_sub: sub,
            user_id: user,
            tuple: grant.tuple,
            reason: grant.terms.reason,
            granted_by: grant.terms.granted_by.map(|granter| granter.name),
            expires_at: grant.terms.expires_at.map(Timestamp),
            created_at: grant.granted_at.map(Timestamp),
        }
    }
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionOutcome")]
pub struct Outcome {
    /// `granted`, `updated`, `unchanged`, `revoked`, `not_granted`.
    pub(super) result: &'static str,
    /// The grant as it is, where something was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) permission: Option<GrantView>,
    /// Roles that give the member what was taken from him, and `owner` where he has everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) still_granted_by: Vec<String>,
    /// The version of what the member may do.
    pub(super) version: i64,
}

/// What became of several.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionBatchOutcome")]
pub struct BatchOutcome {
    /// In the order of the operations: an outcome, or `{"result": "refused", "code", "detail"}`.
    pub(super) results: Vec<Value>,
}

/// Which grants.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionListQuery")]
pub struct ListQuery {
    /// To this member.
    pub(super) authentik_sub: Option<String>,
    /// With this type of scope.
    pub(super) scope_type: Option<String>,
    /// In this scope.
    pub(super) scope_id: Option<String>,
    /// Of this module.
    pub(super) module: Option<String>,
    /// Of this action.
    pub(super) action: Option<String>,
    /// Where the page before ended.
    pub(super) cursor: Option<Id>,
    /// 1 to 200.
    pub(super) limit: Option<u64>,
}

/// A page of grants.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionList")]
pub struct List {
    /// By age.
    pub(super) items: Vec<GrantView>,
    /// For the next page; null at the end.
    pub(super) next_cursor: Option<Id>,
}
