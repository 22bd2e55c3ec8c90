//! What can go wrong, in kinds that a caller can tell apart.

use std::{fmt, time::Duration};

/// Why there is no answer to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// What was handed in can be nobody's name, or no module's; or the settings contradict each other.
    Invalid(String),
    /// [`super::Members::require`] says no.
    Denied {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
    },
    /// Nobody is called so, or no more.
    UnknownMember,
    /// No answer, or one that says to come back (408, 429, 502, 503, 504).
    Unavailable(Failure),
    /// 401 or 403: the secret or the program's key is wrong, has ended, or may not do this.
    Unauthorized(Failure),
    /// Any other answer that cannot be used.
    Failed(Failure),
    /// A message is not from Tenon, is too old, or is no message. Answer it with 400.
    BadWebhook(String),
    /// The client was closed.
    Closed,
}

/// Why something is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The member is known and may not do this.
    NotGranted,
    /// The member may do nothing for now.
    Disabled,
    /// Nobody is called so, or no more.
    Unknown,
    /// Tenon cannot be asked, and what is at hand is too old; a web application may say 503.
    Unavailable,
}

impl Reason {
    /// As a word: `not_granted`, `disabled`, `unknown`, `unavailable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotGranted => "not_granted",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
        }
    }
}

/// An answer that cannot be used, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// In words. They name no member.
    pub message: String,
    /// The HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The stable word of the problem document, where there is one.
    pub code: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// When to come again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

impl Error {
    /// What is known of the answer.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Unavailable(failure) | Self::Unauthorized(failure) | Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
    /// When the server wants the call again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.failure().and_then(|failure| failure.retry_after)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) | Self::BadWebhook(text) | Self::Denied { message: text, .. } => {
                f.write_str(text)
            }
            Self::UnknownMember => f.write_str("the member is not known"),
            Self::Unavailable(failure) | Self::Unauthorized(failure) | Self::Failed(failure) => {
                f.write_str(&failure.message)
            }
            Self::Closed => f.write_str("the client was closed"),
        }
    }
}

impl std::error::Error for Error {}
