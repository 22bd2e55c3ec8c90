//! The operator's commands as he types them: `doctor`, `rls`, `user`, `keys rotate`, `audit verify`.

use serde_json::{Value, json};

use super::{
    SECRETS, folder,
    support::{self, Outcome, PASSWORD, Scratch, Server},
};

fn parsed(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

/// What `doctor` found about one thing: its level and its message.
fn finding(outcome: &Outcome, name: &str) -> (String, String) {
    let checks = parsed(outcome)["checks"].as_array().unwrap().clone();
    let check = checks.iter().find(|check| check["check"] == name);
    let check = check.unwrap_or_else(|| panic!("nothing about {name}: {outcome:?}"));
    (check["level"].as_str().unwrap().to_owned(), check["message"].as_str().unwrap().to_owned())
}

#[test]
fn doctor_finds_a_fresh_machine_good_and_a_served_one_too() {
    let dir = folder();
    let doctor = || support::run(support::tenon(dir.path()).args(["doctor", "--json"]));
    let fresh = doctor();
    fresh.succeeds();
    assert_eq!(finding(&fresh, "database").0, "ok");
    let server = Server::start(&mut support::tenon(dir.path()));
    server.set_up();
    let served = doctor();
    served.succeeds();
    for name in ["data dir", "database", "migrations", "row security"] {
        assert_eq!(finding(&served, name).0, "ok", "{name}");
    }
    let text = support::run(support::tenon(dir.path()).arg("doctor"));
    text.succeeds();
    text.mentions("migrations");
}

#[test]
fn doctor_says_what_to_do_about_each_thing_that_is_wrong() {
    let dir = folder();
    let mut command = support::tenon(dir.path());
    command.env("DATABASE_URL", "postgres://tenon:k3Jq9vX2@127.0.0.1:1/tenon");
    let outcome = support::run(command.args(["doctor", "--json"]));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let (level, message) = finding(&outcome, "database");
    assert_eq!(level, "fail");
    assert!(message.contains("cannot be reached") && message.contains("DB_HOST"), "{message}");
    assert!(!outcome.stdout.contains("k3Jq9vX2") && !outcome.stderr.contains("k3Jq9vX2"), "{outcome:?}");
    assert!(outcome.stderr.contains("1 check failed"), "{outcome:?}");

    let mut command = support::tenon(dir.path());
    command.env("DATA_DIR", dir.path().join("file/data"));
    std::fs::write(dir.path().join("file"), "").unwrap();
    let outcome = support::run(command.args(["doctor", "--json"]));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(finding(&outcome, "configuration").1.contains("DATA_DIR"), "{outcome:?}");

    let mut command = support::tenon(dir.path());
    command.env("JWT_SECRET_KEY", "short").args(["doctor", "--env", "prod"]);
    let outcome = support::run(&mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for word in ["JWT_SECRET_KEY", "ENCRYPTION_KEY", "openssl rand"] {
        outcome.mentions(word);
    }
}

#[test]
fn rls_does_not_apply_to_the_embedded_database_and_says_so() {
    let dir = folder();
    for action in ["--status", "--verify-user", "--test"] {
        let outcome = support::run(support::tenon(dir.path()).args(["rls", action]));
        outcome.succeeds();
        outcome.mentions("does not apply");
    }
}

#[test]
fn rls_shows_proves_and_switches_the_policies() {
    let Some(scratch) = Scratch::postgres("rls") else { return };
    let dir = folder();
    let url = scratch.url_as("Gx7kQ2vL9m");
    let run = |words: &[&str], url: &str| {
        let mut command = support::tenon(dir.path());
        command.env("DATABASE_URL", url).env("DATABASE_ADMIN_URL", &scratch.admin);
        support::run(command.args(words))
    };
    run(&["db", "init"], &url).succeeds();
    run(&["rls", "--status"], &url).says(1, &["no table to protect", "tenon migrate up"]);
    run(&["migrate", "up"], &url).succeeds();
    let status = run(&["rls", "--status", "--json"], &url);
    status.succeeds();
    assert!(parsed(&status)["tables"].as_array().unwrap().len() >= 12);
    run(&["rls", "--verify-user"], &url).succeeds();
    run(&["rls", "--verify-user"], &scratch.url).says(1, &["superuser", "tenon db init"]);
    let proof = run(&["rls", "--test", "--json"], &url);
    proof.succeeds();
    let proofs = parsed(&proof)["proofs"].as_array().unwrap().clone();
    assert!(proofs.len() >= 12 && proofs.iter().all(|one| one["holds"] == true), "{proofs:?}");
    run(&["rls", "--disable"], &url).says(2, &["--yes"]);
    run(&["rls", "--disable", "--yes"], &url).succeeds();
    run(&["rls", "--status"], &url).says(1, &["not protected", "tenon rls --enable"]);
    run(&["rls", "--test"], &url).says(1, &["not isolated", "tenon rls --enable"]);
    run(&["rls", "--enable"], &url).succeeds();
    run(&["rls", "--status"], &url).succeeds();
    run(&["rls", "--test"], &url).succeeds();
}

#[test]
fn people_are_listed_unlocked_closed_opened_and_given_passwords_at_the_machine() {
    let dir = folder();
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.set_up();
    let user = |words: &[&str], input: &str| {
        let mut command = support::tenon(dir.path());
        support::run_with(command.arg("user").args(words), input)
    };
    let sign_in = |password: &str| {
        let body = json!({ "username": "owner", "password": password });
        server.post("/api/auth/login", None, &body).status
    };
    let listed = user(&["list", "--json"], "");
    listed.succeeds();
    let people = parsed(&listed)["users"].as_array().unwrap().clone();
    assert_eq!(people.len(), 1);
    assert_eq!((&people[0]["username"], &people[0]["state"]), (&json!("owner"), &json!("active")));
    user(&["list"], "").mentions("owner@example.com");

    for _ in 0..5 {
        assert_eq!(sign_in("wrong"), 401);
    }
    assert_eq!(sign_in(PASSWORD), 401, "locked");
    let unlocked = user(&["unlock", "owner"], "");
    unlocked.succeeds();
    unlocked.mentions("may try again");
    assert_eq!(sign_in(PASSWORD), 200);

    user(&["disable", "owner"], "").says(2, &["platform administrator"]);
    let mut create = support::tenon(dir.path());
    create.args(["createsuperuser", "--username", "second", "--password-stdin"]);
    support::run_with(&mut create, "dovetail-and-peg-93\n").succeeds();
    let second = server.sign_in("second", "dovetail-and-peg-93");
    user(&["disable", "owner@example.com"], "").mentions("is disabled; every session has ended");
    user(&["disable", "owner"], "").mentions("was disabled already");
    assert_eq!(server.get("/api/posts/", Some(&token)).status, 401);
    assert_eq!(sign_in(PASSWORD), 401);
    user(&["enable", "owner"], "").mentions("may sign in again");
    assert_eq!(sign_in(PASSWORD), 200);

    user(&["reset-password", "owner", "--password-stdin"], "short\n").says(2, &["password"]);
    user(&["reset-password", "owner", "--password-stdin"], "a-wedge-for-every-joint-5\n").succeeds();
    assert_eq!((sign_in(PASSWORD), sign_in("a-wedge-for-every-joint-5")), (401, 200));
    let made = user(&["reset-password", "owner"], "");
    made.succeeds();
    let shown =
        made.stdout.lines().find_map(|line| line.strip_prefix("password: ")?.strip_suffix(" (shown once)"));
    assert_eq!(sign_in(shown.unwrap()), 200);
    user(&["unlock", "nobody"], "").says(1, &["there is no user nobody", "tenon user list"]);

    let trail =
        server.get("/api/platform/audit/?actor_kind=cli&search=owner&sort=at&page_size=50", Some(&second));
    trail.is(200);
    let told: Vec<&str> = trail.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    let expected =
        ["unlock", "disable", "disable", "reset", "reset"].map(|word| format!("identity:user:{word}"));
    assert_eq!(told, expected);
}

#[test]
fn a_rotation_at_the_machine_makes_keys_and_seals_stored_secrets_under_the_new_one() {
    let dir = folder();
    let next = "Wq3xTb8yUm5zKd2nRv7cHj4fSp9gLe6aXo1iNtMB";
    let tenon = |now: &str, before: Option<&str>| {
        let mut command = support::tenon(dir.path());
        command.env("JWT_ALGORITHM", "EdDSA").env("ENCRYPTION_KEY", now);
        // The issuer of tokens, which must outlive the port.
        command.env("APP_BASE_URL", "http://127.0.0.1:8000");
        if let Some(before) = before {
            command.env("ENCRYPTION_KEY_PREVIOUS", before);
        }
        command
    };
    let (_, first) = SECRETS[1];
    let server = Server::start(&mut tenon(first, None));
    let token = server.set_up();
    let keys = || server.get("/.well-known/jwks.json", None).body["keys"].as_array().unwrap().len();
    assert_eq!(keys(), 1);
    let rotated = support::run(tenon(first, None).args(["keys", "rotate"]));
    rotated.succeeds();
    rotated.mentions("re-encrypted with the current ENCRYPTION_KEY: 0");
    assert_eq!(rotated.stdout.matches("made key ").count(), 2, "{rotated:?}");
    assert_eq!(server.get("/api/posts/", Some(&token)).status, 200, "the key before is still accepted");
    let entries = server.get("/api/platform/audit/?action=platform:keys:rotate", Some(&token));
    assert_eq!(entries.body["items"].as_array().unwrap().len(), 1, "{entries:?}");
    server.terminate();

    let refused = support::run(tenon(next, None).args(["serve", "--port", "0"]));
    assert_eq!(refused.code, Some(1), "another key alone opens nothing: {refused:?}");
    let rotated = support::run(tenon(next, Some(first)).args(["keys", "rotate"]));
    rotated.succeeds();
    rotated.mentions("re-encrypted with the current ENCRYPTION_KEY: 4");
    let server = Server::start(&mut tenon(next, None));
    assert_eq!(server.get("/api/posts/", Some(&token)).status, 200);
    server.sign_in("owner", PASSWORD);
}

/// Somebody who can write to the database file and has no key.
fn tamper(file: &std::path::Path) {
    let url = format!("sqlite://{}?mode=rw", file.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let database = sea_orm::Database::connect(options).await.unwrap();
        use sea_orm::ConnectionTrait;
        let sql = "UPDATE audit_entry SET actor_name = 'somebody else' WHERE id = (SELECT min(id) FROM audit_entry)";
        let changed = database.execute_unprepared(sql).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
        database.close().await.unwrap();
    });
}

#[test]
fn audit_verify_reads_every_trail_and_ends_with_one_when_something_was_changed() {
    let dir = folder();
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.set_up();
    let begin = std::time::Instant::now();
    let sealed = || server.get("/api/audit-seals/status", Some(&token)).body;
    // The job that seals runs every ten seconds.
    while sealed()["sealed"] == 0 {
        assert!(begin.elapsed() < std::time::Duration::from_secs(40), "{}", sealed());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let head = sealed()["head"].as_str().unwrap().to_owned();
    let organization = server.get("/api/auth/user/info", Some(&token)).body["organization"]["id"].clone();
    server.terminate();
    let verify =
        |options: &[&str]| support::run(support::tenon(dir.path()).args(["audit", "verify"]).args(options));
    let all = verify(&["--json"]);
    all.succeeds();
    let reports = parsed(&all);
    assert_eq!(reports.as_array().unwrap().len(), 2, "the organisation and the installation: {reports}");
    assert!(reports.as_array().unwrap().iter().all(|one| one["report"]["sound"] == true), "{reports}");
    let organization = organization.as_str().unwrap().to_owned();
    verify(&["--organization", &organization, "--expect", &head]).succeeds();
    let gone = verify(&["--organization", &organization, "--expect", &"0".repeat(64)]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    gone.mentions("its end was taken away");
    assert_eq!(verify(&["--expect", &head]).code, Some(2), "about which trail?");

    tamper(&dir.path().join("data/tenon.db"));
    let broken = verify(&[]);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    broken.mentions("says something else than when it was sealed");
    assert!(broken.stderr.contains("1 of 2 trails"), "{broken:?}");
}
