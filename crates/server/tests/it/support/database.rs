//! A database for each test: a copied file, a copied PostgreSQL database, a MySQL schema.
//!
//! `TEST_DATABASE` chooses sqlite (default), postgres or mysql; the servers are named by
//! `TEST_POSTGRES_URL` (a superuser's URL; the suite then works as `tenon_app` by role) and
//! `TEST_MYSQL_URL`.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use base::SystemClock;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use server::wiring;
use store::{Dialect, Store, provision};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A database that goes away with the value.
pub struct TestDatabase {
    pub url: String,
    pub dialect: Dialect,
    pub folder: TempDir,
    name: Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The kind of database that this run is about.
pub fn dialect() -> Dialect {
    match env("TEST_DATABASE").as_deref() {
        Some("postgres") => Dialect::Postgres,
        Some("mysql") => Dialect::Mysql,
        _ => Dialect::Sqlite,
    }
}

/// The server's URL.
pub fn server_url(dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => env("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a PostgreSQL server"),
        Dialect::Mysql => env("TEST_MYSQL_URL").expect("TEST_MYSQL_URL names a MySQL server"),
        Dialect::Sqlite => String::new(),
    }
}

pub async fn admin(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the test database server answers")
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("tenon_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn migrate(url: &str) {
    let store = Store::connect(&store::Options { pool: 1, ..store::Options::new(url) }).await.unwrap();
    wiring::migrations().up(&store, &SystemClock).await.unwrap();
    store.close().await;
}

/// A migrated SQLite file that tests copy.
async fn sqlite_template() -> &'static PathBuf {
    static TEMPLATE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let (_, file) = TEMPLATE
        .get_or_init(|| async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("template.db");
            migrate(&format!("sqlite://{}", file.display())).await;
            (folder, file)
        })
        .await;
    file
}

/// A migrated PostgreSQL database that tests copy.
async fn postgres_template() -> &'static String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let server = server_url(Dialect::Postgres);
            sweep(&server).await;
            let name = format!("tenon_test_{}_template", std::process::id());
            let url = provision::with_database(&server, &name).unwrap();
            provision::Plan::of(&url, &server).unwrap().apply().await.unwrap();
            migrate(&url).await;
            name
        })
        .await
}

/// Drops what earlier, broken-off runs left behind.
async fn sweep(server: &str) {
    let admin = admin(server).await;
    let sql = "SELECT datname::text AS name FROM pg_database d WHERE datname LIKE 'tenon\\_test\\_%' \
               AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datname = d.datname)";
    let own = format!("tenon_test_{}_", std::process::id());
    let rows = admin
        .query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql))
        .await
        .unwrap();
    for row in rows {
        let name: String = row.try_get("", "name").unwrap();
        // A process that still runs keeps its own.
        let pid = name.trim_start_matches("tenon_test_").split('_').next().unwrap_or_default().to_owned();
        if !name.starts_with(&own) && !std::path::Path::new(&format!("/proc/{pid}")).exists() {
            let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
    admin.close().await.unwrap();
}

impl TestDatabase {
    pub async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        match dialect() {
            Dialect::Sqlite => {
                let file = folder.path().join("tenon.db");
                std::fs::copy(sqlite_template().await, &file).unwrap();
                Self {
                    url: format!("sqlite://{}", file.display()),
                    dialect: Dialect::Sqlite,
                    folder,
                    name: None,
                }
            }
            Dialect::Postgres => {
                let template = postgres_template().await;
                let (server, name) = (server_url(Dialect::Postgres), fresh_name());
                let admin = admin(&server).await;
                admin
                    .execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
                    .await
                    .unwrap();
                admin.close().await.unwrap();
                let url = provision::with_database(&server, &name).unwrap();
                Self { url, dialect: Dialect::Postgres, folder, name: Some(name) }
            }
            Dialect::Mysql => {
                let (server, name) = (server_url(Dialect::Mysql), fresh_name());
                let url = provision::with_database(&server, &name).unwrap();
                provision::Plan::of(&url, &server).unwrap().apply().await.unwrap();
                migrate(&url).await;
                Self { url, dialect: Dialect::Mysql, folder, name: Some(name) }
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let dialect = self.dialect;
        // The test's own runtime is going away; another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = admin(&server_url(dialect)).await;
                if dialect == Dialect::Mysql {
                    // A transaction that a test left open would hold the tables.
                    let open = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
                    let open = sea_orm::Statement::from_string(sea_orm::DbBackend::MySql, open);
                    for row in admin.query_all_raw(open).await.unwrap_or_default() {
                        let id: i64 = row.try_get_by_index(0).unwrap_or_default();
                        let _ = admin.execute_unprepared(&format!("KILL {id}")).await;
                    }
                }
                let force = if dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
                let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}{force}")).await;
                let _ = admin.close().await;
            });
        });
        let _ = cleaner.join();
    }
}
