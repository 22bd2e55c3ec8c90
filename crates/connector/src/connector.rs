//! The way to a target: the policy for addresses, the limits, and the calls that open a session themselves.

use std::{net::SocketAddr, sync::Arc};

use base::{Error, Result};
use outbound::{Policy, Purpose};
use tokio::time::{Instant, timeout};

use crate::{
    Column, Found, KeyOf, Limits, Product, Session, Table, Target,
    failure::{Failure, Why},
    name::recognise,
    wire::{Terms, Wire},
};

/// Reaches targets. Cheap to clone.
///
/// Errors of every call: 422 on `address` (`target_refused`: the policy forbids it); 503
/// `target_unreachable` (refused, no answer in time, no such host); 422 `target_denied` (wrong password,
/// missing right); 422 `target_no_database`; 503 `target_failed` (anything else the server said). The
/// detail is the driver's own sentence on one line, without the password.
#[derive(Clone)]
pub struct Connector {
    policy: Arc<Policy>,
    limits: Limits,
    plain: bool,
}

/// What a target answers with.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Product and version: `PostgreSQL 15.19`.
    pub product: String,
    /// The databases that it covers, sorted.
    pub databases: Vec<String>,
}

/// Everything that was read of a target.
#[derive(Debug)]
pub struct Reading {
    /// Each database, or its name and why it could not be read: one bad database spoils no other.
    pub databases: Vec<Result<DatabaseReading, (String, Error)>>,
}

/// What was read of one database.
#[derive(Debug)]
pub struct DatabaseReading {
    /// Its name.
    pub database: String,
    /// Its tables.
    pub tables: Vec<TableReading>,
}

/// What was read of one table.
#[derive(Debug)]
pub struct TableReading {
    /// The table and its key.
    pub found: Found,
    /// The highest value of its key, or why it could not be read; `None` for a key that is not of integers.
    pub highest: Option<Result<Option<i128>>>,
}

