//! The table `webhook_attempt`.

use sea_orm::entity::prelude::*;

/// One try.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub endpoint_id: Uuid,
    pub delivery_id: Uuid,
    pub number: i32,
    pub at: DateTimeUtc,
    pub status: Option<i32>,
    pub duration_ms: i32,
    pub error: Option<String>,
    pub detail: Option<String>,
    pub response: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
