//! When a call is sent again, and how long it waits for that.

use std::time::Duration;

use crate::Error;

/// The rules. A call is sent again when it got no answer, 429 or 503; each time it waits about twice as
/// long, never less than the server asks for, and not at all beyond `longest`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// How often a call is sent again.
    pub retries: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait; where the server asks for more, the error is given at once.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { retries: 4, first: Duration::from_millis(100), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// How long to wait after the given attempt (from 0); `None` when the error is final.
    pub(crate) fn wait(&self, attempt: u32, error: &Error) -> Option<Duration> {
        if attempt >= self.retries || !error.is_transient() {
            return None;
        }
        let grown = self.first.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
        // Callers that failed together do not come again together.
        let own = grown.mul_f64(0.5 + chance() / 2.0).min(self.longest);
        let wait = own.max(error.retry_after().unwrap_or_default());
        (wait <= self.longest).then_some(wait)
    }
}

/// Between 0 and 1.
#[expect(clippy::disallowed_methods, reason = "a few random bits; a random number crate would be one more")]
pub(crate) fn chance() -> f64 {
    let bits = u32::try_from(uuid::Uuid::new_v4().as_u128() & u128::from(u32::MAX)).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_and_obey_the_server() {
        let rules = Backoff::default();
        let lost = Error::Unanswered("reset".to_owned());
        let waits: Vec<_> = (0..6).map(|attempt| rules.wait(attempt, &lost)).collect();
        assert!(waits[..4].iter().all(Option::is_some) && waits[4..].iter().all(Option::is_none));
        assert!(waits[3].unwrap() > waits[0].unwrap());
        let busy = |seconds| Error::RateLimited {
            message: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(rules.wait(0, &busy(7)), Some(Duration::from_secs(7)));
        assert_eq!(rules.wait(0, &busy(31)), None);
        assert_eq!(rules.wait(0, &Error::NotFound("no".to_owned())), None);
    }
}
