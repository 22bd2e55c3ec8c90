//! What the databases say differently.

use chrono::{DateTime, Utc};
use sea_orm::Value;

/// How a column of a batch is read out of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// 32 hexadecimal digits.
    Uuid,
    /// Integer.
    Integer,
    /// Text.
    Text,
    /// An instant in the dialect's own writing ([`Dialect::instant`]).
    Instant,
}

/// One database's way.
pub(super) trait Dialect: Sync {
    /// Statement and values with this driver's marks.
    fn prepare(&self, sql: &str, values: Vec<Value>) -> (String, Vec<Value>) {
        (sql.to_owned(), values)
    }
    /// An instant as text that the column understands.
    fn instant(&self, at: DateTime<Utc>) -> String;
    /// A batch of JSON objects, parameter `$n`, as a table `r`. A member that is absent is NULL.
    fn rows(&self, columns: &[(&str, Column)], n: usize) -> String;
    /// Takes the selected rows and waits for them.
    fn for_update(&self) -> &'static str {
        "FOR UPDATE"
    }
    /// Whether an update can return the row that it changed.
    fn returning(&self) -> bool {
        true
    }
    /// Adds to what a row of `id_usage` has already.
    fn add_usage(&self) -> &'static str {
        "ON CONFLICT (org_id, key_id, at, caller) DO UPDATE SET ids = id_usage.ids + excluded.ids, \
         calls = id_usage.calls + excluded.calls"
    }
    /// Moves a counter of numbers that is there already; `$6` is by how many.
    fn add_number(&self) -> &'static str {
        "ON CONFLICT (org_id, generator_id, period) DO UPDATE SET last = id_number.last + $6"
    }
    /// Counts a change of any key.
    fn note_change(&self) -> &'static str {
        "INSERT INTO id_change (name, version) VALUES ('keys', 1) \
         ON CONFLICT (name) DO UPDATE SET version = id_change.version + 1"
    }
}

/// `$n` marks as `?`, with the values in the order of their marks.
pub(super) fn positional(sql: &str, values: &[Value]) -> (String, Vec<Value>) {
    let mut out = String::with_capacity(sql.len());
    let mut ordered = Vec::with_capacity(values.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let digits = rest[at + 1..].chars().take_while(char::is_ascii_digit).count();
        let number: usize = rest[at + 1..at + 1 + digits].parse().unwrap_or_default();
        out.push_str(&rest[..at]);
        match values.get(number.wrapping_sub(1)) {
            Some(value) => {
                out.push('?');
                ordered.push(value.clone());
            }
            None => out.push_str(&rest[at..=at + digits]),
        }
        rest = &rest[at + 1 + digits..];
    }
    out.push_str(rest);
    (out, ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_positional_in_the_order_of_their_use() {
        let values = vec![Value::from(1), Value::from("two")];
        let (sql, ordered) = positional("a = $2 AND b = $1 AND c = $2 AND p = '$[*]'", &values);
        assert_eq!(sql, "a = ? AND b = ? AND c = ? AND p = '$[*]'");
        assert_eq!(ordered, vec![Value::from("two"), Value::from(1), Value::from("two")]);
    }
}
