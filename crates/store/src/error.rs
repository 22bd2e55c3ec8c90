//! From a driver's failure to a [`base::Error`]: the caller learns what he may do, the log the rest.

use base::Error;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// What a driver's failure means.
///
/// Broken uniqueness is 409 `conflict`, a broken reference 409 `in_use`, an unreachable or
/// overloaded database 503, a lost lock 503 and [retryable](Error::is_retryable), a value that
/// the column cannot hold 422, and everything else a bug: 500.
#[track_caller]
pub fn error(cause: DbErr) -> Error {
    match cause.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            return Error::conflict("conflict", "a record with these values exists already")
                .with_source(cause);
        }
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            return Error::conflict("in_use", "other records refer to this one").with_source(cause);
        }
        _ => {}
    }
    match &cause {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => unavailable(cause),
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            match inner.as_ref() {
                sqlx::Error::Database(database) => match meaning(database.as_ref()) {
                    Meaning::LostLock => {
                        Error::unavailable("database_busy", "another change was in the way; try again")
                            .retry_after(1)
                            .retryable()
                            .with_source(cause)
                    }
                    Meaning::Unavailable => unavailable(cause),
                    Meaning::TooSlow => Error::unavailable("database_timeout", "the database took too long")
                        .retry_after(5)
                        .with_source(cause),
                    Meaning::Unstorable => {
                        let detail = "a value is too long or has characters that cannot be stored";
                        Error::invalid("value_not_storable", detail).with_source(cause)
                    }
                    Meaning::Bug => Error::internal(cause),
                },
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => unavailable(cause),
                _ => Error::internal(cause),
            }
        }
        _ => Error::internal(cause),
    }
}

/// Whether a statement of a migration says that it was done before: MySQL has no `IF NOT EXISTS` for columns and
/// indexes (a column or an index that is there, one that is to be dropped and is not).
pub(crate) fn is_done_before(cause: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = cause
    else {
        return false;
    };
    let sqlx::Error::Database(database) = inner.as_ref() else { return false };
    let failure = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
    failure.is_some_and(|failure| matches!(failure.number(), 1060 | 1061 | 1091))
}

#[track_caller]
fn unavailable(cause: DbErr) -> Error {
    Error::unavailable("database_unavailable", "the database cannot be reached")
        .retry_after(2)
        .with_source(cause)
}

/// What a database's own code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    LostLock,
    Unavailable,
    TooSlow,
    Unstorable,
    Bug,
}

fn meaning(failure: &dyn sqlx::error::DatabaseError) -> Meaning {
    let code = failure.code().unwrap_or_default();
    if failure.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return by_result_code(&code);
    }
    if let Some(failure) = failure.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        match failure.number() {
            // Lock wait timeout.
            1205 => return Meaning::LostLock,
            // Disk full, table full, and a server that was made read-only.
            1021 | 1114 | 1290 | 1836 => return Meaning::Unavailable,
            _ => {}
        }
    }
    by_state(&code)
}

/// SQLite's result codes. The driver gives extended ones; their lowest byte is the kind of failure,
/// the rest its circumstances.
fn by_result_code(code: &str) -> Meaning {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        // BUSY, LOCKED
        5 | 6 => Meaning::LostLock,
        // READONLY, IOERR, FULL, CANTOPEN
        8 | 10 | 13 | 14 => Meaning::Unavailable,
        // TOOBIG
        18 => Meaning::Unstorable,
        _ => Meaning::Bug,
    }
}

/// SQLSTATE, of PostgreSQL and MySQL.
fn by_state(code: &str) -> Meaning {
    match code {
        "40001" | "40P01" | "55P03" => Meaning::LostLock,
        // Shutting down, starting, too many connections, interrupted; read-only (a standby), disk
        // full, input and output.
        "57P01" | "57P02" | "57P03" | "53300" | "70100" | "25006" | "53100" | "58030" => Meaning::Unavailable,
        "57014" => Meaning::TooSlow,
        "22001" | "22003" | "22007" | "22008" | "22021" | "22P05" | "22026" => Meaning::Unstorable,
        _ if code.starts_with("08") => Meaning::Unavailable,
        _ => Meaning::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_disk_is_no_bug_whatever_its_circumstances() {
        // READONLY_DBMOVED, IOERR_WRITE, IOERR_SHORT_READ, CANTOPEN_ISDIR, FULL
        for code in ["1032", "778", "522", "526", "13"] {
            assert_eq!(by_result_code(code), Meaning::Unavailable, "{code}");
        }
        // BUSY_SNAPSHOT, LOCKED_SHAREDCACHE, BUSY
        for code in ["517", "262", "5"] {
            assert_eq!(by_result_code(code), Meaning::LostLock, "{code}");
        }
        // ERROR, CORRUPT_INDEX
        for code in ["1", "779", "no number"] {
            assert_eq!(by_result_code(code), Meaning::Bug, "{code}");
        }
        for (state, meaning) in [
            ("25006", Meaning::Unavailable),
            ("58030", Meaning::Unavailable),
            ("08006", Meaning::Unavailable),
            ("40001", Meaning::LostLock),
            ("57014", Meaning::TooSlow),
            ("42P01", Meaning::Bug),
        ] {
            assert_eq!(by_state(state), meaning, "{state}");
        }
    }
}
