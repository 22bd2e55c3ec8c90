//! What a single node issues.

use base::{Clock, Id, SystemClock};
use idgen::{KeyName, NewKey, Request};

use crate::support::{Bench, both, buffered, range, strict, work};

#[tokio::test]
async fn the_first_id_is_the_one_after_those_in_use_and_the_rest_follow_without_a_gap() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 1_500, settings).await;
        assert_eq!(bench.take(&node, &key, 1).await, (1_501, 1_501), "{name}");
        assert_eq!(bench.take(&node, &key, 100).await, (1_502, 1_601), "{name}");
        assert_eq!(bench.take(&node, &key, 7).await, (1_602, 1_608), "{name}");
    }
}

#[tokio::test]
async fn ids_begin_at_one_when_a_table_has_negative_keys_only() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "negative", -7, strict()).await;
    assert_eq!(bench.take(&node, &key, 3).await, (1, 3));
}

#[tokio::test]
async fn a_key_is_made_once_and_a_second_time_is_refused() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 10, strict()).await;
    let again = NewKey { org: bench.org, name: key.clone(), in_use: 5, settings: strict() };
    assert_eq!(node.create(&again).await.unwrap_err().code(), "key_exists");
    assert_eq!(node.create_if_missing(&again).await.unwrap().origin, 10);
    assert_eq!(bench.take(&node, &key, 1).await, (11, 11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_use_by_many_at_once_makes_one_key_and_no_overlap() {
    let bench = Bench::new().await;
    let nodes = [bench.node().await, bench.node().await];
    let name = KeyName::of_column(["shop", "main", "orders", "id"]).unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..20 {
        let node = nodes[call % 2].clone();
        let new = NewKey { org: bench.org, name: name.clone(), in_use: 70_000, settings: buffered() };
        let request = bench.request(&name, 5);
        calls.spawn(async move {
            node.create_if_missing(&new).await.unwrap();
            node.allocate(&request).await.unwrap().range
        });
    }
    let ranges = calls.join_all().await;
    crate::support::assert_disjoint(&ranges);
    assert!(ranges.iter().all(|range| range.start() > 70_000));
}

#[tokio::test]
async fn a_name_of_another_organisation_is_another_counter() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    let other: Id = base::id::new(SystemClock.now());
    let new = NewKey { org: other, name: key.clone(), in_use: 900, settings: strict() };
    node.create(&new).await.unwrap();
    assert_eq!(bench.take(&node, &key, 2).await, (1, 2));
    let request = Request { org: other, ..bench.request(&key, 2) };
    assert_eq!(node.allocate(&request).await.unwrap().range.start(), 901);
    assert_eq!(node.keys(Some(other)).await.unwrap().len(), 1);
    assert_eq!(node.keys(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn counts_outside_the_bounds_and_unknown_keys_are_refused_and_change_nothing() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let settings = idgen::Settings { most_ids: 50, ..settings };
        let key = bench.create(&node, name, 0, settings).await;
        for count in [0, -1, i64::MIN, 51, i64::MAX] {
            let error = bench.try_take(&node, &key, count).await.unwrap_err();
            assert_eq!(
                (error.code(), error.field_errors()[0].field.as_str()),
                ("validation_failed", "count")
            );
        }
        assert_eq!(bench.take(&node, &key, 50).await, (1, 50));
    }
    let unknown = KeyName::new("nothing").unwrap();
    assert_eq!(bench.refusal(&node, &unknown).await, "key_unknown");
    bench.create(&node, "nothing", 0, strict()).await;
    assert_eq!(bench.take(&node, &unknown, 1).await, (1, 1), "unknown names are not remembered as unknown");
}

#[tokio::test]
async fn a_retired_key_issues_nothing_and_its_name_does_not_begin_again() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let other = bench.node().await;
    let key = bench.create(&node, "old", 0, buffered()).await;
    bench.take(&node, &key, 5).await;
    bench.take(&other, &key, 5).await;
    node.retire(bench.org, &key).await.unwrap();
    assert_eq!(bench.refusal(&node, &key).await, "key_retired");
    assert_eq!(bench.refusal(&other, &key).await, "key_retired");
    let again = NewKey { org: bench.org, name: key.clone(), in_use: 0, settings: strict() };
    assert_eq!(node.create(&again).await.unwrap_err().code(), "key_exists");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_grow_with_demand_and_one_node_leaves_no_gap_between_them() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "busy", 0, buffered()).await;
    let mut jumps = Vec::new();
    let mut ceiling = 0;
    for id in 1..=2_000 {
        assert_eq!(bench.take(&node, &key, 1).await, (id, id));
        if id > ceiling {
            let now = node.key(bench.org, &key).await.unwrap().ceiling;
            jumps.push(now - ceiling);
            ceiling = now;
        }
    }
    assert_eq!(jumps[0], 10, "the smallest block comes first: {jumps:?}");
    assert_eq!(jumps.iter().max(), Some(&1_000), "the largest is never passed: {jumps:?}");
    let lines = node.lines(bench.org, &key, 1, 3_000).await.unwrap();
    assert!(lines.iter().zip(1..).all(|(line, id)| line.range == range(id, id)));
    assert_eq!(lines.len(), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_block_is_fetched_before_the_last_id_of_this_one_is_issued() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let working = work(&node);
    let key = bench.create(&node, "busy", 0, buffered()).await;
    bench.take(&node, &key, 4).await;
    assert_eq!(node.key(bench.org, &key).await.unwrap().ceiling, 10);
    bench.take(&node, &key, 3).await;
    for _ in 0..200 {
        if node.key(bench.org, &key).await.unwrap().ceiling > 10 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(node.key(bench.org, &key).await.unwrap().ceiling > 10, "nobody had to ask for it");
    assert_eq!(bench.take(&node, &key, 8).await, (8, 15));
    working.stop().await;
    assert_eq!(node.key(bench.org, &key).await.unwrap().ceiling, 15);
}

#[tokio::test]
async fn a_node_that_ends_in_order_gives_back_what_it_did_not_issue() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, buffered()).await;
    bench.take(&node, &key, 3).await;
    node.close().await.unwrap();
    assert_eq!(bench.refusal(&node, &key).await, "engine_closed");
    let next = bench.node().await;
    assert_eq!(bench.take(&next, &key, 1).await, (4, 4));
    next.close().await.unwrap();
    let after = bench.node().await;
    assert!(after.unattributed(bench.org, &key).await.unwrap().is_empty());
    assert_eq!(after.key(bench.org, &key).await.unwrap().ceiling, 4);
}

