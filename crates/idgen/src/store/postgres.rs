//! PostgreSQL's way.

use chrono::{DateTime, Utc};

use super::dialect::{Column, Dialect};

pub(super) struct Postgres;

impl Dialect for Postgres {
    fn instant(&self, at: DateTime<Utc>) -> String {
        base::time::format(at)
    }
    fn rows(&self, columns: &[(&str, Column)], n: usize) -> String {
        let column = |(name, kind): &(&str, Column)| {
            let kind = match kind {
                Column::Uuid => "uuid",
                Column::Integer => "bigint",
                Column::Text => "text",
                Column::Instant => "timestamptz",
            };
            format!("{name} {kind}")
        };
        let columns: Vec<String> = columns.iter().map(column).collect();
        format!("json_to_recordset(${n}::json) AS r({})", columns.join(", "))
    }
}
