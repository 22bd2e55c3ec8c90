//! `GET /api/<plural>/`.

use std::sync::Arc;

use axum::response::Response;
use base::Result;
use serde_json::json;

use super::{
    Dynamic, ListQuery,
    statement::{self, Trash},
};
use crate::{
    Cx,
    api::{Answer, Json},
};

/// The records that a list request names, narrowed to what `action` reaches.
pub(crate) fn select(
    cx: &Cx,
    resource: &dyn Dynamic,
    action: &str,
    trash: bool,
) -> Result<sea_orm::sea_query::SelectStatement> {
    let meta = resource.meta();
    let reach = cx.reach(&meta.permission(action))?;
    if trash {
        cx.require(&meta.permission("delete"))?;
    }
    let which = if trash { Trash::Only } else { Trash::Without };
    statement::scoped(cx.tx()?, resource.spec(), cx.actor()?.id, &reach, which)
}

pub(crate) async fn list(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let spec = resource.spec();
    let query = ListQuery::parse(spec, &cx.query_pairs())?;
    let select = select(cx, &*resource, "list", query.trash)?;
    let page = statement::paginate(cx.tx()?, spec, select, &query).await?;
    let rows = page.rows.iter().map(|raw| resource.row(raw)).collect::<Result<Vec<_>>>()?;
    let items = resource.render(cx, rows).await?;
    respond(cx, items, &query, page.total, page.capped, page.next_cursor)
}

/// The envelope of every list.
pub fn respond(
    cx: &Cx,
    items: Vec<serde_json::Value>,
    query: &ListQuery,
    total: Option<u64>,
    capped: bool,
    next_cursor: Option<String>,
) -> Result<Response> {
    let mut body = json!({
        "items": items,
        "total": total,
        "page": query.page,
        "page_size": query.page_size,
        "next_cursor": next_cursor,
    });
    if capped {
        body["total_capped"] = json!(true);
    }
    Json(body).respond(cx)
}
