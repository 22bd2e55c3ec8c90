//! Chains, groups and callbacks.

use jobs::{State, When};

use crate::support::{Bench, Deed};

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_runs_in_order_and_each_link_sees_what_the_one_before_left() {
    let bench = Bench::new().await;
    let links = vec![
        bench.act("one", Deed::Succeed),
        bench.act("two", Deed::Inputs),
        bench.act("three", Deed::Inputs),
    ];
    let ids = bench.change(async |tx| bench.engine.chain(tx, links).await).await.unwrap();
    let worker = bench.work(Bench::options());
    let last = bench.reaches(ids[2], State::Succeeded).await;
    worker.stop().await;
    assert_eq!(last.result.as_deref(), Some(r#"[[{"did":"one","secret":null}]]"#));
    let order: Vec<String> = bench.world.runs.lock().unwrap().iter().map(|(name, ..)| name.clone()).collect();
    assert_eq!(order, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_follows_when_the_whole_group_is_done_and_gets_every_result() {
    let bench = Bench::new().await;
    let members = (0..20).map(|n| bench.act(&format!("m{n}"), Deed::Succeed)).collect();
    let callback = Some((bench.act("all", Deed::Inputs), When::Succeeded));
    let group = bench.change(async |tx| bench.engine.group(tx, members, callback).await).await.unwrap();
    let worker = bench.work(Bench::options());
    let row = bench.reaches(group.callback.unwrap(), State::Succeeded).await;
    worker.stop().await;
    let results: Vec<serde_json::Value> = serde_json::from_str(row.result.as_deref().unwrap()).unwrap();
    let did: Vec<&str> = results.iter().map(|result| result["did"].as_str().unwrap()).collect();
    assert_eq!(did, (0..20).map(|n| format!("m{n}")).collect::<Vec<_>>(), "in the order of enqueueing");
    assert_eq!(bench.world.runs_of("all").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_member_calls_off_what_needs_it_and_its_retry_brings_that_back() {
    let bench = Bench::new().await;
    let first = bench.act("first", Deed::FailUntil(2)).max_attempts(1);
    let links = vec![first, bench.act("second", Deed::Succeed), bench.act("third", Deed::Succeed)];
    let ids = bench.change(async |tx| bench.engine.chain(tx, links).await).await.unwrap();
    let after_all = bench.enqueue(bench.act("anyway", Deed::Succeed).after(ids[0], When::Settled)).await;
    let worker = bench.work(Bench::options());
    bench.reaches(ids[0], State::Dead).await;
    bench.reaches(ids[2], State::Cancelled).await;
    assert_eq!(bench.state(ids[1]).await, State::Cancelled);
    bench.reaches(after_all, State::Succeeded).await;
    bench.change(async |tx| bench.engine.retry(tx, bench.org, ids[0]).await).await.unwrap();
    bench.reaches(ids[2], State::Succeeded).await;
    worker.stop().await;
    assert_eq!(bench.world.runs_of("second").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_wait_for_one_that_is_running_already() {
    let bench = Bench::new().await;
    let running = bench.enqueue(bench.act("running", Deed::Sleep(600))).await;
    let worker = bench.work(Bench::options());
    bench.reaches(running, State::Running).await;
    let waiting = bench.enqueue(bench.act("waiting", Deed::Succeed).after(running, When::Succeeded)).await;
    assert_eq!(bench.state(waiting).await, State::Scheduled);
    let row = bench.reaches(waiting, State::Succeeded).await;
    worker.stop().await;
    assert!(row.started_at.unwrap() >= bench.job(running).await.finished_at.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_does_not_come_back_where_another_job_took_its_unique_key() {
    let bench = Bench::new().await;
    let unique = || bench.act("second", Deed::Succeed).unique_by_key("second");
    let links = vec![bench.act("first", Deed::Fatal), unique()];
    let ids = bench.change(async |tx| bench.engine.chain(tx, links).await).await.unwrap();
    let hand = jobs::steps::Hand::new(bench.engine.clone(), "hand", std::time::Duration::from_secs(60));
    let lease = hand.claim(1).await.unwrap().remove(0);
    let fatal = jobs::Outcome::Failed { error: "no".to_owned(), fatal: true, how: "failed" };
    assert!(hand.finish(&lease, fatal).await.unwrap());
    assert_eq!(bench.state(ids[1]).await, State::Cancelled);
    let other = bench.enqueue(unique()).await;
    assert_ne!(other, ids[1]);
    bench.change(async |tx| bench.engine.retry(tx, bench.org, ids[0]).await).await.unwrap();
    assert_eq!((bench.state(ids[0]).await, bench.state(ids[1]).await), (State::Ready, State::Cancelled));
}
