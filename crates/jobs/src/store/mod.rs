//! The engine's rows: every statement that touches a job's tables, on three databases.
//!
//! Statements are written once, with `$1` marks; what the databases say differently (rows from
//! JSON, locks, an update that joins, an insert that leaves what is there) is one [`Dialect`] each.
//! Batches travel as one JSON parameter, so that a statement's text does not depend on how many
//! rows it moves and stays prepared.

mod claim;
mod dialect;
pub mod entity;
mod files;
mod finish;
mod flow;
mod insert;
pub(crate) mod inspect;
mod manage;
mod migrations;
mod mysql;
mod postgres;
mod promote;
mod schedule;
mod sqlite;
mod stats;
mod worker;

use ::store::{Opening, Role, Tx};
use base::Result;
use sea_orm::{QueryResult, Value, sea_query::Expr};

pub use dialect::Dialect;
pub use migrations::{MIGRATION, TENANT_TABLES};
pub use stats::{BUCKETS, Depth, Histogram, Minute};
pub use worker::WorkerRow;

pub(crate) use claim::{Claim, Claimed, claim};
pub(crate) use files::{
    add_piece, begin_file, drop_file, end_file, file_size, kept_bytes, lock_attempt, piece,
};
pub(crate) use finish::{Ended, Ending, Line, Note, Progress, Words, acknowledge, write_words};
pub(crate) use flow::{begin_wait, inputs};
pub(crate) use insert::{Row, Unique, free, holders, insert, insert_edges};
pub(crate) use manage::{
    cancel, delete, kind_of, prune, prune_files, retry, sealed_arguments, set_arguments,
};
pub(crate) use promote::{Admitted, admit, anything_due, anything_waits, promote, rescue};
pub(crate) use schedule::{
    Turn, declared, due, is_due, keep_only, last_jobs, next_due, put, set_enabled, turn,
};
pub(crate) use stats::{Counted, Tally, depths, minutes, prune as prune_stats};
pub(crate) use worker::{
    Held, confirm, forget_workers, leave, paused, renew, report, retentions, set_paused, set_retention,
    workers,
};

/// The dialect of a unit of work.
pub(crate) fn dialect(tx: &Tx) -> &'static dyn Dialect {
    dialect_of(tx.dialect())
}

fn dialect_of(dialect: ::store::Dialect) -> &'static dyn Dialect {
    match dialect {
        ::store::Dialect::Sqlite => &sqlite::Sqlite,
        ::store::Dialect::Postgres => &postgres::Postgres,
        ::store::Dialect::Mysql => &mysql::Mysql,
    }
}

/// How a worker's unit of work begins: over every organisation, with the database's settings for it in
/// the same statement.
pub(crate) fn opening(dialect: ::store::Dialect) -> Opening {
    let mut opening = Opening::new(Role::System, None);
    for (name, value) in dialect_of(dialect).settings() {
        let select = opening.read.get_or_insert_default();
        select.expr(Expr::cust(format!("set_config('{name}', '{value}', true)")));
    }
    opening
}

/// Runs a statement with `$n` marks.
pub(crate) async fn execute(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<u64> {
    let (sql, values) = dialect(tx).prepare(sql, values);
    tx.execute_sql(&sql, values).await
}

/// Reads with `$n` marks.
pub(crate) async fn query(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    let (sql, values) = dialect(tx).prepare(sql, values);
    tx.query_sql(&sql, values).await
}

/// A job's whole key, as JSON for a batch.
#[derive(serde::Serialize)]
pub(crate) struct Key {
    org_id: String,
    id: String,
}

impl Key {
    pub(crate) fn of(org: base::Id, id: base::Id) -> Self {
        Self { org_id: org.simple().to_string(), id: id.simple().to_string() }
    }
}

/// The columns of [`Key`] in a batch.
pub(crate) const KEY: &[(&str, dialect::Column)] =
    &[("org_id", dialect::Column::Uuid), ("id", dialect::Column::Uuid)];

/// A batch as the parameter that carries it.
pub(crate) fn batch<T: serde::Serialize>(rows: &[T]) -> Result<Value> {
    serde_json::to_string(rows).map(Value::from).map_err(base::Error::internal)
}
