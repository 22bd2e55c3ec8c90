//! The table `member_client`: programs that act on permissions.

use sea_orm::entity::prelude::*;

/// A program with a key. Lists are JSON arrays of text; an absent list limits nothing but `scopes` and
/// `may_grant`, of which an absent one allows nothing.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member_client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub client_key: String,
    pub name: String,
    pub key_hash: String,
    pub previous_hash: Option<String>,
    pub previous_until: Option<DateTimeUtc>,
    pub key_prefix: String,
    pub active: bool,
    pub scopes: Option<Json>,
    pub may_grant: Option<Json>,
    pub allow_origins: Option<Json>,
    pub allow_ips: Option<Json>,
    pub allow_paths: Option<Json>,
    pub calls_per_minute: i32,
    pub expires_at: Option<DateTimeUtc>,
    pub last_used_at: Option<DateTimeUtc>,
    pub made_by: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
