//! Where an issuer's keys are looked for.

use oidc::Issuer;
use serde_json::{Value, json};

use crate::{
    issuer::{World, verifier},
    signer::{self, Signer},
};

#[tokio::test]
async fn a_configured_address_needs_no_discovery() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let url = format!("{}keys/", world.issuer.issuer);
    let issuer = Issuer { jwks_url: Some(url), ..world.issuer.clone() };
    assert_eq!(world.judge(&issuer, &key.token(&world.claims())).await, "ok");
    assert_eq!((world.hits(), world.script().document_hits), (1, 0));
}

#[tokio::test]
async fn an_issuer_without_a_discovery_document_is_asked_where_authentik_has_its_keys() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().document_status = 404;
    assert_eq!(world.try_token(&key.token(&world.claims())).await, "ok");
    assert_eq!((world.hits(), world.script().document_hits), (1, 1));
}

#[tokio::test]
async fn an_issuer_without_a_slash_at_its_end_gets_one_for_discovery() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let bare = world.issuer.issuer.trim_end_matches('/').to_owned();
    world.script().document["issuer"] = json!(bare);
    let issuer = Issuer { issuer: bare.clone(), ..world.issuer.clone() };
    assert_eq!(world.judge(&issuer, &key.token(&signer::claims(&bare, &world.clock))).await, "ok");
}

#[tokio::test]
async fn a_discovery_document_that_cannot_be_trusted_is_no_way_to_keys() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let good = world.script().document.clone();
    let port = world.origin.rsplit(':').next().unwrap().to_owned();
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    for document in [
        with("issuer", json!("https://other.example/")),
        with("issuer", json!(world.issuer.issuer.trim_end_matches('/'))),
        with("jwks_uri", json!(format!("http://localhost:{port}/application/o/member/keys/"))),
        with("jwks_uri", json!("http://192.0.2.1/keys")),
        with("jwks_uri", json!("https://other.example/keys")),
        with("jwks_uri", json!("file:///etc/passwd")),
        with("jwks_uri", json!("keys/")),
        with("jwks_uri", Value::Null),
        json!([]),
    ] {
        world.script().document = document.clone();
        let outcome = verifier(&world.clock).verify(&world.issuer, &key.token(&world.claims())).await;
        assert_eq!(outcome.unwrap_err().code(), "jwks_unavailable", "{document}");
    }
    assert_eq!(world.hits(), 0);
}

#[tokio::test]
async fn an_issuer_over_plain_http_elsewhere_is_not_asked() {
    let world = World::with(&[]).await;
    let issuer = Issuer { issuer: "http://id.example/".into(), ..world.issuer.clone() };
    let token = Signer::ec("k").token(&signer::claims(&issuer.issuer, &world.clock));
    let error = world.verifier.verify(&issuer, &token).await.unwrap_err();
    assert_eq!(error.code(), "jwks_unavailable");
    assert!(format!("{error:?}").contains("https"), "{error:?}");
}

#[tokio::test]
async fn keys_that_move_are_found_again_after_a_failure() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    world.script().document["jwks_uri"] = json!(format!("{}gone/", world.issuer.issuer));
    assert_eq!(world.try_token(&token).await, "jwks_unavailable");
    world.script().document["jwks_uri"] = json!(format!("{}keys/", world.issuer.issuer));
    world.pass(2);
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.script().document_hits, 2);
}
