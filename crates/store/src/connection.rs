//! The connection of a unit of work, which sends values as the database's columns hold them.
//!
//! MySQL's driver sends an instant in UTC as a TIMESTAMP, whose years end with 2038. MariaDB then stores a later
//! one as NULL, without an error: whatever ends after that would never end. The columns are DATETIME, to the
//! year 9999, and so is what this sends.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, Value,
    entity::prelude::async_trait::async_trait,
};

/// A transaction of the driver.
pub(crate) struct Connection(pub DatabaseTransaction);

/// The statement with its values as the columns hold them.
fn fitted(mut statement: Statement) -> Statement {
    if statement.db_backend == DbBackend::MySql
        && let Some(values) = &mut statement.values
    {
        for value in &mut values.0 {
            if let Value::ChronoDateTimeUtc(at) = value {
                *value = Value::ChronoDateTime(at.map(|at| at.naive_utc()));
            }
        }
    }
    statement
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(fitted(statement)).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(fitted(statement)).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(fitted(statement)).await
    }
}

#[cfg(test)]
mod tests {
    use base::{Clock, SystemClock};

    use super::*;

    #[test]
    fn instants_go_to_mysql_as_its_columns_hold_them_and_elsewhere_as_they_are() {
        let now = SystemClock.now();
        let sent = |backend| {
            let statement = Statement::from_sql_and_values(backend, "SELECT ?", [now.into(), 7.into()]);
            fitted(statement).values.map(|values| values.0)
        };
        let naive = Value::ChronoDateTime(Some(now.naive_utc()));
        assert_eq!(sent(DbBackend::MySql), Some(vec![naive, 7.into()]));
        assert_eq!(sent(DbBackend::Postgres), Some(vec![now.into(), 7.into()]));
    }
}
