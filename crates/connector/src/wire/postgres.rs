//! PostgreSQL over sqlx.
//!
//! Every statement has a read-only transaction of its own, so that nothing outlasts it: behind a pooler
//! a setting of the session would stay for whoever gets the connection next. TLS is used where the
//! server offers it, without looking at its certificate (libpq's `prefer`).

use std::{net::SocketAddr, time::Duration};

use base::secret::ExposeSecret;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{APPLICATION, Terms, keep};
use crate::{
    Target,
    dialect::{Row, Statement},
    failure::{Failure, Why},
};

pub(crate) struct Postgres {
    connection: PgConnection,
    begin: String,
}

impl Postgres {
    pub async fn connect(
        target: &Target,
        at: SocketAddr,
        database: Option<&str>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let options = PgConnectOptions::new_without_pgpass()
            .host(&at.ip().to_string())
            .port(at.port())
            .username(&target.user)
            .password(target.password.expose_secret())
            .database(database.unwrap_or("postgres"))
            .application_name(APPLICATION)
            .ssl_mode(PgSslMode::Prefer)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let connection = Box::pin(options.connect()).await.map_err(failure)?;
        Ok(Self { connection, begin: begin(terms.statement) })
    }

    pub async fn rows(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let begin = AssertSqlSafe(self.begin.as_str());
        self.connection.execute(sqlx::raw_sql(begin)).await.map_err(failure)?;
        let rows = self.selected(statement, most).await;
        if !rows.as_ref().is_err_and(Failure::is_broken) {
            self.connection.execute(sqlx::raw_sql("ROLLBACK")).await.map_err(failure)?;
        }
        rows
    }

    async fn selected(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let sql = AssertSqlSafe(statement.sql.as_str());
        let query =
            statement.values.iter().fold(sqlx::query(sql).persistent(false), |q, value| q.bind(value));
        let mut stream = query.fetch(&mut self.connection);
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

fn begin(limit: Duration) -> String {
    format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", limit.as_millis().max(1))
}

fn failure(error: sqlx::Error) -> Failure {
    match &error {
        sqlx::Error::Database(said) => {
            let why = meaning(said.code().as_deref().unwrap_or_default());
            // A server that shuts down says so and hangs up.
            let broken = said.code().is_some_and(|code| code.starts_with("57P"));
            Failure::Said { why, sentence: said.message().to_owned(), broken }
        }
        sqlx::Error::Io(cause) => Failure::broken(Why::Unreachable, cause),
        sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Failure::broken(Why::Failed, error),
        _ => Failure::said(Why::Failed, error),
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A).
fn meaning(code: &str) -> Why {
    match code {
        // Invalid authorisation, wrong password, insufficient privilege.
        "28000" | "28P01" | "42501" => Why::Denied,
        "3D000" => Why::NoDatabase,
        // Cancelled by the limit; shutting down, starting up.
        "57014" | "57P01" | "57P02" | "57P03" => Why::Unreachable,
        code if code.starts_with("08") => Why::Unreachable,
        _ => Why::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_what_to_do() {
        for (code, why) in [
            ("28P01", Why::Denied),
            ("42501", Why::Denied),
            ("3D000", Why::NoDatabase),
            ("57P03", Why::Unreachable),
            ("08006", Why::Unreachable),
            ("42P01", Why::Failed),
            ("", Why::Failed),
        ] {
            assert_eq!(meaning(code), why, "{code}");
        }
    }

    #[test]
    fn a_transaction_reads_only_and_ends_in_time() {
        let sql = begin(Duration::from_secs(10));
        assert_eq!(sql, "BEGIN READ ONLY; SET LOCAL statement_timeout = 10000");
    }
}
