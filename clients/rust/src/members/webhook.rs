//! Messages that Tenon sends, as Standard Webhooks sign them.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{error::Error, snapshot::Event, wire};

/// Seconds by which the sender's time may differ.
const TOLERANCE: f64 = 300.0;

/// The key of a text `whsec_…`.
///
/// Errors: `Invalid`, which does not show it.
pub fn key(secret: &str) -> Result<hmac::Key, Error> {
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let text = secret.strip_prefix("whsec_").ok_or_else(|| invalid("a webhook secret begins with whsec_"))?;
    let bytes = BASE64.decode(text).map_err(|_| invalid("a webhook secret has Base64 after whsec_"))?;
    if bytes.len() < 16 {
        return Err(invalid("a webhook secret has 16 bytes or more"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The message, if it was signed with one of the keys.
pub fn verify<'h>(
    keys: &[hmac::Key],
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: f64,
) -> Result<Event, Error> {
    let bad = |text: &str| Error::BadWebhook(text.to_owned());
    let part = |name: &str| {
        let name = format!("webhook-{name}");
        header(&name).ok_or_else(|| bad(&format!("the header {name} is missing")))
    };
    let (id, sent, signatures) = (part("id")?, part("timestamp")?, part("signature")?);
    let is_number = (1..=12).contains(&sent.len()) && sent.bytes().all(|b| b.is_ascii_digit());
    let at: f64 =
        sent.parse().ok().filter(|_| is_number).ok_or_else(|| bad("webhook-timestamp is not in seconds"))?;
    let signed = [id.as_bytes(), b".", sent.as_bytes(), b".", body].concat();
    let shown = signatures.split_whitespace().filter_map(|one| one.strip_prefix("v1,"));
    // All are compared, so that nothing tells which one it was.
    let right = shown
        .filter_map(|one| BASE64.decode(one).ok())
        .map(|mac| keys.iter().filter(|key| hmac::verify(key, &signed, &mac).is_ok()).count())
        .sum::<usize>();
    if right == 0 {
        return Err(bad("no signature is right"));
    }
    if (now - at).abs() > TOLERANCE {
        return Err(bad("the message is older, or newer, than five minutes"));
    }
    read(id, body).ok_or_else(|| bad("the body is not what Tenon sends"))
}

fn read(id: &str, body: &[u8]) -> Option<Event> {
    let content: Value = serde_json::from_slice(body).ok()?;
    let data = match content.get("data") {
        None | Some(Value::Null) => serde_json::json!({}),
        Some(data) if data.is_object() => data.clone(),
        Some(_) => return None,
    };
    let instant = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    let at = match content.get("at") {
        None | Some(Value::Null) => None,
        Some(at) => Some(instant(at.as_str()?)?),
    };
    let sub = match &data["authentik_sub"] {
        Value::Null => None,
        sub => Some(sub.as_str()?.to_owned()),
    };
    let version = match &data["version"] {
        Value::Null => None,
        version => Some(version.as_i64()?),
    };
    Some(Event {
        id: content["id"].as_str().unwrap_or(id).to_owned(),
        kind: content["type"].as_str()?.to_owned(),
        at,
        sub,
        version,
        permission: wire::permission_key(&data["permission"]),
        data,
    })
}

/// The word of the change feed for a message's type.
pub fn op(kind: &str) -> &str {
    match kind {
        "permission.granted" => "grant",
        "permission.revoked" => "revoke",
        "permission.expired" => "expire",
        "user.disabled" => "user_disabled",
        "user.enabled" => "user_enabled",
        "user.deleted" => "user_deleted",
        other => other,
    }
}
