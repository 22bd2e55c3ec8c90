//! From how an attempt went to what is written about it. Pure: imports the policy and the rows.

use std::time::Duration;

use super::dice;
use crate::{
    Outcome, Policy, State,
    store::{Claimed, Ending, Note},
};

/// The longest result that is kept.
const RESULT_LIMIT: usize = 64 * 1024;

/// The state in which an attempt leaves its job, and what is written; `None` when nothing may be. `keep` is how
/// long a job is kept that succeeded, and one that did not.
pub(crate) fn ending(
    job: &Claimed,
    policy: &Policy,
    (keep, keep_failed): (Duration, Duration),
    outcome: Outcome,
) -> Option<(State, Ending)> {
    let note = |how: &'static str, error: String| Note {
        outcome: how,
        error: crate::engine::shorten(&error, 4_000),
    };
    Some(match outcome {
        Outcome::Lost => return None,
        Outcome::Succeeded(value) => {
            let text = (!value.is_null()).then(|| value.to_string());
            if text.as_ref().is_some_and(|text| text.len() > RESULT_LIMIT) {
                let error = format!("its result is longer than {RESULT_LIMIT} bytes");
                (State::Dead, Ending::Dead { keep: keep_failed, note: note("failed", error) })
            } else {
                (State::Succeeded, Ending::Succeeded { result: text, keep })
            }
        }
        Outcome::Failed { error, fatal, how } if fatal || job.attempt >= job.max_attempts => {
            (State::Dead, Ending::Dead { keep: keep_failed, note: note(how, error) })
        }
        Outcome::Failed { error, how, .. } => {
            let wait = policy.backoff.after(job.attempt, dice());
            (State::Failed, Ending::Retry { wait, note: note(how, error) })
        }
        Outcome::Snoozed(time) => (State::Scheduled, Ending::Again { wait: time, note: None }),
        Outcome::HandedBack => {
            let note = note("handed_back", "the worker went away; another begins it anew".to_owned());
            (State::Ready, Ending::Again { wait: Duration::ZERO, note: Some(note) })
        }
        Outcome::Cancelled => {
            let note = note("cancelled", "cancelled while it ran".to_owned());
            (State::Cancelled, Ending::Cancelled { keep: keep_failed, note })
        }
    })
}
