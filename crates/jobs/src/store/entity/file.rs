//! The table `job_file`: what jobs read and leave, in pieces (`job_file_piece`).

use sea_orm::entity::prelude::*;

/// A file of a job.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_file")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub job_id: Option<Uuid>,
    pub name: String,
    pub content_type: String,
    pub size: i64,
    pub is_input: bool,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
