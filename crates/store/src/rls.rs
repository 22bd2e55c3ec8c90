//! Row-level security as the operator sees it: what is protected, and the proof that it holds.

use base::{Error, Result};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait, Value};
use serde::Serialize;

use crate::{Dialect, Mode, Opening, Role, Store, error, provision, schema};

/// One table of a tenant.
#[derive(Clone, Debug, Serialize)]
pub struct TableState {
    /// Table name.
    pub table: String,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub enabled: bool,
    /// `FORCE ROW LEVEL SECURITY`.
    pub forced: bool,
    /// Both policies exist.
    pub policies: bool,
    /// The session's own user owns the table.
    pub owned: bool,
}

impl TableState {
    /// Whether nothing is missing.
    pub fn protected(&self) -> bool {
        self.enabled && self.forced && self.policies
    }
}

/// What the user that signed in could do if it forgot to change its role.
#[derive(Clone, Debug, Serialize)]
pub struct UserState {
    /// `session_user`.
    pub user: String,
    /// SUPERUSER: policies never apply to it.
    pub superuser: bool,
    /// BYPASSRLS.
    pub bypasses: bool,
    /// May act as `tenon_app`.
    pub may_act_as_app: bool,
    /// May act as `tenon_system`.
    pub may_act_as_system: bool,
    /// Tenant tables that it owns.
    pub owns: Vec<String>,
}

impl UserState {
    /// Why this user must not serve requests in production; empty when it may.
    pub fn objections(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.superuser {
            out.push(format!("{} is a superuser, which no policy binds", self.user));
        }
        if self.bypasses {
            out.push(format!("{} has BYPASSRLS", self.user));
        }
        if !self.owns.is_empty() {
            out.push(format!("{} owns {}", self.user, self.owns.join(", ")));
        }
        if !self.may_act_as_app || !self.may_act_as_system {
            out.push(format!("{} may not act as tenon_app and tenon_system", self.user));
        }
        out
    }
}

/// Whether row-level security exists on this database at all.
pub fn applies(store: &Store) -> bool {
    store.dialect() == Dialect::Postgres
}

async fn rows(store: &Store, sql: &str) -> Result<Vec<sea_orm::QueryResult>> {
    store.raw().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(error)
}

/// Tables whose `org_id` is a fact about them, not their owner: read before the organisation is
/// known, and only through named functions (decision 2.5).
const GLOBAL: &str = "'api_key', 'access_version', 'session'";

/// Every table with an `org_id`, and how it is protected.
pub async fn status(store: &Store) -> Result<Vec<TableState>> {
    let sql = format!(
        "SELECT c.relname::text AS table, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, \
               (SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid \
                  AND p.polname IN ('org_isolation', 'system_access')) = 2 AS policies, \
               pg_get_userbyid(c.relowner) = session_user AS owned \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped \
               WHERE c.relkind = 'r' AND c.relname NOT IN ({GLOBAL}) \
               AND n.nspname = current_schema() ORDER BY 1"
    );
    let read = |row: &sea_orm::QueryResult| {
        Ok(TableState {
            table: crate::read(row, "table")?,
            enabled: crate::read(row, "enabled")?,
            forced: crate::read(row, "forced")?,
            policies: crate::read(row, "policies")?,
            owned: crate::read(row, "owned")?,
        })
    };
    rows(store, &sql).await?.iter().map(read).collect()
}

/// What the session's own user may do.
pub async fn user(store: &Store) -> Result<UserState> {
    let sql = "SELECT r.rolname::text AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses, \
               COALESCE((SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles \
                         WHERE rolname = 'tenon_app'), false) AS app, \
               COALESCE((SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles \
                         WHERE rolname = 'tenon_system'), false) AS system \
               FROM pg_roles r WHERE r.rolname = session_user";
    let found = rows(store, sql).await?;
    let row = found.first().ok_or_else(|| Error::internal("the session has a user"))?;
    let owns = status(store).await?.into_iter().filter(|t| t.owned).map(|t| t.table).collect();
    Ok(UserState {
        user: crate::read(row, "name")?,
        superuser: crate::read(row, "superuser")?,
        bypasses: crate::read(row, "bypasses")?,
        may_act_as_app: crate::read(row, "app")?,
        may_act_as_system: crate::read(row, "system")?,
        owns,
    })
}

/// Puts every tenant table under its policies again.
pub async fn enable(store: &Store) -> Result<Vec<String>> {
    change(store, |state| {
        let mut sql = vec![
            format!("DROP POLICY IF EXISTS org_isolation ON {}", state.table),
            format!("DROP POLICY IF EXISTS system_access ON {}", state.table),
        ];
        sql.extend(schema::policies(&state.table));
        sql
    })
    .await
}

/// Takes row-level security off; the application's own filter is then the only one.
pub async fn disable(store: &Store) -> Result<Vec<String>> {
    change(store, |state| {
        vec![
            format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", state.table),
            format!("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", state.table),
        ]
    })
    .await
}

