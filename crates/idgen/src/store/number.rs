//! The counters of formatted numbers, one per period.

use ::store::{Tx, read};
use base::{Error, Id, Result};

use super::{dialect, execute, query};

/// Moves the counter of a period by `count`; the last number drawn. A period begins with `first`, and its
/// row then gets the given id.
pub(crate) async fn draw(
    tx: &Tx,
    (org, generator, id): (Id, Id, Id),
    period: &str,
    first: i64,
    count: i64,
) -> Result<i64> {
    let sql = format!(
        "INSERT INTO id_number (org_id, id, generator_id, period, last) VALUES ($1, $2, $3, $4, $5) {}",
        dialect(tx).add_number()
    );
    let begin = first - 1 + count;
    let values = vec![org.into(), id.into(), generator.into(), period.into(), begin.into(), count.into()];
    execute(tx, &sql, values).await?;
    let sql = "SELECT last FROM id_number WHERE org_id = $1 AND generator_id = $2 AND period = $3";
    let rows = query(tx, sql, vec![org.into(), generator.into(), period.into()]).await?;
    let row = rows.first().ok_or_else(|| Error::internal("a counter that was just moved is gone"))?;
    read(row, "last")
}
