//! Requests and answers, without sending them.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    error::{Error, Failure},
    snapshot::{Change, Key, Permission, Snapshot},
};

/// So many members are asked for at once.
pub const BATCH: usize = 200;
/// The longest that the server waits for a change, in seconds.
pub const LONGEST_WAIT: u32 = 25;

/// A request.
pub struct Call {
    pub path: String,
    pub etag: Option<String>,
    /// With one it is a POST.
    pub body: Option<Value>,
    pub query: Vec<(&'static str, String)>,
    /// For how many seconds the server may hold the answer back.
    pub extra_wait: u32,
}

/// An answer as it came.
pub struct Reply {
    pub status: u16,
    pub etag: Option<String>,
    pub cache_control: Option<String>,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// A snapshot. Times are seconds after the server made it, so that clocks need not agree.
#[derive(Clone, Debug)]
pub struct Found {
    pub snapshot: Snapshot,
    pub etag: Option<String>,
    pub lifetime: f64,
    pub stale_for: f64,
    pub ends: HashMap<Key, Option<f64>>,
}

/// What the server says of a member.
pub enum Answer {
    Found(Found),
    /// What the caller has still holds, for so many seconds where the server says so.
    NotModified(Option<f64>),
    /// Nobody is called so, or no more.
    Absent,
}

/// Of the change feed.
pub struct Page {
    pub items: Vec<Change>,
    pub next_cursor: String,
    pub has_more: bool,
}

/// What the change feed answers.
pub enum Feed {
    Page(Page),
    /// The cursor is not known any more.
    Expired(String),
}

impl Call {
    fn get(path: String) -> Self {
        Self { path, etag: None, body: None, query: Vec::new(), extra_wait: 0 }
    }
    fn post(path: &str, body: Value) -> Self {
        Self { body: Some(body), ..Self::get(path.to_owned()) }
    }

    /// What a member may do, unless it is as the tag says.
    pub fn snapshot(sub: &str, etag: Option<&str>) -> Self {
        // A path of dots would be taken away on the way.
        if matches!(sub, "." | "..") {
            return Self::snapshots(&[(sub, None)]);
        }
        let path = format!("/internal/permissions/{}/snapshot", quote(sub));
        Self { etag: etag.map(str::to_owned), ..Self::get(path) }
    }

    /// What several members may do, with the versions that are at hand.
    pub fn snapshots(versions: &[(&str, Option<i64>)]) -> Self {
        let subs: Vec<&str> = versions.iter().map(|(sub, _)| *sub).collect();
        let known: Map<String, Value> =
            versions.iter().filter_map(|(sub, at)| at.map(|at| ((*sub).to_owned(), json!(at)))).collect();
        Self::post("/internal/permissions/snapshots", json!({ "subs": subs, "if_versions": known }))
    }

    /// Whether a member may do something.
    pub fn check(sub: &str, key: &Key) -> Self {
        let body = json!({
            "authentik_sub": sub, "scope_type": key.scope_type, "scope_id": key.scope_id,
            "module": key.module, "action": key.action,
        });
        Self::post("/internal/permissions/check", body)
    }

