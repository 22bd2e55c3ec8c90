//! One attempt, from its arguments to its end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{Result, Shared};
use crate::{Outcome, Policy, Run, Stop, run::Shared as Attempt, store::Claimed};

pub(super) async fn run<C: Clone + Send + Sync + 'static>(
    shared: Arc<Shared<C>>,
    job: Claimed,
    stopping: watch::Receiver<Option<Stop>>,
) {
    let begin = Instant::now();
    let policy = shared.engine.kinds().find(&job.kind).map(|kind| kind.policy).unwrap_or_default();
    let outcome = attempt(&shared, &job, &policy, stopping).await;
    let (key, fence) = ((job.org, job.id), job.fence);
    match conclude(&shared, job, &policy, outcome, begin) {
        Some(result) => {
            if let Some(holding) = shared.held().get_mut(&key).filter(|holding| holding.fence == fence) {
                holding.running = false;
            }
            let _ = shared.results.send(result);
        }
        None => shared.let_go(key, fence),
    }
    shared.running.fetch_sub(1, Ordering::AcqRel);
    shared.freed.send_modify(|count| *count = count.wrapping_add(1));
}

async fn attempt<C: Clone + Send + Sync + 'static>(
    shared: &Arc<Shared<C>>,
    job: &Claimed,
    policy: &Policy,
    stopping: watch::Receiver<Option<Stop>>,
) -> Outcome {
    let args = match shared.engine.unseal(&job.kind, &job.args) {
        Ok(args) => args,
        Err(error) => return Outcome::Failed { error: error.to_string(), fatal: false, how: "failed" },
    };
    // The job sees time-outs as it sees every other reason to stop.
    let (tell, told) = watch::channel(None);
    let run = Run {
        shared: Arc::new(Attempt {
            engine: shared.engine.clone(),
            org: job.org,
            id: job.id,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            fence: job.fence,
            created_by: job.created_by,
            request_id: job.request_id.clone(),
            words: shared.words.clone(),
            lines: AtomicI64::new(0),
            stop: told,
        }),
    };
    let Some(work) = shared.runners.start(&job.kind, shared.context.clone(), run, args) else {
        let error = format!("this version does not know the kind `{}`", job.kind);
        return Outcome::Failed { error, fatal: false, how: "failed" };
    };
    until_stopped(work, policy, stopping, &tell).await
}

async fn until_stopped(
    mut work: BoxFuture<'static, Outcome>,
    policy: &Policy,
    mut stopping: watch::Receiver<Option<Stop>>,
    tell: &watch::Sender<Option<Stop>>,
) -> Outcome {
    let reason = tokio::select! {
        biased;
        outcome = &mut work => return outcome,
        reason = reason(&mut stopping) => reason,
        () = sleep(policy.timeout) => Stop::TimedOut,
    };
    let _ = tell.send(Some(reason));
    if matches!(reason, Stop::Cancelled | Stop::TimedOut) && !policy.cleanup.is_zero() {
        let worse = async {
            // While it cleans up, the lease can still be lost, or the worker can have to go.
            let over = |stop: &Option<Stop>| matches!(stop, Some(Stop::LeaseLost | Stop::HandBack));
            match stopping.wait_for(over).await.map(|stop| *stop) {
                Ok(Some(stop)) => stop,
                _ => Stop::LeaseLost,
            }
        };
        let ended = tokio::select! {
            biased;
            outcome = &mut work => Ok(outcome),
            stop = worse => Err(stop),
            () = sleep(policy.cleanup) => Err(reason),
        };
        match ended {
            // It says itself how it ended; a job that could not clean up has failed.
            Ok(Outcome::Failed { error, fatal, how }) => return Outcome::Failed { error, fatal, how },
            Ok(_) => {}
            Err(Stop::LeaseLost) => return Outcome::Lost,
            Err(Stop::HandBack) => return Outcome::HandedBack,
            Err(_) => {}
        }
    }
    match reason {
        Stop::Cancelled => Outcome::Cancelled,
        Stop::TimedOut => Outcome::Failed {
            error: format!("timed out: it took longer than {} s", policy.timeout.as_secs()),
            fatal: false,
            how: "timed_out",
        },
        Stop::LeaseLost => Outcome::Lost,
        Stop::HandBack => Outcome::HandedBack,
    }
}

async fn reason(stopping: &mut watch::Receiver<Option<Stop>>) -> Stop {
    match stopping.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        // Nobody renews the lease any more: the job was claimed anew while this attempt could not be stopped.
        _ => Stop::LeaseLost,
    }
}

/// Gives a job back that was claimed and not begun.
pub(super) fn put_back<C>(shared: &Shared<C>, job: Claimed) {
    let outcome = Outcome::Snoozed(Duration::ZERO);
    if let Some(result) = conclude(shared, job, &Policy::default(), outcome, Instant::now()) {
        let _ = shared.results.send(result);
    }
}

/// What is written about an attempt, with what statistics want; `None` when nothing may be written.
fn conclude<C>(
    shared: &Shared<C>,
    job: Claimed,
    policy: &Policy,
    outcome: Outcome,
    begin: Instant,
) -> Option<Result> {
    let run = begin.elapsed();
    let (state, ending) = super::ending(&job, policy, kept(shared, &job.kind, policy), outcome)?;
    Some(Result {
        wait: (job.claimed_at - job.run_at).to_std().unwrap_or_default(),
        run,
        outcome: state,
        ended: job.ended(shared.name.clone(), ending),
        queue: job.queue,
        kind: job.kind,
    })
}

/// How long jobs of a kind are kept: as somebody set it, else as the kind says.
pub(super) fn kept<C>(shared: &Shared<C>, kind: &str, policy: &Policy) -> (Duration, Duration) {
    let set = shared.retention.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(kind).copied();
    match set.and_then(|days| u64::try_from(days).ok()) {
        Some(days) => {
            let time = Duration::from_secs(days * 86_400);
            (time, time)
        }
        None => (policy.keep, policy.keep_failed),
    }
}

/// A number from 0 to 1.
pub(crate) fn dice() -> f64 {
    f64::from(u32::from_le_bytes(base::random::bytes())) / f64::from(u32::MAX)
}
