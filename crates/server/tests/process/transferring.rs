//! Imports whose worker is killed in the middle: nothing twice, nothing lost, nothing left behind.

use std::time::Duration;

use jobs::State;

use super::{
    folder,
    queue::{Queue, Worker},
    support::{self, Server, places},
};

const ROWS: usize = 3_000;
/// Longer than the lease of a process that was killed, and the work after it.
const TAKEN_OVER: Duration = Duration::from_secs(180);
const SOON: Duration = Duration::from_secs(60);
const IMPORT: &str = "resource.import";

fn file() -> String {
    let lines: String = (0..ROWS).map(|n| format!("row-{n:05},Post {n}\n")).collect();
    format!("code,name\n{lines}")
}

/// Waits until some rows are applied, then kills the worker.
fn kill_in_the_middle(queue: &Queue, worker: Worker) {
    queue.wait("some rows are applied", SOON, |queue| {
        let job = &queue.of_kind(IMPORT)[0];
        let (note, done) = (job.progress_note.as_deref(), job.progress_done.unwrap_or_default());
        assert_ne!(job.state, "succeeded", "it was over before it could be killed");
        note == Some("import") && done > 0
    });
    worker.kill();
    let job = &queue.of_kind(IMPORT)[0];
    assert_eq!(job.state, "running", "its lease is left behind");
}

#[test]
fn an_import_whose_worker_is_killed_goes_on_where_it_was_and_takes_each_row_once() {
    for place in places("transfer") {
        let dir = folder();
        let at = || {
            let mut command = support::tenon(dir.path());
            command.env("DATABASE_URL", &place.url).env("LOG_LEVEL", "warn");
            command
        };
        let server = Server::start_with(&mut at(), &["--no-worker"]);
        let token = server.set_up();
        let before = server.codes(&token).len();
        server.upload("/api/posts/import-job", &token, &file()).is(202);
        let queue = Queue::open(&place.url);
        kill_in_the_middle(&queue, Worker::start(&mut at(), &[]));
        let partly = server.codes(&token).len() - before;
        assert!(partly > 0 && partly < ROWS, "{}: {partly} rows", place.name);

        let second = Worker::start(&mut at(), &[]);
        queue.wait("another one goes on", TAKEN_OVER, |queue| queue.count(IMPORT, State::Succeeded) == 1);
        let job = &queue.of_kind(IMPORT)[0];
        assert_eq!(job.attempt, 2, "{}", place.name);
        let report: serde_json::Value = serde_json::from_str(job.result.as_deref().unwrap()).unwrap();
        assert_eq!((&report["created"], &report["applied"]), (&ROWS.into(), &true.into()), "{report}");
        let rows: Vec<String> = server.codes(&token).into_iter().filter(|c| c.starts_with("row-")).collect();
        let expected: Vec<String> = (0..ROWS).map(|n| format!("row-{n:05}")).collect();
        assert_eq!(rows, expected, "{}", place.name);
        queue.wait("the journal is forgotten", SOON, |queue| {
            queue.count("resource.settle_import", State::Succeeded) == 1
        });
        second.terminate();
        server.terminate();
    }
}

#[test]
fn an_import_that_is_called_off_while_its_worker_is_dead_is_taken_back_by_another() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    let token = server.set_up();
    let before = server.codes(&token);
    let begun = server.upload("/api/posts/import-job", &token, &file());
    begun.is(202);
    let queue = Queue::beside(dir.path());
    kill_in_the_middle(&queue, Worker::start(&mut support::tenon(dir.path()), &[]));
    assert!(server.codes(&token).len() > before.len(), "some of it is there");
    let id = begun.body["id"].as_str().unwrap();
    server.post(&format!("/api/transfers/{id}/cancel"), Some(&token), &serde_json::json!({})).is(200);

    let second = Worker::start(&mut support::tenon(dir.path()), &[]);
    queue.wait("it is put in order", TAKEN_OVER, |queue| {
        queue.count("resource.settle_import", State::Succeeded) == 1
    });
    assert_eq!(queue.count(IMPORT, State::Cancelled), 1);
    assert_eq!(server.codes(&token), before);
    second.terminate();
    server.terminate();
}
