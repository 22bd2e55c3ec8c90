//! `tenon members adopt`: an older member platform's database, with some thousand rows, becomes an
//! organisation's members, grants and programs; on every database, while the server serves, and also when the
//! command is killed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value, json};

use super::support::{Outcome, Place, Scratch, Server, places, run, tenon};

const SECRET: &str = "internal-secret-of-the-tests-0123456789";
const KEY: &str = "mk_live_0123456789abcdefghijklmnopqrstuv";
/// Users in the older database, and permissions of each.
const USERS: usize = 1_500;

fn execute(url: &str, statements: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = ConnectOptions::new(url.to_owned());
        options.max_connections(1).sqlx_logging(false);
        let database = Database::connect(options).await.unwrap();
        for statement in statements {
            let done = database.execute_unprepared(statement).await;
            assert!(done.is_ok(), "{statement}: {done:?}");
        }
        database.close().await.unwrap();
    });
}

fn source(what: &str) -> Option<Scratch> {
    let scratch = Scratch::postgres(what)?;
    let name = scratch.url.rsplit('/').next().unwrap();
    execute(&scratch.admin, &[format!("CREATE DATABASE {name}")]);
    Some(scratch)
}

/// With every column that the older service may have.
fn extended(org: &str) -> Vec<String> {
    [
        "CREATE TABLE users (id uuid PRIMARY KEY, authentik_sub varchar(255) UNIQUE, email varchar(254), \
         display_name varchar(200), is_active boolean NOT NULL DEFAULT true, perm_version bigint NOT NULL DEFAULT 0, \
         profile_observed_at timestamptz, last_seen_at timestamptz, deleted_at timestamptz, \
         created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())",
        "CREATE TABLE permissions (id bigserial PRIMARY KEY, user_id uuid NOT NULL, scope_type varchar(64), \
         scope_id varchar(128), module varchar(64), action varchar(64), created_at timestamptz NOT NULL DEFAULT now(), \
         granted_by varchar(200), reason text, expires_at timestamptz)",
        "CREATE TABLE api_clients (id serial PRIMARY KEY, client_key varchar(80) UNIQUE, api_key_hash text, \
         status varchar(16) NOT NULL DEFAULT 'active', name varchar(120), allow_origins text[], allow_ips cidr[], \
         allow_paths text[], device_allowlist text[], rate_limit_per_min int, burst int, expires_at timestamptz, \
         api_key_hash_previous text, previous_not_after timestamptz, created_at timestamptz DEFAULT now())",
        &format!(
            "INSERT INTO users (id, authentik_sub, email, display_name, is_active, perm_version, created_at, last_seen_at) \
             SELECT gen_random_uuid(), 'sub-' || n, 'user' || n || '@example.com', 'User ' || n, n % 10 <> 0, 5000 + n, \
             '2024-01-02T03:04:05Z', '2025-05-05T05:05:05Z' FROM generate_series(1, {USERS}) n"
        ),
        "UPDATE users SET email = 'no address', display_name = E'Two\\nlines' WHERE authentik_sub = 'sub-7'",
        "UPDATE users SET deleted_at = now() WHERE authentik_sub = 'sub-8'",
        "INSERT INTO users (id, authentik_sub) VALUES (gen_random_uuid(), ' blank at its ends '), (gen_random_uuid(), NULL)",
        "INSERT INTO permissions (user_id, scope_type, scope_id, module, action, granted_by, reason, created_at) \
         SELECT u.id, 'shop', (length(u.authentik_sub) % 4)::text, 'mkt', a, 'chief', 'since ever', '2024-02-03T04:05:06Z' \
         FROM users u CROSS JOIN (VALUES ('read'), ('write')) AS t(a) WHERE u.authentik_sub LIKE 'sub-%'",
        "INSERT INTO permissions (user_id, scope_type, scope_id, module, action) SELECT id, 'org', '7', 'crm', 'read' \
         FROM users WHERE authentik_sub = 'sub-1'",
        &format!(
            "INSERT INTO permissions (user_id, scope_type, scope_id, module, action) SELECT id, 'org', '{org}', \
             'identity.user', 'delete' FROM users WHERE authentik_sub = 'sub-1'"
        ),
        "INSERT INTO permissions (user_id, scope_type, scope_id, module, action) SELECT id, 'shop', '1', 'Bad Module', '*' \
         FROM users WHERE authentik_sub = 'sub-1'",
        "INSERT INTO permissions (user_id, scope_type, scope_id, module, action, expires_at) SELECT id, 'shop', '1', 'old', \
         'read', '2020-01-01T00:00:00Z' FROM users WHERE authentik_sub = 'sub-1'",
        "INSERT INTO permissions (user_id, scope_type, scope_id, module, action) VALUES (gen_random_uuid(), 'shop', '1', \
         'mkt', 'read')",
        &format!(
            "INSERT INTO api_clients (client_key, api_key_hash, name, allow_ips, allow_paths, rate_limit_per_min) VALUES \
             ('office', 'sha256:' || encode(sha256('{KEY}'), 'hex'), 'Back office', '{{127.0.0.0/8}}', \
             '{{/admin/permissions/*}}', 1000)"
        ),
        &format!(
            "INSERT INTO api_clients (client_key, api_key_hash, status, device_allowlist, allow_ips, allow_paths) VALUES \
             ('off', 'sha256:' || encode(sha256('{KEY}'), 'hex'), 'disabled', NULL, '{{}}', NULL), \
             ('strange', 'sha256:' || encode(sha256('x'), 'hex'), 'active', '{{till-7}}', NULL, NULL), \
             ('unusable', 'md5:0123', 'active', NULL, NULL, NULL), \
             ('paths', 'sha256:' || encode(sha256('x'), 'hex'), 'active', NULL, NULL, '{{admin/*/x}}'), \
             ('white space', 'sha256:' || encode(sha256('x'), 'hex'), 'active', NULL, NULL, NULL)"
        ),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A server on a place, set up, with its organisation.
struct Home {
    server: Server,
    folder: tempfile::TempDir,
    token: String,
    org: String,
}

fn command(place: &Place, folder: &tempfile::TempDir) -> std::process::Command {
    let mut command = tenon(folder.path());
    command.env("DATABASE_URL", &place.url).env("INTERNAL_SHARED_SECRET", SECRET);
    command.env("INTERNAL_RATE_LIMIT_PER_MINUTE", "0");
    command
}

fn home(place: &Place) -> Home {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut command(place, &folder));
    let token = server.set_up();
    let me = server.get("/me", Some(&token));
    me.is(200);
    let org = me.body["org_id"].as_str().unwrap().to_owned();
    Home { server, folder, token, org }
}

fn adopt(place: &Place, home: &Home, from: &Scratch, options: &[&str]) -> Outcome {
    let mut command = command(place, &home.folder);
    run(command.args(["members", "adopt", "--from", &from.url]).args(options))
}

/// One request with headers of its own: status and body.
fn ask(home: &Home, method: &str, path: &str, headers: &str, body: Option<Value>) -> (u16, Value) {
    let mut stream = TcpStream::connect(&home.server.address).unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         {headers}content-length: {}\r\n\r\n{body}",
        home.server.address,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn snapshot(home: &Home, sub: &str) -> Value {
    let path = format!("/internal/permissions/{sub}/snapshot");
    let (status, body) = ask(home, "GET", &path, &format!("x-internal-secret: {SECRET}\r\n"), None);
    assert_eq!(status, 200, "{body}");
    body
}

fn allowed(snapshot: &Value) -> Vec<String> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let tuple = |one: &Value| {
        let [kind, id, module, action] =
            ["scope_type", "scope_id", "module", "action"].map(|name| text(one, name));
        format!("{kind}/{id} {module}:{action}")
    };
    snapshot["permissions"].as_array().unwrap().iter().map(tuple).collect()
}

#[test]
fn an_older_database_is_taken_over_whole_and_once_on_every_database() {
    for place in places("adopt") {
        let Some(old) = source(&format!("adopt_old_{}", place.name)) else { return };
        let home = home(&place);
        execute(&old.url, &extended(&home.org));
        let taken = [
            format!("users: {USERS} taken, 0 unchanged, 2 refused"),
            format!("permissions: {} taken, 0 unchanged, 4 refused", 2 * USERS + 1),
            // shop, mkt, crm; read and write are the product's own words or not.
            "programs: 2 taken, 0 unchanged, 4 refused".to_owned(),
        ];
        let dry = adopt(&place, &home, &old, &["--grant-modules", "--dry-run"]);
        dry.succeeds();
        taken.iter().for_each(|line| dry.mentions(line));
        dry.mentions("nothing was written");
        let (status, _) = ask(
            &home,
            "GET",
            "/internal/permissions/sub-1/snapshot",
            &format!("x-internal-secret: {SECRET}\r\n"),
            None,
        );
        assert_eq!(status, 404, "{}", place.name);
        let done = adopt(&place, &home, &old, &["--grant-modules"]);
        done.succeeds();
        taken.iter().for_each(|line| done.mentions(line));
        let (dry_lines, lines) = (dry.stdout.lines().count(), done.stdout.lines().count());
        assert_eq!(dry_lines, lines + 1, "a dry run says what is done");
        for reason in [
            "! user       refused    blank at its ends : authentik_sub must have",
            "it has no authentik_sub",
            "sub-7: without its address, which is none here",
            "sub-8: may not work, as there",
            "what may be done in Tenon itself is given here only",
            "Bad Module:*: module must begin with a letter",
            "it has ended at 2020-01-01T00:00:00",
            "its user was not taken over",
            "strange: its limit in the column device_allowlist is not understood",
            "unusable: its api_key_hash is no",
            "paths: allow_paths.0 must be a path",
            "white space: its client_key has",
        ] {
            done.mentions(reason);
        }
        judge(&home);
        // Again: nothing is different.
        let trail = |home: &Home| {
            let trail = home.server.get("/api/audit-entries/?page_size=1", Some(&home.token));
            trail.is(200);
            trail.body["total"].clone()
        };
        let (version, entries) = (snapshot(&home, "sub-1")["version"].clone(), trail(&home));
        let again = adopt(&place, &home, &old, &["--grant-modules"]);
        again.succeeds();
        again.mentions(&format!("users: 0 taken, {USERS} unchanged, 2 refused"));
        again.mentions(&format!("permissions: 0 taken, {} unchanged, 4 refused", 2 * USERS + 1));
        again.mentions("sub-1 org/7 crm:read: it was taken away here since");
        again.mentions("names: 0 taken, 0 unchanged, 0 refused");
        again.mentions("programs: 0 taken, 2 unchanged, 4 refused");
        assert_eq!(
            (&version, &entries),
            (&snapshot(&home, "sub-1")["version"], &trail(&home)),
            "{}",
            place.name
        );
        home.server.terminate();
    }
}

/// What is here after the older database was taken over.
fn judge(home: &Home) {
    let first = snapshot(home, "sub-1");
    assert_eq!(allowed(&first), ["org/7 crm:read", "shop/1 mkt:read", "shop/1 mkt:write"]);
    // Whoever has seen the versions of the older service takes these for newer ones.
    assert!(first["version"].as_i64().unwrap() > 5_001, "{first}");
    let last = snapshot(home, &format!("sub-{}", USERS - 1));
    assert_eq!(allowed(&last), ["shop/0 mkt:read", "shop/0 mkt:write"]);
    for off in ["sub-10", "sub-8"] {
        let off = snapshot(home, off);
        assert_eq!((&off["is_active"], &off["permissions"]), (&json!(false), &json!([])));
    }
    let program = format!("x-client-key: office\r\nx-api-key: {KEY}\r\n");
    let tuple = |module: &str| json!({ "authentik_sub": "sub-2", "scope_type": "shop", "scope_id": "1", "module": module, "action": "read" });
    let grant = |wish: Value| ask(home, "POST", "/admin/permissions/grant", &program, Some(wish));
    let (status, kept) = grant(tuple("mkt"));
    assert_eq!((status, &kept["result"]), (200, &json!("unchanged")), "{kept}");
    assert!(kept["permission"]["created_at"].as_str().unwrap().starts_with("2024-02-03T04:05:06"), "{kept}");
    let (status, refused) = grant(tuple("identity.user"));
    assert_eq!((status, &refused["code"]), (403, &json!("not_grantable")));
    // Its lists came with it.
    let (status, refused) = ask(home, "GET", "/admin/users", &program, None);
    assert_eq!((status, &refused["code"]), (403, &json!("client_not_allowed")));
    let off = format!("x-client-key: off\r\nx-api-key: {KEY}\r\n");
    let (status, refused) = ask(home, "GET", "/admin/users", &off, None);
    assert_eq!((status, &refused["code"]), (403, &json!("client_disabled")));
    // What that service called an organisation can be taken away.
    let gone = json!({
        "authentik_sub": "sub-1", "scope_type": "org", "scope_id": "7", "module": "crm", "action": "read",
    });
    let (status, gone) = ask(home, "POST", "/admin/permissions/revoke", &program, Some(gone));
    assert_eq!((status, &gone["result"]), (200, &json!("revoked")), "{gone}");
    let back = json!({
        "authentik_sub": "sub-1", "scope_type": "org", "scope_id": "7", "module": "crm", "action": "read",
    });
    assert_eq!(grant(back).0, 422);
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_loses_no_row() {
    for place in places("adopt_killed") {
        let Some(old) = source(&format!("adopt_killed_{}", place.name)) else { return };
        let home = home(&place);
        // The columns that are sure to be there, with numbers as ids.
        execute(
            &old.url,
            &[
                "CREATE TABLE users (id serial PRIMARY KEY, authentik_sub text UNIQUE, email text, display_name text, \
                 is_active boolean, created_at timestamp, updated_at timestamp)",
                "CREATE TABLE permissions (id serial PRIMARY KEY, user_id int, scope_type text, scope_id text, module text, \
                 action text, created_at timestamp)",
                "CREATE TABLE api_clients (client_key text PRIMARY KEY, api_key_hash text, status text)",
                "INSERT INTO users (authentik_sub, email, display_name, is_active, created_at) SELECT 'sub-' || n, NULL, \
                 NULL, true, now() FROM generate_series(1, 2000) n",
                "INSERT INTO permissions (user_id, scope_type, scope_id, module, action, created_at) \
                 SELECT id, 'shop', id::text, 'mkt', 'read', now() FROM users",
                "INSERT INTO api_clients VALUES ('c', 'sha256:' || encode(sha256('x'), 'hex'), 'active')",
            ]
            .map(str::to_owned),
        );
        for (words, lines) in [("users", 600), ("permissions", 2_100)] {
            let mut child = command(&place, &home.folder)
                .args(["members", "adopt", "--from", &old.url])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let read = BufReader::new(child.stdout.take().unwrap()).lines().take(lines).count();
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(read, lines, "killed among {words} on {}", place.name);
        }
        let done = adopt(&place, &home, &old, &[]);
        done.succeeds();
        done.mentions("users: 0 taken, 2000 unchanged, 0 refused");
        let number = |line: &str, at: usize| -> usize { line.split(' ').nth(at).unwrap().parse().unwrap() };
        let line = done.stdout.lines().find(|line| line.starts_with("permissions: ")).unwrap();
        assert_eq!(number(line, 1) + number(line, 3), 2_000, "{line}");
        assert!(number(line, 3) > 0, "what was committed before is not done again: {line}");
        done.mentions("c: it may do nothing here until it is given scopes");
        for n in [1, 999, 2_000] {
            let snapshot = snapshot(&home, &format!("sub-{n}"));
            assert_eq!(allowed(&snapshot), [format!("shop/{n} mkt:read")]);
        }
        home.server.terminate();
    }
}

#[test]
fn what_is_no_such_database_is_told_in_one_line_and_changes_nothing() {
    let Some(old) = source("adopt_wrong") else { return };
    let place = places("adopt_wrong_home").remove(0);
    let home = home(&place);
    adopt(&place, &home, &old, &[]).says(2, &["no column id of a table users in the schema public"]);
    execute(&old.url, &["CREATE TABLE users (id int PRIMARY KEY, name text)".to_owned()]);
    adopt(&place, &home, &old, &[]).says(2, &["no column authentik_sub of a table users"]);
    let mut wrong = command(&place, &home.folder);
    run(wrong.args(["members", "adopt", "--from", "mysql://u:p@127.0.0.1/d"])).says(2, &["postgres://"]);
    let mut silent = command(&place, &home.folder);
    let silent = run(silent.args(["members", "adopt", "--from", "postgres://u:tongue-secret@127.0.0.1:9/d"]));
    silent.says(1, &[]);
    assert!(!silent.stderr.contains("tongue-secret"), "{silent:?}");
    adopt(&place, &home, &old, &["--issuer", "https://nobody.example/"])
        .says(2, &["believes no issuer of that name"]);
    home.server.terminate();
}
