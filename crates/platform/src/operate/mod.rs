//! What platform administrators see of all jobs: queues, workers, every organisation's jobs without
//! their arguments, the product's own schedules, how long kinds are kept.

pub mod dto;

use std::collections::BTreeMap;

use base::{Error, Id, Result};
use chrono::TimeDelta;
use jobs::{
    Engine, State,
    store::{Histogram, entity::job},
};
use kernel::{
    Api, Cx, Json, Spec,
    audit::{self, Event, Who},
    resource::{ListQuery, paginate},
};
use sea_orm::QueryTrait;
use serde_json::json;
use store::{Mode, Tx};

use self::dto::{
    JobPage, JobRow, KindRow, Kinds, Queue, Queues, Retention, ScheduleRow, Schedules, Worker, Workers,
};
use crate::{job::dto::View, job_kind, schedule::dto::View as ScheduleView};

/// Rates are over this time.
const WINDOW: i64 = 10;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut queues = api.guarded("platform", "queue");
    queues.get("list", "/api/platform/queues", "Queues over all organisations", list_queues).detached();
    queues
        .act("pause", "/api/platform/queues/{name}/pause", "Let no more jobs of a queue begin", pause)
        .detached()
        .problems(&[404]);
    queues
        .act("resume", "/api/platform/queues/{name}/resume", "Let jobs of a queue begin again", resume)
        .detached()
        .problems(&[404]);
    api.guarded("platform", "worker")
        .get("list", "/api/platform/workers", "Workers and what they do", workers)
        .detached();
    let mut jobs = api.guarded("platform", "job");
    jobs.get("list", "/api/platform/jobs", "Jobs of every organisation, without arguments", list_jobs)
        .detached()
        .lists(&job_spec());
    jobs.get("read", "/api/platform/jobs/{id}", "A job of any organisation, without arguments", read_job)
        .detached()
        .problems(&[404]);
    jobs.act("retry", "/api/platform/jobs/{id}/retry", "Try a job of any organisation again", retry_job)
        .detached()
        .problems(&[404, 409]);
    jobs.act("cancel", "/api/platform/jobs/{id}/cancel", "Call a job of any organisation off", cancel_job)
        .detached()
        .problems(&[404, 409]);
    let mut schedules = api.guarded("platform", "schedule");
    schedules
        .get("list", "/api/platform/schedules", "The product's own schedules", list_schedules)
        .detached();
    schedules
        .act("enable", "/api/platform/schedules/{id}/enable", "Let one of them fire", enable)
        .detached()
        .problems(&[404]);
    schedules
        .act("disable", "/api/platform/schedules/{id}/disable", "Keep one of them from firing", disable)
        .detached()
        .problems(&[404]);
    schedules
        .act("run", "/api/platform/schedules/{id}/run", "One job of it now", run_schedule)
        .detached()
        .problems(&[404]);
    let mut kinds = api.guarded("platform", "job_kind");
    kinds
        .get("list", "/api/platform/job-kinds", "Kinds of jobs and how long they are kept", list_kinds)
        .detached();
    kinds
        .patch("update", "/api/platform/job-kinds/{kind}", "How long jobs of a kind are kept", set_retention)
        .detached()
        .problems(&[404])
        .example(json!({ "retention_days": 30 }));
}

/// Leaves a line where the organisation concerned can read it; what concerns all is logged.
async fn record(cx: &Cx, tx: &Tx, action: &str, target: Option<(Id, &str)>, name: &str) -> Result<()> {
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let mut event = Event::new(action, "jobs.job");
    event.target_id = target.map(|(id, _)| id);
    event.target_name = target.map_or(name, |(_, name)| name).to_owned();
    audit::write(tx, cx.now(), who, &cx.origin, event).await
}

