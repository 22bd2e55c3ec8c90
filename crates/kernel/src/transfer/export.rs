//! Exports: the current query as CSV or XLSX.
//!
//! Read in keyset pages, each its own transaction, so that no export holds a connection for
//! long. `GET /api/<plural>/export/` streams CSV; XLSX is written to a temporary file in constant
//! memory, then streamed. A job of another crate makes the file with [`write_export`]. Text that a
//! spreadsheet would run as a formula is made harmless (spec 7.4). The audit entry says what was
//! asked for and how many rows were taken.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use base::{Error, Result};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use store::Mode;
use tokio::io::AsyncReadExt;

use crate::{
    Cx,
    api::{Answer, File},
    audit::Event,
    download::{Piece, Source, Taking},
    meta,
    resource::{
        Dynamic, ListQuery, list,
        query::Count,
        statement::{self, Page},
    },
    sheet::{Format, csv_rows, safe, text, write_cell},
};

/// Rows read at a time.
const PAGE: u64 = 200;
/// Rows of one XLSX sheet, without the header (the format's limit is 1,048,576).
const SHEET_MOST: u32 = 1_000_000;
/// Bytes of a workbook handed over at a time.
const PIECE: usize = 256 * 1024;

/// Where the file of a job's export goes.
pub trait Sink: Send {
    /// Takes the next bytes; an error ends the export.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;
    /// The file is whole; an error means that nobody gets it.
    fn finish(&mut self) -> BoxFuture<'_, Result<()>>;
    /// How far it is: rows read, of how many. An error ends the export.
    fn advance(&mut self, rows: u64, total: u64) -> Result<()>;
}

/// What an export is asked for.
pub struct Asked {
    query: ListQuery,
    /// The kind of file.
    pub format: Format,
}

impl Asked {
    /// Reads the query of `cx`: 422 for what is wrong with it, 403 for a trash that the caller may not see.
    pub fn of(cx: &Cx, resource: &dyn Dynamic) -> Result<Self> {
        let pairs = cx.query_pairs();
        let besides = ["format", "page", "page_size", "cursor", "count"];
        let mut query = ListQuery::parse_with(resource.spec(), &pairs, &besides)?;
        query.page_size = PAGE;
        query.count = Count::None;
        if query.trash {
            cx.require(&resource.meta().permission("delete"))?;
        }
        Ok(Self { query, format: Format::asked(&pairs)? })
    }
}

fn taking(cx: &Cx, resource: &dyn Dynamic, format: Format) -> Result<Taking> {
    let meta = resource.meta();
    Taking::new(cx, Event::new(meta.permission("export"), meta.full_name()), format.as_str())
}

pub(crate) async fn export(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let Asked { query, format } = Asked::of(cx, &*resource)?;
    let columns = meta::view_columns(&*resource);
    let taking = taking(cx, &*resource, format)?;
    let name = format!("{}.{}", resource.meta().plural, format.as_str());
    // Verified anew for each page; no connection is held in between.
    let mut own = cx.again(Mode::Read).await?;
    own.commit().await?;
    let reader = Reader { cx: own, resource, query, done: false };
    let body = match format {
        Format::Csv => taking.stream(Csv { reader, columns, begun: false }),
        Format::Xlsx => xlsx(reader, columns, taking).await?,
    };
    File { name, content_type: format.content_type(), body }.respond(cx)
}

/// Makes the file that the query of `cx` asks for; how many rows are in it. `cx` is verified anew for
/// each page; its own unit of work must be over.
pub async fn write_export(cx: Cx, resource: Arc<dyn Dynamic>, sink: &mut dyn Sink) -> Result<u64> {
    let (Asked { query, format }, total) = {
        let mut first = cx.again(Mode::Read).await?;
        let asked = Asked::of(&first, &*resource)?;
        let counting = ListQuery { count: Count::Exact, page_size: 1, ..asked.query.clone() };
        let select = list::select(&first, &*resource, "export", counting.trash)?;
        let page = statement::paginate(first.tx()?, resource.spec(), select, &counting).await?;
        first.commit().await?;
        (asked, page.total.unwrap_or_default())
    };
    let columns = meta::view_columns(&*resource);
    let taking = taking(&cx, &*resource, format)?;
    let reader = Reader { cx, resource, query, done: false };
    let mut rows = 0;
    let written = match format {
        Format::Csv => write_csv(Csv { reader, columns, begun: false }, sink, total.max(1), &mut rows).await,
        Format::Xlsx => write_xlsx(reader, columns, sink, total.max(1), &mut rows).await,
    };
    let written = match written {
        Ok(()) => sink.finish().await,
        Err(failure) => Err(failure),
    };
    taking.record(rows, written.is_ok()).await;
    written.map(|()| rows)
}

async fn write_csv(mut csv: Csv, sink: &mut dyn Sink, total: u64, rows: &mut u64) -> Result<()> {
    while let Some(piece) = csv.next().await? {
        sink.write(piece.bytes).await?;
        *rows += piece.rows;
        sink.advance(*rows, total)?;
    }
    Ok(())
}

async fn write_xlsx(
    reader: Reader,
    columns: Vec<String>,
    sink: &mut dyn Sink,
    total: u64,
    rows: &mut u64,
) -> Result<()> {
    let (file, _) = workbook(reader, columns, &mut |done| {
        *rows = done;
        sink.advance(done, total)
    })
    .await?;
    let mut file = tokio::fs::File::from_std(file);
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        if (&mut file).take(PIECE as u64).read_to_end(&mut piece).await.map_err(Error::internal)? == 0 {
            return Ok(());
        }
        sink.write(piece.into()).await?;
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
    match workbook(reader, columns, &mut |_| Ok(())).await {
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

/// The workbook in a temporary file, and its rows; `advance` is told of each page.
async fn workbook(
    mut reader: Reader,
    columns: Vec<String>,
    advance: &mut (dyn FnMut(u64) -> Result<()> + Send),
) -> Result<(std::fs::File, u64)> {
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
        advance(line.into())?;
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
