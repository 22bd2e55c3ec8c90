//! The table `job_attempt`: attempts that did not succeed.

use sea_orm::entity::prelude::*;

/// An attempt that ended otherwise than well.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub job_id: Uuid,
    pub attempt: i32,
    pub fence: i64,
    pub worker: Option<String>,
    pub started_at: Option<DateTimeUtc>,
    pub ended_at: DateTimeUtc,
    pub outcome: String,
    pub error: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
