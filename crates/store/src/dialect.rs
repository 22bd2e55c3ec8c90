//! The three databases and where they differ in small things.

use base::{Error, Result};
use sea_orm::DbBackend;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// PostgreSQL 13 or newer, the only one with row-level security.
    Postgres,
    /// MySQL 8 or MariaDB 10.6 and newer.
    Mysql,
}

impl Dialect {
    /// The dialect of a connection URL.
    pub fn of(url: &str) -> Result<Self> {
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mysql" | "mariadb" => Ok(Self::Mysql),
            other => Err(Error::invalid(
                "database_url",
                format!("the database URL starts with `{other}:`; use sqlite:, postgres: or mysql:"),
            )),
        }
    }

    /// The expression for the database's current instant in UTC, with microseconds.
    pub fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
            Self::Postgres => "clock_timestamp()",
            Self::Mysql => "UTC_TIMESTAMP(6)",
        }
    }

    /// Its name in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

impl From<DbBackend> for Dialect {
    fn from(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Postgres => Self::Postgres,
            DbBackend::MySql => Self::Mysql,
            _ => Self::Sqlite,
        }
    }
}
