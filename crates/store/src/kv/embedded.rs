//! The embedded key-value store: one SQLite file, one writer.

use std::{
    collections::HashMap, fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, sync::Mutex,
    time::Duration,
};

use base::{Clock, Result};
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, Value, sqlx,
};

use super::Kv;
use crate::error;

pub(super) struct Embedded {
    connection: DatabaseConnection,
    clock: Arc<dyn Clock>,
    /// Key → (count, expiry in ms).
    counters: Mutex<HashMap<String, (u64, i64)>>,
}

impl Embedded {
    pub(super) async fn open(file: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        // Made here when it is missing, so that nobody else on the machine may read it. A folder that
        // cannot be written is told by the database.
        let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
        options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(5))
        });
        let connection = Database::connect(options).await.map_err(error)?;
        let table = "CREATE TABLE IF NOT EXISTS kv \
                     (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID";
        connection.execute_unprepared(table).await.map_err(error)?;
        Ok(Self { connection, clock, counters: Mutex::default() })
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        self.connection.execute_raw(statement).await.map(|done| done.rows_affected()).map_err(error)
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Kv for Embedded {
    fn put_new<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let now = self.now();
            let sql = "INSERT INTO kv (key, value, expires) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE \
                       SET value = excluded.value, expires = excluded.expires WHERE kv.expires <= ?";
            let values = vec![key.into(), value.into(), now.saturating_add(millis(ttl)).into(), now.into()];
            Ok(self.run(sql, values).await? == 1)
        })
    }

    fn count<'a>(&'a self, key: &'a str, window: Duration) -> BoxFuture<'a, Result<(u64, Duration)>> {
        Box::pin(async move {
            let now = self.now();
            let mut counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let entry = counters.entry(key.to_owned()).or_insert((0, now.saturating_add(millis(window))));
            if entry.1 <= now {
                *entry = (0, now.saturating_add(millis(window)));
            }
            entry.0 += 1;
            let left = Duration::from_millis(u64::try_from(entry.1 - now).unwrap_or_default());
            Ok((entry.0, left))
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.connection.execute_unprepared("SELECT 1").await.map(drop).map_err(error) })
    }

    fn sweep(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let now = self.now();
            self.counters
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .retain(|_, (_, expires)| *expires > now);
            self.run("DELETE FROM kv WHERE expires <= ?", vec![now.into()]).await.map(drop)
        })
    }
}
