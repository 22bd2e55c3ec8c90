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
    fn returning(&self) -> bool {
        false
    }
    fn add_usage(&self) -> &'static str {
        "ON DUPLICATE KEY UPDATE ids = id_usage.ids + VALUES(ids), calls = id_usage.calls + VALUES(calls)"
    }
    fn add_number(&self) -> &'static str {
        "ON DUPLICATE KEY UPDATE last = last + $6"
    }
    fn note_change(&self) -> &'static str {
        "INSERT INTO id_change (name, version) VALUES ('keys', 1) ON DUPLICATE KEY UPDATE version = version + 1"
    }
}
