//! The table `id_database`: how a database is reached.

use sea_orm::entity::prelude::*;

/// A database.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "id_database")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    /// As clients name it.
    pub system_code: String,
    /// The same in lower case.
    pub system_key: String,
    pub product: String,
    pub address: String,
    pub account: String,
    /// Sealed for [`super::super::database::PURPOSE`].
    pub password_sealed: String,
    /// The only one that it covers; none: all of the server.
    pub database_name: Option<String>,
    /// The same in lower case, empty for none.
    pub database_key: String,
    pub version: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// When the scanner last looked, and what kept it from seeing anything.
    pub scanned_at: Option<DateTimeUtc>,
    pub scan_error: Option<String>,
    pub scan_tables: i64,
    /// The job of the newest initialisation.
    pub last_job_id: Option<Uuid>,
}

/// Without the password, sealed as it is.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("system_code", &self.system_code).finish()
    }
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
