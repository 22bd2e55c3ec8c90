//! What turns waiting jobs into ready ones: their time, their kind's limits, a lease that is over.

use std::{collections::HashMap, time::Duration};

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
const LANES: usize = 256;

/// What a round of a limited kind came to.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// How many jobs were let through.
    pub through: usize,
    /// When to look again if the rate is what holds them back.
    pub look_again: Option<DateTime<Utc>>,
    /// The lane after which the next round begins; `None` where this one got nowhere.
    pub turn: Option<String>,
}

/// Lets jobs of a limited kind through, as far as its limits allow. `after` is the lane at which the round
/// before ended: the walk goes on behind it and around, so that each lane comes first in its turn.
///
/// Running and ready ones count alike, so there are never more in work than allowed, and workers
/// need to know nothing of limits. The kind's row is the lock.
pub(crate) async fn admit(
    tx: &Tx,
    now: DateTime<Utc>,
    kind: &str,
    policy: &Policy,
    after: Option<&str>,
) -> Result<Admitted> {
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
    let (let_through, turn) =
        if room > 0 { walk(tx, now, kind, policy, after, &busy, room).await? } else { (Vec::new(), None) };
    make_ready(tx, &let_through).await?;
    if let (Some(rate), false) = (policy.rate, let_through.is_empty()) {
        let gap = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX) / i64::from(rate.starts.max(1));
        let next = next_start + gap.saturating_mul(i64::try_from(let_through.len()).unwrap_or(i64::MAX));
        let sql = "UPDATE job_limit SET next_start_us = $2 WHERE kind = $1";
        execute(tx, sql, vec![kind.into(), next.into()]).await?;
    }
    Ok(Admitted { through: let_through.len(), look_again, turn })
}

/// Goes from lane to lane as long as there is room: what is let through, and the lane after which to go on.
async fn walk(
    tx: &Tx,
    now: DateTime<Utc>,
    kind: &str,
    policy: &Policy,
    after: Option<&str>,
    busy: &[Lane],
    mut room: i64,
) -> Result<(Vec<Key>, Option<String>)> {
    let of_org = policy.org_concurrency.map(i64::from);
    let mut shares = if of_org.is_some() { shares(tx, kind).await? } else { HashMap::new() };
    let lanes = lanes(tx, now, kind, after, of_org.is_some()).await?;
    // More may follow of which nothing was seen: with no room in any of these, the next round goes on there.
    let unseen = (lanes.len() >= LANES).then(|| lanes.last().map(|lane| lane.name.clone())).flatten();
    let (mut let_through, mut turn) = (Vec::new(), None);
    for lane in lanes {
        let used = busy.iter().find(|one| one.name == lane.name).map_or(0, |one| one.ready + one.running);
        let most = policy.key_concurrency.map_or(i64::MAX, |most| i64::from(most) - used);
        let left = |shares: &HashMap<Id, i64>, org: &Id| {
            of_org.map_or(i64::MAX, |most| most - shares.get(org).copied().unwrap_or_default())
        };
        let share = lane.first_org.map_or(i64::MAX, |org| left(&shares, &org));
        let quota = room.min(most).min(share).min(i64::from(ROUND));
        if quota <= 0 {
            continue;
        }
        for (org, id) in first_of(tx, now, kind, &lane.name, quota).await? {
            // Organisations may share a lane; those behind one that has its share wait for it there.
            if left(&shares, &org) <= 0 {
                break;
            }
            *shares.entry(org).or_default() += 1;
            room -= 1;
            let_through.push(Key::of(org, id));
            turn = Some(lane.name.clone());
        }
        if room <= 0 {
            break;
        }
    }
    Ok((let_through, turn.or(unseen)))
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

/// How many jobs of a kind each organisation has in work.
async fn shares(tx: &Tx, kind: &str) -> Result<HashMap<Id, i64>> {
    let sql = "SELECT org_id, COUNT(*) AS busy FROM job \
               WHERE kind = $1 AND state IN ('ready', 'running') AND lane IS NOT NULL GROUP BY org_id";
    let rows = query(tx, sql, vec![kind.into()]).await?;
    rows.iter().map(|row| Ok((read(row, "org_id")?, read(row, "busy")?))).collect()
}

/// A lane in which something waits.
struct Waiter {
    name: String,
    /// Whose job comes first in it, where that is asked.
    first_org: Option<Id>,
}

/// The lanes in which something waits, from the one behind `after` on and around, up to [`LANES`].
async fn lanes(
    tx: &Tx,
    now: DateTime<Utc>,
    kind: &str,
    after: Option<&str>,
    with_org: bool,
) -> Result<Vec<Waiter>> {
    let Some(after) = after else { return stretch(tx, now, kind, ("", ""), None, with_org).await };
    // The lower bound is for the first step only: with two of them an index is read from the wrong one on.
    let mut lanes = stretch(tx, now, kind, ("AND j.lane > $3", ""), Some(after), with_org).await?;
    if lanes.len() < LANES {
        let until = "AND j.lane <= $3";
        lanes.extend(stretch(tx, now, kind, (until, until), Some(after), with_org).await?);
        lanes.truncate(LANES);
    }
    Ok(lanes)
}

/// Lanes in their order: each is one descent of the index. `bounds` are those of the first and of each further
/// step.
async fn stretch(
    tx: &Tx,
    now: DateTime<Utc>,
    kind: &str,
    bounds: (&str, &str),
    bound: Option<&str>,
    with_org: bool,
) -> Result<Vec<Waiter>> {
    let waiting = "j.kind = $1 AND j.state IN ('scheduled', 'failed') AND j.waits = 0 AND j.lane IS NOT NULL \
                   AND j.run_at <= $2";
    let next =
        |more: &str| format!("SELECT j.lane FROM job j WHERE {waiting} {more} ORDER BY j.lane LIMIT 1");
    let org = if with_org {
        let first = "ORDER BY j.priority DESC, j.run_at LIMIT 1";
        format!(", (SELECT j.org_id FROM job j WHERE {waiting} AND j.lane = l.lane {first}) AS first_org")
    } else {
        String::new()
    };
    let sql = format!(
        "WITH RECURSIVE l (lane) AS (SELECT f.lane FROM ({}) f UNION ALL \
         SELECT ({}) FROM l WHERE l.lane IS NOT NULL) \
         SELECT l.lane{org} FROM l WHERE l.lane IS NOT NULL LIMIT {LANES}",
        next(bounds.0),
        next(&format!("AND j.lane > l.lane {}", bounds.1)),
    );
    let mut values = vec![kind.into(), now.into()];
    values.extend(bound.map(Into::into));
    let rows = query(tx, &sql, values).await?;
    let waiter = |row| {
        let first_org = if with_org { read(row, "first_org")? } else { None };
        Ok(Waiter { name: read(row, "lane")?, first_org })
    };
    rows.iter().map(waiter).collect()
}

async fn first_of(tx: &Tx, now: DateTime<Utc>, kind: &str, lane: &str, quota: i64) -> Result<Vec<(Id, Id)>> {
    let sql = format!(
        "SELECT org_id, id FROM job WHERE kind = $1 AND lane = $2 AND state IN ('scheduled', 'failed') \
         AND waits = 0 AND lane IS NOT NULL AND run_at <= $3 ORDER BY priority DESC, run_at LIMIT $4 {}",
        dialect(tx).skip_locked()
    );
    let rows = query(tx, &sql, vec![kind.into(), lane.into(), now.into(), quota.into()]).await?;
    rows.iter().map(|row| Ok((read(row, "org_id")?, read(row, "id")?))).collect()
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