    /// What has changed since a cursor; without one, only the newest cursor.
    pub fn changes(since: Option<&str>, wait: u32) -> Self {
        let mut call = Self::get("/internal/permissions/changes".to_owned());
        if let Some(since) = since {
            call.query = vec![("since", since.to_owned()), ("limit", "1000".to_owned())];
            if wait > 0 {
                call.query.push(("wait", wait.to_string()));
            }
        }
        Self { extra_wait: wait, ..call }
    }
}

/// For an address: all but letters, digits and `_.-~` as `%XX`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Whether anybody can be called so; whoever cannot is not asked for.
///
/// Errors: `Invalid` where no name was handed in.
pub fn can_be_sub(sub: &str) -> Result<bool, Error> {
    if sub.is_empty() {
        return Err(Error::Invalid("sub is empty: nobody is signed in".to_owned()));
    }
    Ok(sub.chars().count() <= 255 && sub.trim() == sub && !sub.chars().any(char::is_control))
}

/// `None` where no scope can be called so.
///
/// Errors: `Invalid` for the other names, which are written in programs.
pub fn key(scope_type: &str, scope_id: &str, module: &str, action: &str) -> Result<Option<Key>, Error> {
    let is_name = |text: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.len() <= 63
            && text.bytes().all(fits)
    };
    for (name, value) in [("scope_type", scope_type), ("module", module), ("action", action)] {
        if !is_name(value) {
            let text =
                format!("{name} begins with a letter from a to z and has letters, digits and _ . - only");
            return Err(Error::Invalid(text));
        }
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:@/-".contains(&b);
    let is_scope = (1..=128).contains(&scope_id.len()) && scope_id.bytes().all(fits);
    Ok(is_scope.then(|| Key {
        scope_type: scope_type.to_owned(),
        scope_id: scope_id.to_owned(),
        module: module.to_owned(),
        action: action.to_owned(),
    }))
}

/// Why something is not what Tenon sends. The path would name the member, so there is no more.
struct Misshapen;

type Shape<T> = Result<T, Misshapen>;

/// The answer to [`Call::snapshot`].
pub fn read_snapshot(sub: &str, reply: &Reply) -> Result<Answer, Error> {
    match reply.status {
        304 => Ok(Answer::NotModified(reply.cache_control.as_deref().and_then(max_age))),
        404 | 410 => Ok(Answer::Absent),
        _ if matches!(sub, "." | "..") => {
            let (_, answer) = read_snapshots(reply)?.pop().ok_or_else(|| misshapen("a snapshot", reply))?;
            Ok(answer)
        }
        _ => read("a snapshot", reply, |content| found(content, sub, reply.etag.clone())).map(Answer::Found),
    }
}

/// The answer to [`Call::snapshots`]; whom the server left out is not in it.
pub fn read_snapshots(reply: &Reply) -> Result<Vec<(String, Answer)>, Error> {
    read("snapshots", reply, |content| {
        let mut answers = Vec::new();
        for entry in list(content, "snapshots")? {
            let sub = text(entry, "authentik_sub")?;
            let found = found(entry, &sub, None)?;
            answers.push((sub, Answer::Found(found)));
        }
        for sub in list(content, "not_modified")? {
            answers.push((sub.as_str().ok_or(Misshapen)?.to_owned(), Answer::NotModified(None)));
        }
        for sub in list(content, "not_found")? {
            answers.push((sub.as_str().ok_or(Misshapen)?.to_owned(), Answer::Absent));
        }
        Ok(answers)
    })
}

/// The answer to [`Call::check`].
pub fn read_check(reply: &Reply) -> Result<bool, Error> {
    read("a check", reply, |content| content["allowed"].as_bool().ok_or(Misshapen))
}

/// The answer to [`Call::changes`].
pub fn read_changes(since: Option<&str>, reply: &Reply) -> Result<Feed, Error> {
    let page = read("changes", reply, |content| {
        let next_cursor = text(content, "next_cursor")?;
        if next_cursor.is_empty() {
            return Err(Misshapen);
        }
        let items = list(content, "items")?.iter().map(change).collect::<Shape<_>>()?;
        Ok(Page { items, next_cursor, has_more: content["has_more"].as_bool().ok_or(Misshapen)? })
    });
    page.map(Feed::Page).or_else(|error| {
        let (status, code) =
            error.failure().map_or((None, None), |failure| (failure.status, failure.code.as_deref()));
        // A cursor that was damaged where it was kept is as good as an old one.
        let is_refused = since.is_some() && matches!(status, Some(400 | 422));
        if is_refused || status == Some(410) || code == Some("cursor_expired") {
            return Ok(Feed::Expired(error.to_string()));
        }
        Err(error)
    })
}

fn max_age(header: &str) -> Option<f64> {
    let parts = header.split([',', ' ', '\t']).map(str::trim);
    parts.filter_map(|part| part.strip_prefix("max-age=")).find_map(|digits| {
        let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    })
}

fn misshapen(what: &str, reply: &Reply) -> Error {
    Error::Failed(Failure {
        status: Some(reply.status),
        request_id: reply.request_id.clone(),
        ..Failure::of(format!("the answer for {what} is not what Tenon sends"))
    })
}

fn read<T>(what: &str, reply: &Reply, take: impl FnOnce(&Value) -> Shape<T>) -> Result<T, Error> {
    let content: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status >= 400 {
        return Err(refusal(reply, &content));
    }
    if reply.status != 200 {
        return Err(misshapen(what, reply));
    }
    take(&content).map_err(|Misshapen| misshapen(what, reply))
}

fn refusal(reply: &Reply, content: &Value) -> Error {
    let says = |name: &str| content[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let failure = Failure {
        message: says("detail").unwrap_or_else(|| format!("HTTP {}", reply.status)),
        status: Some(reply.status),
        code: says("code"),
        request_id: reply.request_id.clone(),
        retry_after: reply.retry_after,
    };
    match reply.status {
        401 | 403 => Error::Unauthorized(failure),
        408 | 429 | 502 | 503 | 504 => Error::Unavailable(failure),
        _ => Error::Failed(failure),
    }
}

fn found(content: &Value, sub: &str, etag: Option<String>) -> Shape<Found> {
    if content["schema"] != 1 || content["authentik_sub"] != sub {
        // Another document, or another member's.
        return Err(Misshapen);
    }
    let (made, expires) = (instant(&content["generated_at"])?, instant(&content["expires_at"])?);
    let version = content["version"].as_i64().ok_or(Misshapen)?;
    let seconds = |span: chrono::TimeDelta| span.as_seconds_f64();
    let (mut permissions, mut ends) = (Vec::new(), HashMap::new());
    for entry in list(content, "permissions")? {
        let key = permission_key(entry).ok_or(Misshapen)?;
        let expires_at = optional(&entry["expires_at"], instant)?;
        ends.insert(key.clone(), expires_at.map(|end| seconds(end - made)));
        permissions.push(Permission { key, expires_at });
    }
    let digest = content["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    let digest = digest.filter(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    Ok(Found {
        // Answers about several members have no header for each; this is how the server makes it.
        etag: etag.or_else(|| digest.map(|digest| format!("\"{version}-{}\"", &digest[..16]))),
        lifetime: seconds(expires - made).max(0.0),
        stale_for: content["stale_if_error"].as_i64().ok_or(Misshapen)?.max(0) as f64,
        ends,
        snapshot: Snapshot {
            sub: sub.to_owned(),
            user_id: text(content, "user_id")?,
            is_active: content["is_active"].as_bool().ok_or(Misshapen)?,
            version,
            generated_at: made,
            expires_at: expires,
            permissions: permissions.into(),
            is_stale: false,
        },
    })
}

fn change(item: &Value) -> Shape<Change> {
    let words = |value: &Value| value.as_str().map(str::to_owned).ok_or(Misshapen);
    Ok(Change {
        op: text(item, "op")?,
        sub: optional(&item["authentik_sub"], words)?,
        version: optional(&item["version"], |value| value.as_i64().ok_or(Misshapen))?,
        permission: permission_key(&item["permission"]),
        at: optional(&item["at"], instant)?,
        request_id: optional(&item["request_id"], words)?,
    })
}

/// From a change or a message, where there is one.
pub fn permission_key(value: &Value) -> Option<Key> {
    let part = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Key {
        scope_type: part("scope_type")?,
        scope_id: part("scope_id")?,
        module: part("module")?,
        action: part("action")?,
    })
}

fn text(content: &Value, name: &str) -> Shape<String> {
    content[name].as_str().map(str::to_owned).ok_or(Misshapen)
}

fn list<'a>(content: &'a Value, name: &str) -> Shape<&'a Vec<Value>> {
    content[name].as_array().ok_or(Misshapen)
}

