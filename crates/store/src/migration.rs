//! Schema migrations: a list in code, applied once each, under a lock.
//!
//! PostgreSQL and SQLite run all pending migrations in one transaction. MySQL's DDL commits by
//! itself, so every statement there can be repeated, and a named lock keeps two nodes apart.

use std::time::Duration;

use base::{Clock, Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait, Value};

use crate::{Ddl, Dialect, Store, error, error::is_done_before, provision};

/// One step of the schema's history. Names are never changed after release.
#[derive(Clone, Copy)]
pub struct Migration {
    /// Sorts nowhere; order is that of the list.
    pub name: &'static str,
    /// The way forward.
    pub up: fn(&mut Ddl),
    /// The way back.
    pub down: fn(&mut Ddl),
}

/// Whether a migration has been applied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// The migration's name.
    pub name: String,
    /// Whether it is in the database.
    pub applied: bool,
}

/// The product's migrations in order.
#[derive(Clone, Default)]
pub struct Migrations {
    list: Vec<Migration>,
}

/// Any number that no other program on the same PostgreSQL cluster uses for the same purpose.
const LOCK: i64 = 0x7465_6e6f_6e01;
/// How long a node waits for another one that migrates.
const LOCK_WAIT: Duration = Duration::from_secs(120);

impl Migrations {
    /// Appends a crate's migrations.
    #[must_use]
    pub fn with(mut self, more: &[Migration]) -> Self {
        self.list.extend_from_slice(more);
        self
    }

