//! Taking jobs: queue by queue, organisation by organisation in turn.

use std::{collections::HashMap, time::Duration};

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};

use super::{KEY, Key, batch, dialect, execute, query};

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
}

/// Takes up to `claim.slots` ready jobs of one queue. `turn` is where the last round ended among the
/// organisations, so that each comes first in its turn.
pub(crate) async fn claim(
    tx: &Tx,
    now: DateTime<Utc>,
    queue: &str,
    claim: &mut Claim<'_>,
    turn: &mut Id,
) -> Result<Vec<Claimed>> {
    let orgs = organizations(tx, queue, *turn).await?;
    let mut taken = Vec::new();
    let mut waiting = orgs.len();
    for org in orgs {
        if claim.slots == 0 {
            break;
        }
        let room = claim.share.saturating_sub(claim.held.get(&org).copied().unwrap_or_default());
        // An even share of what is free; what one does not use, the next may.
        let quota = claim.slots.div_ceil(waiting).min(room);
        waiting -= 1;
        *turn = successor(org);
        if quota == 0 {
            continue;
        }
        let got = take(tx, now, queue, org, quota).await?;
        claim.slots -= got.len();
        *claim.held.entry(org).or_default() += got.len();
        taken.extend(got);
    }
    mark(tx, now, claim, &taken).await?;
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

async fn take(tx: &Tx, now: DateTime<Utc>, queue: &str, org: Id, quota: usize) -> Result<Vec<Claimed>> {
    let sql = format!(
        "SELECT id, kind, run_at, attempt, max_attempts, fence, args, lane, in_flow, created_by, request_id \
         FROM job WHERE state = 'ready' AND queue = $1 AND org_id = $2 \
         ORDER BY priority DESC, run_at, id LIMIT $3 {}",
        dialect(tx).skip_locked()
    );
    let limit = i64::try_from(quota).unwrap_or(i64::MAX);
    let rows = query(tx, &sql, vec![queue.into(), org.into(), limit.into()]).await?;
    let count = |n: i32| u32::try_from(n).unwrap_or_default();
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                org,
                id: read(row, "id")?,
                queue: queue.to_owned(),
                kind: read(row, "kind")?,
                run_at: read(row, "run_at")?,
                claimed_at: now,
                attempt: count(read(row, "attempt")?) + 1,
                max_attempts: count(read(row, "max_attempts")?),
                fence: read::<i64>(row, "fence")? + 1,
                args: read(row, "args")?,
                lane: read(row, "lane")?,
                in_flow: read(row, "in_flow")?,
                created_by: read(row, "created_by")?,
                request_id: read(row, "request_id")?,
            })
        })
        .collect()
}

async fn mark(tx: &Tx, now: DateTime<Utc>, claim: &Claim<'_>, taken: &[Claimed]) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = taken.iter().map(|job| Key::of(job.org, job.id)).collect();
    let dialect = dialect(tx);
    let sql = dialect.update_jobs(
        &[
            ("state", "'running'"),
            ("attempt", "job.attempt + 1"),
            ("fence", "job.fence + 1"),
            ("lease_until", "$2"),
            ("worker_id", "$3"),
            ("worker", "$4"),
            ("started_at", "$5"),
            ("progress_done", "NULL"),
            ("progress_total", "NULL"),
            ("progress_note", "NULL"),
        ],
        &dialect.rows(KEY, 1),
        &format!("{} = 'ready'", dialect.state()),
    );
    let values =
        vec![batch(&keys)?, (now + claim.lease).into(), claim.worker.into(), claim.name.into(), now.into()];
    let marked = execute(tx, &sql, values).await?;
    if marked != u64::try_from(taken.len()).unwrap_or_default() {
        // The rows were selected under a lock; anything else is a bug, and nothing may run.
        return Err(base::Error::internal(format!("{marked} of {} claimed jobs were marked", taken.len())));
    }
    Ok(())
}
