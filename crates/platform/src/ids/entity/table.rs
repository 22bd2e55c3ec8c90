//! The table `id_table`: what the scanner found, and what somebody decided about it.

use sea_orm::entity::prelude::*;

/// A table of somebody's database.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "id_table")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub database_id: Uuid,
    pub database_name: String,
    /// Empty where the product has none.
    pub schema_name: String,
    pub table_name: String,
    pub column_name: String,
    pub column_type: String,
    pub id_type: String,
    pub key_name: String,
    pub max_value: Option<i64>,
    /// waiting, approved, ignored or vanished.
    pub state: String,
    pub found_at: DateTimeUtc,
    pub seen_at: DateTimeUtc,
    pub decided_at: Option<DateTimeUtc>,
    pub note: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
