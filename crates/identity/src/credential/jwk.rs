//! Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) with their RFC 7638
//! thumbprints as key ids. May import: aws-lc's key types, base64, serde_json.

use aws_lc_rs::signature::RsaPublicKeyComponents;
use base::{Result, SecretBytes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{broken, sha256};

/// A public key: its thumbprint and its JWK.
#[derive(Clone, Debug)]
pub(super) struct PublicJwk {
    pub(super) kid: String,
    pub(super) jwk: Value,
}

impl PublicJwk {
    fn new(canonical: &str, purpose: &str, alg: &str, mut jwk: Value) -> Self {
        let kid = b64(&sha256(canonical.as_bytes()));
        if let Value::Object(map) = &mut jwk {
            map.insert("kid".into(), kid.clone().into());
            map.insert("use".into(), purpose.into());
            map.insert("alg".into(), alg.into());
        }
        Self { kid, jwk }
    }

    pub(super) fn rsa(key: &RsaPublicKeyComponents<Vec<u8>>, purpose: &str, alg: &str) -> Self {
        let (n, e) = (b64(&key.n), b64(&key.e));
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        Self::new(&canonical, purpose, alg, json!({ "kty": "RSA", "n": n, "e": e }))
    }

    /// From the uncompressed point (SEC 1 section 2.3.3) of a P-256 key.
    pub(super) fn p256(point: &[u8]) -> Result<Self> {
        let [4, rest @ ..] = point else { return Err(broken("an EC point that is not uncompressed")) };
        let (x, y) = rest.split_at_checked(32).ok_or_else(|| broken("a short EC point"))?;
        let (x, y) = (b64(x), b64(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(Self::new(&canonical, "sig", "ES256", json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })))
    }

    pub(super) fn ed25519(public: &[u8]) -> Self {
        let x = b64(public);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self::new(&canonical, "sig", "EdDSA", json!({ "kty": "OKP", "crv": "Ed25519", "x": x }))
    }
}

/// base64url without padding (RFC 7515 section 2).
pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The strict inverse of [`b64`]: no padding, no white space, no stray bits.
pub(super) fn unb64(text: &str) -> Option<SecretBytes> {
    URL_SAFE_NO_PAD.decode(text).ok().map(SecretBytes::from)
}
