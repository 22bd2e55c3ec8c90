//! Ticks in real time: each exactly once whatever happens to the nodes, and edits in force at once.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base::Id;
use chrono::TimeDelta;
use jobs::{
    Engine, State,
    store::entity::{job, schedule},
};
use sea_orm::{ActiveValue::Set, Condition};
use serde_json::json;
use store::Mode;

use super::{edit, every, jobs_of, now, put, stored};
use crate::{
    process::{self, Process},
    support::{Bench, env},
};

/// How late a tick may be while nodes are killed and the machine is busy.
const LATE: TimeDelta = TimeDelta::seconds(5);

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_of_500_schedules_is_fired_exactly_once_while_a_node_is_killed_and_restarted() {
    let seconds = env("TENON_FAULT_SECONDS").map_or(20, |seconds| seconds.parse().unwrap());
    let bench = Bench::with(process::kinds()).await;
    let start = now(&bench).await;
    let rows: Vec<schedule::Model> = (0..500)
        .map(|n| schedule::Model {
            job_kind: "test.work".to_owned(),
            args: json!({ "milliseconds": 0 }).to_string(),
            ..every(&bench, &format!("schedule {n}"), 1 + n % 10, start)
        })
        .collect();
    put(&bench, &rows).await;
    let folder = tempfile::tempdir().unwrap();
    let worker = bench.work(Bench::options());
    let mut runs = HashMap::new();
    let (begin, mut kills) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let process = Process::start(bench.url(), folder.path(), &kills.to_string());
        tokio::time::sleep(Duration::from_millis(1_500 + 500 * (kills % 4))).await;
        process.kill(&mut runs);
        kills += 1;
    }
    let tx = bench.engine.store().begin_org(Mode::Write, bench.org).await.unwrap();
    let off = schedule::ActiveModel { enabled: Set(false), ..Default::default() };
    assert_eq!(tx.update_where(off, Condition::all()).await.unwrap(), 500);
    let stopped = bench.engine.now(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let begin = Instant::now();
    while bench.count(State::Succeeded).await < u64::try_from(bench.jobs().await.len()).unwrap() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the jobs do not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.stop().await;

    let mut by_schedule: HashMap<Id, Vec<job::Model>> = HashMap::new();
    for job in bench.jobs().await {
        by_schedule.entry(job.schedule_id.unwrap()).or_default().push(job);
    }
    let (mut total, mut latest, mut other) = (0, TimeDelta::zero(), 0);
    for row in &rows {
        let mut jobs = by_schedule.remove(&row.id).unwrap_or_default();
        jobs.sort_by_key(|job| job.scheduled_for);
        let fired: Vec<_> = jobs.iter().map(|job| job.scheduled_for.unwrap()).collect();
        let plan = Engine::plan(row).unwrap();
        let expected = plan.preview(start, fired.len() + 20);
        assert_eq!(fired, expected[..fired.len()], "{}: every time once, in order", row.name);
        assert!(expected[fired.len()] > stopped - LATE, "{}: a time was left out at the end", row.name);
        latest =
            jobs.iter().map(|job| job.created_at - job.scheduled_for.unwrap()).fold(latest, TimeDelta::max);
        other +=
            jobs.iter().filter(|job| !job.worker.as_deref().unwrap_or_default().ends_with(&here())).count();
        total += fired.len();
        let after = stored(&bench, row.id).await;
        assert_eq!((usize::try_from(after.runs).unwrap(), after.missed, after.skipped), (fired.len(), 0, 0));
    }
    println!(
        "{seconds} s: {total} ticks of 500 schedules, each once, the latest {} ms late; {kills} kills; \
         {other} of the jobs ran on the killed node",
        latest.num_milliseconds()
    );
    assert!(by_schedule.is_empty() && kills >= 3 && other > 0 && latest < LATE);
}

fn here() -> String {
    format!("/{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_schedule_is_in_force_on_another_node_within_a_second() {
    let bench = Bench::new().await;
    let row = every(&bench, "edited", 86_400, now(&bench).await);
    put(&bench, std::slice::from_ref(&row)).await;
    let node = bench.another_node().await;
    let worker = node.work(&bench.world, Bench::options());
    let mut slowest = TimeDelta::zero();
    for round in 1..=6 {
        // Not in step with anybody's rounds.
        tokio::time::sleep(Duration::from_millis(430 + 70 * round)).await;
        let edited = edit(&bench, row.id, |now| schedule::ActiveModel {
            kind: Set("once".to_owned()),
            at: Set(Some(now)),
            next_at: Set(Some(now)),
            ..Default::default()
        })
        .await;
        let begin = Instant::now();
        let jobs = loop {
            let jobs = jobs_of(&bench, row.id).await;
            if jobs.len() as u64 == round {
                break jobs;
            }
            assert!(begin.elapsed() < Duration::from_secs(5), "it is not fired");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        slowest = slowest.max(jobs.last().unwrap().created_at - edited);
    }
    println!("in force after {} ms at the latest", slowest.num_milliseconds());
    assert!(slowest < TimeDelta::seconds(1), "{slowest}");

    // And what is paused rests from that instant on.
    edit(&bench, row.id, |now| schedule::ActiveModel {
        kind: Set("interval".to_owned()),
        every_seconds: Set(Some(1)),
        next_at: Set(Some(now)),
        ..Default::default()
    })
    .await;
    while jobs_of(&bench, row.id).await.len() < 8 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let off = |_| schedule::ActiveModel { enabled: Set(false), ..Default::default() };
    edit(&bench, row.id, off).await;
    let count = jobs_of(&bench, row.id).await.len();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(jobs_of(&bench, row.id).await.len(), count);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_last_job_still_runs_a_tick_is_skipped_queued_or_fired_as_the_schedule_says() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let with = |overlap: &str| schedule::Model {
        overlap: overlap.to_owned(),
        job_kind: "test.free".to_owned(),
        args: json!({ "key": overlap, "milliseconds": 1_600 }).to_string(),
        ..every(&bench, overlap, 1, start)
    };
    let rows = ["skip", "queue", "allow"].map(with);
    put(&bench, &rows).await;
    let worker = bench.work(Bench::options());
    tokio::time::sleep(Duration::from_millis(6_500)).await;
    for row in &rows {
        edit(&bench, row.id, |_| schedule::ActiveModel { enabled: Set(false), ..Default::default() }).await;
    }
    let begin = Instant::now();
    while bench.count(State::Succeeded).await < u64::try_from(bench.jobs().await.len()).unwrap() {
        assert!(begin.elapsed() < Duration::from_secs(40), "the jobs do not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.stop().await;
    let [skip, queue, allow] = &rows;
    let after = async |row: &schedule::Model| {
        let after = stored(&bench, row.id).await;
        assert_eq!(i64::try_from(jobs_of(&bench, row.id).await.len()).unwrap(), after.runs);
        (after.runs, after.skipped)
    };
    let (skipped, queued, allowed) = (after(skip).await, after(queue).await, after(allow).await);
    assert!(skipped.1 >= 2 && skipped.0 + skipped.1 == allowed.0, "{skipped:?} {allowed:?}");
    assert_eq!(queued, allowed, "every tick has its job");
    assert_eq!((bench.world.most("skip"), bench.world.most("queue")), (1, 1));
    assert!(bench.world.most("allow") >= 2);
}
