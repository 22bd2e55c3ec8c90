//! `POST /api/<plural>/import/`: CSV or XLSX, checked whole before anything is kept.
//!
//! Every row is a create, or, when a unique field is given as the key and finds a record, a
//! change of it. The file is read before the request's transaction begins, and all rows run in that;
//! a dry run, or any failing row, takes everything back, and the report says what is wrong with
//! which row.

use std::sync::Arc;

use axum::response::Response;
use base::{Error, Id, Kind as ErrorKind, Result};
use schemars::JsonSchema;
use sea_orm::sea_query::{Expr, ExprTrait};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Dynamic, Kind, record, statement, statement::Trash, value};
use crate::{
    Cx,
    api::{Answer, Json as Body},
    meta::{self, Field},
};

/// Bytes of one import.
pub(super) const BYTES: usize = 16 * 1024 * 1024;
/// Row errors that a report lists.
const ERRORS: usize = 200;

/// What is wrong with one row.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowError {
    /// Line of the file; the header is line 1.
    pub row: usize,
    /// Field, if it is about one.
    pub field: String,
    /// Code.
    pub code: String,
    /// English sentence.
    pub message: String,
}

/// What an import did, or would do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportReport {
    /// The id under which the audit trail knows it.
    pub import_id: Id,
    /// Whether nothing was to be kept.
    pub dry_run: bool,
    /// Whether the rows were kept.
    pub applied: bool,
    /// Rows in the file.
    pub total: usize,
    /// New records.
    pub created: usize,
    /// Changed records.
    pub updated: usize,
    /// Rows that cannot be taken.
    pub failed: usize,
    /// Why, for the first 200 problems.
    pub errors: Vec<RowError>,
}

pub(super) async fn import(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let pairs = cx.query_pairs();
    let mut dry_run = false;
    let mut key = None;
    for (name, text) in &pairs {
        match name.as_str() {
            "dry_run" => {
                dry_run = text
                    .parse()
                    .map_err(|_| Error::field("dry_run", "invalid_value", "must be true or false"))?;
            }
            "key" if !text.is_empty() => key = Some(key_column(&*resource, text)?),
            "key" => {}
            other => return Err(Error::field(other, "unknown_field", "known are dry_run and key")),
        }
    }
    let table = cx.table()?.rows();
    let fields = meta::fields(&*resource);
    let headers = check_headers(table, &fields)?;
    let mut report = ImportReport {
        import_id: cx.app.new_id(),
        dry_run,
        applied: false,
        total: table.len() - 1,
        created: 0,
        updated: 0,
        failed: 0,
        errors: Vec::new(),
    };
    cx.tx()?.savepoint("import").await?;
    for (at, cells) in table.iter().enumerate().skip(1) {
        take_row(cx, &*resource, &headers, cells, key, at + 1, &mut report).await?;
    }
    if dry_run || report.failed > 0 {
        cx.tx()?.back_to_savepoint("import").await?;
        cx.take_notes();
    } else {
        report.applied = true;
        let meta = resource.meta();
        let event = crate::audit::Event::new(meta.permission("import"), meta.full_name())
            .target(report.import_id, meta.plural)
            .change("created", Json::Null, report.created.into())
            .change("updated", Json::Null, report.updated.into());
        crate::audit::record(cx, event).await?;
    }
    Body(report).respond(cx)
}

fn key_column(resource: &dyn Dynamic, name: &str) -> Result<&'static str> {
    let keys: Vec<&'static str> = resource
        .spec()
        .unique
        .iter()
        .filter(|set| set.len() == 1)
        .filter_map(|set| set.first().copied())
        .collect();
    keys.iter().copied().find(|key| *key == name).ok_or_else(|| {
        Error::field(
            "key",
            "unknown_value",
            if keys.is_empty() {
                "this resource has no key to find records by".to_owned()
            } else {
                format!("must be one of {}", keys.join(", "))
            },
        )
    })
}

async fn take_row(
    cx: &Cx,
    resource: &dyn Dynamic,
    headers: &[&Field],
    cells: &[String],
    key: Option<&'static str>,
    line: usize,
    report: &mut ImportReport,
) -> Result<()> {
    cx.tx()?.savepoint("row").await?;
    match save_row(cx, resource, headers, cells, key).await {
        Ok(true) => report.created += 1,
        Ok(false) => report.updated += 1,
        Err(failure)
            if failure.is_retryable()
                || matches!(failure.kind(), ErrorKind::Internal | ErrorKind::Unavailable) =>
        {
            return Err(failure);
        }
        Err(failure) => {
            cx.tx()?.back_to_savepoint("row").await?;
            cx.take_notes();
            report.failed += 1;
            let mut problems = failure.field_errors().to_vec();
            if problems.is_empty() {
                problems.push(base::FieldError::new("", failure.code(), failure.detail()));
            }
            let room = ERRORS.saturating_sub(report.errors.len());
            report.errors.extend(problems.into_iter().take(room).map(|problem| RowError {
                row: line,
                field: problem.field,
                code: problem.code,
                message: problem.message,
            }));
        }
    }
    cx.tx()?.release_savepoint("row").await
}

/// Whether the row made a new record.
async fn save_row(
    cx: &Cx,
    resource: &dyn Dynamic,
    headers: &[&Field],
    cells: &[String],
    key: Option<&'static str>,
) -> Result<bool> {
    let mut body = Map::new();
    for (field, cell) in headers.iter().zip(cells) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        body.insert(field.name.clone(), field.parse(cell)?);
    }
    if let Some(key) = key
        && let Some(sought) = body.get(key).cloned()
        && let Some(sought) = value::from_json(Kind::Text, &sought)
    {
        let reach = cx.reach(&resource.meta().permission("import"))?;
        let mut select =
            statement::scoped(cx.tx()?, resource.spec(), cx.actor()?.id, &reach, Trash::Without)?;
        select.and_where(Expr::col(key).eq(sought));
        if let Some(raw) = cx.tx()?.query_one(&select).await? {
            let found = resource.row(&raw)?;
            let old = record::find(cx, resource, found.id(), "update", Trash::Without, true).await?;
            record::update(cx, resource, &old, Json::Object(body), false).await?;
            return Ok(false);
        }
    }
    cx.require(&resource.meta().permission("create"))?;
    record::insert(cx, resource, Json::Object(body)).await.map(|_| true)
}

fn check_headers<'f>(table: &[Vec<String>], fields: &'f [Field]) -> Result<Vec<&'f Field>> {
    let empty = || Error::invalid("empty_file", "the file has no header line");
    let mut headers = Vec::new();
    for name in table.first().ok_or_else(empty)? {
        let name = name.trim().trim_start_matches('\u{feff}');
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            let known: Vec<&str> = fields.iter().filter(|f| f.create).map(|f| f.name.as_str()).collect();
            let message = format!("is not a column; columns are {}", known.join(", "));
            return Err(Error::field(name, "unknown_field", message));
        };
        headers.push(field);
    }
    Ok(headers)
}
