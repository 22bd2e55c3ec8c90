//! `/me` with tokens of a certified OpenID Connect implementation (`tests/stand_ins/oidc_issuer`), and with such
//! as nobody should believe.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use outbound::{
    Purpose,
    http::{Call, Method},
};
use serde_json::{Value, json};

use crate::{
    stand_in::StandIn,
    support::{Org, TestApp, caller::Reply},
};

/// The stand-in, believed by an organisation; `None`, with a word, where it cannot be had.
async fn begin(require_azp: bool) -> Option<(TestApp, Org, StandIn)> {
    let stand_in = match StandIn::start() {
        Ok(stand_in) => stand_in,
        Err(why) => {
            println!("left out: the stand-in for an issuer cannot be had: {why}");
            return None;
        }
    };
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let wish = json!({
        "name": "Sign-in", "issuer": stand_in.issuer, "audiences": ["member-api"], "require_azp": require_azp,
    });
    org.owner.post("/api/member-issuers", wish).await.expect(201);
    Some((app, org, stand_in))
}

async fn me(app: &TestApp, token: &str) -> Reply {
    app.anon().with_token(token).get("/me").await
}

/// A token with a header and claims of one's own, and whatever for a signature.
fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The claims of a real token.
fn claims(token: &str) -> Value {
    let middle = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
}

#[tokio::test]
async fn tokens_of_a_certified_issuer_open_me_and_a_rotation_of_its_keys_costs_one_fetch() {
    let Some((app, _, stand_in)) = begin(false).await else { return };
    let first = stand_in.mint("sub=user-1&ttl=3600").await;
    let ann = me(&app, &first).await.expect(200).body;
    assert_eq!((&ann["authentik_sub"], &ann["display_name"]), (&json!("user-1"), &json!("user-1")));
    assert_eq!((&ann["email"], &ann["email_verified"]), (&json!("user-1@example.test"), &json!(false)));
    for _ in 0..20 {
        me(&app, &first).await.expect(200);
    }
    assert_eq!(stand_in.hits().await, (1, 1));
    for (fetches, rotation) in [(2, "rotate"), (3, "rotate?type=ec"), (4, "rotate?drop=1")] {
        stand_in.ask(rotation).await;
        app.clock.advance(Duration::seconds(31));
        let token = stand_in.mint("sub=user-1&ttl=3600").await;
        assert_eq!(me(&app, &token).await.expect(200).body["id"], ann["id"], "{rotation}");
        assert_eq!(stand_in.hits().await, (fetches, 1), "{rotation}");
    }
    assert_eq!(me(&app, &first).await.expect(401).code(), "invalid_token", "its key was withdrawn");
}

#[tokio::test]
async fn tokens_that_nobody_should_believe_are_refused() {
    let Some((app, _, stand_in)) = begin(false).await else { return };
    let good = stand_in.mint("sub=user-1&ttl=3600").await;
    me(&app, &good).await.expect(200);
    let (claims, now) = (claims(&good), app.now().timestamp());
    // The public key as a shared secret, in the forms in which a library might take it.
    let call = Call::new(Method::GET, format!("{}jwks/", stand_in.issuer));
    let keys: Value =
        serde_json::from_slice(&stand_in.client.send(Purpose::Oidc, call).await.unwrap().body).unwrap();
    let jwk = &keys["keys"][0];
    let kid = jwk["kid"].as_str().unwrap();
    let shared = |secret: &[u8]| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        forged(&json!({ "alg": "RS256", "kid": kid }), &claims, "AAAA")
    };
    let header = |name: &str, value: Value| {
        let mut header = json!({ "alg": "RS256", "kid": kid });
        header[name] = value;
        forged(&header, &claims, good.rsplit('.').next().unwrap())
    };
    let cases = [
        ("no signature wanted", forged(&json!({ "alg": "none", "kid": kid }), &claims, "")),
        ("no signature wanted, in capitals", forged(&json!({ "alg": "NONE", "kid": kid }), &claims, "")),
        ("the key's text as a secret", shared(jwk.to_string().as_bytes())),
        ("the key's number as a secret", shared(&modulus)),
        ("another audience", stand_in.mint("sub=user-1&aud=other").await),
        ("another issuer", with("iss", json!("https://somebody.example/"))),
        ("no audience", with("aud", Value::Null)),
        ("a time that has passed", with("exp", json!(now - 60))),
        ("a time that has not come", with("nbf", json!(now + 600))),
        ("made in the future", with("iat", json!(now + 600))),
        ("nobody's name", with("sub", json!(""))),
        ("a name that is a number", with("sub", json!(7))),
        ("an extension that must be understood", header("crit", json!(["b64"]))),
        ("a logout token", header("typ", json!("logout+jwt"))),
        ("a key of its own", header("jwk", jwk.clone())),
        ("encrypted", format!("{good}.AAAA.AAAA")),
        ("cut short", good[..good.len() - 8].to_owned()),
        ("no token", "nonsense".to_owned()),
    ];
    for (what, token) in cases {
        let refused = me(&app, &token).await.expect(401);
        assert_eq!(refused.code(), "invalid_token", "{what}");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{what}");
    }
    assert_eq!(app.anon().get("/me").await.expect(401).code(), "missing_token");
    assert_eq!(stand_in.hits().await.0, 2, "once for the first token, once by this test");
    me(&app, &good).await.expect(200);
}

#[tokio::test]
async fn a_token_that_says_for_whom_somebody_signed_in_is_no_access_token() {
    let Some((app, _, stand_in)) = begin(true).await else { return };
    // This library's tokens carry `client_id` and no `azp`, as Authentik's ID tokens do.
    let token = stand_in.mint("sub=user-1").await;
    assert!(claims(&token).get("azp").is_none());
    assert_eq!(me(&app, &token).await.expect(401).code(), "invalid_token");
}

#[tokio::test]
async fn a_thousand_tokens_of_unknown_keys_cost_two_fetches_and_keep_nobody_out() {
    let Some((app, _, stand_in)) = begin(false).await else { return };
    let good = stand_in.mint("sub=user-1&ttl=3600").await;
    me(&app, &good).await.expect(200);
    let private =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let key = EncodingKey::from_ec_der(private.as_ref());
    let claims = claims(&good);
    for n in 0..1_000 {
        let header = Header { kid: Some(format!("made-up-{n}")), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        me(&app, &token).await.expect(401);
    }
    assert!(stand_in.hits().await.0 <= 3, "{:?}: the first one, and two", stand_in.hits().await);
    me(&app, &good).await.expect(200);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_unavailable_where_nothing_is_known_and_goes_unnoticed_where_its_keys_are()
{
    let Some((app, _, stand_in)) = begin(false).await else { return };
    let token = stand_in.mint("sub=user-1&ttl=7200").await;
    stand_in.ask("down?on=1").await;
    let refused = me(&app, &token).await.expect(503);
    assert_eq!(refused.code(), "jwks_unavailable");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    stand_in.ask("down?on=0").await;
    app.clock.advance(Duration::seconds(61));
    me(&app, &token).await.expect(200);
    stand_in.ask("down?on=1").await;
    for _ in 0..4 {
        app.clock.advance(Duration::seconds(700));
        me(&app, &token).await.expect(200);
    }
}
