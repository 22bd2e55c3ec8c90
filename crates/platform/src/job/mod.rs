//! Jobs of an organisation: lists and reads by the engine of resources, and what one does with them.

pub(crate) mod act;
pub mod dto;
pub(crate) mod live;
pub(crate) mod stats;

use base::{Error, Id, Result};
use jobs::store::entity::{
    file,
    job::{Column, Entity},
};
use kernel::{
    Cx, Draft, Meta, Model, Resource, Sample, Spec,
    resource::{Endpoints, Never},
    sheet::Format,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use self::dto::View;

/// A job.
pub struct Job;

/// The name under which the kernel knows jobs.
pub(crate) const NAME: &str = "jobs.job";
/// The collection.
pub(crate) const PATH: &str = "/api/jobs";

impl Resource for Job {
    type Entity = Entity;
    type Create = Never;
    type Patch = Never;
    type View = View;

    const META: Meta = Meta { module: "jobs", name: "job", plural: "jobs", zh: "任务", en: "Jobs" };

    fn spec() -> Spec {
        use Column as C;
        Spec::of::<Entity>(C::Kind)
            .search([C::Kind, C::Tags, C::Args])
            .filter([
                C::State,
                C::Kind,
                C::Queue,
                C::Tags,
                C::ScheduleId,
                C::GroupId,
                C::CreatedBy,
                C::CreatedAt,
                C::RunAt,
                C::FinishedAt,
                C::Attempt,
            ])
            .sort([C::CreatedAt, C::RunAt, C::FinishedAt, C::Priority])
            // Ids rise with time and are the table's key.
            .order([(C::Id, true)])
            .owner(C::CreatedBy)
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }
    fn create(_: &Never) -> Draft<Self> {
        Draft::<Self>::default()
    }
    fn patch(_: &Never, _: &mut Draft<Self>) {}

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<View>> {
        let one = match rows.as_slice() {
            [one] => files_of(cx, one).await?,
            _ => Vec::new(),
        };
        let mut views: Vec<View> = rows.into_iter().map(View::from).collect();
        if let Some(view) = views.first_mut() {
            view.files = one;
        }
        Ok(views)
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list", "read", "export"]);
        let mut jobs = endpoints.mount();
        jobs.post("create", PATH, "Enqueue a job", act::create)
            .problems(&[403, 409, 422])
            .example(json!({ "kind": "http.call", "args": { "url": "https://example.com/hook" }, "tags": ["nightly"] }));
        let needs = |action: &str| Self::META.permission(action);
        jobs.post("run_again", "/api/jobs/{id}/run-again", "Enqueue a job once more", act::run_again)
            .needs(&needs("create"))
            .problems(&[403, 404, 422]);
        jobs.act("retry", "/api/jobs/{id}/retry", "Try a failed, dead or cancelled job again", act::retry)
            .problems(&[403, 404, 409]);
        jobs.act("cancel", "/api/jobs/{id}/cancel", "Call a job off", act::cancel).problems(&[403, 404, 409]);
        jobs.delete("delete", "/api/jobs/{id}", "Delete a job that is over", act::delete)
            .problems(&[403, 404, 409]);
        jobs.post("bulk", "/api/jobs/bulk", "Retry, cancel or delete many jobs", act::bulk)
            .needs_any(["retry", "cancel", "delete"].map(needs).to_vec())
            .problems(&[403, 422]);
        jobs.get("stats", "/api/jobs/stats", "How jobs went and how many wait", stats::stats)
            .needs(&needs("list"))
            .query::<stats::Window>();
        jobs.get("attempts", "/api/jobs/{id}/attempts", "Attempts that did not succeed", live::attempts)
            .needs(&needs("read"))
            .problems(&[404]);
        jobs.get("logs", "/api/jobs/{id}/logs", "What a job said", live::logs)
            .needs(&needs("read"))
            .query::<live::After>()
            .problems(&[404]);
        jobs.get("events", "/api/jobs/{id}/events", "A job, live", live::events)
            .needs(&needs("read"))
            .detached()
            .problems(&[404]);
        jobs.get("file", "/api/jobs/{id}/files/{file_id}", "A file of a job", live::download)
            .needs(&needs("read"))
            .detached()
            .answers(200, file_types())
            .problems(&[404]);
    }
}

/// What a job's file may be, for the document.
pub(crate) fn file_types() -> Vec<(String, serde_json::Value)> {
    let binary = json!({ "type": "string", "format": "binary" });
    [Format::Csv.content_type(), Format::Xlsx.content_type(), "application/octet-stream"]
        .map(|kind| (kind.split(';').next().unwrap_or(kind).to_owned(), binary.clone()))
        .to_vec()
}

/// A job as its own routes show it.
pub(crate) async fn detail(cx: &Cx, row: Model<Job>) -> Result<dto::Detail> {
    let files = files_of(cx, &row).await?;
    let mut detail = dto::Detail::from(row);
    detail.view.files = files;
    Ok(detail)
}

/// The files that a job left, where the caller may have them.
async fn files_of(cx: &Cx, row: &Model<Job>) -> Result<Vec<dto::File>> {
    if crate::transfer::is_one(&row.kind) && row.created_by != Some(cx.actor()?.id) {
        return Ok(Vec::new());
    }
    let tx = cx.tx()?;
    let left = tx
        .find::<file::Entity>()
        .filter(file::Column::JobId.eq(row.id))
        .filter(file::Column::IsInput.eq(false));
    Ok(tx.all(left).await?.into_iter().map(dto::File::from).collect())
}

/// A job of the caller's organisation; reaching it was checked.
async fn load(cx: &Cx, id: Id) -> Result<Model<Job>> {
    let tx = cx.tx()?;
    tx.one(tx.find::<Entity>().filter(Column::Id.eq(id))).await?.ok_or_else(Error::missing)
}
