//! The table `member_adopted`: what was taken over from an older service, so that it is not taken over again
//! when it was taken away here since.

use sea_orm::entity::prelude::*;

/// One row of the older service.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member_adopted")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    /// SHA-256 of what it says, in hexadecimal digits.
    pub digest: String,
    pub at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
