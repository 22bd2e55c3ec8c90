//! Posts on the wire.

use kernel::{Model, Nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::Post;
use crate::resource::Status;

/// A new post.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PostCreate")]
pub struct Create {
    /// Short code, unique in the organisation.
    #[validate(length(min = 1, max = 64))]
    pub code: String,
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
    /// Place in lists, smallest first.
    #[validate(range(min = -100_000, max = 100_000))]
    #[serde(default)]
    pub sort: i32,
    /// Whether it can be given to members.
    #[serde(default)]
    pub status: Status,
    /// Anything worth noting.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub remark: Option<String>,
}

/// Changes to a post.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PostPatch")]
pub struct Patch {
    /// Short code, unique in the organisation.
    #[validate(length(min = 1, max = 64))]
    pub code: Option<String>,
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// Place in lists, smallest first.
    #[validate(range(min = -100_000, max = 100_000))]
    pub sort: Option<i32>,
    /// Whether it can be given to members.
    pub status: Option<Status>,
    /// Anything worth noting; `null` clears.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub remark: Nullable<String>,
}

/// A post as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Post")]
pub struct View {
    /// Short code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Place in lists.
    pub sort: i32,
    /// Whether it can be given to members.
    pub status: Status,
    /// Anything worth noting.
    pub remark: Option<String>,
}

impl From<Model<Post>> for View {
    fn from(row: Model<Post>) -> Self {
        Self { code: row.code, name: row.name, sort: row.sort, status: row.status, remark: row.remark }
    }
}
