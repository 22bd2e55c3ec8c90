//! Keys that sign access tokens: generation, import, export, public form.
//! May import: aws-lc's key types, jsonwebtoken's key types.

use std::str::FromStr;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base::{Error, Result, SecretBytes, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::Value;

use crate::credential::{
    broken,
    jwk::{PublicJwk, b64},
    pem, sha256,
};

/// The signature algorithms that Tenon signs with and accepts (RFC 7518 section 3, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC-SHA256: one secret, no public key.
    HS256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// The name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(super) fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::HS256, Self::RS256, Self::ES256, Self::EdDSA]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| Error::invalid("invalid_algorithm", "one of HS256, RS256, ES256, EdDSA"))
    }
}

/// The public half (for HS256: the secret) with which tokens of one `kid` are checked.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    /// The key id in the token's header.
    pub kid: String,
    /// The only algorithm that is accepted for this key.
    pub alg: Algorithm,
    /// From this instant on the key is withdrawn; `None` while it is in use.
    pub not_after: Option<DateTime<Utc>>,
    pub(super) key: DecodingKey,
    pub(super) jwk: Option<Value>,
}

impl VerifyingKey {
    pub(super) fn in_use(&self, now: DateTime<Utc>) -> bool {
        self.not_after.is_none_or(|end| now < end)
    }
}

/// A private key (for HS256: the secret).
#[derive(Clone)]
pub struct SigningKey {
    material: SecretBytes,
    pub(super) signing: EncodingKey,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// A new key: 256 random bits, RSA-2048, P-256 or Ed25519. RSA takes tens of milliseconds
    /// or more: call it on a blocking thread.
    pub fn generate(alg: Algorithm) -> Result<Self> {
        let material = match alg {
            Algorithm::HS256 => base::random::bytes::<32>().to_vec(),
            Algorithm::RS256 => pkcs8(&RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| broken("rsa"))?)?,
            Algorithm::ES256 => {
                let pair =
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| broken("ecdsa"))?;
                pair.to_pkcs8v1().map_err(|_| broken("ecdsa"))?.as_ref().to_vec()
            }
            Algorithm::EdDSA => pkcs8(&Ed25519KeyPair::generate().map_err(|_| broken("ed25519"))?)?,
        };
        Self::from_bytes(alg, &SecretBytes::from(material))
    }

    /// From what [`SigningKey::to_bytes`] gave: PKCS#8 DER (RFC 5208), or for HS256 a secret of
    /// at least 32 bytes (RFC 7518 section 3.2).
    pub fn from_bytes(alg: Algorithm, bytes: &SecretBytes) -> Result<Self> {
        let der = bytes.expose_secret();
        let (signing, key, public) = match alg {
            Algorithm::HS256 if der.len() < 32 => {
                return Err(invalid("an HS256 secret needs at least 32 bytes"));
            }
            Algorithm::HS256 => (EncodingKey::from_secret(der), DecodingKey::from_secret(der), None),
            Algorithm::RS256 => rsa(der)?,
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                let pair = pair.map_err(|_| invalid("not a P-256 private key"))?;
                let point = pair.public_key().as_ref();
                (
                    EncodingKey::from_ec_der(der),
                    DecodingKey::from_ec_der(point),
                    Some(PublicJwk::p256(point)?),
                )
            }
            Algorithm::EdDSA => {
                let pair =
                    Ed25519KeyPair::from_pkcs8(der).map_err(|_| invalid("not an Ed25519 private key"))?;
                let public = pair.public_key().as_ref();
                (
                    EncodingKey::from_ed_der(der),
                    DecodingKey::from_ed_der(public),
                    Some(PublicJwk::ed25519(public)),
                )
            }
        };
        let (kid, jwk) = match public {
            Some(public) => (public.kid, Some(public.jwk)),
            None => (secret_kid(der), None),
        };
        let verifying = VerifyingKey { kid, alg, not_after: None, key, jwk };
        Ok(Self { material: bytes.clone(), signing, verifying })
    }

    /// From PEM text (`JWT_PRIVATE_KEY`): `PRIVATE KEY` (PKCS#8) of RSA, P-256 or Ed25519,
    /// `RSA PRIVATE KEY` (RFC 8017) or `EC PRIVATE KEY` (RFC 5915). The key tells the algorithm.
    pub fn from_pem(text: &str) -> Result<Self> {
        let (label, der) = pem::decode(text)?;
        let bytes = der.expose_secret();
        match label.as_str() {
            "PRIVATE KEY" => [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]
                .into_iter()
                .find_map(|alg| Self::from_bytes(alg, &der).ok())
                .ok_or_else(|| invalid("not an RSA (2048 bits or more), P-256 or Ed25519 private key")),
            "RSA PRIVATE KEY" => {
                let pair = RsaKeyPair::from_der(bytes).map_err(|_| invalid("not an RSA private key"))?;
                Self::from_bytes(Algorithm::RS256, &pkcs8(&pair)?.into())
            }
            "EC PRIVATE KEY" => {
                let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes);
                let pair = pair.map_err(|_| invalid("not a P-256 private key"))?;
                let der = pair.to_pkcs8v1().map_err(|_| broken("ecdsa"))?;
                Self::from_bytes(Algorithm::ES256, &der.as_ref().to_vec().into())
            }
            _ => Err(invalid("the PEM block is not a private key")),
        }
    }

    /// The key for storage (seal it): PKCS#8 DER, or for HS256 the secret.
    pub fn to_bytes(&self) -> &SecretBytes {
        &self.material
    }

    /// The key id: the RFC 7638 thumbprint, or for HS256 a digest under another label.
    pub fn kid(&self) -> &str {
        &self.verifying.kid
    }

    /// The algorithm.
    pub fn alg(&self) -> Algorithm {
        self.verifying.alg
    }

    /// The checking half, accepted until `not_after`.
    pub fn verifying(&self, not_after: Option<DateTime<Utc>>) -> VerifyingKey {
        VerifyingKey { not_after, ..self.verifying.clone() }
    }
}

fn rsa(der: &[u8]) -> Result<(EncodingKey, DecodingKey, Option<PublicJwk>)> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| invalid("not an RSA private key"))?;
    if pair.public_modulus_len() < 256 {
        return Err(invalid("an RSA key needs at least 2048 bits"));
    }
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    // jsonwebtoken wants the PKCS#1 structure inside, which its PEM reader takes out.
    let signing =
        EncodingKey::from_rsa_pem(pem::encode("PRIVATE KEY", der).as_bytes()).map_err(Error::internal)?;
    let key = DecodingKey::from_rsa_raw_components(&public.n, &public.e);
    Ok((signing, key, Some(PublicJwk::rsa(&public, "sig", "RS256"))))
}

fn pkcs8(pair: &impl AsDer<Pkcs8V1Der<'static>>) -> Result<Vec<u8>> {
    Ok(pair.as_der().map_err(|_| broken("pkcs8"))?.as_ref().to_vec())
}

fn secret_kid(secret: &[u8]) -> String {
    let text = SecretBytes::from([b"tenon/jwt/kid\0", secret].concat());
    b64(sha256(text.expose_secret()).split_at(16).0)
}

fn invalid(why: &'static str) -> Error {
    Error::invalid("invalid_key", why)
}
