//! Which product crate owns which table, and who names another's. A crate of layer 3 owns the
//! tables of its entities; its modules share them, other crates ask through ports and events.

use crate::{source::Source, verdict::Verdict};

/// The crates that own tables of the product.
const CRATES: &[&str] = &["identity", "platform", "members", "webhooks", "crm"];
/// SQL words that a table's name follows.
const BEFORE_A_TABLE: &[&str] = &["from", "join", "into", "update", "table", "on"];

/// A table and the crate that owns it.
struct Owned {
    table: String,
    owner: String,
}

/// Adds an error for each table with two owners and each use of another crate's table; gives the
/// number of tables.
pub fn check(files: &[Source], verdict: &mut Verdict) -> usize {
    let files: Vec<&Source> = files.iter().filter(|file| CRATES.contains(&file.crate_name())).collect();
    let mut owned: Vec<Owned> = Vec::new();
    for file in &files {
        for table in tables_of(file) {
            let owner = file.crate_name().to_owned();
            match owned.iter().find(|other| other.table == table && other.owner != owner) {
                Some(other) => verdict
                    .error(format!("{} declares the table {table}, which {} owns", file.path, other.owner)),
                None => owned.push(Owned { table, owner }),
            }
        }
    }
    for file in &files {
        uses(file, &owned, verdict);
    }
    owned.len()
}

fn tables_of(file: &Source) -> Vec<String> {
    let after = |line: &str| {
        line.split("table_name = \"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    file.text.lines().filter_map(after).collect()
}

fn uses(file: &Source, owned: &[Owned], verdict: &mut Verdict) {
    if file.path.contains("migration") {
        return;
    }
    let end = file.production_lines();
    for (number, line) in file.text.lines().take(end).enumerate() {
        let place = format!("{}:{}", file.path, number + 1);
        for other in owned.iter().filter(|other| other.owner != file.crate_name()) {
            if line.contains('"') && sql_names(line, &other.table) {
                verdict.error(format!(
                    "{place} names the table {}, which {} owns; ask its service",
                    other.table, other.owner
                ));
            }
        }
    }
}

fn sql_names(line: &str, table: &str) -> bool {
    let lower = line.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, [before, word] if BEFORE_A_TABLE.contains(before) && *word == table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<Source> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        let mut verdict = Verdict::default();
        check(&files, &mut verdict);
        verdict.errors().to_vec()
    }

    #[test]
    fn a_crate_keeps_to_its_own_tables() {
        let post = ("crates/identity/src/post/entity.rs", "#[sea_orm(table_name = \"post\")]\nstruct Model;");
        let own = ("crates/identity/src/role/links.rs", "let q = \"SELECT 1 FROM post\";");
        assert!(errors(&[post, own]).is_empty());
        let sql = ("crates/crm/src/lead/service.rs", "let q = \"select 1 from post p\";");
        assert_eq!(errors(&[post, sql]).len(), 1);
        let words = ("crates/crm/src/lead/service.rs", "// from post\nlet a = \"a post\";");
        assert!(errors(&[post, words]).is_empty());
        let twice = ("crates/crm/src/post/entity.rs", "#[sea_orm(table_name = \"post\")]\nstruct Model;");
        assert_eq!(errors(&[post, twice]).len(), 1);
    }
}
