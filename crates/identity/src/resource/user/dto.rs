//! Members on the wire.

use base::{Id, Timestamp};
use kernel::{Model, Nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::User;

/// What an organisation says of a member; replaces all of it.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserPut")]
pub struct Put {
    /// Whether the member may sign in to this organisation.
    pub active: bool,
    /// Title, as on a business card.
    #[validate(length(max = 120))]
    #[serde(default)]
    pub title: Option<String>,
    /// Department.
    #[serde(default)]
    pub department_id: Option<Id>,
    /// Posts.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub post_ids: Vec<Id>,
    /// Roles.
    #[validate(length(max = 100))]
    #[serde(default)]
    pub role_ids: Vec<Id>,
}

/// Changes to a member.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserPatch")]
pub struct Patch {
    /// Whether the member may sign in to this organisation.
    pub active: Option<bool>,
    /// Whether the member owns the organisation; only owners change it.
    pub is_owner: Option<bool>,
    /// Title; `null` clears.
    #[validate(length(max = 120))]
    #[serde(default)]
    pub title: Nullable<String>,
    /// Department; `null` clears.
    #[serde(default)]
    pub department_id: Nullable<Id>,
    /// Posts; replaces all.
    #[validate(length(max = 100))]
    pub post_ids: Option<Vec<Id>>,
    /// Roles; replaces all.
    #[validate(length(max = 100))]
    pub role_ids: Option<Vec<Id>>,
}

/// A role by name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoleName")]
pub struct RoleName {
    /// Role.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// A member as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub struct View {
    /// Sign-in name.
    pub username: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the member may sign in to this organisation.
    pub active: bool,
    /// Whether the account is closed everywhere.
    pub disabled: bool,
    /// Owns the organisation.
    pub is_owner: bool,
    /// Administers the installation.
    pub is_platform_admin: bool,
    /// Title.
    pub title: Option<String>,
    /// Department.
    pub department_id: Option<Id>,
    /// Its name.
    pub department_name: Option<String>,
    /// Posts.
    pub post_ids: Vec<Id>,
    /// Roles.
    pub role_ids: Vec<Id>,
    /// Roles by name.
    pub roles: Vec<RoleName>,
    /// When the member last signed in to this organisation, or came to it from another one.
    pub last_sign_in_at: Option<Timestamp>,
    /// Member since.
    pub joined_at: Timestamp,
}

impl From<Model<User>> for View {
    fn from(row: Model<User>) -> Self {
        Self {
            username: row.username,
            name: row.name,
            email: row.email,
            active: row.active,
            disabled: false,
            is_owner: row.is_owner,
            is_platform_admin: false,
            title: row.title,
            department_id: row.department_id,
            department_name: None,
            post_ids: Vec::new(),
            role_ids: Vec::new(),
            roles: Vec::new(),
            last_sign_in_at: None,
            joined_at: row.joined_at.into(),
        }
    }
}