async fn list_queues(cx: &Cx) -> Result<Json<Queues>> {
    let engine = cx.app.service::<Engine>()?;
    let tx = cx.app.system(Mode::Read).await?;
    let now = engine.now(&tx).await?;
    let depths = engine.depths(&tx, None).await?;
    let minutes = engine.minutes(&tx, None, now - TimeDelta::minutes(WINDOW)).await?;
    let paused = engine.paused(&tx).await?;
    tx.commit().await?;
    let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
    let fresh = |name: &str| Queue {
        name: name.to_owned(),
        paused: paused.iter().any(|one| one == name),
        ..Queue::default()
    };
    for name in engine.kinds().queues() {
        queues.insert(name.to_owned(), fresh(name));
    }
    for depth in &depths {
        let queue = queues.entry(depth.queue.clone()).or_insert_with(|| fresh(&depth.queue));
        queue.depths.add(depth);
        if depth.state == State::Ready {
            queue.oldest_ready_seconds = depth.oldest.map(|at| (now - at).num_seconds().max(0));
        }
    }
    for queue in queues.values_mut() {
        let (mut ended, mut bad) = (0, 0);
        let mut waits = Histogram::default();
        for minute in minutes.iter().filter(|minute| minute.queue == queue.name) {
            ended += minute.succeeded + minute.failed + minute.dead + minute.cancelled;
            bad += minute.failed + minute.dead;
            waits.merge(&minute.waits);
        }
        queue.finished_per_minute = ended as f64 / WINDOW as f64;
        queue.failure_rate = if ended > 0 { bad as f64 / ended as f64 } else { 0.0 };
        (queue.wait_p50_ms, queue.wait_p95_ms) = (waits.quantile(0.5), waits.quantile(0.95));
    }
    Ok(Json(Queues { items: queues.into_values().collect() }))
}

async fn pause(cx: &Cx) -> Result<Json<Queues>> {
    set_paused(cx, true).await
}

async fn resume(cx: &Cx) -> Result<Json<Queues>> {
    set_paused(cx, false).await
}

async fn set_paused(cx: &Cx, paused: bool) -> Result<Json<Queues>> {
    let engine = cx.app.service::<Engine>()?;
    let name = cx.text("name")?;
    if !engine.kinds().queues().contains(&name) {
        return Err(Error::missing());
    }
    let tx = cx.app.system(Mode::Write).await?;
    engine.set_paused(&tx, name, paused).await?;
    let action = if paused { "platform:queue:pause" } else { "platform:queue:resume" };
    record(cx, &tx, action, None, name).await?;
    tx.commit().await?;
    list_queues(cx).await
}

async fn workers(cx: &Cx) -> Result<Json<Workers>> {
    let engine = cx.app.service::<Engine>()?;
    let tx = cx.app.system(Mode::Read).await?;
    let now = engine.now(&tx).await?;
    let rows = engine.workers(&tx).await?;
    tx.commit().await?;
    Ok(Json(Workers { items: rows.into_iter().map(|row| Worker::of(row, now)).collect() }))
}

fn job_spec() -> Spec {
    use job::Column as C;
    Spec::of::<job::Entity>(C::Kind)
        .filter([C::OrgId, C::State, C::Kind, C::Queue, C::CreatedAt, C::FinishedAt])
        .sort([C::CreatedAt, C::RunAt, C::FinishedAt])
        .order([(C::Id, true)])
}

async fn list_jobs(cx: &Cx) -> Result<Json<JobPage>> {
    let spec = job_spec();
    let query = ListQuery::parse_with(&spec, &cx.query_pairs(), &[])?;
    let tx = cx.app.system(Mode::Read).await?;
    let select = tx.find::<job::Entity>().into_query();
    let page = paginate(&tx, &spec, select, &query).await?;
    let rows = page.rows.iter().map(store::model::<job::Model>).collect::<Result<Vec<_>>>()?;
    tx.commit().await?;
    Ok(Json(JobPage {
        items: rows.into_iter().map(JobRow::from).collect(),
        total: page.total,
        total_capped: page.capped,
        page: query.page,
        page_size: query.page_size,
        next_cursor: page.next_cursor,
    }))
}

async fn find(tx: &Tx, id: Id) -> Result<job::Model> {
    tx.get::<job::Entity>(id).await
}

async fn read_job(cx: &Cx) -> Result<Json<JobRow>> {
    let tx = cx.app.system(Mode::Read).await?;
    let row = find(&tx, cx.id("id")?).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}

async fn retry_job(cx: &Cx) -> Result<Json<JobRow>> {
    change_job(cx, true).await
}

