//! The rules of `identity::credential`, without a server: passwords, tokens, envelopes, seals.

use std::{sync::LazyLock, time::Duration};

use base::{Error, Kind, Secret, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::credential::{
    envelope::{self, EnvelopeKey, SignIn},
    password::{Hasher, Verdict},
    policy,
    seal::Sealer,
    token::{self, ApiKey},
};
use serde_json::json;

static ENVELOPE: LazyLock<EnvelopeKey> = LazyLock::new(|| EnvelopeKey::generate().unwrap());

fn secret(text: &str) -> Secret {
    text.into()
}

fn hasher() -> Hasher {
    Hasher::new(2, Duration::from_secs(60))
}

// ---- passwords

#[tokio::test]
async fn argon2_hashes_match_their_password_whole() {
    let hasher = hasher();
    let long = format!("{} 🗝️", "x".repeat(250));
    for password in ["correct horse", "  spaces kept  ", long.as_str(), "пароль-пароль"] {
        let hash = hasher.hash(&secret(password)).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verdict = hasher.verify(&secret(password), Some(&hash)).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, rehash: false });
        let shorter: String = password.chars().take(password.chars().count() - 1).collect();
        for other in [shorter.as_str(), password.trim(), &format!("{password}x"), ""] {
            let expected = other == password;
            assert_eq!(
                hasher.verify(&secret(other), Some(&hash)).await.unwrap().matches,
                expected,
                "{other}"
            );
        }
    }
    let (a, b) = (hasher.hash(&secret("same")).await.unwrap(), hasher.hash(&secret("same")).await.unwrap());
    assert_ne!(a, b, "every hash has its own salt");
}

#[tokio::test]
async fn the_73rd_character_matters() {
    let hasher = hasher();
    let (one, two) = (format!("{}a", "x".repeat(72)), format!("{}b", "x".repeat(72)));
    let hash = hasher.hash(&secret(&one)).await.unwrap();
    assert!(!hasher.verify(&secret(&two), Some(&hash)).await.unwrap().matches);
    // bcrypt of 100 times x, which knows the first 72 only.
    let bcrypt = "$2a$05$......................YgIDy4hFBdVlc/6LHnD9mX488r9cLd2";
    for password in [one, two, "x".repeat(72), "x".repeat(100)] {
        assert!(!hasher.verify(&secret(&password), Some(bcrypt)).await.unwrap().matches);
    }
}

#[tokio::test]
async fn inherited_hashes_match_and_ask_for_a_new_one() {
    let hasher = hasher();
    for version in ["2a", "2b", "2x", "2y"] {
        let hash = format!("${version}$12$......................21jzCB1r6pN6rp5O2Ev0ejjTAboskKm");
        let good = hasher.verify(&secret("hunter2"), Some(&hash)).await.unwrap();
        assert_eq!(good, Verdict { matches: true, rehash: true });
        let bad = hasher.verify(&secret("hunter3"), Some(&hash)).await.unwrap();
        assert_eq!(bad, Verdict { matches: false, rehash: false });
    }
    // The reference implementation's vector for Argon2i, p=1: another variant and other parameters.
    let other = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
    assert_eq!(
        hasher.verify(&secret("password"), Some(other)).await.unwrap(),
        Verdict { matches: true, rehash: true }
    );
}

