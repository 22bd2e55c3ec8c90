//! Secrets at rest: AES-256-GCM under a key derived from `ENCRYPTION_KEY`.
//!
//! A sealed value is `v1.<key id>.<base64url of nonce and ciphertext>`. It is bound to the place
//! it was made for ("table/column/row"), so a value copied to another row does not open.
//! May import: aws-lc's AEAD and HKDF, base64.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};
use base::{Error, Kind, Result, Secret, SecretBytes, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::broken;

const VERSION: &str = "v1";
/// The shortest `ENCRYPTION_KEY` that is accepted.
pub const KEY_TEXT_MIN: usize = 32;

/// One sealing key and the name under which sealed values mention it.
pub struct SealingKey {
    id: String,
    key: LessSafeKey,
}

impl SealingKey {
    /// Derives the key from configuration text of at least [`KEY_TEXT_MIN`] characters:
    /// HKDF-SHA256 (RFC 5869), with one label for the key and another for its id.
    pub fn derive(text: &Secret) -> Result<Self> {
        let text = text.expose_secret();
        if text.chars().count() < KEY_TEXT_MIN {
            return Err(Error::invalid("weak_key", "ENCRYPTION_KEY needs at least 32 characters"));
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tenon").extract(text.as_bytes());
        let expand = |label: &'static [u8]| -> Result<[u8; 32]> {
            let mut out = [0; 32];
            let info = [label];
            let okm = root.expand(&info, hkdf::HKDF_SHA256).map_err(|_| broken("hkdf"))?;
            okm.fill(&mut out).map_err(|_| broken("hkdf"))?;
            Ok(out)
        };
        let id = expand(b"tenon/seal/v1/id")?.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let key = SecretBytes::from(expand(b"tenon/seal/v1/key")?.to_vec());
        let key = UnboundKey::new(&AES_256_GCM, key.expose_secret()).map_err(|_| broken("aes key"))?;
        Ok(Self { id, key: LessSafeKey::new(key) })
    }

    /// Eight hexadecimal characters.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl jobs::Vault for Sealer {
    fn seal(&self, plain: &[u8], purpose: &str) -> Result<String> {
        Self::seal(self, plain, purpose)
    }
    fn open(&self, sealed: &str, purpose: &str) -> Result<Vec<u8>> {
        Self::open(self, sealed, purpose).map(|plain| plain.expose_secret().to_vec())
    }
    fn is_stale(&self, sealed: &str) -> bool {
        self.needs_reseal(sealed)
    }
}

/// Seals with the current key, opens with the current or the previous one.
pub struct Sealer {
    current: SealingKey,
    previous: Option<SealingKey>,
}

impl Sealer {
    /// From `ENCRYPTION_KEY` and, while a rotation lasts, `ENCRYPTION_KEY_PREVIOUS`.
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Result<Self> {
        Ok(Self {
            current: SealingKey::derive(current)?,
            previous: previous.map(SealingKey::derive).transpose()?,
        })
    }

    /// The id of the key that [`Sealer::seal`] uses.
    pub fn key_id(&self) -> &str {
        self.current.id()
    }

    /// Encrypts `plain` for the place named by `context`.
    pub fn seal(&self, plain: &[u8], context: &str) -> Result<String> {
        let nonce = base::random::bytes::<NONCE_LEN>();
        let mut body = Vec::with_capacity(plain.len() + 16);
        body.extend_from_slice(plain);
        let aad = aad(&self.current.id, context);
        let sealed = Nonce::assume_unique_for_key(nonce);
        self.current
            .key
            .seal_in_place_append_tag(sealed, Aad::from(aad), &mut body)
            .map_err(|_| broken("seal"))?;
        let mut out = nonce.to_vec();
        out.append(&mut body);
        Ok(format!("{VERSION}.{}.{}", self.current.id, URL_SAFE_NO_PAD.encode(out)))
    }

    /// Decrypts what [`Sealer::seal`] made for the same `context`. Tampering, another context
    /// and a key that is not configured any more are one and the same failure.
    pub fn open(&self, sealed: &str, context: &str) -> Result<SecretBytes> {
        let (id, body) = split(sealed).ok_or_else(unreadable)?;
        let key = self.keys().find(|key| key.id == id).ok_or_else(unreadable)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| unreadable())?;
        let (nonce, body) = bytes.split_at_checked(NONCE_LEN).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut body = body.to_vec();
        let length = {
            let plain = key.key.open_in_place(nonce, Aad::from(aad(id, context)), &mut body);
            plain.map_err(|_| unreadable())?.len()
        };
        body.truncate(length);
        Ok(body.into())
    }

    /// Whether `sealed` was made with another key than today's and should be written again.
    pub fn needs_reseal(&self, sealed: &str) -> bool {
        split(sealed).is_none_or(|(id, _)| id != self.current.id)
    }

    fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn split(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

fn aad(id: &str, context: &str) -> String {
    format!("{VERSION}.{id}.{context}")
}

fn unreadable() -> Error {
    Error::new(
        Kind::Internal,
        "secret_unreadable",
        "a stored secret cannot be read with the configured ENCRYPTION_KEY",
    )
}
