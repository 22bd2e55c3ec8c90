//! What is refused and why, normalised text, expressions that never fire, the ends of time, and intervals.

use std::{num::NonZeroU32, time::Instant};

use chrono::{DateTime, Duration, TimeZone, Utc};
use chrono_tz::{America, Tz, UTC};
use jobs::cron::{Cron, Dialect, Unit, interval};

const REFUSED: &str = include_str!("data/refused.tsv");

#[test]
fn every_refusal_names_its_code_and_its_field() {
    let mut seen = 0;
    for line in REFUSED.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [expression, code, position, part] = columns[..] else { panic!("four columns: {line}") };
        let error = Cron::parse(expression).expect_err(line);
        let found = error.place().map_or_else(|| "-".to_owned(), |place| place.position().to_string());
        assert_eq!((error.code(), found.as_str()), (code, position), "{line}\n{error}");
        let message = error.to_string();
        assert!(message.contains(part), "{line}\n{message}");
        seen += 1;
    }
    assert!(seen >= 60, "{seen} refusals");
}

#[test]
fn an_expression_that_is_too_long_is_refused_before_it_is_read() {
    let text = format!("{} * * * *", "1,".repeat(600));
    assert_eq!(Cron::parse(&text).expect_err("too long").code(), "cron.length");
}

#[test]
fn a_message_repeats_only_the_beginning_of_a_long_element() {
    let message = Cron::parse(&format!("{} * * * *", "é".repeat(300))).expect_err("no number").to_string();
    assert!(message.len() < 250, "{message}");
}

#[test]
fn the_place_tells_unit_dialect_and_position() {
    let place = Cron::parse("0 0 25 * * ?").expect_err("hour 25").place().expect("a field");
    assert_eq!((place.unit, place.dialect, place.position()), (Unit::Hour, Dialect::Quartz, 3));
    let place = Cron::parse("0 25 * * *").expect_err("hour 25").place().expect("a field");
    assert_eq!((place.unit, place.dialect, place.position()), (Unit::Hour, Dialect::Vixie, 2));
}

#[test]
fn the_text_is_normalised() {
    for (text, normal) in [
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("  0\t9   * jan-mar  mon,FRI ", "0 9 * 1-3 1,5"),
        ("*/1 5-5 1-31/1 */1 7", "* 5 1-31 * 7"),
        ("5/10 0 * * 1-5/2", "5/10 0 * * 1-5/2"),
        ("00 007 * * *", "0 7 * * *"),
        ("0 0 12 ? * fri-mon", "0 0 12 ? * 6-2"),
        ("/5 0 12 * * ?", "*/5 0 12 * * ?"),
        ("0 0 12 l-0 * ? *", "0 0 12 L * ?"),
        ("0 0 12 l-3w * ?", "0 0 12 L-3W * ?"),
        ("0 0 12 lw JAN ? 2027,2030-2040/5", "0 0 12 LW 1 ? 2027,2030-2040/5"),
        ("0 0 12 15w * ?", "0 0 12 15W * ?"),
        ("0 0 12 ? * L", "0 0 12 ? * 7"),
        ("0 0 12 ? * fril", "0 0 12 ? * 6L"),
        ("0 0 12 ? * FRI#3", "0 0 12 ? * 6#3"),
    ] {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(cron.to_string(), normal, "{text}");
        assert_eq!(Cron::parse(normal).expect("the normalised text reads"), cron, "{text}");
    }
}

#[test]
fn an_expression_that_can_never_fire_says_so_at_once() {
    let from = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
    for text in
        ["0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 ?", "0 0 30 2 *", "0 0 31 2,4 */7", "0 0 0 29 2 ? 2025-2027"]
    {
        let cron = Cron::parse(text).unwrap();
        let start = Instant::now();
        assert!(cron.never(), "{text}");
        assert_eq!(cron.next_after(from, America::New_York), None, "{text}");
        assert!(start.elapsed().as_secs() < 5, "{text}: {:?}", start.elapsed());
    }
    let past = Cron::parse("0 0 0 1 1 ? 2000").unwrap();
    assert!(!past.never());
    assert_eq!(past.next_after(from, UTC), None);
}

#[test]
fn rare_expressions_are_found_by_jumps() {
    let from = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
    let start = Instant::now();
    for _ in 0..100 {
        for (text, next) in [
            ("0 0 29 2 */7", "2032-02-29T00:00:00Z"),
            ("59 59 23 31 12 ? 2199", "2199-12-31T23:59:59Z"),
            ("0 0 0 ? 2 1#5", "2032-02-29T00:00:00Z"),
        ] {
            let next: DateTime<Utc> = next.parse().unwrap();
            assert_eq!(Cron::parse(text).unwrap().next_after(from, UTC), Some(next), "{text}");
        }
    }
    assert!(start.elapsed().as_secs() < 10, "300 searches took {:?}", start.elapsed());
}

#[test]
fn a_fraction_of_a_second_counts_as_after() {
    let cron = Cron::parse("* * * * * ?").unwrap();
    let from: DateTime<Utc> = "2026-01-01T00:00:00.250Z".parse().unwrap();
    assert_eq!(cron.next_after(from, UTC), "2026-01-01T00:00:01Z".parse().ok());
}

#[test]
fn the_ends_of_the_calendar_are_ends() {
    for text in ["* * * * *", "30 2 * * *", "* * * * * ?", "0 0 0 L * ?"] {
        let cron = Cron::parse(text).unwrap();
        for zone in [UTC, America::New_York, Tz::Pacific__Kiritimati] {
            let first = cron.next_after(DateTime::<Utc>::MIN_UTC, zone).expect("the first one");
            assert!(first.timestamp().abs() < 32 * 86_400, "{text} {zone}: {first}");
            assert_eq!(cron.next_after(DateTime::<Utc>::MAX_UTC, zone), None, "{text} {zone}");
        }
        assert_eq!(cron.next_after("2199-12-31T23:59:59Z".parse().unwrap(), UTC), None, "{text}");
    }
}

#[test]
fn intervals_are_counted_from_their_anchor_and_do_not_drift() {
    let anchor: DateTime<Utc> = "2026-01-01T00:00:07.5Z".parse().unwrap();
    let every = NonZeroU32::new(90).unwrap();
    let next = |after: DateTime<Utc>| interval::next_after(anchor, every, after);
    assert_eq!(next(anchor - Duration::days(3)), Some(anchor));
    assert_eq!(next(anchor - Duration::nanoseconds(1)), Some(anchor));
    assert_eq!(next(anchor), Some(anchor + Duration::seconds(90)));
    assert_eq!(next(anchor + Duration::milliseconds(89_999)), Some(anchor + Duration::seconds(90)));
    assert_eq!(next(anchor + Duration::seconds(90)), Some(anchor + Duration::seconds(180)));
    // Late by a year and a bit: still on the grid.
    let late = anchor + Duration::seconds(90 * 350_000) + Duration::seconds(11);
    assert_eq!(next(late), Some(anchor + Duration::seconds(90 * 350_001)));
    assert_eq!(next(DateTime::<Utc>::MAX_UTC), None);
    assert_eq!(
        interval::next_after(DateTime::<Utc>::MIN_UTC, NonZeroU32::MAX, DateTime::<Utc>::MAX_UTC),
        None
    );
}
