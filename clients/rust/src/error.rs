//! What can go wrong, and how an answer tells it.

use std::{fmt, time::Duration};

use serde_json::Value;

/// Why there are no ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such database, table, column or key.
    NotFound(String),
    /// The key has fewer ids left than were asked for.
    Exhausted(String),
    /// The key is in quarantine: somebody has to look at it.
    Quarantined(String),
    /// It contradicts what is there, such as an idempotency key that came with another request.
    Conflict(String),
    /// Too many calls or ids.
    RateLimited {
        /// In words.
        message: String,
        /// When to come again.
        retry_after: Option<Duration>,
    },
    /// The service cannot work now.
    Unavailable {
        /// In words.
        message: String,
        /// When to come again.
        retry_after: Option<Duration>,
    },
    /// An API key is missing, wrong, or not allowed to.
    Unauthorized(String),
    /// The request is not right; what is wrong with it, as the service says it.
    Invalid(Value),
    /// There was no answer; the ids may have been given away, and the same idempotency key gets them.
    Unanswered(String),
    /// An answer that is none.
    Protocol(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Unanswered(_))
    }
    /// When the server wants the call again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(text)
            | Self::Exhausted(text)
            | Self::Quarantined(text)
            | Self::Conflict(text)
            | Self::Unauthorized(text)
            | Self::Protocol(text) => f.write_str(text),
            Self::RateLimited { message, .. } | Self::Unavailable { message, .. } => f.write_str(message),
            Self::Invalid(what) => write!(f, "the request is not valid: {what}"),
            Self::Unanswered(why) => write!(f, "no answer: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// The answer, or what it says went wrong. The older wire says it with a code in HTTP 200, the newer one
/// with a problem (RFC 9457).
pub(crate) fn judge(status: u16, answer: Value, retry_after: Option<Duration>) -> Result<Value, Error> {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    let message = text("msg").or(text("detail")).unwrap_or_else(|| format!("HTTP {status}"));
    let code = match (status, answer["code"].as_u64()) {
        (200, None | Some(0)) => return Ok(answer),
        (200, Some(code)) => u16::try_from(code).unwrap_or(500),
        _ => status,
    };
    let says = |word: &str| {
        message.contains(word) || answer["code"].as_str().is_some_and(|code| code.contains(word))
    };
    Err(match code {
        404 => Error::NotFound(message),
        401 | 403 => Error::Unauthorized(message),
        409 if says("exhausted") => Error::Exhausted(message),
        503 | 409 if says("quarantine") => Error::Quarantined(message),
        409 => Error::Conflict(message),
        400 | 413 | 415 | 422 => Error::Invalid(answer),
        429 => Error::RateLimited { message, retry_after },
        503 => Error::Unavailable { message, retry_after },
        _ => Error::Protocol(message),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_wires_say_what_went_wrong() {
        let old = |code: u16, msg: &str| json!({ "code": code, "msg": msg, "data": null, "traceId": null });
        for (status, answer, expected) in [
            (200, old(404, "Table 't' …"), "NotFound"),
            (200, old(409, "the key k is exhausted: 0 ids left"), "Exhausted"),
            (200, old(409, "the idempotency key came with another request"), "Conflict"),
            (200, old(503, "the key k is in quarantine: …"), "Quarantined"),
            (503, old(503, "Redis cannot be reached"), "Unavailable"),
            (429, old(429, "too many"), "RateLimited"),
            (401, json!({ "detail": "Authorization header missing" }), "Unauthorized"),
            (422, json!({ "detail": [] }), "Invalid"),
            (409, json!({ "code": "key_exhausted", "detail": "0 ids left" }), "Exhausted"),
            (503, json!({ "code": "key_quarantined", "detail": "stopped" }), "Quarantined"),
            (500, json!({ "code": 500, "msg": "Internal Server Error" }), "Protocol"),
        ] {
            let error = judge(status, answer.clone(), None).unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{answer}: {error:?}");
        }
        assert!(judge(200, old(0, ""), None).is_ok());
    }
}
