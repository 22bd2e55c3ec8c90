//! Worker processes are killed while they work, and nothing is lost, doubled or miscounted.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base::Id;
use chrono::TimeDelta;
use jobs::{NewJob, State, store::entity::attempt};
use store::Mode;

use crate::{
    process::{self, Attempt, Deadly, Process, Work},
    support::{Bench, env},
};

fn dice(below: usize) -> usize {
    u32::from_le_bytes(base::random::bytes()) as usize % below
}

/// `count` jobs of four organisations, 40 to 160 ms each.
async fn enqueue(bench: &Bench, count: usize) {
    let jobs: Vec<NewJob> = (0..count)
        .map(|n| {
            let org = Id::from_u128(1 + n as u128 % 4);
            NewJob::of(org, &Work { milliseconds: 40 + dice(120) as u64 }).unwrap()
        })
        .collect();
    for chunk in jobs.chunks(1_000) {
        let tx = bench.engine.store().begin_system(Mode::Write).await.unwrap();
        bench.engine.enqueue_all(&tx, chunk.to_vec()).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn attempts(bench: &Bench) -> HashMap<Id, Vec<attempt::Model>> {
    let tx = bench.engine.store().begin_system(Mode::Read).await.unwrap();
    let rows = tx.all(tx.find::<attempt::Entity>()).await.unwrap();
    tx.commit().await.unwrap();
    let mut by_job: HashMap<Id, Vec<attempt::Model>> = HashMap::new();
    rows.into_iter().for_each(|row| by_job.entry(row.job_id).or_default().push(row));
    by_job.values_mut().for_each(|rows| rows.sort_by_key(|row| row.fence));
    by_job
}

/// The journals against the database: each lease had one run at most, and none began before the one before it was
/// over.
fn check(job: &jobs::store::entity::job::Model, runs: &mut [Attempt], lost: &[attempt::Model]) {
    runs.sort_by_key(|run| run.fence);
    assert!(lost.iter().all(|row| row.outcome == "lost"), "{lost:?}");
    assert_eq!(i32::try_from(lost.len()).unwrap(), job.attempt - 1, "{job:?}: {lost:?}");
    assert!(job.fence >= i64::from(job.attempt));
    let last = runs.last().expect("it ran");
    assert!(last.whole && (last.fence, last.attempt) == (job.fence, job.attempt), "{job:?}: {runs:?}");
    for row in lost {
        let held = row.ended_at - row.started_at.unwrap();
        assert!(
            held >= TimeDelta::from_std(process::LEASE).unwrap(),
            "taken away while its lease held: {row:?}"
        );
    }
    for pair in runs.windows(2) {
        assert!(pair[0].fence < pair[1].fence, "one lease was run twice: {runs:?}");
        assert!(pair[0].end <= pair[1].begin, "two runs at once: {runs:?}");
        let over = lost.iter().find(|row| row.fence == pair[0].fence).expect("the attempt before was lost");
        // SQLite's clock has milliseconds.
        assert!(over.ended_at.timestamp_micros() <= pair[1].begin + 1_000, "{over:?}: {runs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_job_is_done_once_at_a_time_while_worker_processes_are_killed_at_random() {
    let count = env("TENON_KILL_JOBS").map_or(2_000, |count| count.parse().unwrap());
    let bench = Bench::with(process::kinds()).await;
    let folder = tempfile::tempdir().unwrap();
    enqueue(&bench, count).await;
    let mut started = 0;
    let mut start = || {
        started += 1;
        Process::start(bench.url(), folder.path(), &started.to_string())
    };
    let mut processes = [start(), start(), start()];
    let mut runs: HashMap<Id, Vec<Attempt>> = HashMap::new();
    let begin = Instant::now();
    let mut kills = 0;
    let mut next = Instant::now() + Duration::from_millis(1_500);
    while bench.count(State::Succeeded).await < count as u64 {
        let limit = Duration::from_secs(120) + Duration::from_millis(30) * u32::try_from(count).unwrap();
        assert!(begin.elapsed() < limit, "{} done", bench.count(State::Succeeded).await);
        if Instant::now() >= next {
            std::mem::replace(&mut processes[dice(3)], start()).kill(&mut runs);
            kills += 1;
            next = Instant::now() + Duration::from_millis(1_000 + dice(1_000) as u64);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let took = begin.elapsed();
    processes.into_iter().for_each(|process| process.kill(&mut runs));
    let lost = attempts(&bench).await;
    println!(
        "{count} jobs in {took:.1?}, {kills} processes killed, {} attempts lost",
        lost.values().map(Vec::len).sum::<usize>()
    );
    assert!(kills >= 3);
    let jobs = bench.jobs().await;
    assert_eq!((jobs.len(), runs.len()), (count, count));
    for job in &jobs {
        assert_eq!((job.state.as_str(), job.lease_until), ("succeeded", None));
        let lost = lost.get(&job.id).map(Vec::as_slice).unwrap_or_default();
        check(job, runs.get_mut(&job.id).unwrap(), lost);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_always_kills_its_process_ends_dead_after_its_limit() {
    let bench = Bench::with(process::kinds()).await;
    let folder = tempfile::tempdir().unwrap();
    let deadly = bench.enqueue(NewJob::of(bench.org, &Deadly {}).unwrap()).await;
    enqueue(&bench, 40).await;
    let mut runs = HashMap::new();
    let mut started = 1;
    let mut process = Process::start(bench.url(), folder.path(), "1");
    let begin = Instant::now();
    while bench.state(deadly).await != State::Dead || bench.count(State::Succeeded).await < 40 {
        assert!(begin.elapsed() < Duration::from_secs(90), "{:?}", bench.job(deadly).await);
        if !process.is_alive() {
            started += 1;
            let next = Process::start(bench.url(), folder.path(), &started.to_string());
            std::mem::replace(&mut process, next).kill(&mut runs);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(process.is_alive(), "nothing is left that kills");
    process.kill(&mut runs);
    let row = bench.job(deadly).await;
    assert_eq!((started, row.attempt, row.fence), (4, 3, 3));
    let fences: Vec<i64> = runs[&deadly].iter().map(|run| run.fence).collect();
    assert_eq!(fences, [1, 2, 3]);
    let outcomes: Vec<_> = bench.attempts(deadly).await.into_iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, ["lost", "lost", "lost"]);
}
