//! The database goes away and comes back: work goes on, and no run goes on beyond its lease.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use base::{Clock, Id, SystemClock};
use chrono::{DateTime, Utc};
use jobs::{Arguments, Backoff, Failure, Job, NewJob, Policy, Registry, Run, State, Words, worker::Options};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Dialect, Mode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

use crate::support::{Bench, NO_WORDS, Node, Span, World, dialect, env};

/// The line to the database.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Open,
    /// Connections are made and answered by nobody.
    Silent,
    /// Connections break, and new ones are refused.
    Cut,
    /// Every answer takes so long.
    Slow(Duration),
}

/// Stands between a node and the database.
struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
}

#[expect(clippy::disallowed_methods, reason = "the proxy runs beside the test")]
impl Proxy {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = watch::Sender::new(Line::Open);
        let state = line.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() != Line::Cut {
                    tokio::spawn(connect(client, server.clone(), state.clone()));
                }
            }
        });
        Self { address, line }
    }
}

async fn connect(client: TcpStream, server: String, line: watch::Receiver<Line>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = line.clone();
    tokio::select! {
        () = pump(from_client, to_server, line.clone(), false) => {}
        () = pump(from_server, to_client, line, true) => {}
        _ = cut.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    answers: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let Ok(state) = line.wait_for(|line| *line != Line::Silent).await.map(|line| *line) else { return };
        if let (Line::Slow(time), true) = (state, answers) {
            sleep(time).await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// A URL's `host:port`, and the same URL by way of another one.
fn server_of(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap().to_owned()
}

/// Takes so long, and tells from when to when it ran.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Steady {
    milliseconds: u64,
}

impl Arguments for Steady {
    const KIND: &'static str = "test.steady";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        let backoff = Backoff::fixed(Duration::from_millis(500));
        Policy { max_attempts: 30, backoff, ..Policy::default() }
    }
}

struct Noted(World, Span);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.end = SystemClock.now();
        self.0.spans.lock().unwrap().push(self.1.clone());
    }
}

impl Job<World> for Steady {
    type Output = ();

    async fn run(self, world: World, run: Run) -> Result<(), Failure> {
        let begin = SystemClock.now();
        let _noted = Noted(world, Span { job: run.id(), fence: run.fence(), begin, end: begin });
        sleep(Duration::from_millis(self.milliseconds)).await;
        Ok(())
    }
}

/// The ends of the leases as the database had them, read past the proxy.
type Leases = HashMap<(Id, i64), DateTime<Utc>>;

struct Scene {
    bench: Bench,
    proxy: Proxy,
    nodes: [Node; 2],
}

impl Scene {
    /// `None` where there is no server that could go away.
    async fn set(jobs: usize, milliseconds: u64) -> Option<Self> {
        if dialect() == Dialect::Sqlite {
            println!(
                "skipped: SQLite is a file, there is no server between which and a node anything could break"
            );
            return None;
        }
        let bench = Bench::with(kinds()).await;
        let server = server_of(bench.url());
        let proxy = Proxy::start(server.clone()).await;
        let url = bench.url().replacen(&server, &proxy.address.to_string(), 1);
        let node = async || Node::connect(&url, &bench.clock, Duration::from_secs(3), kinds()).await;
        let nodes = [node().await, node().await];
        let new = |n: usize| NewJob::of(Id::from_u128(1 + n as u128 % 3), &Steady { milliseconds }).unwrap();
        let tx = bench.engine.store().begin_system(Mode::Write).await.unwrap();
        bench.engine.enqueue_all(&tx, (0..jobs).map(new).collect()).await.unwrap();
        tx.commit().await.unwrap();
        Some(Self { bench, proxy, nodes })
    }

