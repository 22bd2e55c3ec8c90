//! Signs of life: leases are renewed, cancellations heard, and jobs stopped whose lease ends.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::store::Mode;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::Shared;
use crate::{
    Stop,
    engine::{Notice, retrying},
    store::{self, WorkerRow},
};

/// How often cancellations are looked for without being told.
const LISTEN: Duration = Duration::from_secs(1);

/// How long before the end of its lease a job is stopped that could not be renewed.
pub(super) fn margin(lease: Duration) -> Duration {
    (lease / 10).min(Duration::from_secs(3))
}

/// Stops jobs that run although their lease could not be renewed: before it ends, so that nobody
/// else can have begun.
pub(super) async fn deadlines<C>(shared: &Arc<Shared<C>>, mut done: watch::Receiver<bool>) {
    let margin = margin(shared.options.lease);
    while !*done.borrow() {
        let late = Instant::now() + margin;
        for holding in shared.held().values().filter(|holding| holding.running && holding.deadline <= late) {
            if holding.stop.borrow().is_none_or(|reason| reason != Stop::LeaseLost) {
                tracing::warn!(kind = holding.kind, "a job's lease cannot be renewed; it is stopped");
                let _ = holding.stop.send(Some(Stop::LeaseLost));
            }
        }
        tokio::select! {
            // Often enough that most of the margin is left for the stopping itself.
            () = sleep(Duration::from_millis(200).min(margin / 4)) => {}
            _ = done.changed() => {}
        }
    }
}

pub(super) async fn run<C>(shared: &Arc<Shared<C>>, mut done: watch::Receiver<bool>) {
    let mut stops = shared.engine.listen(Notice::Stop);
    let rhythm = (shared.options.lease / 6).min(Duration::from_secs(5));
    let mut last: Option<Instant> = None;
    let mut failing = false;
    while !*done.borrow() {
        let mut outcome = Ok(());
        if last.is_none_or(|last| last.elapsed() >= rhythm) {
            outcome = renew(shared).await;
            last = outcome.is_ok().then(Instant::now);
        }
        if outcome.is_ok() && !shared.held().is_empty() {
            outcome = confirm(shared).await;
        }
        if let (Err(error), false) = (&outcome, failing) {
            tracing::warn!(?error, "the worker's leases cannot be renewed; trying again");
        }
        failing = outcome.is_err();
        tokio::select! {
            () = sleep(LISTEN.min(rhythm)) => {}
            _ = stops.changed() => {}
            _ = done.changed() => {}
        }
    }
    if let Ok((tx, _)) = shared.engine.system(Mode::Write).await {
        let _ = store::leave(&tx, shared.id).await;
        let _ = tx.commit().await;
    }
}

/// Renews every lease and says what this worker does.
async fn renew<C>(shared: &Arc<Shared<C>>) -> base::Result<()> {
    let held = shared.leases();
    let (engine, lease) = (&shared.engine, shared.options.lease);
    let before = Instant::now();
    let renewed = retrying(|| async {
        let (tx, now) = engine.system(Mode::Write).await?;
        let renewed = if held.is_empty() { 0 } else { store::renew(&tx, now, lease, &held).await? };
        store::report(&tx, &portrait(shared, now)).await?;
        let retention = store::retentions(&tx).await?;
        tx.commit().await?;
        *shared.retention.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            retention.into_iter().collect();
        Ok(renewed)
    })
    .await?;
    if renewed == u64::try_from(held.len()).unwrap_or_default() {
        let mut now_held = shared.held();
        for (org, id, fence) in &held {
            if let Some(holding) = now_held.get_mut(&(*org, *id)).filter(|holding| holding.fence == *fence) {
                holding.deadline = before + lease;
            }
        }
        return Ok(());
    }
    // Some were written meanwhile, or are no longer ours: ask which.
    confirm_and_extend(shared, before).await
}

fn portrait<C>(shared: &Arc<Shared<C>>, now: chrono::DateTime<chrono::Utc>) -> WorkerRow {
    let running: Vec<_> = shared
        .held()
        .iter()
        .filter(|(_, holding)| holding.running)
        .take(100)
        .map(|((org, id), holding)| {
            json!({ "id": id, "kind": holding.kind, "org_id": org, "started_at": base::time::format(holding.started_at) })
        })
        .collect();
    WorkerRow {
        id: shared.id,
        node: shared.options.node.clone(),
        pid: i32::try_from(std::process::id()).unwrap_or_default(),
        version: shared.options.version.clone(),
        queues: shared.queues().join(", "),
        concurrency: i32::try_from(shared.options.concurrency).unwrap_or(i32::MAX),
        running: serde_json::Value::from(running).to_string(),
        started_at: shared.started_at,
        heartbeat_at: now,
    }
}

/// Asks which leases hold and which jobs are to stop.
async fn confirm<C>(shared: &Arc<Shared<C>>) -> base::Result<()> {
    check(shared, None).await
}

async fn confirm_and_extend<C>(shared: &Arc<Shared<C>>, renewed_at: Instant) -> base::Result<()> {
    check(shared, Some(renewed_at)).await
}

async fn check<C>(shared: &Arc<Shared<C>>, renewed_at: Option<Instant>) -> base::Result<()> {
    let asked = shared.leases();
    let (tx, _) = shared.engine.system(Mode::Read).await?;
    let confirmed: HashMap<_, bool> = store::confirm(&tx, &asked).await?.into_iter().collect();
    tx.commit().await?;
    let mut held = shared.held();
    for lease @ (org, id, fence) in asked {
        let Some(holding) = held.get_mut(&(org, id)).filter(|holding| holding.fence == fence) else {
            continue;
        };
        match confirmed.get(&lease) {
            Some(true) if holding.running && holding.stop.borrow().is_none() => {
                let _ = holding.stop.send(Some(Stop::Cancelled));
            }
            Some(_) => {
                if let Some(at) = renewed_at {
                    holding.deadline = at + shared.options.lease;
                }
            }
            // Not running any more in the database: somebody else's now, if it still runs here.
            None if holding.running => {
                tracing::warn!(job = %id, kind = holding.kind, "a job's lease was lost; it is stopped");
                let _ = holding.stop.send(Some(Stop::LeaseLost));
            }
            None => {}
        }
    }
    Ok(())
}
