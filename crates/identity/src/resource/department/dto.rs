//! Departments on the wire.

use base::Id;
use kernel::{Model, Nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::Department;
use crate::resource::Status;

/// A new department.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DepartmentCreate")]
pub struct Create {
    /// The department above; none for a root.
    #[serde(default)]
    pub parent_id: Option<Id>,
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// Short code, unique in the organisation.
    #[validate(length(min = 1, max = 64))]
    #[serde(default)]
    pub code: Option<String>,
    /// Place among its siblings, smallest first.
    #[validate(range(min = -100_000, max = 100_000))]
    #[serde(default)]
    pub sort: i32,
    /// The member who leads it.
    #[serde(default)]
    pub leader_id: Option<Id>,
    /// Telephone.
    #[validate(length(max = 40))]
    #[serde(default)]
    pub phone: Option<String>,
    /// E-mail address.
    #[validate(email, length(max = 254))]
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it is in use.
    #[serde(default)]
    pub status: Status,
}

/// Changes to a department.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DepartmentPatch")]
pub struct Patch {
    /// The department above; `null` makes it a root.
    #[serde(default)]
    pub parent_id: Nullable<Id>,
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// Short code; `null` clears.
    #[validate(length(min = 1, max = 64))]
    #[serde(default)]
    pub code: Nullable<String>,
    /// Place among its siblings.
    #[validate(range(min = -100_000, max = 100_000))]
    pub sort: Option<i32>,
    /// The member who leads it; `null` clears.
    #[serde(default)]
    pub leader_id: Nullable<Id>,
    /// Telephone; `null` clears.
    #[validate(length(max = 40))]
    #[serde(default)]
    pub phone: Nullable<String>,
    /// E-mail address; `null` clears.
    #[validate(email, length(max = 254))]
    #[serde(default)]
    pub email: Nullable<String>,
    /// Whether it is in use.
    pub status: Option<Status>,
}

/// A department as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Department")]
pub struct View {
    /// The department above.
    pub parent_id: Option<Id>,
    /// Its name.
    pub parent_name: Option<String>,
    /// Name.
    pub name: String,
    /// Short code.
    pub code: Option<String>,
    /// Place among its siblings.
    pub sort: i32,
    /// The member who leads it.
    pub leader_id: Option<Id>,
    /// His or her name.
    pub leader_name: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether it is in use.
    pub status: Status,
    /// Members directly in it.
    pub member_count: u64,
}

impl From<Model<Department>> for View {
    fn from(row: Model<Department>) -> Self {
        Self {
            parent_id: row.parent_id,
            parent_name: None,
            name: row.name,
            code: row.code,
            sort: row.sort,
            leader_id: row.leader_id,
            leader_name: None,
            phone: row.phone,
            email: row.email,
            status: row.status,
            member_count: 0,
        }
    }
}
