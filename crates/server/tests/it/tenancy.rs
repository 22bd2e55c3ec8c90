//! Organisations never see each other: by the application's filter on every database, and on
//! PostgreSQL by the policies alone, whoever signs in, with one connection, behind PgBouncer.

use std::{process::Stdio, time::Duration};

use serde_json::json;
use store::{Dialect, Mode, Opening, Role, Store, provision, rls};

use crate::support::{
    Caller, Org, TestApp, Wish,
    database::{self, TestDatabase},
};

/// Two organisations with 20 posts each.
async fn two(app: &TestApp) -> [Org; 2] {
    let orgs = [app.org("left").await, app.org("right").await];
    for (org, mark) in orgs.iter().zip(["left", "right"]) {
        for n in 0..20 {
            let body = json!({ "code": format!("{mark}-{n}"), "name": format!("{mark} {n}") });
            org.owner.post("/api/posts", body).await.expect(201);
        }
    }
    orgs
}

async fn sees_only(caller: &Caller, own: &str, other: &str) {
    let reply = caller.get("/api/posts?page_size=200").await.expect(200);
    assert_eq!(reply.items().len(), 20);
    assert!(reply.text().contains(own));
    assert!(!reply.text().contains(&format!("\"{other}-")), "a row of {other} was seen by {own}");
}

/// Alternating organisations, with requests that are cut off in the middle.
async fn alternate(app: &TestApp, rounds: usize) {
    let [left, right] = two(app).await;
    for round in 0..rounds {
        sees_only(&left.owner, "left", "right").await;
        let cut = Duration::from_micros(200 * (round as u64 % 20));
        let _ = tokio::time::timeout(cut, left.owner.get("/api/posts?page_size=200")).await;
        let body = json!({ "code": format!("cut-{round}"), "name": "cut" });
        let _ = tokio::time::timeout(cut, right.owner.post("/api/departments", body)).await;
        sees_only(&right.owner, "right", "left").await;
    }
}

#[tokio::test]
async fn with_one_connection_and_cancelled_requests_no_row_of_another_organisation_is_seen() {
    let app = TestApp::with(Wish { pool: 1, ..Wish::default() }).await;
    alternate(&app, 40).await;
}

#[tokio::test]
async fn without_the_applications_own_filter_the_policies_alone_hold() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let app = TestApp::with(Wish { pool: 1, unfiltered: true, ..Wish::default() }).await;
    alternate(&app, 20).await;
    let [left, right] = [app.org("up").await, app.org("down").await];
    let theirs = right.owner.post("/api/posts", json!({ "code": "x", "name": "x" })).await.expect(201);
    left.owner.get(&format!("/api/posts/{}", theirs.id())).await.expect(404);
    left.owner.patch(&format!("/api/posts/{}", theirs.id()), json!({})).await.expect(404);
    left.owner.delete(&format!("/api/posts/{}?purge=true", theirs.id())).await.expect(404);
}

#[tokio::test]
async fn through_a_real_login_role_everything_works_and_nothing_leaks() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let database = TestDatabase::create().await;
    let url = login_url(&database.url).await;
    let app = TestApp::with(Wish { pool: 2, url: Some(url.clone()), ..Wish::default() }).await;
    let store = Store::connect(&store::Options::new(url)).await.unwrap();
    let user = rls::user(&store).await.unwrap();
    assert_eq!(user.objections(), Vec::<String>::new(), "{user:?}");
    alternate(&app, 10).await;
    // The role itself, without any organisation, sees nothing and changes nothing.
    let tx = store.begin(Mode::Write, Opening::new(Role::App, None)).await.unwrap();
    assert!(tx.query_sql("SELECT 1 FROM post", vec![]).await.unwrap().is_empty());
    assert!(tx.execute_sql("ALTER TABLE post DISABLE ROW LEVEL SECURITY", vec![]).await.is_err());
}

