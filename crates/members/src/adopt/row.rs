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
}
