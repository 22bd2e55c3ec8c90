//! The table `sign_in`.

use sea_orm::entity::prelude::*;

/// A sign-in, or an attempt, of a member.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub at: DateTimeUtc,
    pub user_id: Uuid,
    pub username: String,
    pub outcome: String,
    pub reason: String,
    pub ip: String,
    pub user_agent: String,
    pub search_key: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
