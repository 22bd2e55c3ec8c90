//! Taking jobs and starting them.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::store::{Dialect, Mode};
use base::Id;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Holding, Shared, beat, drive};
use crate::{
    Stop,
    engine::{Notice, retrying},
    store::{self, Claim, Claimed},
};

/// How often to look without being told.
fn poll(dialect: Dialect) -> Duration {
    // Several processes on one SQLite file can tell each other nothing.
    if dialect == Dialect::Sqlite { Duration::from_millis(250) } else { Duration::from_millis(500) }
}

/// How long a claim waits for more slots once one is free.
const GATHER: Duration = Duration::from_millis(5);

pub(super) async fn run<C: Clone + Send + Sync + 'static>(
    shared: &Arc<Shared<C>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    let mut ready = shared.engine.listen(Notice::Ready);
    let mut freed = shared.freed.subscribe();
    let mut turns: HashMap<String, Id> = HashMap::new();
    let poll = poll(shared.engine.store().dialect());
    let mut failing = false;
    while !*stopped.borrow() {
        while tasks.try_join_next().is_some() {}
        ready.borrow_and_update();
        freed.borrow_and_update();
        let slots = shared.free_slots();
        let mut more = true;
        if slots > 0 && shared.held().len() < shared.options.concurrency * 4 + 64 {
            match retrying(|| claim(shared, slots, &turns)).await {
                Ok(round) => {
                    failing = false;
                    turns.extend(round.turns);
                    more = round.more;
                    for (job, deadline) in round.jobs {
                        start(shared, &mut tasks, job, deadline);
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(?error, "jobs cannot be claimed; trying again");
                    }
                    failing = true;
                    more = false;
                }
            }
        }
        tokio::select! {
            _ = stopped.changed() => {}
            _ = ready.changed(), if !failing => {}
            () = room(shared, &mut freed), if more => {}
            () = sleep(poll) => {}
        }
    }
    finish(shared, &mut tasks).await;
}

/// Waits until another claim is worth its statements: half of the slots are free, or a moment has
/// passed since the first became free.
async fn room<C>(shared: &Arc<Shared<C>>, freed: &mut watch::Receiver<u64>) {
    if freed.changed().await.is_err() {
        return std::future::pending().await;
    }
    let half = shared.options.concurrency.div_ceil(2);
    let enough = async { while shared.free_slots() < half && freed.changed().await.is_ok() {} };
    let _ = timeout(GATHER, enough).await;
}

/// What one round of claiming brought.
#[derive(Default)]
struct Round {
    /// Jobs, each with the end of its lease by this process's clock.
    jobs: Vec<(Claimed, Instant)>,
    /// In each queue, whose turn it is next.
    turns: Vec<(String, Id)>,
    /// Whether something ready was left for want of room.
    more: bool,
}

async fn claim<C>(shared: &Arc<Shared<C>>, slots: usize, turns: &HashMap<String, Id>) -> base::Result<Round> {
    let engine = &shared.engine;
    if engine.store().dialect() == Dialect::Sqlite {
        // A reader looks first, so that an idle worker never takes the writer.
        let (tx, _) = engine.system(Mode::Read).await?;
        let anything =
            store::query(&tx, "SELECT id FROM job WHERE state = 'ready' LIMIT 1", Vec::new()).await?;
        tx.commit().await?;
        if anything.is_empty() {
            return Ok(Round::default());
        }
    }
    let mut held: HashMap<Id, usize> = HashMap::new();
    for ((org, _), _) in shared.held().iter().filter(|(_, holding)| holding.running) {
        *held.entry(*org).or_default() += 1;
    }
    // No organisation holds more than three quarters of the slots, so that there is room for another.
    let share = (shared.options.concurrency * 3 / 4).max(1);
    let lease = shared.options.lease;
    let before = Instant::now();
    let (tx, now) = engine.system(Mode::Write).await?;
    let mut claim = Claim { worker: shared.id, name: &shared.name, lease, slots, share, held, more: false };
    let (claimed, turns) = store::claim(&tx, now, &shared.queues(), &mut claim, turns).await?;
    let more = claim.more;
    tx.commit().await?;
    let deadline = before + lease;
    let jobs = claimed.into_iter().map(|job| (job, deadline)).collect();
    Ok(Round { jobs, turns, more })
}

fn start<C: Clone + Send + Sync + 'static>(
    shared: &Arc<Shared<C>>,
    tasks: &mut JoinSet<()>,
    job: Claimed,
    deadline: Instant,
) {
    if deadline <= Instant::now() + beat::margin(shared.options.lease) {
        // The answer was so long on its way that the lease is as good as over: somebody else may begin.
        tracing::warn!(kind = job.kind, "a claim came back too late; the job is not begun");
        drive::put_back(shared, job);
        return;
    }
    let (stop, stopping) = watch::channel(None);
    let started_at = job.claimed_at;
    let holding =
        Holding { fence: job.fence, kind: job.kind.clone(), started_at, deadline, stop, running: true };
    shared.held().insert((job.org, job.id), holding);
    shared.running.fetch_add(1, Ordering::AcqRel);
    tasks.spawn(drive::run(shared.clone(), job, stopping));
}

/// Lets running jobs finish, then hands back what is left.
async fn finish<C>(shared: &Arc<Shared<C>>, tasks: &mut JoinSet<()>) {
    let drained = async { while tasks.join_next().await.is_some() {} };
    if timeout(shared.options.grace, drained).await.is_ok() {
        return;
    }
    tracing::warn!(jobs = tasks.len(), "handing back what did not finish in time");
    for holding in shared.held().values().filter(|holding| holding.running) {
        let _ = holding.stop.send(Some(Stop::HandBack));
    }
    while tasks.join_next().await.is_some() {}
}
