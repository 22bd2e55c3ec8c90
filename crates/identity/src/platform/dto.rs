//! Accounts and organisations as the installation's administrators see them.

use base::{Id, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::entity::app_user;

/// An account.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformUser")]
pub struct View {
    /// Id.
    pub id: Id,
    /// Sign-in name.
    pub username: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is proven and signs in.
    pub email_verified: bool,
    /// Whether the account is closed.
    pub disabled: bool,
    /// Whether it was anonymised.
    pub anonymized: bool,
    /// Administers the installation.
    pub is_platform_admin: bool,
    /// Last sign-in.
    pub last_sign_in_at: Option<Timestamp>,
    /// Version.
    pub version: i32,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

impl From<app_user::Model> for View {
    fn from(row: app_user::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            name: row.name,
            email_verified: row.login_email.is_some(),
            email: row.email,
            disabled: row.disabled_at.is_some(),
            anonymized: row.anonymized_at.is_some(),
            is_platform_admin: row.is_platform_admin,
            last_sign_in_at: row.last_sign_in_at.map(Into::into),
            version: row.version,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// Changes to an account.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlatformUserPatch")]
pub struct Patch {
    /// Closes the account everywhere, or opens it again.
    pub disabled: Option<bool>,
    /// Makes a platform administrator, or ends it.
    pub is_platform_admin: Option<bool>,
    /// A new address; it counts as proven, since an administrator vouches for it.
    #[validate(length(min = 3, max = 254))]
    pub email: Option<String>,
    /// A new name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// The version that was read; another one is 409.
    pub version: Option<i64>,
}

/// An organisation with its size.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformOrganization")]
pub struct OrganizationRow {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// The name as a word.
    pub slug: String,
    /// How many members it has.
    pub member_count: i64,
    /// Founded at.
    pub created_at: Timestamp,
    /// When it will be gone, if its deletion is scheduled.
    pub delete_after: Option<Timestamp>,
}
