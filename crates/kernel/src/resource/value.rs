//! Database values as JSON, and text as database values, by the kind of the column.

use base::Id;
use chrono::{DateTime, Utc};
use sea_orm::Value;
use serde_json::Value as Json;

use super::Kind;

/// A value as the API shows it.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(Some(v)) => Json::Bool(*v),
        Value::TinyInt(Some(v)) => (*v).into(),
        Value::SmallInt(Some(v)) => (*v).into(),
        Value::Int(Some(v)) => (*v).into(),
        Value::BigInt(Some(v)) => (*v).into(),
        Value::String(Some(v)) => v.as_str().into(),
        Value::Uuid(Some(v)) => v.to_string().into(),
        Value::ChronoDateTimeUtc(Some(v)) => base::time::format(*v).into(),
        Value::Json(Some(v)) => v.as_ref().clone(),
        _ => Json::Null,
    }
}

/// NULL of a kind.
pub(crate) fn null(kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::String(None),
        Kind::Integer => Value::BigInt(None),
        Kind::Boolean => Value::Bool(None),
        Kind::Instant => Value::ChronoDateTimeUtc(None),
        Kind::Uuid => Value::Uuid(None),
        Kind::Json => Value::Json(None),
    }
}

/// Text from a query string as a value of that kind, or what was expected.
pub(crate) fn parse(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text if text.contains('\0') => Err("text without U+0000"),
        Kind::Text => Ok(text.into()),
        Kind::Integer => text.parse::<i64>().map(Value::from).map_err(|_| "an integer"),
        Kind::Boolean => text.parse::<bool>().map(Value::from).map_err(|_| "true or false"),
        Kind::Instant => {
            instant(text).map(Value::from).ok_or("an RFC 3339 date-time such as 2026-01-31T08:00:00Z")
        }
        Kind::Uuid => text.parse::<Id>().map(Value::from).map_err(|_| "an id (UUID)"),
        Kind::Json => Err("nothing: this column cannot be filtered"),
    }
}

/// An instant between the years 1 and 9999, which every database can compare.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    use chrono::Datelike;
    // In a query string `+` has become a space.
    let text = text.replace(' ', "+");
    let at = DateTime::parse_from_rfc3339(&text).ok()?.with_timezone(&Utc);
    (1..=9999).contains(&at.year()).then_some(at)
}

/// The order of two columns' values is their JSON's, when a cursor is made; this is its way back.
pub(crate) fn from_json(kind: Kind, json: &Json) -> Option<Value> {
    match (kind, json) {
        (_, Json::Null) => Some(null(kind)),
        (Kind::Boolean, Json::Bool(v)) => Some((*v).into()),
        (Kind::Integer, Json::Number(n)) => n.as_i64().map(Value::from),
        (_, Json::String(text)) => parse(kind, text).ok(),
        _ => None,
    }
}
