//! What names, addresses, languages and time zones look like. Pure.

use base::{Error, FieldError, Result, text};
use validator::ValidateEmail;

use super::{EMAIL_MAX, KEY_MAX, LOCALES, NAME_MAX, USERNAME_MAX, USERNAME_MIN};

fn too_long(field: &'static str, max: usize) -> Error {
    let message = format!("must have at most {max} characters");
    Error::fields(vec![FieldError {
        params: serde_json::json!({ "max": max }),
        ..FieldError::new(field, "too_long", message)
    }])
}

/// A sign-in name: 2 to 64 letters, digits and `._-@`, so that it can stand in a log, a URL and a
/// mail without quoting. Whether one with an `@` is the person's own address is for the caller to see.
pub fn username(typed: &str) -> Result<String> {
    let name = typed.trim();
    let length = name.chars().count();
    if length < USERNAME_MIN {
        let message = format!("must have at least {USERNAME_MIN} characters");
        return Err(Error::fields(vec![FieldError {
            params: serde_json::json!({ "min": USERNAME_MIN }),
            ..FieldError::new("username", "too_short", message)
        }]));
    }
    if length > USERNAME_MAX || text::fold(name).chars().count() > KEY_MAX {
        return Err(too_long("username", USERNAME_MAX));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c)) {
        return Err(Error::field("username", "invalid_format", "may have letters, digits and . _ - @"));
    }
    Ok(name.to_owned())
}

/// An e-mail address.
pub fn email(typed: &str) -> Result<String> {
    let address = typed.trim();
    if address.chars().count() > EMAIL_MAX || text::fold(address).chars().count() > EMAIL_MAX {
        return Err(too_long("email", EMAIL_MAX));
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"');
    if address.chars().any(odd) || !address.validate_email() {
        return Err(Error::field("email", "invalid_email", "is not an e-mail address"));
    }
    Ok(address.to_owned())
}

/// A name to show, on one line.
pub fn display_name(typed: &str) -> Result<String> {
    let name = text::one_line(typed.trim());
    match name.chars().count() {
        0 => Err(Error::field("name", "required", "is required")),
        length if length > NAME_MAX => Err(too_long("name", NAME_MAX)),
        _ => Ok(name),
    }
}

/// One of the languages.
pub fn locale(wanted: &str) -> Result<String> {
    match LOCALES.iter().find(|known| **known == wanted) {
        Some(known) => Ok((*known).to_owned()),
        None => Err(Error::field("locale", "unknown_value", format!("one of {}", LOCALES.join(", ")))),
    }
}

/// An IANA time zone.
pub fn time_zone(wanted: &str) -> Result<String> {
    match wanted.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => {
            let message = "is not a time zone of the IANA database, such as Asia/Shanghai";
            Err(Error::field("time_zone", "unknown_time_zone", message))
        }
    }
}
