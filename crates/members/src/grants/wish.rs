//! What goes over the wire of changes of grants in the console: batches, departures, copies, files.

use base::{Id, Timestamp};
use chrono::{DateTime, Utc};
use kernel::access::Tuple;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::dto::RoleView;
use crate::fields::present;

/// Whether something is given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "MemberGrantOp")]
pub enum Op {
    /// Given.
    Grant,
    /// Taken away.
    Revoke,
}

/// One of several changes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberGrantOperation")]
pub struct Operation {
    /// Give or take.
    pub op: Op,
    /// Whose.
    pub user_id: Id,
    /// What kind of scope.
    pub scope_type: String,
    /// Which.
    pub scope_id: String,
    /// Module.
    pub module: String,
    /// Action.
    pub action: String,
    /// Why; absent leaves what there is.
    #[validate(length(max = 500))]
    pub reason: Option<String>,
    /// Until when; null: for ever; absent leaves what there is. Only where something is given.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// Several changes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberGrantBatch")]
pub struct Batch {
    /// At most 500.
    #[validate(length(min = 1, max = 500), nested)]
    pub operations: Vec<Operation>,
    /// `true`, which is the default, does all or none; `false` does what can be done.
    #[serde(default = "yes")]
    pub atomic: bool,
}

fn yes() -> bool {
    true
}

/// Why something was refused.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantRefusal")]
pub struct Refusal {
    /// Code: that of the field, where one is wrong.
    pub code: String,
    /// English sentence.
    pub detail: String,
}

/// What became of one change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantOutcome")]
pub struct Outcome {
    /// Its place in the body, from 0.
    pub index: usize,
    /// `granted`, `updated`, `unchanged`, `revoked`, `not_granted`, `refused`.
    pub result: &'static str,
    /// Roles that give the member what was taken from him, and `owner` where he has everything.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub still_granted_by: Vec<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}

/// What became of several changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantBatchOutcome")]
pub struct BatchOutcome {
    /// In the order of the operations.
    pub results: Vec<Outcome>,
    /// How many changed something.
    pub changed: usize,
}

/// How a member leaves.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberOffboarding")]
pub struct Offboarding {
    /// Why.
    #[validate(length(min = 1, max = 500))]
    pub reason: String,
    /// Whether the membership is disabled as well.
    #[serde(default = "yes")]
    pub disable: bool,
    /// Whether to tell only what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was taken from a member, or would be.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberOffboarded")]
pub struct Offboarded {
    /// Direct grants.
    pub grants: usize,
    /// Roles.
    pub roles: Vec<RoleView>,
    /// Sessions in the organisation.
    pub sessions: u64,
    /// API keys of the organisation.
    pub api_keys: u64,
    /// Whether the membership was disabled by it.
    pub disabled: bool,
    /// Whether he owned the organisation, which he does no more.
    pub was_owner: bool,
}

/// Whose grants somebody is to have as well.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberGrantCopy")]
pub struct Copying {
    /// The member who has them.
    pub from_user_id: Id,
    /// Only those with these types of scope.
    #[validate(length(min = 1, max = 50))]
    pub scope_types: Option<Vec<String>>,
    /// Whether they end when his do; otherwise they do not end.
    #[serde(default = "yes")]
    pub keep_expiry: bool,
    /// Why; absent takes the reasons along.
    #[validate(length(max = 500))]
    pub reason: Option<String>,
    /// Whether to tell only what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// A tuple with its end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantCopied")]
pub struct Copied {
    /// What.
    #[serde(flatten)]
    pub tuple: Tuple,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// What was not copied, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantNotCopied")]
pub struct NotCopied {
    /// What.
    pub tuple: Tuple,
    /// Code.
    pub code: String,
    /// English sentence.
    pub detail: String,
}

/// What a copy did, or would do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantCopyOutcome")]
pub struct CopyOutcome {
    /// What the member did not have before.
    pub added: Vec<Copied>,
    /// How many he had already, whatever their end.
    pub already: usize,
    /// What the caller may not give.
    pub refused: Vec<NotCopied>,
}

/// What an import did, or would do.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantImport")]
pub struct ImportReport {
    /// Rows of the file.
    pub rows: usize,
    /// New grants.
    pub granted: usize,
    /// Grants with another end or reason.
    pub updated: usize,
    /// Rows that say what is so already; taking what nobody has is one of them.
    pub unchanged: usize,
    /// Grants that were taken away.
    pub revoked: usize,
    /// Whether it was kept: no dry run, and nothing wrong.
    pub applied: bool,
    /// Rows with something wrong.
    pub failed: usize,
    /// What is wrong, for the first 200 problems.
    pub errors: Vec<LineError>,
}

/// What is wrong with a line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrantLineError")]
pub struct LineError {
    /// Line of the file on which the row begins; the header is line 1.
    pub line: usize,
    /// Column, if it is about one.
    pub column: Option<String>,
    /// Code.
    pub code: String,
    /// English sentence.
    pub detail: String,
}
