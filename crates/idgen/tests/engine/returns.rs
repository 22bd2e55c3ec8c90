//! Ranges that are handed back unused.

use idgen::{IdType, LineKind, Request};

use crate::support::{Bench, both, buffered, narrow, range, strict};

#[tokio::test]
async fn the_newest_range_is_taken_back_and_issued_again_after_its_line() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 3).await;
        assert_eq!(bench.take(&node, &key, 5).await, (4, 8));
        let line = node.return_range(bench.org, &key, range(4, 8), Some("tester")).await.unwrap();
        assert_eq!((line.kind, line.range), (LineKind::Returned, range(4, 8)));
        let owner = node.owner(bench.org, &key, 6).await.unwrap().unwrap();
        assert_eq!(owner.kind, LineKind::Returned, "{name}");
        assert_eq!(bench.take(&node, &key, 2).await, (4, 5), "{name}");
        let kinds: Vec<_> = node.lines(bench.org, &key, 4, 10).await.unwrap();
        let kinds: Vec<_> = kinds.iter().map(|line| (line.kind, line.range)).collect();
        assert_eq!(
            kinds,
            [
                (LineKind::Issued, range(4, 8)),
                (LineKind::Returned, range(4, 8)),
                (LineKind::Issued, range(4, 5))
            ]
        );
        assert_eq!(node.owner(bench.org, &key, 5).await.unwrap().unwrap().kind, LineKind::Issued);
        assert_eq!(node.owner(bench.org, &key, 6).await.unwrap(), None, "{name}: it has no owner now");
        assert!(node.check(bench.org, &key).await.unwrap().is_empty());
        // And once more, so that turns go on.
        node.return_range(bench.org, &key, range(4, 5), Some("tester")).await.unwrap();
        assert_eq!(bench.take(&node, &key, 9).await, (4, 12), "{name}");
        assert!(node.check(bench.org, &key).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_older_range_a_part_and_a_range_of_somebody_else_are_not_taken_back() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 3).await;
        bench.take(&node, &key, 3).await;
        for (ids, caller, code) in [
            (range(1, 3), Some("tester"), "not_newest"),
            (range(5, 6), Some("tester"), "range_unknown"),
            (range(4, 6), Some("thief"), "range_unknown"),
            (range(4, 6), None, "range_unknown"),
            (range(4, 900), Some("tester"), "range_unknown"),
            (range(7, 9), Some("tester"), "range_unknown"),
        ] {
            let error = node.return_range(bench.org, &key, ids, caller).await.unwrap_err();
            assert_eq!(error.code(), code, "{name} {ids:?} {caller:?}");
        }
        assert_eq!(bench.take(&node, &key, 1).await, (7, 7), "{name}");
        // What was given back cannot be given back again.
        node.return_range(bench.org, &key, range(7, 7), Some("tester")).await.unwrap();
        let error = node.return_range(bench.org, &key, range(7, 7), Some("tester")).await.unwrap_err();
        assert_eq!(error.code(), "range_unknown");
    }
}

#[tokio::test]
async fn a_strict_range_is_taken_back_by_any_node_and_the_issuer_goes_on() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, strict()).await;
    bench.take(&first, &key, 10).await;
    assert_eq!(bench.take(&first, &key, 10).await, (11, 20));
    first.flush().await.unwrap();
    second.return_range(bench.org, &key, range(11, 20), Some("tester")).await.unwrap();
    // The issuer remembers that it issued up to 20; the journal tells it why that is no contradiction.
    assert_eq!(bench.take(&second, &key, 4).await, (11, 14));
    assert_eq!(bench.take(&first, &key, 4).await, (15, 18));
    assert_eq!(bench.take(&second, &key, 4).await, (19, 22));
    for node in [&first, &second] {
        node.flush().await.unwrap();
        assert!(node.check(bench.org, &key).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_range_of_another_nodes_block_stays_issued() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    bench.take(&first, &key, 4).await;
    first.flush().await.unwrap();
    let error = second.return_range(bench.org, &key, range(1, 4), Some("tester")).await.unwrap_err();
    assert_eq!(error.code(), "not_newest");
    assert_eq!(bench.take(&first, &key, 1).await, (5, 5));
}

#[tokio::test]
async fn a_token_does_not_stand_for_a_range_that_was_handed_back() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        let request = Request { token: Some(format!("of {name}")), ..bench.request(&key, 4) };
        assert_eq!(node.allocate(&request).await.unwrap().range, range(1, 4));
        node.return_range(bench.org, &key, range(1, 4), Some("tester")).await.unwrap();
        let stranger = Request { caller: None, ..bench.request(&key, 2) };
        assert_eq!(node.allocate(&stranger).await.unwrap().range, range(1, 2));
        let again = node.allocate(&request).await.unwrap();
        assert_eq!((again.range, again.repeated), (range(3, 6), false), "{name}");
    }
}

#[tokio::test]
async fn a_full_key_issues_again_what_was_handed_back() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 117, narrow(settings, IdType::I8)).await;
        assert_eq!(bench.take(&node, &key, 6).await, (118, 123));
        assert_eq!(bench.take(&node, &key, 4).await, (124, 127));
        assert_eq!(bench.refusal(&node, &key).await, "key_exhausted", "{name}");
        node.return_range(bench.org, &key, range(124, 127), Some("tester")).await.unwrap();
        assert_eq!(bench.take(&node, &key, 3).await, (124, 126), "{name}");
        assert_eq!(bench.take(&node, &key, 1).await, (127, 127), "{name}");
        assert_eq!(bench.refusal(&node, &key).await, "key_exhausted", "{name}");
    }
}

#[tokio::test]
async fn what_was_handed_back_before_an_orderly_stop_is_issued_again_by_the_next_node() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        assert_eq!(bench.take(&node, &key, 10).await, (1, 10));
        node.return_range(bench.org, &key, range(1, 10), Some("tester")).await.unwrap();
        node.close().await.unwrap();
        let next = bench.node().await;
        assert_eq!(bench.take(&next, &key, 10).await, (1, 10), "{name}");
        next.flush().await.unwrap();
        assert!(next.check(bench.org, &key).await.unwrap().is_empty(), "{name}");
        assert_eq!(bench.take(&next, &key, 1).await.0, 11, "{name}");
    }
}