async fn cancel_job(cx: &Cx) -> Result<Json<JobRow>> {
    change_job(cx, false).await
}

async fn change_job(cx: &Cx, retry: bool) -> Result<Json<JobRow>> {
    let engine = cx.app.service::<Engine>()?;
    let id = cx.id("id")?;
    let look = cx.app.system(Mode::Read).await?;
    let org = find(&look, id).await?.org_id;
    look.commit().await?;
    // In the organisation's own unit of work, so that its audit trail says who it was.
    let home = (org != jobs::PLATFORM).then_some(org);
    let tx = cx.app.store().begin(Mode::Write, store::Opening::new(store::Role::System, home)).await?;
    let action = if retry {
        engine.retry(&tx, org, id).await?;
        "platform:job:retry"
    } else {
        engine.cancel(&tx, org, id).await?;
        "platform:job:cancel"
    };
    let row = find(&tx, id).await?;
    record(cx, &tx, action, Some((id, &row.kind)), "").await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}

async fn list_schedules(cx: &Cx) -> Result<Json<Schedules>> {
    let engine = cx.app.service::<Engine>()?;
    let tx = cx.app.system(Mode::Read).await?;
    let rows = engine.declared(&tx).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let last = match row.last_job_id {
            Some(id) => tx.lookup::<job::Entity>(id).await?.map(|job| job.state),
            None => None,
        };
        items.push(ScheduleRow { id: row.id, view: ScheduleView { last_state: last, ..row.into() } });
    }
    tx.commit().await?;
    Ok(Json(Schedules { items }))
}

async fn enable(cx: &Cx) -> Result<Json<Schedules>> {
    set_enabled(cx, true).await
}

async fn disable(cx: &Cx) -> Result<Json<Schedules>> {
    set_enabled(cx, false).await
}

async fn set_enabled(cx: &Cx, enabled: bool) -> Result<Json<Schedules>> {
    let engine = cx.app.service::<Engine>()?;
    let id = cx.id("id")?;
    let tx = cx.app.system(Mode::Write).await?;
    engine.set_declared_enabled(&tx, id, enabled).await?;
    let action = if enabled { "platform:schedule:enable" } else { "platform:schedule:disable" };
    record(cx, &tx, action, Some((id, "")), "").await?;
    tx.commit().await?;
    list_schedules(cx).await
}

async fn run_schedule(cx: &Cx) -> Result<Json<JobRow>> {
    let engine = cx.app.service::<Engine>()?;
    let id = cx.id("id")?;
    let tx = cx.app.system(Mode::Write).await?;
    let enqueued = engine.run_declared(&tx, id).await?;
    let row = find(&tx, enqueued.id).await?;
    record(cx, &tx, "platform:schedule:run", Some((id, &row.kind)), "").await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}

async fn list_kinds(cx: &Cx) -> Result<Json<Kinds>> {
    let engine = cx.app.service::<Engine>()?;
    let tx = cx.app.system(Mode::Read).await?;
    let set = engine.retentions(&tx).await?;
    tx.commit().await?;
    let row = |kind: &jobs::Kind| KindRow {
        set_retention_days: set.iter().find(|(name, _)| name == kind.name).map(|(_, days)| *days),
        view: job_kind::View::from(kind),
    };
    Ok(Json(Kinds { items: engine.kinds().iter().map(row).collect() }))
}

async fn set_retention(cx: &Cx, input: Retention) -> Result<Json<Kinds>> {
    let engine = cx.app.service::<Engine>()?;
    let kind = cx.text("kind")?;
    if engine.kinds().find(kind).is_none() {
        return Err(Error::missing());
    }
    let tx = cx.app.system(Mode::Write).await?;
    engine.set_retention(&tx, kind, input.retention_days).await?;
    record(cx, &tx, "platform:job_kind:update", None, kind).await?;
    tx.commit().await?;
    list_kinds(cx).await
}

impl From<job::Model> for JobRow {
    fn from(row: job::Model) -> Self {
        let (id, org_id, created_at) = (row.id, row.org_id, row.created_at.into());
        // Whose arguments they are is the organisation's business.
        let view = View { args: json!({}), result: None, ..View::from(row) };
        Self { id, org_id, created_at, view }
    }
}