fn instant(value: &Value) -> Shape<DateTime<Utc>> {
    let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    at.map(|at| at.to_utc()).ok_or(Misshapen)
}

fn optional<T>(value: &Value, take: impl FnOnce(&Value) -> Shape<T>) -> Shape<Option<T>> {
    if value.is_null() { Ok(None) } else { take(value).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_tenon_takes_for_names() {
        for sub in ["ann", "a b", "a/b", "…", &"x".repeat(255)] {
            assert_eq!(can_be_sub(sub), Ok(true), "{sub}");
        }
        for sub in [" ann", "ann\n", "a\u{0}b", "a\u{85}b", &"x".repeat(256)] {
            assert_eq!(can_be_sub(sub), Ok(false), "{sub:?}");
        }
        assert!(can_be_sub("").is_err() && key("Org", "7", "mkt", "read").is_err());
        assert!(key("org", "7", "*", "read").is_err() && key("org", "7", "mkt", "").is_err());
        assert_eq!(key("org", "*", "mkt", "read"), Ok(None));
        assert!(key("org", "a/b@c:d", "mkt.x", "read-1").is_ok_and(|key| key.is_some()));
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(Call::snapshot("a/b ä", None).path, "/internal/permissions/a%2Fb%20%C3%A4/snapshot");
        assert!(Call::snapshot("..", None).body.is_some());
    }

    #[test]
    fn how_long_a_304_holds_is_read_from_its_header() {
        assert_eq!(max_age("private, max-age=300, stale-if-error=3600"), Some(300.0));
        for header in ["private", "max-age=", "s-max-age=3", "max-age=1234567890", "max-age=-1"] {
            assert_eq!(max_age(header), None, "{header}");
        }
    }
}
