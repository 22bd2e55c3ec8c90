//! PostgreSQL, from its catalogue: `information_schema` shows only what one owns or may change.

use super::{Dialect, Statement, part};
use crate::{Column, Integer, Table, name::double_quotes};

pub(super) struct Postgres;

/// A user's schema cannot begin with `pg_`; temporary tables and TOAST live in such ones.
const SCHEMAS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
/// The type, and the number of the type below it where it is a domain, however deep.
const TYPE: &str = "format_type(a.atttypid, a.atttypmod)::text, (WITH RECURSIVE down AS (\
     SELECT t.oid, t.typtype, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid UNION ALL \
     SELECT t.oid, t.typtype, t.typbasetype FROM down d JOIN pg_type t ON t.oid = d.typbasetype \
     WHERE d.typtype = 'd') SELECT oid::int8::text FROM down WHERE typtype <> 'd')";

impl Dialect for Postgres {
    fn identity(&self) -> Statement {
        Statement::new("SELECT current_setting('server_version'), current_database()::text, 'public'", &[])
    }

    /// `15.19 (Debian 15.19-0+deb12u1)`.
    fn product(&self, version: &str) -> String {
        format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default())
    }

    fn databases(&self) -> Option<Statement> {
        let sql = "SELECT datname::text FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' \
                   ORDER BY datname::text COLLATE \"C\"";
        Some(Statement::new(sql, &[]))
    }

    fn tables(&self, _database: &str, most: usize) -> Statement {
        let sql = format!(
            "SELECT n.nspname::text, c.relname::text, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' \
             END FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', \
             'v', 'm') AND NOT c.relispartition AND {SCHEMAS} \
             ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\" LIMIT {most}"
        );
        Statement::new(sql, &[])
    }

    fn keys(&self, _database: &str) -> Statement {
        let sql = format!(
            "SELECT n.nspname::text, c.relname::text, a.attname::text, {TYPE} FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
             WHERE i.indisprimary AND NOT c.relispartition AND {SCHEMAS}"
        );
        Statement::new(sql, &[])
    }

    fn named(&self, _database: &str, table: &str) -> Statement {
        let sql = format!(
            "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n \
             ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {SCHEMAS} AND \
             (c.relname::text = $1 OR lower(c.relname::text) = lower($1)) ORDER BY 1, 2"
        );
        Statement::new(sql, &[table])
    }

    fn columns(&self, table: &Table) -> Statement {
        let sql = format!(
            "SELECT n.nspname::text, c.relname::text, a.attname::text, {TYPE} FROM pg_attribute a \
             JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname::text = $1 AND c.relname::text = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        );
        Statement::new(sql, &[table.schema.as_deref().unwrap_or_default(), &table.name])
    }

    /// `kind`: the type as `format_type` writes it, and the number of the type below it (`pg_type.dat`).
    fn column(&self, name: &str, kind: &[Option<String>]) -> Column {
        let integer = match part(kind, 1) {
            "21" => Some(Integer::I16),
            "23" => Some(Integer::I32),
            "20" => Some(Integer::I64),
            _ => None,
        };
        Column { name: name.to_owned(), declared: part(kind, 0).to_owned(), integer }
    }

    fn highest(&self, table: &Table, column: &Column) -> Statement {
        let schema = double_quotes(table.schema.as_deref().unwrap_or("public"));
        let [name, column] = [&table.name, &column.name].map(|name| double_quotes(name));
        Statement::new(format!("SELECT MAX({column})::text FROM {schema}.{name}"), &[])
    }

    // The key's type is as the catalogue writes it (`format_type`), quoted where that is needed.
    fn documents(&self, table: &Table, key: &Column, after: Option<&str>, most: usize) -> Option<Statement> {
        let schema = double_quotes(table.schema.as_deref().unwrap_or("public"));
        let [name, column] = [&table.name, &key.name].map(|name| double_quotes(name));
        let later = after.map(|_| format!("WHERE t.{column} > CAST($1::text AS {})", key.declared));
        let sql = format!(
            "SELECT t.{column}::text, to_jsonb(t)::text FROM {schema}.{name} t {} ORDER BY t.{column} LIMIT {most}",
            later.unwrap_or_default()
        );
        Some(Statement::new(sql, &after.into_iter().collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_number() {
        assert_eq!(Postgres.product("15.19 (Debian 15.19-0+deb12u1)"), "PostgreSQL 15.19");
        assert_eq!(Postgres.product("16beta1"), "PostgreSQL 16beta1");
    }

    #[test]
    fn names_in_a_statement_are_quoted() {
        let table = Table { database: "d".into(), schema: Some("A\"b".into()), name: "c:d".into() };
        let sql = Postgres.highest(&table, &Postgres.column("e\"", &[])).sql;
        assert_eq!(sql, "SELECT MAX(\"e\"\"\")::text FROM \"A\"\"b\".\"c:d\"");
    }
}
