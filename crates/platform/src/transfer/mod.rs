//! Exports and imports that take long: jobs that do what the kernel's own routes do in one request, on
//! behalf of whoever asked, with progress and a way to stop.
//!
//! `POST /api/<plural>/export-job/` and `…/import-job/` answer with a job at once. The caller follows it,
//! calls it off and fetches its file under `/api/transfers/{id}/`, which needs no permission for jobs. An
//! import is checked whole, then applied in batches; [`journal`] keeps what each did, so that a cancelled,
//! failed or abandoned import takes everything back and an interrupted one goes on where it was.

mod export;
mod import;
pub mod journal;
pub(crate) mod own;
mod settle;

use std::sync::Arc;

use base::{Error, Id, Result};
use jobs::{Arguments, Engine, Failure, NewFile, NewJob, Registry, State, store::entity::job};
use kernel::{
    Accepted, Api, App, Cx, Delegation,
    resource::Dynamic,
    transfer::{Asked, ImportOptions, check_file},
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter};
use serde::Serialize;
use store::{Opening, Role, Tx};

pub use self::{export::ExportRecords, import::ImportRecords, settle::SettleImport};

/// Adds the kinds of jobs.
pub(crate) fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<ExportRecords>().with::<ImportRecords>().with::<SettleImport>()
}

/// Mounts the routes; after every resource is registered.
pub(crate) fn mount(api: &mut Api) {
    api.long_transfers::<Begun>(
        |cx, resource| Box::pin(begin_export(cx, resource)),
        |cx, resource| Box::pin(begin_import(cx, resource)),
    );
    own::mount(api);
}

/// A job that does what was asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Transfer")]
struct Begun {
    /// The job; see `/api/transfers/{id}/`.
    id: Id,
    /// Kind of job.
    kind: &'static str,
    /// How it stands: scheduled or ready.
    state: String,
}

/// How many of one person may be under way at once: each keeps a file.
const MOST: u64 = 20;

/// 429 for somebody who has too many under way.
async fn require_room(tx: &Tx, user: Id) -> Result<()> {
    let open = [State::Scheduled, State::Ready, State::Running, State::Failed].map(State::as_str);
    let own = tx
        .find::<job::Entity>()
        .filter(job::Column::State.is_in(open))
        .filter(job::Column::CreatedBy.eq(user))
        .filter(job::Column::Kind.is_in([ExportRecords::KIND, ImportRecords::KIND]));
    if tx.count(own).await? < MOST {
        return Ok(());
    }
    let detail = format!("{MOST} exports and imports of yours are under way; wait for one, or call one off");
    Err(Error::too_many("too_many_transfers", detail).retry_after(30))
}

/// Enqueues what the caller asked for, in a unit of work.
async fn enqueue<A: Arguments>(cx: &Cx, tx: &Tx, arguments: &A, by: &Delegation) -> Result<Begun> {
    require_room(tx, by.user).await?;
    let new = NewJob::of(by.org, arguments)?.asked_by(Some(by.user), by.request_id.clone());
    let id = cx.app.service::<Engine>()?.enqueue(tx, new).await?.id;
    let row = tx.one(tx.find::<job::Entity>().filter(job::Column::Id.eq(id))).await?;
    Ok(Begun { id, kind: A::KIND, state: row.ok_or_else(Error::missing)?.state })
}

async fn begin_export(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Accepted<Begun>> {
    Asked::of(cx, &*resource)?;
    let by = Delegation::of(cx)?;
    let arguments = ExportRecords {
        resource: resource.meta().full_name(),
        query: cx.query_text().to_owned(),
        by: by.clone(),
    };
    enqueue(cx, cx.tx()?, &arguments, &by).await.map(Accepted)
}

async fn begin_import(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Accepted<Begun>> {
    let ImportOptions { dry_run, key } = ImportOptions::asked(cx, &*resource)?;
    let format = check_file(cx, &*resource)?;
    let by = Delegation::of(cx)?;
    let engine = cx.app.service::<Engine>()?;
    let name = format!("{}.{}", resource.meta().plural, format.as_str());
    let content_type = format.content_type().to_owned();
    let file = NewFile { org: by.org, job: None, name, content_type, is_input: true };
    let mut writer = engine.write_file(file).await?;
    writer.write(cx.body()).await?;
    let (file, size) = writer.finish().await?;
    let arguments = ImportRecords {
        resource: resource.meta().full_name(),
        file,
        format,
        key: key.map(str::to_owned),
        dry_run,
        by: by.clone(),
    };
    let work = cx.begin(Opening::new(Role::App, Some(by.org))).await?;
    let begun = enqueue(cx, &work, &arguments, &by).await?;
    engine.attach_file(&work, by.org, file, begun.id, size).await?;
    cx.finish(work);
    Ok(Accepted(begun))
}

/// The resource of a job, as this build knows it.
fn resource(app: &App, name: &str) -> Result<Arc<dyn Dynamic>, Failure> {
    let found = app.registry().find(name).cloned();
    found.ok_or_else(|| Failure::Fatal(Error::invalid("unknown_resource", format!("there is no {name}"))))
}

/// What a job makes of an error: only what may pass by itself is worth another attempt.
fn failure(error: Error) -> Failure {
    use base::Kind;
    if error.is_retryable() || matches!(error.kind(), Kind::Internal | Kind::Unavailable) {
        Failure::Retry(error)
    } else {
        Failure::Fatal(error)
    }
}
