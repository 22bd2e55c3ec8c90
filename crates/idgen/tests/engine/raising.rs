//! Setting a key to at least a number.

use idgen::LineKind;

use crate::support::{Bench, TRUST, assert_disjoint, both, buffered, range, strict, work};

#[tokio::test]
async fn a_key_is_raised_and_never_lowered() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 5).await;
        node.raise(bench.org, &key, 1_000).await.unwrap();
        assert_eq!(bench.take(&node, &key, 1).await, (1_001, 1_001), "{name}");
        for lower in [0, -1, 5, 1_000, 1_001] {
            node.raise(bench.org, &key, lower).await.unwrap();
        }
        assert_eq!(bench.take(&node, &key, 1).await, (1_002, 1_002), "{name}");
        let skipped = node.owner(bench.org, &key, 999).await.unwrap().unwrap();
        assert_eq!((skipped.kind, skipped.range.end()), (LineKind::Skipped, 1_000), "{name}");
        node.close().await.unwrap();
        let after = bench.node().await;
        assert!(after.check(bench.org, &key).await.unwrap().is_empty());
        let lines = after.lines(bench.org, &key, 0, 100).await.unwrap();
        let ceiling = after.key(bench.org, &key).await.unwrap().ceiling;
        let open = idgen::gaps(range(1, ceiling), lines.iter().map(|line| line.range));
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[tokio::test]
async fn when_raising_returns_no_node_issues_a_lower_id() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    for (name, settings) in both() {
        let key = bench.create(&first, name, 0, settings).await;
        // Both hold blocks with ids below the number.
        bench.take(&first, &key, 2).await;
        bench.take(&second, &key, 2).await;
        first.raise(bench.org, &key, 500).await.unwrap();
        let ids = [bench.take(&second, &key, 1).await.0, bench.take(&first, &key, 1).await.0];
        assert!(ids.iter().all(|id| *id > 500), "{name}: {ids:?}");
    }
}

#[tokio::test]
async fn a_key_that_somebody_inserted_by_hand_below_the_ceiling_is_jumped_over() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    bench.take(&second, &key, 2).await;
    let ceiling = first.key(bench.org, &key).await.unwrap().ceiling;
    assert!(ceiling >= 8);
    // The table's highest key is 7, which nobody was given: 3 to 7 may be taken.
    first.raise(bench.org, &key, 7).await.unwrap();
    let (id, _) = bench.take(&second, &key, 1).await;
    assert!(id > 7, "{id}");
}

#[tokio::test]
async fn a_table_whose_highest_key_was_issued_disturbs_nothing() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    assert_eq!(bench.take(&second, &key, 2).await, (1, 2));
    second.flush().await.unwrap();
    let begun = std::time::Instant::now();
    for id in [0, 1, 2] {
        first.raise(bench.org, &key, id).await.unwrap();
    }
    assert!(begun.elapsed() < TRUST * 3, "nothing had to be waited for");
    assert_eq!(bench.take(&second, &key, 1).await, (3, 3));
}

#[tokio::test]
async fn an_id_that_a_killed_node_issued_unwritten_disturbs_the_others_once_at_most() {
    let bench = Bench::new().await;
    let (first, second, third) = (bench.node().await, bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    assert_eq!(bench.take(&third, &key, 2).await, (1, 2));
    drop(third);
    bench.take(&second, &key, 1).await;
    first.raise(bench.org, &key, 2).await.unwrap();
    let (id, _) = bench.take(&second, &key, 1).await;
    let begun = std::time::Instant::now();
    first.raise(bench.org, &key, 2).await.unwrap();
    assert!(begun.elapsed() < TRUST, "nothing had to be waited for");
    tokio::time::sleep(TRUST).await;
    assert_eq!(bench.take(&second, &key, 1).await, (id + 1, id + 1), "its block is still good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn raising_again_and_again_while_others_issue_repeats_nothing() {
    for (_, settings) in both() {
        let bench = Bench::new().await;
        let nodes = [bench.node().await, bench.node().await];
        let working = nodes.each_ref().map(work);
        let key = bench.create(&nodes[0], "busy", 0, settings).await;
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..4 {
            let (node, request) = (nodes[caller % 2].clone(), bench.request(&key, 3));
            callers.spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..60 {
                    mine.push(node.allocate(&request).await.unwrap().range);
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                mine
            });
        }
        let mut floor = 0;
        for _ in 0..6 {
            let raised = nodes[0].raise(bench.org, &key, floor).await.unwrap();
            let seen = bench.try_take(&nodes[1], &key, 1).await.unwrap().range;
            assert!(seen.start() > floor, "{seen:?} after raising to {floor}");
            floor = raised.ceiling + 100;
        }
        let mut ranges: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
        assert_disjoint(&ranges);
        ranges.sort_by_key(|range| range.start());
        for one in working {
            one.stop().await;
        }
        let after = bench.node().await;
        assert!(after.check(bench.org, &key).await.unwrap().is_empty());
        assert_eq!(after.unattributed(bench.org, &key).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_quarantined_key_can_be_raised_and_stays_there() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    node.quarantine(bench.org, &key, "the table is being copied").await.unwrap();
    node.raise(bench.org, &key, 40).await.unwrap();
    assert_eq!(bench.refusal(&node, &key).await, "key_quarantined");
    node.release(bench.org, &key, 40).await.unwrap();
    assert_eq!(bench.take(&node, &key, 1).await, (41, 41));
}
