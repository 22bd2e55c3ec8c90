//! One round over the schedules that are due.

use ::store::{Mode, Tx};
use base::Result;
use chrono::{DateTime, Duration, Utc};

use super::{Misfire, Overlap, Plan, Timing};
use crate::{
    Engine, NewJob, When,
    store::{self, Turn, entity::schedule::Model},
};

/// A tick this late still counts as on time: restarts and short troubles are no misfire.
const GRACE: Duration = Duration::seconds(60);
/// Missed ticks that are counted one by one; beyond, they are only left out.
const COUNTED: usize = 100_000;

/// Schedules a round.
const ROUND: u32 = 200;

/// Fires every due schedule that nobody else fires; whether there was one.
pub(crate) async fn fire_due(engine: &Engine) -> Result<bool> {
    match fire_together(engine).await {
        Err(error) if lies_in_one(&error) => {
            tracing::warn!(?error, "a schedule cannot be fired; going through them one by one");
            fire_one_by_one(engine).await
        }
        outcome => outcome,
    }
}

/// Whether an error comes from a schedule itself: neither from the database's absence nor from a lost lock.
fn lies_in_one(error: &base::Error) -> bool {
    !error.is_retryable() && error.kind() != base::Kind::Unavailable
}

async fn fire_together(engine: &Engine) -> Result<bool> {
    let (tx, now) = engine.system(Mode::Write).await?;
    let due = store::due(&tx, now, ROUND).await?;
    for schedule in &due {
        let turn = fire(engine, &tx, now, schedule).await?;
        store::turn(&tx, schedule.id, &turn).await?;
    }
    tx.commit().await?;
    Ok(!due.is_empty())
}

