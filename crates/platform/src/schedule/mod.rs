//! Schedules of an organisation: records of the engine, with a plan that must make sense.

pub mod dto;

use base::{Error, Result};
use jobs::{
    Engine,
    cron::Locale,
    schedule::{Plan, Timing},
    store::entity::{
        job,
        schedule::{ActiveModel, Column, Entity},
    },
};
use kernel::{
    Change, Created, Cx, Draft, Json, Meta, Model, Nullable, Resource, Sample, Spec,
    audit::{self, Event},
    resource::{Endpoints, apply, require_record},
};
use sea_orm::{ActiveValue, ActiveValue::Set, ColumnTrait, QueryFilter};
use serde_json::{Value, json};

use self::dto::{Create, Patch, Planned, Preview, View};
use crate::{
    job::{self as jobs_face, dto::Detail},
    job_kind::require_audience,
};

/// A schedule.
pub struct Schedule;

const NAME: &str = "jobs.schedule";
/// Times in a preview.
const TIMES: usize = 10;

impl Resource for Schedule {
    type Entity = Entity;
    type Create = Create;
    type Patch = Patch;
    type View = View;

    const META: Meta =
        Meta { module: "jobs", name: "schedule", plural: "schedules", zh: "定时计划", en: "Schedules" };

    fn spec() -> Spec {
        use Column as C;
        Spec::of::<Entity>(C::Name)
            .search([C::Name, C::Description, C::JobKind])
            .filter([C::Name, C::Kind, C::JobKind, C::Enabled, C::Source, C::NextAt, C::CreatedAt])
            .sort([C::Name, C::NextAt, C::LastAt, C::Enabled, C::CreatedAt, C::UpdatedAt])
            .order([(C::Name, false)])
            .unique([C::Name])
            .owner(C::CreatedBy)
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({
                "name": "Nightly report {n}", "description": "Builds the report", "kind": "cron",
                "expression": "0 2 * * 1-5", "time_zone": "Asia/Shanghai", "job_kind": "http.call",
                "args": { "url": "https://example.com/report" },
            }),
            patch: json!({ "description": null, "expression": "30 2 * * *", "overlap": "queue" }),
        }]
    }

    fn create(input: &Create) -> ActiveModel {
        ActiveModel {
            name: Set(input.name.clone()),
            description: Set(input.description.clone()),
            kind: Set(input.kind.as_str().to_owned()),
            expression: Set(input.expression.clone()),
            every_seconds: Set(input.every_seconds),
            at: Set(input.at.map(|at| at.0)),
            time_zone: Set(input.time_zone.clone()),
            starts_at: Set(input.starts_at.map(|at| at.0)),
            ends_at: Set(input.ends_at.map(|at| at.0)),
            jitter_seconds: Set(input.jitter_seconds),
            misfire: Set(input.misfire.as_str().to_owned()),
            misfire_limit: Set(input.misfire_limit),
            overlap: Set(input.overlap.as_str().to_owned()),
            job_kind: Set(input.job_kind.clone()),
            args: Set(input.args.to_string()),
            queue: Set(input.queue.clone()),
            priority: Set(input.priority),
            enabled: Set(input.enabled),
            source: Set("user".to_owned()),
            next_at: Set(None),
            last_at: Set(None),
            last_job_id: Set(None),
            runs: Set(0),
            missed: Set(0),
            skipped: Set(0),
            ..Default::default()
        }
    }

    fn patch(input: &Patch, draft: &mut Draft<Self>) {
        let instant = |value: &Nullable<base::Timestamp>, column: &mut ActiveValue<_>| match value {
            Nullable::Absent => {}
            Nullable::Null => *column = Set(None),
            Nullable::Value(at) => *column = Set(Some(at.0)),
        };
        apply(&input.name, &mut draft.name);
        input.description.apply(&mut draft.description);
        apply(&input.kind.map(|kind| kind.as_str().to_owned()), &mut draft.kind);
        input.expression.apply(&mut draft.expression);
        input.every_seconds.apply(&mut draft.every_seconds);
        instant(&input.at, &mut draft.at);
        apply(&input.time_zone, &mut draft.time_zone);
        instant(&input.starts_at, &mut draft.starts_at);
        instant(&input.ends_at, &mut draft.ends_at);
        apply(&input.jitter_seconds, &mut draft.jitter_seconds);
        apply(&input.misfire.map(|one| one.as_str().to_owned()), &mut draft.misfire);
        apply(&input.misfire_limit, &mut draft.misfire_limit);
        apply(&input.overlap.map(|one| one.as_str().to_owned()), &mut draft.overlap);
        apply(&input.job_kind, &mut draft.job_kind);
        apply(&input.args.as_ref().map(Value::to_string), &mut draft.args);
        input.queue.apply(&mut draft.queue);
        apply(&input.priority, &mut draft.priority);
        apply(&input.enabled, &mut draft.enabled);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        let engine = cx.app.service::<Engine>()?;
        let now = engine.now(cx.tx()?).await?;
        check_job(cx, engine, change)?;
        let (draft, old) = (&change.draft, change.old.as_ref());
        let timing = Timing {
            kind: jobs::schedule::PlanKind::parse(&draft_or(&draft.kind, old.map(|row| &row.kind)))
                .ok_or_else(|| Error::internal("a schedule's kind"))?,
            expression: draft_or(&draft.expression, old.map(|row| &row.expression)),
            every_seconds: draft_or(&draft.every_seconds, old.map(|row| &row.every_seconds)),
            at: draft_or(&draft.at, old.map(|row| &row.at)),
            time_zone: draft_or(&draft.time_zone, old.map(|row| &row.time_zone)),
            starts_at: draft_or(&draft.starts_at, old.map(|row| &row.starts_at)),
            ends_at: draft_or(&draft.ends_at, old.map(|row| &row.ends_at)),
            anchor: old.map_or(now, |row| row.created_at),
        };
        let plan = Plan::new(&timing)?;
        let enabled = draft_or(&draft.enabled, old.map(|row| &row.enabled));
        let next = if enabled { plan.next_after(now) } else { None };
        if enabled && next.is_none() && old.is_none() {
            let field = if timing.kind.as_str() == "once" { "at" } else { "expression" };
            return Err(Error::field(field, "never", "it would never fire"));
        }
        change.draft.next_at = Set(next);
        Ok(())
    }

    async fn after_save(cx: &Cx, _: &Change<Self>, _: &Model<Self>) -> Result<()> {
        cx.app.service::<Engine>()?.schedules_changed(cx.tx()?).await
    }

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<View>> {
        let last: Vec<_> = rows.iter().filter_map(|row| row.last_job_id).collect();
        let tx = cx.tx()?;
        let jobs = tx.all(tx.find::<job::Entity>().filter(job::Column::Id.is_in(last))).await?;
        let state = |id| jobs.iter().find(|job| Some(job.id) == id).map(|job| job.state.clone());
        let view = |row: Model<Self>| {
            let last_state = state(row.last_job_id);
            View { last_state, ..View::from(row) }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        let mut schedules = endpoints.mount();
        schedules
            .post(
                "preview",
                "/api/schedules/preview",
                "When a schedule would fire, and what it says",
                preview,
            )
            .needs_any(["create", "update"].map(|action| Self::META.permission(action)).to_vec())
            .problems(&[422])
            .example(
                json!({ "kind": "cron", "expression": "0 9 * * MON-FRI", "time_zone": "Europe/Berlin" }),
            );
        schedules
            .act("run", "/api/schedules/{id}/run", "One job of a schedule now", run)
            .problems(&[403, 404, 422]);
    }
}

