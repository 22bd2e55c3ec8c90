//! The sign-in envelope and secrets at rest, without a server: what is tampered with fails, always alike.

use std::sync::LazyLock;

use base::{Error, Secret, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::credential::{
    envelope::{self, EnvelopeKey, SignIn},
    seal::Sealer,
};
use serde_json::json;

use crate::support::envelope::{encrypt, encrypt_pkcs1};

static ENVELOPE: LazyLock<EnvelopeKey> = LazyLock::new(|| EnvelopeKey::generate().unwrap());

fn secret(text: &str) -> Secret {
    text.into()
}

fn letter(password: &str) -> SignIn {
    SignIn { password: secret(password), nonce: "n-1".into(), iat: 1_800_000_000 }
}

fn sealed(password: &str) -> String {
    encrypt(ENVELOPE.public_pem(), ENVELOPE.kid(), &letter(password))
}

fn same_failure(error: &Error) -> bool {
    let one = envelope::failed();
    (error.kind(), error.code(), error.detail()) == (one.kind(), one.code(), one.detail())
        && std::error::Error::source(error).is_none()
}

#[test]
fn an_envelope_opens_with_its_key_before_and_after_rotation() {
    let long = "pässword 🗝️ ".repeat(20);
    for password in ["secret", "", long.as_str()] {
        let opened = envelope::decrypt(&[&ENVELOPE], &sealed(password)).unwrap();
        assert_eq!(
            (opened.password.expose_secret(), opened.nonce.as_str(), opened.iat),
            (password, "n-1", 1_800_000_000)
        );
        assert!(!format!("{opened:?}").contains("pässword"));
    }
    let newer = EnvelopeKey::generate().unwrap();
    assert!(envelope::decrypt(&[&newer, &ENVELOPE], &sealed("x")).is_ok());
    assert!(same_failure(&envelope::decrypt(&[&newer], &sealed("x")).unwrap_err()));
    let again = EnvelopeKey::from_pkcs8(&ENVELOPE.to_pkcs8().unwrap()).unwrap();
    assert_eq!((again.kid(), again.public_pem()), (ENVELOPE.kid(), ENVELOPE.public_pem()));
    let jwk = ENVELOPE.public_jwk();
    assert_eq!(
        (&jwk["use"], &jwk["alg"], &jwk["kid"]),
        (&json!("enc"), &json!("RSA-OAEP-256"), &json!(ENVELOPE.kid()))
    );
    assert!(jwk.get("d").is_none());
}

#[test]
fn a_thousand_mutated_envelopes_fail_alike() {
    let good = sealed("secret");
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
    for round in 0..1000_usize {
        let mut bytes = good.clone().into_bytes();
        let at = round * 7919 % bytes.len();
        let mut step = round % letters.len();
        while letters[step] == bytes[at] {
            step = (step + 1) % letters.len();
        }
        bytes[at] = letters[step];
        let error = envelope::decrypt(&[&ENVELOPE], &String::from_utf8(bytes).unwrap()).unwrap_err();
        assert!(same_failure(&error), "round {round}: {error:?}");
    }
}

#[test]
fn rebuilt_envelopes_fail_alike() {
    let (one, two) = (sealed("one"), sealed("two"));
    let (a, b): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), two.split('.').collect());
    let header = |value: serde_json::Value| {
        [URL_SAFE_NO_PAD.encode(value.to_string()).as_str(), a[1], a[2], a[3], a[4]].join(".")
    };
    let kid = ENVELOPE.kid();
    for text in [
        String::new(),
        "....".into(),
        a[..4].join("."),
        format!("{one}.x"),
        [a[0], b[1], a[2], a[3], a[4]].join("."),
        [a[0], a[1], b[2], b[3], b[4]].join("."),
        [a[0], a[1], a[2], a[3], ""].join("."),
        [a[0], a[1], a[2], a[3], &a[4][..16]].join("."),
        [a[0], "", a[2], a[3], a[4]].join("."),
        [a[0], a[1], "", a[3], a[4]].join("."),
        "x".repeat(20_000),
        header(json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "kid": kid })),
        header(json!({ "alg": "RSA1_5", "enc": "A256GCM", "kid": kid })),
        header(json!({ "alg": "dir", "enc": "A256GCM", "kid": kid })),
        header(json!({ "alg": "RSA-OAEP-256", "enc": "A128GCM", "kid": kid })),
        header(json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid, "zip": "DEF" })),
        header(json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "other" })),
        header(json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM" })),
    ] {
        assert!(same_failure(&envelope::decrypt(&[&ENVELOPE], &text).unwrap_err()), "{text}");
    }
}

#[test]
fn raw_rsa_gives_the_password_or_one_that_matches_nothing() {
    let encrypted = encrypt_pkcs1(ENVELOPE.public_pem(), "seed password");
    assert_eq!(ENVELOPE.decrypt_pkcs1(&encrypted).expose_secret(), "seed password");
    let flipped = if encrypted.starts_with('A') { 'B' } else { 'A' };
    let flipped = format!("{flipped}{}", &encrypted[1..]);
    for wrong in ["", "%%%", "AAAA", &encrypted[4..], &flipped] {
        let (one, two) = (ENVELOPE.decrypt_pkcs1(wrong), ENVELOPE.decrypt_pkcs1(wrong));
        assert_ne!(one.expose_secret(), "seed password");
        assert_eq!(one.expose_secret().len(), 43);
        assert_ne!(one.expose_secret(), two.expose_secret(), "a decoy must not be predictable");
    }
}

// ---- secrets at rest

#[test]
fn sealed_values_open_in_their_place_only_and_follow_a_rotation() {
    let (old_text, new_text) =
        (secret("an old encryption key of 32 chars!"), secret("a new encryption key of 32 chars!!"));
    let old = Sealer::new(&old_text, None).unwrap();
    let value = old.seal(b"plain", "smtp/password/1").unwrap();
    assert!(value.starts_with(&format!("v1.{}.", old.key_id())), "{value}");
    assert_ne!(value, old.seal(b"plain", "smtp/password/1").unwrap());
    assert_eq!(old.open(&value, "smtp/password/1").unwrap().expose_secret(), b"plain");
    assert!(old.open(&old.seal(b"", "c").unwrap(), "c").unwrap().expose_secret().is_empty());

    for place in ["smtp/password/2", "smtp/passwor/d1", ""] {
        assert_eq!(old.open(&value, place).unwrap_err().code(), "secret_unreadable", "{place}");
    }
    for at in 0..value.len() {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(old.open(&text, "smtp/password/1").unwrap_err().code(), "secret_unreadable", "{text}");
    }
    for text in
        ["", "v1", "v1.", "v1..", "plain", &value[..value.len() - 4], &format!("v1.{}.AAAA", old.key_id())]
    {
        assert_eq!(old.open(text, "smtp/password/1").unwrap_err().code(), "secret_unreadable", "{text}");
    }

    let both = Sealer::new(&new_text, Some(&old_text)).unwrap();
    assert_eq!(both.open(&value, "smtp/password/1").unwrap().expose_secret(), b"plain");
    assert!(both.needs_reseal(&value) && !old.needs_reseal(&value) && both.needs_reseal("plain"));
    let again = both.seal(b"plain", "smtp/password/1").unwrap();
    assert!(!both.needs_reseal(&again) && old.open(&again, "smtp/password/1").is_err());
    assert!(Sealer::new(&new_text, None).unwrap().open(&value, "smtp/password/1").is_err());
    assert!(Sealer::new(&secret("too short"), None).is_err());
}
