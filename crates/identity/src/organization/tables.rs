//! The tables of an organisation, in one place: for its export and for its end.
//!
//! A registered resource is found by itself; here stand the tables that none has, and the order in
//! which rows may go. Which columns a table has is read off its rows. May import: `kernel`'s
//! registry, `store`.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use kernel::{App, resource::Kind};
use sea_orm::{FromQueryResult, JsonValue, QueryResult};
use serde_json::{Map, Value};

/// A table whose rows belong to organisations.
#[derive(Clone, Copy, Debug)]
pub(super) struct TenantTable {
    /// Name.
    pub(super) name: &'static str,
    /// The column by which a row refers to another one of the same table.
    pub(super) parent: Option<&'static str>,
}

const fn table(name: &'static str) -> TenantTable {
    TenantTable { name, parent: None }
}

const fn tree(name: &'static str) -> TenantTable {
    TenantTable { name, parent: Some("parent_id") }
}

/// Those of the job engine: no other module's rows are referred to by them, nor refer to them.
const JOBS: [&str; jobs::TENANT_TABLES.len()] = jobs::TENANT_TABLES;

/// Those of imports that are under way, which refer to nothing.
const TRANSFERS: [&str; 2] = ["import_step", "import_run"];

/// Those of the id service; what refers comes before what is referred to.
const IDS: [&str; 9] = [
    "id_table",
    "id_database",
    "id_number",
    "id_generator",
    "id_usage",
    "id_request",
    "id_journal",
    "id_lease",
    "id_key",
];

/// Those of the authority on members.
const MEMBERS: [&str; 9] = [
    "member_adopted",
    "member_account",
    "member_call",
    "member_call_hour",
    "member_relay",
    "member_term",
    "member_client",
    "member_subject",
    "member_issuer",
];

/// Those of webhooks, which refer to nothing.
const WEBHOOKS: [&str; 5] =
    ["webhook_attempt", "webhook_delivery", "webhook_message", "webhook_secret", "webhook_endpoint"];

/// Those that this crate and the kernel declare; what refers comes before what is referred to.
const OWN: [TenantTable; 17] = [
    table("membership_role"),
    table("membership_post"),
    table("role_department"),
    table("permission_grant"),
    table("access_event"),
    table("access_subject"),
    table("audit_mark"),
    table("audit_link"),
    table("audit_entry"),
    table("sign_in"),
    table("invitation"),
    table("api_key"),
    tree("menu"),
    table("membership"),
    table("role"),
    table("post"),
    tree("department"),
];

/// Columns that never leave the database, whatever the table.
const SECRET: [&str; 4] = ["digest", "password_hash", "sealed", "secret"];
/// Columns that only repeat others.
const DERIVED: [&str; 2] = ["search_key", "alive"];
/// Columns of bytes: files, which an export of rows does not carry.
const BYTES: [&str; 1] = ["content"];
/// JSON columns of tables without a resource.
const JSON: [&str; 12] = [
    "audiences",
    "algorithms",
    "azp",
    "role_ids",
    "post_ids",
    "scopes",
    "settings",
    "detail",
    "may_grant",
    "allow_origins",
    "allow_ips",
    "allow_paths",
];
/// Columns of text that are called like documents of other tables.
const WORDS: [(&str, &str); 1] = [("webhook_attempt", "detail")];
/// Columns of text that are called like ids.
const TEXT: [&str; 4] = ["request_id", "scope_id", "granted_by", "made_by"];

/// Every tenant table, in the order in which rows may be deleted: those of other modules first,
/// the last registered one foremost, since a module refers to those before it.
pub(super) fn all(app: &App) -> Vec<TenantTable> {
    let known = |name: &str| {
        [&JOBS[..], &TRANSFERS, &IDS, &MEMBERS, &WEBHOOKS].concat().contains(&name)
            || OWN.iter().any(|own| own.name == name)
    };
    let others = app.registry().iter().map(|resource| resource.spec());
    let others = others.filter(|spec| spec.column("org_id").is_some() && !known(spec.table));
    let mut all: Vec<TenantTable> = Vec::new();
    for spec in others {
        let parent = spec.column("parent_id").map(|_| "parent_id");
        all.insert(0, TenantTable { name: spec.table, parent });
    }
    all.extend(WEBHOOKS.map(table));
    all.extend(MEMBERS.map(table));
    all.extend(IDS.map(table));
    all.extend(TRANSFERS.map(table));
    all.extend(JOBS.map(table));
    all.extend(OWN);
    all
}

/// A row as an export shows it: ids, instants and documents in the API's form on every database,
/// no secret, nothing that only repeats.
pub(super) fn row(app: &App, table: &str, raw: &QueryResult) -> Result<Map<String, Value>> {
    let plain = match JsonValue::from_query_result(raw, "").map_err(store::error)? {
        Value::Object(columns) => columns,
        _ => Map::new(),
    };
    let mut out = Map::new();
    for name in raw.column_names() {
        if is_secret(&name) || DERIVED.contains(&name.as_str()) || BYTES.contains(&name.as_str()) {
            continue;
        }
        let value = match kind(app, table, &name) {
            Some(Kind::Uuid) => store::read::<Option<Id>>(raw, &name)?.map(|id| id.to_string()).into(),
            Some(Kind::Instant) => {
                store::read::<Option<DateTime<Utc>>>(raw, &name)?.map(base::time::format).into()
            }
            Some(Kind::Json) => store::read::<Option<JsonValue>>(raw, &name)?.unwrap_or_default(),
            _ => plain.get(&name).cloned().unwrap_or_default(),
        };
        out.insert(name, value);
    }
    Ok(out)
}

fn is_secret(column: &str) -> bool {
    let last = column.rsplit('_').next().unwrap_or(column);
    SECRET.contains(&column) || matches!(last, "digest" | "hash" | "sealed" | "secret")
}

/// The kind of a column: its resource knows, else its name says it.
fn kind(app: &App, table: &str, column: &str) -> Option<Kind> {
    let spec = app.registry().iter().map(|resource| resource.spec()).find(|spec| spec.table == table);
    if let Some(known) = spec.and_then(|spec| spec.column(column)) {
        return Some(known.kind);
    }
    let last = column.rsplit('_').next().unwrap_or(column);
    match last {
        _ if WORDS.contains(&(table, column)) => Some(Kind::Text),
        _ if JSON.contains(&column) => Some(Kind::Json),
        _ if TEXT.contains(&column) => Some(Kind::Text),
        "id" | "by" => Some(Kind::Uuid),
        "at" => Some(Kind::Instant),
        _ => None,
    }
}
