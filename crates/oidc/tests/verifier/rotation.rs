//! Keys that change, and keys that grow old.

use futures_util::future::join_all;
use oidc::Standing;

use crate::{issuer::World, signer::Signer};

#[tokio::test]
async fn a_rotation_costs_one_fetch_and_no_discovery() {
    let (old, new) = (Signer::ec("k1"), Signer::ec("k2"));
    let world = World::with(&[&old]).await;
    assert_eq!(world.try_token(&old.token(&world.claims())).await, "ok");
    world.publish(&[&new]);
    let token = new.token(&world.claims());
    for _ in 0..3 {
        assert_eq!(world.try_token(&token).await, "ok");
    }
    assert_eq!(world.try_token(&old.token(&world.claims())).await, "invalid_token");
    assert_eq!((world.hits(), world.script().document_hits), (2, 1));
}

#[tokio::test]
async fn callers_at_once_share_one_fetch() {
    let (old, new) = (Signer::ec("k1"), Signer::ec("k2"));
    let world = World::with(&[&old]).await;
    let token = old.token(&world.claims());
    let all = (0..20).map(|_| world.try_token(&token)).collect::<Vec<_>>();
    assert!(join_all(all).await.iter().all(|outcome| outcome == "ok"));
    assert_eq!(world.hits(), 1);
    world.publish(&[&old, &new]);
    let token = new.token(&world.claims());
    let all = (0..20).map(|_| world.try_token(&token)).collect::<Vec<_>>();
    assert!(join_all(all).await.iter().all(|outcome| outcome == "ok"));
    assert_eq!(world.hits(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_break_the_fetch_of_others() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().delay = std::time::Duration::from_millis(100);
    let token = key.token(&world.claims());
    let hasty = tokio::time::timeout(std::time::Duration::from_millis(50), world.try_token(&token)).await;
    assert!(hasty.is_err());
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!((world.hits(), world.script().document_hits), (1, 1));
}

#[tokio::test]
async fn keys_are_refreshed_ahead_of_time_without_anybody_waiting() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let token = key.token(&world.claims());
    assert_eq!(world.try_token(&token).await, "ok");
    world.pass(470);
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.hits(), 1, "fresh keys are not fetched again");
    world.pass(20);
    world.script().delay = std::time::Duration::from_secs(2);
    let began = std::time::Instant::now();
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.try_token(&token).await, "ok");
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "nobody waits");
    world.settle(2).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(world.verifier.state(&world.issuer).age.unwrap().as_secs() < 60);
    assert_eq!(world.hits(), 2, "two callers, one fetch");
}

#[tokio::test]
async fn keys_past_their_time_are_not_used_before_the_issuer_was_asked() {
    let (old, new) = (Signer::ec("k1"), Signer::ec("k2"));
    let world = World::with(&[&old]).await;
    assert_eq!(world.try_token(&old.token(&world.claims())).await, "ok");
    world.publish(&[&new]);
    world.pass(601);
    assert_eq!(world.try_token(&old.token(&world.claims())).await, "invalid_token");
}

#[tokio::test]
async fn the_issuer_says_how_long_its_keys_are_good() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    world.script().jwks_headers = "cache-control: public, max-age=3600\r\n".into();
    let mut claims = world.claims();
    claims["exp"] = (claims["exp"].as_i64().unwrap() + 90_000).into();
    let token = key.token(&claims);
    assert_eq!(world.try_token(&token).await, "ok");
    world.pass(2800);
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.hits(), 1);
    assert_eq!(world.verifier.state(&world.issuer).standing, Standing::Ok);
    world.pass(801);
    assert_eq!(world.verifier.state(&world.issuer).standing, Standing::Stale);
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.hits(), 2);
}

#[tokio::test]
async fn warming_fetches_ahead_and_the_state_tells() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let cold = world.verifier.state(&world.issuer);
    assert_eq!((cold.standing, cold.age, cold.keys), (Standing::Empty, None, 0));
    world.verifier.warm(&world.issuer).await.unwrap();
    let warm = world.verifier.state(&world.issuer);
    assert_eq!((warm.standing, warm.keys, warm.note), (Standing::Ok, 1, None));
    world.verifier.warm(&world.issuer).await.unwrap();
    assert_eq!(world.hits(), 1);
    world.pass(700);
    let old = world.verifier.state(&world.issuer);
    assert_eq!(old.standing, Standing::Stale);
    assert!(old.age.unwrap().as_secs() >= 700);
}
