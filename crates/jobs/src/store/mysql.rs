//! MySQL's and MariaDB's way.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::dialect::{Column, Dialect, positional};

pub(super) struct Mysql;

impl Dialect for Mysql {
    fn prepare(&self, sql: &str, values: Vec<Value>) -> (String, Vec<Value>) {
        positional(sql, &values)
    }
    fn instant(&self, at: DateTime<Utc>) -> String {
        at.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
    }
    fn rows(&self, columns: &[(&str, Column)], n: usize) -> String {
        let read = |(name, kind): &(&str, Column)| match kind {
            Column::Uuid => format!("UNHEX(t.{name}) AS {name}"),
            _ => format!("t.{name}"),
        };
        let declare = |(name, kind): &(&str, Column)| {
            let kind = match kind {
                Column::Uuid => "CHAR(32)",
                Column::Integer => "BIGINT",
                Column::Text => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                Column::Instant => "DATETIME(6)",
            };
            format!("{name} {kind} PATH '$.{name}'")
        };
        let reads: Vec<String> = columns.iter().map(read).collect();
        let declared: Vec<String> = columns.iter().map(declare).collect();
        format!(
            "(SELECT {} FROM JSON_TABLE(${n}, '$[*]' COLUMNS ({})) AS t) AS r",
            reads.join(", "),
            declared.join(", ")
        )
    }
    fn skip_locked(&self) -> &'static str {
        "FOR UPDATE SKIP LOCKED"
    }
    fn for_update(&self) -> &'static str {
        "FOR UPDATE"
    }
    fn by_index(&self, index: &str) -> String {
        // Else an organisation's ready jobs are found by reading and sorting all that it has.
        format!("FORCE INDEX ({index})")
    }
    fn returning(&self) -> bool {
        false
    }
    fn update_jobs(&self, sets: &[(&str, &str)], rows: &str, condition: &str) -> String {
        let sets: Vec<String> =
            sets.iter().map(|(column, value)| format!("job.{column} = {value}")).collect();
        format!(
            "UPDATE job JOIN {rows} ON job.org_id = r.org_id AND job.id = r.id SET {} WHERE {condition}",
            sets.join(", ")
        )
    }
    fn or_leave(&self, table: &str, columns: &str, _: &str) -> String {
        let first = columns.split(',').next().unwrap_or(columns);
        format!("ON DUPLICATE KEY UPDATE {table}.{first} = {table}.{first}")
    }
    fn or_set(&self, _: &str, sets: &[(&str, String)]) -> String {
        let sets: Vec<String> = sets.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        format!("ON DUPLICATE KEY UPDATE {}", sets.join(", "))
    }
    fn new_value(&self, column: &str) -> String {
        format!("VALUES({column})")
    }
}
