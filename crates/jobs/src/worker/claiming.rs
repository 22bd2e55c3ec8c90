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

use super::{Holding, Shared, drive};
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
        let mut full = false;
        if slots > 0 && shared.held().len() < shared.options.concurrency * 4 + 64 {
            match retrying(|| claim(shared, slots, &turns)).await {
                Ok((claimed, next)) => {
                    failing = false;
                    turns.extend(next);
                    full = claimed.len() == slots;
                    for (job, deadline) in claimed {
                        start(shared, &mut tasks, job, deadline);
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(?error, "jobs cannot be claimed; trying again");
                    }
                    failing = true;
                }
            }
        }
        if full {
            // There is more: go on as soon as half of the slots are free, so that claims stay large.
            let half = shared.options.concurrency.div_ceil(2);
            let enough = async { while shared.free_slots() < half && freed.changed().await.is_ok() {} };
            tokio::select! {
                _ = timeout(Duration::from_millis(5), enough) => {}
                _ = stopped.changed() => {}
            }
            if shared.free_slots() > 0 {
                continue;
            }
        }
        tokio::select! {
            _ = stopped.changed() => {}
            _ = ready.changed(), if !failing => {}
            _ = freed.changed(), if slots == 0 => {}
            () = sleep(poll) => {}
        }
    }
    finish(shared, &mut tasks).await;
}

type Turns = Vec<(String, Id)>;

async fn claim<C>(
    shared: &Arc<Shared<C>>,
    slots: usize,
    turns: &HashMap<String, Id>,
) -> base::Result<(Vec<(Claimed, Instant)>, Turns)> {
    let engine = &shared.engine;
    if engine.store().dialect() == Dialect::Sqlite {
        // A reader looks first, so that an idle worker never takes the writer.
        let (tx, _) = engine.system(Mode::Read).await?;
        let anything =
            store::query(&tx, "SELECT id FROM job WHERE state = 'ready' LIMIT 1", Vec::new()).await?;
        tx.commit().await?;
        if anything.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
    }
    let mut held: HashMap<Id, usize> = HashMap::new();
    for ((org, _), _) in shared.held().iter().filter(|(_, holding)| holding.running) {
        *held.entry(*org).or_default() += 1;
    }
    let concurrency = shared.options.concurrency;
    // No organisation holds more than three quarters of the slots, so that there is room for another.
    let share = (concurrency * 3 / 4).max(1);
    let before = Instant::now();
    let (tx, now) = engine.system(Mode::Write).await?;
    let paused = store::paused(&tx).await?;
    let mut claim =
        Claim { worker: shared.id, name: &shared.name, lease: shared.options.lease, slots, share, held };
    let mut claimed = Vec::new();
    let mut next = Vec::new();
    for queue in shared.queues().into_iter().filter(|queue| !paused.contains(queue)) {
        if claim.slots == 0 {
            break;
        }
        let mut turn = turns.get(&queue).copied().unwrap_or_default();
        claimed.extend(store::claim(&tx, now, &queue, &mut claim, &mut turn).await?);
        next.push((queue, turn));
    }
    tx.commit().await?;
    let deadline = before + shared.options.lease;
    Ok((claimed.into_iter().map(|job| (job, deadline)).collect(), next))
}

fn start<C: Clone + Send + Sync + 'static>(
    shared: &Arc<Shared<C>>,
    tasks: &mut JoinSet<()>,
    job: Claimed,
    deadline: Instant,
) {
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
