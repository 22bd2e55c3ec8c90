//! The audit trail, to read and to export. Nothing writes to it but the kernel.

use base::{Id, Timestamp};
use kernel::{
    Draft, Meta, Resource, Sample, Spec,
    audit::entity::{self, Column},
    resource::{Endpoints, Never},
};
use schemars::JsonSchema;
use serde::Serialize;

/// An audit entry.
pub struct AuditEntry;

impl Resource for AuditEntry {
    type Entity = entity::Entity;
    type Create = Never;
    type Patch = Never;
    type View = View;

    const META: Meta = Meta {
        module: "identity",
        name: "audit_entry",
        plural: "audit-entries",
        zh: "审计日志",
        en: "Audit trail",
    };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Action)
            .search([Column::ActorName, Column::TargetName, Column::Action])
            .filter([
                Column::At,
                Column::ActorId,
                Column::ActorKind,
                Column::Action,
                Column::TargetType,
                Column::TargetId,
                Column::Outcome,
                Column::Ip,
                Column::RequestId,
            ])
            .sort([Column::At, Column::ActorName, Column::Action, Column::TargetType])
            .order([(Column::At, true)])
            .owner(Column::ActorId)
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }
    fn create(_: &Never) -> Draft<Self> {
        Draft::<Self>::default()
    }
    fn patch(_: &Never, _: &mut Draft<Self>) {}

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list", "read", "export"]);
    }
}

/// An audit entry as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
pub struct View {
    /// When.
    pub at: Timestamp,
    /// user, api_key, cli or system.
    pub actor_kind: String,
    /// Who.
    pub actor_id: Option<Id>,
    /// The name at that time.
    pub actor_name: String,
    /// `module:name:action`.
    pub action: String,
    /// What kind of thing.
    pub target_type: String,
    /// Which one.
    pub target_id: Option<Id>,
    /// Its name at that time.
    pub target_name: String,
    /// ok, denied or failed.
    pub outcome: String,
    /// From where.
    pub ip: String,
    /// With what.
    pub user_agent: String,
    /// Under which request id.
    pub request_id: String,
    /// `{field: {before, after}}`.
    pub changes: serde_json::Value,
}

/// The columns of both trails are the same; their rows are two types.
macro_rules! shown {
    ($($row:ty),*) => { $(
        impl From<$row> for View {
            fn from(row: $row) -> Self {
                Self {
                    at: row.at.into(),
                    actor_kind: row.actor_kind,
                    actor_id: row.actor_id,
                    actor_name: row.actor_name,
                    action: row.action,
                    target_type: row.target_type,
                    target_id: row.target_id,
                    target_name: row.target_name,
                    outcome: row.outcome,
                    ip: row.ip,
                    user_agent: row.user_agent,
                    request_id: row.request_id,
                    changes: row.changes.unwrap_or_else(|| serde_json::json!({})),
                }
            }
        }
    )* };
}

shown!(entity::Model, kernel::audit::platform::entity::Model);
