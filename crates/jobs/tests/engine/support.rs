//! A database of its own for each test, kinds that do what tests need, and workers that can be stopped.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base::{Clock, Id, ManualClock, SystemClock};
use chrono::{DateTime, Utc};
use jobs::{
    Arguments, Engine, Failure, Job, NewJob, Policy, Registry, Run, Runners, State, Vault, Words,
    store::entity::{attempt, job},
    worker::{self, Options},
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, ConnectOptions, ConnectionTrait, Database, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Dialect, Migrations, Mode, Store, provision};
use tokio::{sync::watch, task::JoinHandle};

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub fn dialect() -> Dialect {
    match env("TEST_DATABASE").as_deref() {
        Some("postgres") => Dialect::Postgres,
        Some("mysql") => Dialect::Mysql,
        _ => Dialect::Sqlite,
    }
}

/// A database that goes away with the value.
pub struct TestDatabase {
    pub url: String,
    _folder: tempfile::TempDir,
    on_server: Option<(String, String)>,
}

impl TestDatabase {
    pub async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let name =
            format!("tenon_test_{}_jobs_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
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
                let mut options = ConnectOptions::new(server.clone());
                options.max_connections(1).sqlx_logging(false);
                let Ok(admin) = Database::connect(options).await else { return };
                let force = if server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
                let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}{force}")).await;
                let _ = admin.close().await;
            });
        });
        let _ = cleaner.join();
    }
}

/// One attempt, by this machine's clock.
#[derive(Clone, Debug)]
pub struct Span {
    pub job: Id,
    pub fence: i64,
    pub begin: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// What the test's jobs share.
#[derive(Clone, Default)]
pub struct World {
    /// How often each name ran, in order: `(name, attempt, fence)`.
    pub runs: Arc<Mutex<Vec<(String, u32, i64)>>>,
    /// From when to when attempts ran, for kinds that tell.
    pub spans: Arc<Mutex<Vec<Span>>>,
    /// How many run now, by key, and the most that ever did.
    pub now: Arc<Mutex<HashMap<String, (u32, u32)>>>,
}

impl World {
    pub fn runs_of(&self, name: &str) -> Vec<(u32, i64)> {
        let runs = self.runs.lock().unwrap();
        runs.iter().filter(|(n, ..)| n == name).map(|(_, attempt, fence)| (*attempt, *fence)).collect()
    }
    fn note(&self, name: &str, run: &Run) {
        self.runs.lock().unwrap().push((name.to_owned(), run.attempt(), run.fence()));
    }
    fn enter(&self, key: &str) {
        let mut now = self.now.lock().unwrap();
        let (running, most) = now.entry(key.to_owned()).or_default();
        *running += 1;
        *most = (*most).max(*running);
    }
    fn leave(&self, key: &str) {
        self.now.lock().unwrap().get_mut(key).unwrap().0 -= 1;
    }
    pub fn most(&self, key: &str) -> u32 {
        self.now.lock().unwrap().get(key).map_or(0, |(_, most)| *most)
    }
}

pub const NO_WORDS: Words = Words { zh: "测试", en: "Test" };

/// What an [`Act`] does.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    #[default]
    Succeed,
    /// Fails until the given attempt.
    FailUntil(u32),
    Fatal,
    Panic,
    Sleep(u64),
    Snooze,
    Inputs,
    Talk,
    /// Says what no database column of text holds everywhere.
    Nul,
}

/// The tests' job.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub name: String,
    #[serde(default)]
    pub deed: Deed,
    #[serde(default)]
    pub secret: Option<String>,
}

impl Arguments for Act {
    const KIND: &'static str = "test.act";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;
    const SECRET: &'static [&'static str] = &["secret"];

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            backoff: jobs::Backoff::fixed(Duration::from_secs(60)),
            timeout: Duration::from_secs(30),
            ..Policy::default()
        }
    }
}

impl Job<World> for Act {
    type Output = Value;

