//! The table `id_lease`: the blocks that nodes hold. A row goes when its ids are used up and written; the
//! row of a node that was killed stays and says who lost the ids.

use sea_orm::entity::prelude::*;

/// A lease.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "id_lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub key_id: Uuid,
    pub node_id: Uuid,
    pub range_start: i64,
    pub range_end: i64,
    /// The key's epoch; a lease of an earlier one than the key has now is void.
    pub epoch: i64,
    pub leased_at: DateTimeUtc,
    pub seen_at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
