//! Access tokens: JSON Web Tokens (RFC 7519) that only Tenon makes and only Tenon need accept.
//!
//! The library does the signatures; which key, which algorithm and which claims count is
//! decided here and nowhere else, after RFC 8725 (best current practices): the key is found
//! by `kid` in a closed list, each key has exactly one algorithm, the header may hold nothing
//! but `alg`, `kid` and `typ`, and every claim is required with its type.
//! May import: jsonwebtoken, with its aws-lc provider (chosen by its only enabled feature).

mod key;

use std::sync::Arc;

use base::{Error, Id, Result, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::key::{Algorithm, SigningKey, VerifyingKey};
use super::jwk::{b64, unb64};

/// The `typ` of an access token (RFC 9068 section 2.1): an ID token or any other kind of
/// token under the same key is not an access token.
pub const TYPE: &str = "at+jwt";
/// Seconds by which `iat` and `nbf` may lie in the future.
pub const LEEWAY_SECONDS: i64 = 60;
/// The longest token that is looked at.
const LENGTH_MAX: usize = 8192;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: the base URL of this installation.
    pub iss: String,
    /// Audience: one, exactly.
    pub aud: String,
    /// The user.
    pub sub: Id,
    /// The user's name, for display and logs.
    pub name: String,
    /// The organisation of the session, if one is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<Id>,
    /// The session.
    pub sid: Id,
    /// This token.
    pub jti: Id,
    /// Issued at, in seconds.
    pub iat: i64,
    /// Expires at, in seconds.
    pub exp: i64,
}

#[derive(Deserialize)]
struct NotBefore {
    nbf: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The keys of one moment: one that signs, and those that are still accepted. Immutable and
/// cheap to clone; a rotation makes a new one.
#[derive(Clone)]
pub struct Keyring {
    active: Arc<SigningKey>,
    keys: Arc<[VerifyingKey]>,
}

impl Keyring {
    /// A ring that signs with `active` and accepts it and the `retired` ones.
    pub fn new(active: SigningKey, retired: Vec<VerifyingKey>) -> Result<Self> {
        let mut keys = vec![active.verifying(None)];
        for key in retired {
            if keys.iter().any(|known| known.kid == key.kid) {
                return Err(Error::invalid("duplicate_key", "two signing keys have the same id"));
            }
            keys.push(key);
        }
        Ok(Self { active: Arc::new(active), keys: keys.into() })
    }

    /// The id of the key that signs.
    pub fn kid(&self) -> &str {
        self.active.kid()
    }

    /// A signed token in compact serialisation (RFC 7515 section 7.1).
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let alg = self.active.alg();
        let header = Header { alg: alg.as_str().into(), typ: TYPE.into(), kid: self.active.kid().to_owned() };
        let header = serde_json::to_vec(&header).map_err(Error::internal)?;
        let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
        let message = format!("{}.{}", b64(&header), b64(&claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.active.signing, alg.library());
        Ok(format!("{message}.{}", signature.map_err(Error::internal)?))
    }

    /// The claims of a token that this ring signed for `iss` and `aud` and that holds at `now`.
    /// Everything else is 401 `invalid_token`; the reason goes to the log only.
    pub fn verify(&self, token: &str, now: DateTime<Utc>, iss: &str, aud: &str) -> Result<Claims> {
        if token.len() > LENGTH_MAX {
            return Err(refused("too long"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| refused("not three parts"))?;
        let (header, payload) = message.split_once('.').ok_or_else(|| refused("not three parts"))?;
        let key = self.key_of(header, now)?;
        let signed = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.alg.library());
        if !matches!(signed, Ok(true)) {
            return Err(refused("signature"));
        }
        check_claims(payload, now.timestamp(), iss, aud)
    }

    /// Whether a token names a key that this ring does not have. HS256 has one key only, which
    /// configuration gives, so nobody needs to look for another one.
    pub fn misses_key_of(&self, token: &str) -> bool {
        let header = token.split('.').next().filter(|_| token.len() <= LENGTH_MAX).and_then(unb64);
        let header = header.and_then(|bytes| serde_json::from_slice::<Header>(bytes.expose_secret()).ok());
        header.is_some_and(|header| {
            header.typ == TYPE
                && header.alg != Algorithm::HS256.as_str()
                && !self.keys.iter().any(|key| key.kid == header.kid)
        })
    }

    /// The public keys as a JWK set (RFC 7517 section 5), for `/.well-known/jwks.json`. HS256
    /// has none, and withdrawn keys are left out.
    pub fn jwks(&self, now: DateTime<Utc>) -> Value {
        let keys: Vec<&Value> =
            self.keys.iter().filter(|key| key.in_use(now)).filter_map(|key| key.jwk.as_ref()).collect();
        json!({ "keys": keys })
    }

    fn key_of(&self, header: &str, now: DateTime<Utc>) -> Result<&VerifyingKey> {
        let bytes = unb64(header).ok_or_else(|| refused("header encoding"))?;
        // Unknown parameters (crit, jwk, jku, x5u, x5c, b64, …) do not parse at all.
        let header: Header =
            serde_json::from_slice(bytes.expose_secret()).map_err(|_| refused("header content"))?;
        if header.typ != TYPE {
            return Err(refused("type"));
        }
        let key = self.keys.iter().find(|key| key.kid == header.kid).ok_or_else(|| refused("unknown kid"))?;
        if header.alg != key.alg.as_str() {
            return Err(refused("algorithm"));
        }
        if !key.in_use(now) {
            return Err(refused("withdrawn key"));
        }
        Ok(key)
    }
}

fn check_claims(payload: &str, now: i64, iss: &str, aud: &str) -> Result<Claims> {
    let bytes = unb64(payload).ok_or_else(|| refused("claims encoding"))?;
    let claims: Claims =
        serde_json::from_slice(bytes.expose_secret()).map_err(|_| refused("claims content"))?;
    let NotBefore { nbf } = serde_json::from_slice(bytes.expose_secret()).map_err(|_| refused("nbf"))?;
    if iss.is_empty() || claims.iss != iss {
        return Err(refused("issuer"));
    }
    if aud.is_empty() || claims.aud != aud {
        return Err(refused("audience"));
    }
    let soon = now.saturating_add(LEEWAY_SECONDS);
    if claims.iat > soon || nbf.is_some_and(|nbf| nbf > soon) {
        return Err(refused("from the future"));
    }
    if claims.exp <= now {
        return Err(Error::unauthenticated("invalid_token", "the access token has expired"));
    }
    Ok(claims)
}

#[track_caller]
fn refused(why: &'static str) -> Error {
    Error::unauthenticated("invalid_token", "the access token is not valid").with_source(why)
}
