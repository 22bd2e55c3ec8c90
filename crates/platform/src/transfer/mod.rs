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
pub(crate) mod settle;

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
use store::{Mode, Opening, Role, Tx};

pub use self::{export::ExportRecords, import::ImportRecords, settle::SettleImport};

/// Whether a kind of job is an export or import of somebody.
pub(crate) fn is_one(kind: &str) -> bool {
    [ExportRecords::KIND, ImportRecords::KIND].contains(&kind)
}

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

/// How many of one person may be under way at once.
const MOST: u64 = 20;
/// Bytes of files that are kept for one organisation.
const KEPT: u64 = 2 * 1024 * 1024 * 1024;

/// 429 for somebody who has too many under way, 409 where an organisation keeps too much.
async fn require_room(cx: &Cx, tx: &Tx, by: &Delegation) -> Result<()> {
    let open = [State::Scheduled, State::Ready, State::Running, State::Failed].map(State::as_str);
    let own = tx
        .find::<job::Entity>()
        .filter(job::Column::State.is_in(open))
        .filter(job::Column::CreatedBy.eq(by.user))
        .filter(job::Column::Kind.is_in([ExportRecords::KIND, ImportRecords::KIND]));
    if tx.count(own).await? >= MOST {
        let detail =
            format!("{MOST} exports and imports of yours are under way; wait for one, or call one off");
        return Err(Error::too_many("too_many_transfers", detail).retry_after(30));
    }
    if cx.app.service::<Engine>()?.kept_bytes(tx, by.org).await? >= KEPT {
        let detail = "files of exports and imports take 2 GiB; delete some of their jobs, or wait: they go after seven days";
        return Err(Error::conflict("files_full", detail));
    }
    Ok(())
}

/// Enqueues what the caller asked for, in a unit of work.
async fn enqueue<A: Arguments>(cx: &Cx, tx: &Tx, arguments: &A, by: &Delegation) -> Result<Begun> {
    require_room(cx, tx, by).await?;
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
    let mut room = cx.again(Mode::Read).await?;
    require_room(&room, room.tx()?, &by).await?;
    room.commit().await?;
    let name = format!("{}.{}", resource.meta().plural, format.as_str());
    let content_type = format.content_type().to_owned();
    let file = NewFile { org: by.org, job: None, name, content_type, is_input: true };
    let mut writer = engine.write_file(file).await?;
    if let Err(failure) = writer.write(cx.body()).await {
        writer.abandon().await?;
        return Err(failure);
    }
    let (file, size) = writer.finish().await?;
    let arguments = ImportRecords {
        resource: resource.meta().full_name(),
        file,
        format,
        key: key.map(str::to_owned),
        dry_run,
        by: by.clone(),
    };
    let begun = async {
        let work = cx.begin(Opening::new(Role::App, Some(by.org))).await?;
        let begun = enqueue(cx, &work, &arguments, &by).await?;
        engine.attach_file(&work, by.org, file, begun.id, size).await?;
        cx.finish(work);
        Ok(Accepted(begun))
    };
    match begun.await {
        Ok(begun) => Ok(begun),
        Err(failure) => {
            // Its unit of work is over: the embedded database has one writer.
            engine.drop_file(by.org, file).await?;
            Err(failure)
        }
    }
}

/// The resource of a job, as this build knows it.
fn resource(app: &App, name: &str) -> Result<Arc<dyn Dynamic>, Failure> {
    let found = app.registry().find(name).cloned();
    found.ok_or_else(|| Failure::Fatal(Error::invalid("unknown_resource", format!("there is no {name}"))))
}

/// What a job makes of an error: only what may pass by itself is worth another attempt.
pub(crate) fn failure(error: Error) -> Failure {
    use base::Kind;
    if error.is_retryable() || matches!(error.kind(), Kind::Internal | Kind::Unavailable) {
        Failure::Retry(error)
    } else {
        Failure::Fatal(error)
    }
}
