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

/// One RSA key, a good header and good claims, for tokens that differ from a good one in one point.
struct Bench {
    at: DateTime<Utc>,
    header: Value,
    body: Value,
    own: EncodingKey,
    ring: Keyring,
}

impl Bench {
    fn new() -> Self {
        let at = now();
        let der = STANDARD.encode(RSA.to_bytes().expose_secret());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----");
        let bench = Self {
            at,
            header: json!({ "alg": "RS256", "typ": "at+jwt", "kid": RSA.kid() }),
            body: serde_json::to_value(claims(at)).unwrap(),
            own: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            ring: ring(&RSA),
        };
        bench.ring.verify(&bench.good(), at, ISS, AUD).unwrap();
        bench
    }

    fn forge(&self, header: &Value, body: &Value) -> String {
        forge(header, body, &self.own, jsonwebtoken::Algorithm::RS256)
    }

    fn good(&self) -> String {
        self.forge(&self.header, &self.body)
    }

    fn refused(&self, what: &str, token: &str) {
        let error = self.ring.verify(token, self.at, ISS, AUD).expect_err(what);
        assert_eq!((error.kind(), error.code()), (Kind::Unauthenticated, "invalid_token"), "{what}");
    }
}

fn with(value: &Value, name: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[name] = new;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn forged_headers_are_refused() {
    let bench = Bench::new();
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
        bench.refused(
            &format!("header {name}={new}"),
            &bench.forge(&with(&bench.header, name, new), &bench.body),
        );
    }
    for name in ["alg", "kid", "typ"] {
        bench.refused(
            &format!("header without {name}"),
            &bench.forge(&without(&bench.header, name), &bench.body),
        );
    }
}

#[test]
fn forged_claims_are_refused() {
    let bench = Bench::new();
    let soon = bench.at.timestamp();
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
        bench.refused(
            &format!("claim {name}={new}"),
            &bench.forge(&bench.header, &with(&bench.body, name, new)),
        );
    }
    for name in ["iss", "aud", "sub", "exp", "iat", "sid", "jti"] {
        bench.refused(&format!("without {name}"), &bench.forge(&bench.header, &without(&bench.body, name)));
    }
    let close = with(&with(&bench.body, "iat", json!(soon + 59)), "nbf", json!(soon + 59));
    bench.ring.verify(&bench.forge(&bench.header, &close), bench.at, ISS, AUD).unwrap();
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let bench = Bench::new();
    let pem = EnvelopeKey::from_pkcs8(RSA.to_bytes()).unwrap().public_pem().to_owned();
    let confused = with(&bench.header, "alg", json!("HS256"));
    for secret in [pem.as_bytes(), pem.trim().as_bytes(), bench.ring.jwks(bench.at).to_string().as_bytes()] {
        let secret = EncodingKey::from_secret(secret);
        for header in [&confused, &bench.header] {
            bench.refused("HS256", &forge(header, &bench.body, &secret, jsonwebtoken::Algorithm::HS256));
        }
    }
}

#[test]
fn an_attackers_key_is_not_taken_from_the_header() {
    let bench = Bench::new();
    let secret = EncodingKey::from_secret(&[0; 32]);
    let jwk = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode([0; 32]), "alg": "HS256" });
    let header = with(&with(&bench.header, "alg", json!("HS256")), "jwk", jwk);
    bench.refused("own jwk", &forge(&header, &bench.body, &secret, jsonwebtoken::Algorithm::HS256));
}

#[test]
fn misshapen_tokens_are_refused() {
    let bench = Bench::new();
    let good = bench.good();
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(with(&bench.header, "alg", json!("none")).to_string());
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
        bench.refused(what, &text);
    }
    assert!(
        bench.ring.verify(&good, bench.at, "", AUD).is_err()
            && bench.ring.verify(&good, bench.at, ISS, "").is_err()
    );
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
