//! Fire times against tables that other implementations and documents made (`oracle/` has the programs).

use std::{fmt::Write, fs, path::PathBuf, str::FromStr};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use jobs::cron::Cron;

/// The least number of rows that the tables without changes of offset have together.
const ENOUGH: usize = 250;
const FIRES: usize = 5;

struct Row {
    line: String,
    expression: String,
    zone: Tz,
    from: DateTime<Utc>,
    /// Fewer than five where the schedule ends.
    fires: Vec<DateTime<Utc>>,
    ends: bool,
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_utc()
}

fn rows(table: &str) -> Vec<Row> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cron/data").join(table);
    let text = fs::read_to_string(path).expect("the table is committed");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| row(&format!("{table}: {line}"), line)).collect()
}

fn row(name: &str, line: &str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [expression, zone, from, fires, _source] = columns[..] else { panic!("five columns: {name}") };
    let ends = fires.split(' ').any(|fire| fire == "end");
    let fires: Vec<_> = fires.split(' ').filter(|fire| *fire != "end").map(instant).collect();
    assert!(ends || fires.len() == FIRES, "five fire times or an end: {name}");
    Row {
        line: name.to_owned(),
        expression: expression.to_owned(),
        zone: Tz::from_str(zone).expect("a zone of the IANA database"),
        from: instant(from),
        fires,
        ends,
    }
}

/// Compares every row and reports all that differ, not only the first.
fn assert_rows(rows: &[Row]) {
    let mut differences = String::new();
    for row in rows {
        let cron = Cron::parse(&row.expression).unwrap_or_else(|error| panic!("{}: {error}", row.line));
        let wanted = row.fires.len() + usize::from(row.ends);
        let found: Vec<_> = cron.upcoming(row.from, row.zone).take(wanted).collect();
        if found != row.fires {
            writeln!(differences, "{}\n    found {found:?}", row.line).unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn fire_times_are_those_of_quartz() {
    assert_rows(&rows("quartz.tsv"));
}

#[test]
fn fire_times_are_those_of_croniter() {
    assert_rows(&rows("croniter.tsv"));
}

#[test]
fn fire_times_are_those_of_cron_parser() {
    assert_rows(&rows("cron_parser.tsv"));
}

#[test]
fn fire_times_are_those_of_the_documents_examples() {
    assert_rows(&rows("documented.tsv"));
}

#[test]
fn fire_times_around_changes_of_offset_are_those_of_a_walk_through_every_minute() {
    let rows = rows("dst.tsv");
    let mut zones: Vec<&str> = rows.iter().map(|row| row.zone.name()).collect();
    zones.sort_unstable();
    zones.dedup();
    assert!(zones.len() >= 4, "at least four zones, found {zones:?}");
    assert_rows(&rows);
}

#[test]
fn the_tables_are_as_large_as_they_claim() {
    let tables = ["quartz.tsv", "croniter.tsv", "cron_parser.tsv", "documented.tsv"];
    let total: usize = tables.iter().map(|table| rows(table).len()).sum();
    assert!(total >= ENOUGH, "{total} rows");
}
