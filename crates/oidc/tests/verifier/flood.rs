//! Key ids that nobody has: anybody can send them, so they must cost next to nothing.

use futures_util::future::join_all;
use serde_json::json;

use crate::{issuer::World, signer::Signer};

fn stranger(world: &World, kid: &str) -> String {
    let key = Signer::ec("stranger");
    let mut header = key.header();
    header["kid"] = json!(kid);
    key.token_with(&header, &world.claims())
}

#[tokio::test]
async fn a_thousand_unknown_key_ids_cost_at_most_two_fetches_and_a_good_token_still_passes() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let good = key.token(&world.claims());
    for n in 0..1000 {
        let token = stranger(&world, &format!("random-{n}"));
        assert_eq!(world.try_token(&token).await, "invalid_token");
        if n % 100 == 0 {
            assert_eq!(world.try_token(&good).await, "ok");
        }
    }
    assert_eq!(world.try_token(&good).await, "ok");
    assert!(world.hits() <= 2, "{}", world.hits());
    assert_eq!(world.script().document_hits, 1);
}

#[tokio::test]
async fn unknown_key_ids_at_once_cost_no_more() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    let mut tokens: Vec<String> = (0..300).map(|n| stranger(&world, &format!("random-{n}"))).collect();
    tokens.insert(150, key.token(&world.claims()));
    let outcomes = join_all(tokens.iter().map(|token| world.try_token(token))).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 1);
    assert_eq!(outcomes[150], "ok");
    assert!(world.hits() <= 2, "{}", world.hits());
}

#[tokio::test]
async fn an_unknown_key_id_causes_a_fetch_every_thirty_seconds_and_a_known_stranger_none_for_sixty() {
    let key = Signer::ec("k");
    let world = World::with(&[&key]).await;
    assert_eq!(world.try_token(&key.token(&world.claims())).await, "ok");
    for (wait, kid, hits) in [
        (0, "a", 2),  // the first
        (10, "b", 2), // within the cooldown
        (25, "a", 2), // the cooldown is over, but this one was not found 35 s ago
        (0, "b", 3),  // this one was never looked for
        (20, "a", 3), // within the cooldown of the second
        (15, "a", 4), // both are over
    ] {
        world.pass(wait);
        assert_eq!(world.try_token(&stranger(&world, kid)).await, "invalid_token");
        assert_eq!(world.hits(), hits, "{wait} s, {kid}");
    }
}

#[tokio::test]
async fn a_key_that_appears_later_is_found_though_its_id_was_unknown() {
    let (old, new) = (Signer::ec("k1"), Signer::ec("k2"));
    let world = World::with(&[&old]).await;
    let token = new.token(&world.claims());
    assert_eq!(world.try_token(&token).await, "invalid_token");
    world.publish(&[&old, &new]);
    world.pass(31);
    // Another stranger's fetch brings the key, and the list of unknown ids does not hide it.
    assert_eq!(world.try_token(&stranger(&world, "x")).await, "invalid_token");
    assert_eq!(world.try_token(&token).await, "ok");
    assert_eq!(world.hits(), 3);
}

#[tokio::test]
async fn tokens_that_could_never_be_accepted_cost_no_fetch() {
    let world = World::with(&[&Signer::ec("k")]).await;
    let mut claims = world.claims();
    claims["aud"] = json!("other");
    let key = Signer::ec("stranger");
    let token = key.token(&claims);
    for token in ["", "x", "a.b.c", "a.b.c.d.e", token.as_str()] {
        assert_ne!(world.try_token(token).await, "ok");
    }
    assert_eq!((world.hits(), world.script().document_hits), (0, 0));
}
