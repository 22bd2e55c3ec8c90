//! The worker of a process: beside the server in `serve`, alone in `worker`.

use std::{path::Path, sync::Arc, time::Duration};

use jobs::{
    Declared, Engine, Kinds, Runners,
    worker::{self, Observer, Options},
};
use kernel::App;
use tokio::sync::watch;

use crate::{
    cli::Failure,
    config::{AppEnv, Config},
    metrics::Metrics,
    wiring,
};

/// What writing the last ends may take beyond the grace of running jobs.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a process works, checked against what this build knows.
pub struct Plan {
    /// Node, queues, slots, grace.
    pub options: Options,
    /// The schedules that the operator declares.
    pub declared: Vec<Declared>,
}

/// How the configuration wants jobs to be worked on; refused, before anything is opened, when it
/// names what does not exist.
pub fn plan(config: &Config) -> Result<Plan, Failure> {
    let (kinds, _) = wiring::kinds(config.env == AppEnv::Dev).split();
    check_queues(config, &kinds)?;
    let mut options = options(config);
    if options.queues.is_empty() {
        options.queues = kinds.queues().into_iter().map(str::to_owned).collect();
    }
    Ok(Plan { options, declared: schedules_of(config, &kinds)? })
}

/// The options of the configuration as they stand.
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

/// Refuses a queue in which no kind ever puts a job.
pub fn check_queues(config: &Config, kinds: &Kinds) -> Result<(), Failure> {
    let known = kinds.queues();
    match config.worker.queues.iter().find(|queue| !known.contains(&queue.as_str())) {
        Some(queue) => Err(Failure::refused(format!(
            "there is no queue `{queue}` (--queues or WORKER_QUEUES); there are {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// The schedules that the operator declares (`SCHEDULES_FILE`): a JSON list of
/// `{name, description?, expression | every_seconds, time_zone?, job_kind, args?}`.
pub fn schedules_of(config: &Config, kinds: &Kinds) -> Result<Vec<Declared>, Failure> {
    let Some(file) = &config.worker.schedules_file else { return Ok(Vec::new()) };
    let refuse =
        |why: &str| Failure::refused(format!("SCHEDULES_FILE={} cannot be used: {why}", file.display()));
    let declared = read_schedules(file).map_err(|why| refuse(&why))?;
    let mut names: Vec<String> = wiring::declared()?.into_iter().map(|own| own.name).collect();
    for (at, one) in declared.iter().enumerate() {
        let place = format!("schedule {} (`{}`)", at + 1, one.name);
        if one.name.trim().is_empty() || one.name.chars().count() > 120 {
            return Err(refuse(&format!("{place}: a name has 1 to 120 characters")));
        }
        if names.contains(&one.name) {
            return Err(refuse(&format!("{place}: there is another schedule of that name")));
        }
        one.check(kinds).map_err(|error| refuse(&format!("{place}: {error}")))?;
        names.push(one.name.clone());
    }
    Ok(declared)
}

fn read_schedules(file: &Path) -> Result<Vec<Declared>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
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
    plan: Plan,
    stopped: watch::Receiver<bool>,
) -> base::Result<()> {
    let engine = app.service::<Engine>()?.clone();
    let mut declared = wiring::declared()?;
    declared.extend(plan.declared);
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
    let observer = Some(observer(&app)?);
    Box::pin(worker::work(engine, runners, app, plan.options, observer, stopped)).await;
    Ok(())
}

/// Works until nothing is due any more, or `enough` comes first; whether nothing was left. Every
/// queue is served, and no schedule fires.
pub async fn drain(
    app: App,
    runners: Runners<App>,
    options: Options,
    enough: impl Future<Output = ()>,
) -> base::Result<bool> {
    let engine = app.service::<Engine>()?.clone();
    let observer = Some(observer(&app)?);
    let options = Options { queues: Vec::new(), ..options };
    Box::pin(worker::drain_until(engine, runners, app, options, observer, enough)).await
}

fn observer(app: &App) -> base::Result<Arc<dyn Observer>> {
    let metrics = app.service::<Arc<Metrics>>()?.clone();
    Ok(metrics)
}