#[tokio::test]
async fn nobody_and_broken_hashes_match_nothing_and_cost_the_same() {
    let hasher = hasher();
    let real = hasher.hash(&secret("something else")).await.unwrap();
    let unreadable = [
        "",
        "!",
        "plain",
        "$argon2id$v=19$m=19456,t=2,p=1$",
        "$2b$99$......................21jzCB1r6pN6rp5O2Ev0ejjTAboskKm",
        "$2b$31$......................21jzCB1r6pN6rp5O2Ev0ejjTAboskKm",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ];
    for stored in [None].into_iter().chain(unreadable.into_iter().map(Some)) {
        let verdict = hasher.verify(&secret("guess"), stored).await.unwrap();
        assert_eq!(verdict, Verdict { matches: false, rehash: false }, "{stored:?}");
    }
    let mut medians = Vec::new();
    for stored in [Some(real.as_str()), None, Some("!")] {
        let mut times = Vec::new();
        for _ in 0..9 {
            let start = std::time::Instant::now();
            hasher.verify(&secret("guess"), stored).await.unwrap();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        medians.push(times[4]);
    }
    for time in &medians {
        assert!((0.5..2.0).contains(&(time / medians[0])), "{medians:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_house_is_busy() {
    let hasher = Hasher::new(1, Duration::from_millis(1));
    let password = secret("waiting");
    let (a, b) = tokio::join!(hasher.hash(&password), hasher.hash(&password));
    let error = a.and(b).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "busy"));
    assert!(error.retry_after_seconds().is_some());
    tokio::time::sleep(Duration::from_millis(500)).await;
    hasher.hash(&password).await.unwrap();
}

#[test]
fn the_policy_refuses_the_short_the_common_and_the_personal() {
    let context = ["ada.lovelace", "ada@analytical.example", "Tenon"];
    let code = |password: &str, min| {
        policy::check(password, &context, min).map_err(|error| error.field_errors()[0].code.clone()).err()
    };
    let long = "aé x".repeat(80);
    for (password, expected) in [
        ("short", "too_short"),
        ("1234567", "too_short"),
        (long.as_str(), "too_long"),
        ("password", "too_common"),
        ("Password1", "too_common"),
        ("P@ssw0rd2024!", "too_common"),
        ("12345678", "too_common"),
        ("aaaaaaaaa", "too_common"),
        ("87654321", "too_common"),
        ("qwertyuiop", "too_common"),
        ("asdfghjk", "too_common"),
        ("1qaz2wsx3edc", "too_common"),
        ("abcabcabc", "too_common"),
        ("Dragon1999", "too_common"),
        ("iloveyou!!", "too_common"),
        ("19840617", "too_common"),
        ("17.06.1984", "too_common"),
        ("qwerty123456", "too_common"),
        ("passwordpassword", "too_common"),
        ("admin123", "too_common"),
        ("Summer2025!", "too_common"),
        ("adalovelace", "too_personal"),
        ("Lovelace-1815", "too_personal"),
        ("tenon2026!", "too_personal"),
        ("ada@analytical.example", "too_personal"),
    ] {
        assert_eq!(code(password, policy::MIN).as_deref(), Some(expected), "{password}");
    }
    for password in [
        "correct horse battery",
        "  leading and trailing  ",
        "🗝️🚪🏠🌳🌞🌧️🌈⭐",
        "tr0ub4dor&3",
        "mQ8z!kd2",
        "84920175",
        "ada wrote the first program",
        "zażółć gęślą",
        &"long enough ".repeat(21),
    ] {
        assert_eq!(code(password, policy::MIN), None, "{password}");
    }
    assert_eq!(code("mQ8z!kd2", policy::MIN_ADMIN).as_deref(), Some("too_short"));
    let error = policy::check("short", &[], 12).unwrap_err();
    assert_eq!(error.field_errors()[0].params, json!({ "min": 12 }));
}

// ---- opaque tokens

#[test]
fn api_keys_carry_a_checksum() {
    let key = ApiKey::generate();
    let text = key.expose().to_owned();
    assert_eq!(text.len(), 4 + 43 + 6);
    assert!(text.starts_with(key.prefix()) && key.prefix().len() == 12);
    assert_eq!(ApiKey::parse(&text).unwrap().digest(), key.digest());
    assert_eq!(key.digest_hex(), token::digest_hex(&text));
    assert!(!format!("{key:?}").contains(key.prefix()));
    for at in 4..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        let error = ApiKey::parse(&String::from_utf8(bytes).unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unauthenticated, "invalid_api_key"), "{at}");
    }
    for wrong in [
        "",
        "tnk_",
        &text[4..],
        &text[..52],
        &format!("{text}a"),
        &text.to_uppercase(),
        &text.replace("tnk", "ghp"),
        "tnk_é",
    ] {
        assert!(ApiKey::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn tokens_are_unlike_and_successors_are_alike() {
    let (a, b) = (token::generate(), token::generate());
    assert_ne!(a.expose_secret(), b.expose_secret());
    assert_eq!(token::digest_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let next = |key: &[u8], token: &str| token::successor(key, token).expose_secret().to_owned();
    assert_eq!(next(b"key", a.expose_secret()), next(b"key", a.expose_secret()));
    assert_ne!(next(b"key", a.expose_secret()), next(b"yek", a.expose_secret()));
    assert_ne!(next(b"key", a.expose_secret()), next(b"key", b.expose_secret()));
    assert_eq!(next(b"key", "x").len(), 43);
}

// ---- the sign-in envelope

fn letter(password: &str) -> SignIn {
    SignIn { password: secret(password), nonce: "n-1".into(), iat: 1_800_000_000 }
}

fn sealed(password: &str) -> String {
    envelope::encrypt(ENVELOPE.public_pem(), ENVELOPE.kid(), &letter(password)).unwrap()
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
    let encrypted = envelope::encrypt_pkcs1(ENVELOPE.public_pem(), "seed password").unwrap();
    assert_eq!(ENVELOPE.decrypt_pkcs1(&encrypted).expose_secret(), "seed password");
    for wrong in ["", "%%%", "AAAA", &encrypted[4..], &encrypted.replace('A', "B")] {
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
