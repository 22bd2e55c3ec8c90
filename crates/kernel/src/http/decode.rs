//! Reading JSON bodies: strictly, and with a message that says what to do.
//!
//! Order (decision 4.7): content type 415, JSON 400, fields 422. Duplicate keys, more than 64 levels
//! and more than 100,000 values are refused before any type sees the text.

use std::{cell::Cell, fmt};

use base::{Error, FieldError, Kind, Result};
use http::{HeaderMap, header};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

const MAX_DEPTH: usize = 64;
/// Values of one body. In memory a value is many times as long as the two bytes that it may take in
/// the text, so the limit of bytes alone does not bound what a body costs.
const MAX_VALUES: usize = 100_000;

/// The body as JSON, any shape.
pub fn json(headers: &HeaderMap, body: &[u8]) -> Result<Value> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
        let detail = "send the body as JSON with the header Content-Type: application/json";
        return Err(Error::new(Kind::UnsupportedMedia, "unsupported_media_type", detail));
    }
    parse(body)
}

/// Text as JSON without duplicate keys.
pub fn parse(text: &[u8]) -> Result<Value> {
    let mut source = serde_json::Deserializer::from_slice(text);
    let left = Cell::new(MAX_VALUES + 1);
    let strict = Strict { depth: 0, left: &left }.deserialize(&mut source);
    strict.and_then(|value| source.end().map(|()| value)).map_err(|cause| match left.get() {
        0 => Error::malformed("too_many_values", format!("the body has more than {MAX_VALUES} values")),
        _ => Error::malformed("malformed_json", format!("the body is not valid JSON: {cause}")),
    })
}

/// A value as a typed, validated input.
pub fn typed<T: DeserializeOwned + Validate>(value: Value) -> Result<T> {
    if !value.is_object() {
        return Err(Error::field("", "wrong_type", "the body must be a JSON object"));
    }
    let input: T = serde_path_to_error::deserialize(value).map_err(|cause| {
        let path = cause.path().to_string();
        describe(&path, &cause.into_inner().to_string())
    })?;
    input.validate().map_err(|errors| Error::fields(flatten(&errors)))?;
    Ok(input)
}

/// What serde says, as a field error with a stable code and a near miss named.
pub fn describe(path: &str, message: &str) -> Error {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    let join = |name: &str| match path {
        "" | "." => name.to_owned(),
        _ if path.ends_with(name) => path.to_owned(),
        _ => format!("{path}.{name}"),
    };
    let message = message.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let plain = message.split(" at line ").next().unwrap_or(message);
    if plain.starts_with("missing field") {
        let name = quoted(plain).unwrap_or_default();
        return Error::field(join(&name), "required", "is required");
    }
    if plain.starts_with("unknown field") {
        let name = quoted(plain).unwrap_or_default();
        let known: Vec<&str> = plain.split('`').skip(3).step_by(2).collect();
        let near = known
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
        let hint = match near {
            Some(near) if strsim::jaro_winkler(near, &name) > 0.8 => format!("; did you mean {near}?"),
            _ if known.is_empty() => String::new(),
            _ => format!("; known are {}", known.join(", ")),
        };
        return Error::field(join(&name), "unknown_field", format!("is not a known field{hint}"));
    }
    let code = if plain.starts_with("unknown variant") { "unknown_value" } else { "wrong_type" };
    let field = if path == "." { "" } else { path };
    Error::field(field, code, plain.to_owned())
}

fn flatten(errors: &ValidationErrors) -> Vec<FieldError> {
    let mut out = Vec::new();
    collect(errors, "", &mut out);
    out.sort_by(|a, b| a.field.cmp(&b.field));
    out
}

fn collect(errors: &ValidationErrors, prefix: &str, out: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        let path = if prefix.is_empty() { field.to_string() } else { format!("{prefix}.{field}") };
        match kind {
            ValidationErrorsKind::Field(list) => {
                out.extend(list.iter().map(|one| explain(&path, one)));
            }
            ValidationErrorsKind::Struct(inner) => collect(inner, &path, out),
            ValidationErrorsKind::List(items) => {
                for (at, inner) in items {
                    collect(inner, &format!("{path}.{at}"), out);
                }
            }
        }
    }
}

fn explain(path: &str, error: &validator::ValidationError) -> FieldError {
    let number = |name: &str| error.params.get(name).and_then(Value::as_i64);
    let length = |name: &str| number(name).map(|n| n.to_string()).unwrap_or_default();
    let (code, message) = match error.code.as_ref() {
        "length" => {
            let actual = error.params.get("value").and_then(Value::as_str).map_or(0, |v| v.chars().count());
            match (number("min"), number("max")) {
                (_, Some(max)) if i64::try_from(actual).unwrap_or(i64::MAX) > max => {
                    ("too_long", format!("must have at most {max} characters"))
                }
                (Some(min), _) if i64::try_from(actual).unwrap_or_default() < min => {
                    ("too_short", format!("must have at least {min} characters"))
                }
                _ => ("wrong_length", format!("must have {} to {} entries", length("min"), length("max"))),
            }
        }
        "range" => ("out_of_range", format!("must be between {} and {}", length("min"), length("max"))),
        "email" => ("not_an_email", "must be an e-mail address".to_owned()),
        "url" => ("not_a_url", "must be a URL".to_owned()),
        other => {
            let text = error.message.clone().unwrap_or_else(|| format!("is not valid ({other})").into());
            return FieldError::new(path, other, text.into_owned());
        }
    };
    let mut params = Map::new();
    for name in ["min", "max"] {
        if let Some(n) = number(name) {
            params.insert(name.to_owned(), n.into());
        }
    }
    let params = if params.is_empty() { Value::Null } else { Value::Object(params) };
    FieldError { params, ..FieldError::new(path, code, message) }
}

/// Builds a [`Value`], refusing duplicate keys, too many levels and too many values.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> std::result::Result<Value, D::Error> {
        match self.left.get() {
            // Nothing is left after the last value that is allowed, so 0 means that there was one more.
            1 => {
                self.left.set(0);
                Err(de::Error::custom("too many values"))
            }
            left => {
                self.left.set(left - 1);
                source.deserialize_any(self)
            }
        }
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        // 5.0 is the integer 5 in JSON Schema; beyond 2^53 a float names no one integer.
        if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
            return Ok((value as i64).into());
        }
        Ok(value.into())
    }
    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        // No text column of any of the databases holds it, and no reader expects it.
        if value.contains('\0') {
            return Err(E::custom("text must not contain the character U+0000"));
        }
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut out = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if out.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{key}` appears twice")));
            }
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

impl Strict<'_> {
    fn deeper<E: de::Error>(self) -> std::result::Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format!("more than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}
