//! The numbers of nodes.

use ::store::{Tx, read};
use base::{Error, Id, Result};
use chrono::{DateTime, Utc};

use super::{dialect, execute, query};
use crate::worker::Worker;

/// Takes the lowest number below `numbers` that nobody holds and whose last holder has reserved nothing
/// beyond `now` (milliseconds); with it come `ahead` milliseconds.
///
/// Errors: 503 `no_worker_number`; 409 `conflict` when another node made the same row at the same time.
pub(crate) async fn lease(
    tx: &Tx,
    node: Id,
    numbers: i64,
    (now, ahead): (i64, i64),
    (at, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Worker> {
    let lock = dialect(tx).for_update();
    let sql = format!("SELECT number, fence, reserved, lease_until FROM id_worker ORDER BY number {lock}");
    let rows = query(tx, &sql, Vec::new()).await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        let number: i64 = read(row, "number")?;
        let reserved: i64 = read(row, "reserved")?;
        let lease: DateTime<Utc> = read(row, "lease_until")?;
        taken.push(number);
        if lease <= at && reserved < now && number < numbers {
            let fence: i64 = read(row, "fence")?;
            let sql = "UPDATE id_worker SET node_id = $1, fence = $2, reserved = $3, lease_until = $4 \
                       WHERE number = $5";
            let values =
                vec![node.into(), (fence + 1).into(), (now + ahead).into(), until.into(), number.into()];
            execute(tx, sql, values).await?;
            return Ok(Worker::new(number, fence + 1, reserved, now + ahead));
        }
    }
    let free = (0..numbers).find(|number| !taken.contains(number));
    let number = free.ok_or_else(|| {
        let detail = format!("all {numbers} numbers of nodes are in use");
        Error::unavailable("no_worker_number", detail).retry_after(30)
    })?;
    let sql =
        "INSERT INTO id_worker (number, node_id, fence, reserved, lease_until) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![number.into(), node.into(), 1_i64.into(), (now + ahead).into(), until.into()];
    execute(tx, sql, values).await?;
    Ok(Worker::new(number, 1, now - 1, now + ahead))
}

/// Moves the reservation and the lease of a number; whether the node still holds it.
pub(crate) async fn keep(
    tx: &Tx,
    node: Id,
    (number, fence): (i64, i64),
    reserved: i64,
    until: DateTime<Utc>,
) -> Result<bool> {
    let sql = "UPDATE id_worker SET reserved = $1, lease_until = $2 WHERE number = $3 AND node_id = $4 AND fence = $5";
    let values = vec![reserved.into(), until.into(), number.into(), node.into(), fence.into()];
    Ok(execute(tx, sql, values).await? == 1)
}
