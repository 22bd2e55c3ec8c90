//! Files of jobs, in pieces, so that any node can read them: what an import reads, what an export leaves.

use ::store::{Dialect, Tx, read};
use base::{Error, Id, Result};
use sea_orm::ActiveValue::Set;

use super::{entity::file, execute, query};

/// Begins a file; its pieces follow.
pub(crate) async fn begin_file(tx: &Tx, row: file::Model) -> Result<()> {
    tx.insert(file::ActiveModel {
        id: Set(row.id),
        org_id: Set(row.org_id),
        job_id: Set(row.job_id),
        name: Set(row.name),
        content_type: Set(row.content_type),
        size: Set(row.size),
        is_input: Set(row.is_input),
        created_at: Set(row.created_at),
        expires_at: Set(row.expires_at),
    })
    .await
}

/// Adds a piece.
pub(crate) async fn add_piece(tx: &Tx, org: Id, id: Id, file: Id, seq: i32, content: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO job_file_piece (id, org_id, file_id, seq, content) VALUES ($1, $2, $3, $4, $5)";
    execute(tx, sql, vec![id.into(), org.into(), file.into(), seq.into(), content.into()]).await.map(drop)
}

/// Ends a file: its size, and the job to which it belongs.
pub(crate) async fn end_file(tx: &Tx, org: Id, file: Id, job: Option<Id>, size: i64) -> Result<()> {
    let sql = "UPDATE job_file SET size = $3, job_id = COALESCE($4, job_id) WHERE org_id = $1 AND id = $2";
    match execute(tx, sql, vec![org.into(), file.into(), size.into(), job.into()]).await? {
        1 => Ok(()),
        _ => Err(Error::missing()),
    }
}

/// A piece of a file; `None` after the last.
pub(crate) async fn piece(tx: &Tx, org: Id, file: Id, seq: i32) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT content FROM job_file_piece WHERE org_id = $1 AND file_id = $2 AND seq = $3";
    let rows = query(tx, sql, vec![org.into(), file.into(), seq.into()]).await?;
    rows.first().map(|row| read(row, "content")).transpose()
}

/// Size of a file; `None` when there is none.
pub(crate) async fn file_size(tx: &Tx, org: Id, file: Id) -> Result<Option<i64>> {
    let sql = "SELECT size FROM job_file WHERE org_id = $1 AND id = $2";
    let rows = query(tx, sql, vec![org.into(), file.into()]).await?;
    rows.first().map(|row| read(row, "size")).transpose()
}

/// Deletes a file.
pub(crate) async fn drop_file(tx: &Tx, org: Id, file: Id) -> Result<()> {
    for sql in [
        "DELETE FROM job_file_piece WHERE org_id = $1 AND file_id = $2",
        "DELETE FROM job_file WHERE org_id = $1 AND id = $2",
    ] {
        execute(tx, sql, vec![org.into(), file.into()]).await?;
    }
    Ok(())
}

/// Bytes of an organisation's files.
pub(crate) async fn kept_bytes(tx: &Tx, org: Id) -> Result<u64> {
    let rows = query(tx, "SELECT size FROM job_file WHERE org_id = $1", vec![org.into()]).await?;
    let sizes = rows.iter().map(|row| read::<i64>(row, "size")).collect::<Result<Vec<_>>>()?;
    Ok(sizes.into_iter().map(|size| u64::try_from(size).unwrap_or_default()).sum())
}

/// Locks a job, if it runs under that fencing token.
pub(crate) async fn lock_attempt(tx: &Tx, org: Id, job: Id, fence: i64) -> Result<bool> {
    let lock = if tx.dialect() == Dialect::Sqlite { "" } else { " FOR UPDATE" };
    let sql = format!(
        "SELECT id FROM job WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'{lock}"
    );
    Ok(!query(tx, &sql, vec![org.into(), job.into(), fence.into()]).await?.is_empty())
}
