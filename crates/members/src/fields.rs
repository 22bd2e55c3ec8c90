//! Bodies of this wire: read after the caller is known, and what the texts in them may be.

use base::{Error, FieldError, Id, Result};
use http::HeaderMap;
use kernel::{Cx, access::Tuple, http::decode};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use validator::Validate;

/// Characters of a `sub`.
const SUB: usize = 255;
/// Characters of a scope's id.
const SCOPE_ID: usize = 128;
/// Characters of the other parts of a tuple.
const NAME: usize = 63;

/// The body, strictly.
pub fn input<T: DeserializeOwned + Validate>(cx: &Cx) -> Result<T> {
    let value = decode::json(&cx.headers, cx.body())?;
    if let Some(at) = control(&value, "") {
        return Err(Error::field(at, "control_character", "must have no control characters"));
    }
    decode::typed(value)
}

/// Where the first control character of any text is.
fn control(value: &Value, at: &str) -> Option<String> {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::String(text) => text.chars().any(char::is_control).then(|| at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(n, item)| control(item, &below(&n.to_string())))
        }
        Value::Object(members) => members.iter().find_map(|(name, item)| control(item, &below(name))),
        _ => None,
    }
}

/// Tells `null` from nothing.
pub fn present<'de, D, T>(source: D) -> std::result::Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(source).map(Some)
}

/// The body in the document.
pub fn body<T: JsonSchema>() -> Vec<(String, Value)> {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    vec![("application/json".to_owned(), schema)]
}

/// One value of a header that may stand there once only.
pub fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// What somebody is called by his issuer: 1 to 255 characters, compared byte by byte.
pub fn check_sub(field: &str, sub: &str) -> Result<()> {
    let length = sub.chars().count();
    if length == 0 || length > SUB || sub.trim() != sub || sub.chars().any(char::is_control) {
        let message = format!("must have 1 to {SUB} characters, none at the ends blank");
        return Err(Error::field(field, "invalid_format", message));
    }
    Ok(())
}

/// Whether a text can be a scope type, module or action.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= NAME
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
}

/// What a tuple's texts may be, whatever the catalogue says. `*` is no name, so nothing is ever a wildcard.
pub fn check_tuple(at: &str, tuple: &Tuple) -> Result<()> {
    let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let mut errors = Vec::new();
    for (name, text) in
        [("scope_type", &tuple.scope_type), ("module", &tuple.module), ("action", &tuple.action)]
    {
        if !is_name(text) {
            let message = "must begin with a letter from a to z and have letters, digits and _ . - only";
            errors.push(FieldError::new(path(name), "invalid_format", message));
        }
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:@/-".contains(&b);
    if tuple.scope_id.is_empty() || tuple.scope_id.len() > SCOPE_ID || !tuple.scope_id.bytes().all(fits) {
        let message = format!("must have 1 to {SCOPE_ID} letters, digits and . _ : @ / -");
        errors.push(FieldError::new(path("scope_id"), "invalid_format", message));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::fields(errors)) }
}

/// A member as this wire shows him.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberUser")]
pub struct UserView {
    /// The user.
    pub id: Id,
    /// The organisation that speaks.
    pub org_id: Id,
    /// What his issuer calls him.
    pub authentik_sub: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether it is proven.
    pub email_verified: bool,
    /// Name to show.
    pub display_name: String,
    /// Whether he may work.
    pub is_active: bool,
    /// The version of what he may do.
    pub permissions_version: i64,
    /// RFC 3339.
    pub created_at: base::Timestamp,
    /// RFC 3339.
    pub updated_at: base::Timestamp,
    /// When he was last seen with a token of his own.
    pub last_seen_at: Option<base::Timestamp>,
}
