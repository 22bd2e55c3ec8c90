//! The table `invitation`.

use sea_orm::entity::prelude::*;

/// How far an invitation has come. That it has expired follows from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Status {
    /// Waits for an answer.
    Pending,
    /// Somebody has joined by it.
    Accepted,
    /// Taken back.
    Revoked,
}

/// An invitation; its token is kept as a digest.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub email: String,
    pub email_key: String,
    pub name: Option<String>,
    pub role_ids: Option<Json>,
    pub post_ids: Option<Json>,
    pub department_id: Option<Uuid>,
    pub digest: String,
    pub status: Status,
    pub invited_by: Uuid,
    pub accepted_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub accepted_at: Option<DateTimeUtc>,
    pub version: i32,
    pub search_key: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
