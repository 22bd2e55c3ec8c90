//! What can be told about the keys of an issuer, for readiness and metrics.

use std::time::Duration;

/// Whether tokens of an issuer can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// There are keys, not older than the issuer allows.
    Ok,
    /// There are keys, but they are older: the issuer is down, or nobody has asked for a while.
    Stale,
    /// There is no key.
    Empty,
}

impl Standing {
    /// The word for readiness checks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Empty => "empty",
        }
    }
}

/// The state of an issuer's keys at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether tokens can be verified.
    pub standing: Standing,
    /// Since when the issuer's last answer is in use; `None` if there is none.
    pub age: Option<Duration>,
    /// How many keys can be used.
    pub keys: usize,
    /// How often fetching has failed since it last succeeded.
    pub failures: u32,
    /// What an operator should know, in one English sentence.
    pub note: Option<&'static str>,
}
