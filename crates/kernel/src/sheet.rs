//! Tables as files: CSV and XLSX, read with care and written so that no cell runs as a formula (spec 7.4).

use std::io::Cursor;

use base::{Error, Kind, Result};
use calamine::{Data, Reader as _, Xlsx};
use http::header;
use serde_json::Value as Json;

use crate::Cx;

/// The XLSX media type.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Rows of one import.
const MOST: usize = 10_000;

/// Rows as CSV.
pub(crate) fn csv_rows(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Writing into memory cannot fail.
        let _ = writer.write_record(&row);
    }
    writer.into_inner().unwrap_or_default()
}

/// A cell typed as text is never a formula.
pub(crate) fn write_cell(
    sheet: &mut rust_xlsxwriter::Worksheet,
    line: u32,
    at: u16,
    value: &Json,
) -> std::result::Result<(), rust_xlsxwriter::XlsxError> {
    match value {
        Json::Null => return Ok(()),
        Json::Bool(v) => sheet.write_boolean(line, at, *v)?,
        Json::Number(n) if n.as_i64().is_some_and(|n| n.abs() < 1 << 53) => {
            sheet.write_number(line, at, n.as_f64().unwrap_or_default())?
        }
        other => {
            let text: String = text(other).chars().take(32_767).collect();
            sheet.write_string(line, at, text)?
        }
    };
    Ok(())
}

/// A value in a cell: lists by comma, objects as JSON.
pub(crate) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(self::text).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// Text that begins like a formula gets an apostrophe in front, the full-width forms included.
pub(crate) fn safe(text: &str) -> String {
    let dangerous = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let number = text.parse::<f64>().is_ok();
    if text.starts_with(dangerous) && !number { format!("'{text}") } else { text.to_owned() }
}

/// The table in a request's body: a header line, then rows.
pub(crate) fn read_table(cx: &Cx) -> Result<Vec<Vec<String>>> {
    let kind = cx.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let table = match kind.split(';').next().unwrap_or_default().trim() {
        "text/csv" => read_csv(cx.body())?,
        XLSX => read_xlsx(cx.body())?,
        _ => {
            let detail = format!("send the file as text/csv or {XLSX}");
            return Err(Error::new(Kind::UnsupportedMedia, "unsupported_media_type", detail));
        }
    };
    match table.len() {
        0 => Err(Error::invalid("empty_file", "the file has no header line")),
        n if n > MOST + 1 => {
            Err(Error::invalid("too_many_records", format!("the file has more than {MOST} rows")))
        }
        _ => Ok(table),
    }
}

fn read_csv(bytes: &[u8]) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut table = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(|cause| {
            Error::malformed("malformed_csv", format!("line {} cannot be read: {cause}", at + 1))
        })?;
        table.push(record.iter().map(str::to_owned).collect());
    }
    Ok(table)
}

/// Columns that a table may have.
const COLUMNS: u32 = 200;
/// Bytes that a workbook may unpack to.
const UNPACKED: u64 = 64 * 1024 * 1024;

/// The first sheet, cell by cell: a workbook says itself how large it is, and is not believed.
fn read_xlsx(bytes: &[u8]) -> Result<Vec<Vec<String>>> {
    let broken = |cause: calamine::XlsxError| {
        Error::malformed("malformed_xlsx", "the workbook cannot be read").with_source(cause.to_string())
    };
    refuse_bomb(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let first = book.sheet_names().first().cloned();
    let first = first.ok_or_else(|| Error::invalid("empty_file", "the workbook has no sheet"))?;
    let mut cells = book.worksheet_cells_reader(&first).map_err(broken)?;
    let mut table: Vec<Vec<String>> = Vec::new();
    while let Some(found) = cells.next_cell().map_err(broken)? {
        let (row, column) = found.get_position();
        let (row, at) =
            (usize::try_from(row).unwrap_or(usize::MAX), usize::try_from(column).unwrap_or(usize::MAX));
        if row > MOST || column >= COLUMNS {
            let detail = format!("the sheet has more than {MOST} rows or {COLUMNS} columns");
            return Err(Error::invalid("too_many_records", detail));
        }
        let text = cell(&Data::from(found.get_value().clone()));
        if table.len() <= row {
            table.resize(row + 1, Vec::new());
        }
        if table[row].len() <= at {
            table[row].resize(at + 1, String::new());
        }
        table[row][at] = text;
    }
    // Empty lines at the end, and cells missing at the end of a line, are as in CSV.
    while table.last().is_some_and(|row| row.iter().all(String::is_empty)) {
        table.pop();
    }
    let width = table.first().map_or(0, Vec::len);
    for row in &mut table {
        row.resize(width, String::new());
    }
    Ok(table)
}

/// A workbook is a ZIP archive; what it unpacks to is measured, not read off its own claim.
fn refuse_bomb(bytes: &[u8]) -> Result<()> {
    let broken = |_| Error::malformed("malformed_xlsx", "the workbook cannot be read");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut left = UNPACKED;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(broken)?;
        let read = std::io::copy(&mut std::io::Read::take(entry, left + 1), &mut std::io::sink())
            .map_err(|_| Error::malformed("malformed_xlsx", "the workbook cannot be read"))?;
        if read > left {
            let detail = format!("the workbook unpacks to more than {} MiB", UNPACKED >> 20);
            return Err(Error::invalid("file_too_large", detail));
        }
        left -= read;
    }
    Ok(())
}

fn cell(data: &Data) -> String {
    match data {
        Data::Empty | Data::Error(_) => String::new(),
        Data::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => format!("{n:.0}"),
        other => other.to_string(),
    }
}
