//! What people do with jobs: retry, cancel, delete. Runs in the caller's unit of work, so an
//! organisation reaches its own jobs only.

use ::store::{Tx, read};
use base::{Error, Id, Result};
use chrono::{DateTime, Utc};

use super::{dialect, execute, flow, insert::can_hold, query};
use crate::State;

struct Found {
    state: State,
    lane: bool,
    in_flow: bool,
    unique_key: Option<String>,
}

/// A job under a lock.
async fn find(tx: &Tx, org: Id, id: Id) -> Result<Found> {
    let sql = format!(
        "SELECT state, lane, in_flow, unique_key FROM job WHERE org_id = $1 AND id = $2 {}",
        dialect(tx).for_update()
    );
    let rows = query(tx, &sql, vec![org.into(), id.into()]).await?;
    let row = rows.first().ok_or_else(Error::missing)?;
    let state: String = read(row, "state")?;
    Ok(Found {
        state: State::parse(&state).ok_or_else(|| Error::internal(format!("job state {state}")))?,
        lane: read::<Option<String>>(row, "lane")?.is_some(),
        in_flow: read(row, "in_flow")?,
        unique_key: read(row, "unique_key")?,
    })
}

/// The kind of a job; 404.
pub(crate) async fn kind_of(tx: &Tx, org: Id, id: Id) -> Result<String> {
    let rows =
        query(tx, "SELECT kind FROM job WHERE org_id = $1 AND id = $2", vec![org.into(), id.into()]).await?;
    read(rows.first().ok_or_else(Error::missing)?, "kind")
}

fn refused(state: State, what: &str) -> Error {
    Error::conflict("job_state", format!("the job is {} and cannot be {what}", state.as_str()))
}

/// Tries a job again that failed, died or was cancelled: at once, with at least one more attempt, and with its
/// unique key, unless another job has that by now (409 `unique_key_taken`).
pub(crate) async fn retry(tx: &Tx, now: DateTime<Utc>, org: Id, id: Id) -> Result<()> {
    let found = find(tx, org, id).await?;
    if !found.state.can_retry() {
        return Err(refused(found.state, "tried again"));
    }
    if !can_hold(tx, now, org, id, found.unique_key).await? {
        return Err(Error::conflict("unique_key_taken", "another job with the same unique key is under way"));
    }
    // A job that still waits for others goes on waiting.
    let ready = if found.lane { "scheduled" } else { "ready" };
    let sql = "UPDATE job SET state = CASE WHEN waits > 0 THEN 'scheduled' ELSE $3 END, run_at = $4, \
               max_attempts = CASE WHEN attempt >= max_attempts THEN attempt + 1 ELSE max_attempts END, \
               finished_at = NULL, expires_at = NULL, cancel_requested = false, held_key = unique_key \
               WHERE org_id = $1 AND id = $2";
    execute(tx, sql, vec![org.into(), id.into(), ready.into(), now.into()]).await?;
    if found.in_flow {
        flow::restore_dependants(tx, now, org, id).await?;
    }
    Ok(())
}

/// Calls a job off. One that runs is asked to stop; the state it is in then tells what became of it.
pub(crate) async fn cancel(
    tx: &Tx,
    now: DateTime<Utc>,
    keep_until: DateTime<Utc>,
    org: Id,
    id: Id,
) -> Result<State> {
    let found = find(tx, org, id).await?;
    if !found.state.can_cancel() {
        return Err(refused(found.state, "cancelled"));
    }
    if found.state == State::Running {
        let sql = "UPDATE job SET cancel_requested = true WHERE org_id = $1 AND id = $2";
        execute(tx, sql, vec![org.into(), id.into()]).await?;
        return Ok(State::Running);
    }
    let sql = "UPDATE job SET state = 'cancelled', cancel_requested = true, finished_at = $3, expires_at = $4, \
               held_key = NULL WHERE org_id = $1 AND id = $2";
    execute(tx, sql, vec![org.into(), id.into(), now.into(), keep_until.into()]).await?;
    if found.in_flow {
        flow::settle(tx, now, org, id, State::Cancelled).await?;
    }
    Ok(State::Cancelled)
}

