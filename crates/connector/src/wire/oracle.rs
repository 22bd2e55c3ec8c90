//! Oracle over oracledb, Oracle's own thin driver: no client library, TCP without TLS (the password itself
//! never crosses the network).
//!
//! The driver blocks, so it works on threads for blocking work, and what it reads and writes goes through
//! [`Relay`]. It sends the names of the user, the machine and the program of the process that it runs in;
//! here it sends the product's name for all of them.

use std::net::SocketAddr;

use base::{Error as Refusal, secret::ExposeSecret};
use oracledb::{Config, Connection, Error, ErrorKind, ToDbValue};
use tokio::{net::TcpStream, task::spawn_blocking};

use super::{APPLICATION, SERVICE, Terms, keep, relay::Relay};
use crate::{
    Target,
    dialect::{Row, Statement},
    failure::{Failure, Why},
};

pub(crate) struct Oracle {
    /// Before the connection, whose drop speaks to the server and would wait for it: fields go in order.
    relay: Relay,
    /// `None` while a statement runs, and after one that never came back.
    connection: Option<Connection>,
}

impl Oracle {
    pub async fn connect(
        target: &Target,
        at: SocketAddr,
        database: Option<&str>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let service = database.or(target.database.as_deref()).unwrap_or(SERVICE);
        if !is_service(service) {
            let why = "a service name has letters, digits and . _ - $ # only";
            return Err(Failure::Ours(Refusal::field("database", "invalid_name", why)));
        }
        let mut relay = Relay::open(TcpStream::connect(at).await?).await?;
        let config = config(target, service, relay.port).map_err(failure)?;
        let signing_in = spawn_blocking(move || {
            let connection = oracledb::connect(config)?;
            connection.set_call_timeout(Some(terms.statement))?;
            Ok(connection)
        });
        let connection = relay.run(signing_in).await;
        match connection.map_err(|_| driver_broke()).and_then(|made| made.map_err(failure)) {
            Ok(connection) => Ok(Self { relay, connection: Some(connection) }),
            Err(failure) => Err(explained(failure, &relay, target)),
        }
    }

    pub async fn rows(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let Some(connection) = self.connection.take() else {
            return Err(Failure::broken(Why::Failed, "the connection is closed"));
        };
        let statement = statement.clone();
        let working = spawn_blocking(move || {
            let rows = selected(&connection, &statement, most);
            (connection, rows)
        });
        let (connection, rows) = self.relay.run(working).await.map_err(|_| driver_broke())?;
        self.connection = Some(connection);
        rows
    }

    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            let _gone_anyway = self.relay.run(spawn_blocking(move || drop(connection))).await;
        }
    }
}

/// What may stand in a connect descriptor without meaning anything there.
fn is_service(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$' | '#'))
}

/// The driver sleeps after an attempt even where it makes no further one, hence `RETRY_DELAY=0`.
fn descriptor(service: &str, port: u16) -> String {
    format!(
        "(DESCRIPTION=(RETRY_COUNT=0)(RETRY_DELAY=0)(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={port}))\
         (CONNECT_DATA=(SERVICE_NAME={service})))"
    )
}

fn config(target: &Target, service: &str, port: u16) -> Result<Config, Error> {
    Config::default()
        .set_credentials(&target.user, target.password.expose_secret())
        .set_driver_name(APPLICATION)
        .set_terminal(APPLICATION)
        .set_osuser(APPLICATION)?
        .set_machine(APPLICATION)?
        .set_program(APPLICATION)?
        .set_connect_string(&descriptor(service, port))
}

fn selected(connection: &Connection, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
    let values: Vec<&dyn ToDbValue> = statement.values.iter().map(|value| value as &dyn ToDbValue).collect();
    let mut rows = Vec::new();
    for row in connection.query(&statement.sql, &values).map_err(failure)? {
        let row = row.map_err(failure)?;
        let cells = (0..row.columns().len()).map(|at| row.get(at)).collect::<Result<Row, _>>();
        keep(&mut rows, cells.map_err(failure)?, most)?;
    }
    Ok(rows)
}

/// It panics on some answers that it does not expect; the thread's panic ends here.
fn driver_broke() -> Failure {
    Failure::broken(Why::Failed, "the driver did not understand the server")
}

/// The relay's reason instead of the driver's; the server's address instead of the relay's.
fn explained(failure: Failure, relay: &Relay, target: &Target) -> Failure {
    match (relay.objection(), failure) {
        (Some(why), _) => Failure::broken(Why::Failed, why),
        (None, Failure::Said { why, sentence, broken }) => {
            let (ours, theirs) = (
                format!("host \"127.0.0.1\" port {}", relay.port),
                format!("host \"{}\" port {}", target.host, target.port),
            );
            let sentence = sentence.replace(&ours, &theirs);
            Failure::Said { why, sentence: without_id(&sentence).to_owned(), broken }
        }
        (None, failure) => failure,
    }
}

/// Without the driver's `(CONNECTION_ID=…)`, which nobody can look up here.
fn without_id(sentence: &str) -> &str {
    sentence.split(" (CONNECTION_ID=").next().unwrap_or(sentence)
}

fn failure(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::DbError(said) => Failure::said(meaning(said.code()), said.message()),
        ErrorKind::InvalidServiceName(..) | ErrorKind::InvalidSid(..) => {
            Failure::broken(Why::NoDatabase, error)
        }
        ErrorKind::CallTimeoutExceeded
        | ErrorKind::DeadConnection
        | ErrorKind::NotConnected
        | ErrorKind::StreamOperation
        | ErrorKind::UnableToRecover => Failure::broken(Why::Unreachable, error),
        ErrorKind::ListenerRefusedConnection(.., number) => Failure::broken(meaning(*number), error),
        _ => Failure::broken(Why::Failed, error),
    }
}

/// By ORA number (Database Error Messages).
fn meaning(number: usize) -> Why {
    match number {
        // Wrong password, no right, no right to sign in, locked, expired.
        1017 | 1031 | 1045 | 28000 | 28001 | 28002 => Why::Denied,
        12505 | 12514 => Why::NoDatabase,
        // Starting, stopping, not open; cancelled; no handler, no listener, cut off.
        1033
        | 1034
        | 1089
        | 1090
        | 1109
        | 1013
        | 12516
        | 12518..=12521
        | 12528
        | 12541
        | 3113
        | 3114
        | 3136 => Why::Unreachable,
        _ => Why::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_cannot_say_anything_else_in_a_descriptor() {
        for name in ["ORCL", "freepdb1.example.com", "a_b-c$d#1"] {
            assert!(is_service(name), "{name}");
        }
        for name in ["", "x)(ADDRESS=(HOST=10.0.0.1)", "a b", "a=b", "a'b", "a\"b", "a/b", "ü"] {
            assert!(!is_service(name), "{name}");
        }
        assert!(descriptor("ORCL", 4000).ends_with("(PORT=4000))(CONNECT_DATA=(SERVICE_NAME=ORCL)))"));
    }

    #[test]
    fn a_number_says_what_to_do() {
        for (number, why) in
            [(1017, Why::Denied), (12514, Why::NoDatabase), (1034, Why::Unreachable), (942, Why::Failed)]
        {
            assert_eq!(meaning(number), why, "{number}");
        }
    }

    #[test]
    fn a_sentence_ends_before_the_id_of_the_connection() {
        assert_eq!(
            without_id("refused. (Similar to ORA-1) (CONNECTION_ID=a/b==)"),
            "refused. (Similar to ORA-1)"
        );
        assert_eq!(without_id("refused"), "refused");
    }
}
