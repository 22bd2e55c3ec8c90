//! Which product module owns which table, and who names another's. A module is a folder under
//! `crates/<crate>/src/` of layer 3; it owns the tables of the entities in it.

use crate::{layers::names, source::Source, verdict::Verdict};

/// The crates that own tables of the product.
const CRATES: &[&str] = &["identity", "platform", "crm"];
/// SQL words that a table's name follows.
const BEFORE_A_TABLE: &[&str] = &["from", "join", "into", "update", "table", "on"];

/// A table and the module that owns it.
struct Owned {
    table: String,
    module: String,
}

/// Adds an error for each table with two owners and each use of another module's table or
/// entity; gives the number of tables.
pub fn check(files: &[Source], verdict: &mut Verdict) -> usize {
    let files: Vec<&Source> = files.iter().filter(|file| CRATES.contains(&file.crate_name())).collect();
    let mut owned: Vec<Owned> = Vec::new();
    for file in &files {
        for table in tables_of(file) {
            let module = module_of(file);
            match owned.iter().find(|other| other.table == table && other.module != module) {
                Some(other) => verdict
                    .error(format!("{} declares the table {table}, which {} owns", file.path, other.module)),
                None => owned.push(Owned { table, module }),
            }
        }
    }
    for file in &files {
        uses(file, &owned, verdict);
    }
    owned.len()
}

/// `crates/identity/src/post/entity.rs` belongs to `identity/post`, a file beside `lib.rs` to
/// `identity`.
fn module_of(file: &Source) -> String {
    let parts: Vec<&str> = file.path.split('/').collect();
    match parts.as_slice() {
        [_, name, _, module, _, ..] => format!("{name}/{module}"),
        _ => file.crate_name().to_owned(),
    }
}

fn tables_of(file: &Source) -> Vec<String> {
    let after = |line: &str| {
        line.split("table_name = \"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    file.text.lines().filter_map(after).collect()
}

fn uses(file: &Source, owned: &[Owned], verdict: &mut Verdict) {
    let module = module_of(file);
    if file.path.contains("migration") {
        return;
    }
    let end = file.production_lines();
    for (number, (line, code)) in file.text.lines().zip(file.code.lines()).take(end).enumerate() {
        let place = format!("{}:{}", file.path, number + 1);
        for other in owned.iter().filter(|other| other.module != module) {
            if line.contains('"') && sql_names(line, &other.table) {
                verdict.error(format!(
                    "{place} names the table {}, which {} owns; ask its service",
                    other.table, other.module
                ));
            }
        }
        if let Some(name) = foreign_entity(code, &module) {
            verdict.error(format!("{place} uses the entity of {name}; ask its service"));
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

/// `crate::<other>::entity` in another module than `<other>`.
fn foreign_entity(code: &str, module: &str) -> Option<String> {
    let own = module.split('/').nth(1)?;
    let mut rest = code.split("crate::").skip(1);
    rest.find_map(|path| {
        let mut parts = path.split("::");
        let other = parts.next()?;
        let entity = parts.next()?;
        (other != own && names(&format!("{entity};"), "entity")).then(|| other.to_owned())
    })
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
    fn a_module_keeps_to_its_own_tables() {
        let post = ("crates/identity/src/post/entity.rs", "#[sea_orm(table_name = \"post\")]\nstruct Model;");
        let own = (
            "crates/identity/src/post/service.rs",
            "let q = \"SELECT 1 FROM post\";\nuse crate::post::entity;",
        );
        assert!(errors(&[post, own]).is_empty());
        let sql = ("crates/identity/src/role/service.rs", "let q = \"select 1 from post p\";");
        assert_eq!(errors(&[post, sql]).len(), 1);
        let path = ("crates/identity/src/role/service.rs", "use crate::post::entity::Model;");
        assert_eq!(errors(&[post, path]).len(), 1);
        let service = (
            "crates/identity/src/role/service.rs",
            "use crate::post::service; // from post\nlet a = \"a post\";",
        );
        assert!(errors(&[post, service]).is_empty());
        let twice = ("crates/crm/src/post/entity.rs", "#[sea_orm(table_name = \"post\")]\nstruct Model;");
        assert_eq!(errors(&[post, twice]).len(), 1);
    }
}
