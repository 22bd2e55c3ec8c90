//! Requests that may come again, and the ranges that they were given.

use ::store::Tx;
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::{execute, query};
use crate::{Key, Line, Range};

/// What a token stands for.
pub(crate) struct Remembered {
    pub key: Id,
    pub range: Range,
}

/// What a caller's token was answered with, if it still counts.
pub(crate) async fn find(
    tx: &Tx,
    org: Id,
    caller: &str,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<Remembered>> {
    let sql = "SELECT key_id, range_start, range_end FROM id_request \
               WHERE org_id = $1 AND caller = $2 AND token = $3 AND expires_at > $4";
    let values: Vec<Value> = vec![org.into(), caller.into(), token.into(), now.into()];
    let rows = query(tx, sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let range = Range::new(::store::read(row, "range_start")?, ::store::read(row, "range_end")?);
    let key = ::store::read(row, "key_id")?;
    Ok(range.map(|range| Remembered { key, range }))
}

/// Remembers a token. 409 `conflict` when the caller has used it.
pub(crate) async fn insert(
    tx: &Tx,
    id: Id,
    caller: &str,
    token: &str,
    line: &Line,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let sql = "DELETE FROM id_request WHERE org_id = $1 AND caller = $2 AND token = $3 AND expires_at <= $4";
    execute(tx, sql, vec![line.org.into(), caller.into(), token.into(), now.into()]).await?;
    let sql = "INSERT INTO id_request (org_id, id, caller, token, key_id, range_start, range_end, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = vec![
        line.org.into(),
        id.into(),
        caller.into(),
        token.into(),
        line.key.into(),
        line.range.start().into(),
        line.range.end().into(),
        until.into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// Forgets that a range answers a token: it was handed back.
pub(crate) async fn forget_range(tx: &Tx, key: &Key, range: Range) -> Result<()> {
    let sql = "DELETE FROM id_request WHERE org_id = $1 AND key_id = $2 AND range_start = $3";
    execute(tx, sql, vec![key.org.into(), key.id.into(), range.start().into()]).await.map(drop)
}

/// Forgets what is too old.
pub(crate) async fn prune(tx: &Tx, now: DateTime<Utc>) -> Result<()> {
    execute(tx, "DELETE FROM id_request WHERE expires_at <= $1", vec![now.into()]).await.map(drop)
}
