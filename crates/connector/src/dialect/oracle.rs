//! Oracle, from 12.1 on (what its thin driver speaks with): the tables that the account sees, of every
//! owner that is not Oracle itself. An owner is a schema; the database is the service.

use super::{Dialect, Statement, part};
use crate::{Column, Integer, Table, name::double_quotes};

pub(super) struct Oracle;

const OWNERS: &str = "(SELECT username FROM all_users WHERE oracle_maintained = 'N')";
const TYPE: &str = "c.data_type, TO_CHAR(c.data_precision), TO_CHAR(c.data_scale)";

impl Dialect for Oracle {
    /// The name of the database is the service's, as it was given: nothing here may rename it.
    fn identity(&self) -> Statement {
        let sql = "SELECT (SELECT MAX(version) FROM product_component_version WHERE product LIKE 'Oracle%'), \
                   NULL, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM dual";
        Statement::new(sql, &[])
    }

    fn product(&self, version: &str) -> String {
        format!("Oracle {version}").trim_end().to_owned()
    }

    /// A connection is to one service. Its own name for it may be another than the one it was asked by.
    fn databases(&self) -> Option<Statement> {
        None
    }

    fn tables(&self, _database: &str, most: usize) -> Statement {
        let sql = format!(
            "SELECT owner, name, kind FROM (\
             SELECT owner, table_name AS name, 'table' AS kind FROM all_tables WHERE nested = 'NO' AND \
             secondary = 'N' AND dropped = 'NO' AND temporary = 'N' UNION ALL \
             SELECT owner, view_name, 'view' FROM all_views) \
             WHERE owner IN {OWNERS} ORDER BY owner, name FETCH FIRST {most} ROWS ONLY"
        );
        Statement::new(sql, &[])
    }

    fn keys(&self, _database: &str) -> Statement {
        let sql = format!(
            "SELECT k.owner, k.table_name, p.column_name, {TYPE} FROM all_constraints k \
             JOIN all_cons_columns p ON p.owner = k.owner AND p.constraint_name = k.constraint_name \
             AND p.table_name = k.table_name AND p.position = 1 \
             JOIN all_tab_columns c ON c.owner = k.owner AND c.table_name = k.table_name \
             AND c.column_name = p.column_name \
             WHERE k.constraint_type = 'P' AND k.owner IN {OWNERS}"
        );
        Statement::new(sql, &[])
    }

    fn named(&self, _database: &str, table: &str) -> Statement {
        let sql = format!(
            "SELECT owner, name FROM (SELECT owner, table_name AS name FROM all_tables UNION ALL \
             SELECT owner, view_name FROM all_views) \
             WHERE owner IN {OWNERS} AND LOWER(name) = LOWER(:1) ORDER BY owner, name"
        );
        Statement::new(sql, &[table])
    }

    fn columns(&self, table: &Table) -> Statement {
        let sql = format!(
            "SELECT c.owner, c.table_name, c.column_name, {TYPE} FROM all_tab_columns c \
             WHERE c.owner = :1 AND c.table_name = :2 ORDER BY c.column_id"
        );
        Statement::new(sql, &[table.schema.as_deref().unwrap_or_default(), &table.name])
    }

    /// `kind`: the type, its precision and its scale. `NUMBER` alone counts to 38 digits and may have
    /// decimals; it is what people write for an id, and is read as 64 bits. `INTEGER` is `NUMBER(,0)`.
    fn column(&self, name: &str, kind: &[Option<String>]) -> Column {
        let (bare, precision, scale) = (part(kind, 0), part(kind, 1), part(kind, 2));
        let integer = match (bare, precision, scale) {
            ("NUMBER", "", "" | "0") => Some(Integer::I64),
            ("NUMBER", digits, "0") => digits.parse().ok().map(|digits: u8| match digits {
                0..=18 => Integer::Digits(digits),
                _ => Integer::I64,
            }),
            _ => None,
        };
        let declared = match (precision, scale) {
            ("", "") => bare.to_owned(),
            ("", scale) => format!("{bare}(*,{scale})"),
            (precision, "") => format!("{bare}({precision})"),
            (precision, scale) => format!("{bare}({precision},{scale})"),
        };
        Column { name: name.to_owned(), declared, integer }
    }

    fn highest(&self, table: &Table, column: &Column) -> Statement {
        let [name, column] = [&table.name, &column.name].map(|name| double_quotes(name));
        let owner = table.schema.as_deref().map(|owner| format!("{}.", double_quotes(owner)));
        // Without a format, 10^38 would come in scientific notation; TRUNC, because NUMBER may have decimals.
        let sql =
            format!("SELECT TO_CHAR(TRUNC(MAX({column})), 'TM9') FROM {}{name}", owner.unwrap_or_default());
        Statement::new(sql, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: [&str; 3]) -> Column {
        Oracle.column("ID", &kind.map(|part| (!part.is_empty()).then(|| part.to_owned())))
    }

    #[test]
    fn a_number_says_how_many_digits_it_has() {
        for (kind, integer, declared) in [
            (["NUMBER", "", ""], Some(Integer::I64), "NUMBER"),
            (["NUMBER", "", "0"], Some(Integer::I64), "NUMBER(*,0)"),
            (["NUMBER", "10", "0"], Some(Integer::Digits(10)), "NUMBER(10,0)"),
            (["NUMBER", "19", "0"], Some(Integer::I64), "NUMBER(19,0)"),
            (["NUMBER", "38", "0"], Some(Integer::I64), "NUMBER(38,0)"),
            (["NUMBER", "10", "2"], None, "NUMBER(10,2)"),
            (["NUMBER", "5", "-2"], None, "NUMBER(5,-2)"),
            (["FLOAT", "126", ""], None, "FLOAT(126)"),
            (["VARCHAR2", "", ""], None, "VARCHAR2"),
        ] {
            let column = of(kind);
            assert_eq!((column.integer, column.declared.as_str()), (integer, declared));
        }
    }

    #[test]
    fn names_in_a_statement_are_quoted() {
        let table = Table { database: "ORCL".into(), schema: Some("App".into()), name: "a b".into() };
        let sql = Oracle.highest(&table, &of(["NUMBER", "", ""])).sql;
        assert_eq!(sql, "SELECT TO_CHAR(TRUNC(MAX(\"ID\")), 'TM9') FROM \"App\".\"a b\"");
    }

    #[test]
    fn the_key_is_read_in_its_own_order_and_system_owners_are_left_out() {
        let sql = Oracle.keys("x").sql;
        assert!(sql.contains("p.position = 1") && sql.contains("k.constraint_type = 'P'"));
        for sql in [sql, Oracle.tables("x", 5).sql, Oracle.named("x", "t").sql] {
            assert!(sql.contains("oracle_maintained = 'N'"));
        }
        assert!(Oracle.tables("x", 5).sql.ends_with("FETCH FIRST 5 ROWS ONLY"));
    }
}
