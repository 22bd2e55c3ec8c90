//! The engine as callers see it: enqueue, retry, cancel, ask.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::store::{Mode, Store, Tx};
use base::{Clock, Error, FieldError, Id, Result};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::{
    Enqueued, Kind, Kinds, NewJob, State, Vault, When,
    new_job::ARGS_LIMIT,
    run::Input,
    secret,
    store::{self, Row, Unique},
};

/// The channel on which PostgreSQL carries notices between nodes.
pub(crate) const CHANNEL: &str = "tenon_jobs";

/// The job engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    kinds: Kinds,
    vault: Arc<dyn Vault>,
    ready: watch::Sender<u64>,
    stop: watch::Sender<u64>,
    schedules: watch::Sender<u64>,
    /// The lane of each limited kind at which its last round ended. Each process has its own: wherever it
    /// begins, it goes around.
    turns: Mutex<HashMap<String, String>>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Something can be claimed, or waits for its time.
    Ready,
    /// Something that runs was cancelled.
    Stop,
    /// A schedule changed.
    Schedule,
}

impl Notice {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Stop => "stop",
            Self::Schedule => "schedule",
        }
    }
}

/// What [`Engine::group`] enqueued.
#[derive(Debug)]
pub struct Group {
    /// The group.
    pub id: Id,
    /// Its members, as given.
    pub members: Vec<Id>,
    /// The job that follows them.
    pub callback: Option<Id>,
}

