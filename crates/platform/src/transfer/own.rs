//! One's own exports and imports: how they go, their files, calling them off.
//!
//! No permission for jobs is needed: whoever may export may have what he exported. He must still be
//! allowed to, though: a file is as good as the records in it.

use base::{Error, Id, Result};
use jobs::{
    Arguments,
    store::entity::job::{Column, Entity, Model},
};
use kernel::{
    Api, Cx, Json,
    api::{Events, File},
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::Value;

use super::{ExportRecords, ImportRecords};
use crate::job::{
    self,
    act::{Action, apply_to},
    dto::Detail,
    live::{self, Door},
};

pub(super) fn mount(api: &mut Api) {
    let mut own = api.signed_in("transfers");
    own.get("read", "/api/transfers/{id}", "One of the caller's exports or imports", read).problems(&[404]);
    own.get("events", "/api/transfers/{id}/events", "The same, live", events).detached().problems(&[404]);
    own.get("file", "/api/transfers/{id}/files/{file_id}", "The file that an export left", file)
        .detached()
        .answers(200, job::file_types())
        .problems(&[404]);
    own.act(
        "cancel",
        "/api/transfers/{id}/cancel",
        "Call it off; an import takes back what it brought",
        cancel,
    )
    .problems(&[404, 409]);
}

/// The caller's own export or import of that id, if he still may do the like; 404 otherwise.
pub(crate) async fn find(cx: &Cx, id: Id) -> Result<Model> {
    let tx = cx.tx()?;
    let own = tx
        .find::<Entity>()
        .filter(Column::Id.eq(id))
        .filter(Column::CreatedBy.eq(cx.actor()?.id))
        .filter(Column::Kind.is_in([ExportRecords::KIND, ImportRecords::KIND]));
    let row = tx.one(own).await?.ok_or_else(Error::missing)?;
    let args: Value = serde_json::from_str(&row.args).map_err(Error::internal)?;
    let resource = cx.app.registry().find(args["resource"].as_str().unwrap_or_default());
    let action = if row.kind == ExportRecords::KIND { "export" } else { "import" };
    let resource = resource.ok_or_else(Error::missing)?;
    if cx.can(&resource.meta().permission(action)) { Ok(row) } else { Err(Error::missing()) }
}

async fn read(cx: &Cx) -> Result<Json<Detail>> {
    let row = find(cx, cx.id("id")?).await?;
    job::detail(cx, row).await.map(Json)
}

async fn events(cx: &Cx) -> Result<Events> {
    live::watch(cx, Door::Own).await
}

async fn file(cx: &Cx) -> Result<File> {
    live::fetch(cx, Door::Own).await
}

async fn cancel(cx: &Cx) -> Result<Json<Detail>> {
    let row = find(cx, cx.id("id")?).await?;
    let id = row.id;
    apply_to(cx, Action::Cancel, row).await?;
    job::detail(cx, find(cx, id).await?).await.map(Json)
}
