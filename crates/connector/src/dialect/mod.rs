//! What is asked of each product, as text: statements in, rows of text out. Pure.
//!
//! Every statement only reads. What a user sent travels as a value; names that came from the database
//! are quoted. May import `super::{name, table}`.

mod mysql;
mod oracle;
mod postgres;
mod sqlserver;

use crate::{Column, Product, Table};

/// A statement and the values of its parameters, all of them text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The text, with the product's own placeholders.
    pub sql: String,
    /// One for each placeholder, in order.
    pub values: Vec<String>,
}

impl Statement {
    fn new(sql: impl Into<String>, values: &[&str]) -> Self {
        Self { sql: sql.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
    }
}

/// One row of an answer.
pub(crate) type Row = Vec<Option<String>>;

/// How one product is asked.
pub(crate) trait Dialect: Send + Sync {
    /// One row: the version, the name of the database that is open, the account's own schema.
    fn identity(&self) -> Statement;
    /// The product and its version, from the first column of [`Dialect::identity`].
    fn product(&self, version: &str) -> String;
    /// Rows of one column: the databases that are not the system's own, sorted. `None` where a connection
    /// knows its own only.
    fn databases(&self) -> Option<Statement>;
    /// Rows of schema, name, and `table` or `view`, sorted, at most `most`. A partition is no table: what
    /// it is a part of is one.
    fn tables(&self, database: &str, most: usize) -> Statement;
    /// Rows of schema, table and the leading column of the primary key, in the order of the key.
    /// Unless [`Dialect::key_types`] is another statement, the type's columns follow.
    fn keys(&self, database: &str) -> Statement;
    /// Rows as of [`Dialect::columns`], for the columns of keys.
    fn key_types(&self, _database: &str) -> Option<Statement> {
        None
    }
    /// Rows of schema and name: tables, parts and views whose name is this one in some case.
    fn named(&self, database: &str, table: &str) -> Statement;
    /// Rows of schema, table, column, and the type's columns: every column of a table.
    fn columns(&self, table: &Table) -> Statement;
    /// A column from its name and its type's columns.
    fn column(&self, name: &str, kind: &[Option<String>]) -> Column;
    /// One row: the highest value as text, or null.
    fn highest(&self, table: &Table, column: &Column) -> Statement;
    /// Rows of the key's value and the whole row as a JSON object, in the order of the key, at most `most`,
    /// after a value of it. `None` where that cannot be asked.
    fn documents(
        &self,
        _table: &Table,
        _key: &Column,
        _after: Option<&str>,
        _most: usize,
    ) -> Option<Statement> {
        None
    }
}

impl Product {
    /// How it is asked.
    pub(crate) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Mysql => &mysql::Mysql,
            Self::Postgres => &postgres::Postgres,
            Self::SqlServer => &sqlserver::SqlServer,
            Self::Oracle => &oracle::Oracle,
        }
    }
}

/// The text of a type's column, empty where it is null.
fn part(kind: &[Option<String>], at: usize) -> &str {
    kind.get(at).and_then(Option::as_deref).unwrap_or_default()
}
