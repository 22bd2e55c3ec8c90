//! What a token says, and whether that holds (RFC 7519 section 4.1, RFC 9068 section 4).

use base::Result;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::{
    Issuer,
    token::{decode, present, refused},
};

/// Seconds by which the issuer's clock may differ from ours.
const LEEWAY: i64 = 30;
/// The most characters of a `sub`.
const SUB_MAX: usize = 255;

/// The claims of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject: the one name of a person at this issuer, compared byte for byte.
    pub sub: String,
    /// The audiences, possibly none if the issuer's configuration asks for none.
    pub aud: Vec<String>,
    /// Expires at, in seconds.
    pub exp: i64,
    /// Issued at, in seconds.
    pub iat: i64,
    /// Not valid before, in seconds.
    pub nbf: Option<i64>,
    /// The authorised party: the client that the token was issued to.
    pub azp: Option<String>,
    /// The e-mail address. No name of a person: many issuers let people change it.
    pub email: Option<String>,
    /// Whether the issuer verified the address.
    pub email_verified: Option<bool>,
    /// For display: the first of `name`, `preferred_username` and `nickname` that is not empty.
    pub name: Option<String>,
    /// The user name at the issuer.
    pub preferred_username: Option<String>,
}

/// The claims that decide have types; those for display may be anything, and then count as absent.
#[derive(Deserialize)]
struct Raw {
    iss: String,
    sub: String,
    exp: Number,
    iat: Number,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Number>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    azp: Option<String>,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    preferred_username: Value,
    #[serde(default)]
    nickname: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The claims of an encoded payload, if they hold for this issuer at `now`. Says nothing about the
/// signature. Errors: 401 `invalid_token`.
pub(crate) fn check(payload: &str, issuer: &Issuer, now: DateTime<Utc>) -> Result<Claims> {
    let bytes = decode(payload).ok_or_else(|| refused("the claims' encoding"))?;
    let raw: Raw =
        serde_json::from_slice(&bytes).map_err(|_| refused("a claim is missing or of another type"))?;
    if raw.iss.is_empty() || raw.iss != issuer.issuer {
        return Err(refused("the issuer is another"));
    }
    if !is_subject(&raw.sub) {
        return Err(refused("the subject is empty, too long or not printable"));
    }
    let claims = raw.into_claims().ok_or_else(|| refused("a time is not a number of seconds"))?;
    check_times(&claims, now.timestamp())?;
    if !issuer.audiences.is_empty() && !claims.aud.iter().any(|aud| issuer.audiences.contains(aud)) {
        return Err(refused("the audience is another"));
    }
    check_party(&claims, issuer)?;
    Ok(claims)
}

fn check_times(claims: &Claims, now: i64) -> Result<()> {
    let soon = now.saturating_add(LEEWAY);
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(refused("expired"));
    }
    if claims.nbf.is_some_and(|nbf| nbf > soon) {
        return Err(refused("not valid yet"));
    }
    // Whoever compares `iat` with a time of sign-out must not be fooled by a token from tomorrow.
    if claims.iat > soon {
        return Err(refused("issued in the future"));
    }
    Ok(())
}

fn check_party(claims: &Claims, issuer: &Issuer) -> Result<()> {
    match claims.azp.as_deref() {
        None | Some("") if issuer.require_azp || !issuer.azp.is_empty() => {
            Err(refused("there is no authorised party"))
        }
        Some(azp) if !issuer.azp.is_empty() && !issuer.azp.iter().any(|known| known == azp) => {
            Err(refused("the authorised party is another"))
        }
        _ => Ok(()),
    }
}

/// A subject becomes a key in databases: what they cannot hold, or would trim, is none.
fn is_subject(sub: &str) -> bool {
    !sub.is_empty()
        && sub.chars().count() <= SUB_MAX
        && !sub.chars().any(char::is_control)
        && sub.trim().len() == sub.len()
}

impl Raw {
    fn into_claims(self) -> Option<Claims> {
        let preferred_username = text(self.preferred_username);
        Some(Claims {
            iss: self.iss,
            sub: self.sub,
            aud: match self.aud {
                None => Vec::new(),
                Some(Audience::One(aud)) => vec![aud],
                Some(Audience::Many(auds)) => auds,
            },
            exp: seconds(&self.exp)?,
            iat: seconds(&self.iat)?,
            nbf: match self.nbf {
                Some(nbf) => Some(seconds(&nbf)?),
                None => None,
            },
            azp: self.azp,
            email: text(self.email),
            email_verified: self.email_verified.as_bool(),
            name: text(self.name).or_else(|| preferred_username.clone()).or_else(|| text(self.nickname)),
            preferred_username,
        })
    }
}

/// A NumericDate: seconds, possibly with a fraction (RFC 7519 section 2).
fn seconds(number: &Number) -> Option<i64> {
    // Casting a float saturates, which is what a time beyond all times should do.
    number.as_i64().or_else(|| number.as_f64().map(|float| float.floor() as i64))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
