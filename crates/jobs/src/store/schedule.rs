//! Schedules as rows: those that are due, what became of them, and those that code declares.

use ::store::{Tx, model, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel, QueryFilter};

use super::{dialect, entity::schedule, execute, query};

/// Schedules whose next time has come, `most` at most, locked; another node passes over them.
pub(crate) async fn due(tx: &Tx, now: DateTime<Utc>, most: u32) -> Result<Vec<schedule::Model>> {
    let sql = format!(
        "SELECT * FROM job_schedule WHERE next_at <= $1 AND enabled = true AND deleted_at IS NULL \
         ORDER BY next_at LIMIT {most} {}",
        dialect(tx).skip_locked()
    );
    query(tx, &sql, vec![now.into()]).await?.iter().map(model).collect()
}

/// One of them, if it is still due and nobody else is at it.
pub(crate) async fn is_due(tx: &Tx, now: DateTime<Utc>, schedule: Id) -> Result<bool> {
    let sql = format!(
        "SELECT id FROM job_schedule WHERE id = $1 AND next_at <= $2 AND enabled = true \
         AND deleted_at IS NULL {}",
        dialect(tx).skip_locked()
    );
    Ok(!query(tx, &sql, vec![schedule.into(), now.into()]).await?.is_empty())
}

/// When the next one is due.
pub(crate) async fn next_due(tx: &Tx) -> Result<Option<DateTime<Utc>>> {
    let sql = "SELECT next_at FROM job_schedule WHERE next_at IS NOT NULL AND enabled = true \
               AND deleted_at IS NULL ORDER BY next_at LIMIT 1";
    query(tx, sql, Vec::new()).await?.first().map(|row| read(row, "next_at")).transpose()
}

/// The jobs of a schedule that are not over and for which none of its other jobs waits.
pub(crate) async fn last_jobs(tx: &Tx, schedule: Id) -> Result<Vec<Id>> {
    let alive = "state IN ('scheduled', 'ready', 'running', 'failed')";
    let sql = format!(
        "SELECT j.id FROM job j WHERE j.schedule_id = $1 AND j.{alive} AND NOT EXISTS \
         (SELECT 1 FROM job_edge e JOIN job k ON k.org_id = e.org_id AND k.id = e.job_id \
         WHERE e.org_id = j.org_id AND e.needs_id = j.id AND k.schedule_id = $1 AND k.{alive})"
    );
    query(tx, &sql, vec![schedule.into()]).await?.iter().map(|row| read(row, "id")).collect()
}

/// What a round made of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub next_at: Option<DateTime<Utc>>,
    pub last_at: Option<DateTime<Utc>>,
    pub last_job: Option<Id>,
    pub runs: i64,
    pub missed: i64,
    pub skipped: i64,
}

/// Writes it. Neither version nor stamps change: nobody edited the schedule.
pub(crate) async fn turn(tx: &Tx, schedule: Id, turn: &Turn) -> Result<()> {
    let sql = "UPDATE job_schedule SET next_at = $2, last_at = COALESCE($3, last_at), \
               last_job_id = COALESCE($4, last_job_id), runs = runs + $5, missed = missed + $6, \
               skipped = skipped + $7 WHERE id = $1";
    let values = vec![
        schedule.into(),
        turn.next_at.into(),
        turn.last_at.into(),
        turn.last_job.into(),
        turn.runs.into(),
        turn.missed.into(),
        turn.skipped.into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// Puts a schedule that code declares into the table, or brings its row in step; whoever paused it
/// keeps it paused.
pub(crate) async fn put(tx: &Tx, wanted: schedule::Model) -> Result<()> {
    let same = Condition::all()
        .add(schedule::Column::OrgId.eq(wanted.org_id))
        .add(schedule::Column::Name.eq(wanted.name.as_str()));
    let found = tx.one(tx.find::<schedule::Entity>().filter(same.clone())).await?;
    let Some(found) = found else {
        return tx.insert(wanted.into_active_model().reset_all()).await;
    };
    let plan_is_same = (&found.kind, &found.expression, found.every_seconds, &found.time_zone)
        == (&wanted.kind, &wanted.expression, wanted.every_seconds, &wanted.time_zone);
    let next_at = if plan_is_same { found.next_at } else { wanted.next_at };
    let values = schedule::ActiveModel {
        kind: Set(wanted.kind),
        expression: Set(wanted.expression),
        every_seconds: Set(wanted.every_seconds),
        time_zone: Set(wanted.time_zone),
        description: Set(wanted.description),
        job_kind: Set(wanted.job_kind),
        args: Set(wanted.args),
        next_at: Set(next_at),
        ..Default::default()
    };
    tx.update_where(values, same).await.map(drop)
}

/// Takes away what code no longer declares.
pub(crate) async fn keep_only(tx: &Tx, org: Id, names: &[&str]) -> Result<u64> {
    let others = Condition::all()
        .add(schedule::Column::OrgId.eq(org))
        .add(schedule::Column::Source.eq("code"))
        .add(schedule::Column::Name.is_not_in(names.iter().copied()));
    tx.delete_where::<schedule::Entity>(others).await
}

/// Those that code declares.
pub(crate) async fn declared(tx: &Tx, org: Id) -> Result<Vec<schedule::Model>> {
    let own = Condition::all().add(schedule::Column::OrgId.eq(org)).add(schedule::Column::Source.eq("code"));
    tx.all(tx.find::<schedule::Entity>().filter(own)).await
}

/// Pauses one of them or lets it go on.
pub(crate) async fn set_enabled(
    tx: &Tx,
    org: Id,
    id: Id,
    enabled: bool,
    next_at: Option<DateTime<Utc>>,
) -> Result<u64> {
    let one = Condition::all().add(schedule::Column::OrgId.eq(org)).add(schedule::Column::Id.eq(id));
    let values = schedule::ActiveModel { enabled: Set(enabled), next_at: Set(next_at), ..Default::default() };
    tx.update_where(values, one).await
}
