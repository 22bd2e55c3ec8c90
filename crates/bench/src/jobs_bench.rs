//! The job engine on one database: enqueueing, processing, start latency.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Error, Id, Result, SystemClock};
use jobs::{
    Arguments, Engine, NewJob, State,
    store::entity::job,
    worker::{self, Options},
};
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter};
use store::{Mode, Store};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    floor::{self, Floor},
    kinds::{self, Mark, NoSecrets, Noop, World, Written},
    load::{Latency, Load},
};

/// What to measure.
pub struct Plan {
    /// Jobs that a measurement moves.
    pub jobs: usize,
    /// Jobs that the worker runs at once.
    pub concurrency: usize,
}

impl Plan {
    /// Callers that enqueue one by one, as requests would.
    pub const CALLERS: usize = 8;
    /// Callers that enqueue batches, as an import would.
    pub const BATCH_CALLERS: usize = 4;
    /// Start latencies taken.
    pub const SAMPLES: usize = 300;
    /// Those taken from another process: on some databases each waits for a poll.
    const SAMPLES_ELSEWHERE: usize = 30;

    fn load(&self) -> Load {
        Load {
            rows: self.jobs.next_multiple_of(1_000),
            single_rows: self.jobs / 4,
            single_callers: Self::CALLERS,
            batch_callers: Self::BATCH_CALLERS,
            samples: Self::SAMPLES,
        }
    }
}

/// What was measured on one database.
pub struct Figures {
    /// The database at best.
    pub floor: Floor,
    /// Jobs a second, each in a transaction of its own.
    pub singly: f64,
    /// Jobs a second, in batches of 500.
    pub by_500: f64,
    /// Jobs a second, in batches of 1,000.
    pub by_1000: f64,
    /// How many were processed, all of one organisation.
    pub processed: usize,
    /// Jobs a second, from the worker's start until the last end was written.
    pub rate: f64,
    /// From before the enqueueing transaction begins to the first line of the job, in an idle worker of
    /// the same process.
    pub start: Latency,
    /// The same when another process enqueues.
    pub start_elsewhere: Latency,
}

/// Measures everything.
pub async fn measure(store: &Store, plan: &Plan) -> Result<Figures> {
    let load = plan.load();
    let org = base::id::new(base::Clock::now(&SystemClock));
    let floor = floor::measure(store, org, &load).await?;
    let (kinds, runners) = kinds::registry().split();
    let engine = Engine::new(store.clone(), Arc::new(SystemClock), kinds, Arc::new(NoSecrets));
    let enqueue = |batch: usize| {
        let engine = engine.clone();
        move |_| enqueue(engine.clone(), org, Noop {}, batch)
    };
    let singly = load.one_by_one(enqueue(1)).await?;
    let by_500 = load.in_batches(500, enqueue(500)).await?;
    let by_1000 = load.in_batches(1_000, enqueue(1_000)).await?;
    let processed = load.single_rows + 2 * load.rows;

    let (world, mut begun) = World::new();
    let (written, mut all) = Written::new(u64::try_from(processed).unwrap_or(u64::MAX));
    let (stop, stopped) = watch::channel(false);
    let options = Options { node: "bench".to_owned(), concurrency: plan.concurrency, ..Options::default() };
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    tasks.spawn(worker::work(engine.clone(), runners, world, options, Some(written), stopped));
    let limit = Duration::from_secs(120);
    let end = timeout(limit, all.wait_for(Option::is_some)).await;
    let end = end.ok().and_then(|end| end.ok().and_then(|end| *end));
    let end = end.ok_or_else(|| Error::internal(format!("{processed} jobs were not done in {limit:?}")))?;
    let rate = processed as f64 / (end - begin).as_secs_f64();
    verify(store, processed).await?;

    let start = latency(&engine, org, Plan::SAMPLES, &mut begun).await?;
    let (kinds, _) = kinds::registry().split();
    let other = Engine::new(store.clone(), Arc::new(SystemClock), kinds, Arc::new(NoSecrets));
    let start_elsewhere = latency(&other, org, Plan::SAMPLES_ELSEWHERE, &mut begun).await?;
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    Ok(Figures { floor, singly, by_500, by_1000, processed, rate, start, start_elsewhere })
}

async fn enqueue<A: Arguments + Clone + Sync>(
    engine: Engine,
    org: Id,
    arguments: A,
    count: usize,
) -> Result<()> {
    let jobs = (0..count).map(|_| NewJob::of(org, &arguments)).collect::<Result<Vec<_>>>()?;
    let tx = engine.store().begin_org(Mode::Write, org).await?;
    engine.enqueue_all(&tx, jobs).await?;
    tx.commit().await
}

/// Every job succeeded at its first attempt: a rate at which jobs get lost is none.
async fn verify(store: &Store, processed: usize) -> Result<()> {
    let tx = store.begin_system(Mode::Read).await?;
    let done = job::Column::State.eq(State::Succeeded.as_str()).and(job::Column::Attempt.eq(1));
    let done = tx.count(tx.find::<job::Entity>().filter(done)).await?;
    tx.commit().await?;
    if usize::try_from(done).ok() == Some(processed) {
        return Ok(());
    }
    Err(Error::internal(format!("{done} of {processed} jobs succeeded at once")))
}

async fn latency(
    engine: &Engine,
    org: Id,
    samples: usize,
    begun: &mut mpsc::UnboundedReceiver<Instant>,
) -> Result<Latency> {
    let mut all = Vec::with_capacity(samples);
    for n in 0..samples {
        // Idle, and at no fixed distance from the worker's own rhythms.
        sleep(Duration::from_millis(20 + (n as u64 * 7) % 31)).await;
        let before = Instant::now();
        enqueue(engine.clone(), org, Mark {}, 1).await?;
        let begin = timeout(Duration::from_secs(10), begun.recv()).await.ok().flatten();
        let begin = begin.ok_or_else(|| Error::internal("a job did not begin within 10 s"))?;
        all.push(begin - before);
    }
    Ok(Latency::of(all))
}
