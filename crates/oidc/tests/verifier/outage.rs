//! Issuers that are down, from the start or later, or that answer with something else than keys.

use std::time::Duration;

use base::{Kind, ManualClock};
use oidc::{Issuer, Standing};
use tokio::net::TcpListener;

use crate::{
    issuer::{World, verifier},
    signer::{self, Signer},
};

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_unavailable_and_no_refusal() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().down = true;
    let token = key.token(&world.claims());
    let error = world.verifier.verify(&world.issuer, &token).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "jwks_unavailable"));
    assert!(matches!(error.retry_after_seconds(), Some(1..=2)), "{error:?}");
    assert!(world.verifier.warm(&world.issuer).await.is_err());
    let state = world.verifier.state(&world.issuer);
    assert_eq!((state.standing, state.age, state.failures), (Standing::Empty, None, 1));
    world.script().down = false;
    assert_eq!(world.try_token(&token).await, "jwks_unavailable", "nothing is tried during the pause");
    world.pass(2);
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.verifier.state(&world.issuer).failures, 0);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::new(format!("http://{}/", listener.local_addr().unwrap()));
    drop(listener);
    let clock = ManualClock::default();
    let token = Signer::ec("k").token(&signer::claims(&issuer.issuer, &clock));
    let error = verifier(&clock).verify(&issuer, &token).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "jwks_unavailable"));
}

#[tokio::test]
async fn while_the_issuer_is_down_pauses_grow_and_attempts_are_few() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().document_status = 503;
    let token = key.token(&world.claims());
    let mut attempts = Vec::new();
    for second in 0..300 {
        let before = world.script().document_hits;
        assert_eq!(world.try_token(&token).await, "jwks_unavailable");
        if world.script().document_hits > before {
            attempts.push(second);
        }
        world.pass(1);
    }
    // 0, 1, 3, 7, 15, 31, 63, then every minute, each with up to a quarter more.
    assert!((8..=11).contains(&attempts.len()), "{attempts:?}");
    assert!(attempts.windows(2).all(|pair| pair[1] - pair[0] <= 61), "{attempts:?}");
}

#[tokio::test]
async fn the_last_good_keys_serve_for_a_day_while_the_issuer_is_down() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let mut claims = world.claims();
    claims["exp"] = (claims["exp"].as_i64().unwrap() + 200_000).into();
    let token = key.token(&claims);
    assert_eq!(world.try_token(&token).await, "ok");
    world.script().down = true;
    for hour in 1..24 {
        world.pass(3600 - 10);
        assert_eq!(world.try_token(&token).await, "ok", "after {hour} hours");
    }
    let state = world.verifier.state(&world.issuer);
    assert_eq!((state.standing, state.keys), (Standing::Stale, 1));
    assert!(state.failures > 0 && state.note.is_some());
    // A key id that is not among them remains a refusal: something is cached.
    assert_eq!(world.try_token(&Signer::ec("other").token(&claims)).await, "invalid_token");
    world.pass(7200);
    assert_eq!(world.try_token(&token).await, "jwks_unavailable");
    assert_eq!(world.verifier.state(&world.issuer).standing, Standing::Empty);
    world.script().down = false;
    world.pass(61);
    assert_eq!(world.try_token(&token).await, "ok");
}

#[tokio::test]
async fn nobody_waits_for_an_issuer_that_keeps_failing_while_there_are_keys() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    assert_eq!(world.try_token(&token).await, "ok");
    world.script().down = true;
    world.pass(700);
    assert_eq!(world.try_token(&token).await, "ok", "this one waited for the failure");
    world.script().delay = Duration::from_secs(3);
    world.pass(5);
    let began = std::time::Instant::now();
    assert_eq!(world.try_token(&token).await, "ok");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_silent_issuer_is_given_up_after_five_seconds() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().delay = Duration::from_secs(60);
    let began = std::time::Instant::now();
    assert_eq!(world.try_token(&key.token(&world.claims())).await, "jwks_unavailable");
    assert!((4..8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_empty_object_is_an_answer_without_keys() {
    let key = Signer::ec("k");
    let world = World::with(&[]).await;
    world.script().jwks = "{}".into();
    world.verifier.warm(&world.issuer).await.unwrap();
    let state = world.verifier.state(&world.issuer);
    assert_eq!((state.standing, state.failures), (Standing::Empty, 0));
    assert!(state.age.is_some() && state.note.unwrap().contains("select a signing key"), "{state:?}");
    let token = key.token(&world.claims());
    assert_eq!(world.try_token(&token).await, "invalid_token", "there is an answer, so it is no outage");
    world.publish(&[&key]);
    world.pass(61);
    assert_eq!(world.try_token(&token).await, "ok");
}

#[tokio::test]
async fn an_answer_that_is_no_jwk_set_leaves_the_last_one_in_use() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    assert_eq!(world.try_token(&token).await, "ok");
    let good = world.script().jwks.clone();
    let long = format!("{{\"keys\":[],\"padding\":\"{}\"}}", "x".repeat(256 * 1024));
    for (status, jwks) in
        [(200, "<html>"), (200, "[]"), (200, long.as_str()), (500, good.as_str()), (302, "{}")]
    {
        (world.script().jwks_status, world.script().jwks) = (status, jwks.to_owned());
        world.pass(700);
        assert_eq!(world.try_token(&token).await, "ok", "{status}");
        assert!(world.verifier.state(&world.issuer).failures > 0, "{status}");
    }
}
