//! Files of jobs: written piece by piece, each piece its own transaction, readable on any node.

use std::time::Duration;

use ::store::{Mode, Tx};
use base::{Error, Id, Result};

use crate::{
    Engine,
    store::{self, entity::file::Model},
};

/// The largest file (decision 5.6).
pub const FILE_LIMIT: u64 = 64 * 1024 * 1024;
/// Bytes of a piece: well below what every database takes as one value.
const PIECE: usize = 256 * 1024;
/// How long files are kept.
const KEEP: Duration = Duration::from_hours(7 * 24);

/// A file to be.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The organisation.
    pub org: Id,
    /// The job to which it belongs, when there is one already.
    pub job: Option<Id>,
    /// Name offered to people.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Whether a job reads it, rather than leaves it.
    pub is_input: bool,
}

/// A file that is being written.
pub struct FileWriter {
    engine: Engine,
    org: Id,
    id: Id,
    seq: i32,
    size: u64,
    rest: Vec<u8>,
}

impl Engine {
    /// Begins a file.
    pub async fn write_file(&self, file: NewFile) -> Result<FileWriter> {
        let (tx, now) = self.system(Mode::Write).await?;
        let id = base::id::new(now);
        let row = Model {
            id,
            org_id: file.org,
            job_id: file.job,
            name: crate::engine::shorten(&file.name, 200),
            content_type: crate::engine::shorten(&file.content_type, 100),
            size: 0,
            is_input: file.is_input,
            created_at: now,
            expires_at: now + KEEP,
        };
        store::begin_file(&tx, row).await?;
        tx.commit().await?;
        Ok(FileWriter { engine: self.clone(), org: file.org, id, seq: 0, size: 0, rest: Vec::new() })
    }

    /// One piece of a file, counted from 0; `None` after the last.
    pub async fn read_piece(&self, tx: &Tx, org: Id, file: Id, seq: i32) -> Result<Option<Vec<u8>>> {
        store::piece(tx, org, file, seq).await
    }

    /// A whole file, for work outside a request; 422 `file_expired` once it is not kept any more.
    pub async fn read_file(&self, org: Id, file: Id) -> Result<Vec<u8>> {
        let (tx, _) = self.system(Mode::Read).await?;
        let expired = || Error::invalid("file_expired", "the file is not kept any more");
        let size = store::file_size(&tx, org, file).await?.ok_or_else(expired)?;
        let mut content = Vec::new();
        let mut seq = 0;
        while let Some(piece) = store::piece(&tx, org, file, seq).await? {
            content.extend(piece);
            seq += 1;
        }
        tx.commit().await?;
        // It may be forgotten while it is read.
        if i64::try_from(content.len()) == Ok(size) { Ok(content) } else { Err(expired()) }
    }

    /// Forgets a file at once.
    pub async fn drop_file(&self, org: Id, file: Id) -> Result<()> {
        let (tx, _) = self.system(Mode::Write).await?;
        store::drop_file(&tx, org, file).await?;
        tx.commit().await
    }

    /// Bytes of the files that are kept for an organisation.
    pub async fn kept_bytes(&self, tx: &Tx, org: Id) -> Result<u64> {
        store::kept_bytes(tx, org).await
    }

    /// Gives a file to the attempt that made it; 409 `lease_lost` when another attempt has the job by now.
    pub async fn leave_file(&self, tx: &Tx, run: &crate::Run, file: Id, size: u64) -> Result<()> {
        if !store::lock_attempt(tx, run.org(), run.id(), run.fence()).await? {
            return Err(Error::conflict("lease_lost", "another attempt has the job by now"));
        }
        self.attach_file(tx, run.org(), file, run.id(), size).await
    }

    /// Says to which job a file belongs, in the transaction that enqueues it.
    pub async fn attach_file(&self, tx: &Tx, org: Id, file: Id, job: Id, size: u64) -> Result<()> {
        store::end_file(tx, org, file, Some(job), i64::try_from(size).unwrap_or(i64::MAX)).await
    }
}

impl FileWriter {
    /// The file.
    pub fn id(&self) -> Id {
        self.id
    }
    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Forgets what was written.
    pub async fn abandon(self) -> Result<()> {
        self.engine.drop_file(self.org, self.id).await
    }

    /// Adds bytes; 422 `file_too_large` beyond [`FILE_LIMIT`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.size > FILE_LIMIT {
            let message = format!("a file of a job has {} MiB at most", FILE_LIMIT / 1024 / 1024);
            return Err(Error::invalid("file_too_large", message));
        }
        self.rest.extend_from_slice(bytes);
        while self.rest.len() >= PIECE {
            let after = self.rest.split_off(PIECE);
            let piece = std::mem::replace(&mut self.rest, after);
            self.put(piece).await?;
        }
        Ok(())
    }

    async fn put(&mut self, piece: Vec<u8>) -> Result<()> {
        let (tx, _) = self.engine.system(Mode::Write).await?;
        store::add_piece(&tx, self.org, self.engine.new_id(), self.id, self.seq, piece).await?;
        self.seq += 1;
        tx.commit().await
    }

    /// Writes what is left; the file's id and size.
    pub async fn finish(mut self) -> Result<(Id, u64)> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.put(rest).await?;
        }
        let (tx, _) = self.engine.system(Mode::Write).await?;
        store::end_file(&tx, self.org, self.id, None, i64::try_from(self.size).unwrap_or(i64::MAX)).await?;
        tx.commit().await?;
        Ok((self.id, self.size))
    }
}
