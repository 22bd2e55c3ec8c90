//! Leases within one worker: one that was lost must not be mistaken for the one that followed it.

use std::time::Duration;

use chrono::TimeDelta;
use jobs::{
    Arguments, Backoff, Failure, Job, NewJob, Policy, Registry, Run, State, Words, steps, worker::Options,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::support::{Bench, NO_WORDS, World};

/// Blocks its thread the first time, so that nothing can stop it, and takes longer the second time.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Stubborn {}

impl Arguments for Stubborn {
    const KIND: &'static str = "test.stubborn";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        Policy { backoff: Backoff::fixed(Duration::from_secs(60)), ..Policy::default() }
    }
}

impl Job<World> for Stubborn {
    type Output = ();

    async fn run(self, _: World, run: Run) -> Result<(), Failure> {
        if run.attempt() == 1 {
            std::thread::sleep(Duration::from_secs(4));
        } else {
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_attempt_that_outlives_its_lease_does_not_end_the_one_that_the_same_worker_began_after_it() {
    let bench = Bench::with(Registry::default().with::<Stubborn>()).await;
    let id = bench.enqueue(NewJob::of(bench.org, &Stubborn {}).unwrap()).await;
    let worker = bench.work(Options { lease: Duration::from_secs(3), ..Bench::options() });
    bench.reaches(id, State::Running).await;
    // The worker renews now and then; the lease must be over just before somebody looks.
    loop {
        bench.clock.advance(TimeDelta::seconds(10));
        if steps::rescue(&bench.engine).await.unwrap() > 0 || bench.job(id).await.state == "failed" {
            break;
        }
    }
    bench.clock.advance(TimeDelta::seconds(61));
    assert_eq!(bench.reaches(id, State::Running).await.fence, 2, "the first attempt still blocks");
    let row = bench.reaches(id, State::Succeeded).await;
    worker.stop().await;
    assert_eq!((row.attempt, row.fence), (2, 2));
    let attempts = bench.attempts(id).await;
    let attempts: Vec<_> = attempts.iter().map(|row| (row.fence, row.outcome.as_str())).collect();
    assert_eq!(attempts, [(1, "lost")]);
}
