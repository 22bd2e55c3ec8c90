//! Strict keys that count in Redis, on a real server that is flushed, killed, started empty and started
//! from an old dump.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base::Secret;
use idgen::{Counter, Engine, KeyName, Options, Settings};
use store::kv::counter::SharedCounter;

use crate::support::{Bench, TRUST, strict, sync};

/// A server of the test's own, reached over a socket in a folder.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

fn start(folder: &Path) -> Child {
    let socket = folder.join("redis.sock");
    let _ = std::fs::remove_file(&socket);
    let mut child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    for _ in 0..200 {
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return child;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("redis-server does not answer");
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = start(folder.path());
        Self { folder, child }
    }
    fn counter(&self) -> SharedCounter {
        let socket = self.folder.path().join("redis.sock");
        SharedCounter::new(&Secret::from(format!("redis+unix://{}", socket.display()))).unwrap()
    }
    fn command(&self, arguments: &[&str]) {
        let done = Command::new("redis-cli")
            .arg("-s")
            .arg(self.folder.path().join("redis.sock"))
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success());
    }
    fn dump(&self) -> PathBuf {
        self.folder.path().join("dump.rdb")
    }
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
    fn start(&mut self) {
        self.child = start(self.folder.path());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_redis() -> Settings {
    Settings { counter: Counter::Redis, block: (50, 1_000), ..strict() }
}

async fn node(bench: &Bench, server: &Server) -> Engine {
    bench.node_with(Options { trust: TRUST, counter: Some(server.counter()), ..Options::default() }).await
}

/// What nodes gave, in the order of their answers: rising, whichever node it was.
struct Rising(i64);

impl Rising {
    async fn take(&mut self, bench: &Bench, node: &Engine, key: &KeyName, count: i64) {
        let (start, end) = bench.take(node, key, count).await;
        assert!(start > self.0, "{start} after {}", self.0);
        self.0 = end;
    }
}

#[tokio::test]
async fn ids_rise_over_all_nodes_and_lie_side_by_side() {
    let (bench, server) = (Bench::new().await, Server::new());
    let (one, two) = (node(&bench, &server).await, node(&bench, &server).await);
    let key = bench.create(&one, "a:b:c:d", 100, in_redis()).await;
    assert_eq!(bench.take(&one, &key, 3).await, (101, 103));
    assert_eq!(bench.take(&two, &key, 4).await, (104, 107));
    let mut rising = Rising(107);
    for _ in 0..40 {
        rising.take(&bench, &one, &key, 7).await;
        rising.take(&bench, &two, &key, 2).await;
    }
    one.flush().await.unwrap();
    two.flush().await.unwrap();
    assert!(one.check(bench.org, &key).await.unwrap().is_empty());
    let owner = two.owner(bench.org, &key, 105).await.unwrap().unwrap();
    assert_eq!((owner.range.start(), owner.range.end()), (104, 107));
    assert!(one.unattributed(bench.org, &key).await.unwrap().iter().all(|span| span.is_held));
}

#[tokio::test]
async fn a_redis_that_is_flushed_or_started_empty_costs_a_gap_and_no_repeat() {
    let (bench, mut server) = (Bench::new().await, Server::new());
    let (one, two) = (node(&bench, &server).await, node(&bench, &server).await);
    for (name, settings) in [("plain", in_redis()), ("sync", sync(in_redis()))] {
        let key = bench.create(&one, name, 0, settings).await;
        let mut rising = Rising(0);
        for round in 0..6 {
            rising.take(&bench, &one, &key, 5).await;
            rising.take(&bench, &two, &key, 5).await;
            if round % 2 == 0 {
                server.command(&["FLUSHALL"]);
            } else {
                server.kill();
                server.start();
                // The broken connection is noticed by the call that meets it.
                for node in [&one, &two] {
                    let _ = bench.try_take(node, &key, 1).await.map(|issued| {
                        assert!(issued.range.start() > rising.0);
                        rising.0 = issued.range.end();
                    });
                }
            }
        }
        one.flush().await.unwrap();
        two.flush().await.unwrap();
        assert!(one.check(bench.org, &key).await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_from_an_old_dump_repeats_nothing() {
    let (bench, mut server) = (Bench::new().await, Server::new());
    let (one, two) = (node(&bench, &server).await, node(&bench, &server).await);
    let key = bench.create(&one, "a:b:c:d", 0, in_redis()).await;
    let mut rising = Rising(0);
    rising.take(&bench, &one, &key, 5).await;
    server.command(&["SAVE"]);
    let old = std::fs::read(server.dump()).unwrap();
    for _ in 0..4 {
        rising.take(&bench, &one, &key, 5).await;
        rising.take(&bench, &two, &key, 5).await;
    }
    server.kill();
    std::fs::write(server.dump(), old).unwrap();
    server.start();
    // Two has the broken connection still, a third node has none and knows nothing.
    let three = node(&bench, &server).await;
    rising.take(&bench, &three, &key, 5).await;
    let _ = bench.try_take(&two, &key, 1).await;
    for node in [&two, &three, &two] {
        rising.take(&bench, node, &key, 5).await;
    }
    assert!(three.check(bench.org, &key).await.unwrap().is_empty());
}

#[tokio::test]
async fn while_redis_is_away_nothing_is_issued_and_afterwards_it_goes_on() {
    let (bench, mut server) = (Bench::new().await, Server::new());
    let one = node(&bench, &server).await;
    let key = bench.create(&one, "a:b:c:d", 0, in_redis()).await;
    let mut rising = Rising(0);
    rising.take(&bench, &one, &key, 5).await;
    server.kill();
    assert_eq!(bench.refusal(&one, &key).await, "redis_unavailable");
    assert_eq!(bench.refusal(&one, &key).await, "redis_unavailable");
    server.start();
    rising.take(&bench, &one, &key, 5).await;
    // And one that counts in the database from now on is above all of it.
    one.configure(bench.org, &key, strict()).await.unwrap();
    rising.take(&bench, &one, &key, 5).await;
    one.configure(bench.org, &key, in_redis()).await.unwrap();
    rising.take(&bench, &one, &key, 5).await;
}

#[tokio::test]
async fn raising_and_quarantine_stop_what_redis_holds() {
    let (bench, server) = (Bench::new().await, Server::new());
    let (one, two) = (node(&bench, &server).await, node(&bench, &server).await);
    let key = bench.create(&one, "a:b:c:d", 0, in_redis()).await;
    let mut rising = Rising(0);
    rising.take(&bench, &one, &key, 5).await;
    rising.take(&bench, &two, &key, 5).await;
    // Within the stretch, and above it.
    for to in [20, 5_000] {
        one.raise(bench.org, &key, to).await.unwrap();
        rising.0 = rising.0.max(to);
        rising.take(&bench, &two, &key, 5).await;
        rising.take(&bench, &one, &key, 5).await;
    }
    one.quarantine(bench.org, &key, "looked odd").await.unwrap();
    assert_eq!(bench.refusal(&two, &key).await, "key_quarantined");
    one.release(bench.org, &key, 100_000).await.unwrap();
    rising.0 = 100_000;
    rising.take(&bench, &one, &key, 5).await;
}

#[tokio::test]
async fn the_last_ids_of_a_narrow_column_are_given_out_and_then_none() {
    let (bench, server) = (Bench::new().await, Server::new());
    let (one, two) = (node(&bench, &server).await, node(&bench, &server).await);
    let narrow = Settings { id_type: idgen::IdType::I8, ..in_redis() };
    let key = bench.create(&one, "a:b:c:d", 100, narrow).await;
    let mut given = 0;
    for _ in 0..27 {
        for node in [&one, &two] {
            if let Ok(issued) = bench.try_take(node, &key, 1).await {
                assert!(issued.range.end() <= 127);
                given += 1;
            }
        }
    }
    assert_eq!(given, 27);
    assert_eq!(bench.refusal(&one, &key).await, "key_exhausted");
}
