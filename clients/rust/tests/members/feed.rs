//! The change feed: what is asked for again, what is gone at once, what happens where it was interrupted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tenon_id::members::{Change, Error, Members, Options, Reason};

use crate::{
    fake::{READ, Reply, Step, Tenon, WRITE, answer, found, problem},
    may, why,
};

/// What hooks were told, in its order.
type Told = Arc<Mutex<Vec<String>>>;

fn hooked(tenon: &Tenon, cursor: Option<String>) -> (Members, Told) {
    let told = Told::default();
    let (changes, cursors) = (told.clone(), told.clone());
    let options = Options {
        cursor,
        on_change: Some(Arc::new(move |change: &Change| changes.lock().unwrap().push(change.op.clone()))),
        on_cursor: Some(Arc::new(move |cursor: &str| cursors.lock().unwrap().push(cursor.to_owned()))),
        ..tenon.options()
    };
    (tenon.client_with(options), told)
}

/// Pulls while an answer is on its way, after `change`; then the answer that was true before comes.
fn overtaken(members: &Members, change: impl FnOnce(&Tenon) + Send + 'static) -> Step {
    let (members, runtime) = (members.clone(), tokio::runtime::Handle::current());
    Box::new(move |tenon, request| {
        let before = tenon.handle(request);
        change(tenon);
        runtime.block_on(members.pull()).unwrap();
        Some(before)
    })
}

#[tokio::test]
async fn a_change_is_asked_for_at_the_next_use() {
    let tenon = Tenon::start();
    let members = tenon.client();
    assert_eq!((members.pull().await, members.cursor().as_deref()), (Ok(0), Some("0.0")));
    tenon.grant("ann", READ);
    tenon.grant("ben", READ);
    assert!(may(&members, "ann", READ).await && may(&members, "ben", READ).await);
    tenon.revoke("ann", READ);
    assert!(may(&members, "ann", READ).await);
    assert_eq!(members.pull().await, Ok(3));
    tenon.seen();
    assert!(!may(&members, "ann", READ).await && may(&members, "ben", READ).await);
    assert_eq!(tenon.seen().len(), 1);
    assert_eq!(members.pull().await, Ok(0));
}

