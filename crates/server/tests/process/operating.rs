//! `tenon jobs …`, schedules of the operator and backups, as an operator meets them.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use jobs::State;
use serde_json::{Value, json};

use super::{
    folder,
    queue::{Queue, Worker},
    support::{self, Outcome, PASSWORD, Scratch, Server},
};

const SOON: Duration = Duration::from_secs(30);

fn tenon(dir: &Path, words: &[&str]) -> Outcome {
    support::run(support::tenon(dir).args(words))
}

/// Enqueues on the command line; the id.
fn enqueue(dir: &Path, words: &[&str]) -> String {
    let outcome = tenon(dir, &[&["jobs", "enqueue"], words].concat());
    outcome.succeeds();
    outcome.stdout.split_whitespace().nth(1).unwrap().to_owned()
}

fn shown(dir: &Path, id: &str) -> Value {
    let outcome = tenon(dir, &["jobs", "show", id, "--json"]);
    outcome.succeeds();
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_wrong_kind_wrong_arguments_and_a_wrong_place_are_one_line_and_exit_code_2() {
    let dir = folder();
    let refused = |words: &[&str], said: &[&str]| {
        tenon(dir.path(), &[&["jobs", "enqueue"], words].concat()).says(2, said);
    };
    refused(&["demo.nop"], &["no kind of job called `demo.nop`", "did you mean demo.noop?"]);
    refused(&["fly.away"], &["no kind of job called `fly.away`", "there are", "http.call"]);
    refused(&["demo.sleep", "--args", "{seconds: 3}"], &["--args is not JSON"]);
    refused(&["demo.sleep"], &["args.seconds", "missing field"]);
    refused(&["demo.sleep", "--args", r#"{"seconds": "3"}"#], &["args.seconds", "invalid type"]);
    refused(&["demo.noop", "--args", r#"{"secnods": 3}"#], &["args.secnods", "unknown field"]);
    refused(&["database.backup", "--args", r#"{"keep": 0}"#], &["args.keep", "between 1 and 1000"]);
    refused(
        &["demo.noop", "--queue", "nowhere"],
        &["queue", "default, ids, mail, maintenance, transfer, webhooks"],
    );
    refused(&["demo.noop", "--org", "Nobody Ltd."], &["no organisation `Nobody Ltd.`"]);
    let wrong = |words: &[&str], said: &[&str]| tenon(dir.path(), words).says(2, said);
    wrong(&["jobs", "list", "--state", "lost"], &["lost", "dead"]);
    wrong(&["jobs", "show", "seven"], &["seven"]);
    wrong(&["jobs", "retry"], &["IDS"]);
    let nobody = "01982f3c-7d41-7c3e-9a52-3f0e6f1b2c4d";
    tenon(dir.path(), &["jobs", "show", nobody]).says(1, &["there is no job", nobody]);
}

#[test]
fn an_operator_finds_a_dead_job_reads_why_tries_it_again_and_leaves_a_trace() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    let token = server.set_up();
    let name = server.get("/api/auth/user/info", Some(&token)).body["organization"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let args = r#"{"message": "no such luck"}"#;
    let id = enqueue(dir.path(), &["demo.fail", "--org", &name, "--args", args, "--priority", "-3"]);
    let later = enqueue(dir.path(), &["demo.noop", "--delay", "3600"]);
    let drained = tenon(dir.path(), &["jobs", "drain", "--timeout", "60"]);
    drained.succeeds();
    drained.mentions("nothing is due");
    // It fails once, and its second attempt comes two seconds later: not due when the first drain ends.
    std::thread::sleep(Duration::from_secs(3));
    let drained = tenon(dir.path(), &["jobs", "drain", "--timeout", "60"]);
    drained.succeeds();
    drained.mentions("1 more dead");

    let list = tenon(dir.path(), &["jobs", "list", "--state", "dead", "--org", &name]);
    list.succeeds();
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("id  "), "{list:?}");
    for word in [id.as_str(), "demo.fail", "dead", "default", "2/2", "no such luck"] {
        assert!(lines[1].contains(word), "{word}: {list:?}");
    }
    let list = tenon(dir.path(), &["jobs", "list", "--kind", "demo.noop", "--json"]);
    let found: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(found["jobs"][0]["id"], later.as_str());
    assert_eq!(found["jobs"][0]["state"], "scheduled");
    assert_eq!(found["jobs"][0]["organization"], Value::Null, "the platform's own");

    let job = shown(dir.path(), &id);
    assert_eq!((&job["organization"]["name"], &job["priority"]), (&json!(name), &json!(-3)));
    assert_eq!(job["attempts"].as_array().unwrap().len(), 2, "{job:#}");
    assert!(job["attempts"][1]["error"].as_str().unwrap().contains("no such luck"), "{job:#}");
    assert_eq!(job["log"][0]["line"], "about to fail");
    let text = tenon(dir.path(), &["jobs", "show", &id]);
    for word in ["organisation", "2 of 2", "attempt  outcome", "no such luck", "about to fail"] {
        text.mentions(word);
    }

    let again = tenon(dir.path(), &["jobs", "retry", &id]);
    again.succeeds();
    again.mentions("is tried again");
    assert_eq!(shown(dir.path(), &id)["state"], "ready");
    tenon(dir.path(), &["jobs", "retry", &id]).says(1, &[&id, "ready", "cannot be tried again"]);
    let both = tenon(dir.path(), &["jobs", "cancel", &id, &later]);
    both.succeeds();
    assert_eq!(both.stdout.lines().count(), 2, "{both:?}");
    let rest = tenon(dir.path(), &["jobs", "cancel", &id, &later]);
    rest.says(1, &["2 jobs were left as they are", &id, &later, "cancelled"]);

    let trail = server.get(&format!("/api/audit-entries/?target_id={id}&sort=at"), Some(&token));
    let said: Vec<(&str, &str)> = trail.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["action"].as_str().unwrap(), one["actor_kind"].as_str().unwrap()))
        .collect();
    let cli = |action| (action, "cli");
    assert_eq!(said, [cli("jobs:job:create"), cli("jobs:job:retry"), cli("jobs:job:cancel")]);
}

#[test]
fn draining_says_what_is_left_when_its_time_is_over_and_hands_it_back() {
    let dir = folder();
    let id = enqueue(dir.path(), &["demo.sleep", "--args", r#"{"seconds": 100}"#]);
    let mut command = support::tenon(dir.path());
    command.env("WORKER_GRACE_SECONDS", "1").args(["jobs", "drain", "--timeout", "3"]);
    let drained = support::run(&mut command);
    drained.says(1, &["the time is over", "1 ready, 0 running"]);
    assert!(drained.stdout.lines().any(|line| line.starts_with("0 ready, 1 running")), "{drained:?}");
    let job = shown(dir.path(), &id);
    assert_eq!((&job["state"], &job["attempt"]), (&json!("ready"), &json!(0)), "{job:#}");
}

#[test]
fn a_backup_job_keeps_the_newest_ones_and_each_can_be_restored() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    server.set_up();
    let backups = dir.path().join("data/backups");
    let names = || {
        let mut all: Vec<String> = std::fs::read_dir(&backups)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    };
    let mut first = Vec::new();
    for round in 0..3 {
        let id = enqueue(dir.path(), &["database.backup", "--args", r#"{"keep": 2}"#]);
        tenon(dir.path(), &["jobs", "drain"]).succeeds();
        let job = shown(dir.path(), &id);
        assert_eq!(job["state"], "succeeded", "{job:#}");
        if round == 0 {
            first = names();
            std::fs::write(backups.join("mine.db"), "not a backup of ours").unwrap();
        }
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let left = names();
    assert_eq!(left.len(), 3, "two backups and the operator's own file: {left:?}");
    assert!(left.contains(&"mine.db".to_owned()) && !left.contains(&first[0]), "{left:?}");
    for name in left.iter().filter(|name| *name != "mine.db") {
        let mode = std::fs::metadata(backups.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(&backups).unwrap().permissions().mode() & 0o777, 0o700);
    server.terminate();
    let newest = backups.join(&left[1]);
    tenon(dir.path(), &["db", "restore", newest.to_str().unwrap(), "--yes"]).succeeds();
    let server = Server::start(&mut support::tenon(dir.path()));
    server.sign_in("owner", PASSWORD);
}

#[test]
fn a_backup_job_on_another_database_names_the_tool_and_is_not_tried_again() {
    for (scratch, tool) in
        [(Scratch::postgres("backup"), "pg_dump"), (Scratch::mysql("backup"), "mariadb-dump")]
    {
        let Some(scratch) = scratch else { continue };
        let dir = folder();
        let run = |words: &[&str]| {
            let mut command = support::tenon(dir.path());
            command.env("DATABASE_URL", &scratch.url).env("DATABASE_ADMIN_URL", &scratch.admin);
            support::run(command.args(words))
        };
        run(&["db", "init"]).succeeds();
        run(&["jobs", "enqueue", "database.backup"]).succeeds();
        run(&["jobs", "drain"]).succeeds();
        let list = run(&["jobs", "list", "--state", "dead", "--json"]);
        let found: Value = serde_json::from_str(&list.stdout).unwrap();
        let job = &found["jobs"][0];
        assert_eq!(job["attempt"], 1, "{found:#}");
        assert!(job["error"].as_str().unwrap().contains(tool), "{found:#}");
    }
}

#[test]
fn schedules_of_the_operator_are_checked_at_the_start_and_fire() {
    let dir = folder();
    let file = dir.path().join("schedules.json");
    let run = |words: &[&str]| {
        let mut command = support::tenon(dir.path());
        support::run(command.env("SCHEDULES_FILE", &file).args(words))
    };
    let declare = |schedules: Value| std::fs::write(&file, schedules.to_string()).unwrap();
    run(&["worker"]).says(2, &["SCHEDULES_FILE", "schedules.json", "No such file"]);
    let backup = json!({ "name": "backup", "expression": "0 3 * * *", "job_kind": "database.backup" });
    for (wrong, said) in [
        (json!({ "name": "x", "expression": "61 * * * *", "job_kind": "demo.noop" }), "expression"),
        (json!({ "name": "x", "every_seconds": 5, "job_kind": "demo.nothing" }), "demo.nothing"),
        (json!({ "name": "x", "every_seconds": 5, "job_kind": "demo.sleep" }), "args.seconds"),
        (json!({ "name": "x", "job_kind": "demo.noop" }), "every_seconds"),
        (
            json!({ "name": "x", "every_seconds": 5, "time_zone": "Mars/Olympus", "job_kind": "demo.noop" }),
            "Mars",
        ),
        (json!({ "name": "backup", "every_seconds": 5, "job_kind": "demo.noop" }), "another schedule"),
        (json!({ "name": "x", "every": 5, "job_kind": "demo.noop" }), "unknown field `every`"),
    ] {
        declare(json!([backup, wrong]));
        run(&["worker"]).says(2, &["SCHEDULES_FILE", said]);
        let doctor = run(&["doctor"]);
        assert_eq!(doctor.code, Some(1), "{doctor:?}");
        doctor.mentions(said);
    }
    let often = json!({ "name": "often", "every_seconds": 1, "job_kind": "demo.noop" });
    declare(json!([backup, often]));
    let doctor = run(&["doctor"]);
    doctor.mentions("declares 2 schedules");
    let mut command = support::tenon(dir.path());
    let worker = Worker::start(command.env("SCHEDULES_FILE", &file), &[]);
    let queue = Queue::beside(dir.path());
    queue.wait("it fires", SOON, |queue| queue.count("demo.noop", State::Succeeded) >= 3);
    assert_eq!(queue.count("database.backup", State::Succeeded), 0, "not before three o'clock");
    worker.terminate();
}

#[test]
fn the_doctor_misses_workers_while_somebody_serves_and_metrics_tell_what_waits() {
    let dir = folder();
    let server = Server::start_with(&mut support::tenon(dir.path()), &["--no-worker"]);
    let port = server.port().to_string();
    let doctor = || {
        let mut command = support::tenon(dir.path());
        let outcome = support::run(command.env("APP_PORT", &port).args(["doctor", "--json"]));
        let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap().clone();
        let of = |name: &str| checks.iter().find(|one| one["check"] == name).unwrap().clone();
        (of("workers"), of("jobs"))
    };
    enqueue(dir.path(), &["demo.noop"]);
    let (workers, _) = doctor();
    assert_eq!(workers["level"], "warn", "{workers}");
    assert!(workers["message"].as_str().unwrap().contains("tenon worker"), "{workers}");
    let metric = |line: &str| {
        let begin = std::time::Instant::now();
        loop {
            let text = server.text("/metrics");
            if text.lines().any(|one| one.starts_with(line)) {
                return;
            }
            assert!(begin.elapsed() < SOON, "`{line}` is not in {text}");
            std::thread::sleep(Duration::from_millis(500));
        }
    };
    metric(r#"jobs{state="ready"} 1"#);
    metric("jobs_dead 0");
    metric("jobs_oldest_ready_seconds ");
    metric("schedule_missed_ticks_total 0");

    let worker = Worker::start(&mut support::tenon(dir.path()), &[]);
    let queue = Queue::beside(dir.path());
    queue.wait("it is done", SOON, |queue| queue.count("demo.noop", State::Succeeded) == 1);
    let (workers, jobs) = doctor();
    assert_eq!((&workers["level"], &jobs["level"]), (&json!("ok"), &json!("ok")), "{workers} {jobs}");
    assert!(workers["message"].as_str().unwrap().contains("1 worker "), "{workers}");
    metric(r#"jobs{state="ready"} 0"#);
    worker.terminate();
}
