//! Checks of keys of ids: whether one is stopped, used up, or soon will be.

use std::sync::Arc;

use base::{Result, SystemClock};
use idgen::{Engine, Options, State, Status};
use platform::ids::LOW_DAYS;
use store::Store;

use super::Check;

/// What a migrated database says of its keys.
pub(super) async fn examine(store: &Store) -> Check {
    judge(Engine::new(store.clone(), Arc::new(SystemClock), Options::default()).alarms(LOW_DAYS).await)
}

fn judge(alarms: Result<Vec<Status>>) -> Check {
    let alarms = match alarms {
        Ok(alarms) => alarms,
        Err(error) => return Check::fail("ids", error.to_string()),
    };
    let of = |state: State| alarms.iter().filter(|one| one.key.state == state).collect::<Vec<_>>();
    let named = |keys: &[&Status]| match keys {
        [] => String::new(),
        [one] => one.key.name.to_string(),
        [one, rest @ ..] => format!("{} and {} more", one.key.name, rest.len()),
    };
    let (stopped, full, low) = (of(State::Quarantined), of(State::Exhausted), of(State::Active));
    if !stopped.is_empty() {
        let message = format!("stopped in doubt: {}; the console says why and what to do", named(&stopped));
        return Check::warn("ids", message);
    }
    if !full.is_empty() {
        return Check::warn("ids", format!("used up: {}; widen the column and the key", named(&full)));
    }
    if !low.is_empty() {
        let message = format!("full within {LOW_DAYS} days or 90 % used: {}", named(&low));
        return Check::warn("ids", message);
    }
    Check::ok("ids", "no key is stopped, used up or nearly so")
}