#[tokio::test]
async fn the_installations_trail_is_added_to_by_all_work_and_read_by_the_systems_role_alone() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let count = "SELECT COUNT(*) AS n FROM platform_audit_entry";
    let system = app.app.system(Mode::Write).await.unwrap();
    let rows = system.query_sql(count, vec![]).await.unwrap();
    assert_eq!(store::read::<i64>(&rows[0], "n").unwrap(), 1, "the founding is told");
    for change in ["UPDATE platform_audit_entry SET action = 'x'", "DELETE FROM platform_audit_entry"] {
        let tx = app.app.system(Mode::Write).await.unwrap();
        assert!(tx.execute_sql(change, vec![]).await.is_err(), "{change}");
    }
    let open = async |org| app.app.store().begin(Mode::Write, Opening::new(Role::App, org)).await.unwrap();
    for org in [Some(org.id), None] {
        assert!(open(org).await.query_sql(count, vec![]).await.is_err(), "no right to read");
    }
    // Should somebody grant the right, the policies still show no row and change none.
    system.execute_sql("RESET ROLE", vec![]).await.unwrap();
    let grant = "GRANT SELECT, UPDATE, DELETE ON platform_audit_entry TO tenon_app, tenon_system";
    system.execute_sql(grant, vec![]).await.unwrap();
    system.commit().await.unwrap();
    for org in [Some(org.id), None] {
        let tx = open(org).await;
        let rows = tx.query_sql(count, vec![]).await.unwrap();
        assert_eq!(store::read::<i64>(&rows[0], "n").unwrap(), 0);
        assert_eq!(tx.execute_sql("DELETE FROM platform_audit_entry", vec![]).await.unwrap(), 0);
        let who = kernel::audit::Who::system();
        let event = kernel::audit::Event::new("test:trail:add", "test.trail");
        let origin = kernel::Origin::nowhere();
        kernel::audit::write_platform(&tx, app.now(), who, &origin, event).await.unwrap();
    }
    let flags = "SELECT relrowsecurity AND relforcerowsecurity AS held FROM pg_class \
                 WHERE relname = 'platform_audit_entry'";
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert!(store::read::<bool>(&tx.query_sql(flags, vec![]).await.unwrap()[0], "held").unwrap());
}

/// The same database as a user that owns nothing and is bound by the policies.
async fn login_url(database: &str) -> String {
    let mut url = url::Url::parse(database).unwrap();
    url.set_username("tenon_test_login").unwrap();
    url.set_password(Some("p%40ss'w\"ord")).unwrap();
    let url: String = url.into();
    provision::Plan::of(&url, database).unwrap().apply().await.unwrap();
    url
}

#[tokio::test]
async fn every_tenant_table_is_protected_and_the_proof_is_not_an_empty_one() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let database = TestDatabase::create().await;
    let store = Store::connect(&store::Options::new(database.url.clone())).await.unwrap();
    let tables = rls::status(&store).await.unwrap();
    assert!(tables.len() >= 12, "{tables:?}");
    for table in &tables {
        assert!(table.protected(), "{table:?}");
    }
    for proof in rls::test(&store).await.unwrap() {
        assert!(proof.holds(), "{proof:?}");
    }
    rls::disable(&store).await.unwrap();
    assert!(
        rls::test(&store).await.unwrap().iter().all(|proof| !proof.holds()),
        "the proof must be able to fail"
    );
    rls::enable(&store).await.unwrap();
    assert!(rls::test(&store).await.unwrap().iter().all(rls::Proof::holds));
}

#[tokio::test]
async fn behind_pgbouncer_in_transaction_mode_nothing_leaks() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let database = TestDatabase::create().await;
    let bouncer = Bouncer::start(&database.url).await;
    let app = TestApp::with(Wish { pool: 4, url: Some(bouncer.url.clone()), ..Wish::default() }).await;
    alternate(&app, 20).await;
}

/// A PgBouncer of the test's own, with one server connection.
struct Bouncer {
    process: std::process::Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Bouncer {
    async fn start(database: &str) -> Self {
        let target = url::Url::parse(database).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users.txt");
        std::fs::write(&users, format!("\"{}\" \"\"\n", target.username())).unwrap();
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 1\n\
             max_client_conn = 50\nignore_startup_parameters = extra_float_digits\n",
            target.host_str().unwrap(),
            target.port().unwrap_or(5432),
            users.display(),
        );
        std::fs::write(&config, text).unwrap();
        // The daemon runs as another user.
        for path in [folder.path(), users.as_path(), config.as_path()] {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let process = std::process::Command::new("pgbouncer")
            .args(["-q", "-u", "nobody"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer is installed (apt-get install pgbouncer)");
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut url = target;
        url.set_port(Some(port)).unwrap();
        url.set_query(Some(store::POOLED));
        Self { process, url: url.into(), _folder: folder }
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_organisation_comes_from_the_token_and_from_nowhere_else() {
    let app = TestApp::new().await;
    let [left, right] = two(&app).await;
    for name in ["x-tenant-id", "x-org-id", "x-organization-id", "org"] {
        let caller = left.owner.with(name, &right.id.to_string());
        sees_only(&caller, "left", "right").await;
    }
    let reply = left.owner.get(&format!("/api/posts?org_id={}", right.id)).await;
    assert_eq!(reply.expect(422).body["errors"][0]["code"], "unknown_field");
}
