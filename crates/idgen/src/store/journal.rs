//! The journal: adding lines and finding them.

use ::store::{Tx, model, read};
use base::{Error, Id, Result};
use sea_orm::QueryResult;
use serde::Serialize;

use super::{
    dialect,
    dialect::{Column, Dialect},
    entity::line::Model,
    execute, query, usage,
};
use crate::{
    Line, LineKind, Range,
    walk::{self, Step},
};

/// A line as it is inserted. Instants are in the dialect's writing.
#[derive(Serialize)]
struct Row<'a> {
    org_id: String,
    id: String,
    key_id: String,
    kind: &'static str,
    range_start: i64,
    range_end: i64,
    turn: i64,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    calls: i64,
    node_id: String,
}

const COLUMNS: &[(&str, Column)] = &[
    ("org_id", Column::Uuid),
    ("id", Column::Uuid),
    ("key_id", Column::Uuid),
    ("kind", Column::Text),
    ("range_start", Column::Integer),
    ("range_end", Column::Integer),
    ("turn", Column::Integer),
    ("at", Column::Instant),
    ("caller", Column::Text),
    ("request_id", Column::Text),
    ("calls", Column::Integer),
    ("node_id", Column::Uuid),
];

fn row<'a>(dialect: &dyn Dialect, line: &'a Line) -> Row<'a> {
    let hex = |id: Id| id.simple().to_string();
    Row {
        org_id: hex(line.org),
        id: hex(line.id),
        key_id: hex(line.key),
        kind: line.kind.as_str(),
        range_start: line.range.start(),
        range_end: line.range.end(),
        turn: line.turn,
        at: dialect.instant(line.at),
        caller: line.caller.as_deref(),
        request_id: line.request_id.as_deref(),
        calls: line.calls,
        node_id: hex(line.node),
    }
}

