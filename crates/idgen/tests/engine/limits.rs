//! The ends of columns, and how they are seen coming.

use chrono::TimeDelta;
use idgen::{IdType, NewKey, State};

use crate::support::{Bench, both, buffered, narrow, strict};

#[tokio::test]
async fn every_id_of_a_narrow_column_is_issued_once_and_then_none() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 0, narrow(settings, IdType::I8)).await;
        for id in 1..=127 {
            assert_eq!(bench.take(&node, &key, 1).await, (id, id), "{name}");
        }
        let error = bench.try_take(&node, &key, 1).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (base::Kind::Conflict, "key_exhausted"));
        let status = node.status(bench.org, &key).await.unwrap();
        assert_eq!((status.key.state, status.key.ceiling), (State::Exhausted, 127), "{name}");
        assert_eq!(status.forecast.remaining, 0);
        assert!(node.alarms(30).await.unwrap().iter().any(|one| one.key.name == key));
        // A wider column goes on where the narrow one ended.
        node.configure(bench.org, &key, narrow(settings, IdType::I16)).await.unwrap();
        assert_eq!(bench.take(&node, &key, 1).await, (128, 128), "{name}");
    }
}

#[tokio::test]
async fn a_call_for_more_than_is_left_is_refused_and_a_smaller_one_is_not() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, 100, narrow(settings, IdType::I8)).await;
        assert_eq!(bench.try_take(&node, &key, 28).await.unwrap_err().code(), "key_exhausted", "{name}");
        assert_eq!(bench.take(&node, &key, 27).await, (101, 127), "{name}");
    }
}

#[tokio::test]
async fn the_last_ids_of_the_widest_column_are_issued_without_an_overflow() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    for (name, settings) in both() {
        let key = bench.create(&node, name, i64::MAX - 5, settings).await;
        assert_eq!(bench.take(&node, &key, 3).await, (i64::MAX - 4, i64::MAX - 2), "{name}");
        assert_eq!(bench.try_take(&node, &key, 3).await.unwrap_err().code(), "key_exhausted", "{name}");
        assert_eq!(bench.take(&node, &key, 2).await, (i64::MAX - 1, i64::MAX), "{name}");
        assert_eq!(bench.refusal(&node, &key).await, "key_exhausted", "{name}");
        assert!(node.check(bench.org, &key).await.unwrap().is_empty());
        assert_eq!(node.owner(bench.org, &key, i64::MAX).await.unwrap().unwrap().range.count(), 2);
    }
}

#[tokio::test]
async fn numbers_that_the_column_cannot_hold_are_refused_when_they_are_set() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let new = |id_type, in_use| NewKey {
        org: bench.org,
        name: idgen::KeyName::new("orders").unwrap(),
        in_use,
        settings: narrow(strict(), id_type),
    };
    for (id_type, in_use) in [(IdType::I16, 32_768), (IdType::I53, 1 << 53), (IdType::U32, 1 << 32)] {
        assert_eq!(node.create(&new(id_type, in_use)).await.unwrap_err().code(), "validation_failed");
    }
    let key = node.create(&new(IdType::I16, 32_767)).await.unwrap();
    assert_eq!(key.state, State::Exhausted);
    let error = node.raise(bench.org, &key.name, 32_768).await.unwrap_err();
    assert_eq!(error.code(), "validation_failed");
    let narrower = node.configure(bench.org, &key.name, narrow(strict(), IdType::I8)).await.unwrap_err();
    assert_eq!(narrower.code(), "validation_failed");
    assert_eq!(node.key(bench.org, &key.name).await.unwrap().settings.id_type, IdType::I16);
    let wrong = idgen::Settings { most_ids: 0, block: (5, 4), ..strict() };
    assert_eq!(node.configure(bench.org, &key.name, wrong).await.unwrap_err().field_errors().len(), 2);
}

#[tokio::test]
async fn a_forecast_follows_the_recent_rate_and_alarms_in_time() {
    let bench = Bench::new().await;
    let node = bench.node().await;
    let slow = bench.create(&node, "slow", 0, narrow(strict(), IdType::I32)).await;
    let fast = bench.create(&node, "fast", 0, narrow(strict(), IdType::U16)).await;
    for _ in 0..24 {
        bench.take(&node, &slow, 100).await;
        bench.take(&node, &fast, 100).await;
        bench.clock.advance(TimeDelta::hours(1));
        node.keep().await.unwrap();
    }
    let status = node.status(bench.org, &fast).await.unwrap();
    let per_day = status.forecast.per_day.unwrap();
    assert!((2_380..=2_400).contains(&per_day), "{per_day}");
    // 63,135 ids at 2,400 a day.
    let days = (status.forecast.full_at.unwrap() - (base::Clock::now(&bench.clock))).num_days();
    assert!((25..=27).contains(&days), "{days}");
    let names = |alarms: Vec<idgen::Status>| alarms.into_iter().map(|one| one.key.name).collect::<Vec<_>>();
    assert!(names(node.alarms(20).await.unwrap()).is_empty());
    assert_eq!(names(node.alarms(30).await.unwrap()), std::slice::from_ref(&fast));
    // When nothing is drawn the rate falls, and the end moves away.
    bench.clock.advance(TimeDelta::days(5));
    node.keep().await.unwrap();
    let later = node.status(bench.org, &fast).await.unwrap().forecast;
    assert!(later.per_day.unwrap() < per_day / 16, "{later:?}");
}

#[tokio::test]
async fn a_narrow_key_loses_little_to_crashes() {
    let bench = Bench::new().await;
    let maker = bench.node().await;
    let key = bench.create(&maker, "narrow", 0, narrow(buffered(), IdType::I16)).await;
    for _ in 0..10 {
        let node = bench.node().await;
        bench.take(&node, &key, 1).await;
    }
    let ceiling = maker.key(bench.org, &key).await.unwrap().ceiling;
    assert!(ceiling <= 10 * 33, "{ceiling} of 32,767 are gone after ten crashes");
}
