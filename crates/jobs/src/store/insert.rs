//! Adding jobs.

use ::store::Tx;
use base::{Id, Result};
use sea_orm::Value;
use serde::Serialize;

use super::{dialect, dialect::Column, execute, query};

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
/// [`holder`] who has it.
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
        execute(tx, &sql, vec![super::batch(chunk)?]).await?;
    }
    Ok(())
}

/// Frees a unique key whose period is over and whose job has ended.
pub(crate) async fn free(tx: &Tx, org: Id, key: &str, now: chrono::DateTime<chrono::Utc>) -> Result<()> {
    let sql = "UPDATE job SET held_key = NULL WHERE org_id = $1 AND held_key = $2 \
               AND state IN ('succeeded', 'dead', 'cancelled') AND (unique_until IS NULL OR unique_until <= $3)";
    execute(tx, sql, vec![org.into(), key.into(), now.into()]).await.map(drop)
}

/// The job that holds a unique key.
pub(crate) async fn holder(tx: &Tx, org: Id, key: &str) -> Result<Option<Id>> {
    let sql = "SELECT id FROM job WHERE org_id = $1 AND held_key = $2";
    let values: Vec<Value> = vec![org.into(), key.into()];
    query(tx, sql, values).await?.first().map(|row| ::store::read(row, "id")).transpose()
}

/// Whether a job that comes back can have its unique key again: nobody else has it.
pub(super) async fn can_hold(
    tx: &Tx,
    now: chrono::DateTime<chrono::Utc>,
    org: Id,
    job: Id,
    key: Option<String>,
) -> Result<bool> {
    let Some(key) = key else { return Ok(true) };
    free(tx, org, &key, now).await?;
    Ok(holder(tx, org, &key).await?.is_none_or(|holder| holder == job))
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
