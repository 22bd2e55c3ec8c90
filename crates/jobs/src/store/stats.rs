//! How jobs went, minute by minute: counts, and histograms of waiting and running times.

use std::collections::HashMap;

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{dialect, execute, query};

/// Buckets: the n-th holds what took less than 2^n milliseconds; the last everything longer.
pub const BUCKETS: usize = 24;

/// Times in buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, milliseconds: i64) {
        let n = u64::try_from(milliseconds).unwrap_or_default();
        let at = (u64::BITS - n.leading_zeros()) as usize;
        self.counts[at.min(BUCKETS - 1)] += 1;
    }
    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, more)| *mine += more);
    }
    /// As stored.
    pub fn to_text(&self) -> String {
        self.counts.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
    }
    /// From what is stored.
    pub fn parse(text: &str) -> Self {
        let mut counts = [0; BUCKETS];
        counts
            .iter_mut()
            .zip(text.split(','))
            .for_each(|(count, part)| *count = part.parse().unwrap_or_default());
        Self { counts }
    }
    /// The time in milliseconds that `share` (0 to 1) of all did not exceed, between the bounds of its
    /// bucket; `None` when nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let total: u64 = self.counts.iter().sum();
        if total == 0 {
            return None;
        }
        let wanted = (total as f64 * share.clamp(0.0, 1.0)).max(1.0);
        let mut seen = 0.0;
        for (at, count) in self.counts.iter().enumerate() {
            let count = *count as f64;
            if seen + count >= wanted {
                let low = if at == 0 { 0.0 } else { f64::from(1u32 << (at - 1)) };
                let high = f64::from(1u32 << at) - 1.0;
                return Some((low + (high - low).max(0.0) * (wanted - seen) / count) as u64);
            }
            seen += count;
        }
        None
    }
}

/// What a worker counted since it last wrote.
#[derive(Default)]
pub(crate) struct Tally {
    entries: HashMap<(Id, DateTime<Utc>, String, String), Entry>,
}

#[derive(Clone, Default)]
struct Entry {
    succeeded: i64,
    failed: i64,
    dead: i64,
    cancelled: i64,
    waits: Histogram,
    runs: Histogram,
}

/// What is counted of one attempt.
pub(crate) struct Counted<'a> {
    pub org: Id,
    pub queue: &'a str,
    pub kind: &'a str,
    pub outcome: crate::State,
    pub wait_ms: i64,
    pub run_ms: i64,
}

impl Tally {
    /// Counts an attempt that ended at `at`.
    pub(crate) fn add(&mut self, at: DateTime<Utc>, one: &Counted<'_>) {
        let minute = at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at);
        let key = (one.org, minute, one.queue.to_owned(), one.kind.to_owned());
        let entry = self.entries.entry(key).or_default();
        match one.outcome {
            crate::State::Succeeded => entry.succeeded += 1,
            crate::State::Dead => entry.dead += 1,
            crate::State::Cancelled => entry.cancelled += 1,
            crate::State::Failed => entry.failed += 1,
            _ => return,
        }
        entry.waits.add(one.wait_ms);
        entry.runs.add(one.run_ms);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds what was counted to the stored counts. Two workers that begin the same minute at the same
    /// instant may lose each other's first histogram, never a count.
    pub(crate) async fn write(&self, tx: &Tx, mut new_id: impl FnMut() -> Id) -> Result<()> {
        let dialect = dialect(tx);
        let find = format!(
            "SELECT waits, runs FROM job_stat WHERE org_id = $1 AND minute = $2 AND queue = $3 AND kind = $4 {}",
            dialect.for_update()
        );
        let sum = |column: &str| format!("job_stat.{column} + {}", dialect.new_value(column));
        let sets = [
            ("succeeded", sum("succeeded")),
            ("failed", sum("failed")),
            ("dead", sum("dead")),
            ("cancelled", sum("cancelled")),
            ("waits", dialect.new_value("waits")),
            ("runs", dialect.new_value("runs")),
        ];
        let put = format!(
            "INSERT INTO job_stat (id, org_id, minute, queue, kind, succeeded, failed, dead, cancelled, waits, \
             runs) VALUES ($5, $1, $2, $3, $4, $6, $7, $8, $9, $10, $11) {}",
            dialect.or_set("org_id, minute, queue, kind", &sets)
        );
        let mut sorted: Vec<_> = self.entries.iter().collect();
        // Always in the same order, so that two workers never wait for each other in a circle.
        sorted.sort_by(|a, b| a.0.cmp(b.0));
        for ((org, minute, queue, kind), entry) in sorted {
            let mut entry = entry.clone();
            let key: Vec<sea_orm::Value> =
                vec![(*org).into(), (*minute).into(), queue.clone().into(), kind.clone().into()];
            if let Some(row) = query(tx, &find, key.clone()).await?.first() {
                entry.waits.merge(&Histogram::parse(&read::<String>(row, "waits")?));
                entry.runs.merge(&Histogram::parse(&read::<String>(row, "runs")?));
            }
            let mut values = key;
            values.extend([
                new_id().into(),
                entry.succeeded.into(),
                entry.failed.into(),
                entry.dead.into(),
                entry.cancelled.into(),
                entry.waits.to_text().into(),
                entry.runs.to_text().into(),
            ]);
            execute(tx, &put, values).await?;
        }
        Ok(())
    }
}

