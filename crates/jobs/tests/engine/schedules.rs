//! Schedules: policies, bounds, and what stands in the way of one and must not stand in the way of others.
//! Time is moved by hand and each round is taken by hand; [`ticks`] is about real time and several nodes.

mod ticks;

use base::Id;
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    Declared, Engine, Outcome, State,
    steps::{self, Hand},
    store::entity::{job, schedule},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};
use std::time::Duration;
use store::Mode;

use crate::support::Bench;

/// Every so many seconds a job that succeeds at once, from the database's `now` on.
fn every(bench: &Bench, name: &str, seconds: i64, now: DateTime<Utc>) -> schedule::Model {
    schedule::Model {
        id: base::id::new(now),
        org_id: bench.org,
        name: name.to_owned(),
        description: None,
        kind: "interval".to_owned(),
        expression: None,
        every_seconds: Some(seconds),
        at: None,
        time_zone: "UTC".to_owned(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        misfire: "once".to_owned(),
        misfire_limit: 10,
        overlap: "allow".to_owned(),
        job_kind: "test.act".to_owned(),
        args: json!({ "name": name }).to_string(),
        queue: None,
        priority: 0,
        enabled: true,
        source: "user".to_owned(),
        next_at: Some(now + TimeDelta::seconds(seconds)),
        last_at: None,
        last_job_id: None,
        runs: 0,
        missed: 0,
        skipped: 0,
        version: 1,
        created_at: now,
        updated_at: now,
        created_by: None,
        updated_by: None,
        deleted_at: None,
        alive: Some(true),
        search_key: name.to_owned(),
    }
}

async fn now(bench: &Bench) -> DateTime<Utc> {
    let tx = bench.engine.store().begin_system(Mode::Read).await.unwrap();
    let now = bench.engine.now(&tx).await.unwrap();
    tx.commit().await.unwrap();
    now
}

/// Writes schedules as they are, and says so.
async fn put(bench: &Bench, rows: &[schedule::Model]) {
    let tx = bench.engine.store().begin_org(Mode::Write, bench.org).await.unwrap();
    tx.insert_all(rows.iter().map(|row| row.clone().into_active_model().reset_all()).collect())
        .await
        .unwrap();
    bench.engine.schedules_changed(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Changes one, as an editor does, and says so; the database's clock at that time.
async fn edit(
    bench: &Bench,
    id: Id,
    change: impl FnOnce(DateTime<Utc>) -> schedule::ActiveModel,
) -> DateTime<Utc> {
    let tx = bench.engine.store().begin_org(Mode::Write, bench.org).await.unwrap();
    let now = bench.engine.now(&tx).await.unwrap();
    let one = Condition::all().add(schedule::Column::Id.eq(id));
    assert_eq!(tx.update_where(change(now), one).await.unwrap(), 1);
    bench.engine.schedules_changed(&tx).await.unwrap();
    tx.commit().await.unwrap();
    now
}

async fn stored(bench: &Bench, id: Id) -> schedule::Model {
    let tx = bench.engine.store().begin_system(Mode::Read).await.unwrap();
    let row = tx.lookup::<schedule::Entity>(id).await.unwrap();
    tx.commit().await.unwrap();
    row.expect("the schedule exists")
}

/// The jobs that a schedule made at its times, in the order of these.
async fn jobs_of(bench: &Bench, id: Id) -> Vec<job::Model> {
    let tx = bench.engine.store().begin_system(Mode::Read).await.unwrap();
    let of =
        Condition::all().add(job::Column::ScheduleId.eq(id)).add(job::Column::ScheduledFor.is_not_null());
    let rows = tx.find::<job::Entity>().filter(of).order_by_asc(job::Column::ScheduledFor);
    let rows = tx.all(rows).await.unwrap();
    tx.commit().await.unwrap();
    rows
}

/// Takes rounds until nothing is due.
async fn fire(bench: &Bench) {
    for _ in 0..10 {
        if !steps::fire_due(&bench.engine).await.unwrap() {
            return;
        }
    }
    panic!("something is always due");
}

fn seconds_after(start: DateTime<Utc>, jobs: &[job::Model]) -> Vec<i64> {
    jobs.iter().map(|job| (job.scheduled_for.unwrap() - start).num_seconds()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_missed_ticks_are_left_out_run_once_or_made_up_to_a_limit() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let with = |misfire: &str| schedule::Model {
        misfire: misfire.to_owned(),
        misfire_limit: 4,
        ..every(&bench, misfire, 60, start)
    };
    let rows = ["skip", "once", "all"].map(with);
    put(&bench, &rows).await;
    bench.clock.advance(TimeDelta::seconds(630));
    fire(&bench).await;
    // Ten ticks have passed; the last one, half a minute old, counts as on time.
    let expected = [vec![600], vec![540, 600], vec![360, 420, 480, 540, 600]];
    for ((row, ticks), missed) in rows.iter().zip(expected).zip([9, 8, 5]) {
        assert_eq!(seconds_after(start, &jobs_of(&bench, row.id).await), ticks, "{}", row.misfire);
        let after = stored(&bench, row.id).await;
        let runs = i64::try_from(ticks.len()).unwrap();
        assert_eq!((after.missed, after.runs, after.skipped), (missed, runs, 0), "{}", row.misfire);
        assert_eq!(after.last_at, Some(start + TimeDelta::seconds(600)));
        assert_eq!(after.next_at, Some(start + TimeDelta::seconds(660)));
        assert_eq!((after.version, after.updated_at), (1, row.updated_at), "nobody edited it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_schedule_that_queues_run_one_after_the_other_in_the_order_of_their_times() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let row = schedule::Model {
        overlap: "queue".to_owned(),
        misfire: "all".to_owned(),
        ..every(&bench, "queue", 60, start)
    };
    put(&bench, std::slice::from_ref(&row)).await;
    bench.clock.advance(TimeDelta::seconds(310));
    fire(&bench).await;
    // Two that somebody asked for meanwhile run beside them; what comes later waits for all.
    let extra =
        async |_| bench.change(async |tx| bench.engine.run_schedule(tx, &row, None).await).await.unwrap().id;
    let extras = [extra(0).await, extra(1).await];
    bench.clock.advance(TimeDelta::seconds(60));
    fire(&bench).await;
    let ticks = jobs_of(&bench, row.id).await;
    assert_eq!(seconds_after(start, &ticks), [60, 120, 180, 240, 300, 360]);
    assert_eq!(ticks.iter().map(|job| job.waits).collect::<Vec<_>>(), [0, 1, 1, 1, 1, 3]);

    let hand = Hand::new(bench.engine.clone(), "hand", Duration::from_secs(3_600));
    let mut order = Vec::new();
    loop {
        steps::promote(&bench.engine).await.unwrap();
        let leases = hand.claim(10).await.unwrap();
        let of_ticks = leases.iter().filter(|lease| !extras.contains(&lease.id())).count();
        assert!(of_ticks <= 1, "two of them at once");
        if leases.is_empty() {
            break;
        }
        for lease in leases {
            assert!(hand.finish(&lease, Outcome::Succeeded(Value::Null)).await.unwrap());
            order.push(lease.id());
        }
    }
    order.retain(|id| !extras.contains(id));
    assert_eq!(order, ticks.iter().map(|job| job.id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn jitter_spreads_the_start_and_never_the_time_that_is_meant() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let row = schedule::Model { jitter_seconds: 40, ..every(&bench, "jitter", 1, start) };
    put(&bench, std::slice::from_ref(&row)).await;
    bench.clock.advance(TimeDelta::seconds(40));
    fire(&bench).await;
    let jobs = jobs_of(&bench, row.id).await;
    assert!(jobs.len() >= 40);
    assert_eq!(seconds_after(start, &jobs), (1..=i64::try_from(jobs.len()).unwrap()).collect::<Vec<_>>());
    let waits: Vec<f64> =
        jobs.iter().map(|job| (job.run_at - job.created_at).num_milliseconds() as f64 / 1000.0).collect();
    let (least, most) =
        (waits.iter().copied().fold(f64::MAX, f64::min), waits.iter().copied().fold(0.0, f64::max));
    assert!(least >= 0.0 && most <= 40.1, "{least} to {most}");
    assert!(most - least > 10.0, "forty dice do not all fall alike: {least} to {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_keeps_to_its_start_and_its_end_and_once_is_once() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let at = |seconds| Some(start + TimeDelta::seconds(seconds));
    let mut bounded =
        schedule::Model { starts_at: at(15), ends_at: at(40), ..every(&bench, "bounded", 10, start) };
    bounded.next_at = Engine::plan(&bounded).unwrap().next_after(start);
    let once = schedule::Model {
        kind: "once".to_owned(),
        every_seconds: None,
        at: at(30),
        next_at: at(30),
        ..every(&bench, "once", 1, start)
    };
    put(&bench, &[bounded.clone(), once.clone()]).await;
    fire(&bench).await;
    assert!(jobs_of(&bench, bounded.id).await.is_empty());
    for _ in 0..3 {
        bench.clock.advance(TimeDelta::seconds(20));
        fire(&bench).await;
    }
    assert_eq!(seconds_after(start, &jobs_of(&bench, bounded.id).await), [15, 25, 35]);
    assert_eq!(seconds_after(start, &jobs_of(&bench, once.id).await), [30]);
    for id in [bounded.id, once.id] {
        assert_eq!(stored(&bench, id).await.next_at, None);
    }
}

fn declared(name: &str, seconds: i64) -> Declared {
    Declared {
        name: name.to_owned(),
        description: String::new(),
        expression: None,
        every_seconds: Some(seconds),
        time_zone: "UTC".to_owned(),
        job_kind: "test.act".to_owned(),
        args: json!({ "name": name }),
    }
}

async fn all_declared(bench: &Bench) -> Vec<schedule::Model> {
    let tx = bench.engine.store().begin_system(Mode::Read).await.unwrap();
    let mut rows = bench.engine.declared(&tx).await.unwrap();
    tx.commit().await.unwrap();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

async fn set_enabled(bench: &Bench, id: Id, enabled: bool) {
    let tx = bench.engine.store().begin_system(Mode::Write).await.unwrap();
    bench.engine.set_declared_enabled(&tx, id, enabled).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_code_declares_is_merged_changed_and_taken_away_and_stays_paused_if_somebody_paused_it() {
    let bench = Bench::new().await;
    let other = bench.another_node().await;
    let users = every(&bench, "users", 60, now(&bench).await);
    put(&bench, std::slice::from_ref(&users)).await;
    let first = [declared("hourly", 3_600), declared("minutely", 60), declared("old", 60)];
    let (one, two) = tokio::join!(bench.engine.declare(&first), other.engine.declare(&first));
    one.unwrap();
    two.unwrap();
    let before = all_declared(&bench).await;
    let names = |rows: &[schedule::Model]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), ["hourly", "minutely", "old"]);
    assert!(before.iter().all(|row| row.source == "code" && row.enabled && row.next_at.is_some()));

    set_enabled(&bench, before[0].id, false).await;
    bench.clock.advance(TimeDelta::seconds(20));
    let mut cron = declared("minutely", 60);
    (cron.every_seconds, cron.expression) = (None, Some("0 3 * * *".to_owned()));
    bench.engine.declare(&[declared("hourly", 3_600), cron, declared("new", 60)]).await.unwrap();
    let after = all_declared(&bench).await;
    assert_eq!(names(&after), ["hourly", "minutely", "new"]);
    assert_eq!((after[0].id, after[0].enabled), (before[0].id, false));
    assert_eq!((after[1].id, after[1].kind.as_str(), after[1].every_seconds), (before[1].id, "cron", None));
    let three = after[1].next_at.unwrap();
    assert_eq!(three.format("%H:%M:%S").to_string(), "03:00:00");
    assert_eq!(stored(&bench, users.id).await, users, "not the business of code");

    // The same once more changes nothing, above all no time that is due.
    let again = [declared("hourly", 3_600), declared("new", 60)];
    bench.engine.declare(&again).await.unwrap();
    assert_eq!(all_declared(&bench).await[1].next_at, after[2].next_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_fires_nothing_and_makes_up_nothing_when_it_is_resumed() {
    let bench = Bench::new().await;
    bench.engine.declare(&[declared("minutely", 60)]).await.unwrap();
    let id = all_declared(&bench).await[0].id;
    set_enabled(&bench, id, false).await;
    bench.clock.advance(TimeDelta::seconds(600));
    fire(&bench).await;
    set_enabled(&bench, id, true).await;
    fire(&bench).await;
    assert!(jobs_of(&bench, id).await.is_empty());
    bench.clock.advance(TimeDelta::seconds(60));
    fire(&bench).await;
    assert_eq!(jobs_of(&bench, id).await.len(), 1);
    let row = stored(&bench, id).await;
    assert_eq!((row.runs, row.missed, row.skipped), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_broken_in_the_database_holds_up_no_other() {
    let bench = Bench::new().await;
    let start = now(&bench).await;
    let healthy = every(&bench, "healthy", 10, start);
    let new = |name: &str| every(&bench, name, 5, start);
    let text = str::to_owned;
    let broken = [
        schedule::Model { time_zone: text("Mars/Olympus"), ..new("zone") },
        schedule::Model { kind: text("cron"), expression: Some(text("61 * * * *")), ..new("expression") },
        schedule::Model { kind: text("sometimes"), ..new("kind") },
        schedule::Model { every_seconds: Some(-1), ..new("interval") },
        schedule::Model { args: text("{not JSON"), ..new("text") },
        schedule::Model { args: text(r#"{"nmae":1}"#), ..new("arguments") },
        schedule::Model { job_kind: text("os.system"), ..new("job kind") },
        schedule::Model { queue: Some(text("nowhere")), ..new("queue") },
    ];
    // And one whose next time was had already, as after a clock that was set back.
    let doubled = new("doubled");
    put(&bench, &[&broken[..], &[healthy.clone(), doubled.clone()]].concat()).await;
    bench.clock.advance(TimeDelta::seconds(11));
    fire(&bench).await;
    edit(&bench, doubled.id, |_| schedule::ActiveModel {
        next_at: Set(doubled.next_at),
        ..Default::default()
    })
    .await;
    for seconds in [10, 20] {
        assert_eq!(jobs_of(&bench, healthy.id).await.len(), seconds / 10);
        bench.clock.advance(TimeDelta::seconds(10));
        fire(&bench).await;
    }
    assert_eq!(jobs_of(&bench, healthy.id).await.len(), 3);
    for row in broken {
        assert!(jobs_of(&bench, row.id).await.is_empty(), "{}", row.name);
        let after = stored(&bench, row.id).await;
        assert!(after.missed > 0, "{}: it shows that something is wrong", row.name);
    }
    let after = stored(&bench, doubled.id).await;
    assert_eq!(seconds_after(start, &jobs_of(&bench, doubled.id).await)[..2], [5, 10]);
    assert!(after.missed == 1 && after.next_at.unwrap() > now(&bench).await, "{after:?}");
    assert_eq!(bench.count(State::Dead).await, 0);
}
