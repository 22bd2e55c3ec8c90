//! A unit of work: one transaction, bound to one organisation, that narrows every statement.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::{Error, Id, Result};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    FromQueryResult, QueryFilter, QueryResult, QueryTrait, Select, Statement, StatementBuilder, Value,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use crate::{Dialect, Mode, Table, connection::Connection, error, hooks::Hooks};

/// Under which database role a unit of work runs (PostgreSQL; elsewhere it only decides the filter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `tenon_app`: the rows of one organisation.
    App,
    /// `tenon_system`: every organisation's rows.
    System,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::App => "tenon_app",
            Self::System => "tenon_system",
        }
    }
}

/// How a unit of work begins: its role, its organisation, and a read that travels with both.
pub struct Opening {
    /// The role.
    pub role: Role,
    /// The organisation; `None` under [`Role::App`] sees no tenant's row.
    pub org: Option<Id>,
    /// A select that returns exactly one row; it rides in the same statement (decision 2.1).
    pub read: Option<SelectStatement>,
}

impl Opening {
    /// An opening without a read.
    pub fn new(role: Role, org: Option<Id>) -> Self {
        Self { role, org, read: None }
    }
}

/// One transaction. Dropping it rolls back.
pub struct Tx {
    inner: Connection,
    dialect: Dialect,
    role: Role,
    org: Option<Id>,
    unfiltered: bool,
    opened: Option<QueryResult>,
    after_commit: Mutex<Hooks>,
}

impl Tx {
    pub(crate) async fn open(
        inner: DatabaseTransaction,
        mode: Mode,
        dialect: Dialect,
        unfiltered: bool,
        statement_limit: Duration,
        opening: Opening,
    ) -> Result<Self> {
        let Opening { role, org, read } = opening;
        let mut tx = Self {
            inner: Connection(inner),
            dialect,
            role,
            org,
            unfiltered,
            opened: None,
            after_commit: Mutex::default(),
        };
        let mut statement = read;
        if dialect == Dialect::Postgres {
            let org = org.map(|org| org.to_string()).unwrap_or_default();
            let select = statement.get_or_insert_default();
            // `true` makes them local to this transaction: nothing outlives it on a pooled connection.
            select.expr(Expr::cust_with_values("set_config('role', $1, true)", [role.name()]));
            select.expr(Expr::cust_with_values("set_config('app.current_org', $1, true)", [org]));
            let limit = statement_limit.as_millis().to_string();
            select.expr(Expr::cust_with_values("set_config('statement_timeout', $1, true)", [limit]));
            if mode == Mode::Read {
                select.expr(Expr::cust("set_config('transaction_read_only', 'on', true)"));
            }
        }
        if let Some(select) = statement {
            tx.opened = tx.query_one(&select).await?;
        }
        Ok(tx)
    }

    /// The row that the opening's read returned.
    pub fn opened(&self) -> Option<&QueryResult> {
        self.opened.as_ref()
    }
    /// The kind of database.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
    /// The organisation, if the unit of work has one.
    pub fn org(&self) -> Option<Id> {
        self.org
    }
    /// The organisation of a unit of work that must have one.
    pub fn require_org(&self) -> Result<Id> {
        self.org.ok_or_else(|| Error::forbidden("no_organization", "choose an organisation first"))
    }

    /// Commits.
    pub async fn commit(self) -> Result<()> {
        self.inner.0.commit().await.map_err(error)?;
        self.after_commit.into_inner().unwrap_or_else(PoisonError::into_inner).call();
        Ok(())
    }

