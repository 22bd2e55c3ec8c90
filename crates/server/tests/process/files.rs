//! The files of the embedded database: who may read them, what a kill leaves, a disk that takes no
//! more; and an owner who is made at the machine.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::json;

use crate::support::{self, PASSWORD, Server};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_file(dir: &Path, words: &[&str], file: &Path) -> support::Outcome {
    support::run(support::tenon(dir).args(words).arg(file))
}

#[test]
fn a_backup_and_what_is_restored_from_it_are_readable_by_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let (backup, database) = (dir.path().join("backup.db"), dir.path().join("data/tenon.db"));
    let server = Server::start(&mut support::tenon(dir.path()));
    server.set_up();
    with_file(dir.path(), &["db", "backup"], &backup).succeeds();
    assert_eq!(mode(&backup), 0o600);
    server.terminate();
    with_file(dir.path(), &["db", "backup"], &dir.path().join("no/such/folder/b.db"))
        .says(1, &["cannot write", "no/such/folder"]);
    // A copy that came from elsewhere may be open to all, and what an earlier restore left behind, too.
    let left = database.with_extension("restoring");
    std::fs::write(&left, "half").unwrap();
    for open in [&backup, &left] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    with_file(dir.path(), &["db", "restore", "--yes"], &backup).succeeds();
    assert_eq!(mode(&database), 0o600);
    assert!(!left.exists());
    let server = Server::start(&mut support::tenon(dir.path()));
    server.sign_in("owner", PASSWORD);
}

#[test]
fn what_a_killed_server_left_in_the_log_does_not_come_back_into_a_restored_database() {
    let dir = tempfile::tempdir().unwrap();
    let (backup, log) = (dir.path().join("backup.db"), dir.path().join("data/tenon.db-wal"));
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.set_up();
    server.post("/api/posts/", Some(&token), &json!({ "code": "kept", "name": "Kept" })).is(201);
    with_file(dir.path(), &["db", "backup"], &backup).succeeds();
    for n in 0..20 {
        let body = json!({ "code": format!("later-{n}"), "name": "Later" });
        server.post("/api/posts/", Some(&token), &body).is(201);
    }
    server.kill();
    assert!(std::fs::metadata(&log).unwrap().len() > 0, "the kill left a log");
    // A restore that cannot go on has not touched what was there.
    let blocked = dir.path().join("data/tenon.restoring");
    std::fs::create_dir(&blocked).unwrap();
    with_file(dir.path(), &["db", "restore", "--yes"], &backup).says(1, &["cannot restore"]);
    std::fs::remove_dir(&blocked).unwrap();
    let server = Server::start(&mut support::tenon(dir.path()));
    assert_eq!(server.codes(&server.sign_in("owner", PASSWORD)).len(), 21);
    server.kill();
    with_file(dir.path(), &["db", "restore", "--yes"], &backup).succeeds();
    assert!(!log.exists());
    let server = Server::start(&mut support::tenon(dir.path()));
    assert_eq!(server.codes(&server.sign_in("owner", PASSWORD)), ["kept"]);
}

#[test]
fn a_disk_that_takes_no_more_is_503_and_what_was_acknowledged_stays() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&mut support::tenon(dir.path()));
    server.set_up();
    server.terminate();
    // The same binary in a shell that limits how long a file may become.
    let plain = support::tenon(dir.path());
    let mut limited = Command::new("sh");
    limited.current_dir(dir.path()).env_clear();
    limited.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""]).arg(plain.get_program());
    let server = Server::start(&mut limited);
    let token = server.sign_in("owner", PASSWORD);
    let mut kept = Vec::new();
    let refused = (0..400).find_map(|n| {
        let code = format!("p-{n:03}");
        let remark = "x".repeat(480);
        let body = json!({ "code": code, "name": "Post", "remark": remark });
        let answer = server.post("/api/posts/", Some(&token), &body);
        if answer.status != 201 {
            return Some(answer);
        }
        kept.push(code);
        None
    });
    let refused = refused.expect("the limit was never met");
    refused.is(503);
    assert_eq!(refused.body["code"], "database_unavailable", "{refused:?}");
    assert!(!kept.is_empty());
    server.kill();
    let server = Server::start(&mut support::tenon(dir.path()));
    assert_eq!(server.codes(&server.sign_in("owner", PASSWORD)), kept);
}

#[test]
fn an_owner_is_made_at_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let create = |name: &str| {
        let mut command = support::tenon(dir.path());
        command.args(["createsuperuser", "--username", name, "--password-stdin"]);
        support::run_with(&mut command, "mortise-and-tenon-71\n").succeeds();
    };
    create("first");
    create("second");
    let make = |name: &str, organization: &str| {
        let mut command = support::tenon(dir.path());
        support::run(command.args(["user", "make-owner", name, "--organization", organization]))
    };
    make("second", "Nowhere").says(1, &["there is no organisation Nowhere"]);
    make("nobody", "Tenon").says(1, &["there is no user nobody"]);
    let made = make("second", "tenon");
    made.succeeds();
    made.mentions("second owns Tenon");
    make("second", "Tenon").mentions("owned already");
    let server = Server::start(&mut support::tenon(dir.path()));
    let token = server.sign_in("second", "mortise-and-tenon-71");
    let own = server.get("/api/organizations/", Some(&token));
    assert_eq!(own.body["items"][0]["is_owner"], true, "{own:?}");
}
