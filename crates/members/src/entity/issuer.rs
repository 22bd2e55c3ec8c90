//! The table `member_issuer`: whose access tokens are believed.

use sea_orm::entity::prelude::*;

/// An issuer. Lists are JSON arrays of text.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member_issuer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub issuer: String,
    pub jwks_url: Option<String>,
    pub audiences: Option<Json>,
    pub algorithms: Option<Json>,
    pub azp: Option<Json>,
    pub require_azp: bool,
    pub active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