/// One stored minute of a queue and kind.
#[derive(Debug)]
pub struct Minute {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// Queue.
    pub queue: String,
    /// Kind.
    pub kind: String,
    /// Attempts that ended well.
    pub succeeded: i64,
    /// Attempts after which another follows.
    pub failed: i64,
    /// Last attempts.
    pub dead: i64,
    /// Called off while they ran.
    pub cancelled: i64,
    /// From due to started.
    pub waits: Histogram,
    /// From started to ended.
    pub runs: Histogram,
}

/// The minutes since `from`: of one organisation, or of all.
pub(crate) async fn minutes(tx: &Tx, org: Option<Id>, from: DateTime<Utc>) -> Result<Vec<Minute>> {
    let mut sql =
        "SELECT minute, queue, kind, succeeded, failed, dead, cancelled, waits, runs FROM job_stat \
                   WHERE minute >= $1"
            .to_owned();
    let mut values = vec![from.into()];
    if let Some(org) = org {
        sql += " AND org_id = $2";
        values.push(org.into());
    }
    let rows = query(tx, &(sql + " ORDER BY minute"), values).await?;
    rows.iter()
        .map(|row| {
            Ok(Minute {
                at: read(row, "minute")?,
                queue: read(row, "queue")?,
                kind: read(row, "kind")?,
                succeeded: read(row, "succeeded")?,
                failed: read(row, "failed")?,
                dead: read(row, "dead")?,
                cancelled: read(row, "cancelled")?,
                waits: Histogram::parse(&read::<String>(row, "waits")?),
                runs: Histogram::parse(&read::<String>(row, "runs")?),
            })
        })
        .collect()
}

/// How many jobs there are in a queue and state that is not over, and when the oldest ready one was due.
#[derive(Debug)]
pub struct Depth {
    /// Queue.
    pub queue: String,
    /// State.
    pub state: crate::State,
    /// Jobs.
    pub count: i64,
    /// When the oldest was due.
    pub oldest: Option<DateTime<Utc>>,
}

/// Depths: of one organisation, or of all.
pub(crate) async fn depths(tx: &Tx, org: Option<Id>) -> Result<Vec<Depth>> {
    let narrow = if org.is_some() { "org_id = $1 AND " } else { "" };
    let sql = format!(
        "SELECT queue, state, COUNT(*) AS n, MIN(run_at) AS oldest FROM job \
         WHERE {narrow}state IN ('scheduled', 'ready', 'running', 'failed', 'dead') GROUP BY queue, state"
    );
    let rows = query(tx, &sql, org.map(sea_orm::Value::from).into_iter().collect()).await?;
    let mut depths = Vec::with_capacity(rows.len());
    for row in &rows {
        let state: String = read(row, "state")?;
        let Some(state) = crate::State::parse(&state) else { continue };
        depths.push(Depth {
            queue: read(row, "queue")?,
            state,
            count: read(row, "n")?,
            oldest: read(row, "oldest")?,
        });
    }
    Ok(depths)
}

/// Forgets minutes before `before`.
pub(crate) async fn prune(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    execute(tx, "DELETE FROM job_stat WHERE minute < $1", vec![before.into()]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_quantile_lies_in_the_bucket_of_the_value_that_it_stands_for(mut times in proptest::collection::vec(0i64..8_000_000, 1..200), share in 0.01f64..1.0) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|time| histogram.add(*time));
            proptest::prop_assert_eq!(&Histogram::parse(&histogram.to_text()), &histogram);
            times.sort_unstable();
            let at = ((times.len() as f64 * share).max(1.0).ceil() as usize - 1).min(times.len() - 1);
            let exact = u64::try_from(times[at]).unwrap();
            let bucket = |n: u64| u64::BITS - n.leading_zeros();
            let found = histogram.quantile(share).unwrap();
            proptest::prop_assert!(bucket(found) == bucket(exact), "{} for {}", found, exact);
        }
    }
}