#[tokio::test]
async fn what_was_read_before_the_feed_began_is_asked_for_again() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    tenon.revoke("ann", READ);
    // This change is before the cursor.
    members.pull().await.unwrap();
    assert!(!may(&members, "ann", READ).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_feed_says_while_a_snapshot_is_on_its_way_is_not_lost() {
    let tenon = Tenon::start();
    let members = tenon.client();
    members.pull().await.unwrap();
    tenon.grant("ann", READ);
    tenon.plan([overtaken(&members, |tenon| tenon.revoke("ann", READ))]);
    assert!(!may(&members, "ann", READ).await);
    assert_eq!(members.snapshot("ann").await.unwrap().version, 2);
    tenon.plan([overtaken(&members, |tenon| tenon.grant("ann", WRITE))]);
    members.invalidate("ann");
    assert!(may(&members, "ann", WRITE).await);
    tenon.plan([overtaken(&members, |tenon| tenon.change_role(&["ann"], WRITE, false))]);
    members.invalidate("ann");
    // The answer may be the one or the other; the next is the new one.
    may(&members, "ann", WRITE).await;
    assert!(!may(&members, "ann", WRITE).await);
}

#[tokio::test]
async fn a_role_concerns_everybody() {
    let tenon = Tenon::start();
    let members = tenon.client();
    let subs = ["a", "b", "c"];
    for sub in subs {
        tenon.grant(sub, READ);
    }
    members.pull().await.unwrap();
    for sub in subs {
        assert!(may(&members, sub, READ).await);
    }
    tenon.change_role(&["a", "b"], WRITE, true);
    members.pull().await.unwrap();
    tenon.seen();
    for (sub, may_write) in subs.into_iter().zip([true, true, false]) {
        assert_eq!(may(&members, sub, WRITE).await, may_write);
    }
    assert_eq!(tenon.seen().len(), 3);
    assert!(may(&members, "c", READ).await && tenon.seen().is_empty());
}

#[tokio::test]
async fn what_is_taken_away_is_gone_also_when_an_outage_begins_at_once() {
    type Change = fn(&Tenon);
    let cases: [(Change, bool); 4] = [
        (|tenon| tenon.revoke("ann", READ), true),
        (|tenon| tenon.change("expire", Some("ann"), Some(READ)), true),
        (|tenon| tenon.disable("ann"), false),
        (|tenon| tenon.delete("ann"), false),
    ];
    for (at, (change, keeps_the_rest)) in cases.into_iter().enumerate() {
        let tenon = Tenon::start();
        let members = tenon.client();
        members.pull().await.unwrap();
        tenon.grant("ann", READ);
        tenon.grant("ann", WRITE);
        assert!(may(&members, "ann", READ).await, "{at}");
        change(&tenon);
        members.pull().await.unwrap();
        tenon.world().is_down = true;
        assert!(!may(&members, "ann", READ).await, "{at}");
        assert_eq!(may(&members, "ann", WRITE).await, keeps_the_rest, "{at}");
    }
}

#[tokio::test]
async fn changes_of_before_are_ignored_and_unknown_ones_are_taken_seriously() {
    let tenon = Tenon::start();
    let members = tenon.client();
    members.pull().await.unwrap();
    tenon.grant("ann", READ);
    tenon.revoke("ann", READ);
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    assert_eq!(members.pull().await, Ok(3));
    tenon.seen();
    assert!(may(&members, "ann", READ).await && tenon.seen().is_empty());
    tenon.world().people.get_mut("ann").unwrap().permissions.clear();
    tenon.change("something_new", Some("ann"), None);
    members.pull().await.unwrap();
    assert!(!may(&members, "ann", READ).await);
}

#[tokio::test]
async fn a_lost_answer_moves_nothing_and_pages_are_followed_to_the_end() {
    let tenon = Tenon::start();
    let (members, told) = hooked(&tenon, None);
    members.pull().await.unwrap();
    tenon.world().page = Some(3);
    for _ in 0..7 {
        tenon.grant("ann", READ);
    }
    let odd = |item: serde_json::Value| {
        let page = json!({ "items": [item], "next_cursor": "0.9", "has_more": false });
        answer(move || found(&page))
    };
    tenon.plan([
        answer(|| problem(503, "database_unavailable")),
        answer(|| Reply::Answer(200, Vec::new(), "{".to_owned())),
        odd(json!({ "op": "grant", "authentik_sub": 7 })),
        odd(json!({ "op": null })),
        odd(json!({ "op": "grant", "version": "7" })),
        odd(json!("grant")),
    ]);
    for _ in 0..6 {
        assert!(members.pull().await.is_err());
        assert_eq!(members.cursor().as_deref(), Some("0.0"));
    }
    assert_eq!(*told.lock().unwrap(), ["0.0"]);
    assert_eq!(members.pull().await, Ok(7));
    let wanted = ["0.0", "grant", "grant", "grant", "0.3", "grant", "grant", "grant", "0.6", "grant", "0.7"];
    assert_eq!(*told.lock().unwrap(), wanted);
    // Where nothing moves, it is not asked without end.
    let still = json!({ "items": [], "next_cursor": "0.7", "has_more": true });
    tenon.plan([answer(move || found(&still))]);
    tenon.seen();
    assert_eq!((members.pull().await, tenon.seen().len()), (Ok(0), 1));
}

#[tokio::test]
async fn a_stored_cursor_goes_on_where_it_was_and_a_hook_that_fails_stops_nothing() {
    let tenon = Tenon::start();
    let (first, told) = hooked(&tenon, None);
    first.pull().await.unwrap();
    tenon.grant("ann", READ);
    first.pull().await.unwrap();
    drop(first);
    let cursor = told.lock().unwrap().last().cloned();
    tenon.grant("ben", READ);
    tenon.revoke("ann", READ);
    let (second, told) = hooked(&tenon, cursor.clone());
    assert_eq!(second.pull().await, Ok(2));
    assert_eq!(*told.lock().unwrap(), ["grant", "revoke", "0.3"]);
    let options = Options {
        cursor,
        on_change: Some(Arc::new(|_| panic!("a bug of somebody"))),
        on_cursor: Some(Arc::new(|_| panic!("a bug of somebody"))),
        ..tenon.options()
    };
    let third = tenon.client_with(options);
    assert_eq!((third.pull().await, third.cursor().as_deref()), (Ok(2), Some("0.3")));
}

#[tokio::test]
async fn a_cursor_that_ended_leads_to_a_full_reading() {
    for (status, code) in [(410, "cursor_expired"), (409, "cursor_expired"), (422, "validation_error")] {
        let tenon = Tenon::start();
        let (members, told) = hooked(&tenon, None);
        members.pull().await.unwrap();
        for number in 0..250 {
            let sub = format!("user-{number}");
            tenon.grant(&sub, READ);
            assert!(may(&members, &sub, READ).await);
        }
        tenon.revoke("user-7", READ);
        tenon.delete("user-8");
        tenon.seen();
        tenon.plan([answer(move || problem(status, code))]);
        members.pull().await.unwrap();
        // The new cursor comes before the reading.
        let paths: Vec<String> = tenon
            .seen()
            .iter()
            .filter_map(|request| request.path.rsplit('/').next().map(str::to_owned))
            .collect();
        assert_eq!(paths, ["changes", "changes", "snapshots", "snapshots"]);
        assert_eq!(*told.lock().unwrap(), ["0.0", "resync", "0.252"]);
        assert!(!may(&members, "user-7", READ).await && !may(&members, "user-8", READ).await);
        assert!(may(&members, "user-9", READ).await && may(&members, "user-249", READ).await);
        assert!(tenon.seen().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restored_backup_lower_versions_count_and_what_was_on_its_way_does_not() {
    let tenon = Tenon::start();
    let members = tenon.client();
    members.pull().await.unwrap();
    for _ in 0..5 {
        tenon.grant("ann", READ);
    }
    assert_eq!(members.snapshot("ann").await.unwrap().version, 5);
    let restore = |tenon: &Tenon| {
        tenon.world().people.get_mut("ann").unwrap().permissions.clear();
        tenon.restore_backup();
    };
    restore(&tenon);
    members.pull().await.unwrap();
    assert!(members.snapshot("ann").await.unwrap().version == 1 && !may(&members, "ann", READ).await);
    for _ in 0..3 {
        tenon.grant("ann", READ);
    }
    members.pull().await.unwrap();
    tenon.plan([overtaken(&members, restore)]);
    assert!(!may(&members, "ann", READ).await);
    assert_eq!(members.snapshot("ann").await.unwrap().version, 1);
    // A full reading that fails leaves nothing that is used unasked.
    tenon.grant("ann", READ);
    members.pull().await.unwrap();
    assert!(may(&members, "ann", READ).await);
    tenon.revoke("ann", READ);
    tenon.world().epoch += 1;
    let usual = || -> Step { Box::new(|_, _| None) };
    tenon.plan([usual(), usual(), answer(|| problem(500, "internal"))]);
    members.pull().await.unwrap();
    assert!(!may(&members, "ann", READ).await);
}

#[tokio::test]
async fn all_is_compared_in_few_questions() {
    let tenon = Tenon::start();
    let members = tenon.client();
    for number in 0..250 {
        let sub = format!("user-{number}");
        tenon.grant(&sub, READ);
        assert!(may(&members, &sub, READ).await);
    }
    assert!(!may(&members, "nobody", READ).await);
    // The feed is silent about all of this.
    tenon.revoke("user-3", READ);
    tenon.delete("user-4");
    tenon.grant("nobody", READ);
    tenon.pass_by(290.0);
    tenon.seen();
    members.reconcile().await.unwrap();
    assert_eq!(tenon.seen().len(), 2);
    assert!(!may(&members, "user-3", READ).await && !may(&members, "user-4", READ).await);
    assert!(may(&members, "nobody", READ).await);
    // What was found to hold is as good as new.
    tenon.pass_by(290.0);
    assert!(may(&members, "user-5", READ).await && tenon.seen().is_empty());
    tenon.pass_by(20.0);
    // Also its tag, which such an answer does not have.
    assert!(!may(&members, "user-3", READ).await && may(&members, "user-6", READ).await);
    let tags: Vec<String> =
        tenon.seen().iter().map(|request| request.headers["if-none-match"].clone()).collect();
    assert!(tags[0].starts_with("\"251-") && tags[1].starts_with("\"7-"), "{tags:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_does_not_undo_what_was_heard_meanwhile_and_says_what_it_meets() {
    let tenon = Tenon::start();
    let members = tenon.client();
    members.pull().await.unwrap();
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    members.invalidate("ann");
    tenon.plan([overtaken(&members, |tenon| tenon.revoke("ann", READ))]);
    members.reconcile().await.unwrap();
    assert!(!may(&members, "ann", READ).await);
    tenon.plan([403, 401].map(|status| answer(move || problem(status, "refused"))));
    assert!(matches!(members.reconcile().await, Err(Error::Unauthorized(_))));
    assert!(matches!(members.pull().await, Err(Error::Unauthorized(_))));
    tenon.world().is_down = true;
    assert!(matches!(members.reconcile().await, Err(Error::Unavailable(_))));
    assert_eq!(why(&members, "ann", READ).await, Reason::NotGranted);
}

/// Waits for the client's own task.
macro_rules! until {
    ($condition:expr) => {{
        let mut tries = 0;
        while !$condition {
            tries += 1;
            assert!(tries < 1_000, "it did not happen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }};
}

#[tokio::test]
async fn the_task_pulls_and_compares_by_itself_and_ends_with_the_client() {
    let tenon = Tenon::start();
    let options = Options {
        background: true,
        pull_every: Duration::from_millis(10),
        reconcile_every: Duration::from_secs(1_000),
        ..tenon.options()
    };
    let members = tenon.client_with(options.clone());
    tenon.grant("ann", READ);
    assert!(tenon.seen().is_empty());
    // It begins with the first use.
    assert!(may(&members, "ann", READ).await);
    until!(members.cursor().is_some());
    tenon.revoke("ann", READ);
    until!(!may(&members, "ann", READ).await);
    // It goes on after an outage.
    tenon.world().is_down = true;
    tenon.seen();
    until!(!tenon.world().seen.is_empty());
    tenon.world().is_down = false;
    tenon.grant("ann", WRITE);
    tenon.pass_by(10.0);
    until!(may(&members, "ann", WRITE).await);
    tenon.pass_by(1_001.0);
    until!(tenon.world().seen.iter().any(|request| request.path.ends_with("/snapshots")));
    members.close();
    tokio::time::sleep(Duration::from_millis(50)).await;
    tenon.seen();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(tenon.seen().is_empty());
    let another = tenon.client_with(options);
    another.start().unwrap();
    until!(another.cursor().is_some());
    drop(another);
    tokio::time::sleep(Duration::from_millis(50)).await;
    tenon.seen();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(tenon.seen().is_empty(), "nobody has it any more");
}
