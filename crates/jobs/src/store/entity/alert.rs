//! The table `job_alert`.

use sea_orm::entity::prelude::*;

/// When to tell whom.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_alert")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub metric: String,
    pub threshold: i64,
    pub channel: String,
    pub target: String,
    pub enabled: bool,
    pub quiet_minutes: i32,
    pub last_fired_at: Option<DateTimeUtc>,
    pub last_value: Option<i64>,
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
