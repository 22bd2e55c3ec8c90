//! MySQL and MariaDB.
//!
//! Names come from `information_schema`, whose views are joined here rather than by the server: without
//! indexes on them, MariaDB would compare every table with every other. `CAST(… AS CHAR)`: some versions
//! give these columns as binary.

use super::{Dialect, Statement, part};
use crate::{Column, Integer, Table, name::back_ticks};

pub(super) struct Mysql;

const COLUMNS: &str = "SELECT NULL, CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), \
     CAST(COLUMN_TYPE AS CHAR), CAST(DATA_TYPE AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?";
/// MariaDB lists its sequences as tables too; they have no keys.
const KINDS: &str = "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')";

impl Dialect for Mysql {
    fn identity(&self) -> Statement {
        Statement::new("SELECT VERSION(), DATABASE(), NULL", &[])
    }

    /// `10.11.19-MariaDB-0+deb12u1`, `5.5.5-10.6.1-MariaDB`, `8.0.36-0ubuntu0.22.04.1`.
    fn product(&self, version: &str) -> String {
        let maria = version.contains("MariaDB");
        // What MariaDB says before 11 to those who would not take a 10 for an answer.
        let version = version.strip_prefix("5.5.5-").filter(|_| maria).unwrap_or(version);
        let number = version.split('-').next().unwrap_or_default();
        format!("{} {number}", if maria { "MariaDB" } else { "MySQL" })
    }

    fn databases(&self) -> Option<Statement> {
        let sql = "SELECT CAST(SCHEMA_NAME AS CHAR) FROM information_schema.SCHEMATA WHERE LOWER(SCHEMA_NAME) \
                   NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1";
        Some(Statement::new(sql, &[]))
    }

    fn tables(&self, database: &str, most: usize) -> Statement {
        let sql = format!(
            "SELECT NULL, CAST(TABLE_NAME AS CHAR), IF(TABLE_TYPE = 'VIEW', 'view', 'table') \
             FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND {KINDS} ORDER BY 2 LIMIT {most}"
        );
        Statement::new(sql, &[database])
    }

    fn keys(&self, database: &str) -> Statement {
        // No other index may be called PRIMARY. COLUMN_KEY would not do: it says PRI of a unique index too.
        let sql = "SELECT NULL, CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR) FROM \
                   information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND INDEX_NAME = 'PRIMARY' \
                   AND SEQ_IN_INDEX = 1";
        Statement::new(sql, &[database])
    }

    fn key_types(&self, database: &str) -> Option<Statement> {
        Some(Statement::new(format!("{COLUMNS} AND COLUMN_KEY = 'PRI'"), &[database]))
    }

    fn named(&self, database: &str, table: &str) -> Statement {
        let sql = format!(
            "SELECT NULL, CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND \
             {KINDS} AND LOWER(TABLE_NAME) = LOWER(?) ORDER BY 2"
        );
        Statement::new(sql, &[database, table])
    }

    fn columns(&self, table: &Table) -> Statement {
        let sql = format!("{COLUMNS} AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION");
        Statement::new(sql, &[&table.database, &table.name])
    }

    /// `kind`: the full type (`bigint(20) unsigned`) and its bare name.
    fn column(&self, name: &str, kind: &[Option<String>]) -> Column {
        let declared = part(kind, 0);
        let unsigned = declared.split(' ').any(|word| word.eq_ignore_ascii_case("unsigned"));
        let integer = match (part(kind, 1).to_ascii_lowercase().as_str(), unsigned) {
            ("tinyint", false) => Some(Integer::I8),
            ("tinyint", true) => Some(Integer::U8),
            ("smallint", false) => Some(Integer::I16),
            ("smallint", true) => Some(Integer::U16),
            ("mediumint", false) => Some(Integer::I24),
            ("mediumint", true) => Some(Integer::U24),
            ("int", false) => Some(Integer::I32),
            ("int", true) => Some(Integer::U32),
            ("bigint", false) => Some(Integer::I64),
            ("bigint", true) => Some(Integer::U64),
            _ => None,
        };
        Column { name: name.to_owned(), declared: declared.to_owned(), integer }
    }

    fn highest(&self, table: &Table, column: &Column) -> Statement {
        let [database, name, column] = [&table.database, &table.name, &column.name].map(|n| back_ticks(n));
        Statement::new(format!("SELECT CAST(MAX({column}) AS CHAR) FROM {database}.{name}"), &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_the_product() {
        for (version, product) in [
            ("10.11.19-MariaDB-0+deb12u1", "MariaDB 10.11.19"),
            ("5.5.5-10.6.1-MariaDB-log", "MariaDB 10.6.1"),
            ("8.0.36-0ubuntu0.22.04.1", "MySQL 8.0.36"),
            ("5.5.5", "MySQL 5.5.5"),
        ] {
            assert_eq!(Mysql.product(version), product);
        }
    }

    #[test]
    fn a_type_says_how_far_it_counts() {
        let of = |declared: &str, bare: &str| {
            Mysql.column("id", &[Some(declared.into()), Some(bare.into())]).integer
        };
        assert_eq!(of("bigint(20) unsigned", "bigint"), Some(Integer::U64));
        assert_eq!(of("int unsigned zerofill", "int"), Some(Integer::U32));
        assert_eq!(of("mediumint(8)", "mediumint"), Some(Integer::I24));
        assert_eq!(of("tinyint(1)", "tinyint"), Some(Integer::I8));
        for (declared, bare) in [("decimal(20,0)", "decimal"), ("year(4)", "year"), ("varchar(9)", "varchar")]
        {
            assert_eq!(of(declared, bare), None, "{declared}");
        }
    }

    #[test]
    fn names_in_a_statement_are_quoted() {
        let table = Table { database: "a`b".into(), schema: None, name: "c d".into() };
        let column = Mysql.column("e`", &[]);
        assert_eq!(Mysql.highest(&table, &column).sql, "SELECT CAST(MAX(`e```) AS CHAR) FROM `a``b`.`c d`");
    }
}
