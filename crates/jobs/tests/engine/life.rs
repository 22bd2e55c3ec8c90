//! A job's life: attempts, failures, leases, cancelling, handing back.

use std::time::Duration;

use chrono::TimeDelta;
use jobs::{NewJob, State};
use serde_json::json;

use crate::support::{Act, Bench, Deed, Tidy};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_and_leaves_its_result() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("a", Deed::Succeed).tag("blue").tag("2026")).await;
    let worker = bench.work(Bench::options());
    let row = bench.reaches(id, State::Succeeded).await;
    worker.stop().await;
    assert_eq!(bench.world.runs_of("a"), [(1, 1)]);
    assert_eq!(row.result.as_deref(), Some(r#"{"did":"a","secret":null}"#));
    assert_eq!((row.attempt, row.tags.as_str(), row.lease_until), (1, "blue 2026", None));
    assert!(row.expires_at > row.finished_at && row.finished_at >= row.started_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_exists_exactly_if_the_transaction_that_enqueued_it_commits() {
    let bench = Bench::new().await;
    let tx = bench.engine.store().begin_org(store::Mode::Write, bench.org).await.unwrap();
    bench.engine.enqueue(&tx, bench.act("gone", Deed::Succeed)).await.unwrap();
    tx.rollback().await.unwrap();
    let worker = bench.work(Bench::options());
    let kept = bench.enqueue(bench.act("kept", Deed::Succeed)).await;
    bench.reaches(kept, State::Succeeded).await;
    worker.stop().await;
    assert!(bench.world.runs_of("gone").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_waits_between_attempts_and_ends_dead_with_every_error() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("f", Deed::FailUntil(9))).await;
    let worker = bench.work(Bench::options());
    let row = bench.reaches(id, State::Failed).await;
    let wait = row.run_at - row.started_at.unwrap();
    assert!(wait >= TimeDelta::seconds(59) && wait <= TimeDelta::seconds(65), "{wait}");
    for state in [State::Failed, State::Dead] {
        bench.clock.advance(TimeDelta::seconds(61));
        while bench.job(id).await.attempt < if state == State::Dead { 3 } else { 2 } {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bench.reaches(id, state).await;
    }
    worker.stop().await;
    let attempts = bench.attempts(id).await;
    let said: Vec<_> = attempts.iter().map(|a| (a.attempt, a.outcome.as_str(), a.error.as_str())).collect();
    let error = |n| format!("not_yet: attempt {n} fails");
    let errors = [error(1), error(2), error(3)];
    assert_eq!(said, [(1, "failed", &*errors[0]), (2, "failed", &*errors[1]), (3, "failed", &*errors[2])]);

    // By hand there is one more attempt.
    bench.change(async |tx| bench.engine.retry(tx, bench.org, id).await).await.unwrap();
    assert_eq!((bench.state(id).await, bench.job(id).await.max_attempts), (State::Ready, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failure_and_an_error_that_stays_is_dead_at_once() {
    let bench = Bench::new().await;
    let panics = bench.enqueue(bench.act("p", Deed::Panic)).await;
    let fatal = bench.enqueue(bench.act("x", Deed::Fatal)).await;
    let worker = bench.work(Bench::options());
    bench.reaches(panics, State::Failed).await;
    bench.reaches(fatal, State::Dead).await;
    worker.stop().await;
    let attempt = &bench.attempts(panics).await[0];
    assert_eq!((attempt.outcome.as_str(), attempt.error.as_str()), ("panicked", "panicked: on purpose"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_put_itself_off_without_spending_an_attempt() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("z", Deed::Snooze)).await;
    let worker = bench.work(Bench::options());
    let row = bench.reaches(id, State::Scheduled).await;
    assert_eq!(row.attempt, 0);
    bench.clock.advance(TimeDelta::seconds(61));
    let row = bench.reaches(id, State::Succeeded).await;
    worker.stop().await;
    assert_eq!((row.attempt, row.fence), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_starts_at_its_time_and_not_before() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("d", Deed::Succeed).delay(Duration::from_millis(700))).await;
    let worker = bench.work(Bench::options());
    let row = bench.reaches(id, State::Succeeded).await;
    worker.stop().await;
    let late = row.started_at.unwrap() - row.run_at;
    assert!(late >= TimeDelta::zero() && late < TimeDelta::milliseconds(400), "{late}");
    assert!(row.run_at - row.created_at >= TimeDelta::milliseconds(700));
}

#[tokio::test(flavor = "multi_thread")]
async fn higher_priorities_run_first_within_an_organisation() {
    let bench = Bench::new().await;
    for (name, priority) in [("low", -5), ("mid", 0), ("high", 9), ("mid2", 0)] {
        bench.enqueue(bench.act(name, Deed::Succeed).priority(priority)).await;
    }
    let worker = bench.work(jobs::worker::Options { concurrency: 1, ..Bench::options() });
    while bench.count(State::Succeeded).await < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.stop().await;
    let order: Vec<String> = bench.world.runs.lock().unwrap().iter().map(|(name, ..)| name.clone()).collect();
    assert_eq!(order, ["high", "mid", "mid2", "low"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_job_with_a_unique_key_is_under_way_or_within_its_period() {
    let bench = Bench::new().await;
    let job = || bench.act("u", Deed::Succeed).unique_by_args();
    let first = bench.enqueue(job()).await;
    assert_eq!(bench.enqueue(job()).await, first);
    let other = bench.enqueue(bench.act("other", Deed::Succeed).unique_by_args()).await;
    assert_ne!(other, first);
    let worker = bench.work(Bench::options());
    bench.reaches(first, State::Succeeded).await;
    let again = bench.enqueue(job()).await;
    assert_ne!(again, first, "it is over, so the key is free");
    let period = || bench.act("v", Deed::Succeed).unique_by_key("v").unique_for(Duration::from_secs(3_600));
    let held = bench.enqueue(period()).await;
    bench.reaches(held, State::Succeeded).await;
    assert_eq!(bench.enqueue(period()).await, held, "the period is not over");
    bench.clock.advance(TimeDelta::seconds(3_601));
    assert_ne!(bench.enqueue(period()).await, held);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_keys_of_a_batch_are_judged_together_as_they_would_be_one_by_one() {
    let bench = Bench::new().await;
    let other_org = base::Id::from_u128(7);
    let job = |name: &str| bench.act(name, Deed::Succeed).unique_by_key(name);
    let taken = bench.enqueue(job("taken")).await;
    let period = |name: &str| job(name).unique_for(Duration::from_secs(3_600));
    let ended = bench.enqueue(period("ended")).await;
    let worker = bench.work(Bench::options());
    bench.reaches(ended, State::Succeeded).await;
    bench.reaches(taken, State::Succeeded).await;
    worker.stop().await;
    let taken = bench.enqueue(job("taken")).await;
    bench.clock.advance(TimeDelta::seconds(3_601));
    let held = bench.enqueue(period("held")).await;
    let elsewhere = Act { name: "elsewhere".to_owned(), ..Act::default() };
    let elsewhere = NewJob::of(other_org, &elsewhere).unwrap().unique_by_key("taken");
    let plain = bench.act("plain", Deed::Succeed);
    let batch = vec![job("taken"), job("new"), plain, job("new"), period("ended"), elsewhere, job("held")];
    let tx = bench.engine.store().begin_system(store::Mode::Write).await.unwrap();
    let got = bench.engine.enqueue_all(&tx, batch).await.unwrap();
    tx.commit().await.unwrap();
    let fresh: Vec<bool> = got.iter().map(|one| one.fresh).collect();
    assert_eq!(fresh, [false, true, true, false, true, true, false]);
    assert_eq!((got[0].id, got[3].id, got[6].id), (taken, got[1].id, held));
    let keys =
        [(bench.org, "new".to_owned()), (other_org, "new".to_owned()), (other_org, "taken".to_owned())];
    let tx = bench.engine.store().begin_system(store::Mode::Read).await.unwrap();
    let holders = bench.engine.holders(&tx, &keys).await.unwrap();
    assert_eq!(holders, [Some(got[1].id), None, Some(got[5].id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_unique_keys_that_begin_alike_are_still_two_keys() {
    let bench = Bench::new().await;
    let job = |end: &str| bench.act("k", Deed::Succeed).unique_by_key(format!("{}{end}", "long ".repeat(40)));
    let first = bench.enqueue(job("a")).await;
    assert_eq!(bench.enqueue(job("a")).await, first);
    let other = bench.enqueue(job("b")).await;
    assert_ne!(other, first);
    assert_eq!(bench.state(other).await, State::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_job_is_unique_again_and_is_refused_when_another_took_its_place() {
    let bench = Bench::new().await;
    let job = || bench.act("r", Deed::Succeed).unique_by_key("r");
    let retry = async |id| bench.change(async |tx| bench.engine.retry(tx, bench.org, id).await).await;
    let cancel =
        async |id| bench.change(async |tx| bench.engine.cancel(tx, bench.org, id).await).await.unwrap();
    let first = bench.enqueue(job()).await;
    cancel(first).await;
    retry(first).await.unwrap();
    assert_eq!(bench.enqueue(job()).await, first, "it is under way again");
    cancel(first).await;
    let second = bench.enqueue(job()).await;
    assert_ne!(second, first);
    assert_eq!(retry(first).await.unwrap_err().code(), "unique_key_taken");
    cancel(second).await;
    retry(first).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_called_off_is_not_tried_again_when_it_fails_before_it_hears_of_it() {
    let bench = Bench::new().await;
    let hand = jobs::steps::Hand::new(bench.engine.clone(), "hand", Duration::from_secs(60));
    let failed = || jobs::Outcome::Failed { error: "no".to_owned(), fatal: false, how: "failed" };
    for outcome in [failed(), jobs::Outcome::HandedBack, jobs::Outcome::Snoozed(Duration::from_secs(60))] {
        let id = bench.enqueue(bench.act("c", Deed::Succeed)).await;
        let lease = hand.claim(1).await.unwrap().remove(0);
        bench.change(async |tx| bench.engine.cancel(tx, bench.org, id).await).await.unwrap();
        assert!(hand.finish(&lease, outcome).await.unwrap());
        assert_eq!(bench.state(id).await, State::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_says_what_cannot_be_stored_takes_nobody_elses_end_with_it() {
    let bench = Bench::new().await;
    let nul = bench.enqueue(bench.act("nul", Deed::Nul)).await;
    let mut others = Vec::new();
    for n in 0..4 {
        others.push(bench.enqueue(bench.act(&format!("other {n}"), Deed::Succeed)).await);
    }
    let talk = bench.enqueue(bench.act("talk", Deed::Talk)).await;
    let worker = bench.work(Bench::options());
    let row = bench.reaches(nul, State::Failed).await;
    assert_eq!(row.error.as_deref(), Some("nul: error"));
    for id in others.into_iter().chain([talk]) {
        assert_eq!(bench.reaches(id, State::Succeeded).await.attempt, 1);
    }
    worker.stop().await;
    let tx = bench.engine.store().begin_system(store::Mode::Read).await.unwrap();
    let lines = tx.all(tx.find::<jobs::store::entity::log::Entity>()).await.unwrap();
    let mut lines: Vec<_> = lines.into_iter().map(|line| line.line).collect();
    lines.sort();
    assert_eq!(lines, ["first", "line", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_stops_when_it_is_cancelled_and_may_clean_up_if_its_kind_asks_for_it() {
    let bench = Bench::new().await;
    let sleeper = bench.enqueue(bench.act("s", Deed::Sleep(60_000))).await;
    let tidy = bench.enqueue(NewJob::of(bench.org, &Tidy { name: "t".into() }).unwrap()).await;
    let waiting = bench.enqueue(bench.act("w", Deed::Succeed).delay(Duration::from_secs(600))).await;
    let worker = bench.work(Bench::options());
    bench.reaches(sleeper, State::Running).await;
    bench.reaches(tidy, State::Running).await;
    for id in [sleeper, tidy, waiting] {
        bench.change(async |tx| bench.engine.cancel(tx, bench.org, id).await).await.unwrap();
    }
    for id in [sleeper, tidy, waiting] {
        bench.reaches(id, State::Cancelled).await;
    }
    assert_eq!(bench.world.runs_of("t tidied").len(), 1);
    let refused =
        bench.change(async |tx| bench.engine.cancel(tx, bench.org, waiting).await).await.unwrap_err();
    assert_eq!(refused.code(), "job_state");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_vanishes_loses_its_jobs_to_another_and_the_attempt_counts() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("k", Deed::Sleep(60_000))).await;
    let lease = Duration::from_secs(2);
    let first = bench.work(jobs::worker::Options { lease, ..Bench::options() });
    bench.reaches(id, State::Running).await;
    first.kill();
    // The abort drops the worker's loops; its tasks end with it.
    let second = bench.work(jobs::worker::Options { lease, ..Bench::options() });
    let row = bench.reaches(id, State::Failed).await;
    assert_eq!((row.attempt, row.fence), (1, 1));
    assert_eq!(bench.attempts(id).await[0].outcome, "lost");
    bench.clock.advance(TimeDelta::seconds(61));
    let row = bench.reaches(id, State::Running).await;
    assert_eq!((row.attempt, row.fence), (2, 2));
    second.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_hands_back_what_does_not_finish_and_counts_nothing() {
    let bench = Bench::new().await;
    let mut long = Vec::new();
    for n in 0..50 {
        long.push(bench.enqueue(bench.act(&format!("l{n}"), Deed::Sleep(60_000))).await);
    }
    let options =
        jobs::worker::Options { concurrency: 100, grace: Duration::from_millis(300), ..Bench::options() };
    let worker = bench.work(options);
    while bench.count(State::Running).await < 50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.stop().await;
    assert_eq!(bench.count(State::Ready).await, 50);
    for id in long {
        let row = bench.job(id).await;
        assert_eq!((row.attempt, row.lease_until), (0, None));
        assert_eq!(bench.attempts(id).await[0].outcome, "handed_back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_arguments_are_sealed_at_rest_hidden_when_shown_and_open_to_the_job() {
    let bench = Bench::new().await;
    let act = Act { name: "q".into(), deed: Deed::Succeed, secret: Some("swordfish".into()) };
    let id = bench.enqueue(NewJob::of(bench.org, &act).unwrap()).await;
    let row = bench.job(id).await;
    assert!(!row.args.contains("swordfish") && !row.search_key.contains("swordfish"), "{}", row.args);
    assert_eq!(jobs::redact(&row.args)["secret"], json!("***"));
    let worker = bench.work(Bench::options());
    let row = bench.reaches(id, State::Succeeded).await;
    assert_eq!(row.result.as_deref(), Some(r#"{"did":"q","secret":"swordfish"}"#));
    let again = bench.engine.merge("test.act", &row.args, json!({ "name": "r", "secret": "***" })).unwrap();
    assert_eq!(again, json!({ "name": "r", "secret": "swordfish" }));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_unknown_kinds_and_unknown_queues_are_refused_by_name() {
    let bench = Bench::new().await;
    let refuse = async |job: NewJob| {
        let error = bench.change(async |tx| bench.engine.enqueue(tx, job).await).await.unwrap_err();
        error.field_errors()[0].field.clone()
    };
    let named = |args| NewJob::named(bench.org, "test.act", args);
    assert_eq!(refuse(named(json!({ "name": 1 }))).await, "args.name");
    assert_eq!(refuse(named(json!({ "name": "a", "nmae": "b" }))).await, "args.nmae");
    assert_eq!(refuse(named(json!({}))).await, "args.name");
    assert_eq!(refuse(named(json!([]))).await, "args");
    assert_eq!(refuse(NewJob::named(bench.org, "os.system", json!({}))).await, "kind");
    assert_eq!(refuse(bench.act("a", Deed::Succeed).queue("nowhere")).await, "queue");
    assert_eq!(refuse(named(json!({ "name": "x".repeat(300_000) }))).await, "args");
    assert_eq!(refuse(bench.act("a", Deed::Succeed).tag("two words")).await, "tags.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_lines_can_be_read_while_the_job_runs() {
    let bench = Bench::new().await;
    let id = bench.enqueue(bench.act("talk", Deed::Talk)).await;
    let worker = bench.work(Bench::options());
    let mut seen = None;
    while bench.state(id).await != State::Succeeded {
        let row = bench.job(id).await;
        seen = seen.or(row.progress_note.map(|note| (row.progress_done, row.progress_total, note)));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    worker.stop().await;
    assert_eq!(seen, Some((Some(3), Some(7), "on the way".to_owned())));
    let tx = bench.engine.store().begin_system(store::Mode::Read).await.unwrap();
    let lines = tx.all(tx.find::<jobs::store::entity::log::Entity>()).await.unwrap();
    let mut lines: Vec<_> = lines.into_iter().map(|line| (line.seq, line.level, line.line)).collect();
    lines.sort();
    let lines: Vec<_> = lines.iter().map(|(_, level, line)| (level.as_str(), line.as_str())).collect();
    assert_eq!(lines, [("info", "first"), ("warn", "second")]);
}
