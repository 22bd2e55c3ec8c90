//! The keys of a JWK set that can check a signature (RFC 7517, RFC 7518 section 6), and choosing one.

use jsonwebtoken::DecodingKey;
use serde_json::Value;

use crate::{
    Algorithm,
    token::{Token, decode},
};

/// The most keys of a set that are read; the rest is ignored.
const KEYS_MAX: usize = 50;
const RSA_BITS_MIN: usize = 2048;

/// The usable keys of one moment.
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// How many the issuer published, usable or not.
    published: usize,
}

struct Key {
    kid: Option<String>,
    alg: Algorithm,
    key: DecodingKey,
}

/// What a set has for a token.
pub(crate) enum Choice<'a> {
    /// This key, and it may be used with the token's algorithm.
    Key(&'a DecodingKey),
    /// The set has no key of that id: a newer one may.
    Unknown(&'a str),
    /// A newer set would make no difference.
    None(&'static str),
}

impl KeySet {
    /// Reads an answer. Keys that cannot be used are left out, and never spoil the others; only an answer
    /// that is no JWK set at all is an error. Authentik answers `{}` when no signing key is selected.
    pub fn read(body: &[u8]) -> Result<Self, &'static str> {
        let answer: Value = serde_json::from_slice(body).map_err(|_| "the JWK set is not JSON")?;
        let members = answer.as_object().ok_or("the JWK set is not an object")?;
        let entries = match members.get("keys") {
            None => &[][..],
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err("the JWK set's keys are not a list"),
        };
        if entries.len() > KEYS_MAX {
            tracing::warn!(published = entries.len(), read = KEYS_MAX, "a JWK set has too many keys");
        }
        let keys = entries.iter().take(KEYS_MAX).filter_map(|entry| match Key::read(entry) {
            Ok(key) => Some(key),
            Err(why) => {
                tracing::debug!(why, kid = entry["kid"].as_str(), "a key of a JWK set is left out");
                None
            }
        });
        Ok(Self { keys: keys.collect(), published: entries.len() })
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a key of that id is among them.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// What the operator should do about a set without a usable key.
    pub fn complaint(&self) -> Option<&'static str> {
        match (self.keys.len(), self.published) {
            (0, 0) => Some("the issuer publishes no key; select a signing key in its provider"),
            (0, _) => Some(
                "the issuer publishes no key that can be used; select another signing key in its provider",
            ),
            _ => None,
        }
    }

    /// The key for a token. Without a `kid`: the only one for the token's algorithm.
    pub fn choose<'a>(&'a self, token: &'a Token<'_>) -> Choice<'a> {
        let Some(kid) = token.kid.as_deref() else {
            let mut fitting = self.keys.iter().filter(|key| key.alg == token.alg);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Choice::Key(&key.key),
                _ => Choice::None("no key id, and not exactly one key"),
            };
        };
        let mut named = self.keys.iter().filter(|key| key.kid.as_deref() == Some(kid)).peekable();
        if named.peek().is_none() {
            return Choice::Unknown(kid);
        }
        match named.find(|key| key.alg == token.alg) {
            Some(key) => Choice::Key(&key.key),
            None => Choice::None("the key is for another algorithm"),
        }
    }
}

impl Key {
    fn read(entry: &Value) -> Result<Self, &'static str> {
        let text = |name: &str| match entry.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err("a member is not a string"),
        };
        if text("use")?.is_some_and(|purpose| purpose != "sig") {
            return Err("not for signatures");
        }
        let named = match text("alg")? {
            None => None,
            Some(name) => {
                Some(name.parse::<Algorithm>().map_err(|_| "for an algorithm that is not supported")?)
            }
        };
        let number = |name: &str| text(name)?.and_then(decode).ok_or("a number is missing or not base64url");
        let (alg, key) = match (text("kty")?, text("crv")?) {
            (Some("RSA"), _) => rsa(named, &number("n")?, &number("e")?)?,
            (Some("EC"), Some("P-256")) => (Algorithm::ES256, point(&number("x")?, &number("y")?, 32)?),
            (Some("EC"), Some("P-384")) => (Algorithm::ES384, point(&number("x")?, &number("y")?, 48)?),
            (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDSA, edwards(&number("x")?)?),
            _ => return Err("of a type that is not supported"),
        };
        if named.is_some_and(|named| named != alg) {
            return Err("its algorithm does not fit its type");
        }
        Ok(Self { kid: text("kid")?.map(str::to_owned), alg, key })
    }
}

/// A key has one algorithm. An RSA key could have six; one that names none is for `RS256`, which is what
/// issuers that name none use.
fn rsa(named: Option<Algorithm>, n: &[u8], e: &[u8]) -> Result<(Algorithm, DecodingKey), &'static str> {
    let alg = named.unwrap_or(Algorithm::RS256);
    if !alg.is_rsa() {
        return Err("its algorithm does not fit its type");
    }
    let start = n.iter().position(|byte| *byte != 0).unwrap_or(n.len());
    let digits = n.get(start..).unwrap_or_default();
    let bits = digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize);
    if bits < RSA_BITS_MIN {
        return Err("an RSA key of less than 2048 bits");
    }
    Ok((alg, DecodingKey::from_rsa_raw_components(digits, e)))
}

/// Coordinates have the length of the curve (RFC 7518 section 6.2.1.2). Whether the point lies on it, the
/// library finds out at every use.
fn point(x: &[u8], y: &[u8], length: usize) -> Result<DecodingKey, &'static str> {
    if x.len() != length || y.len() != length {
        return Err("a coordinate of the wrong length");
    }
    Ok(DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}

fn edwards(x: &[u8]) -> Result<DecodingKey, &'static str> {
    if x.len() != 32 {
        return Err("a coordinate of the wrong length");
    }
    Ok(DecodingKey::from_ed_der(x))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
