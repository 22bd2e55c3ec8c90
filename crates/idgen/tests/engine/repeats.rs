//! Calls that come again with the same token.

use chrono::TimeDelta;
use idgen::{Request, gaps};

use crate::support::{Bench, both, range, strict};

fn with_token(request: Request, token: &str) -> Request {
    Request { token: Some(token.to_owned()), ..request }
}

#[tokio::test]
async fn a_retry_gets_the_same_range_on_every_node_and_after_a_crash() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        let request = with_token(bench.request(&key, 9), &format!("once {name}"));
        let first = node.allocate(&request).await.unwrap();
        assert!(!first.repeated);
        let again = node.allocate(&request).await.unwrap();
        assert_eq!((again.range, again.repeated), (first.range, true), "{name}");
        drop(node);
        let other = bench.node().await;
        assert_eq!(other.allocate(&request).await.unwrap(), again);
        // It was committed before the answer, and once.
        let lines = other.lines(bench.org, &key, 0, 10).await.unwrap();
        assert_eq!(lines.len(), 1);
        let next = other.allocate(&with_token(request, &format!("twice {name}"))).await.unwrap();
        assert!(next.range.start() > first.range.end());
        other.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_token_with_another_request_is_refused_and_belongs_to_its_caller() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    let other_key = bench.create(&node, "customers", 0, strict()).await;
    let request = with_token(bench.request(&key, 9), "once");
    let first = node.allocate(&request).await.unwrap();
    for other in [Request { count: 8, ..request.clone() }, Request { key: other_key, ..request.clone() }] {
        assert_eq!(node.allocate(&other).await.unwrap_err().code(), "idempotency_key_reused");
    }
    let stranger = Request { caller: Some("somebody else".to_owned()), ..request.clone() };
    let theirs = node.allocate(&stranger).await.unwrap();
    assert!(!theirs.repeated && theirs.range != first.range);
    for token in ["", &"x".repeat(256), "a\nb"] {
        let error = node.allocate(&with_token(request.clone(), token)).await.unwrap_err();
        assert_eq!(error.code(), "validation_failed");
    }
    assert_eq!(bench.take(&node, &key, 1).await, (19, 19), "nothing was lost on refusals");
}

#[tokio::test]
async fn a_token_is_forgotten_after_a_day() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    let request = with_token(bench.request(&key, 2), "daily");
    let first = node.allocate(&request).await.unwrap();
    bench.clock.advance(TimeDelta::hours(23));
    assert_eq!(node.allocate(&request).await.unwrap().range, first.range);
    bench.clock.advance(TimeDelta::hours(2));
    let second = node.allocate(&request).await.unwrap();
    assert_eq!((second.range, second.repeated), (range(3, 4), false));
    node.keep().await.unwrap();
    assert!(node.allocate(&request).await.unwrap().repeated, "only what is too old is forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_call_by_many_at_once_is_given_one_range() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let nodes = [bench.node().await, bench.node().await];
        let key = bench.create(&nodes[0], name, 0, settings).await;
        let request = with_token(bench.request(&key, 6), &format!("together {name}"));
        let mut calls = tokio::task::JoinSet::new();
        for call in 0..12 {
            let (node, request) = (nodes[call % 2].clone(), request.clone());
            calls.spawn(async move { node.allocate(&request).await.unwrap() });
        }
        let all = calls.join_all().await;
        assert!(all.iter().all(|one| one.range == all[0].range), "{name}: {all:?}");
        assert_eq!(all.iter().filter(|one| !one.repeated).count(), 1, "{name}");
        for node in &nodes {
            node.close().await.unwrap();
        }
        // What the slower ones had drawn belongs to nobody, and the journal says so.
        let after = bench.node().await;
        let lines = after.lines(bench.org, &key, 0, 100).await.unwrap();
        let ceiling = after.key(bench.org, &key).await.unwrap().ceiling;
        let open = gaps(range(1, ceiling), lines.iter().map(|line| line.range));
        assert!(open.is_empty(), "{name}: {open:?}");
        assert!(after.check(bench.org, &key).await.unwrap().is_empty());
    }
}
