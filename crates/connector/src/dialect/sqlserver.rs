//! SQL Server, from its catalogue views: `INFORMATION_SCHEMA` does not know the order of a key.

use super::{Dialect, Statement, part};
use crate::{Column, Integer, Table, name::brackets};

pub(super) struct SqlServer;

/// The type below an alias type, and what its decimals are.
const TYPE: &str =
    "TYPE_NAME(c.system_type_id), CAST(c.precision AS varchar(3)), CAST(c.scale AS varchar(3))";

impl Dialect for SqlServer {
    fn identity(&self) -> Statement {
        let sql = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(64)), DB_NAME(), SCHEMA_NAME()";
        Statement::new(sql, &[])
    }

    fn product(&self, version: &str) -> String {
        format!("SQL Server {version}")
    }

    fn databases(&self) -> Option<Statement> {
        let sql = "SELECT name FROM sys.databases WHERE name NOT IN ('master', 'tempdb', 'model', 'msdb') \
                   ORDER BY name";
        Some(Statement::new(sql, &[]))
    }

    fn tables(&self, _database: &str, most: usize) -> Statement {
        let sql = format!(
            "SELECT TOP ({most}) s.name, o.name, CASE o.type WHEN 'V' THEN 'view' ELSE 'table' END \
             FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id \
             WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name"
        );
        Statement::new(sql, &[])
    }

    fn keys(&self, _database: &str) -> Statement {
        let sql = format!(
            "SELECT s.name, o.name, c.name, {TYPE} FROM sys.indexes i \
             JOIN sys.objects o ON o.object_id = i.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id \
             JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id \
             JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id \
             WHERE i.is_primary_key = 1 AND k.key_ordinal = 1 AND o.type = 'U' AND o.is_ms_shipped = 0"
        );
        Statement::new(sql, &[])
    }

    fn named(&self, _database: &str, table: &str) -> Statement {
        let sql = "SELECT s.name, o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id \
                   WHERE o.type IN ('U', 'V') AND LOWER(o.name) = LOWER(@P1) ORDER BY s.name, o.name";
        Statement::new(sql, &[table])
    }

    fn columns(&self, table: &Table) -> Statement {
        let sql = format!(
            "SELECT s.name, o.name, c.name, {TYPE} FROM sys.columns c \
             JOIN sys.objects o ON o.object_id = c.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id \
             WHERE o.type IN ('U', 'V') AND s.name = @P1 AND o.name = @P2 ORDER BY c.column_id"
        );
        Statement::new(sql, &[table.schema.as_deref().unwrap_or_default(), &table.name])
    }

    /// `kind`: the type, its precision and its scale. `tinyint` has no sign here.
    fn column(&self, name: &str, kind: &[Option<String>]) -> Column {
        let bare = part(kind, 0);
        let integer = match bare {
            "tinyint" => Some(Integer::U8),
            "smallint" => Some(Integer::I16),
            "int" => Some(Integer::I32),
            "bigint" => Some(Integer::I64),
            _ => None,
        };
        let declared = match bare {
            "decimal" | "numeric" => format!("{bare}({},{})", part(kind, 1), part(kind, 2)),
            _ => bare.to_owned(),
        };
        Column { name: name.to_owned(), declared, integer }
    }

    /// With the database in front: the connection's own could have been left by `USE`.
    fn highest(&self, table: &Table, column: &Column) -> Statement {
        let schema = table.schema.as_deref().unwrap_or("dbo");
        let [database, schema, name, column] =
            [table.database.as_str(), schema, &table.name, &column.name].map(brackets);
        let sql = format!("SELECT CAST(MAX({column}) AS varchar(20)) FROM {database}.{schema}.{name}");
        Statement::new(sql, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_how_far_it_counts() {
        let of =
            |bare: &str| SqlServer.column("id", &[Some(bare.into()), Some("20".into()), Some("0".into())]);
        assert_eq!(of("tinyint").integer, Some(Integer::U8));
        assert_eq!(of("smallint").integer, Some(Integer::I16));
        assert_eq!(of("int").integer, Some(Integer::I32));
        assert_eq!(of("bigint").integer, Some(Integer::I64));
        assert_eq!((of("decimal").integer, of("decimal").declared.as_str()), (None, "decimal(20,0)"));
        assert_eq!(of("uniqueidentifier").integer, None);
    }

    #[test]
    fn names_in_a_statement_are_in_brackets_and_values_are_parameters() {
        let table = Table { database: "a]b".into(), schema: Some("s s".into()), name: "t'".into() };
        let sql = SqlServer.highest(&table, &SqlServer.column("c[", &[])).sql;
        assert_eq!(sql, "SELECT CAST(MAX([c[]) AS varchar(20)) FROM [a]]b].[s s].[t']");
        let named = SqlServer.named("a", "t'; drop table x");
        assert!(!named.sql.contains("drop") && named.values == ["t'; drop table x"]);
    }

    #[test]
    fn the_key_is_read_in_its_own_order_and_in_every_schema() {
        let sql = SqlServer.keys("a").sql;
        assert!(sql.contains("k.key_ordinal = 1") && sql.contains("i.is_primary_key = 1"));
        assert!(!sql.contains("dbo"));
        assert!(SqlServer.tables("a", 11).sql.starts_with("SELECT TOP (11) s.name"));
    }
}
