//! Imports: CSV or XLSX, each row a create or, when a unique field is given as the key and finds a
//! record, a change of it.
//!
//! `POST /api/<plural>/import/` takes all rows in the request's transaction: a dry run, or any failing
//! row, takes everything back, and the report says what is wrong with which row. A longer import is
//! taken in batches, each its own transaction, by a job that another crate runs with [`Import`]; it
//! keeps a [`Step`] for each row, by which [`take_back`] undoes what was applied.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::response::Response;
use base::{Error, Id, Kind as ErrorKind, Result};
use bytes::Bytes;
use schemars::JsonSchema;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{
    Cx,
    api::{Answer, Json as Body},
    audit::{self, Event},
    meta::{self, Field},
    resource::{Dynamic, Kind, record, statement, statement::Trash, value},
    sheet::{self, Format, Table},
};

/// Bytes of one import by a request.
pub(crate) const BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one import by a job.
pub(crate) const LONG_BYTES: usize = 32 * 1024 * 1024;
/// Row errors that a report lists.
const ERRORS: usize = 200;
/// Characters of a sentence in a report.
const SENTENCE: usize = 300;
/// Bytes that the errors of a report may take as JSON: the result of a job has 64 KiB.
const ERROR_BYTES: usize = 48 * 1024;

/// What is wrong with one row.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
    /// Why, for the first problems: 200, or fewer where they say much.
    pub errors: Vec<RowError>,
}

impl ImportReport {
    fn refuse(&mut self, line: usize, failure: &Error) {
        self.failed += 1;
        let mut problems = failure.field_errors().to_vec();
        if problems.is_empty() {
            problems.push(base::FieldError::new("", failure.code(), failure.detail()));
        }
        let size = |error: &RowError| serde_json::to_string(error).map_or(ERROR_BYTES, |text| text.len() + 1);
        let mut left = ERROR_BYTES.saturating_sub(self.errors.iter().map(size).sum());
        let room = ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(
            problems
                .into_iter()
                .take(room)
                .map(|problem| RowError {
                    row: line,
                    field: problem.field,
                    code: problem.code,
                    message: problem.message.chars().take(SENTENCE).collect(),
                })
                .take_while(|error| {
                    left = left.saturating_sub(size(error));
                    left > 0
                }),
        );
    }
}

/// What is wanted of an import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Check only.
    pub dry_run: bool,
    /// The field by which records are found; one of the resource's own names.
    pub key: Option<&'static str>,
}

impl ImportOptions {
    /// Reads a request's query.
    pub fn asked(cx: &Cx, resource: &dyn Dynamic) -> Result<Self> {
        let mut options = Self::default();
        for (name, text) in &cx.query_pairs() {
            match name.as_str() {
                "dry_run" => {
                    options.dry_run = text
                        .parse()
                        .map_err(|_| Error::field("dry_run", "invalid_value", "must be true or false"))?;
                }
                "key" if !text.is_empty() => options.key = Some(key_column(resource, text)?),
                "key" => {}
                other => return Err(Error::field(other, "unknown_field", "known are dry_run and key")),
            }
        }
        Ok(options)
    }
}

/// The column of that name, if records can be found by it alone.
pub fn key_column(resource: &dyn Dynamic, name: &str) -> Result<&'static str> {
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

/// One row that was taken, and how to undo it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The record.
    pub record: Id,
    /// Its version afterwards.
    pub version: i64,
    /// How it was; `None` for a new record.
    pub before: Option<Before>,
}

/// What brings a changed record back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Before {
    /// The fields that were changed, as a PATCH that restores them.
    patch: Map<String, Json>,
    /// Columns that are stored otherwise than they are shown, as they are stored: a PATCH cannot say what
    /// it may not see.
    stored: Map<String, Json>,
}

/// A file whose header fits the resource, ready to be taken row by row.
pub struct Import {
    resource: Arc<dyn Dynamic>,
    fields: Vec<Field>,
    key: Option<&'static str>,
    table: Arc<Table>,
}

