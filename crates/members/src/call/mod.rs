//! What programs called under `/admin/…`: noted in memory when a request has ended, written in groups by the
//! node's upkeep, kept for a week.
//!
//! No request waits for it. What a node notes faster than it can write, or one program faster than is fair to the
//! others, is left out of the list, and counted nevertheless; what was noted in the last seconds before a process
//! is killed is lost.

mod show;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use base::{Error, Id, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use kernel::{
    App, Cx,
    api::{Api, Ended},
};
use sea_orm::{
    ActiveValue::Set,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use store::Mode;

use crate::{entity::call::ActiveModel, service::Members};

/// For how long calls are kept.
pub const KEPT: TimeDelta = TimeDelta::days(7);
/// Calls that wait to be written; those beyond are counted only.
const WAITING: usize = 20_000;
/// Of these, calls of one program: it cannot keep the others out of the list.
const WAITING_OF_ONE: usize = 1_000;
/// Rows that one unit of work deletes.
const ROUND: u64 = 1_000;

/// Routes.
pub fn mount(api: &mut Api) {
    show::mount(api);
}

/// A program that has proven its key, as the request's context keeps it.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// Its organisation.
    pub org: Id,
    /// Its row.
    pub client: Id,
}

/// Organisation, program, hour, class of status.
type Hour = (Id, Id, DateTime<Utc>, i32);

/// Calls that are not written yet.
#[derive(Default)]
pub struct Calls {
    waiting: Mutex<Waiting>,
    /// What could not be written. It is written again by itself and as it was: a commit of which nothing was
    /// heard may have happened, and then its lines are there already.
    failed: tokio::sync::Mutex<Option<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<ActiveModel>,
    /// Lines of each program.
    of_one: HashMap<Id, usize>,
    counts: BTreeMap<Hour, i64>,
    left_out: u64,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, hour: Hour, line: impl FnOnce() -> ActiveModel) {
        let mut waiting = self.lock();
        *waiting.counts.entry(hour).or_default() += 1;
        let is_full = waiting.lines.len() >= WAITING;
        let of_one = waiting.of_one.entry(hour.1).or_default();
        if is_full || *of_one >= WAITING_OF_ONE {
            waiting.left_out += 1;
        } else {
            *of_one += 1;
            waiting.lines.push(line());
        }
    }
}

/// Notes a call that has ended, if a program made it.
pub fn observe(cx: &Cx, ended: &Ended<'_>) {
    let (Some(by), Ok(members)) = (cx.kept::<By>(), Members::of(&cx.app)) else { return };
    let took = i64::try_from(ended.took.as_millis()).unwrap_or(i64::MAX);
    let at = cx.now() - TimeDelta::try_milliseconds(took).unwrap_or_default();
    let class = i32::from(ended.status.as_u16()) / 100;
    let hour = at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
    let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    members.calls.note((by.org, by.client, hour, class), || ActiveModel {
        id: Set(base::id::new(at)),
        org_id: Set(by.org),
        client_id: Set(by.client),
        at: Set(at),
        method: Set(ended.operation.method.to_string()),
        route: Set(short(&ended.operation.path, 120)),
        status: Set(i32::from(ended.status.as_u16())),
        class: Set(class),
        duration_ms: Set(took),
        ip: Set(cx.origin.ip.map(|ip| ip.to_canonical().to_string())),
        request_id: Set(short(&cx.origin.request_id, 64)),
        reason: Set(ended.refused.map(|code| short(code, 64))),
    });
}

/// Writes what has been noted since; called by the node's upkeep.
pub async fn flush_calls(app: &App) -> Result<()> {
    let calls = &Members::of(app)?.calls;
    let mut failed = calls.failed.lock().await;
    if let Some(old) = failed.take() {
        flush(app, old, &mut failed).await?;
    }
    let waiting = std::mem::take(&mut *calls.lock());
    flush(app, waiting, &mut failed).await
}

