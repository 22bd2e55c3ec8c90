//! Limits over all workers, and organisations that cannot starve each other.

use std::time::{Duration, Instant};

use jobs::{NewJob, State};

use crate::support::{Act, Bench, Crowded, Deed, Few, Keyed, Rated, Shared};

async fn all_done(bench: &Bench, count: u64) {
    let begin = Instant::now();
    while bench.count(State::Succeeded).await < count {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{} of {count}",
            bench.count(State::Succeeded).await
        );
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_runs_no_more_at_once_than_its_limit_over_all_workers() {
    let bench = Bench::new().await;
    for n in 0..12 {
        let job = Few { key: format!("k{n}"), milliseconds: 60 };
        bench.enqueue(NewJob::of(bench.org, &job).unwrap()).await;
    }
    let workers = [bench.work(Bench::options()), bench.work(Bench::options())];
    all_done(&bench, 12).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(bench.world.most("test.few"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_runs_no_more_at_once_than_its_limit_and_holds_up_no_other_key() {
    let bench = Bench::new().await;
    for n in 0..18 {
        let job = Keyed { key: format!("key{}", n % 3), milliseconds: 60 };
        bench.enqueue(NewJob::of(bench.org, &job).unwrap()).await;
    }
    let workers = [bench.work(Bench::options()), bench.work(Bench::options())];
    all_done(&bench, 18).await;
    for worker in workers {
        worker.stop().await;
    }
    for key in ["key0", "key1", "key2"] {
        assert_eq!(bench.world.most(key), 1, "{key}");
    }
    assert_eq!(bench.world.most("test.keyed"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_that_always_have_more_leave_the_ninth_its_turn() {
    let bench = Bench::new().await;
    let greedy = (0..200).map(|n| Crowded { key: format!("greedy{}", n % 8), milliseconds: 40 });
    let greedy = greedy.map(|job| NewJob::of(bench.org, &job).unwrap()).collect();
    bench.change(async |tx| bench.engine.enqueue_all(tx, greedy).await).await.unwrap();
    let last = Crowded { key: "ninth".to_owned(), milliseconds: 0 };
    let last = bench.enqueue(NewJob::of(bench.org, &last).unwrap()).await;
    // Room for all eight in this worker: what is waited for is the kind's limit alone.
    let worker = bench.work(jobs::worker::Options { concurrency: 16, ..Bench::options() });
    bench.reaches(last, State::Succeeded).await;
    let before = bench.count(State::Succeeded).await;
    worker.kill();
    assert!(before < 60, "{before} of 200 greedy ones came first");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lane_is_left_out_however_many_are_full() {
    let bench = Bench::new().await;
    let jobs = (0..600).map(|n| Keyed { key: format!("lane{:03}", n / 2), milliseconds: 0 });
    let jobs = jobs.map(|job| NewJob::of(bench.org, &job).unwrap()).collect();
    bench.change(async |tx| bench.engine.set_paused(tx, "default", true).await).await.unwrap();
    bench.change(async |tx| bench.engine.enqueue_all(tx, jobs).await).await.unwrap();
    let worker = bench.work(Bench::options());
    let begin = Instant::now();
    while bench.count(State::Ready).await < 300 {
        let ready = bench.count(State::Ready).await;
        assert!(begin.elapsed() < Duration::from_secs(20), "{ready} of 300 lanes were let through");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(bench.count(State::Ready).await, 300, "one of each");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_no_more_of_a_kind_in_work_than_its_share() {
    let bench = Bench::new().await;
    let hanging = (0..10).map(|n| Shared { key: format!("a{n}"), milliseconds: 20_000 });
    let hanging: Vec<NewJob> = hanging.map(|job| NewJob::of(bench.org, &job).unwrap()).collect();
    bench.change(async |tx| bench.engine.enqueue_all(tx, hanging).await).await.unwrap();
    let worker = bench.work(Bench::options());
    while bench.count(State::Running).await < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let other = Shared { key: "other".to_owned(), milliseconds: 0 };
    let other = NewJob::of(base::Id::from_u128(7), &other).unwrap();
    let tx = bench.engine.store().begin_system(store::Mode::Write).await.unwrap();
    let other = bench.engine.enqueue(&tx, other).await.unwrap().id;
    tx.commit().await.unwrap();
    let begin = Instant::now();
    bench.reaches(other, State::Succeeded).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!((bench.count(State::Running).await, bench.count(State::Ready).await), (3, 0));
    worker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_starts_no_more_often_than_its_rate_over_all_workers() {
    let bench = Bench::new().await;
    for n in 0..15 {
        let job = Rated { key: format!("r{n}"), milliseconds: 0 };
        bench.enqueue(NewJob::of(bench.org, &job).unwrap()).await;
    }
    let begin = Instant::now();
    let workers = [bench.work(Bench::options()), bench.work(Bench::options())];
    all_done(&bench, 15).await;
    // Five at once, then one each 200 ms.
    assert!(begin.elapsed() >= Duration::from_millis(1_900), "{:?}", begin.elapsed());
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_becomes_free_is_taken_at_once_even_by_the_organisation_that_has_its_share() {
    let bench = Bench::new().await;
    for n in 0..200 {
        bench.enqueue(bench.act(&format!("s{n}"), Deed::Sleep(20))).await;
    }
    let worker = bench.work(Bench::options());
    let begin = Instant::now();
    all_done(&bench, 200).await;
    // Six of eight slots: 0.7 s of work. Waiting for the next look after each round would be 8 s.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_organisation_leaves_room_for_another() {
    let bench = Bench::new().await;
    let flood = (0..2_000)
        .map(|n| {
            let act = Act { name: format!("flood{n}"), deed: Deed::Sleep(2_000), secret: None };
            NewJob::of(base::Id::from_u128(7), &act).unwrap().priority(100)
        })
        .collect();
    let tx = bench.engine.store().begin_system(store::Mode::Write).await.unwrap();
    bench.engine.enqueue_all(&tx, flood).await.unwrap();
    tx.commit().await.unwrap();
    let worker = bench.work(Bench::options());
    while bench.count(State::Running).await < 6 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let begin = Instant::now();
    let id = bench.enqueue(bench.act("mine", Deed::Succeed)).await;
    bench.reaches(id, State::Succeeded).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(bench.count(State::Running).await <= 6, "three quarters of eight slots");
    worker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_of_one_organisation_is_worked_off_without_waiting_for_the_poll() {
    let bench = Bench::new().await;
    let jobs = (0..150).map(|n| bench.act(&format!("job {n}"), Deed::Succeed)).collect();
    bench.change(async |tx| bench.engine.enqueue_all(tx, jobs).await).await.unwrap();
    // Three of four slots are its share: fifty claims, which take 12 s or more when each waits for the poll.
    let begin = Instant::now();
    let worker = bench.work(jobs::worker::Options { concurrency: 4, ..Bench::options() });
    all_done(&bench, 150).await;
    let took = begin.elapsed();
    worker.stop().await;
    assert!(took < Duration::from_secs(6), "{took:?}");
}
