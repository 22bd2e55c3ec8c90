//! A database of its own for each test, and engines on it, as nodes have them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base::{Clock, Id, ManualClock, SystemClock};
use idgen::{Engine, IdType, Issued, KeyName, Mode, NewKey, Options, Range, Request, Settings};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use store::{Dialect, Migrations, Store, provision};
use tokio::{sync::watch, task::JoinHandle};

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn dialect() -> Dialect {
    match env("TEST_DATABASE").as_deref() {
        Some("postgres") => Dialect::Postgres,
        Some("mysql") => Dialect::Mysql,
        _ => Dialect::Sqlite,
    }
}

/// A database that goes away with the value.
struct TestDatabase {
    url: String,
    _folder: tempfile::TempDir,
    on_server: Option<(String, String)>,
}

impl TestDatabase {
    async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let name =
            format!("tenon_test_{}_idgen_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (url, on_server) = match dialect() {
            Dialect::Sqlite => (format!("sqlite://{}", folder.path().join("tenon.db").display()), None),
            dialect => {
                let variable =
                    if dialect == Dialect::Postgres { "TEST_POSTGRES_URL" } else { "TEST_MYSQL_URL" };
                let server = env(variable).expect("the variable names a server");
                let url = provision::with_database(&server, &name).unwrap();
                provision::Plan::of(&url, &server).unwrap().apply().await.unwrap();
                (url, Some((server, name)))
            }
        };
        Self { url, _folder: folder, on_server }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.on_server.take() else { return };
        // The test's own runtime is going away; another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok(admin) = connect(&server).await else { return };
                let force = if server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
                let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}{force}")).await;
                let _ = admin.close().await;
            });
        });
        let _ = cleaner.join();
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

pub async fn connect_store(url: &str, clock: &ManualClock) -> Store {
    let options = store::Options {
        pool: 4,
        acquire: Duration::from_secs(20),
        clock: Arc::new(clock.clone()),
        ..store::Options::new(url.to_owned())
    };
    Store::connect(&options).await.unwrap()
}

/// How long the tests' nodes rely on what they know of a key.
pub const TRUST: Duration = Duration::from_millis(400);

/// A database, and the organisation that most tests work in.
pub struct Bench {
    pub clock: ManualClock,
    pub org: Id,
    database: TestDatabase,
}

/// A node whose own work runs beside the test.
pub struct Working {
    stop: watch::Sender<bool>,
    handle: JoinHandle<base::Result<()>>,
}

impl Working {
    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        self.handle.await.unwrap().unwrap();
    }
    /// As if the process had been killed.
    pub fn kill(self) {
        self.handle.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a node works beside the test")]
pub fn work(engine: &Engine) -> Working {
    let (stop, stopped) = watch::channel(false);
    let engine = engine.clone();
    Working { stop, handle: tokio::spawn(async move { engine.run(stopped).await }) }
}

impl Bench {
    pub async fn new() -> Self {
        let database = TestDatabase::create().await;
        let bench = Self { clock: ManualClock::default(), org: base::id::new(SystemClock.now()), database };
        let store = bench.store().await;
        Migrations::default().with(&[idgen::MIGRATION]).up(&store, &SystemClock).await.unwrap();
        bench
    }

    async fn store(&self) -> Store {
        connect_store(&self.database.url, &self.clock).await
    }
    /// The database, for other processes.
    pub fn url(&self) -> &str {
        &self.database.url
    }

    /// An engine on the database: dropping it is a crash.
    pub async fn node(&self) -> Engine {
        self.node_with(Options { trust: TRUST, ..Options::default() }).await
    }
    pub async fn node_with(&self, options: Options) -> Engine {
        Engine::new(self.store().await, Arc::new(self.clock.clone()), options)
    }

    /// Something that nobody does through the engine.
    pub async fn sql(&self, statement: &str) {
        let connection = connect(&self.database.url).await.unwrap();
        connection.execute_unprepared("SELECT 1").await.unwrap();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    pub async fn create(&self, engine: &Engine, key: &str, in_use: i64, settings: Settings) -> KeyName {
        let name = KeyName::new(key).unwrap();
        let new = NewKey { org: self.org, name: name.clone(), in_use, settings };
        engine.create(&new).await.unwrap();
        name
    }

    pub fn request(&self, key: &KeyName, count: i64) -> Request {
        Request {
            org: self.org,
            key: key.clone(),
            count,
            caller: Some("tester".to_owned()),
            request_id: None,
            token: None,
            merge: false,
        }
    }

    pub async fn try_take(&self, engine: &Engine, key: &KeyName, count: i64) -> base::Result<Issued> {
        engine.allocate(&self.request(key, count)).await
    }

    /// `count` ids as `(first, last)`.
    pub async fn take(&self, engine: &Engine, key: &KeyName, count: i64) -> (i64, i64) {
        let range = self.try_take(engine, key, count).await.unwrap().range;
        assert_eq!(range.count(), count as u64);
        (range.start(), range.end())
    }

    /// The code with which a call for one id is refused.
    pub async fn refusal(&self, engine: &Engine, key: &KeyName) -> String {
        self.try_take(engine, key, 1).await.unwrap_err().code().to_owned()
    }
}

pub fn strict() -> Settings {
    Settings { mode: Mode::Strict, ..Settings::default() }
}
/// Blocks of 10 to 1,000 ids, so that tests see many.
pub fn buffered() -> Settings {
    Settings { mode: Mode::Buffered, block: (10, 1_000), ..Settings::default() }
}
pub fn both() -> [(&'static str, Settings); 2] {
    [("strict", strict()), ("buffered", buffered())]
}
pub fn narrow(settings: Settings, id_type: IdType) -> Settings {
    Settings { id_type, ..settings }
}
pub fn sync(settings: Settings) -> Settings {
    Settings { sync: true, ..settings }
}

pub fn range(start: i64, end: i64) -> Range {
    Range::new(start, end).unwrap()
}

/// Fails when two ranges have an id in common.
pub fn assert_disjoint(ranges: &[Range]) {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start());
    for pair in sorted.windows(2) {
        assert!(pair[0].end() < pair[1].start(), "issued twice: {pair:?}");
    }
}

pub fn dice(below: i64) -> i64 {
    i64::from(u32::from_le_bytes(base::random::bytes())) % below
}
