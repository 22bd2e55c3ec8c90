//! Tables as files: CSV and XLSX, read with care and written so that no cell runs as a formula (spec 7.4).

mod read;

use serde_json::Value as Json;

pub(crate) use self::read::{Table, read_table};

/// The XLSX media type.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

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
