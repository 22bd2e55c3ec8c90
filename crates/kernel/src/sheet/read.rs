//! Reading tables out of files that somebody sent: nothing of what a file says of itself is believed.
//!
//! A small file can name the same long text a million times, or claim a million columns, so a table
//! is measured while it grows. Reading takes processor time and memory: it runs on a blocking
//! thread, outside any transaction, and few tables exist at once. May import: calamine, csv, zip.

use std::{
    borrow::Cow,
    io::{Cursor, Read, Write},
    time::Duration,
};

use base::{Error, Result};
use bytes::Bytes;
use calamine::{Data, DataRef, Reader as _, Xlsx};
use http::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Format;

/// What a table may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows, without the header.
    rows: usize,
    /// Cells.
    cells: usize,
    /// Bytes in memory.
    memory: usize,
    /// Bytes that a workbook may unpack to.
    unpacked: u64,
}

/// A table that one request brings.
pub(crate) const REQUEST: Limits =
    Limits { rows: 10_000, cells: 10_001 * COLUMNS, memory: 64 * 1024 * 1024, unpacked: 64 * 1024 * 1024 };
/// A table that a job reads (decision 5.6).
pub(crate) const LONG: Limits =
    Limits { rows: 100_000, cells: 2_000_000, memory: 192 * 1024 * 1024, unpacked: 256 * 1024 * 1024 };

/// Bytes in which a header line must end that is looked at before the file is read.
const HEAD: usize = 64 * 1024;
/// Columns that a table may have.
const COLUMNS: usize = 200;
/// Characters of a cell, as spreadsheets have it.
const CELL: usize = 32_767;
/// Elements of a part of a workbook that is no sheet: styles, relations, names.
const ELEMENTS: usize = 200_000;

/// Tables that this process has in memory at once.
static TABLES: Semaphore = Semaphore::const_new(4);
/// How long a request waits for its turn.
const WAIT: Duration = Duration::from_secs(10);

/// A table that was read: a header line, then rows.
pub struct Table {
    rows: Vec<Vec<String>>,
    /// Where in the file each of them begins; empty where rows are numbered by themselves.
    lines: Vec<usize>,
    _turn: Option<SemaphorePermit<'static>>,
}

impl Table {
    /// A table that somebody else keeps few of.
    pub(crate) fn of(rows: Vec<Vec<String>>) -> Self {
        Self { rows, lines: Vec::new(), _turn: None }
    }
    /// The lines, the header first.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
    /// The line of the file on which a row begins; the header is on line 1.
    pub fn line(&self, row: usize) -> usize {
        self.lines.get(row).copied().unwrap_or(row + 1)
    }
}

/// The table in a request's body.
pub(crate) async fn read_table(headers: &HeaderMap, body: Bytes) -> Result<Table> {
    let format = Format::sent(headers)?;
    let busy = || Error::unavailable("busy", "too many files are being read; try again").retry_after(10);
    let turn = tokio::time::timeout(WAIT, TABLES.acquire()).await.map_err(|_| busy())?;
    let turn = turn.map_err(Error::internal)?;
    let (rows, lines) = read_lines(format, body, REQUEST).await?;
    Ok(Table { rows, lines, _turn: Some(turn) })
}

/// The lines of a table, the header first; read on a blocking thread.
pub(crate) async fn read_rows(format: Format, bytes: Bytes, limits: Limits) -> Result<Vec<Vec<String>>> {
    read_lines(format, bytes, limits).await.map(|(rows, _)| rows)
}

/// The lines of a table, and where they begin, as [`Table`] has it.
async fn read_lines(format: Format, bytes: Bytes, limits: Limits) -> Result<(Vec<Vec<String>>, Vec<usize>)> {
    let read = move || match format {
        Format::Csv => read_csv(&bytes, limits),
        Format::Xlsx => read_xlsx(&bytes, limits).map(|rows| (rows, Vec::new())),
    };
    let (rows, lines) = tokio::task::spawn_blocking(read).await.map_err(Error::internal)??;
    if rows.is_empty() {
        return Err(Error::invalid("empty_file", "the file has no header line"));
    }
    Ok((rows, lines))
}

