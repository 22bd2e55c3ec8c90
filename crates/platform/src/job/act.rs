//! What one does with jobs: enqueue, run again, retry, cancel, delete, and all of it in bulk.

use base::{Error, Id, Result};
use jobs::{Engine, NewJob, store::entity::job};
use kernel::{
    Created, Cx, Json, NoContent,
    audit::{self, Event},
    resource::{BulkAnswer, Outcome, require_record},
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) use super::dto::Action;
use super::{
    NAME, PATH,
    dto::{Again, Bulk, Create, Detail, Query},
    load,
};
use crate::{
    job_kind::require_audience,
    transfer::{self, own},
};

/// Jobs in one call.
const MOST: u64 = 1_000;

/// An event about a job.
async fn record(cx: &Cx, action: &str, job: &job::Model, state: Option<&str>) -> Result<()> {
    let mut event = Event::new(format!("jobs:job:{action}"), NAME).target(job.id, job.kind.clone());
    if let Some(after) = state {
        event = event.change("state", job.state.clone().into(), after.into());
    }
    audit::record(cx, event).await
}

pub(super) async fn create(cx: &Cx, input: Create) -> Result<Created<Detail>> {
    let engine = cx.app.service::<Engine>()?;
    require_audience(cx, engine, &input.kind, "kind")?;
    let mut job = NewJob::named(cx.org()?, input.kind, input.args)
        .asked_by(Some(cx.actor()?.id), cx.origin.request_id.clone());
    if let Some(queue) = input.queue {
        job = job.queue(queue);
    }
    if let Some(priority) = input.priority {
        job = job.priority(priority);
    }
    if let Some(attempts) = input.max_attempts {
        job = job.max_attempts(attempts);
    }
    match (input.run_at, input.delay_seconds) {
        (Some(_), Some(_)) => {
            return Err(Error::field("delay_seconds", "conflict", "give run_at or delay_seconds, not both"));
        }
        (Some(at), None) => job = job.run_at(at.0),
        (None, Some(seconds)) => job = job.delay(std::time::Duration::from_secs(seconds.into())),
        (None, None) => {}
    }
    for tag in input.tags {
        job = job.tag(tag);
    }
    if let Some(key) = input.unique_key {
        job = job.unique_by_key(key);
    }
    enqueue(cx, engine, job).await
}

async fn enqueue(cx: &Cx, engine: &Engine, job: NewJob) -> Result<Created<Detail>> {
    let enqueued = engine.enqueue(cx.tx()?, job).await?;
    let row = load(cx, enqueued.id).await?;
    if enqueued.fresh {
        record(cx, "create", &row, None).await?;
    }
    Ok(Created::at(PATH, row.id, row.into()))
}

pub(super) async fn run_again(cx: &Cx, input: Again) -> Result<Created<Detail>> {
    let id = cx.id("id")?;
    require_record(cx, NAME, "read", id).await.map_err(|_| Error::missing())?;
    let engine = cx.app.service::<Engine>()?;
    let row = load(cx, id).await?;
    require_audience(cx, engine, &row.kind, "kind")?;
    let args = match input.args {
        Some(changed) => engine.merge(&row.kind, &row.args, changed)?,
        None => engine.unseal(&row.kind, &row.args)?,
    };
    let mut job = NewJob::named(cx.org()?, row.kind, args)
        .queue(row.queue)
        .priority(row.priority)
        .asked_by(Some(cx.actor()?.id), cx.origin.request_id.clone());
    for tag in row.tags.split_whitespace() {
        job = job.tag(tag);
    }
    enqueue(cx, engine, job).await
}

pub(super) async fn retry(cx: &Cx) -> Result<Json<Detail>> {
    let id = cx.id("id")?;
    apply(cx, Action::Retry, id).await?;
    Ok(Json(load(cx, id).await?.into()))
}

pub(super) async fn cancel(cx: &Cx) -> Result<Json<Detail>> {
    let id = cx.id("id")?;
    apply(cx, Action::Cancel, id).await?;
    Ok(Json(load(cx, id).await?.into()))
}

pub(super) async fn delete(cx: &Cx) -> Result<NoContent> {
    apply(cx, Action::Delete, cx.id("id")?).await?;
    Ok(NoContent)
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }
}

/// One action on one job within the caller's reach.
async fn apply(cx: &Cx, action: Action, id: Id) -> Result<()> {
    require_record(cx, NAME, action.name(), id).await?;
    apply_to(cx, action, load(cx, id).await?).await
}

/// One action on a job that the caller may do it to.
pub(crate) async fn apply_to(cx: &Cx, action: Action, before: job::Model) -> Result<()> {
    let id = before.id;
    if action == Action::Retry && transfer::is_one(&before.kind) {
        // It works in the name of whoever asked for it.
        own::find(cx, id).await.map_err(|_| {
            Error::forbidden("not_yours", "only who asked for an export or import may have it tried again")
        })?;
    }
    let engine = cx.app.service::<Engine>()?;
    let (tx, org) = (cx.tx()?, cx.org()?);
    let state = match action {
        Action::Retry => {
            engine.retry(tx, org, id).await?;
            Some("ready")
        }
        Action::Cancel => Some(engine.cancel(tx, org, id).await?.as_str()),
        Action::Delete => {
            engine.delete(tx, org, id).await?;
            None
        }
    };
    record(cx, action.name(), &before, state).await
}

pub(super) async fn bulk(cx: &Cx, input: Bulk) -> Result<Json<BulkAnswer>> {
    cx.require(&format!("jobs:job:{}", input.action.name()))?;
    let ids = match (input.ids, input.query) {
        (Some(ids), None) => ids,
        (None, Some(query)) => matching(cx, &query).await?,
        _ => return Err(Error::field("ids", "conflict", "give ids or query")),
    };
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let tx = cx.tx()?;
        tx.savepoint("one").await?;
        let outcome = match apply(cx, input.action, id).await {
            Ok(()) => Outcome { id, status: 200, code: None },
            Err(error)
                if error.is_retryable()
                    || matches!(error.kind(), base::Kind::Internal | base::Kind::Unavailable) =>
            {
                return Err(error);
            }
            Err(error) => {
                tx.back_to_savepoint("one").await?;
                Outcome {
                    id,
                    status: kernel::http::problem::status(error.kind()).as_u16(),
                    code: Some(error.code().to_owned()),
                }
            }
        };
        tx.release_savepoint("one").await?;
        items.push(outcome);
    }
    let ok = items.iter().filter(|item| item.code.is_none()).count();
    let failed = items.len() - ok;
    Ok(Json(BulkAnswer { items, ok, failed }))
}

/// The first jobs that match; whether the caller reaches each is asked one by one.
async fn matching(cx: &Cx, query: &Query) -> Result<Vec<Id>> {
    use job::Column as C;
    let tx = cx.tx()?;
    let mut select = tx.find::<job::Entity>();
    if let Some(state) = query.state {
        select = select.filter(C::State.eq(state.as_str()));
    }
    if let Some(kind) = &query.kind {
        select = select.filter(C::Kind.eq(kind.as_str()));
    }
    if let Some(queue) = &query.queue {
        select = select.filter(C::Queue.eq(queue.as_str()));
    }
    if let Some(schedule) = query.schedule_id {
        select = select.filter(C::ScheduleId.eq(schedule));
    }
    let rows = tx.all(select.order_by_asc(C::Id).limit(MOST)).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