impl Engine {
    /// An engine over a migrated database.
    pub fn new(store: Store, clock: Arc<dyn Clock>, kinds: Kinds, vault: Arc<dyn Vault>) -> Self {
        let channel = || watch::Sender::new(0);
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                kinds,
                vault,
                ready: channel(),
                stop: channel(),
                schedules: channel(),
                turns: Mutex::default(),
            }),
        }
    }

    /// Every kind.
    pub fn kinds(&self) -> &Kinds {
        &self.shared.kinds
    }
    pub(crate) fn vault(&self) -> &dyn Vault {
        self.shared.vault.as_ref()
    }
    /// The database.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }
    pub(crate) fn new_id(&self) -> Id {
        base::id::new(self.shared.clock.now())
    }
    pub(crate) fn turn(&self, kind: &str) -> Option<String> {
        self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
    }
    pub(crate) fn set_turn(&self, kind: &str, lane: &str) {
        let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.insert(kind.to_owned(), lane.to_owned());
    }

    /// A unit of work over every organisation, with the database's clock.
    pub(crate) async fn system(&self, mode: Mode) -> Result<(Tx, DateTime<Utc>)> {
        self.shared.store.begin_timed(mode, store::opening(self.shared.store.dialect())).await
    }

    /// The database's clock.
    pub async fn now(&self, tx: &Tx) -> Result<DateTime<Utc>> {
        let sql = format!("SELECT {} AS database_now", tx.dialect().now());
        let rows = store::query(tx, &sql, Vec::new()).await?;
        let row = rows.first().ok_or_else(|| Error::internal("the clock was not read"))?;
        Ok(::store::read::<DateTime<Utc>>(row, "database_now")? + self.shared.clock.offset())
    }

    /// Tells this process, and on PostgreSQL every node, once `tx` is committed.
    pub(crate) async fn notify(&self, tx: &Tx, notice: Notice) -> Result<()> {
        let engine = self.clone();
        tx.after_commit(move || engine.wake(notice));
        if tx.dialect() == ::store::Dialect::Postgres {
            store::query(tx, "SELECT pg_notify($1, $2)", vec![CHANNEL.into(), notice.as_str().into()])
                .await?;
        }
        Ok(())
    }

    /// Wakes those of this process that wait for such a notice.
    pub(crate) fn wake(&self, notice: Notice) {
        let channel = match notice {
            Notice::Ready => &self.shared.ready,
            Notice::Stop => &self.shared.stop,
            Notice::Schedule => &self.shared.schedules,
        };
        channel.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn listen(&self, notice: Notice) -> watch::Receiver<u64> {
        match notice {
            Notice::Ready => self.shared.ready.subscribe(),
            Notice::Stop => self.shared.stop.subscribe(),
            Notice::Schedule => self.shared.schedules.subscribe(),
        }
    }

    /// Enqueues a job in the caller's transaction: it exists exactly if the transaction commits.
    ///
    /// Errors: 422 `unknown_job_kind`, `validation_failed` (`args.…`), `args_too_large`.
    pub async fn enqueue(&self, tx: &Tx, job: NewJob) -> Result<Enqueued> {
        let all = self.enqueue_all(tx, vec![job]).await?;
        all.first().copied().ok_or_else(|| Error::internal("one job was enqueued"))
    }

    /// Enqueues several, in the fewest statements.
    pub async fn enqueue_all(&self, tx: &Tx, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now(tx).await?;
        let mut rows = Vec::with_capacity(jobs.len());
        let mut ids = Vec::with_capacity(jobs.len());
        // Ids of one instant follow each other at random; these tell the order of the jobs.
        let mut sorted: Vec<Id> = jobs.iter().map(|_| base::id::new(now)).collect();
        sorted.sort_unstable();
        for (job, id) in jobs.iter().zip(sorted) {
            let waits = self.open_waits(tx, job).await?;
            rows.push(self.row(tx, job, id, now, waits.len())?);
            ids.push((id, waits));
        }
        let unique = |job: &NewJob| job.unique.as_ref().map(|unique| Unique::of(job.org, &unique.key));
        let keys: Vec<Unique> = jobs.iter().filter_map(unique).collect();
        store::free(tx, &keys, now).await?;
        store::insert(tx, &rows).await?;
        let holders = store::holders(tx, &keys).await?;
        let mut out = Vec::with_capacity(jobs.len());
        for (job, (id, waits)) in jobs.iter().zip(ids) {
            let holder = match &job.unique {
                Some(unique) => holders.get(&(job.org, unique.key.clone())).copied().unwrap_or(id),
                None => id,
            };
            if holder == id && !waits.is_empty() {
                store::insert_edges(tx, job.org, id, &waits, || self.new_id()).await?;
            }
            out.push(Enqueued { id: holder, fresh: holder == id });
        }
        self.notify(tx, Notice::Ready).await?;
        Ok(out)
    }

    /// The jobs that hold unique keys of organisations, in the order of the keys; `None` where a job with that
    /// key would be a new one.
    pub async fn holders(&self, tx: &Tx, keys: &[(Id, String)]) -> Result<Vec<Option<Id>>> {
        let asked: Vec<Unique> = keys.iter().map(|(org, key)| Unique::of(*org, key)).collect();
        let holders = store::holders(tx, &asked).await?;
        Ok(keys.iter().map(|key| holders.get(key).copied()).collect())
    }

    /// What a job waits for that is not over yet. A needed job that died already calls it off.
    async fn open_waits(&self, tx: &Tx, job: &NewJob) -> Result<Vec<(Id, bool)>> {
        let mut open = Vec::new();
        for (needs, when) in &job.waits_for {
            let settled = *when == When::Settled;
            match store::begin_wait(tx, job.org, *needs).await? {
                None => return Err(Error::field("after", "unknown_reference", "there is no such job")),
                Some(State::Succeeded) => {}
                Some(State::Dead | State::Cancelled) if settled => {}
                Some(State::Dead | State::Cancelled) => {
                    return Err(Error::conflict("job_state", "the job that this one needs did not succeed"));
                }
                Some(_) => open.push((*needs, settled)),
            }
        }
        Ok(open)
    }

    fn row(&self, tx: &Tx, job: &NewJob, id: Id, now: DateTime<Utc>, waits: usize) -> Result<Row> {
        let kind = self.kind(&job.kind)?;
        let key = kind.check(&job.args)?;
        let policy = &kind.policy;
        let args = self.seal(kind, &job.args)?.to_string();
        if args.len() > ARGS_LIMIT {
            let message = format!("the arguments are {} bytes, {ARGS_LIMIT} at most", args.len());
            return Err(Error::field("args", "args_too_large", message));
        }
        let dialect = store::dialect(tx);
        let delay = job.delay.map(|delay| now + delay);
        let run_at = job.run_at.or(delay).unwrap_or(now).max(now);
        let queue = job.queue.as_deref().unwrap_or(policy.queue);
        if !self.shared.kinds.iter().any(|kind| kind.policy.queue == queue) {
            let known = self.shared.kinds.queues().join(", ");
            return Err(Error::field(
                "queue",
                "unknown_queue",
                format!("no worker serves it; there are {known}"),
            ));
        }
        let lane = policy.is_limited().then(|| shorten(&key.unwrap_or_else(|| "-".to_owned()), 190));
        let state =
            if run_at <= now && waits == 0 && lane.is_none() { State::Ready } else { State::Scheduled };
        let tags = tags(&job.tags)?;
        let shown = secret::redact(&args).to_string();
        let search_key = shorten(&base::text::fold(&format!("{} {tags} {shown}", job.kind)), 600);
        Ok(Row {
            org_id: job.org.simple().to_string(),
            id: id.simple().to_string(),
            queue: queue.to_owned(),
            kind: job.kind.clone(),
            state: state.as_str(),
            priority: job.priority.unwrap_or(policy.priority),
            run_at: dialect.instant(run_at),
            created_at: dialect.instant(now),
            max_attempts: job.max_attempts.unwrap_or(policy.max_attempts).max(1),
            args,
            tags,
            waits,
            in_flow: u8::from(waits > 0 || job.group.is_some()),
            search_key,
            unique_key: job.unique.as_ref().map(|unique| unique.key.clone()),
            unique_until: job
                .unique
                .as_ref()
                .and_then(|unique| unique.period)
                .map(|period| dialect.instant(now + period)),
            lane,
            group_id: job.group.map(|id| id.simple().to_string()),
            schedule_id: job
                .schedule
                .map(|(id, _)| id)
                .or(job.extra_schedule)
                .map(|id| id.simple().to_string()),
            scheduled_for: job.schedule.map(|(_, at)| dialect.instant(at)),
            created_by: job.created_by.map(|id| id.simple().to_string()),
            request_id: job.request_id.as_deref().map(|id| shorten(id, 64)),
        })
    }

    /// The kind of that name, or 422.
    pub fn kind(&self, name: &str) -> Result<&Kind> {
        self.shared.kinds.find(name).ok_or_else(|| {
            Error::field("kind", "unknown_job_kind", format!("there is no kind of job called `{name}`"))
        })
    }

    /// Jobs that run one after the other; each may ask for what the one before it left.
    pub async fn chain(&self, tx: &Tx, jobs: Vec<NewJob>) -> Result<Vec<Id>> {
        let mut ids: Vec<Id> = Vec::with_capacity(jobs.len());
        for mut job in jobs {
            if let Some(previous) = ids.last() {
                job = job.after(*previous, When::Succeeded);
            }
            ids.push(self.enqueue(tx, job).await?.id);
        }
        Ok(ids)
    }

    /// Jobs that run side by side, and one that follows when all of them succeeded (or have ended).
    pub async fn group(
        &self,
        tx: &Tx,
        members: Vec<NewJob>,
        callback: Option<(NewJob, When)>,
    ) -> Result<Group> {
        let id = self.new_id();
        let members: Vec<NewJob> = members.into_iter().map(|job| NewJob { group: Some(id), ..job }).collect();
        let members: Vec<Id> = self.enqueue_all(tx, members).await?.into_iter().map(|one| one.id).collect();
        let callback = match callback {
            Some((mut job, when)) => {
                job.waits_for.extend(members.iter().map(|member| (*member, when)));
                Some(self.enqueue(tx, job).await?.id)
            }
            None => None,
        };
        Ok(Group { id, members, callback })
    }

    pub(crate) async fn inputs(&self, org: Id, job: Id) -> Result<Vec<Input>> {
        let (tx, _) = self.system(Mode::Read).await?;
        let inputs = store::inputs(&tx, org, job).await?;
        tx.commit().await?;
        Ok(inputs)
    }

    /// One job of a schedule now, outside its times.
    pub async fn run_schedule(
        &self,
        tx: &Tx,
        row: &store::entity::schedule::Model,
        by: Option<Id>,
    ) -> Result<Enqueued> {
        let args = self.unseal(&row.job_kind, &row.args)?;
        let mut job = NewJob::named(row.org_id, row.job_kind.clone(), args).priority(row.priority);
        job.queue.clone_from(&row.queue);
        job.created_by = by;
        job.extra_schedule = Some(row.id);
        self.enqueue(tx, job).await
    }

    /// Tries a failed, dead or cancelled job again. 409 `job_state`, 404.
    pub async fn retry(&self, tx: &Tx, org: Id, id: Id) -> Result<()> {
        let now = self.now(tx).await?;
        store::retry(tx, now, org, id).await?;
        self.notify(tx, Notice::Ready).await
    }

    /// Calls a job off; one that runs is asked to stop. 409 `job_state`, 409 `job_must_finish`, 404.
    pub async fn cancel(&self, tx: &Tx, org: Id, id: Id) -> Result<State> {
        let now = self.now(tx).await?;
        let kind = store::kind_of(tx, org, id).await?;
        if self.shared.kinds.find(&kind).is_some_and(|kind| kind.policy.must_finish) {
            let detail = "the job puts something in order and cannot be called off";
            return Err(Error::conflict("job_must_finish", detail));
        }
        let keep_until = now + crate::Policy::default().keep_failed;
        let state = store::cancel(tx, now, keep_until, org, id).await?;
        self.notify(tx, if state == State::Running { Notice::Stop } else { Notice::Ready }).await?;
        Ok(state)
    }

    /// Deletes a job that is over. 409 `job_state`, 404.
    pub async fn delete(&self, tx: &Tx, org: Id, id: Id) -> Result<()> {
        store::delete(tx, org, id).await
    }

    /// Says that a schedule was changed, so that every node looks at once.
    pub async fn schedules_changed(&self, tx: &Tx) -> Result<()> {
        self.notify(tx, Notice::Schedule).await
    }

    /// How jobs went, minute by minute since `from`; of one organisation, or of all.
    pub async fn minutes(&self, tx: &Tx, org: Option<Id>, from: DateTime<Utc>) -> Result<Vec<store::Minute>> {
        store::minutes(tx, org, from).await
    }
    /// How many jobs stand in which queue and state.
    pub async fn depths(&self, tx: &Tx, org: Option<Id>) -> Result<Vec<store::Depth>> {
        store::depths(tx, org).await
    }
    /// Every worker that said something lately.
    pub async fn workers(&self, tx: &Tx) -> Result<Vec<store::WorkerRow>> {
        store::workers(tx).await
    }
    /// Names of paused queues.
    pub async fn paused(&self, tx: &Tx) -> Result<Vec<String>> {
        store::paused(tx).await
    }
    /// Pauses a queue on every node, or lets it go on.
    pub async fn set_paused(&self, tx: &Tx, queue: &str, paused: bool) -> Result<()> {
        let now = self.now(tx).await?;
        store::set_paused(tx, now, queue, paused).await?;
        self.notify(tx, Notice::Ready).await
    }
    /// Days for which kinds are kept, where somebody set them.
    pub async fn retentions(&self, tx: &Tx) -> Result<Vec<(String, i32)>> {
        store::retentions(tx).await
    }
    /// Sets them; `None` is the kind's own.
    pub async fn set_retention(&self, tx: &Tx, kind: &str, days: Option<i32>) -> Result<()> {
        self.kind(kind)?;
        store::set_retention(tx, kind, days).await
    }

    /// Whether nothing is under way and nothing is due, paused queues included.
    pub async fn is_idle(&self) -> Result<bool> {
        let (tx, now) = self.system(Mode::Read).await?;
        let idle = !store::anything_due(&tx, now).await?;
        tx.commit().await?;
        Ok(idle)
    }

    /// Forgets what is over and has been kept long enough; how many jobs went. In rounds, so that the
    /// writer is shared.
    pub async fn prune(&self) -> Result<usize> {
        let mut gone = 0;
        loop {
            let (tx, now) = self.system(Mode::Write).await?;
            let round = store::prune(&tx, now, 500).await?;
            if round == 0 {
                store::prune_files(&tx, now).await?;
                store::prune_stats(&tx, now - chrono::Duration::days(14)).await?;
                store::forget_workers(&tx, now - chrono::Duration::hours(1)).await?;
            }
            tx.commit().await?;
            gone += round;
            if round == 0 {
                return Ok(gone);
            }
        }
    }
}

/// The first characters of a text, as every database can store them: PostgreSQL refuses NUL.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

/// Tags as stored: with a space around each, so that one can be found whole.
fn tags(tags: &[String]) -> Result<String> {
    let good = |tag: &String| {
        !tag.is_empty() && tag.len() <= 64 && tag.chars().all(|c| c.is_alphanumeric() || "-_.:/".contains(c))
    };
    if let Some(at) = tags.iter().position(|tag| !good(tag)) {
        let message = "a tag is 1 to 64 letters, digits and - _ . : /";
        return Err(Error::fields(vec![FieldError::new(format!("tags.{at}"), "invalid", message)]));
    }
    if tags.len() > 10 {
        return Err(Error::field("tags", "too_many", "10 tags at most"));
    }
    let joined = tags.join(" ");
    if joined.len() > 490 {
        return Err(Error::field("tags", "too_long", "the tags are too long"));
    }
    Ok(joined)
}

/// Runs a unit of work again that lost a lock.
pub(crate) async fn retrying<T, F, Fut>(mut work: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut tries = 0;
    loop {
        match work().await {
            Err(error) if error.is_retryable() && tries < 5 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(5 << tries)).await;
            }
            outcome => return outcome,
        }
    }
}