    async fn run(self, world: World, run: Run) -> Result<Value, Failure> {
        world.note(&self.name, &run);
        match self.deed {
            Deed::Succeed => Ok(serde_json::json!({ "did": self.name, "secret": self.secret })),
            Deed::FailUntil(attempt) if run.attempt() < attempt => {
                Err(base::Error::unavailable("not_yet", format!("attempt {} fails", run.attempt())).into())
            }
            Deed::FailUntil(_) => Ok(Value::Null),
            Deed::Fatal => Err(base::Error::invalid("never", "this never works").into()),
            Deed::Panic => panic!("on purpose"),
            Deed::Sleep(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok(Value::Null)
            }
            Deed::Snooze if world.runs_of(&self.name).len() < 2 => {
                Err(Failure::Snooze(Duration::from_secs(60)))
            }
            Deed::Snooze => Ok(Value::Null),
            Deed::Inputs => {
                let inputs = run.inputs().await?;
                Ok(inputs.into_iter().map(|input| input.result.unwrap_or_default()).collect())
            }
            Deed::Nul => {
                run.progress(1, 2, "no\0te");
                run.log(jobs::Level::Info, "li\0ne");
                Err(base::Error::unavailable("nul", "er\0ror").into())
            }
            Deed::Talk => {
                run.progress(3, 7, "on the way");
                run.log(jobs::Level::Info, "first");
                run.log(jobs::Level::Warn, "second");
                tokio::time::sleep(Duration::from_millis(900)).await;
                Ok(Value::Null)
            }
        }
    }
}

macro_rules! limited {
    ($name:ident, $kind:literal, $policy:expr) => {
        /// A job of a kind with limits.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            pub key: String,
            pub milliseconds: u64,
        }

        impl Arguments for $name {
            const KIND: &'static str = $kind;
            const TITLE: Words = NO_WORDS;
            const ABOUT: Words = NO_WORDS;

            fn policy() -> Policy {
                $policy
            }
            fn key(&self) -> Option<String> {
                Some(self.key.clone())
            }
        }

        impl Job<World> for $name {
            type Output = ();

            async fn run(self, world: World, run: Run) -> Result<(), Failure> {
                world.note(&self.key, &run);
                world.enter($kind);
                world.enter(&self.key);
                tokio::time::sleep(Duration::from_millis(self.milliseconds)).await;
                world.leave(&self.key);
                world.leave($kind);
                Ok(())
            }
        }
    };
}

limited!(Free, "test.free", Policy::default());
limited!(Few, "test.few", Policy { concurrency: Some(2), ..Policy::default() });
limited!(Keyed, "test.keyed", Policy { key_concurrency: Some(1), ..Policy::default() });
limited!(
    Crowded,
    "test.crowded",
    Policy { concurrency: Some(8), key_concurrency: Some(1), ..Policy::default() }
);
limited!(
    Shared,
    "test.shared",
    Policy { concurrency: Some(4), key_concurrency: Some(1), org_concurrency: Some(3), ..Policy::default() }
);
limited!(
    Rated,
    "test.rated",
    Policy { rate: Some(jobs::Rate { starts: 5, per: Duration::from_secs(1) }), ..Policy::default() }
);

/// Cleans up when it is cancelled.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tidy {
    pub name: String,
}

impl Arguments for Tidy {
    const KIND: &'static str = "test.tidy";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        Policy { cleanup: Duration::from_secs(5), timeout: Duration::from_secs(60), ..Policy::default() }
    }
}

impl Job<World> for Tidy {
    type Output = ();

    async fn run(self, world: World, run: Run) -> Result<(), Failure> {
        world.note(&self.name, &run);
        run.stopped().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.note(&format!("{} tidied", self.name), &run);
        Ok(())
    }
}

/// Not a secret at all, but visibly not the plain text.
struct Reversed;

impl Vault for Reversed {
    fn seal(&self, plain: &[u8], _: &str) -> base::Result<String> {
        Ok(String::from_utf8_lossy(plain).chars().rev().collect())
    }
    fn open(&self, sealed: &str, _: &str) -> base::Result<Vec<u8>> {
        Ok(sealed.chars().rev().collect::<String>().into_bytes())
    }
    fn is_stale(&self, _: &str) -> bool {
        false
    }
}

/// An engine on a database, as each node has one.
#[derive(Clone)]
pub struct Node {
    pub engine: Engine,
    pub runners: Runners<World>,
}

impl Node {
    /// One that waits at most `acquire` for a connection.
    pub async fn connect(
        url: &str,
        clock: &ManualClock,
        acquire: Duration,
        registry: Registry<World>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let options =
            store::Options { pool: 8, acquire, clock: clock.clone(), ..store::Options::new(url.to_owned()) };
        let store = Store::connect(&options).await.unwrap();
        let (kinds, runners) = registry.split();
        Self { engine: Engine::new(store, clock, kinds, Arc::new(Reversed)), runners }
    }

    #[expect(clippy::disallowed_methods, reason = "a worker runs beside the test")]
    pub fn work(&self, world: &World, options: Options) -> Working {
        let (stop, stopped) = watch::channel(false);
        let (engine, runners) = (self.engine.clone(), self.runners.clone());
        let work = worker::work(engine, runners, world.clone(), options, None, stopped);
        Working { stop, handle: tokio::spawn(work) }
    }
}

