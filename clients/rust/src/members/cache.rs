//! What is known of members, without asking: freshness, versions, and who asks. No I/O; any number of tasks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    clock::Clock,
    error::{Error, Failure},
    snapshot::{Change, Key, Snapshot},
    wire::{Answer, Found},
};

/// Seconds for which nobody asks again for a name that nobody has; a change of the feed ends it sooner.
const ABSENT_FOR: f64 = 30.0;
/// After a failure nobody asks for a second, then for twice as long each time, up to this.
const LONGEST_PAUSE: f64 = 5.0;
/// A server that says when to come back is heeded up to this.
const LONGEST_RETRY_AFTER: f64 = 60.0;

/// A snapshot, and when its permissions end by the clock here.
#[derive(Clone, Debug)]
pub struct Held {
    pub snapshot: Snapshot,
    ends: HashMap<Key, Option<f64>>,
    /// `None` when it is not what the server sent, so that it cannot be said to be unmodified.
    etag: Option<String>,
    lifetime: f64,
    stale_for: f64,
}

impl Held {
    pub fn allows(&self, key: &Key, now: f64) -> bool {
        self.snapshot.is_active && self.ends.get(key).is_some_and(|end| end.is_none_or(|end| now < end))
    }

    pub fn shown(&self, now: f64, is_stale: bool) -> Snapshot {
        let all = &self.snapshot.permissions;
        let has_ended = all.iter().any(|one| !self.allows(&one.key, now));
        let permissions = match has_ended {
            true => all.iter().filter(|one| self.allows(&one.key, now)).cloned().collect(),
            false => all.clone(),
        };
        Snapshot { permissions, is_stale, ..self.snapshot.clone() }
    }

    /// Without what a change takes away; `None` when it takes nothing of this.
    fn without(&self, op: &str, key: Option<&Key>) -> Option<Self> {
        let mut left = self.clone();
        match op {
            "user_disabled" | "user_deleted" => {
                left.snapshot.is_active = false;
                left.snapshot.permissions = Arc::new([]);
                left.ends.clear();
            }
            "revoke" | "expire" => {
                let key = key.filter(|key| left.ends.contains_key(*key))?;
                left.ends.remove(key);
                let kept = left.snapshot.permissions.iter().filter(|one| one.key != *key);
                left.snapshot.permissions = kept.cloned().collect();
            }
            _ => return None,
        }
        left.etag = None;
        Some(left)
    }
}

/// What can be said of a member now. Without `held`, `error` says whether that is an answer or the lack of one.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub held: Option<Arc<Held>>,
    pub is_stale: bool,
    pub error: Option<Error>,
    pub is_absent: bool,
}

impl Standing {
    /// Of whoever nobody is.
    pub fn absent() -> Self {
        Self { is_absent: true, ..Self::default() }
    }
    fn unknown(error: Option<Error>) -> Self {
        Self { error: Some(error.unwrap_or_else(unavailable)), ..Self::default() }
    }
}

fn unavailable() -> Error {
    Error::Unavailable(Failure::of("Tenon cannot be asked"))
}

/// What was known when a question was sent: what has been heard since is newer than the answer.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub sub: Arc<str>,
    pub etag: Option<String>,
    pub version: Option<i64>,
    epoch: u64,
    marks: u64,
    at: f64,
}

/// The end of a question: what came of it.
pub type Flight = watch::Receiver<Option<Option<Standing>>>;
/// Its other end.
pub type Landing = watch::Sender<Option<Option<Standing>>>;

/// What to do to know of a member.
pub enum Step {
    Known(Standing),
    /// Somebody is asking: wait for this.
    Join(Flight),
    /// Ask, tell the cache, and `land`.
    Lead(Ticket, Landing),
}

#[derive(Default)]
struct Entry {
    held: Option<Arc<Held>>,
    is_absent: bool,
    /// The highest version seen in a snapshot, a change or a message.
    highest: Option<i64>,
    /// Counts what was heard; fresh only while all of it is `settled` by an answer to a later question.
    marks: u64,
    settled: u64,
    /// When the question was sent whose answer this is.
    at: f64,
    fresh_until: f64,
    stale_until: f64,
    failures: u32,
    not_before: f64,
    error: Option<Error>,
    flight: Option<Flight>,
    /// When it was asked for last, by the count of questions.
    used: u64,
}

impl Entry {
    fn is_fresh(&self, now: f64) -> bool {
        self.settled == self.marks && now < self.fresh_until && (self.is_absent || self.held.is_some())
    }

    fn known(&self) -> Standing {
        Standing { held: self.held.clone(), is_absent: self.is_absent, ..Standing::default() }
    }

    fn at_hand(&self, now: f64) -> Standing {
        match &self.held {
            _ if self.is_absent => Standing::absent(),
            Some(held) if now < self.stale_until => {
                Standing { held: Some(held.clone()), is_stale: true, ..Standing::default() }
            }
            _ => Standing::unknown(self.error.clone()),
        }
    }

