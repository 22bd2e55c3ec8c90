//! Databases on the wire.

use base::{Id, Timestamp};
use connector::Product;
use kernel::Nullable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::ids::entity::database::Model;

/// What a password is shown as, and what leaves it as it is.
pub const MASK: &str = "***";

/// A product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdDatabaseKind")]
pub enum DatabaseKind {
    /// MySQL or MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
    /// Microsoft SQL Server.
    Sqlserver,
    /// Oracle Database.
    Oracle,
}

impl From<DatabaseKind> for Product {
    fn from(kind: DatabaseKind) -> Self {
        match kind {
            DatabaseKind::Mysql => Self::Mysql,
            DatabaseKind::Postgresql => Self::Postgres,
            DatabaseKind::Sqlserver => Self::SqlServer,
            DatabaseKind::Oracle => Self::Oracle,
        }
    }
}

/// A new database.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdDatabaseCreate")]
pub struct Create {
    /// The system that its keys belong to.
    #[validate(length(min = 1, max = 100))]
    pub system_code: String,
    /// What it is.
    pub kind: DatabaseKind,
    /// `host`, `host:port`, `[v6]:port`.
    #[validate(length(min = 1, max = 300))]
    pub address: String,
    /// The account; it needs to read only.
    #[validate(length(min = 1, max = 200))]
    pub user: String,
    /// Its password; never shown again.
    #[schemars(extend("writeOnly" = true))]
    pub password: String,
    /// The only database to read; none: all of the server.
    #[validate(length(max = 200))]
    #[serde(default)]
    pub database: Option<String>,
}

/// Changes to a database.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdDatabasePatch")]
pub struct Patch {
    /// The system that its keys belong to; they are renamed with it.
    #[validate(length(min = 1, max = 100))]
    pub system_code: Option<String>,
    /// What it is.
    pub kind: Option<DatabaseKind>,
    /// `host`, `host:port`, `[v6]:port`.
    #[validate(length(min = 1, max = 300))]
    pub address: Option<String>,
    /// The account.
    #[validate(length(min = 1, max = 200))]
    pub user: Option<String>,
    /// A new password; left out or `***`: as it was.
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The only database to read, `null` for all; its keys are renamed with it.
    #[validate(length(max = 200))]
    #[serde(default)]
    pub database: Nullable<String>,
}

/// What to sign in with, to try it.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdDatabaseTest")]
pub struct Test {
    /// A database whose stored password is meant where none is given.
    #[serde(default)]
    pub id: Option<Id>,
    /// As in a database.
    #[serde(default)]
    #[validate(length(max = 100))]
    pub system_code: Option<String>,
    /// What it is.
    pub kind: DatabaseKind,
    /// `host`, `host:port`, `[v6]:port`.
    #[validate(length(min = 1, max = 300))]
    pub address: String,
    /// The account.
    #[validate(length(min = 1, max = 200))]
    pub user: String,
    /// Its password.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The only database to read.
    #[validate(length(max = 200))]
    #[serde(default)]
    pub database: Option<String>,
}

/// Whether a database answers.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "IdDatabaseAnswer")]
pub struct Tested {
    /// Whether it does.
    pub ok: bool,
    /// Why not, in its own words.
    pub error: Option<String>,
    /// Product and version.
    pub product: Option<String>,
    /// How long that took.
    pub milliseconds: u64,
    /// The databases that it covers.
    pub databases: Vec<String>,
    /// How many tables the first of them has.
    pub tables: Option<usize>,
}

/// What the scanner last saw.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdDatabaseScan")]
pub struct Scan {
    /// When it looked.
    pub at: Option<Timestamp>,
    /// Whether it saw everything.
    pub ok: Option<bool>,
    /// What it did not.
    pub error: Option<String>,
    /// Tables with keys of integers.
    pub tables: i64,
}

/// A database as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdDatabase")]
pub struct View {
    /// Id.
    pub id: Id,
    /// The system that its keys belong to.
    pub system_code: String,
    /// mysql, postgresql, sqlserver or oracle.
    pub kind: String,
    /// Where it is.
    pub address: String,
    /// The account.
    pub user: String,
    /// The only database to read; none: all of the server.
    pub database: Option<String>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Rises with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
    /// What the scanner last saw.
    pub scan: Scan,
    /// Keys that it has.
    pub keys: usize,
    /// Found tables about which nobody has decided.
    pub tables_waiting: usize,
}

impl View {
    /// With what was counted beside the row.
    pub fn of(row: Model, has_password: bool, keys: usize, tables_waiting: usize) -> Self {
        let ok = row.scanned_at.map(|_| row.scan_error.is_none());
        Self {
            id: row.id,
            system_code: row.system_code,
            kind: row.product,
            address: row.address,
            user: row.account,
            database: row.database_name,
            has_password,
            version: row.version,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            scan: Scan {
                at: row.scanned_at.map(Into::into),
                ok,
                error: row.scan_error,
                tables: row.scan_tables,
            },
            keys,
            tables_waiting,
        }
    }
}

/// Databases.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdDatabases")]
pub struct Items {
    /// By name.
    pub items: Vec<View>,
}

/// What the end of a database touches.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdDatabaseRemoval")]
pub struct Removal {
    /// The first hundred keys that are given up.
    pub retires: Vec<String>,
    /// How many there are.
    pub retires_total: usize,
    /// Found tables that are forgotten.
    pub forgets_tables: usize,
    /// Databases of the same system that stay as they are.
    pub keeps: Vec<String>,
}
