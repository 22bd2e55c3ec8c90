//! What can go wrong with a call, and the errors that it becomes.

use base::{Error, FieldError, Kind};
use outbound::http::{Answer, header};
use serde_json::{Map, Value};

/// Seconds after which a caller may ask again when nothing better is known.
const AGAIN: u32 = 5;
/// The longest wait that is passed on.
const AGAIN_MAX: u32 = 300;
/// Characters of one of Authentik's sentences that are passed on.
const SENTENCE: usize = 300;

/// Why an attempt has brought no answer that says anything.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It took too long, or a proxy says so (504).
    Silent(Error),
    /// It was not reached, or the connection broke, or a proxy says so (502, 503).
    Unreachable(Error),
    /// It sent more than is read.
    TooLong(Error),
    /// It was not asked, since it has not answered for a while.
    Shut(Error),
}

impl Trouble {
    /// What became of an attempt.
    pub(crate) fn of(outcome: base::Result<Answer>) -> Result<Answer, Self> {
        match outcome {
            Ok(answer) => match answer.status {
                502 | 503 => Err(Self::Unreachable(Error::internal(format!("status {}", answer.status)))),
                504 => Err(Self::Silent(Error::internal("status 504"))),
                _ => Ok(answer),
            },
            Err(error) if outbound::http::is_timeout(&error) => Err(Self::Silent(error)),
            Err(error) if error.code() == "answer_too_large" => Err(Self::TooLong(error)),
            Err(error) => Err(Self::Unreachable(error)),
        }
    }

    /// Whether asking once more at once may help. Whoever was silent for the whole time may be so again.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            // A proxy's word, not a wait of our own.
            Self::Silent(error) => error.kind() == Kind::Internal,
            Self::TooLong(_) | Self::Shut(_) => false,
        }
    }

    /// The error.
    #[track_caller]
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Silent(cause) => timeout().with_source(cause),
            Self::Unreachable(cause) => unavailable(AGAIN).with_source(why(&cause)),
            Self::TooLong(cause) => unusable("an answer is too long").with_source(cause),
            Self::Shut(error) => error,
        }
    }
}

/// The sentence of an error with its cause, for the log.
fn why(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// 504.
#[track_caller]
pub(crate) fn timeout() -> Error {
    Error::gateway_timeout("authentik_timeout", "Authentik did not answer in time")
}

/// 503.
#[track_caller]
pub(crate) fn unavailable(seconds: u32) -> Error {
    Error::unavailable("authentik_unavailable", "Authentik cannot be reached at the moment")
        .retry_after(seconds)
}

/// 502: an answer that cannot be used.
#[track_caller]
pub(crate) fn unusable(why: &'static str) -> Error {
    Error::bad_gateway("authentik_error", "Authentik gave an answer that cannot be used").with_source(why)
}

/// An answer that refuses.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> Error {
    let status = answer.status;
    match status {
        403 => Error::bad_gateway(
            "authentik_error",
            "Authentik does not accept the token of this server, or does not let it do this",
        )
        .with_source("status 403"),
        429 => {
            let told = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = told.and_then(|text| text.parse().ok()).unwrap_or(AGAIN);
            unavailable(seconds.clamp(1, AGAIN_MAX)).with_source("status 429")
        }
        _ => Error::bad_gateway("authentik_error", format!("Authentik answered with status {status}"))
            .with_source(format!("status {status}")),
    }
}

/// The errors of a 400, by Authentik's names of fields; `None` if it is none of its maps.
pub(crate) fn complaints(answer: &Answer) -> Option<Map<String, Value>> {
    let map: Map<String, Value> = serde_json::from_slice(&answer.body).ok()?;
    let map: Map<String, Value> = map.into_iter().filter(|(name, _)| name != "code").collect();
    (!map.is_empty()).then_some(map)
}

/// 422 with Authentik's words, under this product's names of fields. `hide` takes out what nobody may see.
#[track_caller]
pub(crate) fn invalid(complaints: &Map<String, Value>, hide: impl Fn(&str) -> String) -> Error {
    let errors = complaints.iter().flat_map(|(name, said)| {
        let field = match name.as_str() {
            "name" => "display_name",
            "non_field_errors" | "detail" => "",
            other => other,
        };
        let sentences: Vec<&str> = match said {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one],
            _ => Vec::new(),
        };
        let sentences = if sentences.is_empty() { vec!["Authentik does not accept it"] } else { sentences };
        let sentences = sentences
            .into_iter()
            .map(|text| hide(&base::text::one_line(text)).chars().take(SENTENCE).collect::<String>());
        let errors = sentences.map(|text| FieldError::new(hide(field), "authentik_refused", text));
        errors.collect::<Vec<_>>()
    });
    Error::fields(errors.take(50).collect())
}