    /// From when the question was sent: the answer is not older than that.
    fn keep(&mut self, held: Arc<Held>, at: f64, lifetime: f64) {
        let ends = held.ends.values().filter_map(|end| end.filter(|end| *end > at));
        self.fresh_until = ends.fold(at + lifetime, f64::min);
        self.stale_until = self.fresh_until + held.stale_for;
        self.held = Some(held);
    }

    fn take(&mut self, at: f64, found: Found) -> bool {
        let version = found.snapshot.version;
        if self.highest.is_some_and(|highest| version < highest) {
            return false;
        }
        self.highest = Some(version);
        let ends = found.ends.into_iter().map(|(key, end)| (key, end.map(|end| at + end))).collect();
        let held = Held {
            snapshot: found.snapshot,
            ends,
            etag: found.etag,
            lifetime: found.lifetime,
            stale_for: found.stale_for,
        };
        self.is_absent = false;
        self.keep(Arc::new(held), at, found.lifetime);
        true
    }

    fn renew(&mut self, ticket: &Ticket, max_age: Option<f64>) -> bool {
        let Some(held) = self.held.clone() else { return false };
        let is_what_was_asked_for = held.etag.is_some() && held.etag == ticket.etag;
        if !is_what_was_asked_for || self.highest.is_some_and(|highest| held.snapshot.version < highest) {
            return false;
        }
        let lifetime = max_age.unwrap_or(held.lifetime);
        self.keep(held, ticket.at, lifetime);
        true
    }

    fn pause(&mut self, now: f64, error: Error) {
        self.failures += 1;
        self.not_before = now + pause(self.failures, error.retry_after());
        self.error = Some(error);
    }
}

/// At most `most` members; those that were asked for least lately leave.
pub struct Cache {
    most: usize,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<Arc<str>, Entry>,
    /// By when they were asked for last.
    order: BTreeMap<u64, Arc<str>>,
    count: u64,
    epoch: u64,
    /// Of the server as a whole: while nobody gets an answer, one asks now and then, for all.
    failures: u32,
    not_before: f64,
}

