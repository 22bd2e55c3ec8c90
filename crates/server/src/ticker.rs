//! The one recurring task until there is a job engine: mail, keys, and forgetting what is over.
//!
//! Every job has its own rhythm, and none waits for another. A job that fails or panics is logged
//! once and tried again in its next turn; nothing but the end of the process ends the ticker.

use std::{panic::AssertUnwindSafe, time::Duration};

use base::Result;
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use identity::Identity;
use kernel::App;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::metrics::Metrics;

struct Job {
    name: &'static str,
    every: Duration,
    run: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>,
}

const JOBS: &[Job] = &[
    Job { name: "mail", every: Duration::from_secs(1), run: |app| Box::pin(deliver(app)) },
    Job { name: "keys", every: Duration::from_secs(30), run: |app| Box::pin(reload(app)) },
    Job {
        name: "uses",
        every: Duration::from_secs(5),
        run: |app| Box::pin(identity::api_key::flush_uses(app)),
    },
    Job { name: "prune", every: Duration::from_mins(10), run: |app| Box::pin(prune(app)) },
    Job { name: "sweep", every: Duration::from_mins(10), run: |app| Box::pin(app.kv().sweep()) },
    Job { name: "purge", every: Duration::from_mins(10), run: |app| Box::pin(purge(app)) },
];

async fn deliver(app: &App) -> Result<()> {
    let delivered = identity::mail::deliver_due(app).await?;
    let outcome = if Identity::of(app)?.mailer.is_smtp() { "sent" } else { "kept" };
    let metrics = app.service::<std::sync::Arc<Metrics>>()?;
    (0..delivered).for_each(|_| metrics.mail(outcome));
    Ok(())
}

async fn reload(app: &App) -> Result<()> {
    Identity::of(app)?.reload(app).await
}

async fn prune(app: &App) -> Result<()> {
    identity::session::prune(app).await?;
    kernel::http::idempotency::prune(app).await
}

async fn purge(app: &App) -> Result<()> {
    identity::organization::purge_due(app).await.map(drop)
}

/// Starts the ticker; it ends with the job that runs when `stopped` becomes true.
#[expect(clippy::disallowed_methods, reason = "this is the supervised ticker")]
pub fn start(app: App, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(tick(app, JOBS, stopped))
}

async fn tick(app: App, jobs: &'static [Job], stopped: watch::Receiver<bool>) {
    join_all(jobs.iter().map(|job| repeat(&app, job, stopped.clone()))).await;
}

async fn repeat(app: &App, job: &Job, mut stopped: watch::Receiver<bool>) {
    let mut turns = interval(job.every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = turns.tick() => {}
        }
        let outcome = AssertUnwindSafe(async { (job.run)(app).await }).catch_unwind().await;
        failing = note(job.name, failing, outcome);
    }
}

/// Logs the first failure of a row and its end; whether the row goes on.
fn note(job: &str, failing: bool, outcome: std::thread::Result<Result<()>>) -> bool {
    match outcome {
        Ok(Ok(())) => {
            if failing {
                tracing::info!(job, "the recurring job works again");
            }
            false
        }
        Ok(Err(error)) => {
            if !failing {
                tracing::warn!(job, ?error, "a recurring job failed and is tried again");
            }
            true
        }
        Err(panic) => {
            let what =
                panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(job, panic = what.unwrap_or("without a message"), "a recurring job panicked");
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
