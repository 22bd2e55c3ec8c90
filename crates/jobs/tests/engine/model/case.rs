//! One case: what the model knows, each step on both, and the comparison.

use std::collections::{BTreeMap, HashMap};

use base::Id;
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    NewJob, Outcome, State,
    steps::{self, Hand, Lease},
    store::entity::{attempt, job},
};
use sea_orm::Condition;
use store::Mode;

use super::{End, LEASE, Modelled, PERIOD, Step, TICK, lasting};
use crate::support::Bench;

/// What the model knows of a job. Instants are ticks from which on something is due or over.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    org: Id,
    state: State,
    attempt: i32,
    max_attempts: i32,
    fence: i64,
    due: i64,
    lease: Option<i64>,
    /// The hand that claimed it last.
    hand: Option<usize>,
    cancel: bool,
    unique: Option<String>,
    until: Option<i64>,
    holds_key: bool,
}

impl Known {
    fn over(&mut self, state: State, now: i64) {
        self.state = state;
        self.lease = None;
        self.holds_key &= self.until.is_some_and(|until| until > now);
    }
    /// After an attempt that may be followed by another.
    fn again(&mut self, state: State, due: i64, now: i64) {
        if self.cancel {
            return self.over(State::Cancelled, now);
        }
        self.state = state;
        self.lease = None;
        self.due = due;
    }
    fn fail(&mut self, now: i64) {
        if self.attempt >= self.max_attempts {
            self.over(State::Dead, now);
        } else {
            self.again(State::Failed, now + 1, now);
        }
    }
}

pub struct Case<'a> {
    bench: &'a Bench,
    base: DateTime<Utc>,
    now: i64,
    orgs: [Id; 2],
    hands: [Hand; 2],
    /// Where each hand's next round begins among the organisations.
    turns: [Id; 2],
    leases: Vec<(usize, Lease)>,
    jobs: BTreeMap<Id, Known>,
    /// As last read.
    rows: BTreeMap<Id, job::Model>,
    /// Every job that there ever was.
    ids: Vec<Id>,
    fences: HashMap<Id, i64>,
    /// Attempts that left a record.
    records: HashMap<Id, usize>,
}

impl<'a> Case<'a> {
    pub async fn begin(bench: &'a Bench) -> Self {
        let tx = bench.engine.store().begin_system(Mode::Write).await.unwrap();
        tx.delete_where::<job::Entity>(Condition::all()).await.unwrap();
        tx.delete_where::<attempt::Entity>(Condition::all()).await.unwrap();
        let base = bench.engine.now(&tx).await.unwrap();
        tx.commit().await.unwrap();
        let hand = |name| Hand::new(bench.engine.clone(), name, lasting(LEASE));
        let orgs = [base::id::new(base), base::id::new(base)];
        Self {
            bench,
            base,
            now: 0,
            orgs,
            hands: [hand("0"), hand("1")],
            turns: [Id::nil(); 2],
            leases: Vec::new(),
            jobs: BTreeMap::new(),
            rows: BTreeMap::new(),
            ids: Vec::new(),
            fences: HashMap::new(),
            records: HashMap::new(),
        }
    }

