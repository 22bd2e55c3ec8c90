//! Counters that cannot be right: the key stops with a reason, and there is a way out.

use idgen::{KeyName, NewKey, Reason, State};

use crate::support::{Bench, TRUST, both, buffered, strict};

async fn reason(node: &idgen::Engine, bench: &Bench, key: &KeyName) -> (Reason, String) {
    let key = node.key(bench.org, key).await.unwrap();
    assert_eq!(key.state, State::Quarantined);
    key.reason.unwrap()
}

#[tokio::test]
async fn a_counter_behind_its_journal_is_stopped_before_it_issues() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 50).await;
        node.close().await.unwrap();
        // As after a restore of this table alone.
        bench.sql(&format!("UPDATE id_key SET ceiling = 20 WHERE name = '{name}'")).await;
        let fresh = bench.node().await;
        assert_eq!(bench.refusal(&fresh, &key).await, "key_quarantined", "{name}");
        let (kind, sentence) = reason(&fresh, &bench, &key).await;
        assert_eq!(kind, Reason::BehindJournal);
        assert!(sentence.contains("20") && sentence.contains("50"), "{sentence}");
    }
}

#[tokio::test]
async fn a_counter_behind_a_lease_is_stopped_before_it_issues() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, buffered()).await;
    bench.take(&node, &key, 1).await;
    // The lines are lost with the node; its lease is not.
    drop(node);
    bench.sql("UPDATE id_key SET ceiling = 0").await;
    let fresh = bench.node().await;
    assert_eq!(bench.refusal(&fresh, &key).await, "key_quarantined");
    assert_eq!(reason(&fresh, &bench, &key).await.0, Reason::BehindJournal);
}

#[tokio::test]
async fn a_counter_behind_what_this_node_issued_is_stopped_even_when_the_journal_is_lost_too() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 10).await;
        node.flush().await.unwrap();
        // As after a restore of everything from before the first call.
        bench.sql("DELETE FROM id_journal").await;
        bench.sql("DELETE FROM id_lease").await;
        bench.sql(&format!("UPDATE id_key SET ceiling = 0, drawn = 0 WHERE name = '{name}'")).await;
        // A buffered node notices when it leases again.
        let error = bench.try_take(&node, &key, 1_000).await.unwrap_err();
        assert_eq!(error.code(), "key_quarantined", "{name}");
        let (kind, sentence) = reason(&node, &bench, &key).await;
        assert_eq!(kind, Reason::BehindIssued, "{name}");
        assert!(sentence.contains("10"), "{sentence}");
        // Other nodes, which know nothing of it, are stopped by the same row.
        let other = bench.node().await;
        assert_eq!(bench.refusal(&other, &key).await, "key_quarantined");
        let error = other.release(bench.org, &key, 9).await.unwrap_err();
        assert_eq!(error.code(), "below_known", "the doubt itself says how far ids are known");
        let known = node.key(bench.org, &key).await.unwrap().claimed;
        assert!(known >= 10);
        other.release(bench.org, &key, known).await.unwrap();
        assert_eq!(bench.take(&other, &key, 1).await, (known + 1, known + 1));
        assert!(bench.take(&node, &key, 1).await.0 > known + 1, "{name}");
    }
}

#[tokio::test]
async fn two_nodes_that_disagree_stop_the_key() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, strict()).await;
    bench.take(&first, &key, 10).await;
    bench.take(&second, &key, 10).await;
    for node in [&first, &second] {
        node.flush().await.unwrap();
    }
    bench.sql("DELETE FROM id_journal").await;
    bench.sql("UPDATE id_key SET ceiling = 10").await;
    // The first node issued up to 10 and sees nothing wrong; the second one knows better.
    assert_eq!(bench.take(&first, &key, 1).await, (11, 11));
    assert_eq!(bench.refusal(&second, &key).await, "key_quarantined");
    assert_eq!(bench.refusal(&first, &key).await, "key_quarantined");
    assert_eq!(reason(&first, &bench, &key).await.0, Reason::BehindIssued);
}

