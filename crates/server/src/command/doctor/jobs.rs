//! Checks of jobs: whether somebody works on them, and whether the operator's schedules can be used.

use std::{sync::Arc, time::Duration};

use base::SystemClock;
use jobs::{Engine, Gauges, State};
use store::{Mode, Store};

use crate::{
    cli::Failure,
    config::{AppEnv, Config},
    wiring, worker,
};

use super::{super::parts, Check, services};

/// A worker that said nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_mins(1);
/// A ready job may wait for so long before it is worth a word.
const WAIT: Duration = Duration::from_mins(5);

/// The configuration of workers, which needs no database.
pub(super) fn settings(config: &Config) -> Vec<Check> {
    let (kinds, _) = wiring::kinds(config.env == AppEnv::Dev).split();
    let mut checks = Vec::new();
    if let Err(failure) = worker::check_queues(config, &kinds) {
        checks.push(Check::fail("queues", failure.message));
    }
    if let Some(file) = &config.worker.schedules_file {
        checks.push(match worker::schedules_of(config, &kinds) {
            Ok(declared) => Check::ok(
                "schedules",
                format!("{} declares {}", file.display(), counted(declared.len(), "schedule")),
            ),
            Err(failure) => Check::fail("schedules", failure.message),
        });
    }
    checks
}

/// Who works on what, as a migrated database tells.
pub(super) async fn examine(config: &Config, store: &Store) -> Vec<Check> {
    let serves = services::is_tenon(config).await;
    match look(config, store).await {
        Ok((workers, gauges)) => vec![working(config.env, serves, workers, &gauges), waiting(&gauges)],
        Err(failure) => vec![Check::fail("workers", failure.message)],
    }
}

async fn look(config: &Config, store: &Store) -> Result<(usize, Gauges), Failure> {
    let (kinds, _) = wiring::kinds(config.env == AppEnv::Dev).split();
    let engine = Engine::new(store.clone(), Arc::new(SystemClock), kinds, Arc::new(parts::sealer(config)?));
    let tx = store.begin_system(Mode::Read).await?;
    let (now, workers) = (engine.now(&tx).await?, engine.workers(&tx).await?);
    let gauges = engine.gauges(&tx).await?;
    tx.commit().await?;
    let alive = |heard: chrono::DateTime<chrono::Utc>| (now - heard).to_std().unwrap_or_default() < SILENCE;
    Ok((workers.iter().filter(|worker| alive(worker.heartbeat_at)).count(), gauges))
}

fn working(env: AppEnv, serves: bool, workers: usize, gauges: &Gauges) -> Check {
    match workers {
        0 if serves || gauges.depth(State::Ready) > 0 => {
            let message = "nobody works on jobs: start `tenon worker`, or `tenon serve` without --no-worker";
            Check::fail_in(env, "workers", message)
        }
        0 => Check::ok("workers", "none runs now, and nothing is ready"),
        many => Check::ok(
            "workers",
            format!("{} gave a sign of life in the last minute", counted(many, "worker")),
        ),
    }
}

fn waiting(gauges: &Gauges) -> Check {
    let waited = gauges.oldest_ready.unwrap_or_default();
    if waited >= WAIT {
        let minutes = waited.as_secs() / 60;
        let message = format!(
            "the oldest ready job has waited for {minutes} min; start more workers, raise WORKER_CONCURRENCY, or \
             look for a paused queue"
        );
        return Check::warn("jobs", message);
    }
    let dead = gauges.depth(State::Dead);
    if dead > 0 {
        return Check::warn("jobs", format!("{dead} dead; `tenon jobs list --state dead` shows why"));
    }
    Check::ok("jobs", format!("{} ready, none has waited for long", gauges.depth(State::Ready)))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    fn gauges(ready: i64, dead: i64, waited: u64) -> Gauges {
        Gauges {
            depths: vec![(State::Ready, ready), (State::Dead, dead)],
            oldest_ready: (ready > 0).then(|| Duration::from_secs(waited)),
            missed_ticks: 0,
        }
    }

    #[test]
    fn nobody_at_work_matters_only_while_somebody_serves_or_something_waits() {
        let level =
            |serves, workers, ready| working(AppEnv::Prod, serves, workers, &gauges(ready, 0, 1)).level;
        assert_eq!(level(false, 0, 0), Level::Ok);
        assert_eq!(level(true, 0, 0), Level::Fail);
        assert_eq!(level(false, 0, 3), Level::Fail);
        assert_eq!(level(true, 2, 3), Level::Ok);
    }

    #[test]
    fn a_job_that_waits_long_and_one_that_died_are_worth_a_word() {
        assert_eq!(waiting(&gauges(1, 0, 299)).level, Level::Ok);
        assert!(waiting(&gauges(1, 4, 720)).message.contains("12 min"));
        assert!(waiting(&gauges(0, 4, 0)).message.contains("4 dead"));
    }
}
