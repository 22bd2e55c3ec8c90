//! Nodes in processes of their own that are killed with SIGKILL while they issue: this binary, executed
//! again. A process writes down what its callers received, one write for each range, so that it outlives
//! the process; this is compared with the journal.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Clock, SystemClock};
use idgen::{Engine, KeyName, LineKind, Options, Range, Request, Settings};

use crate::support::{
    Bench, TRUST, assert_disjoint, buffered, connect_store, dice, env, range, strict, sync, work,
};

/// What a process is told, by environment.
const URL: &str = "TENON_TEST_IDGEN_URL";
const PATH: &str = "TENON_TEST_IDGEN_RECEIVED";
const ORG: &str = "TENON_TEST_IDGEN_ORG";

/// Microseconds of the machine's clock, which all processes share.
fn now() -> i64 {
    SystemClock.now().timestamp_micros()
}

async fn call(engine: Engine, request: Request, received: Arc<File>) {
    loop {
        let request = Request { count: 1 + dice(30), ..request.clone() };
        let asked = now();
        let Ok(issued) = engine.allocate(&request).await else { continue };
        let line = format!("{asked} {} {} {}\n", now(), issued.range.start(), issued.range.end());
        (&*received).write_all(line.as_bytes()).unwrap();
    }
}

/// Not a test of its own: what [`Process::start`] executes. Without its variables there is nothing to do.
#[test]
fn a_process_that_is_told_to_issues_until_it_is_killed() {
    let (Some(url), Some(path), Some(org)) = (env(URL), env(PATH), env(ORG)) else { return };
    let received = Arc::new(OpenOptions::new().create_new(true).append(true).open(path).unwrap());
    // The other end of the pipe is held by the test: no process outlives it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = base::ManualClock::default();
        let store = connect_store(&url, &clock).await;
        let engine = Engine::new(store, Arc::new(clock), Options { trust: TRUST, ..Options::default() });
        let _working = work(&engine);
        let request = Request {
            org: org.parse().unwrap(),
            key: KeyName::new("killed").unwrap(),
            count: 1,
            caller: Some("tester".to_owned()),
            request_id: None,
            token: None,
            merge: false,
        };
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            callers.spawn(call(engine.clone(), request.clone(), received.clone()));
        }
        callers.join_all().await;
    });
}

struct Process {
    child: Child,
    received: PathBuf,
}

impl Process {
    fn start(bench: &Bench, folder: &Path, name: usize) -> Self {
        let received = folder.join(name.to_string());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "kill::a_process_that_is_told_to_issues_until_it_is_killed"])
            .env(URL, bench.url())
            .env(PATH, &received)
            .env(ORG, bench.org.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, received }
    }

    /// Kills it and reads what its callers received: when they asked, when they were answered, the ids.
    fn kill(mut self) -> Vec<(i64, i64, Range)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // It may have been killed before it had a file.
        let text = std::fs::read_to_string(&self.received).unwrap_or_default();
        let read = |line: &str| {
            let words: Vec<i64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
            (words[0], words[1], range(words[2], words[3]))
        };
        text.lines().map(read).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three processes, one of which is killed again and again.
async fn run(settings: Settings) -> (Bench, Vec<(i64, i64, Range)>) {
    let seconds = env("TENON_FAULT_SECONDS").map_or(4, |seconds| seconds.parse().unwrap());
    let bench = Bench::new().await;
    let maker = bench.node().await;
    bench.create(&maker, "killed", 0, settings).await;
    let folder = tempfile::tempdir().unwrap();
    let mut started = 0;
    let mut start = || {
        started += 1;
        Process::start(&bench, folder.path(), started)
    };
    let mut processes = [start(), start(), start()];
    let mut received = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_millis(600 + dice(400).unsigned_abs())).await;
        let one = usize::try_from(dice(3)).unwrap();
        received.extend(std::mem::replace(&mut processes[one], start()).kill());
    }
    processes.into_iter().for_each(|process| received.extend(process.kill()));
    assert!(received.len() > 100, "{} answers", received.len());
    (bench, received)
}

/// What was received, against the journal and the spans of which no line speaks.
async fn check(bench: &Bench, received: &[(i64, i64, Range)], is_sync: bool) {
    let key = KeyName::new("killed").unwrap();
    let ranges: Vec<Range> = received.iter().map(|(.., range)| *range).collect();
    assert_disjoint(&ranges);
    let after = bench.node().await;
    assert!(after.check(bench.org, &key).await.unwrap().is_empty());
    assert_eq!(after.key(bench.org, &key).await.unwrap().reason, None);
    let lines = after.lines(bench.org, &key, 0, 1_000_000).await.unwrap();
    let issued: std::collections::HashSet<Range> =
        lines.iter().filter(|line| line.kind == LineKind::Issued).map(|line| line.range).collect();
    let unwritten: Vec<Range> = ranges.iter().copied().filter(|range| !issued.contains(range)).collect();
    assert!(!is_sync || unwritten.is_empty(), "received and not written: {unwritten:?}");
    // Lines do not overlap, so what lies wholly between them lies in the spans.
    let mut written: Vec<Range> = lines.iter().map(|line| line.range).collect();
    written.sort_by_key(|range| range.start());
    for range in &unwritten {
        assert_eq!(idgen::gaps(*range, written.iter().copied()), [*range], "neither written nor open");
    }
    let ceiling = after.key(bench.org, &key).await.unwrap().ceiling;
    assert!(ranges.iter().all(|range| range.end() <= ceiling));
    println!("{} ranges received, {} of them unwritten, ceiling {ceiling}", ranges.len(), unwritten.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_issue_no_id_twice_in_buffered_mode() {
    let (bench, received) = run(buffered()).await;
    check(&bench, &received, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_issue_no_id_twice_in_strict_mode_and_ids_rise() {
    let (bench, mut received) = run(strict()).await;
    check(&bench, &received, false).await;
    received.sort_by_key(|(_, answered, _)| *answered);
    let mut by_question: Vec<_> = received.iter().collect();
    by_question.sort_by_key(|(asked, ..)| *asked);
    let (mut highest, mut answered) = (0, received.iter().peekable());
    for (asked, _, range) in by_question {
        while let Some((.., before)) = answered.next_if(|(_, at, _)| at < asked) {
            highest = highest.max(before.end());
        }
        assert!(range.start() > highest, "{range:?} was asked for after {highest} had been answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_killed_processes_has_every_range_when_its_lines_come_first() {
    for settings in [sync(strict()), sync(buffered())] {
        let (bench, received) = run(settings).await;
        check(&bench, &received, true).await;
    }
}
