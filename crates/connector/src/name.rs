//! Names as other people wrote them: put into SQL safely, and recognised whatever their case. Pure.

use crate::Table;

/// The longest name that any of the products knows is 128 characters; longer ones name nothing.
const NAME_MAX: usize = 256;

/// Whether a database can have something of this name; the others are not worth asking about.
pub(crate) fn is_possible(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0') && name.chars().count() <= NAME_MAX
}

/// For MySQL, in any `sql_mode`.
pub(crate) fn back_ticks(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// For PostgreSQL (SQL:2016, delimited identifier). Oracle's names hold no double quote: one that does is
/// doubled too, and the statement fails rather than meaning something else.
pub(crate) fn double_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// For SQL Server, whatever `QUOTED_IDENTIFIER` says.
pub(crate) fn brackets(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// The name among `names` that is meant: as sent, else without regard to case where exactly one matches.
pub(crate) fn recognise<'a>(sent: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if let Some(exact) = names.clone().find(|name| *name == sent) {
        return Some(exact);
    }
    only(names.filter(|name| same(name, sent)))
}

/// The table that is meant: exact names before others, and without a schema, `own` before other schemas.
/// Two that are equally good are nobody.
pub(crate) fn recognise_table<'a>(
    schema: Option<&str>,
    table: &str,
    own: Option<&str>,
    tables: &'a [Table],
) -> Option<&'a Table> {
    type Test<'t> = &'t dyn Fn(&Table) -> bool;
    let of = |one: &Table, wanted: Option<&str>| one.schema.as_deref() == wanted;
    let of_any_case = |one: &Table, wanted: Option<&str>| match (one.schema.as_deref(), wanted) {
        (Some(has), Some(wanted)) => same(has, wanted),
        (has, wanted) => has == wanted,
    };
    let tests: [Test<'_>; 4] = match schema {
        Some(_) => [
            &|one| of(one, schema) && one.name == table,
            &|one| of_any_case(one, schema) && one.name == table,
            &|one| of(one, schema) && same(&one.name, table),
            &|one| of_any_case(one, schema) && same(&one.name, table),
        ],
        None => [
            &|one| of(one, own) && one.name == table,
            &|one| one.name == table,
            &|one| of(one, own) && same(&one.name, table),
            &|one| same(&one.name, table),
        ],
    };
    let first = tests.into_iter().find(|test| tables.iter().any(test))?;
    only(tables.iter().filter(|one| first(one)))
}

fn same(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(schema: Option<&str>, name: &str) -> Table {
        Table { database: "d".into(), schema: schema.map(str::to_owned), name: name.into() }
    }

    #[test]
    fn a_quote_in_a_name_stays_within_it() {
        assert_eq!(back_ticks("a`; drop"), "`a``; drop`");
        assert_eq!(double_quotes("a\"; drop"), "\"a\"\"; drop\"");
        assert_eq!(brackets("a]; drop [b"), "[a]]; drop [b]");
    }

    #[test]
    fn an_exact_name_comes_before_others_and_two_others_are_none() {
        let names = ["Id", "ID", "name"];
        let of = |sent| recognise(sent, names.into_iter());
        assert_eq!(of("ID"), Some("ID"));
        assert_eq!(of("NAME"), Some("name"));
        assert_eq!(of("id"), None);
        assert_eq!(of("nothing"), None);
        assert_eq!(recognise("ÄRA", ["ära"].into_iter()), Some("ära"));
    }

    #[test]
    fn without_a_schema_the_own_one_goes_first_then_the_only_other() {
        let tables =
            [table(Some("public"), "a"), table(Some("x"), "a"), table(Some("x"), "B"), table(Some("y"), "c")];
        let of = |name| recognise_table(None, name, Some("public"), &tables).map(|one| one.schema.as_deref());
        assert_eq!(of("a"), Some(Some("public")));
        assert_eq!(of("A"), Some(Some("public")));
        assert_eq!(of("b"), Some(Some("x")));
        assert_eq!(of("c"), Some(Some("y")));
        let two = [table(Some("x"), "a"), table(Some("y"), "a")];
        assert!(recognise_table(None, "a", Some("public"), &two).is_none());
        assert!(recognise_table(None, "a", None, &[table(None, "A"), table(None, "a")]).unwrap().name == "a");
        assert!(recognise_table(None, "aA", None, &[table(None, "AA"), table(None, "aa")]).is_none());
    }

    #[test]
    fn a_schema_that_is_named_is_the_only_one_looked_into() {
        let tables = [table(Some("S"), "a"), table(Some("t"), "b")];
        assert!(recognise_table(Some("s"), "A", None, &tables).is_some());
        assert!(recognise_table(Some("s"), "b", None, &tables).is_none());
        let cased = [table(Some("S"), "orders"), table(Some("S"), "Orders")];
        assert_eq!(recognise_table(Some("s"), "orders", None, &cased).unwrap().name, "orders");
    }

    #[test]
    fn impossible_names_are_not_asked_about() {
        assert!(is_possible("a b:c`\"]"));
        assert!(!is_possible("") && !is_possible("a\0b") && !is_possible(&"x".repeat(257)));
    }
}
