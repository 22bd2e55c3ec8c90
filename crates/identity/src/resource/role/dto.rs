//! Roles on the wire.

use base::Id;
use kernel::{Model, Nullable, access::DataScope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::Role;
use crate::resource::Status;

fn own() -> DataScope {
    DataScope::Own
}

/// A new role.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RoleCreate")]
pub struct Create {
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// Short code, unique in the organisation.
    #[validate(length(min = 1, max = 64))]
    pub code: String,
    /// What the role is for.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it has effect.
    #[serde(default)]
    pub status: Status,
    /// The rows that its permissions reach.
    #[serde(default = "own")]
    pub data_scope: DataScope,
    /// Permission codes, `module:name:action`.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The departments of the scope `departments`.
    #[validate(length(max = 1000))]
    #[serde(default)]
    pub department_ids: Vec<Id>,
}

/// Changes to a role.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RolePatch")]
pub struct Patch {
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// Short code, unique in the organisation.
    #[validate(length(min = 1, max = 64))]
    pub code: Option<String>,
    /// What the role is for; `null` clears.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub description: Nullable<String>,
    /// Whether it has effect.
    pub status: Option<Status>,
    /// The rows that its permissions reach.
    pub data_scope: Option<DataScope>,
    /// Permission codes; replaces all.
    #[validate(length(max = 2000))]
    pub permissions: Option<Vec<String>>,
    /// The departments of the scope `departments`; replaces all.
    #[validate(length(max = 1000))]
    pub department_ids: Option<Vec<Id>>,
}

/// A copy's names.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RoleCopy")]
pub struct Copy {
    /// Name of the new role.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// Code of the new role.
    #[validate(length(min = 1, max = 64))]
    pub code: String,
}

/// A role as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Role")]
pub struct View {
    /// Name.
    pub name: String,
    /// Short code.
    pub code: String,
    /// What the role is for.
    pub description: Option<String>,
    /// Whether it has effect.
    pub status: Status,
    /// The rows that its permissions reach.
    pub data_scope: DataScope,
    /// Permission codes.
    pub permissions: Vec<String>,
    /// The departments of the scope `departments`.
    pub department_ids: Vec<Id>,
    /// Members who hold it.
    pub member_count: u64,
    /// Came with the organisation.
    pub built_in: bool,
}

impl From<Model<Role>> for View {
    fn from(row: Model<Role>) -> Self {
        Self {
            name: row.name,
            code: row.code,
            description: row.description,
            status: row.status,
            data_scope: row.data_scope,
            permissions: Vec::new(),
            department_ids: Vec::new(),
            member_count: 0,
            built_in: row.built_in,
        }
    }
}

/// A member who holds a role.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoleMember")]
pub struct Member {
    /// User.
    pub id: Id,
    /// Sign-in name.
    pub username: String,
    /// Name.
    pub name: String,
}

/// The members who hold a role.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoleMembers")]
pub struct Members {
    /// By name.
    pub items: Vec<Member>,
}
