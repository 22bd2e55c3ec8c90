//! Several nodes over one database, all at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use idgen::{Engine, LineKind, Range, Settings};

use crate::support::{Bench, assert_disjoint, buffered, dice, strict, sync, work};

/// One answer: when it was asked for, when it came, and the ids.
type Answer = (Instant, Instant, Range);

/// `clients` callers on each node, `calls` calls each.
async fn storm(
    bench: &Bench,
    nodes: &[Engine],
    settings: Settings,
    clients: usize,
    calls: usize,
) -> Vec<Answer> {
    let key = bench.create(&nodes[0], "storm", 41, settings).await;
    let mut callers = tokio::task::JoinSet::new();
    for client in 0..clients * nodes.len() {
        let node = nodes[client % nodes.len()].clone();
        let request = bench.request(&key, 1);
        callers.spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..calls {
                let request = idgen::Request { count: 1 + dice(40), ..request.clone() };
                let asked = Instant::now();
                let range = node.allocate(&request).await.unwrap().range;
                assert_eq!(range.count(), request.count as u64);
                answers.push((asked, Instant::now(), range));
            }
            answers
        });
    }
    let answers: Vec<Answer> = callers.join_all().await.into_iter().flatten().collect();
    for node in nodes {
        node.flush().await.unwrap();
    }
    let ranges: Vec<Range> = answers.iter().map(|(.., range)| *range).collect();
    assert_disjoint(&ranges);
    assert!(ranges.iter().all(|range| range.start() > 41));
    assert!(nodes[0].check(bench.org, &key).await.unwrap().is_empty());
    let lines = nodes[0].lines(bench.org, &key, 0, 100_000).await.unwrap();
    let mut issued: Vec<Range> =
        lines.iter().filter(|line| line.kind == LineKind::Issued).map(|line| line.range).collect();
    let mut received = ranges;
    issued.sort_by_key(|range| range.start());
    received.sort_by_key(|range| range.start());
    assert_eq!(issued, received, "the journal is what the callers received");
    answers
}

/// Answers that came before others were asked for have lower ids.
fn assert_rising(mut answers: Vec<Answer>) {
    answers.sort_by_key(|(_, came, _)| *came);
    let mut by_question: Vec<&Answer> = answers.iter().collect();
    by_question.sort_by_key(|(asked, ..)| *asked);
    let mut highest = 0;
    let mut done = answers.iter().peekable();
    for (asked, _, range) in by_question {
        while let Some((.., before)) = done.next_if(|(_, came, _)| came < asked) {
            highest = highest.max(before.end());
        }
        assert!(range.start() > highest, "{range:?} came after {highest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn strict_keys_rise_over_all_nodes_and_issue_no_id_twice() {
    let bench = Bench::new().await;
    let nodes = [bench.node().await, bench.node().await, bench.node().await];
    let working = nodes.each_ref().map(work);
    let answers = storm(&bench, &nodes, strict(), 4, 40).await;
    assert_eq!(answers.len(), 480);
    assert_rising(answers);
    for one in working {
        one.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn buffered_keys_issue_no_id_twice_over_all_nodes() {
    let bench = Bench::new().await;
    let nodes = [bench.node().await, bench.node().await, bench.node().await];
    let working = nodes.each_ref().map(work);
    let answers = storm(&bench, &nodes, buffered(), 4, 200).await;
    assert_eq!(answers.len(), 2_400);
    for one in working {
        one.stop().await;
    }
    let after = bench.node().await;
    let key = idgen::KeyName::new("storm").unwrap();
    let spans = after.unattributed(bench.org, &key).await.unwrap();
    assert!(spans.is_empty(), "every id up to the ceiling has its line: {spans:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_whose_lines_come_first_are_in_the_journal_as_received() {
    for settings in [sync(strict()), sync(buffered())] {
        let bench = Bench::new().await;
        // Nothing runs beside them: what is in the journal was written by the calls themselves.
        let nodes = [bench.node().await, bench.node().await];
        let answers = storm(&bench, &nodes, settings, 3, 30).await;
        assert_eq!(answers.len(), 180);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_are_cancelled_harm_nobody() {
    for settings in [strict(), buffered()] {
        let bench = Bench::new().await;
        let node = bench.node().await;
        let key = bench.create(&node, "hasty", 0, settings).await;
        let received = Arc::new(std::sync::Mutex::new(Vec::new()));
        let cancelled = Arc::new(AtomicI64::new(0));
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..12 {
            let (node, request) = (node.clone(), bench.request(&key, 7));
            let (received, cancelled) = (received.clone(), cancelled.clone());
            callers.spawn(async move {
                for _ in 0..25 {
                    let patience = std::time::Duration::from_micros(if caller % 2 == 0 {
                        dice(3_000) as u64
                    } else {
                        30_000_000
                    });
                    match tokio::time::timeout(patience, node.allocate(&request)).await {
                        Ok(issued) => received.lock().unwrap().push(issued.unwrap().range),
                        Err(_) => drop(cancelled.fetch_add(1, Ordering::Relaxed)),
                    }
                }
            });
        }
        callers.join_all().await;
        let received = received.lock().unwrap().clone();
        assert!(received.len() >= 150, "those that wait are served");
        assert_disjoint(&received);
        assert!(node.check(bench.org, &key).await.unwrap().is_empty());
    }
}
