//! Jobs over several processes: who does them, and that none is lost when a process goes away.

use std::time::Duration;

use jobs::State;
use serde_json::json;

use super::{
    folder,
    queue::{Queue, Worker},
    support::{self, Place, Server, places},
};

/// Longer than the lease of a process that was killed.
const TAKEN_OVER: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(30);

/// A database of one kind, migrated; a worker on it is started by the command.
fn migrated(place: &Place, dir: &std::path::Path) -> Queue {
    support::run(at(place, dir).args(["migrate", "up"])).succeeds();
    Queue::open(&place.url)
}

fn at(place: &Place, dir: &std::path::Path) -> std::process::Command {
    let mut command = support::tenon(dir);
    command.env("DATABASE_URL", &place.url).env("LOG_LEVEL", "warn");
    command
}

#[test]
fn a_worker_alone_does_what_a_server_without_one_enqueued() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    server.set_up();
    let body = json!({ "email": "owner@example.com" });
    server.post("/api/auth/password/forgot", None, &body).is(202);
    let words = ["jobs", "enqueue", "demo.noop"];
    support::run(support::tenon(dir.path()).args(words)).succeeds();
    let queue = Queue::beside(dir.path());
    std::thread::sleep(Duration::from_secs(1));
    let ready = |kind: &str| queue.count(kind, State::Ready);
    assert_eq!((ready("mail.deliver"), ready("demo.noop")), (1, 1), "nobody works yet");

    let worker = Worker::start(&mut support::tenon(dir.path()), &["--concurrency", "3"]);
    assert!(
        worker.said.contains("works on default, ids, mail, maintenance, transfer, webhooks: 3 jobs at once"),
        "{}",
        worker.said
    );
    queue.wait("both are done", SOON, |queue| {
        queue.count("mail.deliver", State::Succeeded) == 1 && queue.count("demo.noop", State::Succeeded) == 1
    });
    assert_eq!(std::fs::read_dir(dir.path().join("data/outbox")).unwrap().count(), 1, "the letter was kept");
    worker.terminate();
    server.terminate();
}

#[test]
fn a_worker_serves_only_the_queues_that_it_was_given() {
    let dir = folder();
    let failure = support::run(support::tenon(dir.path()).args(["worker", "--queues", "mail,nowhere"]));
    failure.says(2, &["no queue `nowhere`", "default, ids, mail, maintenance, transfer, webhooks"]);
    support::run(support::tenon(dir.path()).env("WORKER_QUEUES", "nowhere").args(["serve", "--port", "0"]))
        .says(2, &["no queue `nowhere`", "WORKER_QUEUES"]);

    support::run(support::tenon(dir.path()).args(["migrate", "up"])).succeeds();
    let queue = Queue::beside(dir.path());
    let worker = Worker::start(&mut support::tenon(dir.path()), &["--queues", "mail"]);
    assert!(worker.said.contains("works on mail:"), "{}", worker.said);
    let ids = queue.fill("demo.noop", &json!({}), 1);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(queue.job(ids[0]).state, "ready", "it lies in the queue `default`");
    worker.terminate();
    let worker = Worker::start(&mut support::tenon(dir.path()), &["--queues", "mail,default"]);
    queue.wait("it is done", SOON, |queue| queue.job(ids[0]).state == "succeeded");
    worker.terminate();
}

#[test]
fn a_stopped_worker_hands_fifty_running_jobs_back_as_if_they_had_never_begun() {
    for place in places("handback") {
        let dir = folder();
        let queue = migrated(&place, dir.path());
        let ids = queue.fill("demo.sleep", &json!({ "seconds": 120 }), 50);
        let mut command = at(&place, dir.path());
        let worker = Worker::start(command.env("WORKER_GRACE_SECONDS", "2"), &["--concurrency", "80"]);
        queue.wait("all run", SOON, |queue| queue.count("demo.sleep", State::Running) == 50);
        let took = worker.terminate();
        println!("{}: fifty running jobs were handed back in {took:?}", place.name);
        assert!(took < Duration::from_secs(15), "{}: {took:?}", place.name);
        for id in ids {
            let job = queue.job(id);
            assert_eq!((job.state.as_str(), job.attempt), ("ready", 0), "{}: {job:?}", place.name);
            assert_eq!(queue.attempts(id), [(1, "handed_back".to_owned())], "{}", place.name);
        }
        for state in [State::Failed, State::Dead, State::Cancelled] {
            assert_eq!(queue.count("demo.sleep", state), 0, "{}: {state:?}", place.name);
        }
    }
}

