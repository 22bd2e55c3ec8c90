//! The table `id_key`: one counter of one organisation. Its rows are never deleted while the organisation
//! lives, so that a name cannot begin again below what it issued.

use sea_orm::entity::prelude::*;

/// A key.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "id_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub mode: String,
    pub counter: String,
    pub sync_journal: bool,
    pub id_type: String,
    pub most_ids: i64,
    pub block_least: i64,
    pub block_most: i64,
    pub anonymous: bool,
    pub calls_per_second: i64,
    pub ids_per_minute: i64,
    pub state: String,
    pub reason_kind: Option<String>,
    pub reason: Option<String>,
    pub state_since: DateTimeUtc,
    pub origin: i64,
    pub ceiling: i64,
    /// The same as the limit of `id_type`, for the condition of the statement that draws.
    pub max_value: i64,
    pub claimed: i64,
    pub drawn: i64,
    /// Rises by two with each range that is handed back.
    pub turn: i64,
    /// Rises with each change after which nodes must let go of what they hold.
    pub epoch: i64,
    /// Under which the counter in Redis is good.
    pub generation: Option<String>,
    pub rate_at: DateTimeUtc,
    pub rate_drawn: i64,
    pub rate_per_day: Option<i64>,
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
