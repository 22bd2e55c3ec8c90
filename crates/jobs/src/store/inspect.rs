//! Reading over all organisations.

use ::store::{Tx, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    entity::{attempt, job, log},
    query,
};
use crate::{Filter, State};

/// Organisations in one statement: no database's limit of parameters is near.
const ORGS: usize = 500;

pub(crate) async fn list(tx: &Tx, filter: &Filter) -> Result<Vec<job::Model>> {
    let mut select = tx.find::<job::Entity>();
    if let Some(org) = filter.org {
        select = select.filter(job::Column::OrgId.eq(org));
    }
    if let Some(state) = filter.state {
        select = select.filter(job::Column::State.eq(state.as_str()));
    }
    if let Some(kind) = &filter.kind {
        select = select.filter(job::Column::Kind.eq(kind.as_str()));
    }
    if let Some(queue) = &filter.queue {
        select = select.filter(job::Column::Queue.eq(queue.as_str()));
    }
    tx.all(select.order_by_desc(job::Column::Id).limit(filter.limit)).await
}

pub(crate) async fn find_among(tx: &Tx, orgs: &[Id], id: Id) -> Result<Option<job::Model>> {
    for orgs in orgs.chunks(ORGS) {
        let select = tx.find::<job::Entity>().filter(job::Column::OrgId.is_in(orgs.to_vec()));
        if let Some(found) = tx.one(select.filter(job::Column::Id.eq(id))).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

pub(crate) async fn attempts(tx: &Tx, org: Id, id: Id) -> Result<Vec<attempt::Model>> {
    let select = tx
        .find::<attempt::Entity>()
        .filter(attempt::Column::OrgId.eq(org))
        .filter(attempt::Column::JobId.eq(id))
        .order_by_asc(attempt::Column::Fence)
        .order_by_asc(attempt::Column::EndedAt);
    tx.all(select).await
}

pub(crate) async fn last_lines(tx: &Tx, org: Id, id: Id, most: u64) -> Result<Vec<log::Model>> {
    let select = tx
        .find::<log::Entity>()
        .filter(log::Column::OrgId.eq(org))
        .filter(log::Column::JobId.eq(id))
        .order_by_desc(log::Column::Seq)
        .limit(most);
    let mut lines = tx.all(select).await?;
    lines.reverse();
    Ok(lines)
}

/// Jobs by state, and when the oldest ready one was due.
pub(crate) struct Counts {
    pub depths: Vec<(State, i64)>,
    pub oldest_ready: Option<DateTime<Utc>>,
}

/// Counts without the jobs that succeeded. Each statement asks what one partial index answers, in
/// the words of its condition.
pub(crate) async fn counts(tx: &Tx) -> Result<Counts> {
    let mut depths: Vec<(State, i64)> =
        State::ALL.into_iter().filter(|state| *state != State::Succeeded).map(|state| (state, 0)).collect();
    let mut oldest_ready = None;
    for sql in [
        "SELECT state, COUNT(*) AS n, MIN(run_at) AS oldest FROM job WHERE state = 'ready' GROUP BY state",
        "SELECT state, COUNT(*) AS n FROM job WHERE state = 'running' GROUP BY state",
        "SELECT state, COUNT(*) AS n FROM job WHERE state IN ('scheduled', 'failed', 'dead', 'cancelled') \
         GROUP BY state",
    ] {
        for row in &query(tx, sql, Vec::new()).await? {
            let Some(state) = State::parse(&read::<String>(row, "state")?) else { continue };
            let count: i64 = read(row, "n")?;
            depths.iter_mut().filter(|(one, _)| *one == state).for_each(|(_, n)| *n = count);
            if state == State::Ready {
                oldest_ready = read(row, "oldest")?;
            }
        }
    }
    Ok(Counts { depths, oldest_ready })
}

/// Ticks that schedules missed. Added up here: the databases disagree about the type of a sum.
pub(crate) async fn missed_ticks(tx: &Tx) -> Result<i64> {
    let rows = query(tx, "SELECT missed FROM job_schedule WHERE missed > 0", Vec::new()).await?;
    rows.iter().try_fold(0, |sum: i64, row| Ok(sum.saturating_add(read(row, "missed")?)))
}
