//! Keys that the tests control, and tokens made with them by hand: a library would refuse to make most.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base::Clock;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key pair with an id.
#[derive(Clone)]
pub struct Signer {
    pub kid: &'static str,
    alg: &'static str,
    pair: Arc<Pair>,
}

impl Signer {
    pub fn ec(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid, alg: "ES256", pair: Arc::new(Pair::Ec(pair)) }
    }

    pub fn ec384(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self { kid, alg: "ES384", pair: Arc::new(Pair::Ec(pair)) }
    }

    pub fn ed(kid: &'static str) -> Self {
        Self { kid, alg: "EdDSA", pair: Arc::new(Pair::Ed(Ed25519KeyPair::generate().unwrap())) }
    }

    /// RSA keys are slow to make: all tests share one.
    pub fn rsa(kid: &'static str, alg: &'static str) -> Self {
        static PAIR: OnceLock<Arc<Pair>> = OnceLock::new();
        let make = || Arc::new(Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())));
        Self { kid, alg, pair: Arc::clone(PAIR.get_or_init(make)) }
    }

    /// The public half as an issuer publishes it.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &*self.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": encode(public.n), "e": encode(public.e)})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key())}),
        };
        jwk["kid"] = self.kid.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.alg.into();
        jwk
    }

    pub fn header(&self) -> Value {
        json!({"alg": self.alg, "typ": "JWT", "kid": self.kid})
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// A token whose signature is good, whatever its header says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = match self.alg {
                    "PS256" => pair.sign(&RSA_PSS_SHA256, &random, message, &mut signature),
                    _ => pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature),
                };
                signed.unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// An HS256 token under this secret.
pub fn hmac_token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(tag))
}

/// Good claims of this issuer for the audience `member`.
pub fn claims(issuer: &str, clock: &dyn Clock) -> Value {
    let now = clock.now().timestamp();
    json!({
        "iss": issuer, "sub": "user-1", "aud": "member", "iat": now, "exp": now + 3600, "azp": "web",
        "email": "user-1@example.test", "email_verified": false, "preferred_username": "user-1",
    })
}