#[tokio::test]
async fn a_block_below_another_nodes_is_dropped_and_the_journal_says_so() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    bench.take(&first, &key, 3).await;
    let (start, _) = bench.take(&second, &key, 1).await;
    first.close().await.unwrap();
    let dropped = second.owner(bench.org, &key, 4).await.unwrap().unwrap();
    assert_eq!(dropped.kind, idgen::LineKind::Dropped);
    assert_eq!((dropped.range.start(), dropped.range.end()), (4, start - 1));
    assert_eq!(bench.take(&second, &key, 1).await, (start + 1, start + 1));
}

#[tokio::test]
async fn a_key_changes_its_mode_without_issuing_anything_twice() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    let mut ranges = Vec::new();
    for settings in [strict(), buffered(), strict()] {
        for node in [&first, &second] {
            ranges.push(bench.try_take(node, &key, 4).await.unwrap().range);
        }
        first.configure(bench.org, &key, settings).await.unwrap();
        for node in [&first, &second, &first] {
            ranges.push(bench.try_take(node, &key, 4).await.unwrap().range);
        }
    }
    crate::support::assert_disjoint(&ranges);
    let strict: Vec<_> = ranges[12..].to_vec();
    assert!(strict.windows(2).all(|pair| pair[0].end() < pair[1].start()), "{strict:?}");
}