/// Deletes a job that is over, with everything about it.
pub(crate) async fn delete(tx: &Tx, org: Id, id: Id) -> Result<()> {
    let found = find(tx, org, id).await?;
    if !found.state.is_final() {
        return Err(refused(found.state, "deleted; cancel it first"));
    }
    for sql in ABOUT {
        execute(tx, sql, vec![org.into(), id.into()]).await?;
    }
    let sql = "DELETE FROM job WHERE org_id = $1 AND id = $2";
    execute(tx, sql, vec![org.into(), id.into()]).await.map(drop)
}

/// What goes with a job.
const ABOUT: [&str; 5] = [
    "DELETE FROM job_log WHERE org_id = $1 AND job_id = $2",
    "DELETE FROM job_attempt WHERE org_id = $1 AND job_id = $2",
    "DELETE FROM job_edge WHERE org_id = $1 AND (job_id = $2 OR needs_id = $2)",
    "DELETE FROM job_file_piece WHERE org_id = $1 AND file_id IN \
     (SELECT id FROM job_file WHERE org_id = $1 AND job_id = $2)",
    "DELETE FROM job_file WHERE org_id = $1 AND job_id = $2",
];

/// Deletes jobs whose time of keeping is over, some at a time; how many went.
pub(crate) async fn prune(tx: &Tx, now: DateTime<Utc>, most: u32) -> Result<usize> {
    let sql = format!(
        "SELECT org_id, id FROM job WHERE expires_at < $1 ORDER BY expires_at LIMIT {most} {}",
        dialect(tx).skip_locked()
    );
    let rows = query(tx, &sql, vec![now.into()]).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push(super::Key::of(read(row, "org_id")?, read(row, "id")?));
    }
    if keys.is_empty() {
        return Ok(0);
    }
    let keys_json = super::batch(&keys)?;
    let of = dialect(tx).rows(super::KEY, 1);
    for (table, column) in
        [("job_log", "job_id"), ("job_attempt", "job_id"), ("job_edge", "job_id"), ("job", "id")]
    {
        let sql =
            format!("DELETE FROM {table} WHERE (org_id, {column}) IN (SELECT r.org_id, r.id FROM {of})");
        execute(tx, &sql, vec![keys_json.clone()]).await?;
    }
    Ok(rows.len())
}

/// Deletes files whose time is over; how many went.
pub(crate) async fn prune_files(tx: &Tx, now: DateTime<Utc>) -> Result<u64> {
    let sql = "DELETE FROM job_file_piece WHERE (org_id, file_id) IN \
               (SELECT org_id, id FROM job_file WHERE expires_at < $1)";
    execute(tx, sql, vec![now.into()]).await?;
    execute(tx, "DELETE FROM job_file WHERE expires_at < $1", vec![now.into()]).await
}

/// Where sealed arguments stand: `(table, organisation, id, kind, arguments)`.
pub(crate) type Sealed = (&'static str, Id, Id, String, String);

/// Arguments that hold `mark`, of jobs and schedules that may still run.
pub(crate) async fn sealed_arguments(tx: &Tx, mark: &str) -> Result<Vec<Sealed>> {
    let mut found = Vec::new();
    let places = [
        ("job", "SELECT org_id, id, kind, args FROM job WHERE state <> 'succeeded' AND args LIKE $1"),
        ("job_schedule", "SELECT org_id, id, job_kind AS kind, args FROM job_schedule WHERE args LIKE $1"),
    ];
    for (table, sql) in places {
        for row in query(tx, sql, vec![format!("%{mark}%").into()]).await? {
            found.push((
                table,
                read(&row, "org_id")?,
                read(&row, "id")?,
                read(&row, "kind")?,
                read(&row, "args")?,
            ));
        }
    }
    Ok(found)
}

/// Replaces arguments.
pub(crate) async fn set_arguments(tx: &Tx, table: &'static str, org: Id, id: Id, args: &str) -> Result<u64> {
    let sql = format!("UPDATE {table} SET args = $3 WHERE org_id = $1 AND id = $2");
    execute(tx, &sql, vec![org.into(), id.into(), args.into()]).await
}
