//! The table `job`.

use sea_orm::entity::prelude::*;

/// A job. `args` and `result` are JSON text: the engine moves them, it does not look into them.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub queue: String,
    pub kind: String,
    pub state: String,
    pub priority: i32,
    pub run_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    pub expires_at: Option<DateTimeUtc>,
    pub attempt: i32,
    pub max_attempts: i32,
    pub fence: i64,
    pub lease_until: Option<DateTimeUtc>,
    pub worker_id: Option<Uuid>,
    pub worker: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub args: String,
    pub tags: String,
    /// What it was to be unique by.
    pub unique_key: Option<String>,
    /// The same while no other job may have it: under way, or within its period.
    pub held_key: Option<String>,
    pub unique_until: Option<DateTimeUtc>,
    pub lane: Option<String>,
    pub waits: i32,
    pub in_flow: bool,
    pub group_id: Option<Uuid>,
    pub schedule_id: Option<Uuid>,
    pub scheduled_for: Option<DateTimeUtc>,
    pub cancel_requested: bool,
    pub progress_done: Option<i64>,
    pub progress_total: Option<i64>,
    pub progress_note: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub result: Option<String>,
    pub error: Option<String>,
    pub created_by: Option<Uuid>,
    pub request_id: Option<String>,
    pub search_key: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