async fn flush(app: &App, waiting: Waiting, failed: &mut Option<Waiting>) -> Result<()> {
    if waiting.counts.is_empty() {
        return Ok(());
    }
    match write(app, &waiting).await {
        Ok(()) => {}
        Err(error) if is_final(&error) => {
            tracing::warn!(?error, calls = waiting.lines.len(), "calls of programs are not written again");
            return Ok(());
        }
        Err(error) => {
            *failed = Some(waiting);
            return Err(error);
        }
    }
    if waiting.left_out > 0 {
        tracing::warn!(
            calls = waiting.left_out,
            "more calls of programs than can be listed; they are counted"
        );
    }
    Ok(())
}

/// Whether another try ends as this one did: the lines are there already, or are none that the table can hold.
fn is_final(error: &Error) -> bool {
    !error.is_retryable() && !kernel::http::problem::status(error.kind()).is_server_error()
}

async fn write(app: &App, waiting: &Waiting) -> Result<()> {
    let tx = app.system(Mode::Write).await?;
    tx.insert_all(waiting.lines.clone()).await?;
    // In one order on every node, so that two do not lock each other out.
    for ((org, client, hour, class), calls) in &waiting.counts {
        let add = OnConflict::columns(["org_id", "client_id", "hour", "class"])
            .value("calls", Expr::col(("member_call_hour", "calls")).add(*calls))
            .to_owned();
        let count = Query::insert()
            .into_table("member_call_hour")
            .columns(["id", "org_id", "client_id", "hour", "class", "calls"])
            .values_panic([
                app.new_id().into(),
                (*org).into(),
                (*client).into(),
                (*hour).into(),
                (*class).into(),
                (*calls).into(),
            ])
            .on_conflict(add)
            .to_owned();
        tx.execute(&count).await?;
    }
    tx.commit().await
}

/// Deletes calls that have been kept long enough, in rounds; how many.
pub async fn prune(app: &App) -> Result<u64> {
    let before = app.now() - KEPT;
    let lines = delete(app, "member_call", Expr::col("id").lt(base::id::floor(before))).await?;
    // The hour in which the week began is shown whole.
    let hours = Expr::col("hour").lt(before - TimeDelta::hours(1));
    delete(app, "member_call_hour", hours).await?;
    Ok(lines)
}

async fn delete(app: &App, table: &'static str, old: Expr) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = app.system(Mode::Write).await?;
        let round = Query::select().column("id").from(table).and_where(old.clone()).limit(ROUND).to_owned();
        let rows = tx.query_all(&round).await?;
        let ids: Vec<Id> = rows.iter().map(|row| store::read(row, "id")).collect::<Result<_>>()?;
        if ids.is_empty() {
            tx.commit().await?;
            return Ok(gone);
        }
        let delete = Query::delete().from_table(table).and_where(Expr::col("id").is_in(ids)).to_owned();
        gone += tx.execute(&delete).await?;
        tx.commit().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(client: u128) -> Hour {
        (Id::nil(), Id::from_u128(client), DateTime::UNIX_EPOCH, 2)
    }

    #[test]
    fn what_cannot_be_listed_is_counted() {
        let calls = Calls::default();
        let programs = WAITING / WAITING_OF_ONE;
        for at in 0..WAITING + 2 {
            calls.note(hour((at % (programs + 1)) as u128), ActiveModel::default);
        }
        let waiting = calls.lock();
        assert_eq!((waiting.lines.len(), waiting.left_out), (WAITING, 2));
        assert_eq!(waiting.counts.values().sum::<i64>(), i64::try_from(WAITING).unwrap() + 2);
    }

    #[test]
    fn one_program_does_not_keep_the_others_out_of_the_list() {
        let calls = Calls::default();
        for _ in 0..WAITING + 1 {
            calls.note(hour(1), ActiveModel::default);
        }
        calls.note(hour(2), || ActiveModel { status: Set(418), ..Default::default() });
        let waiting = calls.lock();
        assert_eq!(waiting.lines.len(), WAITING_OF_ONE + 1);
        assert_eq!(waiting.lines[WAITING_OF_ONE].status, Set(418));
        assert_eq!(waiting.counts[&hour(1)], i64::try_from(WAITING).unwrap() + 1);
    }
}
