//! Keys that are renamed, given up and taken up again.

use idgen::{KeyName, State};

use crate::support::{Bench, both};

#[tokio::test]
async fn a_renamed_key_goes_on_above_what_it_issued_and_its_old_name_is_unknown() {
    let bench = Bench::new().await;
    let (one, two) = (bench.node().await, bench.node().await);
    for (name, settings) in both() {
        let key = bench.create(&one, name, 100, settings).await;
        bench.take(&one, &key, 5).await;
        let before = bench.take(&two, &key, 5).await;
        let renamed = KeyName::new(&format!("{name}:renamed")).unwrap();
        one.rename(bench.org, &key, &renamed).await.unwrap();
        let after = bench.take(&one, &renamed, 5).await;
        assert!(after.0 > before.1, "{name}: {after:?} after {before:?}");
        for node in [&one, &two] {
            let refused = bench.try_take(node, &key, 1).await.unwrap_err();
            assert_eq!(refused.code(), "key_unknown", "{name}");
        }
        two.flush().await.unwrap();
        assert_eq!(one.owner(bench.org, &renamed, before.0).await.unwrap().unwrap().range.start(), before.0);
        // The old name is free for a key of its own, and the new one is taken.
        bench.create(&one, name, 0, settings).await;
        let taken = one.rename(bench.org, &key, &renamed).await.unwrap_err();
        assert_eq!(taken.code(), "key_exists");
        assert!(two.check(bench.org, &renamed).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn of_keys_that_are_renamed_together_all_are_or_none() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let [(_, settings), _] = both();
    let names = ["old:one", "old:two", "new:two"].map(|name| KeyName::new(name).unwrap());
    for name in &names {
        bench.create(&node, name.as_str(), 0, settings).await;
    }
    let to = |name: &str| KeyName::new(name).unwrap();
    let pairs = [(names[0].clone(), to("new:one")), (names[1].clone(), to("new:two"))];
    assert_eq!(node.rename_all(bench.org, &pairs).await.unwrap_err().code(), "key_exists");
    assert!(node.key(bench.org, &names[0]).await.is_ok());
    assert_eq!(node.key(bench.org, &to("new:one")).await.unwrap_err().code(), "key_unknown");
}

#[tokio::test]
async fn a_key_that_was_given_up_goes_on_above_everything_when_it_is_taken_up_again() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 10, settings).await;
        let before = bench.take(&node, &key, 5).await;
        assert_eq!(node.revive(bench.org, &key).await.unwrap_err().code(), "not_retired");
        node.retire(bench.org, &key).await.unwrap();
        assert_eq!(bench.try_take(&node, &key, 1).await.unwrap_err().code(), "key_retired");
        assert_eq!(node.revive(bench.org, &key).await.unwrap().state, State::Active);
        assert!(bench.take(&node, &key, 1).await.0 > before.1);
    }
}

#[tokio::test]
async fn a_key_that_was_in_doubt_when_it_was_given_up_goes_on_above_what_the_doubt_was_about() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, settings).await;
        let issued = bench.take(&node, &key, 600).await.1;
        node.flush().await.unwrap();
        // The database comes back from a backup that knows nothing of it.
        bench
            .sql(&format!(
                "DELETE FROM id_lease WHERE key_id IN (SELECT id FROM id_key WHERE name = '{name}')"
            ))
            .await;
        bench
            .sql(&format!(
                "DELETE FROM id_journal WHERE key_id IN (SELECT id FROM id_key WHERE name = '{name}')"
            ))
            .await;
        bench
            .sql(&format!(
                "UPDATE id_key SET ceiling = 10, epoch = epoch + 1, generation = NULL WHERE name = '{name}'"
            ))
            .await;
        bench.sql("UPDATE id_change SET version = version + 1").await;
        node.check(bench.org, &key).await.unwrap();
        assert_eq!(bench.refusal(&node, &key).await, "key_quarantined", "{name}");
        // Somebody who remembers nothing gives it up and takes it up again.
        let fresh = bench.node().await;
        fresh.retire(bench.org, &key).await.unwrap();
        fresh.revive(bench.org, &key).await.unwrap();
        assert!(bench.take(&fresh, &key, 1).await.0 > issued, "{name}");
    }
}
