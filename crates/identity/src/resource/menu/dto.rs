//! Menu entries on the wire.

use base::Id;
use kernel::{Model, Nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::{Kind, Menu};

/// A new menu entry.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MenuCreate")]
pub struct Create {
    /// The entry above.
    #[serde(default)]
    pub parent_id: Option<Id>,
    /// Group, page or link.
    pub kind: Kind,
    /// Title in Chinese.
    #[validate(length(min = 1, max = 120))]
    pub title_zh: String,
    /// Title in English.
    #[validate(length(min = 1, max = 120))]
    pub title_en: String,
    /// Key of the console's page, such as `identity.users`.
    #[validate(length(min = 1, max = 120))]
    #[serde(default)]
    pub page: Option<String>,
    /// Where a link leads.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub url: Option<String>,
    /// Name of an icon.
    #[validate(length(max = 64))]
    #[serde(default)]
    pub icon: Option<String>,
    /// Place among its siblings.
    #[validate(range(min = -100_000, max = 100_000))]
    #[serde(default)]
    pub sort: i32,
    /// Not shown.
    #[serde(default)]
    pub hidden: bool,
    /// Shown to holders of this permission only.
    #[validate(length(max = 190))]
    #[serde(default)]
    pub permission: Option<String>,
}

/// Changes to a menu entry.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MenuPatch")]
pub struct Patch {
    /// The entry above; `null` moves it to the top.
    #[serde(default)]
    pub parent_id: Nullable<Id>,
    /// Group, page or link.
    pub kind: Option<Kind>,
    /// Title in Chinese.
    #[validate(length(min = 1, max = 120))]
    pub title_zh: Option<String>,
    /// Title in English.
    #[validate(length(min = 1, max = 120))]
    pub title_en: Option<String>,
    /// Key of the console's page.
    #[validate(length(min = 1, max = 120))]
    #[serde(default)]
    pub page: Nullable<String>,
    /// Where a link leads.
    #[validate(length(max = 500))]
    #[serde(default)]
    pub url: Nullable<String>,
    /// Name of an icon.
    #[validate(length(max = 64))]
    #[serde(default)]
    pub icon: Nullable<String>,
    /// Place among its siblings.
    #[validate(range(min = -100_000, max = 100_000))]
    pub sort: Option<i32>,
    /// Not shown.
    pub hidden: Option<bool>,
    /// Shown to holders of this permission only.
    #[validate(length(max = 190))]
    #[serde(default)]
    pub permission: Nullable<String>,
}

/// A menu entry as shown to administrators.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Menu")]
pub struct View {
    /// The entry above.
    pub parent_id: Option<Id>,
    /// Group, page or link.
    pub kind: Kind,
    /// Title in Chinese.
    pub title_zh: String,
    /// Title in English.
    pub title_en: String,
    /// Key of the console's page.
    pub page: Option<String>,
    /// Where a link leads.
    pub url: Option<String>,
    /// Name of an icon.
    pub icon: Option<String>,
    /// Place among its siblings.
    pub sort: i32,
    /// Not shown.
    pub hidden: bool,
    /// Shown to holders of this permission only.
    pub permission: Option<String>,
}

impl From<Model<Menu>> for View {
    fn from(row: Model<Menu>) -> Self {
        Self {
            parent_id: row.parent_id,
            kind: row.kind,
            title_zh: row.title_zh,
            title_en: row.title_en,
            page: row.page,
            url: row.url,
            icon: row.icon,
            sort: row.sort,
            hidden: row.hidden,
            permission: row.permission,
        }
    }
}
