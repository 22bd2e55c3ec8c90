//! Asking an issuer: its discovery document (OpenID Connect Discovery 1.0 section 4) and its JWK set.
//! May import: `outbound`, url.

use std::time::Duration;

use base::{Error, Result};
use chrono::TimeDelta;
use outbound::{
    GuardedClient, Purpose,
    http::{Answer, Call, HeaderMap, Method, header},
};
use serde::Deserialize;
use url::{Host, Url};

use crate::keys::KeySet;

/// The time for one answer, connecting included. Connecting alone is bounded by `outbound`.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const BODY_MAX: usize = 256 * 1024;
/// For how long a set is good when the issuer does not say, as Authentik does not.
const TTL_DEFAULT: i64 = 600;
const TTL_MIN: i64 = 60;
const TTL_MAX: i64 = 3600;

/// A JWK set, and for how long it is good.
pub(crate) struct Fetched {
    pub set: KeySet,
    pub ttl: TimeDelta,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Fetches a JWK set. Errors: 503 for everything, with the reason as its source.
pub(crate) async fn jwks(client: &GuardedClient, url: &str) -> Result<Fetched> {
    let answer = get(client, url).await?;
    if answer.status != 200 {
        return Err(failed(format!("the JWK set answers with status {}", answer.status)));
    }
    let set = KeySet::read(&answer.body).map_err(failed)?;
    Ok(Fetched { set, ttl: ttl(&answer.headers) })
}

/// Where the issuer's JWK set is: what its discovery document says, or, where the issuer has no such
/// document, the place that Authentik's layout gives it. Errors: 503, with the reason as its source.
pub(crate) async fn discover(client: &GuardedClient, issuer: &str) -> Result<String> {
    let base = Url::parse(issuer).map_err(|_| failed("the issuer is not a URL"))?;
    trusted(&base)?;
    let below = |path: &str| format!("{}/{path}", issuer.strip_suffix('/').unwrap_or(issuer));
    let answer = get(client, &below(".well-known/openid-configuration")).await?;
    match answer.status {
        200 => place(&answer.body, issuer, &base),
        // "Too slow" and "too many requests" say nothing about where the keys are.
        400..=499 if !matches!(answer.status, 408 | 429) => Ok(below("jwks/")),
        status => Err(failed(format!("discovery answers with status {status}"))),
    }
}

/// What a discovery document says, if it is this issuer's and may say it.
fn place(body: &[u8], issuer: &str, base: &Url) -> Result<String> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|_| failed("the discovery document lacks issuer or jwks_uri"))?;
    if document.issuer != issuer {
        return Err(failed("the discovery document is another issuer's"));
    }
    let url = Url::parse(&document.jwks_uri).map_err(|_| failed("jwks_uri is not a URL"))?;
    trusted(&url)?;
    if url.host() != base.host() {
        return Err(failed("jwks_uri is on another host; its address can be configured"));
    }
    Ok(document.jwks_uri)
}

async fn get(client: &GuardedClient, url: &str) -> Result<Answer> {
    let call = Call { timeout: TIMEOUT, body_max: BODY_MAX, ..Call::new(Method::GET, url) };
    client.send(Purpose::Oidc, call).await.map_err(failed)
}

/// Keys that somebody on the way can exchange are worth nothing.
fn trusted(url: &Url) -> Result<()> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err(failed("keys are fetched with https, and with http from this machine only")),
    }
}

/// `Cache-Control: max-age` within bounds.
fn ttl(headers: &HeaderMap) -> TimeDelta {
    let directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let age = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let digits = value.trim().trim_matches('"');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // What does not fit is very long, which the bound makes short.
        (name.trim().eq_ignore_ascii_case("max-age") && is_number).then(|| digits.parse().unwrap_or(TTL_MAX))
    });
    TimeDelta::seconds(age.unwrap_or(TTL_DEFAULT).clamp(TTL_MIN, TTL_MAX))
}

#[track_caller]
fn failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable("jwks_unavailable", "the issuer's keys cannot be fetched").with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_live_is_what_the_issuer_says_within_bounds() {
        for (value, seconds) in [
            (None, 600),
            (Some("no-store"), 600),
            (Some("public, max-age=120, must-revalidate"), 120),
            (Some("Max-Age=\"300\""), 300),
            (Some("max-age=0"), 60),
            (Some("max-age=86400"), 3600),
            (Some("max-age=99999999999999999999999"), 3600),
            (Some("max-age=-5"), 600),
            (Some("max-age="), 600),
            (Some("s-maxage=70"), 600),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::CACHE_CONTROL, value.parse().unwrap());
            }
            assert_eq!(ttl(&headers).num_seconds(), seconds, "{value:?}");
        }
    }

    #[test]
    fn a_document_cannot_lead_from_https_to_http() {
        let issuer = "https://id.example/";
        let said = |uri: &str| {
            let body = serde_json::json!({"issuer": issuer, "jwks_uri": uri}).to_string();
            place(body.as_bytes(), issuer, &Url::parse(issuer).unwrap())
        };
        assert_eq!(said("https://id.example:8443/keys").unwrap(), "https://id.example:8443/keys");
        for uri in
            ["http://id.example/keys", "https://id.example.evil.example/keys", "https://evil.example/keys"]
        {
            assert!(said(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for url in
            ["https://id.example/", "http://127.0.0.1:9000/", "http://[::1]/", "http://localhost:1234/"]
        {
            assert!(trusted(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
        for url in ["http://id.example/", "http://10.0.0.1/", "http://localhost.example/", "ftp://127.0.0.1/"]
        {
            assert!(trusted(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
    }
}
