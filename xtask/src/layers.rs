//! `cargo xtask check-layers`: arrows between crates point downwards, and a few crates are
//! named only where they belong. The tables here are the law; change them with a reason.

use crate::{
    shell::{Done, cargo, output},
    source::{self, Source},
    tables,
    verdict::Verdict,
};

/// What each crate may depend on within the workspace.
const EDGES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("store", &["base"]),
    ("outbound", &["base"]),
    ("kernel", &["base", "store"]),
    ("idgen", &["base", "store", "outbound"]),
    // It reads other people's databases, never this product's: no `store`.
    ("connector", &["base", "outbound"]),
    // It holds other people's keys in memory: no `store`.
    ("oidc", &["base", "outbound"]),
    // It keeps users at somebody else's server: no `store`.
    ("authentik", &["base", "outbound"]),
    ("jobs", &["base", "store", "outbound"]),
    ("blob", &["base", "store", "outbound"]),
    ("gateway", &["base", "store", "outbound"]),
    ("documents", &["base", "store", "outbound"]),
    // A product crate enqueues its own jobs in its own transactions, and owns what they do.
    ("identity", &["base", "store", "outbound", "kernel", "jobs"]),
    (
        "platform",
        &[
            "base",
            "store",
            "outbound",
            "kernel",
            "idgen",
            "connector",
            "jobs",
            "blob",
            "gateway",
            "documents",
        ],
    ),
    ("crm", &["base", "store", "outbound", "kernel", "jobs"]),
    ("members", &["base", "store", "outbound", "kernel", "jobs", "oidc", "authentik"]),
    ("webhooks", &["base", "store", "outbound", "kernel", "jobs"]),
    ("server", &["*"]),
    ("bench", &["*"]),
    // A client stands on the other side of the wire.
    ("tenon-id", &[]),
    ("xtask", &[]),
];

/// The product modules.
const LAYER_3: &[&str] = &["identity", "platform", "crm", "members", "webhooks"];
const ENGINES: &[&str] = &["idgen", "connector", "oidc", "authentik", "jobs", "blob", "gateway", "documents"];
/// Where a product module may speak HTTP: a file or a folder of that name.
const HTTP_FILES: &[&str] = &["api", "mod", "lib"];
/// Where an engine may: its adapter.
const ADAPTER_FILES: &[&str] = &["store", "entity", "dialect", "sqlite", "postgres", "mysql", "migrations"];

/// Files that may do what a rule forbids, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("crates/bench/src/main.rs", "std::env", "finds the servers by the variables of the test suite"),
    ("crates/bench/src/bare.rs", "std::env", "starts itself again as the bare handler"),
];

/// A crate that is named in few places only.
struct Rule {
    /// The words that start a path into it.
    words: &'static [&'static str],
    /// Where it may be named, for the message.
    places: &'static str,
    /// Whether this file may.
    allows: fn(&Source) -> bool,
}

const RULES: &[Rule] = &[
    Rule {
        words: &["axum", "aide"],
        places: "kernel, server, gateway and the api.rs or mod.rs of product modules",
        allows: |file| match file.crate_name() {
            "kernel" | "server" | "gateway" | "bench" => true,
            name if LAYER_3.contains(&name) => within(file, HTTP_FILES),
            _ => false,
        },
    },
    Rule {
        words: &["sea_orm", "sqlx"],
        places: "store, kernel, product modules (to build statements) and the adapters of engines",
        allows: |file| match file.crate_name() {
            "store" | "kernel" | "bench" => true,
            name if LAYER_3.contains(&name) => true,
            name if ENGINES.contains(&name) => within(file, ADAPTER_FILES),
            _ => false,
        },
    },
    Rule {
        words: &["DatabaseConnection", "DatabaseTransaction", "ConnectionTrait", "TransactionTrait"],
        places: "store: everybody else works through Tx",
        allows: |file| matches!(file.crate_name(), "store" | "bench"),
    },
    Rule {
        words: &["sqlx"],
        places: "store, and connector's adapters, whose databases are other people's",
        allows: |file| match file.crate_name() {
            "store" | "bench" => true,
            "connector" => within(file, ADAPTER_FILES),
            _ => false,
        },
    },
    Rule {
        words: &["tiberius", "oracledb"],
        places: "connector",
        allows: |file| file.crate_name() == "connector",
    },
    Rule {
        words: &["std::env"],
        places: "server::config",
        allows: |file| file.path.starts_with("crates/server/src/config/"),
    },
];

/// Whether the file, or a folder on the way to it, has one of these names.
fn within(file: &Source, names: &[&str]) -> bool {
    file.path.split('/').skip(3).any(|part| names.contains(&part.trim_end_matches(".rs")))
}

