//! The table `member_call`: what programs called.

use sea_orm::entity::prelude::*;

/// One call. Its id was made at the instant at which it came in.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member_call")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub client_id: Uuid,
    pub at: DateTimeUtc,
    pub method: String,
    pub route: String,
    pub status: i32,
    /// The status without its last two digits.
    pub class: i32,
    pub duration_ms: i64,
    pub ip: Option<String>,
    pub request_id: String,
    pub reason: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
