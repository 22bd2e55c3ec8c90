//! `GET /api/<plural>/export/`: the current query as CSV or XLSX.
//!
//! Read in keyset pages, each its own transaction, so that no export holds a connection for
//! long. CSV is streamed; XLSX is written to a temporary file in constant memory, then streamed.
//! Text that a spreadsheet would run as a formula is made harmless (spec 7.4).

use std::sync::Arc;

use axum::{body::Body, response::Response};
use base::{Error, Result};
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value as Json;
use store::Mode;

use super::{
    Dynamic, ListQuery, list,
    statement::{self, Page},
};
use crate::{
    Cx,
    api::{Answer, File},
    audit::{self, Event},
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
    let meta = resource.meta();
    let columns = meta::view_columns(&*resource);
    let reader = Reader { cx: cx.again(Mode::Write).await?, resource: resource.clone(), query, done: false };
    let reader = reader.announce().await?;
    match format {
        "csv" => {
            let body = Body::from_stream(csv_stream(reader, columns));
            File { name: format!("{}.csv", meta.plural), content_type: "text/csv; charset=utf-8", body }
                .respond(cx)
        }
        "xlsx" => {
            let content_type = XLSX;
            let body = xlsx(reader, columns).await?;
            File { name: format!("{}.xlsx", meta.plural), content_type, body }.respond(cx)
        }
        _ => Err(Error::field("format", "unknown_value", "must be csv or xlsx")),
    }
}

/// Reads the query page by page.
struct Reader {
    cx: Cx,
    resource: Arc<dyn Dynamic>,
    query: ListQuery,
    done: bool,
}

impl Reader {
    /// Writes the audit entry: who took how much of what out.
    async fn announce(mut self) -> Result<Self> {
        let meta = self.resource.meta();
        let event = Event::new(meta.permission("export"), meta.full_name());
        audit::record(&self.cx, event).await?;
        self.cx.commit().await?;
        Ok(self)
    }

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

fn csv_stream(
    reader: Reader,
    columns: Vec<String>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    // The byte order mark makes spreadsheets read UTF-8.
    let head = [b"\xef\xbb\xbf".to_vec(), csv_rows(std::iter::once(columns.clone()))].concat();
    let start = stream::iter([Ok(Bytes::from(head))]);
    let rest = stream::try_unfold((reader, columns), |(mut reader, columns)| async move {
        let rows = reader.next().await.map_err(std::io::Error::other)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let lines = rows.iter().map(|row| columns.iter().map(|column| safe(&text(&row[column]))).collect());
        Ok(Some((Bytes::from(csv_rows(lines)), (reader, columns))))
    });
    stream::StreamExt::chain(start, rest)
}

async fn xlsx(mut reader: Reader, columns: Vec<String>) -> Result<Body> {
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
    Ok(Body::from_stream(tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(copy))))
}
