//! The password of a sign-in: as typed, or out of its envelope.
//!
//! An envelope that does not open, is too old or was seen before becomes a password that nobody has,
//! and goes on from there like a wrong one, so that neither answer nor time tells them apart.

use std::time::Duration;

use base::{Result, Secret, secret::ExposeSecret};
use kernel::Cx;

use crate::{
    credential::{envelope, token},
    service::Identity,
};

/// How old an envelope may be, and how far ahead its clock.
const LIFE_SECONDS: i64 = 120;
/// How long a nonce is remembered: from the earliest to the latest instant that its envelope is good.
const MEMORY: Duration = Duration::from_secs(2 * 120 + 10);

/// The password of a sign-in.
pub(super) struct Password {
    /// What is compared with the stored hash.
    pub(super) text: Secret,
    /// False for one that came in a bad envelope; it cannot match even by chance.
    pub(super) genuine: bool,
}

/// A password in clear.
pub(super) fn plain(text: String) -> Password {
    Password { text: text.into(), genuine: true }
}

/// A password out of `encrypted_password`. Fails only when the store of nonces cannot be asked.
pub(super) async fn open(cx: &Cx, text: &str) -> Result<Password> {
    let identity = Identity::of(&cx.app)?;
    let keys = identity.keys();
    if identity.settings.rsa_pkcs1
        && !text.contains('.')
        && let Some(key) = keys.envelopes.first()
    {
        return Ok(Password { text: key.decrypt_pkcs1(text), genuine: true });
    }
    let known: Vec<&envelope::EnvelopeKey> = keys.envelopes.iter().collect();
    let content = envelope::decrypt(&known, text).ok();
    let fresh = content.as_ref().is_some_and(|content| {
        let age = cx.now().timestamp().saturating_sub(content.iat);
        age.abs() <= LIFE_SECONDS && (8..=256).contains(&content.nonce.len())
    });
    // The store is asked for a bad envelope too: one step less would show in the time.
    let nonce = content.as_ref().map_or_else(base::random::token, |content| content.nonce.clone());
    let key = format!("nonce:sign_in:{}", token::digest_hex(&nonce));
    let first = cx.app.kv().put_new(&key, "1", MEMORY).await?;
    Ok(match content {
        Some(content) if fresh && first && !content.password.expose_secret().is_empty() => {
            Password { text: content.password, genuine: true }
        }
        _ => Password { text: base::random::token().into(), genuine: false },
    })
}