impl Connector {
    /// A connector that obeys `policy` for [`Purpose::IdDatabase`].
    pub fn new(policy: Policy, limits: Limits) -> Self {
        Self { policy: Arc::new(policy), limits, plain: false }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Puts up with a SQL Server that offers no encryption: the password then crosses the network
    /// readable. MySQL and PostgreSQL need no such leave: their drivers encrypt where the server offers it,
    /// and otherwise send the password as the server asks for it, which PostgreSQL can ask for in clear.
    #[must_use]
    pub fn allow_plain_sql_server(mut self) -> Self {
        self.plain = true;
        self
    }

    /// How long and how much is read.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Signs in, and says what is there.
    pub async fn probe(&self, target: &Target) -> Result<Probe> {
        let probe = async {
            let mut session = self.entry(target).await?;
            let databases = self.covered(target, &mut session).await?;
            let product = session.product();
            session.close().await;
            Ok(Probe { product, databases })
        };
        probe.await.map_err(|failure: Failure| failure.into_error(target))
    }

    /// The databases that a target covers, sorted: the one it names, else all that are not the system's
    /// own. For Oracle the service.
    pub async fn databases(&self, target: &Target) -> Result<Vec<String>> {
        Ok(self.probe(target).await?.databases)
    }

    /// Opens one database; a name that the server does not know is tried without regard to case.
    pub async fn open(&self, target: &Target, database: &str) -> Result<Session> {
        let opened = self.open_or_recognise(target, database).await;
        opened.map_err(|failure| failure.into_error(target))
    }

    /// [`Session::tables`] in a session of its own.
    pub async fn tables(&self, target: &Target, database: &str) -> Result<Vec<Found>> {
        let mut session = self.open(target, database).await?;
        let found = session.tables().await;
        session.close().await;
        found
    }

    /// [`Session::column`] in a session of its own.
    pub async fn column(
        &self,
        target: &Target,
        database: &str,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<(Table, Column)>> {
        let mut session = self.open(target, database).await?;
        let found = session.column(schema, table, column).await;
        session.close().await;
        found
    }

    /// [`Session::highest`] in a session of its own.
    pub async fn highest(&self, target: &Target, table: &Table, column: &Column) -> Result<Option<i128>> {
        let mut session = self.open(target, &table.database).await?;
        let highest = session.highest(table, column).await;
        session.close().await;
        highest
    }

    /// Reads every database of a target, each over its own connection and with its own limits, with the
    /// highest value of every key.
    pub async fn read(&self, target: &Target) -> Result<Reading> {
        let names = self.databases(target).await?;
        Ok(self.read_databases(target, &names).await)
    }

    /// [`Connector::read`] of these databases.
    pub async fn read_databases(&self, target: &Target, names: &[String]) -> Reading {
        let mut databases = Vec::new();
        for name in names {
            let read = self.read_database(target, name).await;
            databases.push(read.map_err(|error| (name.clone(), error)));
        }
        Reading { databases }
    }

    /// Reads one database: one bad table spoils no other.
    pub async fn read_database(&self, target: &Target, database: &str) -> Result<DatabaseReading> {
        let mut session = self.open(target, database).await?;
        let mut tables = Vec::new();
        for found in session.tables().await? {
            let highest = match &found.key {
                KeyOf::Column(column) => Some(session.highest(&found.table, column).await),
                _ => None,
            };
            tables.push(TableReading { found, highest });
        }
        let database = session.database().to_owned();
        session.close().await;
        Ok(DatabaseReading { database, tables })
    }

    /// A session in which the server can be asked what it has: of the database that the target names,
    /// else of one that is always there.
    async fn entry(&self, target: &Target) -> Result<Session, Failure> {
        if let Some(database) = &target.database {
            return self.open_or_recognise(target, database).await;
        }
        match Session::open(self.clone(), target.clone(), None).await {
            // PostgreSQL has no connection without a database, and `postgres` may have been dropped.
            Err(failure) if target.product == Product::Postgres && failure.why() == Some(Why::NoDatabase) => {
                Session::open(self.clone(), target.clone(), Some("template1")).await
            }
            other => other,
        }
    }

    async fn covered(&self, target: &Target, session: &mut Session) -> Result<Vec<String>, Failure> {
        match &target.database {
            Some(_) => Ok(vec![session.database().to_owned()]),
            None => session.databases().await,
        }
    }

    async fn open_or_recognise(&self, target: &Target, database: &str) -> Result<Session, Failure> {
        let failure = match Session::open(self.clone(), target.clone(), Some(database)).await {
            Err(failure) if failure.why() == Some(Why::NoDatabase) => failure,
            other => return other,
        };
        if target.product == Product::Oracle {
            return Err(failure);
        }
        let anywhere = Target { database: None, ..target.clone() };
        let Ok(mut session) = Box::pin(self.entry(&anywhere)).await else { return Err(failure) };
        let databases = session.databases().await;
        session.close().await;
        let databases = databases?;
        match recognise(database, databases.iter().map(String::as_str)).filter(|name| *name != database) {
            Some(name) => Session::open(self.clone(), target.clone(), Some(name)).await,
            None => Err(failure),
        }
    }

    /// Resolves the name, judges its addresses, and connects to the first that answers; all of it within
    /// [`Limits::connect`].
    pub(crate) async fn dial(&self, target: &Target, database: Option<&str>) -> Result<Wire, Failure> {
        let ends = Instant::now() + self.limits.connect;
        let silent = || Failure::silent(self.limits.connect);
        let resolving = self.policy.resolve(Purpose::IdDatabase, &target.host, target.port);
        let found = timeout(self.limits.connect, resolving).await.map_err(|_| silent())?;
        let found: Vec<SocketAddr> = found.map_err(on_address)?;
        let terms = Terms { statement: self.limits.statement, plain: self.plain };
        let mut last = silent();
        for (tried, at) in found.iter().enumerate() {
            // One silent address must not use up the time of the next.
            let others = u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
            let share = ends.saturating_duration_since(Instant::now()) / others;
            let dialling = Box::pin(Wire::connect(target, *at, database, terms));
            match timeout(share, dialling).await.map_err(|_| silent()).flatten() {
                Err(failure) if failure.why() == Some(Why::Unreachable) => last = failure,
                other => return other,
            }
        }
        Err(last)
    }
}

/// The policy speaks of URLs; what a user set here is an address.
fn on_address(error: Error) -> Failure {
    Failure::Ours(match error.field_errors().first() {
        Some(field) => {
            let message = field.message.clone();
            Error::field("address", "target_refused", message).with_source(error)
        }
        None => error,
    })
}
