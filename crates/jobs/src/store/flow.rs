//! Jobs that wait for others: chains, groups, callbacks.

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};

use super::{dialect, execute, insert::can_hold, query};
use crate::{State, run::Input};

/// What a job that was called off because of another one says.
pub(crate) const UPSTREAM: &str = "dependency: a job that this one needs did not succeed";

/// How long jobs are kept that were called off because of another one.
const KEEP: chrono::Duration = chrono::Duration::days(30);

/// Marks a job as one that others wait for, so that its end is told to them; its state, or `None`
/// when there is no such job. The mark is also the lock: an end that is being written comes before
/// or after, never in between.
pub(crate) async fn begin_wait(tx: &Tx, org: Id, needed: Id) -> Result<Option<State>> {
    let sql = "UPDATE job SET in_flow = true WHERE org_id = $1 AND id = $2";
    execute(tx, sql, vec![org.into(), needed.into()]).await?;
    let sql = "SELECT state FROM job WHERE org_id = $1 AND id = $2";
    let rows = query(tx, sql, vec![org.into(), needed.into()]).await?;
    let state = rows.first().map(|row| read::<String>(row, "state")).transpose()?;
    Ok(state.and_then(|state| State::parse(&state)))
}

/// Tells those who wait that a job has ended: meets their wait, or calls them off with it.
pub(crate) async fn settle(tx: &Tx, now: DateTime<Utc>, org: Id, job: Id, state: State) -> Result<()> {
    let mut ended = vec![(job, state)];
    while let Some((job, state)) = ended.pop() {
        let sql = "SELECT id, job_id, settled_is_enough FROM job_edge \
                   WHERE org_id = $1 AND needs_id = $2 AND met = false";
        for row in query(tx, sql, vec![org.into(), job.into()]).await? {
            let waiting: Id = read(&row, "job_id")?;
            let enough: bool = read(&row, "settled_is_enough")?;
            if state == State::Succeeded || enough {
                meet(tx, now, org, read(&row, "id")?, waiting).await?;
            } else if call_off(tx, now, org, waiting).await? {
                ended.push((waiting, State::Cancelled));
            }
        }
    }
    Ok(())
}

/// One wait is over; with the last one the job may start.
async fn meet(tx: &Tx, now: DateTime<Utc>, org: Id, edge: Id, waiting: Id) -> Result<()> {
    // The waiting job's row is the lock: two needed jobs that end at once count one after the other.
    let sql = format!("SELECT waits FROM job WHERE org_id = $1 AND id = $2 {}", dialect(tx).for_update());
    query(tx, &sql, vec![org.into(), waiting.into()]).await?;
    let sql = "UPDATE job_edge SET met = true WHERE org_id = $1 AND id = $2 AND met = false";
    if execute(tx, sql, vec![org.into(), edge.into()]).await? == 1 {
        let sql = "UPDATE job SET waits = waits - 1, run_at = CASE WHEN run_at < $3 THEN $3 ELSE run_at END \
                   WHERE org_id = $1 AND id = $2 AND waits > 0";
        execute(tx, sql, vec![org.into(), waiting.into(), now.into()]).await?;
    }
    Ok(())
}

async fn call_off(tx: &Tx, now: DateTime<Utc>, org: Id, job: Id) -> Result<bool> {
    let sql = "UPDATE job SET state = 'cancelled', finished_at = $3, expires_at = $4, error = $5, \
               held_key = NULL WHERE org_id = $1 AND id = $2 AND state = 'scheduled'";
    let values = vec![org.into(), job.into(), now.into(), (now + KEEP).into(), UPSTREAM.into()];
    Ok(execute(tx, sql, values).await? == 1)
}

/// Brings back what was called off because of a job that is tried again; not what another job with the same
/// unique key has taken the place of.
pub(crate) async fn restore_dependants(tx: &Tx, now: DateTime<Utc>, org: Id, job: Id) -> Result<()> {
    let mut back = vec![job];
    while let Some(job) = back.pop() {
        let sql = "SELECT e.job_id, j.unique_key FROM job_edge e JOIN job j ON j.org_id = e.org_id AND j.id = e.job_id \
                   WHERE e.org_id = $1 AND e.needs_id = $2 AND e.met = false \
                   AND j.state = 'cancelled' AND j.error = $3";
        for row in query(tx, sql, vec![org.into(), job.into(), UPSTREAM.into()]).await? {
            let waiting: Id = read(&row, "job_id")?;
            if !can_hold(tx, now, org, waiting, read(&row, "unique_key")?).await? {
                continue;
            }
            let sql = "UPDATE job SET state = 'scheduled', finished_at = NULL, expires_at = NULL, error = NULL, \
                       held_key = unique_key \
                       WHERE org_id = $1 AND id = $2 AND state = 'cancelled'";
            if execute(tx, sql, vec![org.into(), waiting.into()]).await? == 1 {
                back.push(waiting);
            }
        }
    }
    Ok(())
}

/// The jobs that a job waited for.
pub(crate) async fn inputs(tx: &Tx, org: Id, job: Id) -> Result<Vec<Input>> {
    let sql = "SELECT j.id, j.state, j.result FROM job_edge e \
               JOIN job j ON j.org_id = e.org_id AND j.id = e.needs_id \
               WHERE e.org_id = $1 AND e.job_id = $2 ORDER BY j.id";
    let rows = query(tx, sql, vec![org.into(), job.into()]).await?;
    rows.iter()
        .map(|row| {
            let state: String = read(row, "state")?;
            let result: Option<String> = read(row, "result")?;
            Ok(Input {
                id: read(row, "id")?,
                state: State::parse(&state).unwrap_or(State::Cancelled),
                result: result.and_then(|text| serde_json::from_str(&text).ok()),
            })
        })
        .collect()
}
