//! What turns waiting jobs into ready ones: their time, their kind's limits, a lease that is over.

use std::time::Duration;

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};

use super::{
    KEY, Key, batch, dialect, execute,
    finish::{Ended, Ending, Note, acknowledge},
    query,
};
use crate::Policy;

/// Jobs a round.
const ROUND: u32 = 1_000;

/// What keeps a worker's housekeeping busy.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// When the next job's time comes.
    pub next: Option<DateTime<Utc>>,
    /// Whether a lease is over.
    pub orphans: bool,
    /// Kinds with limits of which something is due.
    pub limited: Vec<String>,
}

/// Looks, without a lock, whether there is anything to do.
pub(crate) async fn anything_waits(tx: &Tx, now: DateTime<Utc>, limited: &[&str]) -> Result<Waiting> {
    let sql = "SELECT run_at FROM job WHERE state IN ('scheduled', 'failed') AND waits = 0 AND lane IS NULL \
               ORDER BY run_at LIMIT 1";
    let next = query(tx, sql, Vec::new()).await?.first().map(|row| read(row, "run_at")).transpose()?;
    let sql = "SELECT id FROM job WHERE state = 'running' AND lease_until < $1 LIMIT 1";
    let orphans = !query(tx, sql, vec![now.into()]).await?.is_empty();
    let mut kinds = Vec::new();
    for kind in limited {
        let sql = "SELECT id FROM job WHERE kind = $1 AND state IN ('scheduled', 'failed') AND waits = 0 \
                   AND lane IS NOT NULL AND run_at <= $2 LIMIT 1";
        if !query(tx, sql, vec![(*kind).into(), now.into()]).await?.is_empty() {
            kinds.push((*kind).to_owned());
        }
    }
    Ok(Waiting { next, orphans, limited: kinds })
}

/// Whether anything is under way or due.
pub(crate) async fn anything_due(tx: &Tx, now: DateTime<Utc>) -> Result<bool> {
    // One statement sees one moment: of several, each could miss a job that moves on between them.
    let sql = "SELECT COUNT(*) AS due FROM (SELECT 1 AS one) AS moment WHERE \
               EXISTS (SELECT 1 FROM job WHERE state = 'ready' AND run_at <= $1) OR \
               EXISTS (SELECT 1 FROM job WHERE state = 'running' AND run_at <= $1) OR \
               EXISTS (SELECT 1 FROM job WHERE state IN ('scheduled', 'failed') AND waits = 0 AND run_at <= $1)";
    let rows = query(tx, sql, vec![now.into()]).await?;
    let due: i64 = rows.first().map_or(Ok(0), |row| read(row, "due"))?;
    Ok(due > 0)
}

/// Makes ready whose time has come; how many.
pub(crate) async fn promote(tx: &Tx, now: DateTime<Utc>) -> Result<usize> {
    let waiting = "state IN ('scheduled', 'failed') AND waits = 0 AND lane IS NULL";
    let sql = format!(
        "SELECT org_id, id FROM job WHERE {waiting} AND run_at <= $1 ORDER BY run_at LIMIT {ROUND} {}",
        dialect(tx).skip_locked()
    );
    let rows = query(tx, &sql, vec![now.into()]).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push(Key::of(read(row, "org_id")?, read(row, "id")?));
    }
    make_ready(tx, &keys).await?;
    Ok(keys.len())
}

async fn make_ready(tx: &Tx, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let dialect = dialect(tx);
    let condition = format!("{} IN ('scheduled', 'failed')", dialect.state());
    let sql = dialect.update_jobs(&[("state", "'ready'")], &dialect.rows(KEY, 1), &condition);
    execute(tx, &sql, vec![batch(keys)?]).await.map(drop)
}

/// The most lanes of a kind that a round looks at.
const LANES: u32 = 256;