/// Rows of a file that bear on each other, found in the file alone.
#[derive(Debug, Default)]
pub struct Twins {
    /// Refused: they say the same as an earlier row where records must differ.
    refused: HashSet<usize>,
    /// They have the key of an earlier row and change what that one made.
    repeated: HashSet<usize>,
}

impl Import {
    /// Refuses a header line that does not fit (422).
    fn new(resource: Arc<dyn Dynamic>, key: Option<&'static str>, table: Arc<Table>) -> Result<Self> {
        let head = table
            .rows()
            .first()
            .ok_or_else(|| Error::invalid("empty_file", "the file has no header line"))?;
        let fields = check_head(&*resource, head)?;
        Ok(Self { resource, fields, key, table })
    }

    /// Reads the file of a long import: 100,000 rows at most. Takes a blocking thread.
    pub async fn read(
        resource: Arc<dyn Dynamic>,
        key: Option<&'static str>,
        format: Format,
        bytes: Bytes,
    ) -> Result<Self> {
        let table = Table::of(sheet::read_rows(format, bytes, sheet::LONG).await?);
        Self::new(resource, key, Arc::new(table))
    }

    /// Rows, without the header.
    pub fn len(&self) -> usize {
        self.table.rows().len().saturating_sub(1)
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A report that says nothing yet.
    pub fn report(&self, import_id: Id, dry_run: bool) -> ImportReport {
        ImportReport {
            import_id,
            dry_run,
            applied: false,
            total: self.len(),
            created: 0,
            updated: 0,
            failed: 0,
            errors: Vec::new(),
        }
    }

    /// Takes one row, counted from 0, in the caller's unit of work. What is wrong with the row goes into
    /// the report, and the row is taken back; an error is something else.
    ///
    /// With `undoable` the step tells how to undo a change, which costs another read.
    pub async fn take(
        &self,
        cx: &Cx,
        row: usize,
        undoable: bool,
        report: &mut ImportReport,
    ) -> Result<Option<Step>> {
        let cells = self.table.rows().get(row + 1).ok_or_else(|| Error::internal("a row beyond the end"))?;
        cx.tx()?.savepoint("row").await?;
        let step = match self.save(cx, cells, undoable).await {
            Ok((step, true)) => {
                report.created += 1;
                Some(step)
            }
            Ok((step, false)) => {
                report.updated += 1;
                Some(step)
            }
            Err(failure)
                if failure.is_retryable()
                    || matches!(failure.kind(), ErrorKind::Internal | ErrorKind::Unavailable) =>
            {
                return Err(failure);
            }
            Err(failure) => {
                cx.tx()?.back_to_savepoint("row").await?;
                cx.take_notes();
                report.refuse(row + 2, &failure);
                None
            }
        };
        cx.tx()?.release_savepoint("row").await?;
        Ok(step)
    }

    /// The step, and whether it made a new record.
    async fn save(&self, cx: &Cx, cells: &[String], undoable: bool) -> Result<(Step, bool)> {
        let resource = &*self.resource;
        let mut body = Map::new();
        for (field, cell) in self.fields.iter().zip(cells) {
            let cell = cell.trim();
            if !cell.is_empty() {
                body.insert(field.name.clone(), field.parse(cell)?);
            }
        }
        if let Some(id) = self.find(cx, &body).await? {
            let old = record::find(cx, resource, id, "update", Trash::Without, true).await?;
            let before = if undoable { Some(restoring(cx, resource, id, &body).await?) } else { None };
            let row = record::update(cx, resource, &old, Json::Object(body), false).await?;
            return Ok((Step { record: id, version: row.version(), before }, false));
        }
        cx.require(&resource.meta().permission("create"))?;
        let row = record::insert(cx, resource, Json::Object(body)).await?;
        Ok((Step { record: row.id(), version: row.version(), before: None }, true))
    }

    /// The record that the key finds.
    async fn find(&self, cx: &Cx, body: &Map<String, Json>) -> Result<Option<Id>> {
        let Some(key) = self.key else { return Ok(None) };
        let Some(sought) = body.get(key).and_then(|sought| value::from_json(Kind::Text, sought)) else {
            return Ok(None);
        };
        let reach = cx.reach(&self.resource.meta().permission("import"))?;
        let mut select =
            statement::scoped(cx.tx()?, self.resource.spec(), cx.actor()?.id, &reach, Trash::Without)?;
        select.and_where(Expr::col(key).eq(sought));
        let raw = cx.tx()?.query_one(&select).await?;
        raw.map(|raw| Ok(self.resource.row(&raw)?.id())).transpose()
    }

    /// The audit entry of an import that was applied.
    pub async fn record(&self, cx: &Cx, report: &ImportReport) -> Result<()> {
        let meta = self.resource.meta();
        let event = Event::new(meta.permission("import"), meta.full_name())
            .target(report.import_id, meta.plural)
            .change("created", Json::Null, report.created.into())
            .change("updated", Json::Null, report.updated.into());
        audit::record(cx, event).await
    }

    /// Finds what batches that are checked apart cannot see of each other, and refuses the later of two
    /// rows that cannot both be taken.
    pub fn twins(&self, report: &mut ImportReport) -> Twins {
        let mut twins = Twins::default();
        for columns in &self.resource.spec().unique {
            let at = |name: &&'static str| self.fields.iter().position(|field| field.name == *name);
            let Some(places) = columns.iter().map(at).collect::<Option<Vec<usize>>>() else { continue };
            let name = columns.first().copied().unwrap_or_default();
            let is_key = columns.len() == 1 && Some(name) == self.key;
            let mut seen: HashMap<Vec<&str>, usize> = HashMap::new();
            for (row, cells) in self.table.rows().iter().skip(1).enumerate() {
                let said = |at: &usize| cells.get(*at).map_or("", |cell| cell.trim());
                let said: Vec<&str> = places.iter().map(said).collect();
                // What is absent differs from everything.
                if said.iter().any(|cell| cell.is_empty()) {
                    continue;
                }
                match seen.get(&said) {
                    None => drop(seen.insert(said, row)),
                    Some(_) if is_key => drop(twins.repeated.insert(row)),
                    Some(first) if twins.refused.insert(row) => {
                        let message = format!("is the same as in line {}", first + 2);
                        report.refuse(row + 2, &Error::field(name, "taken", message));
                    }
                    Some(_) => {}
                }
            }
        }
        twins
    }

    /// Takes one row to see whether it can be; the caller's unit of work is to be rolled back.
    pub async fn check(&self, cx: &Cx, row: usize, twins: &Twins, report: &mut ImportReport) -> Result<()> {
        if twins.refused.contains(&row) {
            return Ok(());
        }
        let before = report.created;
        self.take(cx, row, false, report).await?;
        if report.created > before && twins.repeated.contains(&row) {
            report.created = before;
            report.updated += 1;
        }
        Ok(())
    }
}

/// What a PATCH must say so that the fields of `body` become again what they are now.
async fn restoring(cx: &Cx, resource: &dyn Dynamic, id: Id, body: &Map<String, Json>) -> Result<Before> {
    let now = record::find(cx, resource, id, "update", Trash::Without, false).await?;
    let columns: Map<String, Json> =
        now.values().iter().map(|(name, _)| ((*name).to_owned(), now.json(name))).collect();
    let shown = resource.render(cx, vec![now]).await?.pop().unwrap_or_default();
    let known = &resource.schemas().patch["properties"];
    let mut before = Before { patch: Map::new(), stored: Map::new() };
    for name in body.keys().filter(|name| known.get(name.as_str()).is_some()) {
        let value = shown[name.as_str()].clone();
        if let Some(stored) = columns.get(name).filter(|stored| **stored != value) {
            before.stored.insert(name.clone(), stored.clone());
        }
        before.patch.insert(name.clone(), value);
    }
    Ok(before)
}

/// Puts columns back as they were stored, so that what a PATCH leaves to them is right again.
async fn put_stored(cx: &Cx, resource: &dyn Dynamic, id: Id, stored: &Map<String, Json>) -> Result<()> {
    let spec = resource.spec();
    let mut statement = Query::update();
    statement.table(spec.table).and_where(Expr::col("id").eq(id));
    for column in spec.columns.iter().filter(|column| stored.contains_key(column.name)) {
        let value = match &stored[column.name] {
            Json::Null => value::null(column.kind),
            json => value::from_json(column.kind, json)
                .ok_or_else(|| Error::internal(format!("{} cannot be put back", column.name)))?,
        };
        statement.value(column.name, value);
    }
    if let Some(org) = cx.tx()?.org_filter()? {
        statement.and_where(Expr::col("org_id").eq(org));
    }
    cx.tx()?.execute(&statement).await.map(drop)
}

/// A changed record as it was before; its new version.
async fn bring_back(cx: &Cx, resource: &dyn Dynamic, id: Id, before: &Before) -> Result<i64> {
    if !before.stored.is_empty() {
        put_stored(cx, resource, id, &before.stored).await?;
    }
    let row = record::find(cx, resource, id, "update", Trash::Without, true).await?;
    let patch = Json::Object(before.patch.clone());
    record::update(cx, resource, &row, patch, false).await.map(|row| row.version())
}

/// Undoes a step, unless somebody has touched the record since; the record's new version where there
/// still is one, `None` where the step had to stay.
pub async fn take_back(cx: &Cx, resource: &dyn Dynamic, step: &Step) -> Result<Option<i64>> {
    let mut select =
        statement::scoped(cx.tx()?, resource.spec(), cx.actor()?.id, &crate::Reach::All, Trash::With)?;
    select.and_where(Expr::col("id").eq(step.record));
    if cx.tx()?.dialect() != store::Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    let Some(raw) = cx.tx()?.query_one(&select).await? else { return Ok(None) };
    let row = resource.row(&raw)?;
    if row.version() != step.version {
        return Ok(None);
    }
    cx.tx()?.savepoint("step").await?;
    let undone = match &step.before {
        None => record::purge(cx, resource, &row).await.map(|()| 0),
        Some(before) => bring_back(cx, resource, step.record, before).await,
    };
    let undone = match undone {
        Ok(version) => Some(version),
        Err(failure)
            if failure.is_retryable()
                || matches!(failure.kind(), ErrorKind::Internal | ErrorKind::Unavailable) =>
        {
            return Err(failure);
        }
        Err(failure) => {
            tracing::debug!(error = ?failure, record = %step.record, "a row of an import could not be taken back");
            cx.tx()?.back_to_savepoint("step").await?;
            cx.take_notes();
            None
        }
    };
    cx.tx()?.release_savepoint("step").await?;
    Ok(undone)
}

/// The fields that a header line names; 422 where it names others.
pub fn check_head(resource: &dyn Dynamic, head: &[String]) -> Result<Vec<Field>> {
    let fields = meta::fields(resource);
    let mut named = Vec::with_capacity(head.len());
    for name in head {
        let name = name.trim().trim_start_matches('\u{feff}');
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            let known: Vec<&str> = fields.iter().filter(|f| f.create).map(|f| f.name.as_str()).collect();
            let message = format!("is not a column; columns are {}", known.join(", "));
            return Err(Error::field(name, "unknown_field", message));
        };
        named.push(field.clone());
    }
    Ok(named)
}

/// What can be said of a long import's file before a job reads it: its media type and, of
/// comma-separated values, the header line.
pub fn check_file(cx: &Cx, resource: &dyn Dynamic) -> Result<Format> {
    let format = Format::sent(&cx.headers)?;
    if format == Format::Csv {
        check_head(resource, &sheet::csv_head(cx.body())?)?;
    }
    Ok(format)
}

pub(crate) async fn import(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let ImportOptions { dry_run, key } = ImportOptions::asked(cx, &*resource)?;
    let import = Import::new(resource, key, cx.table()?)?;
    let mut report = import.report(cx.app.new_id(), dry_run);
    cx.tx()?.savepoint("import").await?;
    for row in 0..import.len() {
        import.take(cx, row, false, &mut report).await?;
    }
    if dry_run || report.failed > 0 {
        cx.tx()?.back_to_savepoint("import").await?;
        cx.take_notes();
    } else {
        report.applied = true;
        import.record(cx, &report).await?;
    }
    Body(report).respond(cx)
}