impl Cache {
    pub fn new(most: usize, clock: Clock) -> Self {
        Self { most, clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do to know of a member.
    pub fn step(&self, sub: &str) -> Step {
        let mut state = self.state();
        let now = self.clock.steady();
        let name = state.enter(sub, self.most);
        let State { entries, failures, not_before, epoch, .. } = &mut *state;
        let Some(entry) = entries.get_mut(&name) else { return Step::Known(Standing::unknown(None)) };
        if entry.is_fresh(now) {
            return Step::Known(entry.known());
        }
        // One that was broken off says nothing any more.
        if let Some(flight) = entry.flight.clone().filter(|flight| flight.has_changed().is_ok()) {
            return Step::Join(flight);
        }
        if now < entry.not_before || (*failures > 0 && now < *not_before) {
            return Step::Known(entry.at_hand(now));
        }
        if *failures > 0 {
            // This one asks for all; the others go on with what they have until it knows.
            *not_before = now + pause(*failures, None);
        }
        let (landing, flight) = watch::channel(None);
        entry.flight = Some(flight);
        Step::Lead(ticket(&name, entry, *epoch, now), landing)
    }

    /// What is at hand, without asking.
    pub fn standing(&self, sub: &str) -> Standing {
        let (state, now) = (self.state(), self.clock.steady());
        match state.entries.get(sub) {
            None => Standing::unknown(None),
            Some(entry) if entry.is_fresh(now) => entry.known(),
            Some(entry) => entry.at_hand(now),
        }
    }

    /// The question is answered, or will not be.
    pub fn land(&self, sub: &str) {
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(sub) {
            entry.flight = None;
        }
        state.shrink(self.most);
    }

    /// For all members of whom something is known, the ones asked for least lately first.
    pub fn tickets(&self) -> Vec<Ticket> {
        let (state, now) = (self.state(), self.clock.steady());
        let known = state.order.values().filter_map(|name| {
            let entry = state.entries.get(name)?;
            let is_known = entry.is_absent || entry.held.is_some();
            is_known.then(|| ticket(name, entry, state.epoch, now))
        });
        known.collect()
    }

    /// Takes an answer. `None` when something newer was seen meanwhile: then it is not used.
    pub fn store(&self, ticket: &Ticket, answer: Answer) -> Option<Standing> {
        let mut state = self.state();
        (state.failures, state.not_before) = (0, 0.0);
        let epoch = state.epoch;
        let entry = state.entries.get_mut(&ticket.sub)?;
        if ticket.epoch != epoch || ticket.at < entry.at {
            return None;
        }
        let is_used = match answer {
            Answer::Found(found) => entry.take(ticket.at, found),
            Answer::NotModified(max_age) => entry.renew(ticket, max_age),
            Answer::Absent => {
                (entry.held, entry.is_absent) = (None, true);
                entry.fresh_until = ticket.at + ABSENT_FOR;
                true
            }
        };
        if !is_used {
            if ticket.marks == entry.marks {
                // Nothing came in between: whoever answers is behind. Asking at once would not help.
                let behind = Failure::of("the answer is older than what was seen already");
                entry.pause(self.clock.steady(), Error::Failed(behind));
            }
            return None;
        }
        (entry.failures, entry.not_before, entry.error) = (0, 0.0, None);
        (entry.settled, entry.at) = (entry.settled.max(ticket.marks), ticket.at);
        Some(entry.known())
    }

    /// There is no answer.
    pub fn failed(&self, ticket: &Ticket, error: &Error) {
        let (mut state, now) = (self.state(), self.clock.steady());
        if let Some(entry) = state.entries.get_mut(&ticket.sub) {
            entry.pause(now, error.clone());
        }
        if matches!(error, Error::Unavailable(_) | Error::Unauthorized(_)) {
            state.failures += 1;
            state.not_before = now + pause(state.failures, error.retry_after());
        }
    }

    /// The server answers again, as was seen elsewhere.
    pub fn alive(&self) {
        let mut state = self.state();
        (state.failures, state.not_before) = (0, 0.0);
    }

    /// The next use asks first.
    pub fn mark(&self, sub: &str) {
        if let Some(entry) = self.state().entries.get_mut(sub) {
            entry.marks += 1;
        }
    }

    /// The next use of each asks first.
    pub fn mark_all(&self) {
        self.state().entries.values_mut().for_each(|entry| entry.marks += 1);
    }

    /// As [`Cache::hear`], for a page of the feed.
    pub fn hear_all(&self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.sub.is_some()) {
            self.hear(&change.op, change.sub.as_deref(), change.version, change.permission.as_ref());
        }
        if changes.iter().any(|change| change.sub.is_none()) {
            self.mark_all();
        }
    }

    /// Versions may begin anew: all is asked for again, and what is on its way does not count.
    pub fn restart(&self) {
        let mut state = self.state();
        state.epoch += 1;
        for entry in state.entries.values_mut() {
            entry.marks += 1;
            entry.highest = None;
            if let Some(held) = &mut entry.held {
                Arc::make_mut(held).etag = None;
            }
        }
    }

    /// Something has changed. What it takes away is taken away at once, so that it does not outlast an outage;
    /// what it gives comes with the next snapshot.
    pub fn hear(&self, op: &str, sub: Option<&str>, version: Option<i64>, key: Option<&Key>) {
        let Some(sub) = sub else {
            // A role, or something that is newer than this library: it may be anybody.
            return self.mark_all();
        };
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(sub) else { return };
        if let Some(held) = &entry.held
            && version.is_none_or(|version| version > held.snapshot.version)
            && let Some(left) = held.without(op, key)
        {
            entry.held = Some(Arc::new(left));
        }
        let is_news = version.is_none_or(|version| entry.highest.is_none_or(|highest| version > highest));
        if is_news {
            entry.highest = version.or(entry.highest);
            entry.marks += 1;
        }
    }
}

impl State {
    fn enter(&mut self, sub: &str, most: usize) -> Arc<str> {
        self.count += 1;
        let known = self.entries.get_key_value(sub).map(|(name, entry)| (name.clone(), entry.used));
        let name = match known {
            Some((name, used)) => {
                self.order.remove(&used);
                name
            }
            None => {
                let name: Arc<str> = sub.into();
                self.entries.insert(name.clone(), Entry::default());
                // It is in no order yet, so it stays.
                self.shrink(most);
                name
            }
        };
        self.order.insert(self.count, name.clone());
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.used = self.count;
        }
        name
    }

    /// Whoever is being asked for stays: what is heard meanwhile must not be lost.
    fn shrink(&mut self, most: usize) {
        let over = self.entries.len().saturating_sub(most);
        if over == 0 {
            return;
        }
        let is_idle = |name: &Arc<str>| self.entries.get(name).is_some_and(|entry| entry.flight.is_none());
        let idle = self.order.iter().filter(|(_, name)| is_idle(name)).take(over);
        let leaving: Vec<(u64, Arc<str>)> = idle.map(|(used, name)| (*used, name.clone())).collect();
        for (used, name) in leaving {
            self.order.remove(&used);
            self.entries.remove(&name);
        }
    }
}

fn ticket(name: &Arc<str>, entry: &Entry, epoch: u64, now: f64) -> Ticket {
    let etag = entry.held.as_ref().and_then(|held| held.etag.clone());
    let version = entry.held.as_ref().filter(|_| etag.is_some()).map(|held| held.snapshot.version);
    Ticket { sub: name.clone(), etag, version, epoch, marks: entry.marks, at: now }
}

/// Seconds until somebody asks again after so many failures.
fn pause(failures: u32, retry_after: Option<Duration>) -> f64 {
    let grown = 2.0_f64.powi(failures.clamp(1, 17) as i32 - 1).min(LONGEST_PAUSE);
    retry_after.map_or(grown, |after| after.as_secs_f64().min(LONGEST_RETRY_AFTER).max(grown))
}
