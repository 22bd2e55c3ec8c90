//! Which tokens are accepted, with signatures and an issuer behind them.

use base::Kind;
use oidc::{Algorithm, Issuer};
use serde_json::{Value, json};

use crate::{
    issuer::World,
    signer::{Signer, encode, hmac_token},
};

#[tokio::test]
async fn a_good_token_gives_its_claims() {
    let key = Signer::rsa("k1", "RS256");
    let world = World::with(&[&key]).await;
    let claims = world.verifier.verify(&world.issuer, &key.token(&world.claims())).await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.iss.as_str()), ("user-1", world.issuer.issuer.as_str()));
    assert_eq!(claims.aud, ["member"]);
    assert_eq!(claims.azp.as_deref(), Some("web"));
    assert_eq!(claims.email.as_deref(), Some("user-1@example.test"));
    assert_eq!((claims.email_verified, claims.name.as_deref()), (Some(false), Some("user-1")));
    assert_eq!(claims.exp - claims.iat, 3600);
}

#[tokio::test]
async fn a_verification_may_move_between_threads() {
    fn moves<T: Send>(work: T) -> T {
        work
    }
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    assert!(moves(world.verifier.verify(&world.issuer, &token)).await.is_ok());
}

#[tokio::test]
async fn every_algorithm_that_is_allowed_verifies() {
    let keys = [
        Signer::rsa("r", "PS256"),
        Signer::ec("e"),
        Signer::ec384("e384"),
        Signer::ed("d"),
        Signer::rsa("s", "RS256"),
    ];
    let world = World::with(&keys.iter().collect::<Vec<_>>()).await;
    let all = Issuer { algorithms: Algorithm::ALL.to_vec(), ..world.issuer.clone() };
    for key in &keys {
        let token = key.token(&world.claims());
        assert_eq!(world.judge(&all, &token).await, "ok", "{}", key.kid);
        // PS256 and EdDSA have to be asked for.
        let expected = if matches!(key.kid, "r" | "d") { "invalid_token" } else { "ok" };
        assert_eq!(world.try_token(&token).await, expected, "{}", key.kid);
    }
    assert_eq!(world.hits(), 1);
}

#[tokio::test]
async fn a_header_that_is_not_acceptable_is_refused_though_the_signature_is_good() {
    let (rsa, ec) = (Signer::rsa("r", "RS256"), Signer::ec("e"));
    let world = World::with(&[&rsa, &ec]).await;
    let claims = world.claims();
    for (name, value, expected) in [
        ("typ", json!("at+jwt"), "ok"),
        ("typ", json!("logout+jwt"), "invalid_token"),
        ("typ", json!("dpop+jwt"), "invalid_token"),
        ("typ", json!(1), "invalid_token"),
        ("crit", json!(["exp"]), "invalid_token"),
        ("crit", json!([]), "invalid_token"),
        ("jku", json!("https://evil.example/keys"), "ok"),
        ("jwk", Signer::ec("evil").jwk(), "ok"),
        ("kid", json!("e"), "invalid_token"),
        ("kid", json!(["r"]), "invalid_token"),
        ("alg", json!("ES256"), "invalid_token"),
        ("alg", json!("RS384"), "invalid_token"),
        ("alg", json!("rs256"), "invalid_token"),
        ("alg", json!("none"), "invalid_token"),
    ] {
        let mut header = rsa.header();
        header[name] = value;
        assert_eq!(world.try_token(&rsa.token_with(&header, &claims)).await, expected, "{header}");
    }
    for absent in ["typ", "kid"] {
        let mut header = ec.header();
        header.as_object_mut().unwrap().remove(absent);
        assert_eq!(world.try_token(&ec.token_with(&header, &claims)).await, "ok", "{header}");
    }
}

