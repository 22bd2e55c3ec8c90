//! Backup and restore of the embedded database, and the lock that keeps restore from a running server.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base::{Error, Result};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{Dialect, Store, error, provision};

/// Held by every process that uses a data directory; released when dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// The embedded database's file of a `sqlite:` URL; `None` for other databases and for `:memory:`.
pub fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(provision::percent_decode(path)))
}

fn lock_file(data_dir: &Path) -> Result<File> {
    let path = data_dir.join(".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true).mode(0o600);
    options.open(&path).map_err(|cause| {
        Error::unavailable(
            "data_dir_not_writable",
            format!("cannot write {}: {cause}; check DATA_DIR and its permissions", path.display()),
        )
    })
}

/// Says that this process uses the data directory. Several processes may.
pub fn share(data_dir: &Path) -> Result<DataLock> {
    let file = lock_file(data_dir)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(DataLock { _file: file }),
        Err(_) => Err(Error::conflict("data_dir_locked", "a restore is running on this data directory")),
    }
}

/// Says that this process alone uses the data directory.
pub fn claim(data_dir: &Path) -> Result<DataLock> {
    let file = lock_file(data_dir)?;
    match file.try_lock() {
        Ok(()) => Ok(DataLock { _file: file }),
        Err(_) => {
            Err(Error::conflict("data_dir_locked", "a server is using this data directory; stop it first"))
        }
    }
}

/// Writes a consistent copy of the embedded database to `target`, readable by its owner only, while
/// the database is in use or not; its bytes. 409 `file_exists`, 422 `not_embedded`.
pub async fn backup(store: &Store, target: &Path) -> Result<u64> {
    if store.dialect() != Dialect::Sqlite {
        return Err(Error::invalid("not_embedded", "use pg_dump or mariadb-dump for this database"));
    }
    // Made first and empty, so that it is nobody else's to read for a moment: it holds everything.
    match private(target) {
        Ok(_) => {}
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::conflict("file_exists", format!("{} exists already", target.display())));
        }
        Err(cause) => {
            let detail = format!("cannot write {}: {cause}", target.display());
            return Err(Error::invalid("backup_not_writable", detail));
        }
    }
    let written = copy_into(store, target).await;
    if written.is_err() {
        let _ = std::fs::remove_file(target);
    }
    written
}

/// A new file that only its owner reads.
fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

async fn copy_into(store: &Store, target: &Path) -> Result<u64> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Sqlite,
        "VACUUM INTO ?",
        [target.display().to_string().into()],
    );
    // A reader's connection: this process's writer goes on meanwhile.
    store.raw_reader().execute_raw(statement).await.map_err(error)?;
    let file = File::open(target).map_err(Error::internal)?;
    file.sync_all().map_err(Error::internal)?;
    file.metadata().map(|meta| meta.len()).map_err(Error::internal)
}

/// Replaces the embedded database with a backup. The caller holds [`claim`]. Whenever it is cut off,
/// there is the old database with all that was committed, or the new one.
pub async fn restore(_claimed: &DataLock, source: &Path, database: &Path) -> Result<()> {
    check(source).await?;
    let fresh = database.with_extension("restoring");
    copy_durably(source, &fresh).map_err(|cause| cannot_copy(source, &cause))?;
    let sides = ["-wal", "-shm"].map(|suffix| {
        let mut side = database.as_os_str().to_owned();
        side.push(suffix);
        PathBuf::from(side)
    });
    // What is in the log belongs to the old file and must neither be lost with it, should this be cut
    // off, nor be replayed into the new one. Where it cannot be read, the old file cannot either.
    if database.exists() && fold_log(database).await.is_err() {
        tracing::warn!("the database that is replaced could not be read");
        sides.iter().for_each(|side| drop(std::fs::remove_file(side)));
    }
    let replace = || {
        std::fs::rename(&fresh, database)?;
        for side in &sides {
            match std::fs::remove_file(side) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
        }
        sync_folder(database)
    };
    replace().map_err(|cause| cannot_copy(source, &cause))
}

/// A copy that only its owner reads, and that is on the disk when this returns.
fn copy_durably(source: &Path, target: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(target) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut copy = private(target)?;
    std::io::copy(&mut File::open(source)?, &mut copy)?;
    copy.sync_all()
}

/// Makes a rename last.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Moves what is in a database's log into the file itself, and empties the log.
async fn fold_log(database: &Path) -> Result<()> {
    let file = database.to_owned();
    let mut options = sea_orm::ConnectOptions::new("sqlite://");
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| sqlite.filename(&file).create_if_missing(false));
    let connection = sea_orm::Database::connect(options).await.map_err(error)?;
    let fold = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = connection.query_one_raw(fold).await.map_err(error);
    connection.close().await.map_err(error)?;
    let busy: Option<i64> = row?.and_then(|row| row.try_get_by_index(0).ok());
    match busy {
        Some(0) => Ok(()),
        _ => Err(Error::conflict("data_dir_locked", "another program uses the database")),
    }
}

fn cannot_copy(source: &Path, cause: &std::io::Error) -> Error {
    Error::invalid("backup_unreadable", format!("cannot restore {}: {cause}", source.display()))
}

/// Whether the file is a whole SQLite database with our tables.
async fn check(source: &Path) -> Result<()> {
    let not_ours = || Error::invalid("not_a_backup", format!("{} is not a Tenon backup", source.display()));
    if !source.is_file() {
        return Err(Error::invalid("no_such_file", format!("there is no file {}", source.display())));
    }
    let mut options =
        sea_orm::ConnectOptions::new(format!("sqlite://{}?mode=ro&immutable=1", source.display()));
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.map_err(|_| not_ours())?;
    let intact = Statement::from_string(DbBackend::Sqlite, "PRAGMA quick_check");
    let row = connection.query_one_raw(intact).await.map_err(|_| not_ours())?;
    let verdict: Option<String> = row.and_then(|row| row.try_get_by_index(0).ok());
    let history = Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) FROM schema_migration");
    let known = connection.query_one_raw(history).await.is_ok();
    connection.close().await.map_err(error)?;
    if verdict.as_deref() == Some("ok") && known { Ok(()) } else { Err(not_ours()) }
}
