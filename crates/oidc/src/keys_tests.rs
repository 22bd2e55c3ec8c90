//! Which entries of a JWK set become keys, and which of them a token gets. The keys are made of fixed bytes:
//! nothing is signed here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An RSA key of so many bytes, the first of which is this one.
fn rsa_key(first: u8, length: usize) -> Value {
    let mut n = vec![0xa5; length];
    n[0] = first;
    json!({"kty": "RSA", "kid": "k", "n": encode(&n), "e": "AQAB"})
}

fn ec_key(crv: &str, length: usize) -> Value {
    let coordinate = encode(&vec![7; length]);
    json!({"kty": "EC", "kid": "k", "crv": crv, "x": coordinate, "y": coordinate})
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn read(keys: &[Value]) -> KeySet {
    KeySet::read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn chosen(set: &KeySet, alg: Algorithm, kid: Option<&str>) -> &'static str {
    let token = Token { message: "", payload: "", signature: "", alg, kid: kid.map(str::to_owned) };
    match set.choose(&token) {
        Choice::Key(_) => "key",
        Choice::Unknown(_) => "unknown",
        Choice::None(_) => "none",
    }
}

#[test]
fn each_key_has_the_algorithm_that_it_names_or_that_its_type_gives() {
    for (key, alg) in [
        (rsa_key(0x80, 256), Algorithm::RS256),
        (with(rsa_key(0x80, 256), "alg", json!("RS256")), Algorithm::RS256),
        (with(rsa_key(0x80, 512), "alg", json!("PS512")), Algorithm::PS512),
        (with(rsa_key(0x80, 256), "use", json!("sig")), Algorithm::RS256),
        (ec_key("P-256", 32), Algorithm::ES256),
        (with(ec_key("P-384", 48), "alg", json!("ES384")), Algorithm::ES384),
        (json!({"kty": "OKP", "kid": "k", "crv": "Ed25519", "x": encode(&[7; 32])}), Algorithm::EdDSA),
    ] {
        let set = read(std::slice::from_ref(&key));
        for tried in Algorithm::ALL {
            let expected = if tried == alg { "key" } else { "none" };
            assert_eq!(chosen(&set, tried, Some("k")), expected, "{key} {tried:?}");
        }
    }
}

#[test]
fn keys_that_cannot_be_used_are_left_out_and_spoil_no_other() {
    let bad = [
        rsa_key(0x7f, 256),
        rsa_key(0x00, 256),
        rsa_key(0x80, 128),
        with(rsa_key(0x80, 256), "use", json!("enc")),
        with(rsa_key(0x80, 256), "use", Value::Null),
        with(rsa_key(0x80, 256), "alg", json!("RSA-OAEP-256")),
        with(rsa_key(0x80, 256), "alg", json!("ES256")),
        with(rsa_key(0x80, 256), "alg", json!("HS256")),
        with(rsa_key(0x80, 256), "kid", json!(7)),
        with(rsa_key(0x80, 256), "n", json!("not base64url!")),
        with(rsa_key(0x80, 256), "e", Value::Null),
        ec_key("P-521", 66),
        ec_key("secp256k1", 32),
        ec_key("P-256", 48),
        with(ec_key("P-256", 32), "alg", json!("ES384")),
        json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}),
        json!({"kty": "AKP", "kid": "k"}),
        json!({"kid": "k"}),
        json!("k"),
        json!(null),
    ];
    for key in &bad {
        assert_eq!(read(std::slice::from_ref(key)).len(), 0, "{key}");
    }
    let mut all = bad.to_vec();
    all.push(rsa_key(0x80, 256));
    assert_eq!(read(&all).len(), 1);
    assert!(read(&bad).complaint().unwrap().contains("another signing key"));
}

#[test]
fn an_empty_object_is_a_set_and_other_things_are_none() {
    let empty = KeySet::read(b"{}").unwrap();
    assert_eq!((empty.len(), empty.published), (0, 0));
    assert!(empty.complaint().unwrap().contains("select a signing key"));
    assert!(KeySet::read(br#"{"keys":[]}"#).is_ok());
    for body in ["", "[]", "null", r#"{"keys":null}"#, r#"{"keys":{}}"#, "<html>"] {
        assert!(KeySet::read(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn no_more_than_fifty_keys_are_read() {
    let keys: Vec<Value> = (0..60).map(|n| with(rsa_key(0x80, 256), "kid", json!(format!("k{n}")))).collect();
    let set = read(&keys);
    assert_eq!(set.len(), 50);
    assert!(set.has("k49") && !set.has("k50"));
}

#[test]
fn without_a_key_id_there_must_be_exactly_one_key_for_the_algorithm() {
    let named = |key: Value, kid: &str| with(key, "kid", json!(kid));
    let one_each = read(&[named(rsa_key(0x80, 256), "a"), named(ec_key("P-256", 32), "b")]);
    assert_eq!(chosen(&one_each, Algorithm::RS256, None), "key");
    assert_eq!(chosen(&one_each, Algorithm::ES256, None), "key");
    assert_eq!(chosen(&one_each, Algorithm::ES384, None), "none");
    let two = read(&[named(rsa_key(0x80, 256), "a"), named(rsa_key(0x80, 256), "b")]);
    assert_eq!(chosen(&two, Algorithm::RS256, None), "none");
    assert_eq!(chosen(&two, Algorithm::RS256, Some("b")), "key");
    assert_eq!(chosen(&two, Algorithm::RS256, Some("c")), "unknown");
}
