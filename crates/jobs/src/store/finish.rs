//! Ending attempts: each row is written only under the fencing token of its claim.

use std::{collections::HashMap, time::Duration};

use ::store::Tx;
use base::{Id, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{batch, dialect, dialect::Column, execute, flow, worker::Held};
use crate::{Policy, State};

/// What becomes of a job after an attempt.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Done, with a result as JSON text; kept for that long, by the database's clock.
    Succeeded { result: Option<String>, keep: Duration },
    /// Tried again after that time.
    Retry { wait: Duration, note: Note },
    /// No other attempt.
    Dead { keep: Duration, note: Note },
    /// Called off while it ran.
    Cancelled { keep: Duration, note: Note },
    /// Given back, or put off by itself: the attempt does not count.
    Again { wait: Duration, note: Option<Note> },
}

/// What is written about an attempt that did not succeed.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub outcome: &'static str,
    pub error: String,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub org: Id,
    pub id: Id,
    pub attempt: u32,
    pub fence: i64,
    pub in_flow: bool,
    pub lane: bool,
    pub worker: String,
    pub started_at: DateTime<Utc>,
    pub ending: Ending,
}

#[derive(Serialize)]
struct Done {
    org_id: String,
    id: String,
    fence: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
}

const DONE: &[(&str, Column)] =
    &[("org_id", Column::Uuid), ("id", Column::Uuid), ("fence", Column::Integer), ("result", Column::Text)];

/// A key is free when its job is over, unless it is taken for a period.
const FREE_KEY: &str = "CASE WHEN job.unique_until > $2 THEN job.held_key ELSE NULL END";

/// Writes how attempts ended; how many of them were still ours to write.
pub(crate) async fn acknowledge(
    tx: &Tx,
    now: DateTime<Utc>,
    ended: &[&Ended],
    mut new_id: impl FnMut() -> Id,
) -> Result<u64> {
    // Those that only need a stamp, by how long they are kept: usually all alike.
    let mut done: HashMap<Duration, Vec<&Ended>> = HashMap::new();
    let mut written = 0;
    for &one in ended {
        match &one.ending {
            Ending::Succeeded { keep, .. } if !one.in_flow => done.entry(*keep).or_default().push(one),
            _ => written += u64::from(single(tx, now, one, &mut new_id).await?),
        }
    }
    for (keep, attempts) in done {
        let stamped = stamp(tx, now, keep, &attempts).await?;
        written += stamped;
        if stamped < u64::try_from(attempts.len()).unwrap_or_default() {
            // Others began to wait for some of them after they were claimed, or a lease was lost: one by
            // one, where what is stamped already no longer matches.
            for one in attempts {
                written += u64::from(single(tx, now, one, &mut new_id).await?);
            }
        }
    }
    Ok(written)
}

/// Stamps attempts that succeeded; how many.
async fn stamp(tx: &Tx, now: DateTime<Utc>, keep: Duration, attempts: &[&Ended]) -> Result<u64> {
    let dialect = dialect(tx);
    let sql = dialect.update_jobs(
        &[
            ("state", "'succeeded'"),
            ("finished_at", "$2"),
            ("expires_at", "$3"),
            ("lease_until", "NULL"),
            ("result", "r.result"),
            ("error", "NULL"),
            ("held_key", FREE_KEY),
        ],
        &dialect.rows(DONE, 1),
        &format!("job.fence = r.fence AND {} = 'running' AND job.in_flow = false", dialect.state()),
    );
    let row = |one: &&Ended| Done {
        org_id: one.org.simple().to_string(),
        id: one.id.simple().to_string(),
        fence: one.fence,
        result: match &one.ending {
            Ending::Succeeded { result, .. } => result.clone(),
            _ => None,
        },
    };
    let rows: Vec<Done> = attempts.iter().map(row).collect();
    execute(tx, &sql, vec![batch(&rows)?, now.into(), (now + keep).into()]).await
}

