//! Access tokens: the attack table over `identity::credential::jwt`, without a server.

use std::sync::LazyLock;

use base::{Clock, Id, Kind, SystemClock, id, secret::ExposeSecret};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use identity::credential::{
    envelope::EnvelopeKey,
    jwt::{Algorithm, Claims, Keyring, SigningKey},
};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
const ISS: &str = "https://tenon.example.com";
const AUD: &str = "tenon";

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn uid() -> Id {
    id::new(now())
}

fn claims(now: DateTime<Utc>) -> Claims {
    let iat = now.timestamp();
    let (iss, aud, name) = (ISS.to_owned(), AUD.to_owned(), "Ada".to_owned());
    Claims { iss, aud, sub: uid(), name, org_id: Some(uid()), sid: uid(), jti: uid(), iat, exp: iat + 900 }
}

fn ring(key: &SigningKey) -> Keyring {
    Keyring::new(key.clone(), Vec::new()).unwrap()
}

fn forge(header: &Value, claims: &Value, key: &EncodingKey, alg: jsonwebtoken::Algorithm) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, alg).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn every_algorithm_signs_verifies_and_survives_storage() {
    for alg in ALGORITHMS {
        let key = if alg == Algorithm::RS256 { RSA.clone() } else { SigningKey::generate(alg).unwrap() };
        let again = SigningKey::from_bytes(alg, key.to_bytes()).unwrap();
        assert_eq!(key.kid(), again.kid());
        let (claims, at) = (claims(now()), now());
        let text = ring(&key).sign(&claims).unwrap();
        assert_eq!(ring(&again).verify(&text, at, ISS, AUD).unwrap(), claims, "{alg:?}");
        let jwks = ring(&key).jwks(at);
        assert_eq!(jwks["keys"].as_array().unwrap().len(), usize::from(alg != Algorithm::HS256));
        assert!(
            !["\"d\"", "\"k\":", "\"p\""].iter().any(|private| jwks.to_string().contains(private)),
            "{jwks}"
        );
        if alg != Algorithm::HS256 {
            let pem = format!(
                "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----",
                STANDARD.encode(key.to_bytes().expose_secret())
            );
            let imported = SigningKey::from_pem(&pem).unwrap();
            assert_eq!((imported.kid(), imported.alg()), (key.kid(), alg));
            // Another reader of the published key accepts the signature.
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwks["keys"][0].clone()).unwrap();
            assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), key.kid());
            let (message, signature) = text.rsplit_once('.').unwrap();
            let public = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
            let library = jwk.common.key_algorithm.unwrap().to_string().parse().unwrap();
            assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &public, library).unwrap());
        }
    }
    assert!(SigningKey::from_bytes(Algorithm::HS256, &b"short".to_vec().into()).is_err());
    assert!(SigningKey::from_pem("nonsense").is_err());
}