/// The whole check.
pub fn check() -> Done {
    let mut verdict = Verdict::default();
    let edges = check_edges(&mut verdict)?;
    let files: Vec<Source> =
        source::all()?.into_iter().filter(|file| file.path.starts_with("crates/")).collect();
    for file in &files {
        check_words(file, &mut verdict);
    }
    let found = tables::check(&files, &mut verdict);
    println!(
        "checked {edges} edges between crates, {} files for {} rules, {found} tables",
        files.len(),
        RULES.len()
    );
    verdict.end()
}

fn check_edges(verdict: &mut Verdict) -> Done<usize> {
    let text = output(cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"]);
    let members: Vec<String> = packages.iter().map(name).collect();
    let mut count = 0;
    for package in &packages {
        for dependency in list(&package["dependencies"]) {
            let (from, to) = (name(package), name(&dependency));
            // What only tests use may point anywhere but upwards, and Cargo refuses circles.
            if members.contains(&to) && dependency["kind"] != "dev" {
                count += 1;
                if let Err(error) = edge(&from, &to) {
                    verdict.error(error);
                }
            }
        }
        if !EDGES.iter().any(|(known, _)| *known == name(package)) {
            verdict.error(format!(
                "the crate {} has no layer; add it to EDGES in xtask/src/layers.rs",
                name(package)
            ));
        }
    }
    Ok(count)
}

fn edge(from: &str, to: &str) -> Result<(), String> {
    let allowed = EDGES.iter().find(|(name, _)| *name == from).map_or(&[] as &[&str], |(_, allowed)| allowed);
    if allowed.contains(&to) || allowed.contains(&"*") {
        return Ok(());
    }
    Err(format!("{from} must not depend on {to}; it may depend on: {}", allowed.join(", ")))
}

fn check_words(file: &Source, verdict: &mut Verdict) {
    for rule in RULES {
        for word in rule.words {
            let excepted = EXCEPTIONS.iter().any(|(path, name, _)| *path == file.path && name == word);
            if (rule.allows)(file) || excepted {
                continue;
            }
            if let Some(line) = file.code.lines().position(|line| names(line, word)) {
                verdict.error(format!(
                    "{}:{} names {word}, which belongs into {}",
                    file.path,
                    line + 1,
                    rule.places
                ));
            }
        }
    }
}

/// Whether a line of code has `word` as the start of a path.
pub fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && after.is_none_or(|c| matches!(c, ':' | ';' | ' ' | ',' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(path: &str, text: &str) -> Vec<String> {
        let mut verdict = Verdict::default();
        check_words(&Source::new(path, text), &mut verdict);
        verdict.errors().to_vec()
    }

    #[test]
    fn arrows_point_downwards() {
        assert!(edge("kernel", "store").is_ok() && edge("server", "identity").is_ok());
        for (from, to) in [
            ("store", "kernel"),
            ("identity", "crm"),
            ("jobs", "kernel"),
            ("base", "store"),
            ("kernel", "outbound"),
            ("connector", "store"),
            ("idgen", "connector"),
        ] {
            assert!(edge(from, to).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn crates_are_named_where_they_belong() {
        assert!(errors("crates/kernel/src/http.rs", "use axum::Router;").is_empty());
        assert!(errors("crates/identity/src/post/api.rs", "use axum::Router;").is_empty());
        assert!(errors("crates/identity/src/api/login.rs", "use axum::Router;").is_empty());
        assert_eq!(errors("crates/identity/src/post/rules.rs", "//! x\nuse axum::Router;").len(), 1);
        assert!(
            errors("crates/identity/src/post/rules.rs", "// use axum::Router;\nlet a = \"axum::x\";")
                .is_empty()
        );
        assert!(errors("crates/identity/src/post/entity.rs", "use sea_orm::entity::prelude::*;").is_empty());
        assert!(errors("crates/identity/src/post/rules.rs", "use sea_orm::ColumnTrait;").is_empty());
        assert_eq!(
            errors("crates/identity/src/post/rules.rs", "use sea_orm::{DatabaseConnection};").len(),
            1
        );
        assert_eq!(errors("crates/server/src/serve.rs", "use sea_orm::Set;").len(), 1);
        assert!(errors("crates/connector/src/wire/postgres.rs", "use sqlx::PgConnection;").is_empty());
        assert!(!errors("crates/connector/src/session.rs", "use sqlx::PgConnection;").is_empty());
        assert!(!errors("crates/idgen/src/store/mysql.rs", "use sqlx::MySqlConnection;").is_empty());
        assert!(!errors("crates/platform/src/ids/scan.rs", "use tiberius::Client;").is_empty());
        assert_eq!(errors("crates/store/src/a.rs", "let a = std::env::var(\"A\");").len(), 1);
        assert!(errors("crates/server/src/config/layers.rs", "std::env::vars_os();").is_empty());
        assert!(errors("crates/store/src/a.rs", "let a = env!(\"CARGO_PKG_VERSION\");").is_empty());
    }
}