    /// Calls `hook` once this unit of work is committed, and never if it is not, or if what was done since a
    /// savepoint before is taken back. For signals within the process; what must not be lost belongs into
    /// a row.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks().add(Box::new(hook));
    }
    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        self.after_commit.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Rolls back.
    pub async fn rollback(self) -> Result<()> {
        self.inner.0.rollback().await.map_err(error)
    }

    /// Marks a point to which [`Tx::back_to_savepoint`] returns.
    pub async fn savepoint(&self, name: &'static str) -> Result<()> {
        self.inner.execute_unprepared(&format!("SAVEPOINT {name}")).await.map_err(error)?;
        self.hooks().savepoint(name);
        Ok(())
    }
    /// Takes back everything since the savepoint of that name, what was to be done after the commit included.
    pub async fn back_to_savepoint(&self, name: &'static str) -> Result<()> {
        self.inner.execute_unprepared(&format!("ROLLBACK TO SAVEPOINT {name}")).await.map_err(error)?;
        self.hooks().back_to(name);
        Ok(())
    }

    /// Forgets the savepoint of that name: what was done since stays.
    pub async fn release_savepoint(&self, name: &'static str) -> Result<()> {
        self.inner.execute_unprepared(&format!("RELEASE SAVEPOINT {name}")).await.map_err(error)?;
        self.hooks().release(name);
        Ok(())
    }

    /// The records of `E` that this unit of work may see: its organisation's, and not in the trash.
    pub fn find<E: Table>(&self) -> Select<E> {
        let select = self.find_with_trash::<E>();
        match E::trash_column() {
            Some(column) => select.filter(column.is_null()),
            None => select,
        }
    }

    /// As [`Tx::find`], the trash included.
    #[expect(clippy::disallowed_methods, reason = "this is the scoped finder")]
    pub fn find_with_trash<E: Table>(&self) -> Select<E> {
        let select = E::find();
        match self.narrow::<E>() {
            Some(condition) => select.filter(condition),
            None => select,
        }
    }

    /// The organisation condition for a table, or `None` where none applies.
    fn narrow<E: Table>(&self) -> Option<Condition> {
        let column = E::org_column()?;
        match (self.org, self.role) {
            _ if self.unfiltered => None,
            (Some(org), _) => Some(Condition::all().add(column.eq(org))),
            (None, Role::System) => None,
            (None, Role::App) => Some(Condition::all().add(Expr::value(1).eq(0))),
        }
    }

    /// Whether statements of a tenant's table must carry the organisation, and which.
    /// `Err` when a unit of work without organisation asks for a tenant's rows.
    pub fn org_filter(&self) -> Result<Option<Id>> {
        match (self.org, self.role) {
            _ if self.unfiltered => Ok(None),
            (None, Role::App) => self.require_org().map(Some),
            (org, _) => Ok(org),
        }
    }

    /// The first row of a select.
    pub async fn one<E: Table>(&self, select: Select<E>) -> Result<Option<E::Model>> {
        select.one(&self.inner).await.map_err(error)
    }
    /// The record with that id, or 404.
    pub async fn get<E: Table>(&self, id: Id) -> Result<E::Model> {
        self.lookup::<E>(id).await?.ok_or_else(Error::missing)
    }
    /// The record with that id.
    pub async fn lookup<E: Table>(&self, id: Id) -> Result<Option<E::Model>> {
        let column = E::column("id").ok_or_else(|| Error::internal("the table has no id column"))?;
        self.one(self.find::<E>().filter(column.eq(id))).await
    }
    /// Every row of a select.
    pub async fn all<E: Table>(&self, select: Select<E>) -> Result<Vec<E::Model>> {
        select.all(&self.inner).await.map_err(error)
    }
    /// How many rows a select has.
    pub async fn count<E: Table>(&self, select: Select<E>) -> Result<u64> {
        let mut inner = select.into_query();
        inner.clear_selects().expr(Expr::val(1)).clear_order_by();
        let outer = SelectStatement::new()
            .expr_as(Expr::cust("COUNT(*)"), "n")
            .from_subquery(inner, "counted")
            .to_owned();
        let row = self.query_one(&outer).await?.ok_or_else(|| Error::internal("a count has a row"))?;
        let n: i64 = row.try_get("", "n").map_err(error)?;
        Ok(u64::try_from(n).unwrap_or_default())
    }

    /// Inserts one row. A tenant's row must belong to this unit of work's organisation.
    pub async fn insert<A>(&self, row: A) -> Result<()>
    where
        A: ActiveModelTrait<Entity: Table>,
    {
        self.guard_org(&row)?;
        A::Entity::insert(row).exec_without_returning(&self.inner).await.map(drop).map_err(error)
    }

    /// Inserts several rows in one statement.
    pub async fn insert_all<A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait<Entity: Table>,
    {
        for row in &rows {
            self.guard_org(row)?;
        }
        for chunk in rows.chunks(500) {
            A::Entity::insert_many(chunk.to_vec())
                .exec_without_returning(&self.inner)
                .await
                .map_err(error)?;
        }
        Ok(())
    }

    fn guard_org<A>(&self, row: &A) -> Result<()>
    where
        A: ActiveModelTrait<Entity: Table>,
    {
        let (Some(column), Some(org)) = (<A::Entity as Table>::org_column(), self.org) else { return Ok(()) };
        match row.get(column).into_value() {
            Some(Value::Uuid(Some(id))) if id == org => Ok(()),
            _ if self.unfiltered || self.role == Role::System => Ok(()),
            _ => Err(Error::internal("a row of another organisation was about to be written")),
        }
    }

    /// Sets the columns that `values` has set, in every row that matches; returns how many matched.
    pub async fn update_where<A>(&self, values: A, condition: Condition) -> Result<u64>
    where
        A: ActiveModelTrait<Entity: Table>,
    {
        let mut update = A::Entity::update_many().set(values).filter(condition);
        if let Some(narrow) = self.narrow::<A::Entity>() {
            update = update.filter(narrow);
        }
        update.exec(&self.inner).await.map(|done| done.rows_affected).map_err(error)
    }

    /// Deletes every row that matches; returns how many.
    pub async fn delete_where<E: Table>(&self, condition: Condition) -> Result<u64> {
        let mut delete = E::delete_many().filter(condition);
        if let Some(narrow) = self.narrow::<E>() {
            delete = delete.filter(narrow);
        }
        delete.exec(&self.inner).await.map(|done| done.rows_affected).map_err(error)
    }

    /// Runs a built statement (not narrowed: the Resource engine narrows its own).
    pub async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<u64> {
        self.inner.execute(statement).await.map(|done| done.rows_affected()).map_err(error)
    }
    /// The first row of a built statement (not narrowed).
    pub async fn query_one<S: StatementBuilder>(&self, statement: &S) -> Result<Option<QueryResult>> {
        self.inner.query_one(statement).await.map_err(error)
    }
    /// The rows of a built statement (not narrowed).
    pub async fn query_all<S: StatementBuilder>(&self, statement: &S) -> Result<Vec<QueryResult>> {
        self.inner.query_all(statement).await.map_err(error)
    }
    /// Runs SQL of one dialect; only dialect files and the operator's commands may.
    pub async fn execute_sql(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        let statement = Statement::from_sql_and_values(self.inner.get_database_backend(), sql, values);
        self.inner.execute_raw(statement).await.map(|done| done.rows_affected()).map_err(error)
    }
    /// Reads with SQL of one dialect.
    pub async fn query_sql(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
        let statement = Statement::from_sql_and_values(self.inner.get_database_backend(), sql, values);
        self.inner.query_all_raw(statement).await.map_err(error)
    }
}

/// Reads one typed column of a row by name.
pub fn read<T: sea_orm::TryGetable>(row: &QueryResult, column: &str) -> Result<T> {
    row.try_get("", column).map_err(error)
}

/// Reads a whole entity from a row.
pub fn model<M: FromQueryResult>(row: &QueryResult) -> Result<M> {
    M::from_query_result(row, "").map_err(error)
}
