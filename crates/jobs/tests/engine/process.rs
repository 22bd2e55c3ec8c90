//! Workers in processes of their own, so that they can really be killed: this binary, executed again.
//!
//! A process writes a journal: one line when a job begins and one when it ends, however it ends, each with one
//! write, so that what was written outlives the process.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use base::{Clock, Id, ManualClock, SystemClock};
use jobs::{
    Arguments, Backoff, Failure, Job, Policy, Registry, Run, Words,
    worker::{self, Options},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::support::{NO_WORDS, Node, World, env};

/// How long the processes' claims hold.
pub const LEASE: Duration = Duration::from_secs(2);

static JOURNAL: OnceLock<File> = OnceLock::new();

fn note(what: char, run: &Run) {
    // Node A of some tests is the test's own process, which keeps no journal.
    let Some(mut journal) = JOURNAL.get() else { return };
    let (id, fence, attempt) = (run.id(), run.fence(), run.attempt());
    let line = format!("{what} {id} {fence} {attempt} {}\n", SystemClock.now().timestamp_micros());
    journal.write_all(line.as_bytes()).unwrap();
}

struct Noted(Run);

impl Drop for Noted {
    fn drop(&mut self) {
        note('E', &self.0);
    }
}

/// Takes so long.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Work {
    pub milliseconds: u64,
}

/// Takes its process with it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Deadly {}

fn policy(max_attempts: u32) -> Policy {
    Policy { max_attempts, backoff: Backoff::fixed(Duration::from_millis(200)), ..Policy::default() }
}

impl Arguments for Work {
    const KIND: &'static str = "test.work";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        policy(100)
    }
}

impl Job<World> for Work {
    type Output = ();

    async fn run(self, _: World, run: Run) -> Result<(), Failure> {
        note('B', &run);
        let _noted = Noted(run);
        tokio::time::sleep(Duration::from_millis(self.milliseconds)).await;
        Ok(())
    }
}

impl Arguments for Deadly {
    const KIND: &'static str = "test.deadly";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        policy(3)
    }
}

impl Job<World> for Deadly {
    type Output = ();

    async fn run(self, _: World, run: Run) -> Result<(), Failure> {
        note('B', &run);
        std::process::abort()
    }
}

pub fn kinds() -> Registry<World> {
    Registry::default().with::<Work>().with::<Deadly>()
}

/// What a worker process is told, by environment.
const URL: &str = "TENON_TEST_WORKER_URL";
const PATH: &str = "TENON_TEST_WORKER_JOURNAL";

/// Not a test of its own: what [`Process::start`] executes. Without its variables there is nothing to do.
#[test]
fn a_process_that_is_told_to_works_until_it_is_killed() {
    let (Some(url), Some(path)) = (env(URL), env(PATH)) else { return };
    let journal = OpenOptions::new().create_new(true).append(true).open(path).unwrap();
    JOURNAL.set(journal).unwrap();
    // The other end of the pipe is held by the test: no worker outlives it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = ManualClock::default();
        let Node { engine, runners } = Node::connect(&url, &clock, Duration::from_secs(20), kinds()).await;
        let options = Options { concurrency: 16, lease: LEASE, ..Options::default() };
        let (_stop, stopped) = watch::channel(false);
        Box::pin(worker::work(engine, runners, World::default(), options, None, stopped)).await;
    });
}

/// One attempt, as a journal tells it; instants in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub fence: i64,
    pub attempt: i32,
    pub begin: i64,
    /// When it ended or its process was killed.
    pub end: i64,
    /// Whether it ended before its process did.
    pub whole: bool,
}

/// A worker process.
pub struct Process {
    child: Child,
    journal: PathBuf,
}

impl Process {
    /// Starts one; `name` is its journal's in `folder`.
    pub fn start(url: &str, folder: &Path, name: &str) -> Self {
        let journal = folder.join(name);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "process::a_process_that_is_told_to_works_until_it_is_killed"])
            .env(URL, url)
            .env(PATH, &journal)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, journal }
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it (SIGKILL) and reads its journal into `attempts`, by job.
    pub fn kill(mut self, attempts: &mut HashMap<Id, Vec<Attempt>>) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let gone = SystemClock.now().timestamp_micros();
        // It may have been killed before it had a journal.
        let text = std::fs::read_to_string(&self.journal).unwrap_or_default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().unwrap();
            let (what, job) = (word(), word().parse().unwrap());
            let fence = word().parse().unwrap();
            let (attempt, at) = (word().parse().unwrap(), word().parse().unwrap());
            let of = attempts.entry(job).or_default();
            if what == "B" {
                of.push(Attempt { fence, attempt, begin: at, end: gone, whole: false });
            } else {
                let begun = of.iter_mut().find(|one| one.fence == fence).unwrap();
                (begun.end, begun.whole) = (at, true);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
