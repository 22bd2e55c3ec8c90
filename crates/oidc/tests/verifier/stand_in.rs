//! The verifier against a certified OpenID Connect implementation: `tests/stand_ins/oidc_issuer`, in Node.

use std::sync::Arc;

use base::ManualClock;
use oidc::{Issuer, Standing, Verifier};
use outbound::{
    Purpose,
    http::{Call, Method},
};
use serde_json::Value;

use crate::process::StandIn;

#[tokio::test]
async fn tokens_of_a_certified_issuer_verify_through_rotations_and_an_outage() {
    let stand_in = match StandIn::start() {
        Ok(stand_in) => stand_in,
        Err(why) => return println!("left out: the stand-in for an issuer cannot be had: {why}"),
    };
    let clock = ManualClock::default();
    let verifier = Verifier::new(stand_in.client.clone(), Arc::new(clock.clone()));
    let issuer = Issuer { audiences: vec!["member-api".into()], ..Issuer::new(&stand_in.issuer) };

    let first = stand_in.mint("sub=user-1").await;
    let claims = verifier.verify(&issuer, &first).await.unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.aud.as_slice()),
        ("user-1", ["member-api".to_owned()].as_slice())
    );
    assert_eq!(claims.email.as_deref(), Some("user-1@example.test"));
    assert_eq!(claims.name.as_deref(), Some("user-1"));
    assert_eq!(oidc::unverified_issuer(&first).as_ref(), Some(&issuer.issuer));
    assert_eq!(stand_in.hits().await, (1, 1));

    let refusal = async |issuer: &Issuer, token: &str| {
        verifier.verify(issuer, token).await.unwrap_err().code().to_owned()
    };
    assert_eq!(refusal(&issuer, &stand_in.mint("sub=user-1&aud=other").await).await, "invalid_token");
    let strict = Issuer { require_azp: true, ..issuer.clone() };
    assert_eq!(refusal(&strict, &first).await, "invalid_token", "this library has client_id instead of azp");

    // Each rotation costs one fetch, and none of them discovery.
    for (fetches, rotation) in [(2, "rotate"), (3, "rotate?type=ec"), (4, "rotate?drop=1")] {
        stand_in.ask(rotation).await;
        clock.advance(chrono::Duration::seconds(31));
        let token = stand_in.mint("sub=user-2&ttl=3600").await;
        assert_eq!(verifier.verify(&issuer, &token).await.unwrap().sub, "user-2", "{rotation}");
        assert_eq!(stand_in.hits().await, (fetches, 1), "{rotation}");
    }
    assert_eq!(refusal(&issuer, &first).await, "invalid_token", "its key was withdrawn");

    let token = stand_in.mint("sub=user-3&ttl=3600").await;
    stand_in.ask("down?on=1").await;
    clock.advance(chrono::Duration::seconds(700));
    assert_eq!(verifier.verify(&issuer, &token).await.unwrap().sub, "user-3");
    assert_eq!(verifier.state(&issuer).standing, Standing::Stale);
    let cold = Verifier::new(stand_in.client.clone(), Arc::new(clock));
    assert_eq!(cold.verify(&issuer, &token).await.unwrap_err().code(), "jwks_unavailable");
}

#[tokio::test]
async fn the_stand_in_lays_out_like_authentik_does() {
    let stand_in = match StandIn::start() {
        Ok(stand_in) => stand_in,
        Err(why) => return println!("left out: the stand-in for an issuer cannot be had: {why}"),
    };
    assert!(stand_in.issuer.ends_with("/application/o/member/"));
    let call = Call::new(Method::GET, format!("{}.well-known/openid-configuration", stand_in.issuer));
    let answer = stand_in.client.send(Purpose::Oidc, call).await.unwrap();
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["issuer"], stand_in.issuer.as_str());
    assert_eq!(document["jwks_uri"], format!("{}jwks/", stand_in.issuer));
}
