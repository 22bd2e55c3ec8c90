//! MySQL and MariaDB over sqlx.
//!
//! Every statement has a read-only transaction and a time limit of its own and changes nothing of the
//! session, which a proxy may give to somebody else. TLS is used where the server offers it, without
//! looking at its certificate. Without TLS, a user with `caching_sha2_password` can sign in only while the
//! server remembers him: sqlx would need the crate `rsa`, which is banned here.

use std::{net::SocketAddr, time::Duration};

use base::secret::ExposeSecret;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, Row as _,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode},
};

use super::{Terms, keep};
use crate::{
    Target,
    dialect::{Row, Statement},
    failure::{Failure, Why},
};

pub(crate) struct Mysql {
    connection: MySqlConnection,
    limit: Duration,
    maria: bool,
}

impl Mysql {
    pub async fn connect(
        target: &Target,
        at: SocketAddr,
        database: Option<&str>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let mut options = MySqlConnectOptions::new()
            .host(&at.ip().to_string())
            .port(at.port())
            .username(&target.user)
            .ssl_mode(MySqlSslMode::Preferred)
            .statement_cache_capacity(0)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .disable_statement_logging();
        // An empty password is none: its hash would be a wrong one.
        let password = target.password.expose_secret();
        if !password.is_empty() {
            options = options.password(password);
        }
        if let Some(database) = database {
            options = options.database(database);
        }
        let mut connection = Box::pin(options.connect()).await.map_err(failure)?;
        let version: String =
            sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut connection).await.map_err(failure)?;
        Ok(Self { connection, limit: terms.statement, maria: version.contains("MariaDB") })
    }

    pub async fn rows(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        self.connection.execute(sqlx::raw_sql("START TRANSACTION READ ONLY")).await.map_err(failure)?;
        let rows = self.selected(statement, most).await;
        if !rows.as_ref().is_err_and(Failure::is_broken) {
            self.connection.execute(sqlx::raw_sql("ROLLBACK")).await.map_err(failure)?;
        }
        rows
    }

    async fn selected(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let sql = AssertSqlSafe(limited(&statement.sql, self.limit, self.maria));
        // Closing a prepared statement has no answer, so the packet after it waits for the kernel's delayed
        // acknowledgement, 40 ms; sqlx leaves Nagle's algorithm on. What has no values goes as text.
        let mut stream = match statement.values.as_slice() {
            [] => sqlx::raw_sql(sql).fetch(&mut self.connection),
            values => {
                let query = sqlx::query(sql).persistent(false);
                values.iter().fold(query, |query, value| query.bind(value)).fetch(&mut self.connection)
            }
        };
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await.map_err(failure)? {
            let cells = (0..row.len()).map(|at| row.try_get(at)).collect::<Result<Row, _>>();
            keep(&mut rows, cells.map_err(failure)?, most)?;
        }
        Ok(rows)
    }

    pub async fn close(self) {
        let _gone_anyway = self.connection.close().await;
    }
}

/// The statement with its time limit: MariaDB from 10.1 on, MySQL from 5.7.8 on (older ones see a comment).
fn limited(sql: &str, limit: Duration, maria: bool) -> String {
    let millis = limit.as_millis().max(1);
    if maria {
        return format!(
            "SET STATEMENT max_statement_time = {}.{:03} FOR {sql}",
            millis / 1000,
            millis % 1000
        );
    }
    match sql.strip_prefix("SELECT ") {
        Some(rest) => format!("SELECT /*+ MAX_EXECUTION_TIME({millis}) */ {rest}"),
        None => sql.to_owned(),
    }
}

fn failure(error: sqlx::Error) -> Failure {
    match &error {
        sqlx::Error::Database(said) => {
            let number = said.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
            Failure::Said {
                why: meaning(number),
                sentence: said.message().to_owned(),
                broken: number == 1053,
            }
        }
        sqlx::Error::Io(cause) => Failure::broken(Why::Unreachable, cause),
        sqlx::Error::Configuration(cause) if cause.to_string().contains("RSA") => Failure::said(
            Why::Denied,
            "this user's caching_sha2_password needs TLS, which the server does not offer; let the server \
             offer it, or let the user sign in with mysql_native_password",
        ),
        sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Failure::broken(Why::Failed, error),
        _ => Failure::said(Why::Failed, error),
    }
}

/// By error number (MySQL and MariaDB error references).
fn meaning(number: u16) -> Why {
    match number {
        // The database, the user, a table, a column, a privilege, a socket-only user, the host.
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 | 1130 | 1129 | 3118 | 4151 => Why::Denied,
        1049 => Why::NoDatabase,
        // Shutting down; cancelled by the limit on MariaDB, on MySQL, by somebody.
        1053 | 1969 | 3024 | 1317 => Why::Unreachable,
        _ => Why::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_what_to_do() {
        for (number, why) in [
            (1045, Why::Denied),
            (1142, Why::Denied),
            (1049, Why::NoDatabase),
            (1969, Why::Unreachable),
            (3024, Why::Unreachable),
            (1146, Why::Failed),
        ] {
            assert_eq!(meaning(number), why, "{number}");
        }
    }

    #[test]
    fn every_statement_carries_its_limit() {
        let of = |maria| limited("SELECT 1", Duration::from_millis(10_050), maria);
        assert_eq!(of(true), "SET STATEMENT max_statement_time = 10.050 FOR SELECT 1");
        assert_eq!(of(false), "SELECT /*+ MAX_EXECUTION_TIME(10050) */ 1");
    }
}
