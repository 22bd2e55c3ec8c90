//! Taking jobs: queue by queue, organisation by organisation in turn.

use std::{cmp::Reverse, collections::HashMap, time::Duration};

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{QueryResult, Value};

use super::{
    Dialect, KEY, Key, batch, dialect, execute,
    finish::{Ended, Ending},
    query,
};

/// A job under a lease.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub org: Id,
    pub id: Id,
    pub queue: String,
    pub kind: String,
    pub run_at: DateTime<Utc>,
    /// By the database's clock.
    pub claimed_at: DateTime<Utc>,
    pub attempt: u32,
    pub max_attempts: u32,
    pub fence: i64,
    pub args: String,
    pub lane: Option<String>,
    pub in_flow: bool,
    pub created_by: Option<Id>,
    pub request_id: Option<String>,
}

impl Claimed {
    /// The attempt with its end.
    pub(crate) fn ended(&self, worker: String, ending: Ending) -> Ended {
        Ended {
            org: self.org,
            id: self.id,
            attempt: self.attempt,
            fence: self.fence,
            in_flow: self.in_flow,
            lane: self.lane.is_some(),
            worker,
            started_at: self.claimed_at,
            ending,
        }
    }
}

/// How many organisations a round looks at in one queue.
const ORGS: usize = 64;

/// Who claims, and how much it may hold.
pub(crate) struct Claim<'a> {
    /// This process.
    pub worker: Id,
    /// Its name to people.
    pub name: &'a str,
    /// Length of the lease.
    pub lease: Duration,
    /// Free slots.
    pub slots: usize,
    /// The most that one organisation may hold of this worker.
    pub share: usize,
    /// What each holds already.
    pub held: HashMap<Id, usize>,
    /// Whether ready jobs may have been left for want of room; the claim sets it.
    pub more: bool,
}

/// Takes up to `claim.slots` ready jobs of these queues, in their order; paused ones are passed over. `turns` is
/// where the last round ended in each queue, and what comes back is where this one did.
pub(crate) async fn claim(
    tx: &Tx,
    now: DateTime<Utc>,
    queues: &[String],
    claim: &mut Claim<'_>,
    turns: &HashMap<String, Id>,
) -> Result<(Vec<Claimed>, Vec<(String, Id)>)> {
    let paused = super::paused(tx).await?;
    let mut claimed = Vec::new();
    let mut next = Vec::new();
    for queue in queues.iter().filter(|queue| !paused.contains(queue)) {
        if claim.slots == 0 {
            claim.more = true;
            break;
        }
        let mut turn = turns.get(queue).copied().unwrap_or_default();
        claimed.extend(from_queue(tx, now, queue, claim, &mut turn).await?);
        next.push((queue.clone(), turn));
    }
    Ok((claimed, next))
}

/// Takes up to `claim.slots` ready jobs of one queue. `turn` is where the last round ended among the
/// organisations, so that each comes first in its turn.
async fn from_queue(
    tx: &Tx,
    now: DateTime<Utc>,
    queue: &str,
    claim: &mut Claim<'_>,
    turn: &mut Id,
) -> Result<Vec<Claimed>> {
    let orgs = organizations(tx, queue, *turn).await?;
    let mut taken = Vec::new();
    let mut waiting = orgs.len();
    claim.more |= waiting == ORGS;
    for org in orgs {
        if claim.slots == 0 {
            claim.more = true;
            break;
        }
        let room = claim.share.saturating_sub(claim.held.get(&org).copied().unwrap_or_default());
        // An even share of what is free; what one does not use, the next may.
        let quota = claim.slots.div_ceil(waiting).min(room);
        waiting -= 1;
        *turn = successor(org);
        if quota == 0 {
            claim.more = true;
            continue;
        }
        let got = take(tx, now, queue, org, quota, claim).await?;
        claim.more |= got.len() == quota;
        claim.slots -= got.len();
        *claim.held.entry(org).or_default() += got.len();
        taken.extend(got);
    }
    Ok(taken)
}

/// Organisations with something ready, from `from` on and around once. Each step is one descent of
/// the index, however many jobs an organisation has.
async fn organizations(tx: &Tx, queue: &str, from: Id) -> Result<Vec<Id>> {
    let next = |after: &str| {
        format!(
            "SELECT j.org_id FROM job j WHERE j.state = 'ready' AND j.queue = $1 AND j.org_id {after} \
             ORDER BY j.org_id LIMIT 1"
        )
    };
    let sql = format!(
        "WITH RECURSIVE o (org_id) AS (SELECT f.org_id FROM ({}) f UNION ALL \
         SELECT ({}) FROM o WHERE o.org_id IS NOT NULL) \
         SELECT org_id FROM o WHERE org_id IS NOT NULL LIMIT {ORGS}",
        next(">= $2"),
        next("> o.org_id"),
    );
    let rows = query(tx, &sql, vec![queue.into(), from.into()]).await?;
    let mut orgs: Vec<Id> = rows.iter().map(|row| read(row, "org_id")).collect::<Result<_>>()?;
    if !from.is_nil() && orgs.len() < ORGS {
        let rows = query(tx, &sql, vec![queue.into(), Id::nil().into()]).await?;
        for row in &rows {
            let org: Id = read(row, "org_id")?;
            if org >= from || orgs.len() >= ORGS {
                break;
            }
            orgs.push(org);
        }
    }
    Ok(orgs)
}

