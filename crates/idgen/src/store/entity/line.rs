//! The table `id_journal`: what became of which ids. Rows are only ever added.

use sea_orm::entity::prelude::*;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "id_journal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub key_id: Uuid,
    pub kind: String,
    pub range_start: i64,
    pub range_end: i64,
    pub turn: i64,
    pub at: DateTimeUtc,
    pub caller: Option<String>,
    pub request_id: Option<String>,
    pub calls: i64,
    pub node_id: Uuid,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
