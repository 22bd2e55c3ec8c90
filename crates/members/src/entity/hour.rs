//! The table `member_call_hour`: how many calls a program made in an hour.

use sea_orm::entity::prelude::*;

/// The calls of one class of status.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member_call_hour")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub client_id: Uuid,
    /// Its beginning.
    pub hour: DateTimeUtc,
    pub class: i32,
    pub calls: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
