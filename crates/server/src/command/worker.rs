//! `tenon worker`: jobs and schedules without a listener.

use tokio::sync::watch;

use crate::{
    cli::{Failure, WorkerArgs, print},
    config::{Config, Inputs},
    upkeep, wiring, worker,
};

use super::{
    parts::Opened,
    process::{self, Signals},
    schema,
};

/// Works until a signal says to stop.
pub fn run(inputs: &Inputs, args: &WorkerArgs) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    let plan = worker::plan(&config)?;
    config.ensure_data_dir()?;
    process::run(&config, start(&config, args, plan))
}

async fn start(config: &Config, args: &WorkerArgs, plan: worker::Plan) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    tokio::select! {
        outcome = Box::pin(ready(config, args)) => {
            let (opened, built) = outcome?;
            Box::pin(work(config, opened, built, plan, &mut signals)).await
        }
        () = signals.next() => Ok(()),
    }
}

async fn ready(config: &Config, args: &WorkerArgs) -> Result<(Opened, wiring::Built), Failure> {
    let opened = schema::open(config).await?;
    let built = process::build(config, &opened, args.migrate).await?;
    Ok((opened, built))
}

async fn work(
    config: &Config,
    opened: Opened,
    built: wiring::Built,
    plan: worker::Plan,
    signals: &mut Signals,
) -> Result<(), Failure> {
    announce(config, &plan);
    let (stop, stopped) = watch::channel(false);
    let mut keeping = upkeep::start(built.app.clone(), stopped.clone());
    let working = worker::run(built.app, built.runners, plan, stopped);
    let mut working = Box::pin(working);
    let ended = tokio::select! {
        outcome = &mut working => Some(outcome),
        () = signals.next() => None,
    };
    tracing::info!("stopping");
    let _ = stop.send(true);
    let finish = async {
        let outcome = match ended {
            Some(outcome) => outcome,
            None => working.await,
        };
        let _ = (&mut keeping).await;
        outcome
    };
    let outcome = tokio::select! {
        outcome = finish => outcome.map_err(Failure::from),
        () = tokio::time::sleep(config.worker.grace + worker::LAST_WORDS) => {
            tracing::warn!("some jobs could not be handed back; others take them when their leases are over");
            Ok(())
        }
        () = signals.next() => {
            tracing::warn!("a second signal: others take what ran when its leases are over");
            Ok(())
        }
    };
    keeping.abort();
    opened.store.close().await;
    tracing::info!("stopped");
    outcome
}

/// Says what is worked on.
fn announce(config: &Config, plan: &worker::Plan) {
    let queues = plan.options.queues.join(", ");
    let (concurrency, shown) = (plan.options.concurrency, &config.database.shown_url);
    tracing::info!(%queues, concurrency, env = %config.env, database = %shown, "working");
    print(&format!(
        "{} works on {queues}: {concurrency} {} at once ({}, {shown})\n",
        concat!("Tenon ", env!("CARGO_PKG_VERSION")),
        if concurrency == 1 { "job" } else { "jobs" },
        config.env
    ));
}