/// The header line of comma-separated values, so that what is wrong with it can be said at once.
pub(crate) fn csv_head(bytes: &[u8]) -> Result<Vec<String>> {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(head);
    let first = reader.records().next();
    let first = first.ok_or_else(|| Error::invalid("empty_file", "the file has no header line"))?;
    let first = first.map_err(|cause| {
        Error::malformed("malformed_csv", format!("the header line cannot be read: {cause}"))
    })?;
    Ok(first.iter().map(str::to_owned).collect())
}

impl Limits {
    fn too_many(self) -> Error {
        let detail =
            format!("the file has more than {} rows, {COLUMNS} columns or {} cells", self.rows, self.cells);
        Error::invalid("too_many_records", detail)
    }

    fn too_large(self) -> Error {
        Error::invalid("file_too_large", format!("the table takes more than {} MiB", self.memory >> 20))
    }
}

/// A table that grows cell by cell, as far as it may.
struct Growing {
    rows: Vec<Vec<String>>,
    limits: Limits,
    /// Bytes that it may still take.
    left: usize,
    /// Cells that it may still have.
    cells: usize,
}

impl Growing {
    fn new(limits: Limits) -> Self {
        Self { rows: Vec::new(), limits, left: limits.memory, cells: limits.cells }
    }

    /// Counts what is about to be taken, before it is.
    fn take(&mut self, bytes: usize) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.limits.too_large())?;
        Ok(())
    }

    /// Makes a line as long as that many cells.
    fn widen(&mut self, row: usize, cells: usize) -> Result<()> {
        if self.rows.len() <= row {
            self.take((row + 1 - self.rows.len()) * size_of::<Vec<String>>())?;
            self.rows.resize(row + 1, Vec::new());
        }
        let missing = cells.saturating_sub(self.rows[row].len());
        self.cells = self.cells.checked_sub(missing).ok_or_else(|| self.limits.too_many())?;
        self.take(missing * size_of::<String>())?;
        self.rows[row].extend(std::iter::repeat_n(String::new(), missing));
        Ok(())
    }

    fn put(&mut self, row: usize, at: usize, text: &str) -> Result<()> {
        if row > self.limits.rows || at >= COLUMNS {
            return Err(self.limits.too_many());
        }
        // A character has at most four bytes, so most cells need not be counted.
        if text.len() > CELL && text.chars().count() > CELL {
            let detail = format!("line {} has a cell of more than {CELL} characters", row + 1);
            return Err(Error::invalid("cell_too_long", detail));
        }
        self.widen(row, at + 1)?;
        self.take(text.len())?;
        text.clone_into(&mut self.rows[row][at]);
        Ok(())
    }

    /// Empty lines at the end go, and each line becomes as long as the header.
    fn finish(mut self) -> Result<Vec<Vec<String>>> {
        while self.rows.last().is_some_and(|row| row.iter().all(String::is_empty)) {
            self.rows.pop();
        }
        let width = self.rows.first().map_or(0, Vec::len);
        for row in 0..self.rows.len() {
            self.widen(row, width)?;
            self.rows[row].truncate(width);
        }
        Ok(self.rows)
    }
}

/// The line on which a record begins. The reader ends one at `\r`, so that after `\r\n` the next is said to begin
/// on the `\n`, which still belongs to the line before it; empty lines between them belong to none.
fn begins_on(bytes: &[u8], place: &csv::Position) -> Option<usize> {
    let rest = bytes.get(usize::try_from(place.byte()).ok()?..)?;
    let passed = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    Some(usize::try_from(place.line()).ok()? + passed.count())
}

fn read_csv(bytes: &[u8], limits: Limits) -> Result<(Vec<Vec<String>>, Vec<usize>)> {
    // The reader keeps a place for each field of a line before anybody sees the line.
    if bytes.iter().filter(|byte| **byte == b',').count() > limits.cells {
        return Err(limits.too_many());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let (mut table, mut lines) = (Growing::new(limits), Vec::new());
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|cause| {
            Error::malformed("malformed_csv", format!("line {} cannot be read: {cause}", row + 1))
        })?;
        lines.push(record.position().and_then(|place| begins_on(bytes, place)).unwrap_or(row + 1));
        for (at, cell) in record.iter().enumerate() {
            table.put(row, at, cell)?;
        }
    }
    Ok((table.rows, lines))
}

