//! The table `webhook_secret`.

use sea_orm::entity::prelude::*;

/// What signs for a receiver. Apart from its record, so that no list and no trail can show it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_secret")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub endpoint_id: Uuid,
    pub sealed: String,
    /// Its last characters.
    pub hint: String,
    pub created_at: DateTimeUtc,
    /// Until when it signs beside its successor; NULL for the newest one.
    pub expires_at: Option<DateTimeUtc>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
