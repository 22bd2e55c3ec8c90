//! SQL Server over tiberius.
//!
//! The connection is encrypted, without looking at the certificate: a server makes its own where nobody
//! gave it one. A server that offers no encryption is refused, since the password would cross the network
//! readable, unless the connector was told to put up with it. `ApplicationIntent=ReadOnly` stays off:
//! it may lead to a secondary whose highest ids are of yesterday. There is no read-only transaction here,
//! and `READ UNCOMMITTED` could miss rows; only statements that read are sent.

use std::net::SocketAddr;

use base::secret::ExposeSecret;
use futures_util::TryStreamExt;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem, ToSql, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::{APPLICATION, Terms, keep};
use crate::{
    Target,
    dialect::{Row, Statement},
    failure::{Failure, Why},
};

pub(crate) struct SqlServer {
    client: Client<Compat<TcpStream>>,
}

impl SqlServer {
    pub async fn connect(
        target: &Target,
        at: SocketAddr,
        database: Option<&str>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let client = match open(target, at, database, EncryptionLevel::Required).await {
            Err(Error::Protocol(cause)) if cause.contains(DECLINED) => {
                if !terms.plain {
                    return Err(Failure::broken(Why::Failed, "the server offers no encryption"));
                }
                open(target, at, database, EncryptionLevel::NotSupported).await
            }
            other => other,
        };
        let mut wire = Self { client: client.map_err(failure)? };
        // The nearest that there is to a limit for a statement: what it waits for others.
        let limit = format!("SET LOCK_TIMEOUT {}", terms.statement.as_millis().max(1));
        wire.rows(&Statement { sql: limit, values: Vec::new() }, 1).await?;
        Ok(wire)
    }

    pub async fn rows(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let sql = statement.sql.as_str();
        let values: Vec<&dyn ToSql> = statement.values.iter().map(|value| value as &dyn ToSql).collect();
        let stream = match values.as_slice() {
            [] => self.client.simple_query(sql).await,
            values => self.client.query(sql, values).await,
        };
        let mut stream = stream.map_err(failure)?;
        let mut rows = Vec::new();
        while let Some(item) = stream.try_next().await.map_err(failure)? {
            if let QueryItem::Row(row) = item {
                let cell = |at| Ok(row.try_get::<&str, _>(at)?.map(str::to_owned));
                let cells = (0..row.len()).map(cell).collect::<Result<Row, Error>>();
                keep(&mut rows, cells.map_err(failure)?, most)?;
            }
        }
        Ok(rows)
    }

    pub async fn close(self) {
        let _gone_anyway = self.client.close().await;
    }
}

/// How tiberius says that the server declines encryption.
const DECLINED: &str = "requested encryption level";

async fn open(
    target: &Target,
    at: SocketAddr,
    database: Option<&str>,
    encryption: EncryptionLevel,
) -> Result<Client<Compat<TcpStream>>, Error> {
    let mut config = Config::new();
    config.host(&target.host);
    config.port(at.port());
    config.application_name(APPLICATION);
    config.authentication(AuthMethod::sql_server(&target.user, target.password.expose_secret()));
    config.encryption(encryption);
    config.trust_cert();
    // The caller measures.
    config.handshake_timeout(None);
    config.command_timeout(None);
    if let Some(database) = database {
        config.database(database);
    }
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    Box::pin(Client::connect(config, stream.compat_write())).await
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Server(said) => {
            // From class 20 on the server ends the connection.
            let (why, broken) = (meaning(said.code()), said.class() >= 20);
            Failure::Said { why, sentence: said.message().to_owned(), broken }
        }
        Error::Io { message, .. } => Failure::broken(Why::Unreachable, message),
        // Not followed: the address was not judged.
        Error::Routing { host, port } => Failure::broken(
            Why::Failed,
            format!("the server sends its clients to {host}:{port}; make that the address"),
        ),
        other => Failure::broken(Why::Failed, other),
    }
}

/// By error number (`sys.messages`).
fn meaning(number: u32) -> Why {
    match number {
        // Signing in; locked or expired; no right to an object, a column, a database.
        18452 | 18456 | 18470 | 18486..=18488 | 229 | 230 | 262 | 297 | 300 | 916 => Why::Denied,
        // 4060 also says that this login may not open it; the server does not tell which.
        911 | 4060 => Why::NoDatabase,
        // A lock that was not released in time; shutting down.
        1222 | 6005 => Why::Unreachable,
        _ => Why::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_what_to_do() {
        for (number, why) in [
            (18456, Why::Denied),
            (229, Why::Denied),
            (4060, Why::NoDatabase),
            (1222, Why::Unreachable),
            (208, Why::Failed),
        ] {
            assert_eq!(meaning(number), why, "{number}");
        }
    }

    #[test]
    fn a_server_that_sends_elsewhere_is_not_followed() {
        let sent = failure(Error::Routing { host: "10.0.0.1".into(), port: 1433 });
        assert_eq!((sent.why(), sent.is_broken()), (Some(Why::Failed), true));
    }
}