/// The first sheet, cell by cell.
fn read_xlsx(bytes: &[u8], limits: Limits) -> Result<Vec<Vec<String>>> {
    let broken = |cause: calamine::XlsxError| {
        Error::malformed("malformed_xlsx", "the workbook cannot be read").with_source(cause.to_string())
    };
    refuse_bomb(bytes, limits)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let first = book.sheet_names().first().cloned();
    let first = first.ok_or_else(|| Error::invalid("empty_file", "the workbook has no sheet"))?;
    let mut cells = book.worksheet_cells_reader(&first).map_err(broken)?;
    let mut table = Growing::new(limits);
    while let Some(found) = cells.next_cell().map_err(broken)? {
        let (row, at) = found.get_position();
        let (row, at) = (usize::try_from(row), usize::try_from(at));
        table.put(row.unwrap_or(usize::MAX), at.unwrap_or(usize::MAX), &cell(found.get_value()))?;
    }
    table.finish()
}

/// The text of a cell. One that many cells share is not copied here.
fn cell<'a>(data: &'a DataRef<'_>) -> Cow<'a, str> {
    match data {
        DataRef::Empty | DataRef::Error(_) => Cow::Borrowed(""),
        DataRef::String(text) => Cow::Borrowed(text),
        DataRef::SharedString(text) => Cow::Borrowed(text),
        DataRef::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => Cow::Owned(format!("{n:.0}")),
        other => Cow::Owned(Data::from(other.clone()).to_string()),
    }
}

fn unreadable<E>(_: E) -> Error {
    Error::malformed("malformed_xlsx", "the workbook cannot be read")
}

/// A workbook is a ZIP archive; what it unpacks to is measured, not read off its own claim. What its
/// reader keeps in memory as a whole is measured by the elements that it is made from.
fn refuse_bomb(bytes: &[u8], limits: Limits) -> Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut left = limits.unpacked;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(unreadable)?;
        let name = entry.name().map_err(unreadable)?.to_ascii_lowercase();
        let file = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let shared = file == "sharedstrings.xml";
        let mut part = Part { elements: 0, text: shared.then(Vec::new) };
        let read = std::io::copy(&mut entry.take(left + 1), &mut part).map_err(unreadable)?;
        if read > left {
            let detail = format!("the workbook unpacks to more than {} MiB", limits.unpacked >> 20);
            return Err(Error::invalid("file_too_large", detail));
        }
        left -= read;
        let is_sheet = file.starts_with("sheet") && file.ends_with(".xml");
        match part.text {
            Some(text) => judge_shared(&text, limits)?,
            None if !is_sheet && part.elements > ELEMENTS => return Err(limits.too_large()),
            None => {}
        }
    }
    Ok(())
}

/// A part of a workbook, as it comes out of the archive.
struct Part {
    elements: usize,
    text: Option<Vec<u8>>,
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.elements += bytes.iter().filter(|byte| **byte == b'<').count();
        if let Some(text) = &mut self.text {
            text.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The texts that cells share. The reader makes room for as many as `uniqueCount` says before it has
/// seen one, and a place for each that it finds.
fn judge_shared(text: &[u8], limits: Limits) -> Result<()> {
    // In UTF-16 and the like the words below would not be found; no XML in UTF-8 has these bytes.
    if text.iter().any(|byte| *byte < b' ' && !matches!(*byte, b'\t' | b'\n' | b'\r')) {
        return Err(unreadable(()));
    }
    let items = text
        .windows(3)
        .filter(|three| three.ends_with(b"si") && matches!(three.first(), Some(b'<' | b':')))
        .count();
    let claim = |tail: &[u8]| {
        let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(*byte, b'=' | b'"' | b'\'');
        let digits = tail.iter().skip_while(|byte| blank(byte)).take_while(|byte| byte.is_ascii_digit());
        digits.fold(0_usize, |n, digit| n.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
    };
    let word = b"uniqueCount";
    let claims = text.windows(word.len()).enumerate().filter(|(_, found)| found == word);
    let most = claims.map(|(at, _)| claim(&text[at + word.len()..])).max().unwrap_or_default();
    if items.max(most) > limits.cells { Err(limits.too_many()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{REQUEST, read_csv};

    #[test]
    fn a_row_knows_the_line_on_which_it_begins_whatever_ends_a_line() {
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "1,\"two", "lines\"", "", "2,x", "3,y"].join(end);
            let (rows, lines) = read_csv(text.as_bytes(), REQUEST).unwrap();
            assert_eq!(rows.len(), 4);
            assert_eq!(lines, [1, 2, 5, 6], "{end:?}");
        }
    }
}
