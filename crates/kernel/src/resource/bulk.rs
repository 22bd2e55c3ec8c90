//! `POST /api/<plural>/bulk/`: one action on many records, with a result for each.

use std::sync::Arc;

use axum::response::Response;
use base::{Error, Id, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use super::{Dynamic, ListQuery, list, record, statement, statement::Trash};
use crate::{
    Cx,
    api::{Answer, Json as Body},
    http::{decode, problem},
};

/// Records in one call.
const MOST: usize = 1_000;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Change the fields in `patch`.
    Patch,
    /// Into the trash.
    Delete,
    /// Out of the trash.
    Restore,
    /// Gone for good.
    Purge,
}

/// The records, by id or by a list query, and the action.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// Records by id, at most 1,000.
    #[validate(length(min = 1, max = 1000))]
    pub ids: Option<Vec<Id>>,
    /// Records by a list query, such as `status=disabled&search=old`.
    #[validate(length(max = 2000))]
    pub query: Option<String>,
    /// The action.
    pub action: Action,
    /// The fields to change; for `patch` only.
    pub patch: Option<serde_json::Map<String, Json>>,
}

/// What came of one record.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcome {
    /// Record.
    pub id: Id,
    /// HTTP status that the single call would have had.
    pub status: u16,
    /// Error code, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What came of all.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BulkAnswer {
    /// One entry for each record, in the order asked.
    pub items: Vec<Outcome>,
    /// How many succeeded.
    pub ok: usize,
    /// How many failed.
    pub failed: usize,
}

pub(super) async fn bulk(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let input: Bulk = decode::typed(decode::json(&cx.headers, cx.body())?)?;
    let needed = match input.action {
        Action::Patch => "update",
        Action::Delete | Action::Restore => "delete",
        Action::Purge => "purge",
    };
    cx.require(&resource.meta().permission(needed))?;
    let ids = targets(cx, &*resource, &input).await?;
    let mut answer = BulkAnswer { items: Vec::with_capacity(ids.len()), ok: 0, failed: 0 };
    for id in ids {
        cx.tx()?.savepoint("bulk").await?;
        let outcome = match one(cx, &*resource, id, &input).await {
            Ok(()) => {
                answer.ok += 1;
                Outcome { id, status: 200, code: None }
            }
            Err(failure) if failure.is_retryable() || failure.kind() == base::Kind::Internal => {
                return Err(failure);
            }
            Err(failure) => {
                cx.tx()?.back_to_savepoint("bulk").await?;
                cx.take_notes();
                answer.failed += 1;
                let status = problem::status(failure.kind()).as_u16();
                Outcome { id, status, code: Some(failure.code().to_owned()) }
            }
        };
        // Thousands of open savepoints would slow every later statement down.
        cx.tx()?.release_savepoint("bulk").await?;
        answer.items.push(outcome);
    }
    Body(answer).respond(cx)
}

async fn targets(cx: &Cx, resource: &dyn Dynamic, input: &Bulk) -> Result<Vec<Id>> {
    match (&input.ids, &input.query) {
        (Some(ids), None) => {
            let mut unique = Vec::with_capacity(ids.len());
            for id in ids {
                if !unique.contains(id) {
                    unique.push(*id);
                }
            }
            Ok(unique)
        }
        (None, Some(text)) => {
            let mut query =
                ListQuery::parse_with(resource.spec(), &crate::cx::pairs(text), &["page", "page_size"])?;
            query.trash |= input.action == Action::Restore;
            let mut select = list::select(cx, resource, "list", query.trash)?;
            statement::filtered(&mut select, cx.tx()?.dialect(), &query);
            select.limit(MOST as u64 + 1);
            let rows = cx.tx()?.query_all(&select).await?;
            if rows.len() > MOST {
                let detail = format!("the query names more than {MOST} records; narrow it");
                return Err(Error::invalid("too_many_records", detail));
            }
            rows.iter().map(|row| store::read(row, "id")).collect()
        }
        _ => Err(Error::field("ids", "required", "give either ids or query")),
    }
}

async fn one(cx: &Cx, resource: &dyn Dynamic, id: Id, input: &Bulk) -> Result<()> {
    match input.action {
        Action::Patch => {
            let patch =
                input.patch.clone().ok_or_else(|| Error::field("patch", "required", "is required"))?;
            let row = record::find(cx, resource, id, "update", Trash::Without, true).await?;
            record::update(cx, resource, &row, Json::Object(patch), false).await.map(drop)
        }
        Action::Delete => {
            let row = record::find(cx, resource, id, "delete", Trash::Without, true).await?;
            record::trash(cx, resource, &row).await
        }
        Action::Restore => {
            let row = record::find(cx, resource, id, "delete", Trash::Only, true).await?;
            record::restore(cx, resource, &row).await.map(drop)
        }
        Action::Purge => {
            let row = record::find_to_purge(cx, resource, id).await?;
            record::purge(cx, resource, &row).await
        }
    }
}
