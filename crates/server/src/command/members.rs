//! `tenon members …`: the operator's means for the authority on members.

use std::collections::HashMap;

use base::Secret;
use connector::{Column, Connector, Limits, Product, Session, Table, Target};
use members::adopt::{Adoption, Fate, Options, ReportLine};
use outbound::Policy;
use serde_json::Value;
use url::Url;

use crate::{
    cli::{AdoptArgs, Failure, MembersCommand, print},
    config::{Config, Inputs},
};

use super::parts::{self, Desk};

/// Rows of one group.
const GROUP: usize = 500;
/// The columns that every such database has, by table; the first one is read by.
const TABLES: [(&str, &[&str]); 3] = [
    ("users", &["id", "authentik_sub"]),
    ("permissions", &["id", "user_id", "scope_type", "scope_id", "module", "action"]),
    ("api_clients", &["client_key", "api_key_hash"]),
];

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &MembersCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = match command {
            MembersCommand::Adopt(args) => Box::pin(adopt(&desk, args)).await,
        };
        desk.close().await;
        outcome
    })
}

/// A table of the older database, and the column by which it is read.
struct Source {
    table: Table,
    key: Column,
}

async fn adopt(desk: &Desk, args: &AdoptArgs) -> Result<(), Failure> {
    let app = &desk.app;
    let target = target(&args.from)?;
    let org = match args.organization {
        Some(id) => id,
        None => app
            .directory()
            .home(app)
            .await?
            .ok_or_else(|| Failure::refused("there is no organisation yet; do the first set-up"))?,
    };
    let options = Options {
        org,
        issuer: args.issuer.clone(),
        dry_run: args.dry_run,
        grant_modules: args.grant_modules,
        who: parts::operator(),
        origin: parts::origin(),
    };
    let adoption = Adoption::new(app, options).await.map_err(|error| match error.code() {
        "issuer_unknown" | "organization_unknown" => Failure::refused(error.detail()),
        _ => Failure::from(error),
    })?;
    let mut session = open(&target).await?;
    let outcome = Box::pin(carry_over(&mut session, adoption, args)).await;
    session.close().await;
    outcome
}

async fn carry_over(session: &mut Session, mut adoption: Adoption, args: &AdoptArgs) -> Result<(), Failure> {
    // Before anything is written it is known that all three are there.
    let mut sources = Vec::with_capacity(TABLES.len());
    for (table, columns) in TABLES {
        sources.push(source(session, &args.schema, table, columns).await?);
    }
    let mut counts: HashMap<(&str, Fate), usize> = HashMap::new();
    for ((name, _), source) in TABLES.iter().zip(&sources) {
        let mut after: Option<String> = None;
        loop {
            let page = session.documents(&source.table, &source.key, after.as_deref(), GROUP).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let rows =
                page.iter().map(|(_, row)| serde_json::from_str(row)).collect::<Result<Vec<Value>, _>>();
            let rows =
                rows.map_err(|cause| Failure::failed(format!("a row of {name} cannot be read: {cause}")))?;
            let report = match *name {
                "users" => adoption.users(&rows).await?,
                "permissions" => adoption.permissions(&rows).await?,
                _ => adoption.programs(&rows).await?,
            };
            for line in &report {
                *counts.entry((line.kind, line.fate)).or_default() += 1;
            }
            print(&report.iter().map(shown).collect::<String>());
        }
    }
    print(&sum(&counts, args.dry_run));
    Ok(())
}

fn shown(line: &ReportLine) -> String {
    let mark = if line.fate == Fate::Refused { '!' } else { ' ' };
    let note = if line.note.is_empty() { String::new() } else { format!(": {}", line.note) };
    // Names come from elsewhere.
    let text = base::text::one_line(&format!("{}{note}", line.name));
    format!("{mark} {:<10} {:<9} {text}\n", line.kind, line.fate.as_str())
}

fn sum(counts: &HashMap<(&str, Fate), usize>, dry_run: bool) -> String {
    let mut out = String::new();
    for (kind, plural) in
        [("user", "users"), ("permission", "permissions"), ("name", "names"), ("program", "programs")]
    {
        let count = |fate| counts.get(&(kind, fate)).copied().unwrap_or_default();
        let [taken, unchanged, refused] = [Fate::Taken, Fate::Unchanged, Fate::Refused].map(count);
        out += &format!("{plural}: {taken} taken, {unchanged} unchanged, {refused} refused\n");
    }
    if dry_run {
        out += "nothing was written (--dry-run)\n";
    }
    out
}

/// Where the older database is.
fn target(from: &str) -> Result<Target, Failure> {
    let wrong = |why: &str| {
        Failure::refused(format!("--from must be postgres://user:password@host:port/database: {why}"))
    };
    let url = Url::parse(from).map_err(|cause| wrong(&cause.to_string()))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(wrong("it is read from PostgreSQL only"));
    }
    let host = url.host_str().ok_or_else(|| wrong("there is no host in it"))?;
    let address = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let (user, password) = (plain(url.username()), plain(url.password().unwrap_or_default()));
    let database = plain(url.path().trim_start_matches('/'));
    if user.is_empty() || database.is_empty() {
        return Err(wrong("user or database is missing"));
    }
    Target::new(Product::Postgres, &address, user, Secret::from(password), Some(&database))
        .map_err(|error| wrong(error.detail()))
}

/// A part of a URL as it was meant.
fn plain(part: &str) -> String {
    // Outside of forms a plus is a plus.
    let form = part.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(form.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

async fn open(target: &Target) -> Result<Session, Failure> {
    // Whoever types this command may reach what this machine reaches.
    let policy = Policy::parse(Some("id_database=0.0.0.0/0,id_database=::/0"), true)?;
    let limits = Limits {
        statement: std::time::Duration::from_secs(60),
        total: std::time::Duration::from_hours(24),
        ..Limits::default()
    };
    let database = target.database.clone().unwrap_or_default();
    Ok(Connector::new(policy, limits).open(target, &database).await?)
}

async fn source(
    session: &mut Session,
    schema: &str,
    table: &str,
    columns: &[&str],
) -> Result<Source, Failure> {
    let mut source = None;
    for column in columns {
        let found = session.column(Some(schema), table, column).await?;
        let exact = found.filter(|(place, known)| place.name == table && known.name == *column);
        let Some((table, key)) = exact else {
            let why = format!("there is no column {column} of a table {table} in the schema {schema}");
            return Err(Failure::refused(format!("this is no member platform's database: {why}")));
        };
        source.get_or_insert(Source { table, key });
    }
    source.ok_or_else(|| Failure::failed("a table without columns"))
}

#[cfg(test)]
mod tests {
    use base::secret::ExposeSecret;

    use super::*;

    #[test]
    fn a_database_is_named_by_one_url() {
        let found = target("postgresql://re%40der:p%2Fa+s&s=@db.example:5433/old%20one").unwrap();
        assert_eq!((found.host.as_str(), found.port, found.user.as_str()), ("db.example", 5433, "re@der"));
        assert_eq!(found.password.expose_secret(), "p/a+s&s=");
        assert_eq!(found.database.as_deref(), Some("old one"));
        for wrong in ["mysql://u@h/d", "postgres://u@h", "postgres://h/d", "just text", "postgres:///d"] {
            let failure = target(wrong).unwrap_err();
            assert!(failure.message.contains("postgres://user:password@host:port/database"), "{failure}");
        }
    }
}
