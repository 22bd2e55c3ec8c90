//! The engine's rows: every statement that touches its tables, on three databases.
//!
//! Statements are written once, with `$1` marks; what the databases say differently is one `Dialect`
//! each. Every statement names the organisation, since the engine works under the system's role.

mod dialect;
pub mod entity;
pub(crate) mod journal;
pub(crate) mod key;
pub(crate) mod lease;
mod migrations;
mod mysql;
pub(crate) mod number;
mod postgres;
pub(crate) mod request;
mod sqlite;
pub(crate) mod usage;
pub(crate) mod worker;

use ::store::Tx;
use base::Result;
use sea_orm::{QueryResult, Value};

use self::dialect::Dialect;

pub use migrations::{MIGRATION, TENANT_TABLES};

fn dialect(tx: &Tx) -> &'static dyn Dialect {
    match tx.dialect() {
        ::store::Dialect::Sqlite => &sqlite::Sqlite,
        ::store::Dialect::Postgres => &postgres::Postgres,
        ::store::Dialect::Mysql => &mysql::Mysql,
    }
}

/// Runs a statement with `$n` marks.
async fn execute(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<u64> {
    let (sql, values) = dialect(tx).prepare(sql, values);
    tx.execute_sql(&sql, values).await
}

/// Reads with `$n` marks.
async fn query(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    let (sql, values) = dialect(tx).prepare(sql, values);
    tx.query_sql(&sql, values).await
}
