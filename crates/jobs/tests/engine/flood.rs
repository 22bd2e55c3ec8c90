//! A hundred thousand jobs of one organisation, and one of another.

use std::time::{Duration, Instant};

use base::Id;
use jobs::{NewJob, State, steps::Hand};
use store::Mode;

use crate::support::{Act, Bench, Deed};

const FLOOD: u64 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_100_000_jobs_does_not_keep_another_organisation_waiting_for_a_second() {
    let bench = Bench::new().await;
    let begin = Instant::now();
    for round in 0..FLOOD / 5_000 {
        let jobs = (0..5_000).map(|n| {
            let act = Act { name: format!("flood {round} {n}"), deed: Deed::Sleep(2_000), secret: None };
            NewJob::of(Id::from_u128(7), &act).unwrap().priority(100)
        });
        let tx = bench.engine.store().begin_system(Mode::Write).await.unwrap();
        bench.engine.enqueue_all(&tx, jobs.collect()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let enqueued = begin.elapsed();
    assert_eq!(bench.count(State::Ready).await, FLOOD);

    // What a claim costs over a table as full as that.
    let hand = Hand::new(bench.engine.clone(), "hand", Duration::from_secs(3_600));
    let mut claims = Vec::new();
    for _ in 0..50 {
        let begin = Instant::now();
        assert_eq!(hand.claim(4).await.unwrap().len(), 4);
        claims.push(begin.elapsed());
    }
    claims.sort_unstable();

    let worker = bench.work(Bench::options());
    while bench.count(State::Running).await < 200 + 6 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut slowest = Duration::ZERO;
    for n in 0..5 {
        let begin = Instant::now();
        let id = bench.enqueue(bench.act(&format!("mine {n}"), Deed::Succeed)).await;
        let row = bench.reaches(id, State::Succeeded).await;
        let wait = (row.started_at.unwrap() - row.created_at).to_std().unwrap();
        assert!(wait < Duration::from_secs(1), "it started after {wait:?}, seen after {:?}", begin.elapsed());
        slowest = slowest.max(wait);
    }
    worker.kill();
    println!(
        "{FLOOD} jobs enqueued in {enqueued:.1?}; a claim of 4 takes {:.1?} (median) to {:.1?}; \
         another organisation's job started after {slowest:.1?} at the latest",
        claims[claims.len() / 2],
        claims[claims.len() - 1],
    );
    assert!(claims[claims.len() / 2] < Duration::from_millis(100), "{claims:?}");
}
