//! Reading the journal as a whole: where lines overlap, and where nothing is written.

use ::store::{Tx, read};
use base::{Id, Result};
use sea_orm::Value;

use super::{journal::STANDS, query};
use crate::{Key, Range};

/// The lines that stand, each with the end of the highest line before it.
fn in_order() -> String {
    format!(
        "SELECT j.id, j.range_start, j.range_end, MAX(j.range_end) OVER (ORDER BY j.range_start, j.turn \
         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_end \
         FROM id_journal j WHERE j.org_id = $1 AND j.key_id = $2 AND {STANDS}"
    )
}

/// Lines that claim ids which a line before them has: the line, and the ids that are claimed twice.
pub(crate) async fn overlaps(tx: &Tx, key: &Key, limit: u32) -> Result<Vec<(Id, Range)>> {
    let sql = format!(
        "SELECT id, range_start, range_end, before_end FROM ({}) t WHERE before_end >= range_start \
         ORDER BY range_start LIMIT $3",
        in_order()
    );
    let values: Vec<Value> = vec![key.org.into(), key.id.into(), i64::from(limit).into()];
    let mut found = Vec::new();
    for row in query(tx, &sql, values).await? {
        let (start, end): (i64, i64) = (read(&row, "range_start")?, read(&row, "range_end")?);
        let before: i64 = read(&row, "before_end")?;
        if let Some(both) = Range::new(start, end.min(before)) {
            found.push((read(&row, "id")?, both));
        }
    }
    Ok(found)
}

/// Ids that were given away and of which no line speaks, lowest first.
pub(crate) async fn unwritten(tx: &Tx, key: &Key, limit: u32) -> Result<Vec<Range>> {
    let sql = format!(
        "SELECT COALESCE(before_end, $3) AS before_end, range_start FROM ({}) t \
         WHERE range_start > COALESCE(before_end, $3) + 1 ORDER BY range_start LIMIT $4",
        in_order()
    );
    let values: Vec<Value> = vec![key.org.into(), key.id.into(), key.origin.into(), i64::from(limit).into()];
    let mut found = Vec::new();
    for row in query(tx, &sql, values).await? {
        let (before, start): (i64, i64) = (read(&row, "before_end")?, read(&row, "range_start")?);
        found.extend(Range::new(before + 1, start - 1));
    }
    let sql = format!(
        "SELECT MAX(j.range_end) AS range_end FROM id_journal j WHERE j.org_id = $1 AND j.key_id = $2 AND {STANDS}"
    );
    let rows = query(tx, &sql, vec![key.org.into(), key.id.into()]).await?;
    let written: Option<i64> = rows.first().map_or(Ok(None), |row| read(row, "range_end"))?;
    let written = written.unwrap_or(key.origin).max(key.origin);
    if let Some(above) = written.checked_add(1) {
        found.extend(Range::new(above, key.ceiling));
    }
    Ok(found)
}
