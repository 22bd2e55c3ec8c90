//! Connection pools, and the one place where transactions begin.

use std::{sync::Arc, time::Duration};

use base::{Clock, Error, Id, Result, SystemClock};
use chrono::{DateTime, Utc};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, SqliteTransactionMode,
    TransactionOptions, TransactionTrait, sqlx,
};

use crate::{Dialect, Listener, Opening, Role, Tx, error};

/// In a PostgreSQL URL, says that a transaction pooler such as PgBouncer stands in between: no
/// prepared statement outlives its transaction. Without it, statements are kept and reused.
pub const POOLED: &str = "statement-cache-capacity=0";

/// How to connect.
#[derive(Clone)]
pub struct Options {
    /// `sqlite://file`, `postgres://…` or `mysql://…`.
    pub url: String,
    /// Connections that serve requests (SQLite: readers; there is always one writer).
    pub pool: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub acquire: Duration,
    /// How long one statement may run (PostgreSQL and MySQL).
    pub statement: Duration,
    /// Moves the database's clock by hand, for tests; see [`Store::begin_timed`].
    pub clock: Arc<dyn Clock>,
    /// Leave out the application's own organisation filter, so that a test can prove that the
    /// database's policies hold without it. Has no effect in a release build.
    pub unfiltered: bool,
}

impl Options {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool: 10,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
            unfiltered: false,
        }
    }
}

/// Whether a unit of work may write. Decides the pool (SQLite) and the transaction's access mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads only.
    Read,
    /// Reads and writes.
    Write,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    dialect: Dialect,
    unfiltered: bool,
    statement: Duration,
    pooled: bool,
    clock: Arc<dyn Clock>,
    url: String,
}

impl Store {
    /// Connects. The first connection is made at once, so that a wrong password is found here.
    pub async fn connect(options: &Options) -> Result<Self> {
        let dialect = Dialect::of(&options.url)?;
        let writer =
            open(options, dialect, if dialect == Dialect::Sqlite { 1 } else { options.pool }).await?;
        let reader = match dialect {
            Dialect::Sqlite => open(options, dialect, options.pool.clamp(1, 4)).await?,
            _ => writer.clone(),
        };
        let unfiltered = options.unfiltered && cfg!(debug_assertions);
        let pooled = dialect == Dialect::Postgres && options.url.contains(POOLED);
        Ok(Self {
            shared: Arc::new(Shared {
                reader,
                writer,
                dialect,
                unfiltered,
                statement: options.statement,
                pooled,
                clock: options.clock.clone(),
                url: options.url.clone(),
            }),
        })
    }

    /// The kind of database.
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    /// Begins a unit of work: one transaction under `opening.role`, bound to `opening.org`.
    pub async fn begin(&self, mode: Mode, opening: Opening) -> Result<Tx> {
        let pool = if mode == Mode::Read { &self.shared.reader } else { &self.shared.writer };
        let options = TransactionOptions {
            isolation_level: None,
            // SQLite's readers are kept apart by the pool; PostgreSQL is told in the opening statement.
            access_mode: (mode == Mode::Read && self.shared.dialect == Dialect::Mysql)
                .then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: (self.shared.dialect == Dialect::Sqlite).then_some(match mode {
                Mode::Read => SqliteTransactionMode::Deferred,
                Mode::Write => SqliteTransactionMode::Immediate,
            }),
        };
        let inner = pool.begin_with_options(options).await.map_err(error)?;
        if self.shared.pooled {
            // The server's connection may hold statements of another client under the same names.
            inner.execute_unprepared("DEALLOCATE ALL").await.map_err(error)?;
        }
        Tx::open(inner, mode, self.shared.dialect, self.shared.unfiltered, self.shared.statement, opening)
            .await
    }

    /// Begins a unit of work and reads the database's clock with it, moved as far as the test's
    /// clock is. Leases and due times compare with this instant and never with a node's own clock,
    /// which may be wrong (decision 2.8).
    pub async fn begin_timed(&self, mode: Mode, mut opening: Opening) -> Result<(Tx, DateTime<Utc>)> {
        let select = opening.read.get_or_insert_default();
        select.expr_as(sea_orm::sea_query::Expr::cust(self.dialect().now()), "database_now");
        let tx = self.begin(mode, opening).await?;
        let row = tx.opened().ok_or_else(|| Error::internal("the clock was not read"))?;
        let now: DateTime<Utc> = crate::read(row, "database_now")?;
        Ok((tx, now + self.shared.clock.offset()))
    }

    /// Waits for notices on a channel (PostgreSQL only, on a connection of its own). `None` where
    /// there are none: other databases, and a pooler in between.
    pub async fn listen(&self, channel: &str) -> Result<Option<Listener>> {
        if self.dialect() != Dialect::Postgres || self.shared.pooled {
            return Ok(None);
        }
        Listener::open(&self.shared.url, channel).await.map(Some)
    }

