//! The worker of a process: beside the server in `serve`, alone in `worker`.

use std::{sync::Arc, time::Duration};

use jobs::{
    Declared, Engine, Runners,
    worker::{self, Observer, Options},
};
use kernel::App;
use tokio::sync::watch;

use crate::{cli::Failure, config::Config, metrics::Metrics, wiring};

/// How the configuration wants jobs to be worked on.
pub fn options(config: &Config) -> Options {
    Options {
        node: node(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        queues: config.worker.queues.clone(),
        concurrency: config.worker.concurrency,
        grace: config.worker.grace,
        lease: Duration::from_secs(30),
        schedules: true,
    }
}

/// The schedules that the operator declares (`SCHEDULES_FILE`): a JSON list of
/// `{name, description?, expression | every_seconds, time_zone?, job_kind, args?}`.
pub fn schedules_of(config: &Config) -> Result<Vec<Declared>, Failure> {
    let Some(file) = &config.worker.schedules_file else { return Ok(Vec::new()) };
    let refuse = |error: &dyn std::fmt::Display| {
        Failure::refused(format!("SCHEDULES_FILE {} cannot be used: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| refuse(&error))?;
    serde_json::from_str(&text).map_err(|error| refuse(&error))
}

/// The host's name as the kernel knows it.
fn node() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname");
    read.map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "local".to_owned())
}

/// Brings the schedules of product and configuration in step, then works until `stopped`.
pub async fn run(
    app: App,
    runners: Runners<App>,
    options: Options,
    extra: Vec<Declared>,
    stopped: watch::Receiver<bool>,
) -> base::Result<()> {
    let engine = app.service::<Engine>()?.clone();
    let metrics = app.service::<Arc<Metrics>>()?.clone();
    let observer: Arc<dyn Observer> = metrics;
    let mut declared = wiring::declared()?;
    declared.extend(extra);
    // A database that is away must not keep the worker from starting: it is asked again until it answers.
    let mut waiting = stopped.clone();
    while let Err(error) = engine.declare(&declared).await {
        if error.kind() == base::Kind::Invalid {
            return Err(error);
        }
        tracing::warn!(?error, "the product's schedules cannot be written; trying again");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            _ = waiting.wait_for(|stopped| *stopped) => return Ok(()),
        }
    }
    Box::pin(worker::work(engine, runners, app, options, Some(observer), stopped)).await;
    Ok(())
}
