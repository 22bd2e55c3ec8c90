//! One database, open for reading.

use std::{collections::HashMap, time::Duration};

use base::{Error, Result};
use tokio::time::{Instant, timeout};

use crate::{
    Column, Connector, Found, KeyOf, Limits, Table, Target,
    dialect::{Dialect, Row, Statement},
    failure::Failure,
    name::{is_possible, recognise, recognise_table},
    wire::{SERVICE, Wire},
};

/// No table has more columns, in none of the products.
const COLUMNS_MOST: usize = 5_000;
/// MySQL allows 16 columns in a key and Oracle and PostgreSQL 32; what describes the keys of so many
/// tables has no more rows than this many for each.
const KEY_COLUMNS_MOST: usize = 32;
/// The most tables or databases of one name in different case or schema.
const NAMED_MOST: usize = 10_000;
/// For saying goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open database. A failed statement does not end it: after a time-out or a broken connection the next
/// call connects anew, until [`Limits::total`] is used up. Dropping it hangs up; [`Session::close`] says
/// goodbye before.
pub struct Session {
    connector: Connector,
    target: Target,
    wire: Option<Wire>,
    /// What the connection was asked for, to ask for it again.
    asked: Option<String>,
    identity: Identity,
    ends: Instant,
}

/// What a server says of itself after signing in.
pub(crate) struct Identity {
    /// Its version, as it writes it.
    version: String,
    /// The database, as it writes it.
    database: String,
    /// The schema that is looked into first.
    schema: Option<String>,
}

impl Session {
    /// Connects and signs in. `database` is `None` only to ask which ones there are.
    pub(crate) async fn open(
        connector: Connector,
        target: Target,
        database: Option<&str>,
    ) -> Result<Self, Failure> {
        let ends = Instant::now() + connector.limits().total;
        let wire = Box::pin(connector.dial(&target, database)).await?;
        let identity = Identity { version: String::new(), database: String::new(), schema: None };
        let asked = database.map(str::to_owned);
        let mut session = Self { connector, target, wire: Some(wire), asked, identity, ends };
        let statement = session.dialect().identity();
        let row = session.ask(&statement, 1).await?.pop().unwrap_or_default();
        let named = database.or(session.target.database.as_deref()).unwrap_or(SERVICE).to_owned();
        session.identity = Identity {
            version: cell(&row, 0).to_owned(),
            database: row.get(1).cloned().flatten().unwrap_or(named),
            schema: row.get(2).cloned().flatten(),
        };
        Ok(session)
    }

    /// The database's own name, as the server spells it; for Oracle the service as it was given.
    pub fn database(&self) -> &str {
        &self.identity.database
    }

    /// Product and version: `PostgreSQL 15.19`.
    pub fn product(&self) -> String {
        self.dialect().product(&self.identity.version)
    }

    /// Every table and view that this account sees, sorted by schema and name, with the leading column of
    /// its primary key. A partition is left out: the table that it is a part of stands for it. More than
    /// [`Limits::tables`] are 422 `target_too_many_tables`.
    pub async fn tables(&mut self) -> Result<Vec<Found>> {
        let found = self.read_tables().await;
        found.map_err(|failure| failure.into_error(&self.target))
    }

    async fn read_tables(&mut self) -> Result<Vec<Found>, Failure> {
        let (dialect, database) = (self.dialect(), self.identity.database.clone());
        let most = self.limits().tables;
        let listed = self.ask(&dialect.tables(&database, most + 1), most + 1).await?;
        if listed.len() > most {
            let why = format!("the database has more than {most} tables");
            return Err(Failure::Ours(Error::invalid("target_too_many_tables", why)));
        }
        let rows = most.saturating_mul(KEY_COLUMNS_MOST);
        let keys = self.ask(&dialect.keys(&database), rows).await?;
        let types = match dialect.key_types(&database) {
            Some(statement) => self.ask(&statement, rows).await?,
            None => keys.clone(),
        };
        Ok(assemble(dialect, &database, &listed, &keys, &types))
    }