#[tokio::test]
async fn a_token_that_brings_its_own_key_is_refused() {
    let (good, evil) = (Signer::ec("k"), Signer::ec("k"));
    let world = World::with(&[&good]).await;
    let mut header = evil.header();
    header["jwk"] = evil.jwk();
    assert_eq!(world.try_token(&evil.token_with(&header, &world.claims())).await, "invalid_token");
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let key = Signer::rsa("k", "RS256");
    let world = World::with(&[&key]).await;
    let claims = encode(world.claims().to_string());
    for header in [json!({"alg": "none"}), json!({"alg": "NONE", "kid": "k"}), key.header()] {
        let token = format!("{}.{claims}.", encode(header.to_string()));
        assert_eq!(world.try_token(&token).await, "invalid_token", "{header}");
    }
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let key = Signer::rsa("k", "RS256");
    let world = World::with(&[&key]).await;
    let (jwk, header) = (key.jwk(), json!({"alg": "HS256", "typ": "JWT", "kid": "k"}));
    let n = jwk["n"].as_str().unwrap().to_owned();
    for secret in [jwk.to_string(), n] {
        let token = hmac_token(&header, &world.claims(), secret.as_bytes());
        assert_eq!(world.try_token(&token).await, "invalid_token");
        // The same under the name of the key's own algorithm.
        let token = hmac_token(&key.header(), &world.claims(), secret.as_bytes());
        assert_eq!(world.try_token(&token).await, "invalid_token");
    }
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let header = message.split('.').next().unwrap();
    let mut other = world.claims();
    other["sub"] = "admin".into();
    for changed in [
        format!("{header}.{}.{signature}", encode(other.to_string())),
        format!("{message}.{}", encode([7; 64])),
        format!("{message}.{}", encode([0; 64])),
        format!("{message}."),
        format!("{token}="),
        format!("{token}.{signature}.{signature}"),
        format!(" {token}"),
    ] {
        assert_eq!(world.try_token(&changed).await, "invalid_token", "{changed}");
    }
    assert_eq!(world.try_token(&token).await, "ok");
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused_though_the_signature_is_good() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let now = world.claims()["iat"].as_i64().unwrap();
    let without_slash = world.issuer.issuer.trim_end_matches('/').to_owned();
    let changes = [
        ("iss", json!("https://other.example/")),
        ("iss", json!(without_slash)),
        ("aud", json!("other")),
        ("aud", json!(["other", "else"])),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 60).to_string())),
        ("nbf", json!(now + 120)),
        ("iat", json!(now + 120)),
        ("sub", json!("")),
        ("sub", json!(42)),
    ];
    for (name, value) in changes {
        let mut claims = world.claims();
        claims[name] = value;
        assert_eq!(world.try_token(&key.token(&claims)).await, "invalid_token", "{claims}");
    }
    for name in ["iss", "aud", "exp", "iat", "sub"] {
        let mut claims = world.claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(world.try_token(&key.token(&claims)).await, "invalid_token", "without {name}");
    }
    assert_eq!(world.hits(), 0, "claims that do not hold cost no fetch");
}

#[tokio::test]
async fn a_token_ends_with_its_leeway_by_the_injected_clock() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let mut claims = world.claims();
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 100);
    let token = key.token(&claims);
    world.pass(125);
    assert_eq!(world.try_token(&token).await, "ok");
    world.pass(10);
    assert_eq!(world.try_token(&token).await, "invalid_token");
}

#[tokio::test]
async fn an_id_token_is_refused_where_a_party_is_required() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let strict = Issuer { require_azp: true, ..world.issuer.clone() };
    let mut id_token = world.claims();
    id_token.as_object_mut().unwrap().remove("azp");
    assert_eq!(world.judge(&strict, &key.token(&id_token)).await, "invalid_token");
    assert_eq!(world.try_token(&key.token(&id_token)).await, "ok");
    assert_eq!(world.judge(&strict, &key.token(&world.claims())).await, "ok");
}

#[tokio::test]
async fn an_encrypted_token_is_refused() {
    let world = World::with(&[&Signer::ec("k")]).await;
    let header = encode(json!({"alg": "RSA-OAEP-256", "enc": "A256GCM"}).to_string());
    assert_eq!(world.try_token(&format!("{header}.a.b.c.d")).await, "invalid_token");
}

#[tokio::test]
async fn no_token_is_missing_and_every_refusal_reads_the_same() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let missing = world.verifier.verify(&world.issuer, "").await.unwrap_err();
    assert_eq!((missing.kind(), missing.code()), (Kind::Unauthenticated, "missing_token"));
    let mut expired: Value = world.claims();
    expired["exp"] = json!(1);
    let mut refusals = Vec::new();
    for token in ["x".to_owned(), key.token(&expired), Signer::ec("k").token(&world.claims())] {
        let error = world.verifier.verify(&world.issuer, &token).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        refusals.push((error.code().to_owned(), error.detail().to_owned()));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
}

#[tokio::test]
async fn a_key_of_another_issuer_does_not_verify() {
    let (ours, theirs) = (Signer::ec("k"), Signer::ec("k"));
    let (first, second) = (World::with(&[&ours]).await, World::with(&[&theirs]).await);
    assert_eq!(first.judge(&second.issuer, &theirs.token(&second.claims())).await, "ok");
    assert_eq!(first.try_token(&theirs.token(&first.claims())).await, "invalid_token");
    assert_eq!(first.try_token(&ours.token(&first.claims())).await, "ok");
    assert_eq!(oidc::unverified_issuer(&theirs.token(&second.claims())), Some(second.issuer.issuer));
}
