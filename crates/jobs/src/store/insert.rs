//! Adding jobs.

use std::collections::HashMap;

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{KEY, Key, batch, dialect, dialect::Column, execute, query};

/// A job as it is inserted. What is absent is NULL; instants are in the dialect's writing.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    pub org_id: String,
    pub id: String,
    pub queue: String,
    pub kind: String,
    pub state: &'static str,
    pub priority: i32,
    pub run_at: String,
    pub created_at: String,
    pub max_attempts: u32,
    pub args: String,
    pub tags: String,
    pub waits: usize,
    pub in_flow: u8,
    pub search_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

const COLUMNS: &[(&str, Column)] = &[
    ("org_id", Column::Uuid),
    ("id", Column::Uuid),
    ("queue", Column::Text),
    ("kind", Column::Text),
    ("state", Column::Text),
    ("priority", Column::Integer),
    ("run_at", Column::Instant),
    ("created_at", Column::Instant),
    ("max_attempts", Column::Integer),
    ("args", Column::Text),
    ("tags", Column::Text),
    ("waits", Column::Integer),
    ("in_flow", Column::Integer),
    ("search_key", Column::Text),
    ("unique_key", Column::Text),
    ("unique_until", Column::Instant),
    ("lane", Column::Text),
    ("group_id", Column::Uuid),
    ("schedule_id", Column::Uuid),
    ("scheduled_for", Column::Instant),
    ("created_by", Column::Uuid),
    ("request_id", Column::Text),
];

/// Rows in one statement: a parameter of some megabytes at most.
const CHUNK: usize = 1_000;

/// Inserts jobs. Of those with a unique key that is taken, none is inserted; the caller asks
/// [`holders`] who has it.
pub(crate) async fn insert(tx: &Tx, rows: &[Row]) -> Result<()> {
    let dialect = dialect(tx);
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let read = |name: &&str| match *name {
        "in_flow" => "r.in_flow <> 0".to_owned(),
        name => format!("r.{name}"),
    };
    let reads: Vec<String> = names.iter().map(read).collect();
    let leave = if rows.iter().any(|row| row.unique_key.is_some()) {
        // `WHERE true`: without it SQLite reads ON as the beginning of a join.
        format!("WHERE true {}", dialect.or_leave("job", "org_id, held_key", "held_key IS NOT NULL"))
    } else {
        String::new()
    };
    let sql = format!(
        "INSERT INTO job ({}, held_key, attempt, fence, cancel_requested) \
         SELECT {}, r.unique_key, 0, 0, false FROM {} {leave}",
        names.join(", "),
        reads.join(", "),
        dialect.rows(COLUMNS, 1),
    );
    for chunk in rows.chunks(CHUNK) {
        execute(tx, &sql, vec![batch(chunk)?]).await?;
    }
    Ok(())
}

/// An organisation's unique key, for a batch.
#[derive(Debug, Serialize)]
pub(crate) struct Unique {
    org_id: String,
    unique_key: String,
}

impl Unique {
    pub(crate) fn of(org: Id, key: &str) -> Self {
        Self { org_id: org.simple().to_string(), unique_key: key.to_owned() }
    }
}

/// The columns of [`Unique`] in a batch.
const UNIQUE: &[(&str, Column)] = &[("org_id", Column::Uuid), ("unique_key", Column::Text)];

/// The jobs that hold keys of a batch, parameter 1; NULL where none does. Each key is one descent of the index: a
/// join would be planned by what is believed of the table's size.
fn held(dialect: &dyn super::Dialect, more: &str) -> String {
    format!(
        "SELECT r.org_id, r.unique_key, (SELECT job.id FROM job WHERE job.org_id = r.org_id \
         AND job.held_key = r.unique_key AND job.held_key IS NOT NULL {more}) AS id FROM {}",
        dialect.rows(UNIQUE, 1)
    )
}

/// Frees unique keys whose period is over and whose job has ended.
pub(crate) async fn free(tx: &Tx, keys: &[Unique], now: DateTime<Utc>) -> Result<()> {
    let dialect = dialect(tx);
    let ended = format!("{} IN ('succeeded', 'dead', 'cancelled')", dialect.state());
    let over = format!("AND {ended} AND (job.unique_until IS NULL OR job.unique_until <= $2)");
    let sql = held(dialect, &over);
    let mut free = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        for row in query(tx, &sql, vec![batch(chunk)?, now.into()]).await? {
            if let Some(id) = read::<Option<Id>>(&row, "id")? {
                free.push(Key::of(read(&row, "org_id")?, id));
            }
        }
    }
    // Hardly ever any: a key without a period is freed when its job ends.
    let sql = dialect.update_jobs(&[("held_key", "NULL")], &dialect.rows(KEY, 1), &ended);
    for chunk in free.chunks(CHUNK) {
        execute(tx, &sql, vec![batch(chunk)?]).await?;
    }
    Ok(())
}

/// The jobs that hold unique keys.
pub(crate) async fn holders(tx: &Tx, keys: &[Unique]) -> Result<HashMap<(Id, String), Id>> {
    let sql = held(dialect(tx), "");
    let mut holders = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(CHUNK) {
        for row in query(tx, &sql, vec![batch(chunk)?]).await? {
            if let Some(id) = read(&row, "id")? {
                holders.insert((read(&row, "org_id")?, read(&row, "unique_key")?), id);
            }
        }
    }
    Ok(holders)
}

/// Whether a job that comes back can have its unique key again: nobody else has it.
pub(super) async fn can_hold(
    tx: &Tx,
    now: DateTime<Utc>,
    org: Id,
    job: Id,
    key: Option<String>,
) -> Result<bool> {
    let Some(key) = key else { return Ok(true) };
    let keys = [Unique::of(org, &key)];
    free(tx, &keys, now).await?;
    Ok(holders(tx, &keys).await?.into_values().all(|holder| holder == job))
}

/// Writes what a job waits for: `(needed job, whether its end is enough)`.
pub(crate) async fn insert_edges(
    tx: &Tx,
    org: Id,
    job: Id,
    needed: &[(Id, bool)],
    mut new_id: impl FnMut() -> Id,
) -> Result<()> {
    for (needs, settled) in needed {
        let sql = "INSERT INTO job_edge (id, org_id, job_id, needs_id, settled_is_enough, met) \
                   VALUES ($1, $2, $3, $4, $5, false)";
        let values = vec![new_id().into(), org.into(), job.into(), (*needs).into(), (*settled).into()];
        execute(tx, sql, values).await?;
    }
    Ok(())
}
