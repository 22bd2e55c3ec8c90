//! What workers write about themselves and ask about their jobs.

use std::time::Duration;

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{batch, dialect, dialect::Column, execute, query};

#[derive(Serialize)]
struct Lease {
    org_id: String,
    id: String,
    fence: i64,
}

const LEASE: &[(&str, Column)] =
    &[("org_id", Column::Uuid), ("id", Column::Uuid), ("fence", Column::Integer)];

/// A lease that a worker believes to hold: `(organisation, job, fence)`.
pub(crate) type Held = (Id, Id, i64);

fn leases(held: &[Held]) -> Vec<Lease> {
    let lease = |(org, id, fence): &Held| Lease {
        org_id: org.simple().to_string(),
        id: id.simple().to_string(),
        fence: *fence,
    };
    held.iter().map(lease).collect()
}

/// Renews leases; how many were still there to be renewed.
pub(crate) async fn renew(tx: &Tx, now: DateTime<Utc>, lease: Duration, held: &[Held]) -> Result<u64> {
    let dialect = dialect(tx);
    let sql = dialect.update_jobs(
        &[("lease_until", "$2")],
        &dialect.rows(LEASE, 1),
        &format!("job.fence = r.fence AND {} = 'running'", dialect.state()),
    );
    execute(tx, &sql, vec![batch(&leases(held))?, (now + lease).into()]).await
}

/// Of the leases that a worker believes to hold, those that it really holds, and whether the job is to stop.
pub(crate) async fn confirm(tx: &Tx, held: &[Held]) -> Result<Vec<(Held, bool)>> {
    let dialect = dialect(tx);
    let sql = format!(
        "SELECT job.org_id, job.id, job.fence, job.cancel_requested FROM job JOIN {} \
         ON job.org_id = r.org_id AND job.id = r.id AND job.fence = r.fence WHERE {} = 'running'",
        dialect.rows(LEASE, 1),
        dialect.state()
    );
    let rows = query(tx, &sql, vec![batch(&leases(held))?]).await?;
    rows.iter()
        .map(|row| {
            let key = (read(row, "org_id")?, read(row, "id")?, read(row, "fence")?);
            Ok((key, read(row, "cancel_requested")?))
        })
        .collect()
}

/// What a worker says of itself.
#[derive(Debug)]
pub struct WorkerRow {
    /// This process's number.
    pub id: Id,
    /// Host name.
    pub node: String,
    /// Process id.
    pub pid: i32,
    /// Version of the program.
    pub version: String,
    /// Queues that it serves, with commas.
    pub queues: String,
    /// Slots.
    pub concurrency: i32,
    /// JSON: `[{id, kind, org_id, started_at}]`.
    pub running: String,
    /// Since when.
    pub started_at: DateTime<Utc>,
    /// Last sign of life.
    pub heartbeat_at: DateTime<Utc>,
}

/// Writes a worker's row.
pub(crate) async fn report(tx: &Tx, row: &WorkerRow) -> Result<()> {
    let dialect = dialect(tx);
    let sets =
        [("running", dialect.new_value("running")), ("heartbeat_at", dialect.new_value("heartbeat_at"))];
    let sql = format!(
        "INSERT INTO job_worker (id, node, pid, version, queues, concurrency, running, started_at, heartbeat_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) {}",
        dialect.or_set("id", &sets)
    );
    let values = vec![
        row.id.into(),
        row.node.clone().into(),
        row.pid.into(),
        row.version.clone().into(),
        row.queues.clone().into(),
        row.concurrency.into(),
        row.running.clone().into(),
        row.started_at.into(),
        row.heartbeat_at.into(),
    ];
    execute(tx, &sql, values).await.map(drop)
}

/// Takes a worker's row away.
pub(crate) async fn leave(tx: &Tx, id: Id) -> Result<()> {
    execute(tx, "DELETE FROM job_worker WHERE id = $1", vec![id.into()]).await.map(drop)
}

/// Forgets workers that were last heard of before `before`.
pub(crate) async fn forget_workers(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    execute(tx, "DELETE FROM job_worker WHERE heartbeat_at < $1", vec![before.into()]).await
}

/// Every worker.
pub(crate) async fn workers(tx: &Tx) -> Result<Vec<WorkerRow>> {
    let sql = "SELECT id, node, pid, version, queues, concurrency, running, started_at, heartbeat_at \
               FROM job_worker ORDER BY node, pid";
    let rows = query(tx, sql, Vec::new()).await?;
    rows.iter()
        .map(|row| {
            Ok(WorkerRow {
                id: read(row, "id")?,
                node: read(row, "node")?,
                pid: read(row, "pid")?,
                version: read(row, "version")?,
                queues: read(row, "queues")?,
                concurrency: read(row, "concurrency")?,
                running: read(row, "running")?,
                started_at: read(row, "started_at")?,
                heartbeat_at: read(row, "heartbeat_at")?,
            })
        })
        .collect()
}

/// Names of the queues that are paused.
pub(crate) async fn paused(tx: &Tx) -> Result<Vec<String>> {
    let rows = query(tx, "SELECT name FROM job_queue WHERE paused = true", Vec::new()).await?;
    rows.iter().map(|row| read(row, "name")).collect()
}

/// Pauses a queue or lets it go on.
pub(crate) async fn set_paused(tx: &Tx, now: DateTime<Utc>, queue: &str, paused: bool) -> Result<()> {
    let dialect = dialect(tx);
    let sets = [("paused", dialect.new_value("paused")), ("changed_at", dialect.new_value("changed_at"))];
    let sql = format!(
        "INSERT INTO job_queue (name, paused, changed_at) VALUES ($1, $2, $3) {}",
        dialect.or_set("name", &sets)
    );
    execute(tx, &sql, vec![queue.into(), paused.into(), now.into()]).await.map(drop)
}

/// Days for which jobs of a kind are kept, where somebody set them.
pub(crate) async fn retentions(tx: &Tx) -> Result<Vec<(String, i32)>> {
    let sql = "SELECT kind, retention_days FROM job_setting WHERE retention_days IS NOT NULL";
    let rows = query(tx, sql, Vec::new()).await?;
    rows.iter().map(|row| Ok((read(row, "kind")?, read(row, "retention_days")?))).collect()
}

/// Sets them; `None` is the kind's own.
pub(crate) async fn set_retention(tx: &Tx, kind: &str, days: Option<i32>) -> Result<()> {
    let dialect = dialect(tx);
    let sql = format!(
        "INSERT INTO job_setting (kind, retention_days) VALUES ($1, $2) {}",
        dialect.or_set("kind", &[("retention_days", dialect.new_value("retention_days"))])
    );
    execute(tx, &sql, vec![kind.into(), days.into()]).await.map(drop)
}