#[test]
fn a_second_signal_ends_a_worker_at_once() {
    let dir = folder();
    support::run(support::tenon(dir.path()).args(["migrate", "up"])).succeeds();
    let queue = Queue::beside(dir.path());
    queue.fill("demo.sleep", &json!({ "seconds": 300 }), 1);
    let mut command = support::tenon(dir.path());
    let mut worker = Worker::start(command.env("WORKER_GRACE_SECONDS", "120"), &[]);
    queue.wait("it runs", SOON, |queue| queue.count("demo.sleep", State::Running) == 1);
    worker.signal("TERM");
    std::thread::sleep(Duration::from_secs(1));
    assert!(worker.runs(), "the job may go on within the grace");
    worker.signal("INT");
    assert_eq!(worker.ended(Duration::from_secs(10)), Some(0));
    assert_eq!(queue.count("demo.sleep", State::Running), 1, "its lease is left behind for another worker");
}

#[test]
fn jobs_of_a_killed_worker_are_finished_by_another() {
    for place in places("killed") {
        let dir = folder();
        let queue = migrated(&place, dir.path());
        let ids = queue.fill("demo.sleep", &json!({ "seconds": 3 }), 10);
        let first = Worker::start(&mut at(&place, dir.path()), &[]);
        queue.wait("all run", SOON, |queue| queue.count("demo.sleep", State::Running) == 10);
        first.kill();
        let second = Worker::start(&mut at(&place, dir.path()), &[]);
        queue.wait("another one finishes them", TAKEN_OVER, |queue| {
            queue.count("demo.sleep", State::Succeeded) == 10
        });
        for id in ids {
            let job = queue.job(id);
            assert_eq!((job.attempt, job.fence), (2, 2), "{}: {job:?}", place.name);
            assert_eq!(queue.attempts(id), [(1, "lost".to_owned())], "{}", place.name);
        }
        second.terminate();
    }
}

#[test]
fn a_job_that_kills_its_process_ends_dead_after_its_limit_and_the_rest_goes_on() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    let queue = Queue::beside(dir.path());
    let killer = queue.fill("demo.kill", &json!({}), 1)[0];
    let (mut worker, mut deaths, mut done) = (None::<Worker>, 0, Vec::new());
    let begin = std::time::Instant::now();
    while queue.job(killer).state != "dead" {
        assert!(begin.elapsed() < Duration::from_secs(180), "{:?} after {deaths} deaths", queue.job(killer));
        if !worker.as_mut().is_some_and(Worker::runs) {
            deaths += usize::from(worker.is_some());
            worker = Some(Worker::start(&mut support::tenon(dir.path()), &[]));
            done.extend(queue.fill("demo.noop", &json!({}), 5));
        }
        server.get("/readyz", None).is(200);
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("dead after {deaths} deaths of workers and {:?}", begin.elapsed());
    assert_eq!(deaths, 2, "as many as the kind has attempts");
    let outcomes: Vec<String> = queue.attempts(killer).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["lost", "lost"]);
    queue.wait("everything else is done", SOON, |queue| {
        done.iter().all(|id| queue.job(*id).state == "succeeded")
    });
    assert!(worker.as_mut().is_some_and(Worker::runs), "the last worker lives");
    let shown = support::run(support::tenon(dir.path()).args(["jobs", "show", &killer.to_string()]));
    shown.succeeds();
    shown.mentions("dead");
    shown.mentions("lost");
}

#[test]
fn a_job_of_one_node_is_started_by_another_on_the_same_file_within_half_a_second() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    let token = server.set_up();
    let worker = Worker::start(&mut support::tenon(dir.path()), &[]);
    let queue = Queue::beside(dir.path());
    for number in 0..9 {
        let body = json!({ "email": format!("guest-{number}@example.com") });
        server.post("/api/invitations/", Some(&token), &body).is(201);
        std::thread::sleep(Duration::from_millis(170));
    }
    queue.wait("all are delivered", SOON, |queue| queue.count("mail.deliver", State::Succeeded) == 9);
    let mut waited: Vec<i64> = queue
        .of_kind("mail.deliver")
        .iter()
        .map(|job| (job.started_at.unwrap() - job.created_at).num_milliseconds())
        .collect();
    waited.sort_unstable();
    println!("from enqueued to started, in ms: {waited:?}");
    // The middle one: other tests may hold the machine for a moment.
    assert!(waited[waited.len() / 2] <= 500, "{waited:?}");
    worker.terminate();
}
