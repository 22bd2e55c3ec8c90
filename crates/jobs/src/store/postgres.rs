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
    fn skip_locked(&self) -> &'static str {
        "FOR UPDATE SKIP LOCKED"
    }
    fn for_update(&self) -> &'static str {
        "FOR UPDATE"
    }
    fn settings(&self) -> &'static [(&'static str, &'static str)] {
        // A queue's statistics are always those of another minute: a plan made for ten ready jobs reads all
        // hundred thousand of now. Every statement of a worker has an index that fits, so it is told to go
        // by that one, row by row.
        &[
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
        ]
    }
    fn state(&self) -> &'static str {
        "COALESCE(job.state, '')"
    }
    fn update_jobs(&self, sets: &[(&str, &str)], rows: &str, condition: &str) -> String {
        let sets: Vec<String> = sets.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        format!(
            "UPDATE job SET {} FROM {rows} WHERE job.org_id = r.org_id AND job.id = r.id AND {condition}",
            sets.join(", ")
        )
    }
    fn or_leave(&self, _: &str, columns: &str, condition: &str) -> String {
        let only = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
        format!("ON CONFLICT ({columns}){only} DO NOTHING")
    }
    fn or_set(&self, key: &str, sets: &[(&str, String)]) -> String {
        let sets: Vec<String> = sets.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        format!("ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", "))
    }
    fn new_value(&self, column: &str) -> String {
        format!("excluded.{column}")
    }
}