#[test]
fn forged_tokens_are_refused() {
    let at = now();
    let key = RSA.clone();
    let der = STANDARD.encode(key.to_bytes().expose_secret());
    let own = EncodingKey::from_rsa_pem(
        format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----").as_bytes(),
    )
    .unwrap();
    let public_pem = EnvelopeKey::from_pkcs8(key.to_bytes()).unwrap().public_pem().to_owned();
    let (rs, hs) = (jsonwebtoken::Algorithm::RS256, jsonwebtoken::Algorithm::HS256);
    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": key.kid() });
    let body = serde_json::to_value(claims(at)).unwrap();
    let ring = ring(&key);
    let refused = |what: &str, token: &str| {
        let error = ring.verify(token, at, ISS, AUD).expect_err(what);
        assert_eq!((error.kind(), error.code()), (Kind::Unauthenticated, "invalid_token"), "{what}");
    };
    let good = forge(&header, &body, &own, rs);
    ring.verify(&good, at, ISS, AUD).unwrap();

    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let without = |value: &Value, name: &str| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove(name);
        value
    };
    for (name, new) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("RS512")),
        ("alg", json!("PS256")),
        ("alg", json!("ES256")),
        ("alg", json!(["RS256"])),
        ("kid", json!("unknown")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/c")),
        ("x5c", json!(["AAAA"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("typ", json!("JWT")),
        ("typ", json!("id+jwt")),
    ] {
        refused(&format!("header {name}={new}"), &forge(&with(&header, name, new), &body, &own, rs));
    }
    for name in ["alg", "kid", "typ"] {
        refused(&format!("header without {name}"), &forge(&without(&header, name), &body, &own, rs));
    }
    let soon = at.timestamp();
    for (name, new) in [
        ("iss", json!("https://other.example.com")),
        ("iss", json!("")),
        ("iss", json!([ISS])),
        ("aud", json!("other")),
        ("aud", json!([AUD, "other"])),
        ("aud", json!(null)),
        ("sub", json!("admin")),
        ("sub", json!(1)),
        ("exp", json!(soon)),
        ("exp", json!(soon - 1)),
        ("exp", json!((soon + 900).to_string())),
        ("exp", json!(null)),
        ("exp", json!(1e12)),
        ("iat", json!(soon + 61)),
        ("nbf", json!(soon + 61)),
        ("nbf", json!("0")),
        ("sid", json!(null)),
        ("org_id", json!("all")),
    ] {
        refused(&format!("claim {name}={new}"), &forge(&header, &with(&body, name, new), &own, rs));
    }
    for name in ["iss", "aud", "sub", "exp", "iat", "sid", "jti"] {
        refused(&format!("without {name}"), &forge(&header, &without(&body, name), &own, rs));
    }
    let close = with(&with(&body, "iat", json!(soon + 59)), "nbf", json!(soon + 59));
    ring.verify(&forge(&header, &close, &own, rs), at, ISS, AUD).unwrap();

    let confused = with(&header, "alg", json!("HS256"));
    for secret in [public_pem.as_bytes(), public_pem.trim().as_bytes(), ring.jwks(at).to_string().as_bytes()]
    {
        refused(
            "HS256 under the public key",
            &forge(&confused, &body, &EncodingKey::from_secret(secret), hs),
        );
        refused("HS256 said to be RS256", &forge(&header, &body, &EncodingKey::from_secret(secret), hs));
    }
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(with(&header, "alg", json!("none")).to_string());
    for (what, text) in [
        ("empty", String::new()),
        ("dots", "..".into()),
        ("two parts", parts[..2].join(".")),
        ("four parts", format!("{good}.x")),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("none", format!("{none}.{}.", parts[1])),
        ("padded", format!("{good}=")),
        ("space", format!(" {good}")),
        ("long", format!("{good}{}", "A".repeat(9000))),
        ("other signature", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(342))),
    ] {
        refused(what, &text);
    }
    assert!(ring.verify(&good, at, "", AUD).is_err() && ring.verify(&good, at, ISS, "").is_err());
}

#[test]
fn rotation_accepts_the_old_key_until_it_is_withdrawn() {
    let (old, new) =
        (SigningKey::generate(Algorithm::ES256).unwrap(), SigningKey::generate(Algorithm::EdDSA).unwrap());
    let at = now();
    let text = ring(&old).sign(&claims(at)).unwrap();
    let end = at + chrono::Duration::minutes(5);
    let rotated = Keyring::new(new.clone(), vec![old.verifying(Some(end))]).unwrap();
    assert_eq!(rotated.kid(), new.kid());
    rotated.verify(&text, end - chrono::Duration::seconds(1), ISS, AUD).unwrap();
    assert!(rotated.verify(&text, end, ISS, AUD).is_err());
    assert!(ring(&new).verify(&text, at, ISS, AUD).is_err());
    assert_eq!(rotated.jwks(at)["keys"].as_array().unwrap().len(), 2);
    assert_eq!(rotated.jwks(end)["keys"].as_array().unwrap().len(), 1);
    assert!(Keyring::new(new.clone(), vec![new.verifying(None)]).is_err());
}