/// Lets jobs of a limited kind through, as far as its limits allow; how many, and when to look again
/// if the rate is what holds them back.
///
/// Running and ready ones count alike, so there are never more in work than allowed, and workers
/// need to know nothing of limits. The kind's row is the lock.
pub(crate) async fn admit(
    tx: &Tx,
    now: DateTime<Utc>,
    kind: &str,
    policy: &Policy,
) -> Result<(usize, Option<DateTime<Utc>>)> {
    let mut next_start = lock(tx, kind).await?;
    let busy = busy(tx, kind).await?;
    let total: i64 = busy.iter().map(|lane| lane.ready + lane.running).sum();
    let mut room = policy.concurrency.map_or(i64::MAX, |most| i64::from(most) - total);
    let mut look_again = None;
    if let Some(rate) = policy.rate {
        // One start each `gap` on average, up to `starts` at once after a pause (GCRA).
        let gap = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX) / i64::from(rate.starts.max(1));
        let window = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX);
        let at = now.timestamp_micros();
        let from = next_start.max(at);
        let free = (at + window - from) / gap.max(1);
        // What is ready but not taken yet must not pile up and start all at once later.
        let unstarted: i64 = busy.iter().map(|lane| lane.ready).sum();
        let free = free.min(i64::from(rate.starts) - unstarted).max(0);
        if free < room {
            look_again = DateTime::from_timestamp_micros(at + gap);
        }
        room = room.min(free);
        next_start = from;
    }
    let mut let_through = Vec::new();
    if room > 0 {
        for lane in lanes(tx, now, kind).await? {
            let used = busy.iter().find(|one| one.name == lane).map_or(0, |one| one.ready + one.running);
            let most = policy.key_concurrency.map_or(i64::MAX, |most| i64::from(most) - used);
            let quota = room.min(most).min(i64::from(ROUND));
            if quota <= 0 {
                continue;
            }
            let keys = first_of(tx, now, kind, &lane, quota).await?;
            room -= i64::try_from(keys.len()).unwrap_or(i64::MAX);
            let_through.extend(keys);
            if room <= 0 {
                break;
            }
        }
    }
    make_ready(tx, &let_through).await?;
    if let (Some(rate), false) = (policy.rate, let_through.is_empty()) {
        let gap = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX) / i64::from(rate.starts.max(1));
        let next = next_start + gap.saturating_mul(i64::try_from(let_through.len()).unwrap_or(i64::MAX));
        let sql = "UPDATE job_limit SET next_start_us = $2 WHERE kind = $1";
        execute(tx, sql, vec![kind.into(), next.into()]).await?;
    }
    Ok((let_through.len(), look_again))
}

async fn lock(tx: &Tx, kind: &str) -> Result<i64> {
    let dialect = dialect(tx);
    let sql = format!("SELECT next_start_us FROM job_limit WHERE kind = $1 {}", dialect.for_update());
    if let Some(row) = query(tx, &sql, vec![kind.into()]).await?.first() {
        return read(row, "next_start_us");
    }
    let make = format!(
        "INSERT INTO job_limit (kind, next_start_us) VALUES ($1, 0) {}",
        dialect.or_leave("job_limit", "kind", "")
    );
    execute(tx, &make, vec![kind.into()]).await?;
    let rows = query(tx, &sql, vec![kind.into()]).await?;
    rows.first().map_or(Ok(0), |row| read(row, "next_start_us"))
}

/// What a lane has in work.
struct Lane {
    name: String,
    ready: i64,
    running: i64,
}

async fn busy(tx: &Tx, kind: &str) -> Result<Vec<Lane>> {
    let sql = "SELECT lane, COUNT(CASE WHEN state = 'ready' THEN 1 END) AS ready, \
               COUNT(CASE WHEN state = 'running' THEN 1 END) AS running FROM job \
               WHERE kind = $1 AND state IN ('ready', 'running') AND lane IS NOT NULL GROUP BY lane";
    let rows = query(tx, sql, vec![kind.into()]).await?;
    let lane = |row| {
        Ok(Lane { name: read(row, "lane")?, ready: read(row, "ready")?, running: read(row, "running")? })
    };
    rows.iter().map(lane).collect()
}

