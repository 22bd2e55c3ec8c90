//! Backup and restore of the embedded database, and the lock that keeps restore from a running server.

use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
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
    // Made here, empty, so that nobody else on the machine may read it and nothing is overwritten.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
    made.map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => {
            Error::conflict("file_exists", format!("{} exists already", target.display()))
        }
        _ => {
            let message = format!("{} cannot be written: {cause}", target.display());
            Error::unavailable("backup_not_written", message)
        }
    })?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Sqlite,
        "VACUUM INTO ?",
        [target.display().to_string().into()],
    );
    // A reader's connection: this process's writer goes on meanwhile.
    if let Err(cause) = store.raw_reader().execute_raw(statement).await {
        let _ = std::fs::remove_file(target);
        return Err(error(cause));
    }
    std::fs::metadata(target).map(|meta| meta.len()).map_err(Error::internal)
}

/// Replaces the embedded database with a backup. The caller holds [`claim`].
pub async fn restore(_claimed: &DataLock, source: &Path, database: &Path) -> Result<()> {
    check(source).await?;
    let fresh = database.with_extension("restoring");
    std::fs::copy(source, &fresh).map_err(|cause| cannot_copy(source, &cause))?;
    for suffix in ["-wal", "-shm"] {
        let mut side = database.as_os_str().to_owned();
        side.push(suffix);
        let _ = std::fs::remove_file(PathBuf::from(side));
    }
    std::fs::rename(&fresh, database).map_err(|cause| cannot_copy(source, &cause))
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
