//! `GET /api/<plural>/export/`: the current query as CSV or XLSX.
//!
//! Read in keyset pages, each its own transaction, so that no export holds a connection for
//! long. CSV is streamed; XLSX is written to a temporary file in constant memory, then streamed.
//! Text that a spreadsheet would run as a formula is made harmless (spec 7.4). The audit entry says
//! what was asked for and how many rows were taken.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use base::{Error, Result};
use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use store::Mode;

use super::{
    Dynamic, ListQuery, list,
    statement::{self, Page},
};
use crate::{
    Cx,
    api::{Answer, File},
    audit::Event,
    download::{Piece, Source, Taking},
    meta,
    sheet::{XLSX, csv_rows, safe, text, write_cell},
};

/// Rows read at a time.
const PAGE: u64 = 200;
/// Rows of one XLSX sheet, without the header (the format's limit is 1,048,576).
const SHEET_MOST: u32 = 1_000_000;

pub(super) async fn export(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let pairs = cx.query_pairs();
    let besides = ["format", "page", "page_size", "cursor", "count"];
    let mut query = ListQuery::parse_with(resource.spec(), &pairs, &besides)?;
    query.page_size = PAGE;
    query.count = super::query::Count::None;
    let format = pairs.iter().find(|(name, _)| name == "format").map_or("csv", |(_, text)| text.as_str());
    let meta = *resource.meta();
    if query.trash {
        cx.require(&meta.permission("delete"))?;
    }
    let columns = meta::view_columns(&*resource);
    let event = Event::new(meta.permission("export"), meta.full_name());
    let taking = Taking::new(cx, event, format)?;
    // Verified anew for each page; no connection is held in between.
    let mut own = cx.again(Mode::Read).await?;
    own.commit().await?;
    let reader = Reader { cx: own, resource, query, done: false };
    let (content_type, body) = match format {
        "csv" => ("text/csv; charset=utf-8", taking.stream(Csv { reader, columns, begun: false })),
        "xlsx" => (XLSX, xlsx(reader, columns, taking).await?),
        _ => return Err(Error::field("format", "unknown_value", "must be csv or xlsx")),
    };
    File { name: format!("{}.{format}", meta.plural), content_type, body }.respond(cx)
}

/// Reads the query page by page.
struct Reader {
    cx: Cx,
    resource: Arc<dyn Dynamic>,
    query: ListQuery,
    done: bool,
}

impl Reader {
    async fn next(&mut self) -> Result<Vec<Json>> {
        if self.done {
            return Ok(Vec::new());
        }
        let mut cx = self.cx.again(Mode::Read).await?;
        let select = list::select(&cx, &*self.resource, "export", self.query.trash)?;
        let Page { rows, next_cursor, .. } =
            statement::paginate(cx.tx()?, self.resource.spec(), select, &self.query).await?;
        let rows = rows.iter().map(|raw| self.resource.row(raw)).collect::<Result<Vec<_>>>()?;
        let shown = self.resource.render(&cx, rows).await?;
        cx.commit().await?;
        self.done = next_cursor.is_none();
        self.query.cursor = next_cursor;
        Ok(shown)
    }
}

/// Comma-separated values, a page of rows at a time.
struct Csv {
    reader: Reader,
    columns: Vec<String>,
    begun: bool,
}

impl Source for Csv {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>>> {
        Box::pin(async move {
            if !std::mem::replace(&mut self.begun, true) {
                // The byte order mark makes spreadsheets read UTF-8.
                let head = [b"\xef\xbb\xbf".to_vec(), csv_rows(std::iter::once(self.columns.clone()))];
                return Ok(Some(Piece { bytes: head.concat().into(), rows: 0 }));
            }
            let rows = self.reader.next().await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let cells = |row: &Json| self.columns.iter().map(|column| safe(&text(&row[column]))).collect();
            let bytes = csv_rows(rows.iter().map(cells)).into();
            Ok(Some(Piece { bytes, rows: rows.len() as u64 }))
        })
    }
}

/// A workbook is whole before its first byte is sent, so what was taken is known then.
async fn xlsx(reader: Reader, columns: Vec<String>, taking: Taking) -> Result<Body> {
    match workbook(reader, columns).await {
        Ok((file, rows)) => {
            taking.record(rows, true).await;
            let file = tokio::fs::File::from_std(file);
            Ok(Body::from_stream(tokio_util::io::ReaderStream::new(file)))
        }
        Err(failure) => {
            taking.record(0, false).await;
            Err(failure)
        }
    }
}

/// The workbook in a temporary file, and its rows.
async fn workbook(mut reader: Reader, columns: Vec<String>) -> Result<(std::fs::File, u64)> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory().map_err(Error::internal)?;
    for (at, column) in (0u16..).zip(&columns) {
        sheet.write_string(0, at, column).map_err(Error::internal)?;
    }
    let mut line = 0u32;
    loop {
        let rows = reader.next().await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            line += 1;
            if line > SHEET_MOST {
                return Err(Error::invalid(
                    "too_many_records",
                    "a sheet holds 1,000,000 rows; narrow the query",
                ));
            }
            for (at, column) in (0u16..).zip(&columns) {
                write_cell(sheet, line, at, &row[column]).map_err(Error::internal)?;
            }
        }
    }
    let file = tempfile::tempfile().map_err(Error::internal)?;
    let mut copy = file.try_clone().map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || workbook.save_to_writer(file))
        .await
        .map_err(Error::internal)?
        .map_err(Error::internal)?;
    std::io::Seek::rewind(&mut copy).map_err(Error::internal)?;
    Ok((copy, line.into()))
}
