//! A job to be: what to do, for whom, when, and under which conditions.

use std::time::Duration;

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{Arguments, engine::shorten};

/// The most that the arguments of one job may be, as JSON text (decision 5.6).
pub const ARGS_LIMIT: usize = 256 * 1024;

/// The longest unique key that is stored as it is, in characters.
const KEY_LIMIT: usize = 120;

/// When a job that waits for others may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When all of them succeeded; when one dies or is cancelled, this one is cancelled.
    Succeeded,
    /// When all of them have ended, however.
    Settled,
}

/// What makes a job the same as another one.
#[derive(Clone, Debug)]
pub(crate) struct Unique {
    pub key: String,
    pub period: Option<Duration>,
}

/// A job before it is enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) org: Id,
    pub(crate) kind: String,
    pub(crate) args: Value,
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<i32>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) run_at: Option<DateTime<Utc>>,
    pub(crate) delay: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) unique: Option<Unique>,
    pub(crate) created_by: Option<Id>,
    pub(crate) request_id: Option<String>,
    /// The schedule that made it, and for which of its times.
    pub(crate) schedule: Option<(Id, DateTime<Utc>)>,
    /// The schedule of which somebody asked for a run outside its times.
    pub(crate) extra_schedule: Option<Id>,
    pub(crate) waits_for: Vec<(Id, When)>,
    pub(crate) group: Option<Id>,
}

/// What became of a [`NewJob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job: the new one, or the one that was there already.
    pub id: Id,
    /// Whether it is new.
    pub fresh: bool,
}

impl NewJob {
    /// A job of a kind that the compiler knows.
    pub fn of<A: Arguments>(org: Id, arguments: &A) -> Result<Self> {
        let args = serde_json::to_value(arguments).map_err(Error::internal)?;
        Ok(Self::named(org, A::KIND, args))
    }

    /// A job of a kind by its name; name and arguments are checked when it is enqueued.
    pub fn named(org: Id, kind: impl Into<String>, args: Value) -> Self {
        Self {
            org,
            kind: kind.into(),
            args,
            queue: None,
            priority: None,
            max_attempts: None,
            run_at: None,
            delay: None,
            tags: Vec::new(),
            unique: None,
            created_by: None,
            request_id: None,
            schedule: None,
            extra_schedule: None,
            waits_for: Vec::new(),
            group: None,
        }
    }

    /// Another queue than the kind's.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }
    /// Another priority than the kind's; higher runs first within an organisation.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }
    /// Another number of attempts than the kind's.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }
    /// Not before this instant.
    #[must_use]
    pub fn run_at(mut self, at: DateTime<Utc>) -> Self {
        self.run_at = Some(at);
        self
    }
    /// Not before this time has passed, by the database's clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }
    /// A word to find it by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
    /// None while another job of this organisation with this key is not over.
    #[must_use]
    pub fn unique_by_key(mut self, key: impl Into<String>) -> Self {
        let mut key = key.into();
        if key.chars().count() > KEY_LIMIT {
            // Two long keys that begin alike are still two.
            key = format!("{}:{}", shorten(&key, KEY_LIMIT - 33), digest(&key));
        }
        self.unique = Some(Unique { key, period: None });
        self
    }
    /// None while another job of the same kind with the same arguments is not over.
    #[must_use]
    pub fn unique_by_args(self) -> Self {
        let key = format!("{}:{}", self.kind, digest(&canonical(&self.args)));
        self.unique_by_key(key)
    }
    /// And none for this long after it was enqueued, even when it is over earlier.
    #[must_use]
    pub fn unique_for(mut self, period: Duration) -> Self {
        if let Some(unique) = &mut self.unique {
            unique.period = Some(period);
        }
        self
    }
    /// Who asked for it, in which request.
    #[must_use]
    pub fn asked_by(mut self, user: Option<Id>, request_id: impl Into<String>) -> Self {
        self.created_by = user;
        self.request_id = Some(request_id.into());
        self
    }
    /// Only after another job.
    #[must_use]
    pub fn after(mut self, job: Id, when: When) -> Self {
        self.waits_for.push((job, when));
        self
    }
}

/// JSON text in which the order of members means nothing.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let inner: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

/// A short, stable name for a text.
pub(crate) fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_order_of_members_does_not_make_arguments_different() {
        let one = super::canonical(&json!({ "a": 1, "b": { "c": [1, 2], "d": null } }));
        let two = super::canonical(&json!({ "b": { "d": null, "c": [1, 2] }, "a": 1 }));
        let other = super::canonical(&json!({ "b": { "d": null, "c": [2, 1] }, "a": 1 }));
        assert_eq!(one, two);
        assert_ne!(one, other);
    }
}
