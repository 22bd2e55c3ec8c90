//! The table `job_schedule`.

use sea_orm::entity::prelude::*;

/// A schedule: an engine record with a plan and what became of it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_schedule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub kind: String,
    pub expression: Option<String>,
    pub every_seconds: Option<i64>,
    pub at: Option<DateTimeUtc>,
    pub time_zone: String,
    pub starts_at: Option<DateTimeUtc>,
    pub ends_at: Option<DateTimeUtc>,
    pub jitter_seconds: i32,
    pub misfire: String,
    pub misfire_limit: i32,
    pub overlap: String,
    pub job_kind: String,
    #[sea_orm(column_type = "Text")]
    pub args: String,
    pub queue: Option<String>,
    pub priority: i32,
    pub enabled: bool,
    pub source: String,
    pub next_at: Option<DateTimeUtc>,
    pub last_at: Option<DateTimeUtc>,
    pub last_job_id: Option<Uuid>,
    pub runs: i64,
    pub missed: i64,
    pub skipped: i64,
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