/// One attempt whose end needs more than a stamp.
async fn single(tx: &Tx, now: DateTime<Utc>, one: &Ended, new_id: &mut impl FnMut() -> Id) -> Result<bool> {
    let mut state = State::Succeeded;
    let mut note = None;
    let mut changed = match &one.ending {
        Ending::Succeeded { result, keep } => {
            let sets = "result = $6, error = NULL";
            let value = result.clone();
            finish(tx, now, one, state, now + *keep, sets, value.into()).await?
        }
        Ending::Dead { keep, note: why } => {
            state = State::Dead;
            note = Some(why);
            finish(tx, now, one, state, now + *keep, "error = $6", why.error.clone().into()).await?
        }
        Ending::Cancelled { keep, note: why } => {
            state = State::Cancelled;
            note = Some(why);
            finish(tx, now, one, state, now + *keep, "error = $6", why.error.clone().into()).await?
        }
        Ending::Retry { wait, note: why } => {
            state = State::Failed;
            note = Some(why);
            let sql = "UPDATE job SET state = 'failed', run_at = $4, error = $5, lease_until = NULL \
                       WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running' AND cancel_requested = false";
            let values = vec![
                one.org.into(),
                one.id.into(),
                one.fence.into(),
                (now + *wait).into(),
                why.error.clone().into(),
            ];
            execute(tx, sql, values).await? == 1
        }
        Ending::Again { wait, note: why } => {
            state = State::Scheduled;
            note = why.as_ref();
            // Ready at once where it may; what is put off or let through one by one waits.
            let next = if wait.is_zero() && !one.lane { "ready" } else { "scheduled" };
            let sql = "UPDATE job SET state = $4, run_at = $5, attempt = attempt - 1, lease_until = NULL \
                       WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running' AND cancel_requested = false";
            let values =
                vec![one.org.into(), one.id.into(), one.fence.into(), next.into(), (now + *wait).into()];
            execute(tx, sql, values).await? == 1
        }
    };
    if let (false, Ending::Retry { .. } | Ending::Again { .. }) = (changed, &one.ending) {
        // Called off while it ran, and the attempt ended before it heard of it: no other one follows.
        state = State::Cancelled;
        let error = note.map_or("cancelled while it ran", |note| note.error.as_str());
        let keep_until = now + Policy::default().keep_failed;
        changed = finish(tx, now, one, state, keep_until, "error = $6", error.into()).await?;
    }
    if !changed {
        return Ok(false);
    }
    if let Some(note) = note {
        record(tx, now, one, note, new_id()).await?;
    }
    if state.is_final() {
        flow::settle(tx, now, one.org, one.id, state).await?;
    }
    Ok(true)
}

async fn finish(
    tx: &Tx,
    now: DateTime<Utc>,
    one: &Ended,
    state: State,
    expires_at: DateTime<Utc>,
    sets: &str,
    value: sea_orm::Value,
) -> Result<bool> {
    let free = FREE_KEY.replace("job.", "");
    let sql = format!(
        "UPDATE job SET state = $4, finished_at = $2, expires_at = $5, lease_until = NULL, held_key = {free}, \
         {sets} WHERE org_id = $1 AND id = $3 AND fence = $7 AND state = 'running'"
    );
    let values = vec![
        one.org.into(),
        now.into(),
        one.id.into(),
        state.as_str().into(),
        expires_at.into(),
        value,
        one.fence.into(),
    ];
    Ok(execute(tx, &sql, values).await? == 1)
}

async fn record(tx: &Tx, now: DateTime<Utc>, one: &Ended, note: &Note, id: Id) -> Result<()> {
    let sql = "INSERT INTO job_attempt (id, org_id, job_id, attempt, fence, worker, started_at, ended_at, \
               outcome, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let attempt = i32::try_from(one.attempt).unwrap_or(i32::MAX);
    let values = vec![
        id.into(),
        one.org.into(),
        one.id.into(),
        attempt.into(),
        one.fence.into(),
        one.worker.clone().into(),
        one.started_at.into(),
        now.into(),
        note.outcome.into(),
        note.error.clone().into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// How far a job is.
pub(crate) struct Progress {
    pub done: u64,
    pub total: u64,
    pub note: String,
}

/// A line that a job says.
pub(crate) struct Line {
    pub org: Id,
    pub job: Id,
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub level: &'static str,
    pub text: String,
}

/// How far jobs are, and what they say.
#[derive(Default)]
pub(crate) struct Words {
    /// The latest of each lease.
    pub progress: HashMap<Held, Progress>,
    /// Lines in their order.
    pub lines: Vec<Line>,
}

/// Lines of a job that are kept.
const LINES: i64 = 1_000;

/// Writes what jobs said.
pub(crate) async fn write_words(tx: &Tx, words: &Words, mut new_id: impl FnMut() -> Id) -> Result<()> {
    for ((org, id, fence), progress) in &words.progress {
        let sql = "UPDATE job SET progress_done = $4, progress_total = $5, progress_note = $6 \
                   WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'";
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let values = vec![
            (*org).into(),
            (*id).into(),
            (*fence).into(),
            number(progress.done).into(),
            number(progress.total).into(),
            progress.note.clone().into(),
        ];
        execute(tx, sql, values).await?;
    }
    for line in &words.lines {
        let sql = "INSERT INTO job_log (id, org_id, job_id, seq, at, level, line) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = vec![
            new_id().into(),
            line.org.into(),
            line.job.into(),
            line.seq.into(),
            line.at.into(),
            line.level.into(),
            line.text.clone().into(),
        ];
        execute(tx, sql, values).await?;
        if line.seq % 100 == 99 {
            let sql = "DELETE FROM job_log WHERE org_id = $1 AND job_id = $2 AND seq <= \
                       (SELECT m FROM (SELECT MAX(seq) AS m FROM job_log WHERE org_id = $1 AND job_id = $2) x) - $3";
            execute(tx, sql, vec![line.org.into(), line.job.into(), LINES.into()]).await?;
        }
    }
    Ok(())
}
