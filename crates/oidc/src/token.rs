//! A token's outside: three parts, and a header that may say little (RFC 7515, RFC 8725).

use base::{Error, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use crate::Algorithm;

/// The longest token that is looked at.
const LENGTH_MAX: usize = 8 * 1024;
/// The values of `typ` that an access token may have. Another kind of token under the same key, such as
/// `logout+jwt`, is none.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A token whose header is acceptable. Nothing is verified yet.
pub(crate) struct Token<'a> {
    /// What is signed: header and claims, still encoded.
    pub message: &'a str,
    /// The claims, still encoded.
    pub payload: &'a str,
    /// The signature, still encoded.
    pub signature: &'a str,
    /// The algorithm that the header names.
    pub alg: Algorithm,
    /// The key that the header names.
    pub kid: Option<String>,
}

/// Other parameters (`jku`, `x5u`, `jwk`, `x5c`) would let the token choose its own key: they are not read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// A member that is absent or has its type: unlike `Option` alone, `null` is not absence.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl<'a> Token<'a> {
    /// Reads everything but the claims. Errors: 401 `invalid_token`.
    pub fn read(text: &'a str) -> Result<Self> {
        let [header, payload, signature] = parts(text)?;
        let message =
            text.get(..header.len() + 1 + payload.len()).ok_or_else(|| refused("not three parts"))?;
        let header = decode(header).ok_or_else(|| refused("the header's encoding"))?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| refused("the header's content"))?;
        if header.crit.is_some() {
            return Err(refused("the header has crit"));
        }
        if header.typ.is_some_and(|typ| !TYPES.contains(&typ.as_str())) {
            return Err(refused("the header's typ"));
        }
        let alg = header.alg.parse().map_err(|_| refused("an unknown algorithm"))?;
        Ok(Self { message, payload, signature, alg, kid: header.kid })
    }
}

/// The `iss` of a token, unverified: to choose among several trusted issuers, and for nothing else.
pub fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct OfIssuer {
        iss: String,
    }
    let [_, payload, _] = parts(token).ok()?;
    serde_json::from_slice::<OfIssuer>(&decode(payload)?).ok().map(|claims| claims.iss)
}

/// Bytes out of base64url without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn parts(text: &str) -> Result<[&str; 3]> {
    if text.len() > LENGTH_MAX {
        return Err(refused("too long"));
    }
    let parts: Vec<&str> = text.splitn(6, '.').collect();
    match parts.as_slice() {
        [header, payload, signature] => Ok([*header, *payload, *signature]),
        // Authentik encrypts when its provider has an encryption key.
        [_, _, _, _, _] => Err(refused("encrypted_token_unsupported")),
        _ => Err(refused("not three parts")),
    }
}

/// 401 with the same words for every reason; the reason goes to the log only.
#[track_caller]
pub(crate) fn refused(why: &'static str) -> Error {
    tracing::debug!(why, "an access token is refused");
    Error::unauthenticated("invalid_token", "the access token is not valid").with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(r#"{"iss":"https://id.example/"}"#), encode("signature"))
    }

    #[test]
    fn a_header_may_say_little() {
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"ES256","typ":"JWT","kid":"k"}"#,
            r#"{"alg":"RS256","typ":"at+jwt","jku":"https://evil.example","jwk":{},"x5c":[],"x5u":"u"}"#,
        ] {
            assert!(Token::read(&token(header)).is_ok(), "{header}");
        }
        for header in [
            r#"{}"#,
            r#"[]"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"ES512"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"RS256","typ":"logout+jwt"}"#,
            r#"{"alg":"RS256","typ":null}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
        ] {
            assert_eq!(Token::read(&token(header)).err().unwrap().code(), "invalid_token", "{header}");
        }
    }

    #[test]
    fn the_parts_are_three_and_short() {
        let good = token(r#"{"alg":"RS256"}"#);
        let long = format!("{good}{}", "A".repeat(LENGTH_MAX));
        for text in ["", ".", "..", "a.b.c", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", long.as_str()] {
            assert_eq!(Token::read(text).err().unwrap().code(), "invalid_token", "{text}");
        }
        let read = Token::read(&good).unwrap();
        assert_eq!(format!("{}.{}", read.message, read.signature), good);
    }

    #[test]
    fn the_unverified_issuer_is_read_or_absent() {
        assert_eq!(unverified_issuer(&token("x")).unwrap(), "https://id.example/");
        for text in ["", "a.b.c", "a.e30.c", "a.eyJpc3MiOjd9.c"] {
            assert_eq!(unverified_issuer(text), None, "{text}");
        }
    }
}