    /// Each migration and whether it has been applied.
    pub async fn status(&self, store: &Store) -> Result<Vec<Status>> {
        let applied = match applied(store.raw()).await {
            Ok(names) => names,
            Err(_) if store.ping().await.is_ok() => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let status = |m: &Migration| Status {
            name: m.name.to_owned(),
            applied: applied.iter().any(|name| name == m.name),
        };
        Ok(self.list.iter().map(status).collect())
    }

    /// Names that are not applied yet.
    pub async fn pending(&self, store: &Store) -> Result<Vec<String>> {
        let all = self.status(store).await?;
        Ok(all.into_iter().filter(|one| !one.applied).map(|one| one.name).collect())
    }

    /// Applies what is pending and returns its names.
    pub async fn up(&self, store: &Store, clock: &dyn Clock) -> Result<Vec<String>> {
        let tx = lock(store).await?;
        let outcome = self.apply(&tx, store.dialect(), clock).await;
        unlock(tx, store.dialect(), outcome).await
    }

    async fn apply(
        &self,
        tx: &DatabaseTransaction,
        dialect: Dialect,
        clock: &dyn Clock,
    ) -> Result<Vec<String>> {
        create_history(tx, dialect).await?;
        let done = applied(tx).await?;
        let mut names = Vec::new();
        for migration in self.list.iter().filter(|m| !done.iter().any(|name| name == m.name)) {
            let mut ddl = Ddl::new(dialect);
            (migration.up)(&mut ddl);
            run(tx, ddl, migration.name).await?;
            let sql = "INSERT INTO schema_migration (name, applied_at) VALUES ($1, $2)";
            execute(tx, dialect, sql, vec![migration.name.into(), base::time::format(clock.now()).into()])
                .await?;
            names.push(migration.name.to_owned());
        }
        Ok(names)
    }

    /// Takes back the newest `steps` migrations and returns their names.
    pub async fn down(&self, store: &Store, steps: usize) -> Result<Vec<String>> {
        let tx = lock(store).await?;
        let outcome = self.revert(&tx, store.dialect(), steps).await;
        unlock(tx, store.dialect(), outcome).await
    }

    async fn revert(&self, tx: &DatabaseTransaction, dialect: Dialect, steps: usize) -> Result<Vec<String>> {
        let done = applied(tx).await?;
        let mut names = Vec::new();
        for migration in self.list.iter().rev().filter(|m| done.iter().any(|name| name == m.name)).take(steps)
        {
            let mut ddl = Ddl::new(dialect);
            (migration.down)(&mut ddl);
            run(tx, ddl, migration.name).await?;
            let sql = "DELETE FROM schema_migration WHERE name = $1";
            execute(tx, dialect, sql, vec![migration.name.into()]).await?;
            names.push(migration.name.to_owned());
        }
        Ok(names)
    }
}

async fn lock(store: &Store) -> Result<DatabaseTransaction> {
    let dialect = store.dialect();
    let options = sea_orm::TransactionOptions {
        sqlite_transaction_mode: (dialect == Dialect::Sqlite)
            .then_some(sea_orm::SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let tx = store.raw().begin_with_options(options).await.map_err(error)?;
    match dialect {
        // Table rebuilds and drops must not trip over references that the same migration mends.
        Dialect::Sqlite => execute(&tx, dialect, "PRAGMA defer_foreign_keys = ON", vec![]).await?,
        Dialect::Postgres => {
            provision::become_owner(&tx).await?;
            execute(&tx, dialect, "SELECT pg_advisory_xact_lock($1)", vec![LOCK.into()]).await?;
        }
        Dialect::Mysql => {
            lift_limit(&tx).await;
            let sql = "SELECT GET_LOCK(CONCAT('tenon_migrate_', DATABASE()), ?) AS held";
            let values = vec![Value::from(LOCK_WAIT.as_secs())];
            let statement = sea_orm::Statement::from_sql_and_values(sea_orm::DbBackend::MySql, sql, values);
            let row = tx.query_one_raw(statement).await.map_err(error)?;
            let held: Option<i64> = row.and_then(|row| row.try_get("", "held").ok());
            if held != Some(1) {
                set_limit_again(&tx).await;
                return Err(Error::unavailable(
                    "migration_running",
                    "another node is migrating the database",
                ));
            }
        }
    }
    Ok(tx)
}

/// MariaDB: a statement of a migration, and the wait for the lock, may take longer than one of a
/// request. Other MySQL servers do not know the limit, and say so.
async fn lift_limit(tx: &DatabaseTransaction) {
    for sql in ["SET @tenon_limit = @@SESSION.max_statement_time", "SET SESSION max_statement_time = 0"] {
        let _ = tx.execute_unprepared(sql).await;
    }
}

/// The connection goes back to those that serve requests.
async fn set_limit_again(tx: &DatabaseTransaction) {
    let _ = tx.execute_unprepared("SET SESSION max_statement_time = @tenon_limit").await;
}

async fn unlock<T>(tx: DatabaseTransaction, dialect: Dialect, outcome: Result<T>) -> Result<T> {
    if dialect == Dialect::Mysql {
        let sql = "DO RELEASE_LOCK(CONCAT('tenon_migrate_', DATABASE()))";
        let _ = tx.execute_unprepared(sql).await;
        set_limit_again(&tx).await;
    }
    match outcome {
        Ok(value) => tx.commit().await.map(|()| value).map_err(error),
        Err(failure) => {
            let _ = tx.rollback().await;
            Err(failure)
        }
    }
}

async fn create_history(tx: &DatabaseTransaction, dialect: Dialect) -> Result<()> {
    let sql = "CREATE TABLE IF NOT EXISTS schema_migration \
               (name VARCHAR(120) NOT NULL PRIMARY KEY, applied_at VARCHAR(40) NOT NULL)";
    tx.execute_unprepared(sql).await.map_err(error)?;
    if dialect == Dialect::Postgres {
        let grant = "GRANT SELECT ON schema_migration TO tenon_app, tenon_system";
        tx.execute_unprepared(grant).await.map_err(error)?;
    }
    Ok(())
}

async fn applied(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let backend = connection.get_database_backend();
    let statement = sea_orm::Statement::from_string(backend, "SELECT name FROM schema_migration");
    let rows = connection.query_all_raw(statement).await.map_err(error)?;
    rows.iter().map(|row| row.try_get("", "name").map_err(error)).collect()
}

async fn run(tx: &DatabaseTransaction, ddl: Ddl, name: &str) -> Result<()> {
    for statement in ddl.into_statements() {
        if let Err(cause) = tx.execute_unprepared(&statement).await {
            // Broken off in its middle, a migration begins anew: no statement of MySQL's is taken back.
            if is_done_before(&cause) {
                continue;
            }
            let detail = format!("migration {name} failed at: {statement}: {cause}");
            return Err(Error::new(base::Kind::Internal, "migration_failed", detail).with_source(cause));
        }
    }
    Ok(())
}

/// `$1` becomes `?` where that is the dialect's mark.
async fn execute(tx: &DatabaseTransaction, dialect: Dialect, sql: &str, values: Vec<Value>) -> Result<()> {
    let sql = match dialect {
        Dialect::Postgres => sql.to_owned(),
        _ => sql.replace("$1", "?").replace("$2", "?"),
    };
    let statement = sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.map(drop).map_err(error)
}
