//! Workers: claim, run, renew, acknowledge, and keep house.
//!
//! One worker is a handful of loops in one task, joined, never spawned: they share nothing but what
//! is in [`Shared`]. Only the jobs themselves are tasks. The end comes from outside: claiming stops,
//! running jobs may finish until the grace is over, what is left is handed back, what has ended is
//! written, and the last loop ends.

mod beat;
mod claiming;
mod drain;
mod drive;
mod ending;
mod flush;
mod housekeeping;

pub use drain::{drain, drain_until};
pub(crate) use drive::dice;
pub(crate) use ending::ending;
pub(crate) use housekeeping::{promote, rescue};

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::Id;
use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    Engine, State, Stop,
    engine::Notice,
    kind::Runners,
    run::Word,
    schedule,
    store::{Ended, Held},
};

/// How a worker works.
#[derive(Clone)]
pub struct Options {
    /// Host name, shown to people.
    pub node: String,
    /// Version of the program.
    pub version: String,
    /// Queues that it serves, in this order; empty: all.
    pub queues: Vec<String>,
    /// Jobs at once.
    pub concurrency: usize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
    /// How long running jobs may go on after the signal to stop.
    pub grace: Duration,
    /// Whether it also fires schedules.
    pub schedules: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            node: "local".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            queues: Vec::new(),
            concurrency: 16,
            lease: Duration::from_secs(30),
            grace: Duration::from_secs(15),
            schedules: true,
        }
    }
}

/// Hears how attempts end; for metrics.
pub trait Observer: Send + Sync {
    /// An attempt has ended and is written: from due to started, and from started to ended.
    fn finished(&self, kind: &str, outcome: State, wait: Duration, run: Duration);
}

/// A job that this worker holds the lease of, until its end is written.
struct Holding {
    fence: i64,
    kind: String,
    started_at: DateTime<Utc>,
    /// When the lease ends, by this process's monotonic clock, never later than by the database's.
    deadline: Instant,
    stop: watch::Sender<Option<Stop>>,
    /// Whether the attempt still runs.
    running: bool,
}

/// An attempt that has ended, with what statistics want.
struct Result {
    ended: Ended,
    queue: String,
    kind: String,
    outcome: State,
    wait: Duration,
    run: Duration,
}

struct Shared<C> {
    engine: Engine,
    runners: Runners<C>,
    context: C,
    options: Options,
    id: Id,
    name: String,
    started_at: DateTime<Utc>,
    held: Mutex<HashMap<(Id, Id), Holding>>,
    running: AtomicUsize,
    /// Rises whenever a slot becomes free.
    freed: watch::Sender<u64>,
    /// Kinds with limits in which room was made.
    room: mpsc::UnboundedSender<String>,
    results: mpsc::UnboundedSender<Result>,
    words: mpsc::UnboundedSender<Word>,
    retention: Mutex<HashMap<String, i32>>,
    observer: Option<Arc<dyn Observer>>,
}

impl<C> Shared<C> {
    fn held(&self) -> MutexGuard<'_, HashMap<(Id, Id), Holding>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The leases that this worker believes to hold.
    fn leases(&self) -> Vec<Held> {
        self.held().iter().map(|((org, id), holding)| (*org, *id, holding.fence)).collect()
    }

    /// Holds a job no longer, unless it was claimed anew meanwhile.
    fn let_go(&self, job: (Id, Id), fence: i64) {
        let mut held = self.held();
        if held.get(&job).is_some_and(|holding| holding.fence == fence) {
            held.remove(&job);
        }
    }

    fn free_slots(&self) -> usize {
        self.options.concurrency.saturating_sub(self.running.load(Ordering::Acquire))
    }

    fn queues(&self) -> Vec<String> {
        match self.options.queues.as_slice() {
            [] => self.engine.kinds().queues().into_iter().map(str::to_owned).collect(),
            queues => queues.to_vec(),
        }
    }
}

/// Works until `stopped` becomes true, and then until nothing is held any more.
pub async fn work<C: Clone + Send + Sync + 'static>(
    engine: Engine,
    runners: Runners<C>,
    context: C,
    options: Options,
    observer: Option<Arc<dyn Observer>>,
    stopped: watch::Receiver<bool>,
) {
    let (results, ended) = mpsc::unbounded_channel();
    let (words, said) = mpsc::unbounded_channel();
    let (room, rooms) = mpsc::unbounded_channel();
    let (over, done) = watch::channel(false);
    let id = engine.new_id();
    let shared = Arc::new(Shared {
        name: format!("{}/{}", options.node, std::process::id()),
        started_at: base::Clock::now(&base::SystemClock),
        engine,
        runners,
        context,
        id,
        held: Mutex::default(),
        running: AtomicUsize::new(0),
        freed: watch::Sender::new(0),
        room,
        results,
        words,
        retention: Mutex::default(),
        observer,
        options,
    });
    tracing::info!(worker = %shared.name, concurrency = shared.options.concurrency, "working");
    let flushed = watch::Sender::new(false);
    let claiming = async {
        claiming::run(&shared, stopped.clone()).await;
        // Nothing runs any more; what ended is on its way.
        let _ = flushed.send(true);
    };
    let flushing = async {
        flush::run(&shared, ended, said, flushed.subscribe()).await;
        let _ = over.send(true);
    };
    tokio::join!(
        claiming,
        flushing,
        beat::deadlines(&shared, done.clone()),
        beat::run(&shared, done.clone()),
        housekeeping::run(&shared, rooms, done.clone()),
        schedule::run(&shared.engine, shared.options.schedules, done.clone()),
        hear(&shared.engine, done),
    );
    tracing::info!(worker = %shared.name, "stopped working");
}

/// Passes other nodes' notices on to this process's loops.
async fn hear(engine: &Engine, mut done: watch::Receiver<bool>) {
    let listening = async {
        loop {
            match engine.store().listen(crate::engine::CHANNEL).await {
                Ok(None) => return std::future::pending::<()>().await,
                Ok(Some(mut listener)) => {
                    while let Ok(notice) = listener.next().await {
                        let all = [Notice::Ready, Notice::Stop, Notice::Schedule];
                        // After a broken connection anything may have happened.
                        let meant = all
                            .iter()
                            .filter(|one| notice.as_deref().is_none_or(|text| text == one.as_str()));
                        meant.for_each(|notice| engine.wake(*notice));
                    }
                }
                Err(error) => tracing::debug!(?error, "notices cannot be heard; polling goes on"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = listening => {}
        () = until_true(&mut done) => {}
    }
}

/// Waits until a sign is given, or its giver has gone.
async fn until_true(sign: &mut watch::Receiver<bool>) {
    let _ = sign.wait_for(|given| *given).await;
}