async fn change(store: &Store, sql: impl Fn(&TableState) -> Vec<String>) -> Result<Vec<String>> {
    let tables = status(store).await?;
    let tx = store.raw().begin().await.map_err(error)?;
    provision::become_owner(&tx).await?;
    for state in &tables {
        for statement in sql(state) {
            tx.execute_unprepared(&statement).await.map_err(error)?;
        }
    }
    tx.commit().await.map_err(error)?;
    Ok(tables.into_iter().map(|state| state.table).collect())
}

/// One table's outcome in [`test`].
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Table name.
    pub table: String,
    /// The other organisation's rows that could be read (must be 0).
    pub read: i64,
    /// … changed (must be 0).
    pub changed: u64,
    /// A row for the other organisation was accepted (must be false).
    pub accepted: bool,
    /// How many rows the other organisation had.
    pub rows: i64,
    /// The organisation's own rows that could be read (must be all of them, 1): else nothing could
    /// be read at all, and the rest would prove nothing.
    pub own: i64,
}

impl Proof {
    /// Whether the table is isolated, and the proof was not an empty one.
    pub fn holds(&self) -> bool {
        self.read == 0 && self.changed == 0 && !self.accepted && self.rows > 0 && self.own == 1
    }
}

/// Writes rows of two organisations into every tenant table, looks at them from one, through the
/// application's own role, and rolls everything back.
pub async fn test(store: &Store) -> Result<Vec<Proof>> {
    let mut proofs = Vec::new();
    for state in status(store).await? {
        proofs.push(prove(store, &state.table).await?);
    }
    Ok(proofs)
}

async fn prove(store: &Store, table: &str) -> Result<Proof> {
    let [ours, theirs] = [base::random::bytes::<16>(), base::random::bytes::<16>()].map(base::Id::from_bytes);
    let tx = store.begin(Mode::Write, Opening::new(Role::System, None)).await?;
    // References are beside the point here, and would ask for a whole world of rows.
    let columns = tx
        .query_sql(
            "SELECT column_name::text AS name, udt_name::text AS kind FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 AND is_nullable = 'NO' ORDER BY 1",
            vec![table.into()],
        )
        .await?;
    let mut shape = Vec::new();
    for column in &columns {
        shape.push((crate::read::<String>(column, "name")?, crate::read::<String>(column, "kind")?));
    }
    let names: Vec<&str> = shape.iter().map(|(name, _)| name.as_str()).collect();
    let insert = |org: base::Id| {
        let values: Vec<String> = shape.iter().map(|(name, kind)| sample(name, kind, org)).collect();
        format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
    };
    let as_app = |org: base::Id| {
        format!("SELECT set_config('role', 'tenon_app', true), set_config('app.current_org', '{org}', true)")
    };
    tx.execute_sql("SET CONSTRAINTS ALL DEFERRED", vec![]).await?;
    tx.execute_sql(&insert(theirs), vec![]).await?;
    tx.execute_sql(&insert(ours), vec![]).await?;
    let count_of = |org: base::Id| format!("SELECT COUNT(*) AS n FROM {table} WHERE org_id = '{org}'");
    let count = count_of(theirs);
    let number = |found: Vec<sea_orm::QueryResult>| -> Result<i64> {
        found.first().map(|row| crate::read(row, "n")).transpose().map(Option::unwrap_or_default)
    };
    let rows = number(tx.query_sql(&count, vec![]).await?)?;
    tx.execute_sql(&as_app(ours), vec![]).await?;
    let read = number(tx.query_sql(&count, vec![]).await?)?;
    let own = number(tx.query_sql(&count_of(ours), vec![]).await?)?;
    let change = format!("UPDATE {table} SET org_id = org_id WHERE org_id = '{theirs}'");
    tx.execute_sql("SAVEPOINT before_change", vec![]).await?;
    let changed = tx.execute_sql(&change, Vec::<Value>::new()).await;
    if changed.is_err() {
        tx.execute_sql("ROLLBACK TO SAVEPOINT before_change", vec![]).await?;
    }
    let accepted = tx.execute_sql(&insert(theirs), vec![]).await.is_ok();
    tx.rollback().await?;
    Ok(Proof { table: table.to_owned(), read, changed: changed.unwrap_or_default(), accepted, rows, own })
}

/// A literal that fits a column of that type.
fn sample(name: &str, kind: &str, org: base::Id) -> String {
    match (name, kind) {
        ("org_id", _) => format!("'{org}'"),
        (_, "uuid") => format!("'{}'", base::Id::from_bytes(base::random::bytes())),
        (_, "int4" | "int8") => "1".to_owned(),
        (_, "bool") => "false".to_owned(),
        (_, "timestamptz") => "now()".to_owned(),
        (_, "jsonb") => "'{}'".to_owned(),
        _ => format!("'{}'", &base::random::token()[..8]),
    }
}
