//! The `tenon` binary as an operator meets it: real processes, their exit codes, and the one line that
//! says what to do. Whatever needs PostgreSQL or MariaDB runs when `TEST_POSTGRES_URL` or
//! `TEST_MYSQL_URL` is set, and says so when not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

#[path = "process/adopting.rs"]
mod adopting;
#[path = "process/commands.rs"]
mod commands;
#[path = "process/files.rs"]
mod files;
#[path = "process/issuing.rs"]
mod issuing;
#[path = "process/operating.rs"]
mod operating;
#[path = "process/queue.rs"]
mod queue;
#[path = "process/redis.rs"]
mod redis;
#[path = "process/support.rs"]
mod support;
#[path = "process/transferring.rs"]
mod transferring;
#[path = "process/working.rs"]
mod working;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use support::{PASSWORD, Proxy, Scratch, Served, Server, places};
use tempfile::TempDir;

const SECRETS: [(&str, &str); 2] = [
    ("JWT_SECRET_KEY", "b7Qz0xYt3mW8nLr5sVd2kGf9hJc6pEa1uTiO4yRw"),
    ("ENCRYPTION_KEY", "Hn4vKx9rTq2wZm7yLb5cPj8fDs3gAe6iUo1kXtNW"),
];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

// ---- refusals: one line that says what to do ----

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let (dir, taken) = (folder(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = taken.local_addr().unwrap().port().to_string();
    let failure = support::run(support::tenon(dir.path()).args(["serve", "--port", &port]));
    failure.says(1, &[&format!("port {port} is in use"), "--port"]);
    assert!(!dir.path().join("data/tenon.db").exists(), "nothing was made before the address was had");

    let server = Server::start(&mut support::tenon(dir.path()));
    let port = server.port().to_string();
    let failure = support::run(support::tenon(dir.path()).args(["serve", "--port", &port]));
    failure.says(1, &["is in use", "--port"]);
}

#[test]
fn an_unreachable_database_is_named_with_the_settings_to_check() {
    for scheme in ["postgres", "mysql"] {
        let dir = folder();
        let mut command = support::tenon(dir.path());
        command.env("DATABASE_URL", format!("{scheme}://tenon:k3Jq9vX2@127.0.0.1:1/tenon"));
        let failure = support::run(command.args(["serve", "--port", "0"]));
        failure.says(1, &["cannot be reached", "DB_HOST", "DB_PORT", "DATABASE_URL"]);
        assert!(!failure.stderr.contains("k3Jq9vX2"), "the password is in {}", failure.stderr);
        assert!(failure.took < Duration::from_secs(30), "{:?}", failure.took);
    }
}

#[test]
fn a_wrong_database_password_is_told_apart_from_an_unreachable_database() {
    let Some(scratch) = Scratch::mysql("password") else { return };
    let dir = folder();
    let (right, wrong) = (scratch.url_as("Gx7kQ2vL9m"), scratch.url_as("wrong4Zt8"));
    let mut init = support::tenon(dir.path());
    init.env("DATABASE_URL", &right).env("DATABASE_ADMIN_URL", &scratch.admin);
    support::run(init.args(["db", "init"])).succeeds();
    let status = |url: &str| {
        let mut command = support::tenon(dir.path());
        support::run(command.env("DATABASE_URL", url).args(["migrate", "status"]))
    };
    assert_eq!(status(&right).code, Some(3), "the right password signs in");
    let failure = status(&wrong);
    failure.says(1, &["user name or password is wrong", "DB_USERNAME", "DB_PASSWORD"]);
    assert!(!failure.stderr.contains("wrong4Zt8"), "{}", failure.stderr);
    let mut serve = support::tenon(dir.path());
    let failure = support::run(serve.env("DATABASE_URL", &wrong).args(["serve", "--port", "0"]));
    failure.says(1, &["user name or password is wrong", "DB_PASSWORD"]);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named_with_the_setting() {
    let dir = folder();
    // A file in the way stops root, too; permissions would not.
    std::fs::write(dir.path().join("file"), "").unwrap();
    for words in [["serve", "--port", "0"].as_slice(), &["migrate", "up"], &["user", "list"]] {
        let mut command = support::tenon(dir.path());
        command.env("DATA_DIR", dir.path().join("file/data"));
        support::run(command.args(words))
            .says(2, &["DATA_DIR", "cannot be written", "set DATA_DIR to another one"]);
    }
}

#[test]
fn production_refuses_missing_placeholder_and_short_secrets() {
    let start = |words: &[&str], variables: &[(&str, &str)]| {
        let dir = folder();
        let mut command = support::tenon(dir.path());
        command.envs(variables.iter().copied()).args(words);
        let failure = support::run(&mut command);
        assert!(!dir.path().join("data/tenon.db").exists(), "nothing was made");
        failure
    };
    let serve = |variables: &[(&str, &str)]| start(&["serve", "--env", "prod", "--port", "0"], variables);
    for failure in [serve(&[]), start(&["worker", "--env", "prod"], &[])] {
        failure.says(2, &["JWT_SECRET_KEY is not set", "ENCRYPTION_KEY is not set", "openssl rand"]);
    }
    let [jwt, encryption] = SECRETS;
    serve(&[("JWT_SECRET_KEY", "change-me-change-me-change-me-change-me"), encryption])
        .says(2, &["JWT_SECRET_KEY", "placeholder", "openssl rand"]);
    let failure = serve(&[jwt, ("ENCRYPTION_KEY", "kX9vQ2zL7m")]);
    failure.says(2, &["ENCRYPTION_KEY", "has 10 bytes", "32"]);
    assert!(!failure.stderr.contains("kX9vQ2zL7m"), "no secret is shown: {}", failure.stderr);
}

#[test]
fn production_refuses_a_wildcard_cors() {
    let dir = folder();
    let mut command = support::tenon(dir.path());
    command.envs(SECRETS).env("CORS_ORIGINS", "*").args(["serve", "--env", "prod", "--port", "0"]);
    support::run(&mut command).says(2, &["CORS_ORIGINS", "list the origins"]);
}

#[test]
fn production_refuses_a_database_user_that_escapes_the_policies() {
    let Some(scratch) = Scratch::postgres("policies") else { return };
    let dir = folder();
    let url = scratch.url_as("Gx7kQ2vL9m");
    let prod = |words: &[&str], url: &str, admin: bool| {
        let mut command = support::tenon(dir.path());
        command.envs(SECRETS).env("APP_ENV", "prod").env("DATABASE_URL", url).args(words);
        if admin {
            command.env("DATABASE_ADMIN_URL", &scratch.admin);
        }
        command
    };
    support::run(&mut prod(&["db", "init"], &url, true)).succeeds();
    for words in [["serve", "--port", "0"].as_slice(), &["worker"]] {
        support::run(&mut prod(words, &url, false)).says(3, &["pending", "tenon migrate up"]);
    }
    support::run(&mut prod(&["migrate", "up"], &url, true)).succeeds();
    for words in [["serve", "--port", "0"].as_slice(), &["worker"], &["jobs", "drain"]] {
        support::run(&mut prod(words, &scratch.url, false))
            .says(2, &["row-level security could be escaped", "tenon db init"]);
    }
    let server = Server::start(&mut prod(&[], &url, false));
    assert_eq!(server.get("/readyz", None).status, 200);
}

#[test]
fn wrong_use_is_one_line_and_exit_code_2() {
    let dir = folder();
    for (words, said) in [
        (["fly"].as_slice(), ["unrecognized subcommand 'fly'", "--help"]),
        (&["serve", "--prot", "1"], ["--prot", "--port"]),
        (&["createsuperuser"], ["--username", "--help"]),
        (&["serve", "--port", "70000"], ["70000", "--help"]),
    ] {
        support::run(support::tenon(dir.path()).args(words)).says(2, &said);
    }
    let mut command = support::tenon(dir.path());
    support::run(command.env("APP_PORT", "eight").arg("config")).mentions("APP_PORT");
    assert!(!dir.path().join("data").exists(), "nothing was made");
}

// ---- migrations, documents ----

#[test]
fn migrate_status_exits_3_while_something_is_pending_and_0_afterwards() {
    for place in places("status") {
        let dir = folder();
        let migrate = |word: &str| {
            let mut command = support::tenon(dir.path());
            support::run(command.env("DATABASE_URL", &place.url).args(["migrate", word]))
        };
        migrate("status").says(3, &["pending", "tenon migrate up"]);
        migrate("up").succeeds();
        let done = migrate("status");
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}: {done:?}", place.name);
        migrate("up").succeeds();
    }
}

#[test]
fn two_migrations_at_once_apply_each_step_once() {
    for place in places("twice") {
        let dir = folder();
        let up = || {
            let mut command = support::tenon(dir.path());
            support::run(command.env("DATABASE_URL", &place.url).args(["migrate", "up", "--json"]))
        };
        let both = std::thread::scope(|scope| {
            let threads = [scope.spawn(up), scope.spawn(up)];
            threads.map(|thread| thread.join().unwrap())
        });
        let mut applied: Vec<String> = Vec::new();
        for outcome in &both {
            assert_eq!(outcome.code, Some(0), "{}: {outcome:?}", place.name);
            let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
            applied.extend(
                answer["applied"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()),
            );
        }
        let count = applied.len();
        applied.sort();
        applied.dedup();
        assert!(count == applied.len() && count >= 6, "{}: {both:?}", place.name);
    }
}

#[test]
fn the_openapi_document_needs_no_database_and_leaves_nothing_behind() {
    let dir = folder();
    let file = dir.path().join("openapi.json");
    let mut command = support::tenon(dir.path());
    command.env("DATABASE_URL", "postgres://tenon@127.0.0.1:1/tenon").arg("openapi").arg("--file").arg(&file);
    let outcome = support::run(&mut command);
    outcome.succeeds();
    assert!(outcome.took < Duration::from_secs(4), "{:?}", outcome.took);
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"].as_object().unwrap().len() > 60);
    assert!(!dir.path().join("data").exists(), "nothing was made");
    let mut command = support::tenon(dir.path());
    let failure = support::run(command.args(["openapi", "--file", "no/such/folder/openapi.json"]));
    failure.says(1, &["no/such/folder/openapi.json", "cannot be written"]);
}

// ---- a life of the embedded database ----

#[test]
fn a_backup_is_taken_while_serving_and_restored_only_afterwards() {
    let dir = folder();
    let backup = dir.path().join("backup.db");
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.set_up();
    server.post("/api/posts/", Some(&token), &json!({ "code": "kept", "name": "Kept" })).is(201);
    let command = |words: &[&str]| {
        let mut command = support::tenon(dir.path());
        command.args(words).arg(&backup);
        command
    };
    support::run(&mut command(&["db", "backup"])).succeeds();
    support::run(&mut command(&["db", "backup"])).says(1, &["exists already"]);
    server.post("/api/posts/", Some(&token), &json!({ "code": "later", "name": "Later" })).is(201);
    support::run(&mut command(&["db", "restore", "--yes"])).says(1, &["a server is using", "stop it first"]);
    server.post("/api/posts/", Some(&token), &json!({ "code": "still", "name": "Still" })).is(201);
    server.terminate();

    support::run(&mut command(&["db", "restore"])).says(2, &["replace", "--yes"]);
    support::run(&mut command(&["db", "restore", "--yes"])).succeeds();
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.sign_in("owner", PASSWORD);
    assert_eq!(server.codes(&token), ["kept"]);
    server.terminate();

    std::fs::write(&backup, "no database").unwrap();
    support::run(&mut command(&["db", "restore", "--yes"])).says(1, &["is not a Tenon backup"]);
    let server = Server::start(&mut support::tenon(dir.path()));
    assert_eq!(server.codes(&server.sign_in("owner", PASSWORD)), ["kept"], "a bad file changes nothing");
}

#[test]
fn an_administrator_made_on_the_command_line_signs_in_at_once() {
    let dir = folder();
    let create = |name: &str, password: &str| {
        let mut command = support::tenon(dir.path());
        let email = format!("{name}@example.com");
        command.args(["createsuperuser", "--username", name, "--email", &email, "--password-stdin"]);
        support::run_with(&mut command, &format!("{password}\n"))
    };
    create("first", "mortise-and-tenon-71").succeeds();
    let server = Server::start(&mut support::tenon(dir.path()));
    let answer = server.post(
        "/api/auth/login",
        None,
        &json!({ "username": "first", "password": "mortise-and-tenon-71" }),
    );
    answer.is(200);
    assert_eq!(answer.body["user"]["is_platform_admin"], true);
    // While serving, by another process on the same database.
    create("second", "dovetail-and-peg-93").succeeds();
    server.sign_in("second@example.com", "dovetail-and-peg-93");
    create("second", "dovetail-and-peg-93").says(2, &["there is a user second already", "reset-password"]);
    create("third", "short").says(2, &["password"]);
}

#[test]
fn a_second_start_is_quick() {
    let dir = folder();
    let first = Server::start(&mut support::tenon(dir.path()));
    first.set_up();
    println!("the first start took {:?}", first.took);
    first.terminate();
    let second = Server::start(&mut support::tenon(dir.path()));
    // Shown and not judged: the machine may be busy with other tests. The limit is 5 s.
    println!("the second start took {:?}", second.took);
    assert_eq!(second.get("/api/auth/check-init", None).body["initialized"], true);
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_the_restart() {
    let dir = folder();
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.set_up();
    let (acknowledged, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let address = server.address.clone();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (acknowledged, stop, address, token) = (&acknowledged, &stop, &address, &token);
            scope.spawn(move || {
                for number in 0.. {
                    let code = format!("w{writer}-{number}");
                    let body = json!({ "code": code, "name": "Written" });
                    match support::call(address, "POST", "/api/posts/", Some(token), Some(&body)) {
                        Ok(answer) if answer.status == 201 => acknowledged.lock().unwrap().push(code),
                        // The answer that the kill cut off: written or not, nobody was told.
                        _ if stop.load(Ordering::SeqCst) => break,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        let begin = Instant::now();
        while acknowledged.lock().unwrap().len() < 120 {
            assert!(begin.elapsed() < Duration::from_secs(60), "too few writes");
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::SeqCst);
        server.kill();
    });
    let server = Server::start(&mut support::tenon(dir.path()));
    let found = server.codes(&server.sign_in("owner", PASSWORD));
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<&String> = acknowledged.iter().filter(|code| !found.contains(code)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    println!("{} writes were acknowledged and {} are there", acknowledged.len(), found.len());
}

#[test]
fn a_signal_to_stop_lets_what_runs_finish_and_ends_with_exit_code_0() {
    let dir = folder();
    for signal in ["TERM", "INT"] {
        let server = Server::start(&mut support::tenon(dir.path()));
        let token = if signal == "TERM" { server.set_up() } else { server.sign_in("owner", PASSWORD) };
        let _idle = TcpStream::connect(&server.address).unwrap();
        // A request whose body is still on its way when the signal comes.
        let body = json!({ "code": signal.to_lowercase(), "name": "Late" }).to_string();
        let (early, late) = body.split_at(body.len() / 2);
        let mut request = TcpStream::connect(&server.address).unwrap();
        write!(
            request,
            "POST /api/posts/ HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{early}",
            server.address,
            body.len()
        )
        .unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let (took, answer) = std::thread::scope(|scope| {
            let ending = scope.spawn(move || server.end(signal));
            std::thread::sleep(Duration::from_millis(500));
            request.write_all(late.as_bytes()).unwrap();
            let mut answer = String::new();
            request.read_to_string(&mut answer).unwrap();
            (ending.join().unwrap(), answer)
        });
        assert!(answer.starts_with("HTTP/1.1 201"), "SIG{signal}: {answer}");
        println!("SIG{signal} took {took:?}");
        assert!(took < Duration::from_secs(20), "SIG{signal} took {took:?}");
    }
}

// ---- a database that goes away ----

#[test]
fn a_failing_database_is_503_with_retry_after_and_recovers_by_itself() {
    for scratch in [Scratch::postgres("proxy"), Scratch::mysql("proxy")].into_iter().flatten() {
        fails_and_recovers(&scratch);
    }
}

fn fails_and_recovers(scratch: &Scratch) {
    let (dir, proxy) = (folder(), Proxy::before(&scratch.url));
    let mut command = support::tenon(dir.path());
    let server = Server::start(command.env("DATABASE_URL", &proxy.url));
    let token = server.set_up();
    let list = || server.get("/api/posts/", Some(&token));
    list().is(200);

    proxy.cut();
    for path in ["/api/posts/", "/api/auth/user/info", "/readyz"] {
        let answer = server.get(path, Some(&token));
        answer.is(503);
        assert!(
            answer.header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok()),
            "{path}: {answer:?}"
        );
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert_eq!(answer.body["code"], "database_unavailable", "{path}: {answer:?}");
    }
    let body = json!({ "code": "c", "name": "C" });
    server.post("/api/posts/", Some(&token), &body).is(503);
    let sign_in = json!({ "username": "owner", "password": PASSWORD });
    server.post("/api/auth/login", None, &sign_in).is(503);
    server.get("/healthz", None).is(200);

    proxy.restore();
    let begin = Instant::now();
    let mut tries = 1;
    while list().status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}: it does not recover", scratch.admin);
        std::thread::sleep(Duration::from_millis(100));
        tries += 1;
    }
    println!("{}: recovered after {:?}, {tries} tries", proxy.url, begin.elapsed());
    // Every connection of the pool, not only a lucky one.
    let answers: Vec<Served> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(list)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let bad: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(bad.is_empty(), "{} of 20 still fail: {bad:?}", bad.len());
    server.post("/api/posts/", Some(&token), &body).is(201);
    assert!(Path::new(dir.path()).join("data").exists());
}