#[tokio::test]
async fn two_leases_of_the_same_ids_stop_the_key() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    let key = bench.create(&first, "orders", 0, buffered()).await;
    bench.take(&first, &key, 1).await;
    let leased = first.key(bench.org, &key).await.unwrap().ceiling;
    bench.take(&second, &key, 1).await;
    // Set back to where the second lease began, behind the backs of both.
    bench.sql(&format!("UPDATE id_key SET ceiling = {leased}")).await;
    let error = bench.try_take(&first, &key, 1_000).await.unwrap_err();
    assert_eq!(error.code(), "key_quarantined");
    assert_eq!(reason(&first, &bench, &key).await.0, Reason::Overlap);
    assert_eq!(bench.try_take(&second, &key, 1_000).await.unwrap_err().code(), "key_quarantined");
}

#[tokio::test]
async fn a_key_that_was_deleted_and_made_again_is_stopped_by_a_node_that_knew_it() {
    let bench = Bench::new().await;
    for (name, settings) in both() {
        let node = bench.node().await;
        let key = bench.create(&node, name, 0, settings).await;
        bench.take(&node, &key, 10).await;
        bench.sql(&format!("DELETE FROM id_key WHERE name = '{name}'")).await;
        assert_eq!(
            bench.try_take(&node, &key, 1_000).await.unwrap_err().code(),
            "key_unknown",
            "{name}: a counter that vanished does not begin at 1"
        );
        let again = NewKey { org: bench.org, name: key.clone(), in_use: 0, settings };
        bench.node().await.create(&again).await.unwrap();
        let error = bench.try_take(&node, &key, 1_000).await.unwrap_err();
        assert_eq!(error.code(), "key_quarantined", "{name}");
        assert_eq!(reason(&node, &bench, &key).await.0, Reason::BehindIssued);
    }
}

#[tokio::test]
async fn a_key_in_quarantine_issues_nothing_on_any_node_until_it_is_released_above_all_that_is_known() {
    let bench = Bench::new().await;
    let (first, second) = (bench.node().await, bench.node().await);
    for (name, settings) in both() {
        let key = bench.create(&first, name, 0, settings).await;
        bench.take(&first, &key, 3).await;
        bench.take(&second, &key, 3).await;
        first.quarantine(bench.org, &key, "the operator is not sure").await.unwrap();
        for node in [&first, &second] {
            let error = bench.try_take(node, &key, 1).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (base::Kind::Unavailable, "key_quarantined"), "{name}");
            assert!(error.detail().contains("the operator is not sure"));
        }
        assert!(first.alarms(1).await.unwrap().iter().any(|one| one.key.name == key));
        let ceiling = first.key(bench.org, &key).await.unwrap().ceiling;
        let error = second.release(bench.org, &key, ceiling - 1).await.unwrap_err();
        assert_eq!(error.code(), "below_known");
        assert!(error.detail().contains(&ceiling.to_string()), "{}", error.detail());
        let released = second.release(bench.org, &key, ceiling + 10).await.unwrap();
        assert_eq!((released.state, released.reason), (State::Active, None));
        // The other node hears of it within its trust.
        tokio::time::sleep(TRUST).await;
        let ids = [bench.take(&second, &key, 1).await.0, bench.take(&first, &key, 1).await.0];
        assert!(ids.iter().all(|id| *id > ceiling + 10), "{name}: {ids:?}");
        assert_eq!(second.release(bench.org, &key, 9_999).await.unwrap_err().code(), "not_quarantined");
    }
}

#[tokio::test]
async fn a_scheduled_check_finds_a_counter_that_was_set_back_while_nobody_asked() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let key = bench.create(&node, "orders", 0, strict()).await;
    bench.take(&node, &key, 10).await;
    node.flush().await.unwrap();
    bench.sql("UPDATE id_key SET ceiling = 3").await;
    assert!(node.check_all().await.unwrap().is_empty(), "no line overlaps another");
    assert_eq!(node.key(bench.org, &key).await.unwrap().state, State::Quarantined);
}
