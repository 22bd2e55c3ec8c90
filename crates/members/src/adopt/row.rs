//! Cells of rows from elsewhere, in whatever form they have there.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

/// A text that is not blank; a number as its digits.
pub fn text(row: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match row.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}

/// A whole number.
pub fn number(row: &Value, names: &[&str]) -> Option<i64> {
    text(row, names).and_then(|text| text.trim().parse().ok())
}

/// An instant; one without an offset is UTC, as the older service wrote it.
///
/// Errors: the text that is none.
pub fn instant(row: &Value, names: &[&str]) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = text(row, names) else { return Ok(None) };
    let zoned = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).ok();
    let plain = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc()).ok();
    match zoned.or_else(plain) {
        Some(at) => Ok(Some(at)),
        // What has no end in PostgreSQL.
        None if text == "infinity" => Ok(None),
        None => Err(format!("`{text}` is no instant")),
    }
}

/// Words of columns that say that somebody or something counts no more.
const OVER: [&str; 6] = ["disabled", "revoked", "deleted", "suspended", "blocked", "banned"];

/// Yes or no: a boolean, 0 or 1, or the text of one. Anything else is neither.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) if number.as_i64() == Some(1) => Some(true),
        Value::Number(number) if number.as_i64() == Some(0) => Some(false),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" => Some(true),
            "f" | "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The column that says that a row counts no more, such as `revoked_at`, if there is one.
pub fn over(row: &Value) -> Option<&str> {
    let is_word = |name: &str| {
        let name = name.strip_prefix("is_").unwrap_or(name);
        OVER.iter().any(|word| name.starts_with(word))
    };
    let says_no = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "infinity" || truth(value) == Some(false),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => truth(value) == Some(false),
    };
    let mut columns = row.as_object().into_iter().flatten();
    columns.find(|(name, value)| is_word(name) && !says_no(value)).map(|(name, _)| name.as_str())
}

/// A list: an array, a JSON text of one, or texts between commas or blanks. Empty is none.
///
/// Errors: what is in it that is no text.
pub fn list(row: &Value, names: &[&str]) -> Result<Option<Vec<String>>, String> {
    let found = names.iter().find_map(|name| row.get(name).filter(|value| !value.is_null()));
    let items: Vec<String> = match found {
        None => Vec::new(),
        Some(Value::Array(items)) => texts(items)?,
        Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(items)) => texts(&items)?,
            _ => text
                .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        },
        Some(other) => return Err(format!("`{other}` is no list")),
    };
    Ok(Some(items).filter(|items| !items.is_empty()))
}

fn texts(items: &[Value]) -> Result<Vec<String>, String> {
    let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| format!("`{item}` is no text"));
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_read_in_every_form_that_they_may_have() {
        let row = json!({
            "id": 7, "name": "", "at": "2026-01-02T03:04:05.5", "zoned": "2026-01-02T03:04:05+02:00",
            "never": "infinity", "bad": "soon", "a": ["x", "y"], "b": "[\"x\"]", "c": "x, y;z", "d": [], "e": [1],
        });
        assert_eq!(text(&row, &["name", "id"]).as_deref(), Some("7"));
        assert_eq!(number(&row, &["id"]), Some(7));
        let at = |name| instant(&row, &[name]).map(|at| at.map(|at| at.to_rfc3339()));
        assert_eq!(at("at").unwrap().as_deref(), Some("2026-01-02T03:04:05.500+00:00"));
        assert_eq!(at("zoned").unwrap().as_deref(), Some("2026-01-02T01:04:05+00:00"));
        assert_eq!((at("never"), at("none")), (Ok(None), Ok(None)));
        assert!(at("bad").is_err());
        assert_eq!(list(&row, &["a"]).unwrap().unwrap(), ["x", "y"]);
        assert_eq!(list(&row, &["b"]).unwrap().unwrap(), ["x"]);
        assert_eq!(list(&row, &["c"]).unwrap().unwrap(), ["x", "y", "z"]);
        assert_eq!((list(&row, &["d"]), list(&row, &["f"])), (Ok(None), Ok(None)));
        assert!(list(&row, &["e"]).is_err());
    }

    #[test]
    fn what_is_neither_yes_nor_no_is_told_from_both() {
        for yes in [json!(true), json!(1), json!("t"), json!("TRUE"), json!("1")] {
            assert_eq!(truth(&yes), Some(true), "{yes}");
        }
        for no in [json!(false), json!(0), json!("f"), json!("False"), json!("0")] {
            assert_eq!(truth(&no), Some(false), "{no}");
        }
        for neither in [json!(null), json!(2), json!(-1), json!(1.5), json!(""), json!("yes"), json!([true])]
        {
            assert_eq!(truth(&neither), None, "{neither}");
        }
    }

    #[test]
    fn a_row_is_over_when_any_column_says_so() {
        for (name, value) in [
            ("disabled", json!(true)),
            ("is_disabled", json!(1)),
            ("disabled_at", json!("2026-01-02T03:04:05")),
            ("revoked_at", json!("2999-01-01T00:00:00Z")),
            ("revoked_reason", json!("stolen")),
            ("is_deleted", json!("t")),
            ("suspended", json!(7)),
        ] {
            assert_eq!(over(&json!({ name: value })), Some(name));
        }
        for (name, value) in [
            ("disabled", json!(false)),
            ("disabled_at", json!(null)),
            ("revoked_at", json!("infinity")),
            ("revoked_reason", json!("")),
            ("is_deleted", json!("f")),
            ("blocked_ips", json!([])),
            ("not_disabled", json!(true)),
        ] {
            assert_eq!(over(&json!({ name: value })), None, "{name}");
        }
    }
}