    /// A unit of work of one organisation, outside any request.
    pub async fn begin_org(&self, mode: Mode, org: Id) -> Result<Tx> {
        self.begin(mode, Opening::new(Role::App, Some(org))).await
    }

    /// A unit of work that sees every organisation: sign-in, workers, the operator's commands.
    pub async fn begin_system(&self, mode: Mode) -> Result<Tx> {
        self.begin(mode, Opening::new(Role::System, None)).await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.shared.reader.execute_unprepared("SELECT 1").await.map(drop).map_err(error)
    }

    /// The pool that may write, for migrations and the operator's commands only.
    pub(crate) fn raw(&self) -> &DatabaseConnection {
        &self.shared.writer
    }

    /// The pool that reads, for backups.
    pub(crate) fn raw_reader(&self) -> &DatabaseConnection {
        &self.shared.reader
    }

    /// (open, idle) connections of the pool that serves writes.
    pub fn pool_state(&self) -> (u32, u32) {
        let count = |size: u32, idle: usize| (size, u32::try_from(idle).unwrap_or(u32::MAX));
        match self.shared.dialect {
            Dialect::Sqlite => {
                let pool = self.shared.writer.get_sqlite_connection_pool();
                count(pool.size(), pool.num_idle())
            }
            Dialect::Postgres => {
                let pool = self.shared.writer.get_postgres_connection_pool();
                count(pool.size(), pool.num_idle())
            }
            Dialect::Mysql => {
                let pool = self.shared.writer.get_mysql_connection_pool();
                count(pool.size(), pool.num_idle())
            }
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        for pool in [&self.shared.reader, &self.shared.writer] {
            let _ = pool.close_by_ref().await;
        }
    }
}

async fn open(options: &Options, dialect: Dialect, size: u32) -> Result<DatabaseConnection> {
    let mut connect = ConnectOptions::new(connection_url(&options.url, dialect));
    connect
        .max_connections(size)
        .acquire_timeout(options.acquire)
        .connect_timeout(options.acquire)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                // What was answered survives a power cut, as on the servers: ids above all.
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
                .pragma("temp_store", "memory")
                .pragma("mmap_size", "134217728")
        })
        .map_sqlx_mysql_opts(|mysql| mysql.charset("utf8mb4").collation("utf8mb4_bin"));
    if dialect == Dialect::Mysql {
        let seconds = options.statement.as_secs();
        // The driver's own hook: SeaORM's is called for one connection of the pool only.
        connect.map_sqlx_mysql_pool_opts(move |pool| {
            pool.after_connect(move |connection, _| {
                Box::pin(async move {
                    // Each statement sees what is committed, as on PostgreSQL; fewer gap locks, fewer deadlocks.
                    sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        .execute(&mut *connection)
                        .await?;
                    let limit = format!("SET SESSION max_statement_time = {seconds}");
                    let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(&mut *connection).await;
                    Ok(())
                })
            })
        });
    }
    Database::connect(connect).await.map_err(|cause| cannot_connect(cause, dialect))
}

/// SeaORM knows MariaDB under MySQL's scheme, and SQLite by `sqlite://`.
fn connection_url(url: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Mysql => url.replacen("mariadb:", "mysql:", 1),
        _ => url.to_owned(),
    }
}

fn cannot_connect(cause: sea_orm::DbErr, dialect: Dialect) -> Error {
    let text = cause.to_string();
    let unknown_role = text.contains("role \"") && text.contains("does not exist");
    let (code, hint) = if text.contains("password authentication failed")
        || text.contains("Access denied")
        || unknown_role
    {
        (
            "database_denied",
            "user name or password is wrong; check DB_USERNAME and DB_PASSWORD, or DATABASE_URL",
        )
    } else if text.contains("RSA auth backend disabled") {
        // sqlx would need the crate `rsa` to send a password to caching_sha2_password without TLS.
        let hint = "this user's caching_sha2_password needs TLS: add ?ssl-mode=REQUIRED to DATABASE_URL, or let \
                    the user sign in with mysql_native_password";
        ("database_denied", hint)
    } else if text.contains("does not exist") || text.contains("Unknown database") {
        ("database_missing", "the database does not exist; create it with `tenon db init`")
    } else if text.contains("unable to open database file") || text.contains("readonly") {
        ("database_unavailable", "the database file cannot be opened; check DATA_DIR and its permissions")
    } else {
        (
            "database_unavailable",
            "it cannot be reached; check DB_HOST and DB_PORT, or DATABASE_URL, and that it runs",
        )
    };
    Error::unavailable(code, format!("{}: {hint}", dialect.name())).with_source(cause)
}