/// The lanes in which something waits: each is one descent of the index.
async fn lanes(tx: &Tx, now: DateTime<Utc>, kind: &str) -> Result<Vec<String>> {
    let next = |after: &str| {
        format!(
            "SELECT j.lane FROM job j WHERE j.kind = $1 AND j.state IN ('scheduled', 'failed') AND j.waits = 0 \
             AND j.lane IS NOT NULL AND j.run_at <= $2 {after} ORDER BY j.lane LIMIT 1"
        )
    };
    let sql = format!(
        "WITH RECURSIVE l (lane) AS (SELECT f.lane FROM ({}) f UNION ALL \
         SELECT ({}) FROM l WHERE l.lane IS NOT NULL) SELECT lane FROM l WHERE lane IS NOT NULL LIMIT {LANES}",
        next(""),
        next("AND j.lane > l.lane"),
    );
    let rows = query(tx, &sql, vec![kind.into(), now.into()]).await?;
    rows.iter().map(|row| read(row, "lane")).collect()
}

async fn first_of(tx: &Tx, now: DateTime<Utc>, kind: &str, lane: &str, quota: i64) -> Result<Vec<Key>> {
    let sql = format!(
        "SELECT org_id, id FROM job WHERE kind = $1 AND lane = $2 AND state IN ('scheduled', 'failed') \
         AND waits = 0 AND lane IS NOT NULL AND run_at <= $3 ORDER BY priority DESC, run_at LIMIT $4 {}",
        dialect(tx).skip_locked()
    );
    let rows = query(tx, &sql, vec![kind.into(), lane.into(), now.into(), quota.into()]).await?;
    rows.iter().map(|row| Ok(Key::of(read(row, "org_id")?, read(row, "id")?))).collect()
}

/// A job whose worker has gone.
struct Orphan {
    kind: String,
    ended: Ended,
    max_attempts: u32,
    cancelled: bool,
}

/// Takes jobs back whose lease is over: another attempt, or dead. `plan` says how long the next attempt
/// of a kind waits and how long a dead job of it is kept. Gives how many.
pub(crate) async fn rescue(
    tx: &Tx,
    now: DateTime<Utc>,
    plan: impl Fn(&str, u32) -> (Duration, Duration),
    new_id: impl FnMut() -> Id,
) -> Result<usize> {
    let mut ended = Vec::new();
    for mut orphan in orphans(tx, now).await? {
        let (wait, keep) = plan(&orphan.kind, orphan.ended.attempt);
        let note = Note { outcome: "lost", error: "the worker went away without a word".to_owned() };
        orphan.ended.ending = if orphan.cancelled {
            Ending::Cancelled { keep, note }
        } else if orphan.ended.attempt >= orphan.max_attempts {
            Ending::Dead { keep, note }
        } else {
            Ending::Retry { wait, note }
        };
        ended.push(orphan.ended);
    }
    acknowledge(tx, now, &ended.iter().collect::<Vec<_>>(), new_id).await?;
    Ok(ended.len())
}

async fn orphans(tx: &Tx, now: DateTime<Utc>) -> Result<Vec<Orphan>> {
    let sql = format!(
        "SELECT org_id, id, kind, attempt, max_attempts, fence, in_flow, lane, worker, started_at, \
         cancel_requested FROM job WHERE state = 'running' AND lease_until < $1 LIMIT {ROUND} {}",
        dialect(tx).skip_locked()
    );
    let rows = query(tx, &sql, vec![now.into()]).await?;
    let count = |n: i32| u32::try_from(n).unwrap_or_default();
    rows.iter()
        .map(|row| {
            Ok(Orphan {
                kind: read(row, "kind")?,
                max_attempts: count(read(row, "max_attempts")?),
                cancelled: read(row, "cancel_requested")?,
                ended: Ended {
                    org: read(row, "org_id")?,
                    id: read(row, "id")?,
                    attempt: count(read(row, "attempt")?),
                    fence: read(row, "fence")?,
                    in_flow: read(row, "in_flow")?,
                    lane: read::<Option<String>>(row, "lane")?.is_some(),
                    worker: read::<Option<String>>(row, "worker")?.unwrap_or_default(),
                    started_at: read::<Option<DateTime<Utc>>>(row, "started_at")?.unwrap_or(now),
                    ending: Ending::Again { wait: Duration::ZERO, note: None },
                },
            })
        })
        .collect()
}