    fn tick(&self, at: DateTime<Utc>) -> i64 {
        let seconds = (at - self.base).num_seconds() + TICK / 2;
        assert!(seconds.rem_euclid(TICK) < TICK - 100, "the case takes too long for its ticks");
        seconds.div_euclid(TICK)
    }

    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::Enqueue { .. } => self.enqueue(step).await,
            Step::Claim { hand, slots } => self.claim(*hand, *slots).await,
            Step::Renew { .. } | Step::Ask { .. } | Step::Finish { .. } if self.leases.is_empty() => {}
            Step::Renew { lease } => self.renew(lease % self.leases.len()).await,
            Step::Ask { lease } => {
                let (hand, lease) = &self.leases[lease % self.leases.len()];
                let told = self.hands[*hand].is_cancelled(lease).await.unwrap();
                let holds = self.holds(lease);
                assert_eq!(told, holds.then(|| self.jobs[&lease.id()].cancel));
            }
            Step::Finish { lease, end } => self.finish(lease % self.leases.len(), *end).await,
            Step::Crash { hand } => self.leases.retain(|(owner, _)| owner != hand),
            Step::Pass { ticks } => {
                self.bench.clock.advance(TimeDelta::seconds(ticks * TICK));
                self.now += ticks;
            }
            Step::Rescue => self.rescue().await,
            Step::Promote => {
                let now = self.now;
                let mut count = 0;
                for job in self.jobs.values_mut() {
                    if matches!(job.state, State::Scheduled | State::Failed) && job.due <= now {
                        job.state = State::Ready;
                        count += 1;
                    }
                }
                assert_eq!(steps::promote(&self.bench.engine).await.unwrap(), count);
            }
            Step::Retry { .. } | Step::Cancel { .. } | Step::Delete { .. } if self.ids.is_empty() => {}
            Step::Retry { job } => self.retry(self.ids[job % self.ids.len()]).await,
            Step::Cancel { job } => self.cancel(self.ids[job % self.ids.len()]).await,
            Step::Delete { job } => self.delete(self.ids[job % self.ids.len()]).await,
        }
    }

    async fn enqueue(&mut self, step: &Step) {
        let Step::Enqueue { org, delay, priority, unique, period, attempts } = step else { return };
        let org = self.orgs[*org];
        let mut new = NewJob::of(org, &Modelled {}).unwrap();
        new = new.delay(lasting(*delay)).priority(*priority).max_attempts(*attempts);
        let unique = unique.map(|key| format!("key {key}"));
        if let Some(key) = &unique {
            new = new.unique_by_key(key.as_str());
            if *period {
                new = new.unique_for(lasting(PERIOD));
            }
            self.free(org, key);
        }
        let tx = self.bench.engine.store().begin_org(Mode::Write, org).await.unwrap();
        let enqueued = self.bench.engine.enqueue(&tx, new).await.unwrap();
        tx.commit().await.unwrap();
        let holder = unique.as_ref().and_then(|key| self.holder(org, key));
        assert_eq!(enqueued.fresh, holder.is_none());
        if let Some(holder) = holder {
            assert_eq!(enqueued.id, holder);
            return;
        }
        self.ids.push(enqueued.id);
        let job = Known {
            org,
            state: if *delay == 0 { State::Ready } else { State::Scheduled },
            attempt: 0,
            max_attempts: i32::try_from(*attempts).unwrap(),
            fence: 0,
            due: self.now + delay,
            lease: None,
            hand: None,
            cancel: false,
            until: (unique.is_some() && *period).then_some(self.now + PERIOD),
            holds_key: unique.is_some(),
            unique,
        };
        assert_eq!(self.jobs.insert(enqueued.id, job), None, "a new job has an id of its own");
    }

    fn free(&mut self, org: Id, key: &str) {
        let now = self.now;
        let ended = |job: &&mut Known| {
            job.org == org
                && job.unique.as_deref() == Some(key)
                && job.state.is_final()
                && job.until.is_none_or(|until| until <= now)
        };
        self.jobs.values_mut().filter(ended).for_each(|job| job.holds_key = false);
    }

    fn holder(&self, org: Id, key: &str) -> Option<Id> {
        let holds = |job: &Known| job.org == org && job.holds_key && job.unique.as_deref() == Some(key);
        self.jobs.iter().find(|(_, job)| holds(job)).map(|(id, _)| *id)
    }

    /// Which jobs a claim takes: organisations in turn, an even share each, and within one by priority, due
    /// time and id.
    fn next_jobs(&mut self, hand: usize, slots: usize) -> Vec<Id> {
        let ready = |org: Id| {
            let of = self.jobs.iter().filter(move |(_, job)| job.org == org && job.state == State::Ready);
            let mut of: Vec<Id> = of.map(|(id, _)| *id).collect();
            of.sort_by_key(|id| (-self.rows[id].priority, self.rows[id].run_at, *id));
            of
        };
        let mut orgs: Vec<Id> = self.orgs.into_iter().filter(|org| !ready(*org).is_empty()).collect();
        orgs.sort_unstable();
        let turn = self.turns[hand];
        let (before, from): (Vec<Id>, Vec<Id>) = orgs.iter().partition(|org| **org < turn);
        let mut free = slots;
        let mut taken = Vec::new();
        let mut turn = turn;
        for (passed, org) in from.iter().chain(&before).enumerate() {
            if free == 0 {
                break;
            }
            let quota = free.div_ceil(orgs.len() - passed);
            turn = Id::from_u128(org.as_u128() + 1);
            let got: Vec<Id> = ready(*org).into_iter().take(quota).collect();
            free -= got.len();
            taken.extend(got);
        }
        self.turns[hand] = turn;
        taken
    }

    async fn claim(&mut self, hand: usize, slots: usize) {
        let expected = self.next_jobs(hand, slots);
        let claimed = self.hands[hand].claim(slots).await.unwrap();
        assert_eq!(claimed.iter().map(Lease::id).collect::<Vec<_>>(), expected);
        for lease in claimed {
            let job = self.jobs.get_mut(&lease.id()).unwrap();
            job.state = State::Running;
            job.attempt += 1;
            job.fence += 1;
            job.lease = Some(self.now + LEASE);
            job.hand = Some(hand);
            assert_eq!((lease.org(), i64::from(lease.attempt())), (job.org, i64::from(job.attempt)));
            let last = self.fences.insert(lease.id(), lease.fence());
            assert!(last.is_none_or(|last| last < lease.fence()), "a fencing token was given twice");
            self.leases.push((hand, lease));
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        let job = self.jobs.get(&lease.id());
        job.is_some_and(|job| job.state == State::Running && job.fence == lease.fence())
    }

    async fn renew(&mut self, at: usize) {
        let (hand, lease) = &self.leases[at];
        let holds = self.holds(lease);
        assert_eq!(self.hands[*hand].renew(lease).await.unwrap(), holds);
        if holds {
            self.jobs.get_mut(&lease.id()).unwrap().lease = Some(self.now + LEASE);
        }
    }

    async fn finish(&mut self, at: usize, end: End) {
        let now = self.now;
        let (hand, lease) = &self.leases[at];
        let failed = |fatal| Outcome::Failed { error: "on purpose\0".to_owned(), fatal, how: "failed" };
        let outcome = match end {
            End::Succeed => Outcome::Succeeded(serde_json::json!({ "at": now })),
            End::Fail => failed(false),
            End::Fatal => failed(true),
            End::Snooze(ticks) => Outcome::Snoozed(lasting(ticks)),
            End::HandBack => Outcome::HandedBack,
            End::Cancelled => Outcome::Cancelled,
            End::Lost => Outcome::Lost,
        };
        let writes = self.holds(lease) && !matches!(end, End::Lost);
        assert_eq!(self.hands[*hand].finish(lease, outcome).await.unwrap(), writes);
        if !writes {
            return;
        }
        let job = self.jobs.get_mut(&lease.id()).unwrap();
        if matches!(end, End::Fail | End::Fatal | End::HandBack | End::Cancelled) {
            *self.records.entry(lease.id()).or_default() += 1;
        }
        match end {
            End::Succeed => job.over(State::Succeeded, now),
            End::Fail => job.fail(now),
            End::Fatal => job.over(State::Dead, now),
            End::Cancelled => job.over(State::Cancelled, now),
            End::Snooze(_) | End::HandBack => {
                let ticks = if let End::Snooze(ticks) = end { ticks } else { 0 };
                job.again(if ticks == 0 { State::Ready } else { State::Scheduled }, now + ticks, now);
                job.attempt -= i32::from(!job.state.is_final());
            }
            End::Lost => {}
        }
    }

    async fn rescue(&mut self) {
        let now = self.now;
        let mut count = 0;
        for (id, job) in &mut self.jobs {
            if job.lease.is_some_and(|lease| lease <= now) {
                count += 1;
                *self.records.entry(*id).or_default() += 1;
                if job.cancel { job.over(State::Cancelled, now) } else { job.fail(now) }
            }
        }
        assert_eq!(steps::rescue(&self.bench.engine).await.unwrap(), count);
    }

    /// What people do runs in the unit of work of the job's organisation.
    async fn change(
        &self,
        id: Id,
        work: impl AsyncFnOnce(&store::Tx, Id) -> base::Result<()>,
    ) -> Option<String> {
        let org = self.jobs.get(&id).map_or(self.orgs[0], |job| job.org);
        let tx = self.bench.engine.store().begin_org(Mode::Write, org).await.unwrap();
        match work(&tx, org).await {
            Ok(()) => tx.commit().await.map(|()| None).unwrap(),
            Err(error) => {
                // Not merely dropped: a lock that is still held would be passed over by the next step.
                tx.rollback().await.unwrap();
                Some(error.code().to_owned())
            }
        }
    }

    async fn retry(&mut self, id: Id) {
        let engine = &self.bench.engine;
        let refused = self.change(id, async |tx, org| engine.retry(tx, org, id).await).await;
        let Some(job) = self.jobs.get(&id).cloned() else {
            return assert_eq!(refused.as_deref(), Some("not_found"));
        };
        if !job.state.can_retry() {
            return assert_eq!(refused.as_deref(), Some("job_state"));
        }
        if let Some(key) = &job.unique {
            let before = self.jobs.clone();
            self.free(job.org, key);
            if self.holder(job.org, key).is_some_and(|holder| holder != id) {
                self.jobs = before;
                return assert_eq!(refused.as_deref(), Some("unique_key_taken"));
            }
        }
        assert_eq!(refused, None);
        let now = self.now;
        let job = self.jobs.get_mut(&id).unwrap();
        job.state = State::Ready;
        job.due = now;
        job.max_attempts = job.max_attempts.max(job.attempt + 1);
        job.cancel = false;
        job.holds_key = job.unique.is_some();
    }

    async fn cancel(&mut self, id: Id) {
        let engine = &self.bench.engine;
        let refused = self.change(id, async |tx, org| engine.cancel(tx, org, id).await.map(drop)).await;
        match self.jobs.get_mut(&id) {
            None => assert_eq!(refused.as_deref(), Some("not_found")),
            Some(job) if job.state.is_final() => assert_eq!(refused.as_deref(), Some("job_state")),
            Some(job) => {
                assert_eq!(refused, None);
                job.cancel = true;
                if job.state != State::Running {
                    job.state = State::Cancelled;
                    job.holds_key = false;
                }
            }
        }
    }

    async fn delete(&mut self, id: Id) {
        let engine = &self.bench.engine;
        let refused = self.change(id, async |tx, org| engine.delete(tx, org, id).await).await;
        match self.jobs.get(&id).map(|job| job.state.is_final()) {
            None => assert_eq!(refused.as_deref(), Some("not_found")),
            Some(false) => assert_eq!(refused.as_deref(), Some("job_state")),
            Some(true) => {
                assert_eq!(refused, None);
                self.jobs.remove(&id);
                self.records.remove(&id);
            }
        }
    }

    /// Every row is what the model says, and what must hold whatever the model says holds.
    pub async fn compare(&mut self, step: &Step) {
        let tx = self.bench.engine.store().begin_system(Mode::Read).await.unwrap();
        let rows = tx.all(tx.find::<job::Entity>()).await.unwrap();
        tx.commit().await.unwrap();
        let rows: BTreeMap<Id, job::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let known: BTreeMap<Id, Known> = rows.iter().map(|(id, row)| (*id, self.known(row))).collect();
        assert_eq!(known, self.jobs, "after {step:?}");
        let mut alive = HashMap::new();
        for (id, row) in &rows {
            let state = State::parse(&row.state).unwrap();
            assert!(row.attempt <= row.max_attempts && i64::from(row.attempt) <= row.fence, "{row:?}");
            assert_eq!(row.lease_until.is_some(), state == State::Running, "{row:?}");
            assert_eq!(row.finished_at.is_some(), state.is_final(), "{row:?}");
            if let (Some(key), false) = (&row.unique_key, state.is_final()) {
                let other = alive.insert((row.org_id, key.clone()), *id);
                assert_eq!(other, None, "two jobs under way with one unique key");
            }
            let Some(before) = self.rows.get(id) else { continue };
            assert!(row.fence >= before.fence);
            let was_final = State::parse(&before.state).unwrap().is_final();
            if was_final && !matches!(step, Step::Retry { .. }) {
                let same = job::Model { held_key: before.held_key.clone(), ..row.clone() };
                assert_eq!(&same, before, "a job that was over changed");
            }
        }
        self.rows = rows;
    }

    /// Each attempt that did not succeed has left its record.
    pub async fn end(self) {
        for id in self.jobs.keys() {
            let recorded = self.bench.attempts(*id).await.len();
            assert_eq!(recorded, self.records.get(id).copied().unwrap_or_default());
        }
    }

    fn known(&self, row: &job::Model) -> Known {
        let hand = row.worker.as_ref().map(|name| name.parse().unwrap());
        Known {
            org: row.org_id,
            state: State::parse(&row.state).unwrap(),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            fence: row.fence,
            due: self.tick(row.run_at),
            lease: row.lease_until.map(|at| self.tick(at)),
            hand,
            cancel: row.cancel_requested,
            unique: row.unique_key.clone(),
            until: row.unique_until.map(|at| self.tick(at)),
            holds_key: row.held_key.is_some(),
        }
    }
}
