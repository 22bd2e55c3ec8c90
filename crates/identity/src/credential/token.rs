//! Opaque tokens and API keys: made here, kept only as digests.
//!
//! A token is 256 random bits, so a plain SHA-256 is enough for storage (no salt, no slow
//! hash: there is nothing to guess). May import: aws-lc's HMAC, base64.

use aws_lc_rs::hmac;
use base::{Error, Result, Secret, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::sha256;

/// What every API key begins with, so that secret scanners find leaked ones.
pub const API_KEY_PREFIX: &str = "tnk_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PAYLOAD: usize = 43;
const CHECKSUM: usize = 6;
const SHOWN: usize = 8;

/// A new opaque token of 256 bits (refresh, reset, invitation): 43 URL-safe characters.
pub fn generate() -> Secret {
    base::random::token().into()
}

/// What is stored of a token: its SHA-256.
pub fn digest(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

/// [`digest`] as 64 lower-case hexadecimal characters.
pub fn digest_hex(token: &str) -> String {
    digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The one refresh token that follows `token`: HMAC-SHA256 (RFC 2104) under the server's key.
/// Parallel refreshes of one client compute the same successor on every node, and without the
/// key nobody can go from a used token to the next.
pub fn successor(key: &[u8], token: &str) -> Secret {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(b"tenon/refresh/successor\0");
    mac.update(token.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.sign().as_ref()).into()
}

/// An API key: `tnk_`, 43 base-62 characters (256 bits), 6 characters of checksum.
#[derive(Clone, Debug)]
pub struct ApiKey {
    text: Secret,
}

impl ApiKey {
    /// A new key. Its text is shown to its owner once.
    pub fn generate() -> Self {
        let mut text = String::from(API_KEY_PREFIX);
        let payload = text.len();
        while text.len() < payload + PAYLOAD {
            // 248 = 4 * 62: dropping the rest keeps every character equally likely.
            let bytes = base::random::bytes::<64>();
            let digits = bytes.iter().filter(|byte| **byte < 248).map(|byte| base62(u64::from(*byte)));
            text.extend(digits.take(payload + PAYLOAD - text.len()));
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Self { text: text.into() }
    }

    /// Reads a key from a request. A mistyped or invented key fails here, before any look-up.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::unauthenticated("invalid_api_key", "the API key is not valid");
        let rest = text.strip_prefix(API_KEY_PREFIX).ok_or_else(wrong)?;
        if rest.len() != PAYLOAD + CHECKSUM || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(wrong());
        }
        let (signed, sum) = text.split_at(API_KEY_PREFIX.len() + PAYLOAD);
        if !base::secret::same(checksum(signed).as_bytes(), sum.as_bytes()) {
            return Err(wrong());
        }
        Ok(Self { text: text.into() })
    }

    /// The whole key, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// `tnk_` and eight characters: enough to recognise a key in a list, useless for signing in.
    pub fn prefix(&self) -> &str {
        let text = self.text.expose_secret();
        text.get(..API_KEY_PREFIX.len() + SHOWN).unwrap_or(text)
    }

    /// What is stored and looked up: SHA-256 of the whole text.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.text.expose_secret())
    }

    /// [`ApiKey::digest`] in hexadecimal.
    pub fn digest_hex(&self) -> String {
        digest_hex(self.text.expose_secret())
    }
}

/// One digit of base 62; `value` is taken modulo 62.
fn base62(value: u64) -> char {
    let index = usize::try_from(value % 62).unwrap_or_default();
    ALPHABET.get(index).map_or('0', |byte| char::from(*byte))
}

/// Six base-62 characters of SHA-256: against typing errors and invented keys, not a secret.
fn checksum(text: &str) -> String {
    let hash = sha256(text.as_bytes());
    let mut number = hash.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let mut out = String::with_capacity(CHECKSUM);
    for _ in 0..CHECKSUM {
        out.push(base62(number));
        number /= 62;
    }
    out
}
