//! The table `membership`.

use sea_orm::entity::prelude::*;

/// A membership: `id` is the user's id, `username`, `name` and `email` are copies.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "membership")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    pub username: String,
    pub name: String,
    pub email: Option<String>,
    pub active: bool,
    pub is_owner: bool,
    pub title: Option<String>,
    pub department_id: Option<Uuid>,
    pub joined_at: DateTimeUtc,
    pub version: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub deleted_at: Option<DateTimeUtc>,
    pub alive: Option<bool>,
    pub search_key: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