/// Adds lines, in one statement whose text does not depend on their number. 409 `conflict` when one
/// claims ids whose owner is written already, or is written itself.
pub(crate) async fn insert(tx: &Tx, lines: &[&Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let dialect = dialect(tx);
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let reads: Vec<String> = names.iter().map(|name| format!("r.{name}")).collect();
    let sql = format!(
        "INSERT INTO id_journal ({}) SELECT {} FROM {}",
        names.join(", "),
        reads.join(", "),
        dialect.rows(COLUMNS, 1)
    );
    let rows: Vec<Row<'_>> = lines.iter().map(|line| row(dialect, line)).collect();
    let batch = serde_json::to_string(&rows).map_err(Error::internal)?;
    execute(tx, &sql, vec![batch.into()]).await?;
    usage::count(tx, lines).await
}

fn line(row: &QueryResult) -> Result<Line> {
    let row: Model = model(row)?;
    let unreadable = || Error::internal("id_journal holds a line that cannot be read");
    Ok(Line {
        id: row.id,
        org: row.org_id,
        key: row.key_id,
        kind: LineKind::parse(&row.kind).ok_or_else(unreadable)?,
        range: Range::new(row.range_start, row.range_end).ok_or_else(unreadable)?,
        turn: row.turn,
        at: row.at,
        caller: row.caller,
        request_id: row.request_id,
        calls: row.calls,
        node: row.node_id,
    })
}

/// The newest line about an id. Lines that stand do not overlap, so it is the last one that begins at or
/// below the id; one look into the index.
pub(crate) async fn about(tx: &Tx, org: Id, key: Id, id: i64) -> Result<Option<Line>> {
    let sql = "SELECT * FROM id_journal WHERE org_id = $1 AND key_id = $2 AND range_start <= $3 \
               ORDER BY range_start DESC, turn DESC LIMIT 1";
    let rows = query(tx, sql, vec![org.into(), key.into(), id.into()]).await?;
    let found = rows.first().map(line).transpose()?;
    Ok(found.filter(|line| line.range.contains(id)))
}

/// Lines from an id on, lowest first; of the same ids in the order in which they were written.
pub(crate) async fn lines(tx: &Tx, org: Id, key: Id, from: i64, limit: u32) -> Result<Vec<Line>> {
    let sql = "SELECT * FROM id_journal WHERE org_id = $1 AND key_id = $2 AND range_start >= $3 \
               ORDER BY range_start, turn LIMIT $4";
    let values = vec![org.into(), key.into(), from.into(), i64::from(limit).into()];
    query(tx, sql, values).await?.iter().map(line).collect()
}

/// Whether this very line is written.
pub(crate) async fn is_written(tx: &Tx, org: Id, id: Id) -> Result<bool> {
    let sql = "SELECT turn FROM id_journal WHERE org_id = $1 AND id = $2";
    Ok(!query(tx, sql, vec![org.into(), id.into()]).await?.is_empty())
}

/// A turn above that of every line that begins with this id.
pub(crate) async fn free_turn(tx: &Tx, org: Id, key: Id, start: i64) -> Result<i64> {
    let sql =
        "SELECT MAX(turn) AS turn FROM id_journal WHERE org_id = $1 AND key_id = $2 AND range_start = $3";
    let rows = query(tx, sql, vec![org.into(), key.into(), start.into()]).await?;
    let turn: Option<i64> = rows.first().map_or(Ok(None), |row| read(row, "turn"))?;
    Ok(turn.map_or(0, |turn| turn + 2))
}

/// Whether an id was handed back after the given turn.
pub(crate) async fn was_returned(tx: &Tx, org: Id, key: Id, id: i64, after: i64) -> Result<bool> {
    // A call has a million ids at most, so a range that contains the id begins not far below it.
    let sql = "SELECT turn FROM id_journal WHERE org_id = $1 AND key_id = $2 AND kind = 'returned' \
               AND range_start <= $3 AND range_start > $4 AND range_end >= $3 AND turn > $5 LIMIT 1";
    let from = id.saturating_sub(crate::MOST_IDS);
    let values = vec![org.into(), key.into(), id.into(), from.into(), after.into()];
    Ok(!query(tx, sql, values).await?.is_empty())
}

/// The end of the highest line that was not handed back.
pub(crate) async fn top(tx: &Tx, org: Id, key: Id) -> Result<Option<i64>> {
    let mut limit = 100;
    loop {
        let sql = "SELECT id, kind, range_start, range_end, turn FROM id_journal \
                   WHERE org_id = $1 AND key_id = $2 ORDER BY range_start DESC, turn DESC LIMIT $3";
        let rows = query(tx, sql, vec![org.into(), key.into(), limit.into()]).await?;
        let steps = rows.iter().map(step).collect::<Result<Vec<Step>>>()?;
        let found = walk::highest(&steps);
        if found.is_some() || rows.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            return Ok(found);
        }
        // Only a key of which the newest range went to and fro has so many.
        limit *= 10;
    }
}

fn step(row: &QueryResult) -> Result<Step> {
    let unreadable = || Error::internal("id_journal holds a line that cannot be read");
    let kind: String = read(row, "kind")?;
    let range = Range::new(read(row, "range_start")?, read(row, "range_end")?).ok_or_else(unreadable)?;
    let kind = LineKind::parse(&kind).ok_or_else(unreadable)?;
    Ok(Step::new(read(row, "id")?, kind, range, read(row, "turn")?))
}

/// Lines that follow the given first id and turn, in that order: at least one, if there is any.
pub(crate) async fn steps(tx: &Tx, org: Id, key: Id, after: (i64, i64), most: i64) -> Result<Vec<Step>> {
    let mut limit = most;
    loop {
        let sql = "SELECT id, kind, range_start, range_end, turn FROM id_journal \
                   WHERE org_id = $1 AND key_id = $2 AND range_start >= $3 ORDER BY range_start, turn LIMIT $4";
        let values = vec![org.into(), key.into(), after.0.into(), limit.into()];
        let rows = query(tx, sql, values).await?;
        let mut steps = rows.iter().map(step).collect::<Result<Vec<Step>>>()?;
        steps.retain(|step| (step.range.start(), step.turn) > after);
        if !steps.is_empty() || rows.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            return Ok(steps);
        }
        limit *= 10;
    }
}