    /// Watches leases until `until` says that it is enough.
    async fn watch(&self, leases: &mut Leases, until: impl AsyncFn() -> bool) {
        while !until().await {
            for job in self.bench.jobs().await {
                if let Some(lease) = job.lease_until {
                    let known = leases.entry((job.id, job.fence)).or_insert(lease);
                    *known = lease.max(*known);
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn watch_for(&self, leases: &mut Leases, time: Duration) {
        let end = Instant::now() + time;
        self.watch(leases, async || Instant::now() >= end).await;
    }

    /// Each run within its lease, one at a time, under rising fencing tokens.
    fn check(&self, leases: &Leases) -> usize {
        let mut by_job: HashMap<Id, Vec<Span>> = HashMap::new();
        for span in self.bench.world.spans.lock().unwrap().iter() {
            by_job.entry(span.job).or_default().push(span.clone());
        }
        let mut again = 0;
        for spans in by_job.values_mut() {
            spans.sort_by_key(|span| span.begin);
            again += spans.len() - 1;
            for pair in spans.windows(2) {
                assert!(pair[0].end <= pair[1].begin, "two runs at once: {spans:?}");
                assert!(pair[0].fence < pair[1].fence, "{spans:?}");
            }
            for span in spans.iter() {
                let lease = leases.get(&(span.job, span.fence)).expect("the lease was seen");
                assert!(span.end <= *lease, "a run went on beyond its lease, until {lease}: {span:?}");
            }
        }
        again
    }
}

fn kinds() -> Registry<World> {
    Registry::default().with::<Steady>()
}

/// How many runs had to begin again; `None` where there is no server that could go away.
async fn survive(
    name: &str,
    jobs: usize,
    lines: impl Fn(Duration) -> Vec<(Line, Duration)>,
) -> Option<usize> {
    let seconds = env("TENON_FAULT_SECONDS").map_or(10, |seconds| seconds.parse().unwrap());
    let outage = Duration::from_secs(seconds);
    let lease = (outage / 2).min(Duration::from_secs(30));
    let scene = Scene::set(jobs, 4_000).await?;
    let options = || Options { lease, ..Bench::options() };
    let workers = scene.nodes.each_ref().map(|node| node.work(&scene.bench.world, options()));
    let mut leases = Leases::new();
    scene.watch_for(&mut leases, Duration::from_millis(1_500)).await;
    assert!(scene.bench.count(State::Running).await > 10);
    for (line, time) in lines(outage) {
        scene.proxy.line.send_replace(line);
        scene.watch_for(&mut leases, time).await;
    }
    scene.proxy.line.send_replace(Line::Open);
    let back = Instant::now();
    let done = async || {
        assert!(back.elapsed() < Duration::from_secs(90), "{:?}", scene.bench.jobs().await);
        scene.bench.count(State::Succeeded).await == jobs as u64
    };
    scene.watch(&mut leases, done).await;
    let took = back.elapsed();
    for worker in workers {
        worker.stop().await;
    }
    let again = scene.check(&leases);
    println!(
        "{name} for {seconds} s under leases of {lease:?}: {again} runs begun again, all done {took:.1?} after"
    );
    Some(again)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_the_database_was_gone_and_nothing_runs_beyond_its_lease() {
    let again = survive("gone", 20, |outage| vec![(Line::Cut, outage)]).await;
    assert!(again.is_none_or(|runs| runs > 0), "the outage was longer than the leases");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_the_database_was_silent_and_nothing_runs_beyond_its_lease() {
    let again =
        survive("silent", 20, |outage| vec![(Line::Silent, outage * 2 / 3), (Line::Cut, outage / 3)]).await;
    assert!(again.is_none_or(|runs| runs > 0), "the outage was longer than the leases");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_the_line_was_held_up_and_what_was_on_its_way_arrives_late() {
    // Ends that were on their way still count where nobody else has begun meanwhile, so it may be none.
    survive("held up", 40, |outage| vec![(Line::Silent, outage)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_takes_longer_than_its_lease_begins_nothing() {
    let Some(scene) = Scene::set(6, 100).await else { return };
    let slow = Line::Slow(Duration::from_millis(450));
    scene.proxy.line.send_replace(slow);
    let options = || Options { lease: Duration::from_secs(1), ..Bench::options() };
    let workers = scene.nodes.each_ref().map(|node| node.work(&scene.bench.world, options()));
    let mut leases = Leases::new();
    scene.watch_for(&mut leases, Duration::from_secs(8)).await;
    assert!(!leases.is_empty(), "something was claimed");
    assert_eq!(scene.bench.world.spans.lock().unwrap().len(), 0);
    scene.proxy.line.send_replace(Line::Open);
    let begin = Instant::now();
    let done = async || {
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", scene.bench.jobs().await);
        scene.bench.count(State::Succeeded).await == 6
    };
    scene.watch(&mut leases, done).await;
    for worker in workers {
        worker.stop().await;
    }
}
