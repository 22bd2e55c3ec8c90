//! What every node does for itself: keys are read again, uses of API keys and calls of programs written, its own embedded
//! key-value file swept, its gauges of jobs and keys brought up to date. What one node does for all is a job
//! (`jobs`), not upkeep.
//!
//! Every duty has its own rhythm, and none waits for another. One that fails or panics is logged
//! once and tried again in its next turn; nothing but the end of the process ends the upkeep.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use base::Result;
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use identity::Identity;
use jobs::Engine;
use kernel::App;
use platform::ids::{Ids, LOW_DAYS};
use store::Mode;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::metrics::Metrics;

struct Duty {
    name: &'static str,
    every: Duration,
    run: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>,
}

const DUTIES: &[Duty] = &[
    Duty { name: "keys", every: Duration::from_secs(30), run: |app| Box::pin(reload(app)) },
    Duty {
        name: "uses",
        every: Duration::from_secs(5),
        run: |app| Box::pin(identity::api_key::flush_uses(app)),
    },
    Duty { name: "calls", every: Duration::from_secs(5), run: |app| Box::pin(members::flush_calls(app)) },
    Duty { name: "issuers", every: Duration::from_mins(1), run: |app| Box::pin(warm(app)) },
    Duty { name: "gauges", every: Duration::from_secs(10), run: |app| Box::pin(measure(app)) },
    Duty { name: "ids", every: Duration::from_secs(15), run: |app| Box::pin(measure_keys(app)) },
    Duty {
        name: "events",
        every: Duration::from_millis(500),
        run: |app| Box::pin(async { members::relay(app).await.map(drop) }),
    },
    Duty { name: "sweep", every: Duration::from_mins(10), run: |app| Box::pin(app.kv().sweep()) },
];

async fn reload(app: &App) -> Result<()> {
    Identity::of(app)?.reload(app).await
}

/// Reads the numbers of jobs here, so that `/metrics` never waits for the database.
async fn measure(app: &App) -> Result<()> {
    let tx = app.system(Mode::Read).await?;
    let gauges = app.service::<Engine>()?.gauges(&tx).await?;
    tx.commit().await?;
    app.service::<Arc<Metrics>>()?.set_jobs(&gauges);
    Ok(())
}

/// Keeps the keys of issuers at hand, and says how they stand.
async fn warm(app: &App) -> Result<()> {
    members::warm_issuers(app).await?;
    app.service::<Arc<Metrics>>()?.set_issuers(&members::issuer_keys(app).await?);
    Ok(())
}

/// The same for keys of ids.
async fn measure_keys(app: &App) -> Result<()> {
    let engine = Ids::of(app)?.engine();
    let metrics = app.service::<Arc<Metrics>>()?;
    // First: it grows while the database, which the rest asks, is away.
    metrics.set_waiting_lines(engine.unwritten());
    metrics.set_keys(&engine.alarms(LOW_DAYS).await?);
    Ok(())
}

/// Starts the upkeep; it ends with the duty that runs when `stopped` becomes true.
#[expect(clippy::disallowed_methods, reason = "this is the supervised upkeep")]
pub fn start(app: App, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(tick(app, stopped))
}

async fn tick(app: App, stopped: watch::Receiver<bool>) {
    join_all(DUTIES.iter().map(|duty| repeat(&app, duty, stopped.clone()))).await;
    // Of the last seconds; requests that are answered after this are not in it.
    if let Err(error) = members::flush_calls(&app).await {
        tracing::warn!(?error, "the last calls of programs could not be written");
    }
}

async fn repeat(app: &App, duty: &Duty, mut stopped: watch::Receiver<bool>) {
    let mut turns = interval(duty.every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = turns.tick() => {}
        }
        let outcome = AssertUnwindSafe(async { (duty.run)(app).await }).catch_unwind().await;
        failing = note(duty.name, failing, outcome);
    }
}

/// Logs the first failure of a row and its end; whether the row goes on.
fn note(duty: &str, failing: bool, outcome: std::thread::Result<Result<()>>) -> bool {
    match outcome {
        Ok(Ok(())) => {
            if failing {
                tracing::info!(duty, "the node's upkeep works again");
            }
            false
        }
        Ok(Err(error)) => {
            if !failing {
                tracing::warn!(duty, ?error, "the node's upkeep failed and is tried again");
            }
            true
        }
        Err(panic) => {
            let what =
                panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(duty, panic = what.unwrap_or("without a message"), "the node's upkeep panicked");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_a_panic_and_a_recovery_are_told_apart() {
        let panicked = std::panic::catch_unwind(|| -> Result<()> { panic!("on purpose") });
        assert!(note("test", false, panicked));
        assert!(note("test", true, Ok(Err(base::Error::internal("broken")))));
        assert!(!note("test", true, Ok(Ok(()))));
    }
}