/// What a draft sets, or what stood there before.
fn draft_or<T: Clone + Default + Into<sea_orm::Value>>(draft: &ActiveValue<T>, old: Option<&T>) -> T {
    match draft {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => value.clone(),
        ActiveValue::NotSet => old.cloned().unwrap_or_default(),
    }
}

/// Kind, queue and arguments: as when a job is enqueued, so that no tick is lost for them later.
fn check_job(cx: &Cx, engine: &Engine, change: &mut Change<Schedule>) -> Result<()> {
    let old = change.old.as_ref();
    let name = draft_or(&change.draft.job_kind, old.map(|row| &row.job_kind));
    let touched = old.is_none() || change.draft.args.is_set() || old.is_some_and(|row| row.job_kind != name);
    if !touched && !change.draft.queue.is_set() {
        return Ok(());
    }
    require_audience(cx, engine, &name, "job_kind")?;
    if let Some(queue) = draft_or(&change.draft.queue, old.map(|row| &row.queue))
        && !engine.kinds().queues().contains(&queue.as_str())
    {
        let known = engine.kinds().queues().join(", ");
        return Err(Error::field(
            "queue",
            "unknown_queue",
            format!("no worker serves it; there are {known}"),
        ));
    }
    if touched {
        let text = draft_or(&change.draft.args, old.map(|row| &row.args));
        let args: Value = serde_json::from_str(&text).map_err(Error::internal)?;
        let args = match old {
            Some(old) if old.job_kind == name => engine.merge(&name, &old.args, args)?,
            _ => args,
        };
        let kind = engine.kind(&name)?;
        kind.check(&args)?;
        change.draft.args = Set(engine.seal(kind, &args)?.to_string());
    }
    Ok(())
}

async fn preview(cx: &Cx, input: Preview) -> Result<Json<Planned>> {
    let now = cx.app.service::<Engine>()?.now(cx.tx()?).await?;
    let plan = Plan::new(&Timing {
        kind: input.kind,
        expression: input.expression,
        every_seconds: input.every_seconds,
        at: input.at.map(|at| at.0),
        time_zone: input.time_zone,
        starts_at: input.starts_at.map(|at| at.0),
        ends_at: input.ends_at.map(|at| at.0),
        anchor: now,
    })?;
    Ok(Json(Planned {
        times: plan.preview(now, TIMES).into_iter().map(Into::into).collect(),
        description: crate::job_kind::Words { zh: plan.describe(Locale::Zh), en: plan.describe(Locale::En) },
    }))
}

async fn run(cx: &Cx) -> Result<Created<Detail>> {
    let id = cx.id("id")?;
    require_record(cx, NAME, "run", id).await?;
    let (engine, tx) = (cx.app.service::<Engine>()?, cx.tx()?);
    let row = tx.get::<Entity>(id).await?;
    let enqueued = engine.run_schedule(tx, &row, Some(cx.actor()?.id)).await?;
    audit::record(cx, Event::new("jobs:schedule:run", NAME).target(id, row.name)).await?;
    let job = tx.get::<job::Entity>(enqueued.id).await?;
    Ok(Created::at(jobs_face::PATH, job.id, job.into()))
}
