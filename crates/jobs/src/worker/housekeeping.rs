//! What any worker does for all: due jobs become ready, limits let through, orphans are taken back.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ::store::Mode;
use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::{Shared, drive};
use crate::{
    Engine, Policy,
    engine::{Notice, retrying},
    store,
};

/// The longest pause without a notice: bounds how late a job is that another node put off.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn run<C>(
    shared: &Arc<Shared<C>>,
    mut rooms: mpsc::UnboundedReceiver<String>,
    mut done: watch::Receiver<bool>,
) {
    let mut ready = shared.engine.listen(Notice::Ready);
    let limited: Vec<&'static str> =
        shared.engine.kinds().iter().filter(|kind| kind.policy.is_limited()).map(|kind| kind.name).collect();
    let mut failing = false;
    while !*done.borrow() {
        ready.borrow_and_update();
        let pause = match round(shared, &limited).await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(?error, "waiting jobs cannot be looked after; trying again");
                }
                failing = true;
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            _ = ready.changed(), if !failing => {}
            // Room in a kind: one that waits for it need not wait for the next round.
            Some(_) = rooms.recv() => while rooms.try_recv().is_ok() {},
            _ = done.changed() => {}
        }
    }
}

/// One round; how long until there is something to do again, as far as is known.
async fn round<C>(shared: &Arc<Shared<C>>, limited: &[&str]) -> base::Result<Duration> {
    let engine = &shared.engine;
    let (tx, now) = engine.system(Mode::Read).await?;
    let waiting = store::anything_waits(&tx, now, limited).await?;
    tx.commit().await?;
    let mut pause = PAUSE;
    let mut woken = 0;
    if waiting.orphans {
        let rescued = rescue(engine, |kind, policy| drive::kept(shared, kind, policy).1).await?;
        pause = soon(rescued);
    }
    match waiting.next {
        Some(next) if next <= now => {
            let promoted = promote(engine).await?;
            woken += promoted;
            pause = pause.min(soon(promoted));
        }
        Some(next) => pause = pause.min(until(next, now)),
        None => {}
    }
    for kind in waiting.limited.iter().collect::<BTreeSet<_>>() {
        let admitted = admit(shared, kind).await?;
        woken += admitted.through;
        if let Some(again) = admitted.look_again {
            pause = pause.min(until(again, now));
        }
    }
    if woken > 0 {
        tracing::trace!(woken, "jobs became ready");
    }
    Ok(pause)
}

/// When to look again after so much was done: nothing means that somebody else is at it.
fn soon(done: usize) -> Duration {
    Duration::from_millis(if done > 0 { 1 } else { 20 })
}

fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or_default().max(Duration::from_millis(1))
}

async fn admit<C>(shared: &Arc<Shared<C>>, kind: &str) -> base::Result<store::Admitted> {
    let engine = &shared.engine;
    let policy = engine.kind(kind)?.policy;
    let after = engine.turn(kind);
    let admitted = retrying(|| async {
        let (tx, now) = engine.system(Mode::Write).await?;
        let admitted = store::admit(&tx, now, kind, &policy, after.as_deref()).await?;
        if admitted.through > 0 {
            engine.notify(&tx, Notice::Ready).await?;
        }
        tx.commit().await?;
        Ok(admitted)
    })
    .await?;
    if let Some(turn) = &admitted.turn {
        engine.set_turn(kind, turn);
    }
    Ok(admitted)
}

/// Makes ready whose time has come; how many.
pub(crate) async fn promote(engine: &Engine) -> base::Result<usize> {
    retrying(|| async {
        let (tx, now) = engine.system(Mode::Write).await?;
        let woken = store::promote(&tx, now).await?;
        if woken > 0 {
            engine.notify(&tx, Notice::Ready).await?;
        }
        tx.commit().await?;
        Ok(woken)
    })
    .await
}

/// Takes jobs back whose lease is over; how many. `kept` is how long jobs of a kind are kept that do not succeed.
pub(crate) async fn rescue(engine: &Engine, kept: impl Fn(&str, &Policy) -> Duration) -> base::Result<usize> {
    let rescued = retrying(|| async {
        let (tx, now) = engine.system(Mode::Write).await?;
        let plan = |kind: &str, attempt: u32| {
            let policy = engine.kinds().find(kind).map(|kind| kind.policy).unwrap_or_default();
            (policy.backoff.after(attempt, drive::dice()), kept(kind, &policy))
        };
        let rescued = store::rescue(&tx, now, plan, || engine.new_id()).await?;
        tx.commit().await?;
        Ok(rescued)
    })
    .await?;
    if rescued > 0 {
        tracing::warn!(jobs = rescued, "took back jobs whose worker had gone");
    }
    Ok(rescued)
}
