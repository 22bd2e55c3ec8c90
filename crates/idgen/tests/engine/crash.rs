//! Nodes that end without ceremony: their engine is dropped with everything that it had in memory.

use idgen::{LineKind, Options, Range};

use crate::support::{Bench, TRUST, assert_disjoint, both, buffered, dice, range, strict, sync, work};

#[tokio::test]
async fn what_a_crashed_node_held_is_never_issued_again() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        let before = [bench.take(&node, &key, 3).await, bench.take(&node, &key, 30).await];
        let ceiling = node.key(bench.org, &key).await.unwrap().ceiling;
        assert!(ceiling >= before[1].1);
        drop(node);
        let again = bench.node().await;
        assert_eq!(bench.take(&again, &key, 1).await, (ceiling + 1, ceiling + 1), "{name}");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_unwritten_shows_as_spans_up_to_the_ceiling() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let strict_key = bench.create(&node, "strict", 100, strict()).await;
    let buffered_key = bench.create(&node, "buffered", 100, buffered()).await;
    for key in [&strict_key, &buffered_key] {
        bench.take(&node, key, 4).await;
    }
    node.flush().await.unwrap();
    for key in [&strict_key, &buffered_key] {
        bench.take(&node, key, 2).await;
    }
    let killed = node.node();
    drop(node);
    let again = bench.node().await;
    let spans = again.unattributed(bench.org, &strict_key).await.unwrap();
    let shown: Vec<_> = spans.iter().map(|span| (span.range, span.node, span.is_held)).collect();
    assert_eq!(shown, [(range(105, 106), None, false)]);
    // The block of the killed node: two ids that were issued, and those that were not.
    let ceiling = again.key(bench.org, &buffered_key).await.unwrap().ceiling;
    let spans = again.unattributed(bench.org, &buffered_key).await.unwrap();
    let shown: Vec<_> = spans.iter().map(|span| (span.range, span.node, span.is_held)).collect();
    assert_eq!(shown, [(range(105, ceiling), Some(killed), true)], "nobody knows yet that it is gone");
    bench.clock.advance(chrono::TimeDelta::minutes(2));
    let spans = again.unattributed(bench.org, &buffered_key).await.unwrap();
    assert!(spans.iter().all(|span| !span.is_held && span.node == Some(killed)), "{spans:?}");
    assert_eq!(again.owner(bench.org, &buffered_key, 105).await.unwrap(), None);
    assert_eq!(again.owner(bench.org, &buffered_key, 104).await.unwrap().unwrap().range, range(101, 104));
}

#[tokio::test]
async fn a_node_that_lives_says_so_of_what_it_holds() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, buffered()).await;
    bench.take(&node, &key, 4).await;
    bench.clock.advance(chrono::TimeDelta::minutes(2));
    assert!(!node.unattributed(bench.org, &key).await.unwrap()[0].is_held);
    node.keep().await.unwrap();
    assert!(node.unattributed(bench.org, &key).await.unwrap()[0].is_held);
}

#[tokio::test]
async fn a_key_whose_lines_come_first_is_written_whatever_happens_to_the_node() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, sync(settings)).await;
        let (start, end) = bench.take(&node, &key, 6).await;
        drop(node);
        let line = bench.node().await.owner(bench.org, &key, 3).await.unwrap().unwrap();
        assert_eq!((line.kind, line.range), (LineKind::Issued, range(start, end)));
        assert_eq!(line.caller.as_deref(), Some("tester"));
    }
}

/// Nodes are killed at random while callers go on, and what callers received is compared with the journal.
async fn kills(settings: idgen::Settings, is_sync: bool) {
    let bench = Bench::new().await;
    let maker = bench.node().await;
    let key = bench.create(&maker, "killed", 0, settings).await;
    let mut received: Vec<Range> = Vec::new();
    for _ in 0..12 {
        let node = bench.node().await;
        let working = work(&node);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (node, request) = (node.clone(), bench.request(&key, 1 + dice(30)));
            callers.spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..1 + dice(12) {
                    mine.push(node.allocate(&request).await.unwrap().range);
                }
                mine
            });
        }
        received.extend(callers.join_all().await.into_iter().flatten());
        working.kill();
    }
    let after = bench.node().await;
    assert_disjoint(&received);
    assert!(after.check(bench.org, &key).await.unwrap().is_empty());
    let lines = after.lines(bench.org, &key, 0, 100_000).await.unwrap();
    let issued: Vec<Range> =
        lines.iter().filter(|line| line.kind == LineKind::Issued).map(|line| line.range).collect();
    let spans = after.unattributed(bench.org, &key).await.unwrap();
    let mut unwritten = 0;
    for range in &received {
        if !issued.contains(range) {
            unwritten += 1;
            let covered: u64 =
                spans.iter().filter_map(|span| span.range.common(*range)).map(Range::count).sum();
            assert_eq!(covered, range.count(), "{range:?} is neither written nor unattributed");
        }
    }
    assert!(!is_sync || unwritten == 0, "{unwritten} ranges were received and not written");
    assert!(issued.iter().all(|range| received.contains(range)), "nothing is written that nobody received");
    // Lines and spans together are all ids up to the ceiling, each once.
    let all: Vec<Range> =
        lines.iter().map(|line| line.range).chain(spans.iter().map(|span| span.range)).collect();
    assert_disjoint(&all);
    let ceiling = after.key(bench.org, &key).await.unwrap().ceiling;
    assert_eq!(all.iter().map(|range| range.count()).sum::<u64>(), ceiling as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_of_killed_nodes_are_accounted_for_in_strict_mode() {
    kills(strict(), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_of_killed_nodes_are_accounted_for_in_buffered_mode() {
    kills(buffered(), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_journal_agrees_exactly_when_its_lines_come_first() {
    kills(sync(strict()), true).await;
    kills(sync(buffered()), true).await;
}

#[tokio::test]
async fn nothing_is_issued_while_the_journal_is_too_far_behind() {
    let bench = Bench::new().await;
    let node = bench.node_with(Options { trust: TRUST, journal_limit: 3, ..Options::default() }).await;
    let key = bench.create(&node, "orders", 0, buffered()).await;
    bench.take(&node, &key, 1).await;
    node.flush().await.unwrap();
    bench.sql("ALTER TABLE id_journal RENAME TO elsewhere").await;
    for _ in 0..3 {
        bench.take(&node, &key, 1).await;
    }
    assert_eq!(bench.refusal(&node, &key).await, "journal_behind");
    bench.sql("ALTER TABLE elsewhere RENAME TO id_journal").await;
    assert_eq!(bench.take(&node, &key, 1).await, (5, 5));
    let lines = node.lines(bench.org, &key, 0, 10).await.unwrap();
    assert_eq!(lines.len(), 5, "what waited was written");
}
