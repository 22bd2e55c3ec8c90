//! Who used how much of a key, minute by minute: what charts are drawn from, so that nobody reads a journal
//! for them.

use std::collections::BTreeMap;

use ::store::{Tx, read};
use base::{Error, Id, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;

use super::{dialect, dialect::Column, execute, query};
use crate::{Line, LineKind, Use};

#[derive(Serialize)]
struct Row<'a> {
    org_id: String,
    id: String,
    key_id: String,
    at: String,
    caller: &'a str,
    ids: i64,
    calls: i64,
}

const COLUMNS: &[(&str, Column)] = &[
    ("org_id", Column::Uuid),
    ("id", Column::Uuid),
    ("key_id", Column::Uuid),
    ("at", Column::Instant),
    ("caller", Column::Text),
    ("ids", Column::Integer),
    ("calls", Column::Integer),
];

/// Organisation, key, minute and caller.
type Place<'a> = (Id, Id, DateTime<Utc>, &'a str);

/// Adds what lines say was issued.
pub(crate) async fn count(tx: &Tx, lines: &[&Line]) -> Result<()> {
    // In order, so that two nodes never wait for each other's rows.
    let mut sums: BTreeMap<Place<'_>, (i64, i64)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.kind == LineKind::Issued) {
        let minute = line.at.duration_trunc(TimeDelta::minutes(1)).map_err(Error::internal)?;
        let caller = line.caller.as_deref().unwrap_or_default();
        let sum = sums.entry((line.org, line.key, minute, caller)).or_default();
        sum.0 = sum.0.saturating_add(i64::try_from(line.range.count()).unwrap_or(i64::MAX));
        sum.1 += line.calls;
    }
    if sums.is_empty() {
        return Ok(());
    }
    let dialect = dialect(tx);
    let hex = |id: Id| id.simple().to_string();
    let rows: Vec<Row<'_>> = sums
        .into_iter()
        .map(|((org, key, at, caller), (ids, calls))| Row {
            org_id: hex(org),
            id: hex(base::id::new(at)),
            key_id: hex(key),
            at: dialect.instant(at),
            caller,
            ids,
            calls,
        })
        .collect();
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let reads: Vec<String> = names.iter().map(|name| format!("r.{name}")).collect();
    let sql = format!(
        "INSERT INTO id_usage ({}) SELECT {} FROM {} WHERE 1 = 1 {}",
        names.join(", "),
        reads.join(", "),
        dialect.rows(COLUMNS, 1),
        dialect.add_usage()
    );
    let batch = serde_json::to_string(&rows).map_err(Error::internal)?;
    execute(tx, &sql, vec![batch.into()]).await.map(drop)
}

/// What was used of a key since an instant, in the order of time.
pub(crate) async fn since(tx: &Tx, org: Id, key: Id, since: DateTime<Utc>) -> Result<Vec<Use>> {
    let sql = "SELECT at, caller, ids, calls FROM id_usage WHERE org_id = $1 AND key_id = $2 AND at >= $3 \
               ORDER BY at, caller";
    let rows = query(tx, sql, vec![org.into(), key.into(), since.into()]).await?;
    rows.iter()
        .map(|row| {
            let caller: String = read(row, "caller")?;
            Ok(Use {
                at: read(row, "at")?,
                caller: (!caller.is_empty()).then_some(caller),
                ids: read(row, "ids")?,
                calls: read(row, "calls")?,
            })
        })
        .collect()
}

/// Forgets what is older.
pub(crate) async fn prune(tx: &Tx, before: DateTime<Utc>) -> Result<()> {
    execute(tx, "DELETE FROM id_usage WHERE at < $1", vec![before.into()]).await.map(drop)
}
