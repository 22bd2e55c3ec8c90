//! Tables as files: CSV and XLSX, read with care and written so that no cell runs as a formula (spec 7.4).

mod read;

use base::{Error, Kind, Result};
use http::{HeaderMap, header};
use serde_json::Value as Json;

pub use self::read::Table;
pub(crate) use self::read::{LONG, csv_head, read_rows, read_table};

/// The XLSX media type.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// How a table is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values (RFC 4180), UTF-8.
    Csv,
    /// A workbook (ECMA-376); its first sheet.
    Xlsx,
}

impl Format {
    /// As in a file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
    /// The media type that a file of it is sent with.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => XLSX,
        }
    }
    /// What `format=` asks for: 422 for anything unknown.
    pub(crate) fn asked(pairs: &[(String, String)]) -> Result<Self> {
        match pairs.iter().find(|(name, _)| name == "format").map(|(_, text)| text.as_str()) {
            None | Some("csv") => Ok(Self::Csv),
            Some("xlsx") => Ok(Self::Xlsx),
            Some(_) => Err(Error::field("format", "unknown_value", "must be csv or xlsx")),
        }
    }
    /// What a request's body is: 415 for anything else.
    pub fn sent(headers: &HeaderMap) -> Result<Self> {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "text/csv" => Ok(Self::Csv),
            XLSX => Ok(Self::Xlsx),
            _ => {
                let detail = format!("send the file as text/csv or {XLSX}");
                Err(Error::new(Kind::UnsupportedMedia, "unsupported_media_type", detail))
            }
        }
    }
}

/// Rows as CSV.
pub fn csv_rows(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
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

/// What [`safe`] made harmless, as it was.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) => rest,
        _ => cell,
    }
}

/// Text that begins like a formula gets an apostrophe in front, the full-width forms included.
pub fn safe(text: &str) -> String {
    let dangerous = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let number = text.parse::<f64>().is_ok();
    if text.starts_with(dangerous) && !number { format!("'{text}") } else { text.to_owned() }
}
