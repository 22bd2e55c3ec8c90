//! Who has which id.

use base::Clock;
use idgen::{LineKind, Request};

use crate::support::{Bench, both, buffered, range, strict};

#[tokio::test]
async fn an_id_leads_to_the_call_that_got_it() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        for (caller, count) in [("ann", 5), ("bob", 1), ("cyd", 20)] {
            let request = Request {
                caller: Some(caller.to_owned()),
                request_id: Some(format!("request-of-{caller}")),
                ..bench.request(&key, count)
            };
            node.allocate(&request).await.unwrap();
        }
        for (id, caller) in [(1, "ann"), (5, "ann"), (6, "bob"), (7, "cyd"), (26, "cyd")] {
            let line = node.owner(bench.org, &key, id).await.unwrap().unwrap();
            assert_eq!((line.kind, line.caller.as_deref()), (LineKind::Issued, Some(caller)), "{name} {id}");
            assert_eq!(line.request_id, Some(format!("request-of-{caller}")));
            assert_eq!(line.node, node.node());
        }
        for id in [0, 27, -5, i64::MAX] {
            assert_eq!(node.owner(bench.org, &key, id).await.unwrap(), None, "{name} {id}");
        }
    }
}

#[tokio::test]
async fn words_that_no_column_holds_are_cut_and_not_lost() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    let request = Request {
        caller: Some(format!("a\0b{}", "é".repeat(300))),
        request_id: Some("r".repeat(100)),
        ..bench.request(&key, 1)
    };
    node.allocate(&request).await.unwrap();
    let line = node.owner(bench.org, &key, 1).await.unwrap().unwrap();
    let caller = line.caller.unwrap();
    assert!(caller.starts_with("abé") && caller.chars().count() == 200);
    assert_eq!(line.request_id.unwrap().len(), 64);
}

#[tokio::test]
async fn two_owners_of_an_id_are_found_and_stop_the_key_and_no_other() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    let other = bench.create(&node, "customers", 0, strict()).await;
    for key in [&key, &other] {
        bench.take(&node, key, 10).await;
        bench.take(&node, key, 10).await;
    }
    assert!(node.check_all().await.unwrap().is_empty());
    bench.sql("UPDATE id_journal SET range_end = 12 WHERE range_start = 1 AND key_id = (SELECT id FROM id_key WHERE name = 'orders')").await;
    let found = node.check_all().await.unwrap();
    assert_eq!(found.iter().map(|one| one.range).collect::<Vec<_>>(), [range(11, 12)]);
    assert_eq!(bench.refusal(&node, &key).await, "key_quarantined");
    let (reason, sentence) = node.key(bench.org, &key).await.unwrap().reason.unwrap();
    assert_eq!(reason, idgen::Reason::Overlap);
    assert!(sentence.contains("11 to 12"), "{sentence}");
    assert_eq!(bench.take(&node, &other, 1).await, (21, 21));
}

#[tokio::test]
async fn the_database_refuses_a_second_owner_and_both_stay_visible() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    bench.take(&node, &key, 10).await;
    node.flush().await.unwrap();
    bench.take(&node, &key, 5).await;
    // Another hand writes a line for the ids that this node is about to write.
    bench.sql("UPDATE id_journal SET range_start = 11, range_end = 11 WHERE range_start = 1").await;
    node.flush().await.unwrap();
    assert_eq!(bench.refusal(&node, &key).await, "key_quarantined");
    let lines = node.lines(bench.org, &key, 11, 10).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|line| (line.range, line.turn)).collect();
    assert_eq!(lines, [(range(11, 11), 0), (range(11, 15), 2)]);
    assert_eq!(node.check(bench.org, &key).await.unwrap().len(), 1);
}

#[tokio::test]
async fn lines_are_read_page_by_page() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, buffered()).await;
    for _ in 0..10 {
        bench.take(&node, &key, 3).await;
    }
    let mut starts = Vec::new();
    let mut from = 0;
    loop {
        let page = node.lines(bench.org, &key, from, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        from = last.range.start() + 1;
        starts.extend(page.iter().map(|line| line.range.start()));
    }
    assert_eq!(starts, (0..10).map(|n| n * 3 + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_of_nameless_callers_is_few_lines_and_every_id_is_still_spoken_of() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "a:b:c:flood", 0, buffered()).await;
    let other = bench.create(&node, "a:b:c:other", 0, buffered()).await;
    for n in 0..300 {
        let caller = (n % 100 < 99).then(|| "anonymous".to_owned());
        let request = Request { caller, merge: true, ..bench.request(&key, 2) };
        node.allocate(&request).await.unwrap();
        node.allocate(&Request { merge: true, ..bench.request(&other, 1) }).await.unwrap();
    }
    let lines = node.lines(bench.org, &key, 1, 1_000).await.unwrap();
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert_eq!(lines.iter().map(|line| line.calls).sum::<i64>(), 300);
    assert_eq!(lines.iter().map(|line| line.range.count()).sum::<u64>(), 600);
    assert_eq!(
        node.unattributed(bench.org, &key).await.unwrap().iter().filter(|span| !span.is_held).count(),
        0
    );
    assert!(node.check(bench.org, &key).await.unwrap().is_empty());
    assert_eq!(node.owner(bench.org, &key, 2 * 99 + 1).await.unwrap().unwrap().caller, None);
}

#[tokio::test]
async fn who_used_how_much_is_counted_minute_by_minute() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        let since = bench.clock.now() - chrono::TimeDelta::minutes(2);
        for caller in ["a", "b", "a"] {
            let request = Request { caller: Some(caller.to_owned()), ..bench.request(&key, 7) };
            node.allocate(&request).await.unwrap();
            node.flush().await.unwrap();
        }
        let uses = node.usage(bench.org, &key, since).await.unwrap();
        let of = |caller: &str| {
            let own = uses.iter().filter(|one| one.caller.as_deref() == Some(caller));
            own.fold((0, 0), |sum, one| (sum.0 + one.ids, sum.1 + one.calls))
        };
        assert_eq!((of("a"), of("b")), ((14, 2), (7, 1)), "{name}");
    }
}
