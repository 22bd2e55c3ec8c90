//! SQLite's way. There is one writer, so nothing needs a lock.

use chrono::{DateTime, SecondsFormat, Utc};

use super::dialect::{Column, Dialect};

pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn instant(&self, at: DateTime<Utc>) -> String {
        // As the driver writes it, so that text compares as time does.
        at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }
    fn rows(&self, columns: &[(&str, Column)], n: usize) -> String {
        let column = |(name, kind): &(&str, Column)| match kind {
            Column::Uuid => format!("unhex(value->>'{name}') AS {name}"),
            _ => format!("value->>'{name}' AS {name}"),
        };
        let columns: Vec<String> = columns.iter().map(column).collect();
        format!("(SELECT {} FROM json_each(${n})) AS r", columns.join(", "))
    }
    fn for_update(&self) -> &'static str {
        ""
    }
}
