//! A connection to one server: a statement in, rows of text out. Each driver is known to its file alone.
//!
//! What is connected to is an address that was judged, never a name: no driver resolves one again.
//! May import sqlx, tiberius and oracledb, each in its file, and `super::{dialect, failure}`.

mod mysql;
mod oracle;
mod postgres;
mod relay;
mod sqlserver;

use std::{net::SocketAddr, time::Duration};

use crate::{
    Product, Target,
    dialect::{Row, Statement},
    failure::{Failure, Why},
};

/// What a connection shows of itself where servers list their clients.
const APPLICATION: &str = "Tenon";

/// Oracle's service where a target names none.
pub(crate) const SERVICE: &str = "ORCL";

/// What a connection is told besides the target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The time for one statement, which the server is told where it understands it.
    pub statement: Duration,
    /// Whether SQL Server may be spoken to without encryption.
    pub plain: bool,
}

/// An open connection.
pub(crate) enum Wire {
    Mysql(mysql::Mysql),
    Postgres(postgres::Postgres),
    SqlServer(Box<sqlserver::SqlServer>),
    Oracle(oracle::Oracle),
}

impl Wire {
    /// Connects to `at` and signs in. Sets no limit to its time.
    pub async fn connect(
        target: &Target,
        at: SocketAddr,
        database: Option<&str>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        Ok(match target.product {
            Product::Mysql => Self::Mysql(mysql::Mysql::connect(target, at, database, terms).await?),
            Product::Postgres => {
                Self::Postgres(postgres::Postgres::connect(target, at, database, terms).await?)
            }
            Product::SqlServer => {
                Self::SqlServer(Box::new(sqlserver::SqlServer::connect(target, at, database, terms).await?))
            }
            Product::Oracle => Self::Oracle(oracle::Oracle::connect(target, at, database, terms).await?),
        })
    }

    /// Runs a statement that only reads. More than `most` rows are a failure. Sets no limit to its time.
    pub async fn rows(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        match self {
            Self::Mysql(wire) => wire.rows(statement, most).await,
            Self::Postgres(wire) => wire.rows(statement, most).await,
            Self::SqlServer(wire) => wire.rows(statement, most).await,
            Self::Oracle(wire) => wire.rows(statement, most).await,
        }
    }

    /// Says goodbye, so that the server logs no broken connection.
    pub async fn close(self) {
        match self {
            Self::Mysql(wire) => wire.close().await,
            Self::Postgres(wire) => wire.close().await,
            Self::SqlServer(wire) => wire.close().await,
            Self::Oracle(wire) => wire.close().await,
        }
    }
}

/// Keeps a row, or fails where there are too many of them.
fn keep(rows: &mut Vec<Row>, row: Row, most: usize) -> Result<(), Failure> {
    if rows.len() >= most {
        return Err(Failure::broken(Why::Failed, format!("the server sends more than {most} rows")));
    }
    rows.push(row);
    Ok(())
}
