//! The rules of `identity::credential` for passwords, opaque tokens and API keys, without a server.

use std::time::Duration;

use base::{Kind, Secret, secret::ExposeSecret};
use identity::credential::{
    password::{Hasher, Verdict},
    policy,
    token::{self, ApiKey},
};
use serde_json::json;

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
    // What else the machine does only adds to a time, so the shortest says most.
    let mut shortest = Vec::new();
    for stored in [Some(real.as_str()), None, Some("!")] {
        let mut times = Vec::new();
        for _ in 0..9 {
            let start = std::time::Instant::now();
            hasher.verify(&secret("guess"), stored).await.unwrap();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        shortest.push(times[0]);
    }
    for time in &shortest {
        assert!((0.5..2.0).contains(&(time / shortest[0])), "{shortest:?}");
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
