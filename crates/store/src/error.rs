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
                sqlx::Error::Database(database) => {
                    let code = database.code().unwrap_or_default().into_owned();
                    let message = database.message().to_owned();
                    by_code(&code, &message, cause)
                }
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

#[track_caller]
fn unavailable(cause: DbErr) -> Error {
    Error::unavailable("database_unavailable", "the database cannot be reached")
        .retry_after(2)
        .with_source(cause)
}

/// SQLSTATE (PostgreSQL, MySQL) or result code (SQLite).
#[track_caller]
fn by_code(code: &str, message: &str, cause: DbErr) -> Error {
    let lost_lock = matches!(code, "40001" | "40P01" | "55P03" | "5" | "6" | "261" | "262" | "517")
        || (code == "HY000" && message.contains("Lock wait timeout"));
    let gone = code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "70100");
    // SQLite: READONLY (8), IOERR (10), FULL (13), CANTOPEN (14).
    let disk = matches!(code, "8" | "10" | "13" | "14" | "53100");
    let unstorable = matches!(code, "22001" | "22003" | "22007" | "22008" | "22021" | "22P05" | "22026");
    if lost_lock {
        Error::unavailable("database_busy", "another change was in the way; try again")
            .retry_after(1)
            .retryable()
            .with_source(cause)
    } else if gone || disk {
        unavailable(cause)
    } else if code == "57014" {
        Error::unavailable("database_timeout", "the database took too long").retry_after(5).with_source(cause)
    } else if unstorable {
        Error::invalid("value_not_storable", "a value is too long or has characters that cannot be stored")
            .with_source(cause)
    } else {
        Error::internal(cause)
    }
}
