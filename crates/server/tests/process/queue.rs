//! Workers as processes, and the queue as its database shows it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Id, Secret, SystemClock};
use identity::credential::seal::Sealer;
use jobs::{
    Engine, Filter, NewJob, PLATFORM, State,
    store::entity::{attempt, job},
};
use serde_json::Value;
use store::{Mode, Options, Store, Tx};
use tokio::runtime::Runtime;

use super::support::{PATIENCE, wait};

/// A working process; killed when dropped.
pub struct Worker {
    child: Child,
    log: tempfile::NamedTempFile,
    /// What it says that it works on.
    pub said: String,
}

impl Worker {
    /// Starts `worker` with options and waits until it works.
    pub fn start(command: &mut Command, options: &[&str]) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let stderr = File::options().append(true).open(log.path()).unwrap();
        let mut child =
            command.arg("worker").args(options).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let Some(said) = lines.find(|line| line.contains(" works on ")) else {
            let code = wait(&mut child, PATIENCE);
            panic!("no start: exit code {code:?}, {}", std::fs::read_to_string(log.path()).unwrap());
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, log, said }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its exit code, once it has ended; `None` after a signal, or when it did not end in time.
    pub fn ended(&mut self, patience: Duration) -> Option<i32> {
        wait(&mut self.child, patience)
    }

    /// SIGTERM, exit code 0; how long it took.
    pub fn terminate(mut self) -> Duration {
        let begin = Instant::now();
        self.signal("TERM");
        let code = self.ended(Duration::from_secs(60));
        assert_eq!(code, Some(0), "{}", self.logged());
        begin.elapsed()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it wrote to standard error.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queue, seen and filled by this process, which runs no worker.
pub struct Queue {
    runtime: Runtime,
    engine: Engine,
}

impl Queue {
    /// Of a migrated database.
    pub fn open(url: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let engine = runtime.block_on(async {
            let store = Store::connect(&Options::new(url)).await.unwrap();
            let (kinds, _) = server::wiring::kinds(true).split();
            let key = Secret::from("a-key-that-seals-nothing-0123456789abcdef".to_owned());
            Engine::new(store, Arc::new(SystemClock), kinds, Arc::new(Sealer::new(&key, None).unwrap()))
        });
        Self { runtime, engine }
    }

    /// Of the embedded database in a folder.
    pub fn beside(dir: &Path) -> Self {
        Self::open(&format!("sqlite://{}", dir.join("data/tenon.db").display()))
    }

    fn read<T>(&self, work: impl AsyncFnOnce(&Engine, &Tx) -> base::Result<T>) -> T {
        self.runtime.block_on(async {
            let tx = self.engine.store().begin_system(Mode::Read).await.unwrap();
            let found = work(&self.engine, &tx).await.unwrap();
            tx.commit().await.unwrap();
            found
        })
    }

    /// Enqueues so many of one kind for the platform; their ids.
    pub fn fill(&self, kind: &str, args: &Value, count: usize) -> Vec<Id> {
        self.runtime.block_on(async {
            let tx = self.engine.store().begin_system(Mode::Write).await.unwrap();
            let jobs = (0..count).map(|_| NewJob::named(PLATFORM, kind, args.clone())).collect();
            let enqueued = self.engine.enqueue_all(&tx, jobs).await.unwrap();
            tx.commit().await.unwrap();
            enqueued.into_iter().map(|one| one.id).collect()
        })
    }

    /// Every job of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<job::Model> {
        let filter = Filter { kind: Some(kind.to_owned()), limit: 10_000, ..Filter::default() };
        self.read(async |engine, tx| engine.list(tx, &filter).await)
    }

    /// A job of the platform.
    pub fn job(&self, id: Id) -> job::Model {
        self.read(async |engine, tx| engine.find_among(tx, &[PLATFORM], id).await).unwrap()
    }

    /// Its attempts that did not succeed: number and outcome.
    pub fn attempts(&self, id: Id) -> Vec<(i32, String)> {
        let all: Vec<attempt::Model> = self.read(async |engine, tx| engine.attempts(tx, PLATFORM, id).await);
        all.into_iter().map(|one| (one.attempt, one.outcome)).collect()
    }

    /// Jobs of a kind in a state.
    pub fn count(&self, kind: &str, state: State) -> usize {
        self.of_kind(kind).iter().filter(|job| job.state == state.as_str()).count()
    }

    /// Waits until something is so.
    pub fn wait(&self, what: &str, patience: Duration, is_so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < patience, "{what}: not within {patience:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