/// What is wrong with one schedule must not hold up the others: each in a transaction of its own, and one that
/// fails misses this time.
async fn fire_one_by_one(engine: &Engine) -> Result<bool> {
    for _ in 0..ROUND {
        let (tx, now) = engine.system(Mode::Write).await?;
        let due = store::due(&tx, now, 1).await?;
        let Some(schedule) = due.first() else { return Ok(true) };
        let fired = async {
            let turn = fire(engine, &tx, now, schedule).await?;
            store::turn(&tx, schedule.id, &turn).await
        };
        match fired.await {
            Ok(()) => tx.commit().await?,
            Err(error) if lies_in_one(&error) => {
                tx.rollback().await?;
                tracing::error!(schedule = %schedule.id, ?error, "a schedule cannot be fired; it misses a time");
                pass_over(engine, schedule).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

async fn pass_over(engine: &Engine, schedule: &Model) -> Result<()> {
    let (tx, now) = engine.system(Mode::Write).await?;
    if store::is_due(&tx, now, schedule.id).await? {
        let next_at = plan_of(schedule).ok().and_then(|plan| plan.next_after(now));
        store::turn(&tx, schedule.id, &Turn { next_at, missed: 1, ..Turn::default() }).await?;
    }
    tx.commit().await
}

/// The times of a schedule's row.
pub(crate) fn plan_of(row: &Model) -> Result<Plan> {
    Plan::new(&Timing::from(row))
}

/// Which ticks are fired, and which are not.
#[derive(Debug, PartialEq, Eq)]
struct Ticks {
    fire: Vec<DateTime<Utc>>,
    missed: i64,
    next: Option<DateTime<Utc>>,
}

fn ticks(plan: &Plan, first: DateTime<Utc>, now: DateTime<Utc>, misfire: Misfire, limit: usize) -> Ticks {
    let mut late = Vec::new();
    let mut on_time = Vec::new();
    let mut next = Some(first);
    while let Some(at) = next.filter(|at| *at <= now) {
        if at < now - GRACE {
            late.push(at)
        } else {
            on_time.push(at)
        }
        next = plan.next_after(at);
        if late.len() >= COUNTED {
            next = plan.next_after(now - GRACE);
        }
    }
    let make_up = match misfire {
        Misfire::Skip => 0,
        Misfire::Once => late.len().min(1),
        Misfire::All => late.len().min(limit),
    };
    let missed = i64::try_from(late.len() - make_up).unwrap_or(i64::MAX);
    let mut fire = late.split_off(late.len() - make_up);
    fire.extend(on_time);
    Ticks { fire, missed, next }
}

async fn fire(engine: &Engine, tx: &Tx, now: DateTime<Utc>, row: &Model) -> Result<Turn> {
    let plan = match plan_of(row) {
        Ok(plan) => plan,
        Err(error) => {
            tracing::error!(schedule = %row.id, ?error, "a stored schedule cannot be read; it rests");
            return Ok(Turn { missed: 1, ..Turn::default() });
        }
    };
    let misfire = Misfire::parse(&row.misfire).unwrap_or_default();
    let overlap = Overlap::parse(&row.overlap).unwrap_or_default();
    let limit = usize::try_from(row.misfire_limit).unwrap_or_default();
    let ticks = ticks(&plan, row.next_at.unwrap_or(now), now, misfire, limit);
    let mut turn = Turn { next_at: ticks.next, missed: ticks.missed, ..Turn::default() };
    for at in ticks.fire {
        let before = match overlap {
            Overlap::Allow => Vec::new(),
            _ => store::last_jobs(tx, row.id).await?,
        };
        if overlap == Overlap::Skip && !before.is_empty() {
            turn.skipped += 1;
            continue;
        }
        let mut job = match job_of(engine, row) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(schedule = %row.id, ?error, "a schedule's arguments cannot be read");
                turn.missed += 1;
                continue;
            }
        };
        job.schedule = Some((row.id, at));
        for last in before {
            job = job.after(last, When::Settled);
        }
        if row.jitter_seconds > 0 {
            let spread = f64::from(row.jitter_seconds) * crate::worker::dice();
            job = job.run_at(now + Duration::milliseconds((spread * 1000.0) as i64));
        }
        match engine.enqueue(tx, job).await {
            Ok(enqueued) => {
                turn.runs += 1;
                turn.last_at = Some(at);
                turn.last_job = Some(enqueued.id);
            }
            // What is wrong with one schedule must not hold up the others.
            Err(error) if error.kind() == base::Kind::Invalid => {
                tracing::error!(schedule = %row.id, ?error, "a schedule's job cannot be enqueued");
                turn.missed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(turn)
}

/// The job that a schedule makes.
fn job_of(engine: &Engine, row: &Model) -> Result<NewJob> {
    let args = engine.unseal(&row.job_kind, &row.args)?;
    let mut job = NewJob::named(row.org_id, row.job_kind.clone(), args).priority(row.priority);
    if let Some(queue) = &row.queue {
        job = job.queue(queue.clone());
    }
    job.created_by = row.created_by;
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::{super::PlanKind, *};

    fn minutely() -> Plan {
        Plan::new(&Timing {
            kind: PlanKind::Interval,
            expression: None,
            every_seconds: Some(60),
            at: None,
            time_zone: "UTC".to_owned(),
            starts_at: None,
            ends_at: None,
            anchor: DateTime::from_timestamp(0, 0).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn missed_ticks_are_left_out_run_once_or_made_up_to_a_limit() {
        let now = DateTime::from_timestamp(1_800_000_030, 0).unwrap();
        let first = now - Duration::seconds(630);
        let count = |misfire, limit| {
            let ticks = ticks(&minutely(), first, now, misfire, limit);
            assert_eq!(ticks.next, Some(now + Duration::seconds(30)));
            (ticks.fire.len(), ticks.missed)
        };
        // Eleven ticks are due; the last one, half a minute old, is on time.
        assert_eq!(count(Misfire::Skip, 10), (1, 10));
        assert_eq!(count(Misfire::Once, 10), (2, 9));
        assert_eq!(count(Misfire::All, 4), (5, 6));
        assert_eq!(count(Misfire::All, 100), (11, 0));
    }

    #[test]
    fn a_tick_on_time_is_fired_whatever_the_policy() {
        let now = DateTime::from_timestamp(1_800_000_001, 0).unwrap();
        let ticks = ticks(&minutely(), now - Duration::seconds(1), now, Misfire::Skip, 0);
        assert_eq!((ticks.fire.len(), ticks.missed), (1, 0));
    }
}
