//! Ids that sort by time, and formatted numbers, on a real database.

use std::collections::HashSet;

use chrono::TimeDelta;
use idgen::{
    Layout,
    number::{Pattern, Reset},
};
use store::{Mode, Opening, Role};

use crate::support::{Bench, connect_store};

fn epoch() -> chrono::DateTime<chrono::Utc> {
    "2024-01-01T00:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn two_nodes_at_the_same_millisecond_make_different_ids() {
    let bench = Bench::new().await;
    let generator = base::id::new(epoch());
    let mut seen = HashSet::new();
    let mut workers = HashSet::new();
    for _ in 0..4 {
        let node = bench.node().await;
        for layout in [Layout::Bits63, Layout::Bits53] {
            for id in node.snowflakes(generator, layout, epoch(), 100).await.unwrap() {
                assert!(seen.insert((layout, id)), "{id} was made twice");
                workers.insert(layout.parts(epoch(), id).unwrap().worker);
            }
        }
    }
    assert_eq!(workers.len(), 4);
}

#[tokio::test]
async fn ids_of_a_node_rise_and_no_more_come_of_a_millisecond_than_fit() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let generator = base::id::new(epoch());
    let ids = node.snowflakes(generator, Layout::Bits53, epoch(), 1_000).await.unwrap();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    let mut of_each = std::collections::HashMap::new();
    for id in &ids {
        let parts = Layout::Bits53.parts(epoch(), *id).unwrap();
        *of_each.entry(parts.at).or_insert(0) += 1;
    }
    assert!(of_each.len() >= 8 && of_each.values().all(|count| *count <= 128), "{of_each:?}");
    for count in [0, 10_001] {
        let error = node.snowflakes(generator, Layout::Bits53, epoch(), count).await.unwrap_err();
        assert_eq!(error.code(), "validation_failed");
    }
}

#[tokio::test]
async fn a_clock_that_steps_back_is_refused_and_makes_no_id_twice() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let generator = base::id::new(epoch());
    let before = node.snowflakes(generator, Layout::Bits63, epoch(), 10).await.unwrap();
    bench.clock.advance(TimeDelta::seconds(-60));
    let error = node.snowflakes(generator, Layout::Bits63, epoch(), 1).await.unwrap_err();
    assert_eq!((error.code(), error.retry_after_seconds().is_some()), ("clock_went_back", true));
    // A node that starts with such a clock takes a number whose time is not used.
    drop(node);
    let again = bench.node().await;
    let after = again.snowflakes(generator, Layout::Bits63, epoch(), 10).await.unwrap();
    assert!(after.iter().all(|id| !before.contains(id)));
    let worker = |id: &i64| Layout::Bits63.parts(epoch(), *id).unwrap().worker;
    assert_ne!(worker(&before[0]), worker(&after[0]));
}

#[tokio::test]
async fn a_number_of_a_node_that_is_gone_is_used_again_above_what_it_reserved() {
    let bench = Bench::new().await;
    let generator = base::id::new(epoch());
    let node = bench.node().await;
    let before = node.snowflakes(generator, Layout::Bits63, epoch(), 5).await.unwrap();
    drop(node);
    // Its lease is over by the database's clock, which the test has in its hand.
    bench.sql("UPDATE id_worker SET lease_until = '2000-01-01 00:00:00'").await;
    bench.clock.advance(TimeDelta::seconds(11));
    let node = bench.node().await;
    let after = node.snowflakes(generator, Layout::Bits63, epoch(), 5).await.unwrap();
    let parts = |id: i64| Layout::Bits63.parts(epoch(), id).unwrap();
    assert_eq!(parts(before[0]).worker, parts(after[0]).worker);
    assert!(parts(after[0]).at >= parts(before[4]).at + TimeDelta::seconds(10));
}

#[tokio::test]
async fn a_node_whose_number_was_taken_notices_before_it_makes_another_id_with_it() {
    let bench = Bench::new().await;
    let generator = base::id::new(epoch());
    let slow = bench.node().await;
    let mut seen: HashSet<i64> = HashSet::new();
    seen.extend(slow.snowflakes(generator, Layout::Bits63, epoch(), 5).await.unwrap());
    bench.sql("UPDATE id_worker SET lease_until = '2000-01-01 00:00:00'").await;
    bench.clock.advance(TimeDelta::seconds(11));
    let other = bench.node().await;
    for node in [&other, &slow, &other] {
        for id in node.snowflakes(generator, Layout::Bits63, epoch(), 50).await.unwrap() {
            assert!(seen.insert(id), "{id} was made twice");
        }
        bench.clock.advance(TimeDelta::milliseconds(3));
    }
}

#[tokio::test]
async fn numbers_of_a_period_have_no_gap_when_work_is_taken_back_and_begin_anew_with_the_next() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let store = connect_store(bench.url(), &bench.clock).await;
    let generator = base::id::new(epoch());
    let pattern = Pattern::parse("{yyyyMMdd}-{seq:3}", Reset::Day, chrono_tz::UTC).unwrap();
    let draw = async |keep: bool, count: i64| {
        let tx = store.begin(Mode::Write, Opening::new(Role::App, Some(bench.org))).await.unwrap();
        let numbers = node.numbers_within(&tx, (bench.org, generator), &pattern, 1, count).await.unwrap();
        if keep {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        numbers.into_iter().map(|number| number[9..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(draw(true, 2).await, ["001", "002"]);
    assert_eq!(draw(false, 5).await, ["003", "004", "005", "006", "007"]);
    assert_eq!(draw(true, 1).await, ["003"]);
    bench.clock.advance(TimeDelta::days(1));
    assert_eq!(draw(true, 1).await, ["001"]);
}