    /// The column `column` of `table`, which may be a view: names as sent first, then without regard to
    /// case where exactly one matches. Without a schema, PostgreSQL's `public`, SQL Server's default
    /// schema of the account and Oracle's own schema go first, then any other if exactly one has such a
    /// table.
    pub async fn column(
        &mut self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<(Table, Column)>> {
        let found = self.read_column(schema, table, column).await;
        found.map_err(|failure| failure.into_error(&self.target))
    }

    async fn read_column(
        &mut self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<(Table, Column)>, Failure> {
        if ![table, column].into_iter().chain(schema).all(is_possible) {
            return Ok(None);
        }
        let (dialect, database) = (self.dialect(), self.identity.database.clone());
        let rows = self.ask(&dialect.named(&database, table), NAMED_MOST).await?;
        let named: Vec<Table> = rows.iter().map(|row| table_of(&database, row)).collect();
        // Where tables have no schema, naming one changes nothing.
        let schema = schema.filter(|_| named.iter().any(|one| one.schema.is_some()));
        let own = self.identity.schema.clone();
        let Some(table) = recognise_table(schema, table, own.as_deref(), &named) else { return Ok(None) };
        let rows = self.ask(&dialect.columns(table), COLUMNS_MOST).await?;
        // MySQL may compare names without regard to case: rows of a sister table go.
        let rows: Vec<&Row> = rows.iter().filter(|row| table_of(&database, row) == *table).collect();
        let Some(name) = recognise(column, rows.iter().map(|row| cell(row, 2))) else { return Ok(None) };
        let row = rows.iter().find(|row| cell(row, 2) == name);
        Ok(row.map(|row| (table.clone(), column_of(dialect, row))))
    }

    /// Columns that differ from this one in nothing but the case of their names or the schema of their table.
    /// Whoever names columns without either means all of them.
    pub async fn alike(&mut self, table: &Table, column: &Column) -> Result<Vec<(Table, Column)>> {
        let found = self.read_alike(table, column).await;
        found.map_err(|failure| failure.into_error(&self.target))
    }

    async fn read_alike(&mut self, table: &Table, column: &Column) -> Result<Vec<(Table, Column)>, Failure> {
        let (dialect, database) = (self.dialect(), self.identity.database.clone());
        let rows = self.ask(&dialect.named(&database, &table.name), NAMED_MOST).await?;
        let is_alike = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        let mut alike = Vec::new();
        for sister in rows.iter().map(|row| table_of(&database, row)) {
            if !is_alike(&sister.name, &table.name) {
                continue;
            }
            let rows = self.ask(&dialect.columns(&sister), COLUMNS_MOST).await?;
            let rows = rows.iter().filter(|row| {
                let is_same = sister == *table && cell(row, 2) == column.name;
                table_of(&database, row) == sister && is_alike(cell(row, 2), &column.name) && !is_same
            });
            alike.extend(rows.map(|row| (sister.clone(), column_of(dialect, row))));
        }
        Ok(alike)
    }

    /// The highest value of a column of integers, `None` when there is no row with one. A column of
    /// another type is 422 `not_an_integer`.
    pub async fn highest(&mut self, table: &Table, column: &Column) -> Result<Option<i128>> {
        if column.integer.is_none() {
            let why = format!("the column {} is of type {}, not of integers", column.name, column.declared);
            return Err(Error::invalid("not_an_integer", why));
        }
        let statement = self.dialect().highest(table, column);
        let rows = self.ask(&statement, 1).await.map_err(|failure| failure.into_error(&self.target))?;
        let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        let number = text.map(|text| text.trim().parse()).transpose();
        number
            .map_err(|_| Error::unavailable("target_failed", "the server's highest value is not an integer"))
    }

    /// Whole rows of a table as JSON objects, each after the value of its key, in the order of the key, which
    /// is unique and never null; at most `most`, after a value of it. PostgreSQL only: 422 `not_supported`.
    pub async fn documents(
        &mut self,
        table: &Table,
        key: &Column,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, String)>> {
        let Some(statement) = self.dialect().documents(table, key, after, most) else {
            return Err(Error::invalid("not_supported", "whole rows are read from PostgreSQL only"));
        };
        let rows = self.ask(&statement, most).await.map_err(|failure| failure.into_error(&self.target))?;
        let pair = |row: Row| {
            let mut cells = row.into_iter().flatten();
            Some((cells.next()?, cells.next()?))
        };
        Ok(rows.into_iter().filter_map(pair).collect())
    }

    /// Says goodbye to the server. Takes a second at most.
    pub async fn close(mut self) {
        if let Some(wire) = self.wire.take() {
            let _gone_anyway = timeout(GOODBYE, wire.close()).await;
        }
    }

    /// The databases of the server.
    pub(crate) async fn databases(&mut self) -> Result<Vec<String>, Failure> {
        let Some(statement) = self.dialect().databases() else {
            return Ok(vec![self.identity.database.clone()]);
        };
        let rows = self.ask(&statement, NAMED_MOST).await?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    fn dialect(&self) -> &'static dyn Dialect {
        self.target.product.dialect()
    }

    fn limits(&self) -> &Limits {
        self.connector.limits()
    }

    /// Runs a statement within the limits, over a new connection where the last one broke.
    async fn ask(&mut self, statement: &Statement, most: usize) -> Result<Vec<Row>, Failure> {
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::silent(self.limits().total));
        }
        let limit = left.min(self.limits().statement + Limits::GRACE);
        let wire = match &mut self.wire {
            Some(wire) => wire,
            None => {
                let (connector, target, asked) = (&self.connector, &self.target, self.asked.as_deref());
                let dialling = timeout(left, Box::pin(connector.dial(target, asked)));
                let wire = dialling.await.map_err(|_| Failure::silent(left)).flatten()?;
                self.wire.insert(wire)
            }
        };
        let rows = timeout(limit, Box::pin(wire.rows(statement, most)))
            .await
            .map_err(|_| Failure::silent(limit))
            .flatten();
        if rows.as_ref().is_err_and(Failure::is_broken) {
            self.wire = None;
        }
        rows
    }
}

fn cell(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn table_of(database: &str, row: &[Option<String>]) -> Table {
    let schema = row.first().cloned().flatten();
    Table { database: database.to_owned(), schema, name: cell(row, 1).to_owned() }
}

fn column_of(dialect: &dyn Dialect, row: &[Option<String>]) -> Column {
    dialect.column(cell(row, 2), row.get(3..).unwrap_or_default())
}

/// Puts tables, keys and the types of their columns together.
fn assemble(
    dialect: &dyn Dialect,
    database: &str,
    listed: &[Row],
    keys: &[Row],
    types: &[Row],
) -> Vec<Found> {
    let types: HashMap<&[Option<String>], &Row> =
        types.iter().filter_map(|row| Some((row.get(..3)?, row))).collect();
    let keys: HashMap<&[Option<String>], Column> = keys
        .iter()
        .filter_map(|key| Some((key.get(..2)?, column_of(dialect, types.get(key.get(..3)?)?))))
        .collect();
    let found = listed.iter().map(|row| {
        let key = match (cell(row, 2), row.get(..2).and_then(|name| keys.get(name))) {
            ("view", _) => KeyOf::View,
            (_, None) => KeyOf::None,
            (_, Some(column)) if column.integer.is_some() => KeyOf::Column(column.clone()),
            (_, Some(column)) => KeyOf::NotInteger(column.clone()),
        };
        Found { table: table_of(database, row), key }
    });
    found.collect()
}
