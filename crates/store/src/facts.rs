//! What `tenon doctor` wants to know about the database's server.

use base::Result;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::Serialize;

use crate::{Dialect, Store, error, read};

/// What the server says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Its version, such as `15.4` or `10.11.6-MariaDB`.
    pub version: String,
    /// Its clock; the embedded database has none of its own.
    pub now: Option<DateTime<Utc>>,
}

/// Asks the server.
pub async fn facts(store: &Store) -> Result<Facts> {
    let (backend, sql) = match store.dialect() {
        Dialect::Sqlite => (DbBackend::Sqlite, "SELECT sqlite_version() AS version, 0.0 AS seconds"),
        Dialect::Postgres => (
            DbBackend::Postgres,
            "SELECT current_setting('server_version') AS version, \
             EXTRACT(EPOCH FROM clock_timestamp())::float8 AS seconds",
        ),
        Dialect::Mysql => (
            DbBackend::MySql,
            "SELECT CAST(VERSION() AS CHAR) AS version, CAST(UNIX_TIMESTAMP(NOW(6)) AS DOUBLE) AS seconds",
        ),
    };
    let row = store.raw().query_one_raw(Statement::from_string(backend, sql)).await.map_err(error)?;
    let row = row.ok_or_else(|| base::Error::internal("the database tells no version"))?;
    let seconds: f64 = read(&row, "seconds")?;
    let now = DateTime::from_timestamp_micros((seconds * 1e6).round() as i64);
    Ok(Facts { version: read(&row, "version")?, now: now.filter(|_| seconds > 0.0) })
}