/// An engine on a database of its own.
pub struct Bench {
    pub engine: Engine,
    pub runners: Runners<World>,
    pub world: World,
    pub clock: ManualClock,
    pub org: Id,
    database: TestDatabase,
}

pub struct Working {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

impl Working {
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.handle.await.unwrap();
    }
    /// As if the process had been killed.
    pub fn kill(self) {
        self.handle.abort();
    }
}

pub fn kinds() -> Registry<World> {
    Registry::default()
        .with::<Act>()
        .with::<Free>()
        .with::<Few>()
        .with::<Keyed>()
        .with::<Crowded>()
        .with::<Shared>()
        .with::<Rated>()
        .with::<Tidy>()
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(kinds()).await
    }

    /// With kinds of the test's own.
    pub async fn with(registry: Registry<World>) -> Self {
        if env("TEST_LOG").is_some() {
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        }
        let database = TestDatabase::create().await;
        let clock = ManualClock::default();
        let Node { engine, runners } =
            Node::connect(&database.url, &clock, Duration::from_secs(20), registry).await;
        Migrations::default().with(&[jobs::MIGRATION]).up(engine.store(), &SystemClock).await.unwrap();
        let org = base::id::new(SystemClock.now());
        Self { engine, runners, world: World::default(), clock, org, database }
    }

    /// The database, for other nodes.
    pub fn url(&self) -> &str {
        &self.database.url
    }

    /// Another node on the same database.
    pub async fn another_node(&self) -> Node {
        Node::connect(self.url(), &self.clock, Duration::from_secs(20), kinds()).await
    }

    pub fn options() -> Options {
        Options { concurrency: 8, grace: Duration::from_secs(10), ..Options::default() }
    }

    pub fn work(&self, options: Options) -> Working {
        Node { engine: self.engine.clone(), runners: self.runners.clone() }.work(&self.world, options)
    }

    pub async fn enqueue(&self, job: NewJob) -> Id {
        let tx = self.engine.store().begin_org(Mode::Write, self.org).await.unwrap();
        let id = self.engine.enqueue(&tx, job).await.unwrap().id;
        tx.commit().await.unwrap();
        id
    }

    pub fn act(&self, name: &str, deed: Deed) -> NewJob {
        NewJob::of(self.org, &Act { name: name.to_owned(), deed, secret: None }).unwrap()
    }

    pub async fn job(&self, id: Id) -> job::Model {
        let tx = self.engine.store().begin_system(Mode::Read).await.unwrap();
        let row = tx.one(tx.find::<job::Entity>().filter(job::Column::Id.eq(id))).await.unwrap();
        tx.commit().await.unwrap();
        row.expect("the job exists")
    }

    /// Every job.
    pub async fn jobs(&self) -> Vec<job::Model> {
        let tx = self.engine.store().begin_system(Mode::Read).await.unwrap();
        let rows = tx.all(tx.find::<job::Entity>().order_by_asc(job::Column::Id)).await.unwrap();
        tx.commit().await.unwrap();
        rows
    }

    pub async fn state(&self, id: Id) -> State {
        State::parse(&self.job(id).await.state).unwrap()
    }

    pub async fn attempts(&self, id: Id) -> Vec<attempt::Model> {
        let tx = self.engine.store().begin_system(Mode::Read).await.unwrap();
        let of = tx.find::<attempt::Entity>().filter(attempt::Column::JobId.eq(id));
        let rows = tx.all(of.order_by_asc(attempt::Column::Fence)).await.unwrap();
        tx.commit().await.unwrap();
        rows
    }

    /// Waits until the job is in that state.
    pub async fn reaches(&self, id: Id, state: State) -> job::Model {
        for _ in 0..600 {
            if self.state(id).await == state {
                return self.job(id).await;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the job is {:?}, not {state:?}: {:?}", self.state(id).await, self.job(id).await);
    }

    pub async fn count(&self, state: State) -> u64 {
        let tx = self.engine.store().begin_system(Mode::Read).await.unwrap();
        let n =
            tx.count(tx.find::<job::Entity>().filter(job::Column::State.eq(state.as_str()))).await.unwrap();
        tx.commit().await.unwrap();
        n
    }

    pub async fn change<T>(&self, work: impl AsyncFnOnce(&store::Tx) -> base::Result<T>) -> base::Result<T> {
        let tx = self.engine.store().begin_org(Mode::Write, self.org).await.unwrap();
        let outcome = work(&tx).await;
        if outcome.is_ok() {
            tx.commit().await.unwrap();
        }
        outcome
    }
}
