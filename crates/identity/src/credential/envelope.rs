//! The sign-in envelope: a password encrypted by the browser for this installation's RSA key.
//!
//! A compact JWE (RFC 7516) with `RSA-OAEP-256` and `A256GCM` of `{password, nonce, iat}`. TLS
//! protects the wire; the envelope keeps passwords out of proxies and logs on the way, and its
//! nonce makes a captured one worthless. Whether nonce and time are good is the caller's check.
//! Every failure is the same error, and a key that does not unwrap is replaced by a random one
//! and only fails at the tag (RFC 7516 section 11.5), so that neither answer nor time is an
//! oracle. May import: aws-lc, serde.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey,
        PrivateDecryptingKey, PublicKey,
    },
    signature::RsaPublicKeyComponents,
};
use base::{Error, Result, Secret, SecretBytes, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use super::{
    broken,
    jwk::{PublicJwk, unb64},
    pem,
};

const ALG: &str = "RSA-OAEP-256";
const ENC: &str = "A256GCM";
const TAG_LEN: usize = 16;
const CEK_LEN: usize = 32;
/// The longest envelope that is looked at.
const LENGTH_MAX: usize = 16 * 1024;

/// What the browser put into the envelope.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The password as typed.
    pub password: Secret,
    /// The nonce that this installation gave out; good once.
    pub nonce: String,
    /// When the envelope was made, in seconds since 1970.
    pub iat: i64,
}

#[derive(Deserialize)]
struct Payload {
    password: String,
    nonce: String,
    iat: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    // Allowed to be there, and saying nothing.
    #[serde(default, rename = "typ")]
    _typ: Option<String>,
    #[serde(default, rename = "cty")]
    _cty: Option<String>,
}

/// The RSA-2048 pair whose public half browsers encrypt passwords for.
#[derive(Clone)]
pub struct EnvelopeKey {
    private: PrivateDecryptingKey,
    public: PublicJwk,
    spki: String,
}

impl EnvelopeKey {
    /// A new pair. Takes tens of milliseconds or more: call it on a blocking thread.
    pub fn generate() -> Result<Self> {
        Self::new(PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| broken("rsa"))?)
    }

    /// From the PKCS#8 DER of [`EnvelopeKey::to_pkcs8`].
    pub fn from_pkcs8(der: &SecretBytes) -> Result<Self> {
        let private = PrivateDecryptingKey::from_pkcs8(der.expose_secret())
            .map_err(|_| Error::invalid("invalid_key", "not an RSA private key"))?;
        if private.key_size_bits() < 2048 {
            return Err(Error::invalid("invalid_key", "an RSA key needs at least 2048 bits"));
        }
        Self::new(private)
    }

    fn new(private: PrivateDecryptingKey) -> Result<Self> {
        let spki: PublicKeyX509Der<'static> = private.public_key().as_der().map_err(|_| broken("spki"))?;
        let public = PublicKey::from_der(spki.as_ref()).map_err(|_| broken("spki"))?;
        let public = PublicJwk::rsa(&RsaPublicKeyComponents::<Vec<u8>>::from(&public), "enc", ALG);
        Ok(Self { private, public, spki: pem::encode("PUBLIC KEY", spki.as_ref()) })
    }

    /// The private key for storage (seal it).
    pub fn to_pkcs8(&self) -> Result<SecretBytes> {
        let der: Pkcs8V1Der<'static> = self.private.as_der().map_err(|_| broken("pkcs8"))?;
        Ok(der.as_ref().to_vec().into())
    }

    /// The key id: the RFC 7638 thumbprint of the public key.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The public key as a JWK with `use: enc`.
    pub fn public_jwk(&self) -> &Value {
        &self.public.jwk
    }

    /// The public key as PEM (`BEGIN PUBLIC KEY`, SubjectPublicKeyInfo).
    pub fn public_pem(&self) -> &str {
        &self.spki
    }

    /// Decrypts the raw RSAES-PKCS1-v1_5 base64 that the seed's clients send (RFC 8017 section
    /// 7.2). Never fails: what does not decrypt to text becomes a random password that matches
    /// nothing, so that a bad padding and a wrong password are the same event (RFC 8017 asks
    /// for exactly that, against Bleichenbacher's attack). Only behind its setting.
    pub fn decrypt_pkcs1(&self, text: &str) -> Secret {
        let decoy = base::random::token();
        self.open_pkcs1(text).unwrap_or(decoy).into()
    }

    fn open_pkcs1(&self, text: &str) -> Option<String> {
        let sealed = STANDARD.decode(text.trim()).ok()?;
        let key = Pkcs1PrivateDecryptingKey::new(self.private.clone()).ok()?;
        let mut out = vec![0; key.min_output_size()];
        let plain = key.decrypt(&sealed, &mut out).ok()?.to_vec();
        String::from_utf8(plain).ok()
    }

    /// The content encryption key, or a random one when it does not unwrap.
    fn unwrap_cek(&self, sealed: &[u8]) -> SecretBytes {
        let decoy = base::random::bytes::<CEK_LEN>().to_vec();
        let cek = OaepPrivateDecryptingKey::new(self.private.clone()).ok().and_then(|key| {
            let mut out = vec![0; key.min_output_size()];
            let cek = key.decrypt(&OAEP_SHA256_MGF1SHA256, sealed, &mut out, None).ok()?.to_vec();
            (cek.len() == CEK_LEN).then_some(cek)
        });
        cek.unwrap_or(decoy).into()
    }
}

/// Opens an envelope with the one of `keys` that its `kid` names: the current pair and, while a
/// rotation lasts, the one before. RSA costs a millisecond of processor time.
pub fn decrypt(keys: &[&EnvelopeKey], jwe: &str) -> Result<SignIn> {
    open(keys, jwe).ok_or_else(failed)
}

/// The one error of [`decrypt`]: the same as for a wrong password.
pub fn failed() -> Error {
    Error::unauthenticated("invalid_credentials", "the user name or the password is wrong")
}

fn open(keys: &[&EnvelopeKey], jwe: &str) -> Option<SignIn> {
    if jwe.len() > LENGTH_MAX {
        return None;
    }
    let mut parts = jwe.split('.');
    let mut next = || parts.next();
    let (protected, sealed_key, iv, body, tag) = (next()?, next()?, next()?, next()?, next()?);
    if next().is_some() {
        return None;
    }
    let header: Header = serde_json::from_slice(unb64(protected)?.expose_secret()).ok()?;
    if header.alg != ALG || header.enc != ENC {
        return None;
    }
    let key = keys.iter().find(|key| key.kid() == header.kid)?;
    let cek = key.unwrap_cek(unb64(sealed_key)?.expose_secret());
    let (iv, body, tag) = (unb64(iv)?, unb64(body)?, unb64(tag)?);
    if tag.expose_secret().len() != TAG_LEN {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(iv.expose_secret()).ok()?;
    let mut sealed = [body.expose_secret(), tag.expose_secret()].concat();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cek.expose_secret()).ok()?);
    let length = cipher.open_in_place(nonce, Aad::from(protected.as_bytes()), &mut sealed).ok()?.len();
    sealed.truncate(length);
    let plain: SecretBytes = sealed.into();
    let payload: Payload = serde_json::from_slice(plain.expose_secret()).ok()?;
    Some(SignIn { password: payload.password.into(), nonce: payload.nonce, iat: payload.iat })
}