/// The smallest id above `id`.
fn successor(id: Id) -> Id {
    Id::from_u128(id.as_u128().wrapping_add(1))
}

/// The ready jobs of an organisation in their order, locked where there are locks.
fn first(dialect: &dyn Dialect, columns: &str) -> String {
    format!(
        "SELECT {columns} FROM job {} WHERE state = 'ready' AND queue = $1 AND org_id = $2 \
         ORDER BY priority DESC, run_at, id LIMIT $3 {}",
        dialect.by_index("ix_job_ready"),
        dialect.skip_locked()
    )
}

const COLUMNS: &str =
    "id, kind, priority, run_at, attempt, max_attempts, fence, args, lane, in_flow, created_by, request_id";

async fn take(
    tx: &Tx,
    now: DateTime<Utc>,
    queue: &str,
    org: Id,
    quota: usize,
    claim: &Claim<'_>,
) -> Result<Vec<Claimed>> {
    let dialect = dialect(tx);
    let limit = i64::try_from(quota).unwrap_or(i64::MAX);
    let mut values: Vec<Value> = vec![queue.into(), org.into(), limit.into()];
    values.extend([(now + claim.lease).into(), claim.worker.into(), claim.name.into(), now.into()]);
    if dialect.returning() {
        let rows = format!("({}) AS r", first(dialect, "org_id, id"));
        // Qualified: the rows that are joined have an `id` of their own.
        let columns = COLUMNS.replace(", ", ", job.");
        let sql = format!("{} RETURNING job.{columns}", marking(dialect, &rows));
        let rows = query(tx, &sql, values).await?;
        let mut taken =
            rows.iter().map(|row| claimed(row, org, queue, now, 0)).collect::<Result<Vec<_>>>()?;
        taken.sort_unstable_by_key(|(priority, job)| (Reverse(*priority), job.run_at, job.id));
        return Ok(taken.into_iter().map(|(_, job)| job).collect());
    }
    let rows = query(tx, &first(dialect, COLUMNS), values.clone()).await?;
    let taken = rows.iter().map(|row| claimed(row, org, queue, now, 1)).collect::<Result<Vec<_>>>()?;
    let taken: Vec<Claimed> = taken.into_iter().map(|(_, job)| job).collect();
    let keys: Vec<Key> = taken.iter().map(|job| Key::of(org, job.id)).collect();
    if !keys.is_empty() {
        values.push(batch(&keys)?);
        let sql = marking(dialect, &dialect.rows(KEY, values.len()));
        let marked = execute(tx, &sql, values).await?;
        if marked != u64::try_from(keys.len()).unwrap_or_default() {
            // The rows were selected under a lock; anything else is a bug, and nothing may run.
            return Err(base::Error::internal(format!(
                "{marked} of {} claimed jobs were marked",
                keys.len()
            )));
        }
    }
    Ok(taken)
}

/// The update that puts the jobs of `rows` under a lease: `$4` its end, `$5` and `$6` the worker, `$7` now.
fn marking(dialect: &dyn Dialect, rows: &str) -> String {
    dialect.update_jobs(
        &[
            ("state", "'running'"),
            ("attempt", "job.attempt + 1"),
            ("fence", "job.fence + 1"),
            ("lease_until", "$4"),
            ("worker_id", "$5"),
            ("worker", "$6"),
            ("started_at", "$7"),
            ("progress_done", "NULL"),
            ("progress_total", "NULL"),
            ("progress_note", "NULL"),
        ],
        rows,
        &format!("{} = 'ready'", dialect.state()),
    )
}

/// Priority and job of a row; `raise` is what its counters lack that the update adds.
fn claimed(row: &QueryResult, org: Id, queue: &str, now: DateTime<Utc>, raise: u8) -> Result<(i32, Claimed)> {
    let count = |n: i32| u32::try_from(n).unwrap_or_default();
    let job = Claimed {
        org,
        id: read(row, "id")?,
        queue: queue.to_owned(),
        kind: read(row, "kind")?,
        run_at: read(row, "run_at")?,
        claimed_at: now,
        attempt: count(read(row, "attempt")?) + u32::from(raise),
        max_attempts: count(read(row, "max_attempts")?),
        fence: read::<i64>(row, "fence")? + i64::from(raise),
        args: read(row, "args")?,
        lane: read(row, "lane")?,
        in_flow: read(row, "in_flow")?,
        created_by: read(row, "created_by")?,
        request_id: read(row, "request_id")?,
    };
    Ok((read(row, "priority")?, job))
}
