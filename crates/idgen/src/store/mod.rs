//! The engine's rows: every statement that touches its tables, on three databases.
//!
//! Statements are written once, with `$1` marks; what the databases say differently is one `Dialect`
//! each. Every statement names the organisation, since the engine works under the system's role.

mod dialect;
pub mod entity;
pub(crate) mod findings;
pub(crate) mod journal;
pub(crate) mod key;
pub(crate) mod lease;
mod migrations;
mod mysql;
mod postgres;
pub(crate) mod request;
mod sqlite;

use ::store::Tx;
use base::{Error, Result};
use chrono::{DateTime, Utc};
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

/// The database's clock.
pub(crate) async fn now(tx: &Tx) -> Result<DateTime<Utc>> {
    let sql = format!("SELECT {} AS database_now", tx.dialect().now());
    let rows = query(tx, &sql, Vec::new()).await?;
    let row = rows.first().ok_or_else(|| Error::internal("the clock was not read"))?;
    ::store::read(row, "database_now")
}
