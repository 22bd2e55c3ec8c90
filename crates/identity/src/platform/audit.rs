//! The installation's own audit trail, to list and to read. May import: `kernel`, this crate's lists.

use base::{Id, Result};
use kernel::{
    Api, Cx, Json, Spec,
    audit::platform::entity::{Column, Entity, Model},
    resource::{ListQuery, paginate},
};
use schemars::JsonSchema;
use sea_orm::QueryTrait;
use serde::Serialize;
use store::Mode;

use crate::{access::listing::Listed, resource::audit_entry};

pub(super) fn mount(api: &mut Api) {
    let mut audit = api.guarded("platform", "audit");
    audit
        .get("list", "/api/platform/audit", "The audit trail of the installation", list)
        .detached()
        .lists(&spec());
    audit.get("read", "/api/platform/audit/{id}", "One entry of it", read).detached().problems(&[404]);
}

/// An entry of the installation's audit trail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlatformAuditEntry")]
pub struct View {
    /// Id.
    pub id: Id,
    /// What it tells.
    #[serde(flatten)]
    pub entry: audit_entry::View,
}

impl From<Model> for View {
    fn from(row: Model) -> Self {
        Self { id: row.id, entry: row.into() }
    }
}

fn spec() -> Spec {
    Spec::of::<Entity>(Column::Action)
        .search([Column::ActorName, Column::TargetName, Column::Action])
        .filter([
            Column::At,
            Column::ActorId,
            Column::ActorKind,
            Column::Action,
            Column::TargetType,
            Column::TargetId,
            Column::Outcome,
            Column::Ip,
            Column::RequestId,
        ])
        .sort([Column::At, Column::ActorName, Column::Action, Column::TargetType])
        .order([(Column::At, true)])
}

/// `GET /api/platform/audit/`: by the system's role, which alone may read it.
async fn list(cx: &Cx) -> Result<Json<Listed<View>>> {
    let spec = spec();
    let query = ListQuery::parse(&spec, &cx.query_pairs())?;
    let tx = cx.app.system(Mode::Read).await?;
    let page = paginate(&tx, &spec, tx.find::<Entity>().into_query(), &query).await?;
    let rows = page.rows.iter().map(store::model::<Model>).collect::<Result<Vec<_>>>()?;
    tx.commit().await?;
    Ok(Json(Listed::of(&query, page, rows.into_iter().map(View::from).collect())))
}

/// `GET /api/platform/audit/{id}/`.
async fn read(cx: &Cx) -> Result<Json<View>> {
    let tx = cx.app.system(Mode::Read).await?;
    let row = tx.get::<Entity>(cx.id("id")?).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
