//! Members with tokens of other issuers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    members_support::{allowed, keeper, may, path, sister},
    support::{Caller, TestApp},
};

/// An issuer on this machine that serves its keys and nothing else.
struct Issuer {
    url: String,
    /// PKCS #8.
    private: Vec<u8>,
    fetched: Arc<AtomicUsize>,
}

#[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
async fn issuer() -> Issuer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/o/", listener.local_addr().unwrap());
    let fetched = Arc::new(AtomicUsize::new(0));
    let (count, named) = (fetched.clone(), url.clone());
    let private =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref()).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
        "x": text(&point[1..33]), "y": text(&point[33..65]),
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap_or_default();
            let asked = String::from_utf8_lossy(&head[..read]).into_owned();
            let body = if asked.contains("openid-configuration") {
                json!({ "issuer": named, "jwks_uri": format!("{named}jwks/") })
            } else {
                count.fetch_add(1, Ordering::SeqCst);
                json!({ "keys": [jwk] })
            }
            .to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Issuer { url, private: private.as_ref().to_vec(), fetched }
}

impl Issuer {
    fn token(&self, app: &TestApp, change: Value) -> String {
        let now = app.now().timestamp();
        let mut claims = json!({
            "iss": self.url, "sub": "user-1", "aud": "member-api", "iat": now, "exp": now + 300,
            "email": "one@example.com", "name": "User One", "preferred_username": "one",
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_der(&self.private);
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }

    async fn believed(&self, owner: &Caller) {
        let wish = json!({ "name": "Sign-in", "issuer": self.url, "audiences": ["member-api"] });
        owner.post("/api/member-issuers", wish).await.expect(201);
    }
}

#[tokio::test]
async fn a_first_call_makes_the_member_and_a_token_changes_no_more_than_his_profile() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let issuer = issuer().await;
    let call = |token: &str| app.anon().with_token(token);
    let token = issuer.token(&app, json!({}));
    // Nobody has said that this issuer is believed.
    assert_eq!(call(&token).get("/me").await.expect(401).code(), "invalid_token");
    issuer.believed(&org.owner).await;
    let first = call(&token).get("/me").await.expect(200).body;
    assert_eq!((&first["authentik_sub"], &first["display_name"]), (&json!("user-1"), &json!("User One")));
    assert_eq!(first["email_verified"], false);
    let again = call(&token).get("/me").await.expect(200).body;
    assert_eq!(again["id"], first["id"]);
    let renamed = issuer.token(&app, json!({ "name": "One Renamed", "email": null }));
    let renamed = call(&renamed).get("/me").await.expect(200).body;
    assert_eq!(
        (&renamed["display_name"], &renamed["email"]),
        (&json!("One Renamed"), &json!("one@example.com"))
    );
    // The same address at the issuer is no reason to be somebody else.
    let other = issuer.token(&app, json!({ "sub": "user-2" }));
    let other = call(&other).get("/me").await.expect(200).body;
    assert_ne!(other["id"], first["id"]);
    for bad in [
        json!({ "aud": "other" }),
        json!({ "exp": 1 }),
        json!({ "sub": "" }),
        json!({ "iss": format!("{}x", issuer.url) }),
        json!({ "nbf": app.now().timestamp() + 600 }),
    ] {
        let refused = call(&issuer.token(&app, bad)).get("/me").await.expect(401);
        assert_eq!(refused.code(), "invalid_token");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    assert_eq!(app.anon().get("/me").await.expect(401).code(), "missing_token");
    assert_eq!(issuer.fetched.load(Ordering::SeqCst), 1);
    let keeper = keeper(&app, &org).await;
    keeper.post("/admin/permissions/grant", may("user-1", "7", "mkt", "read")).await.expect(201);
    let own = call(&token).get("/me/permissions/snapshot").await.expect(200);
    assert_eq!(allowed(&own.body), ["7/mkt:read"]);
    call(&token).with("if-none-match", own.header("etag")).get("/me/permissions/snapshot").await.expect(304);
    // The person learns that he is out; the machine learns that there is nothing.
    let off = json!({ "authentik_sub": "user-1", "is_active": false });
    sister(&app).post("/internal/users/upsert-by-sub", off).await.expect(200);
    assert_eq!(call(&token).get("/me").await.expect(403).code(), "account_disabled");
    call(&token).get("/me/permissions/snapshot").await.expect(403);
    assert_eq!(sister(&app).get(&path("user-1")).await.expect(200).body["permissions"], json!([]));
}

#[tokio::test]
async fn names_that_were_told_before_an_issuer_was_named_are_its_names() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let told = json!({ "authentik_sub": "user-1", "email": "one@example.com" });
    let told = sister(&app).post("/internal/users/upsert-by-sub", told).await.expect(201).body;
    let issuer = issuer().await;
    issuer.believed(&org.owner).await;
    let token = issuer.token(&app, json!({}));
    let me = app.anon().with_token(&token).get("/me").await.expect(200).body;
    assert_eq!(me["id"], told["id"]);
    sister(&app).get(&path("user-1")).await.expect(200);
    // One issuer speaks for the members of one organisation.
    let other = app.org("other").await;
    let wish = json!({ "name": "x", "issuer": issuer.url, "audiences": ["x"] });
    let twice = other.owner.post("/api/member-issuers", wish).await;
    assert_eq!(twice.expect(409).code(), "conflict");
    let still = app.anon().with_token(&token).get("/me").await.expect(200).body;
    assert_eq!(still["id"], told["id"]);
}

#[tokio::test]
async fn tokens_of_tenon_itself_say_who_somebody_is_as_well() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let member = app.member(&org, "bob", &["identity:post:list"]).await;
    let me = member.get("/me").await.expect(200).body;
    assert_eq!((&me["id"], &me["authentik_sub"]), (&json!(member.id), &json!(member.id)));
    let own = member.get("/me/permissions/snapshot").await.expect(200).body;
    assert_eq!(own["permissions"][0]["module"], "identity.post");
}

#[tokio::test]
async fn a_foreign_token_cannot_call_itself_by_a_members_id_nor_a_key_speak_for_its_owner() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let issuer = issuer().await;
    issuer.believed(&org.owner).await;
    let member = app.member(&org, "bob", &["identity:post:list"]).await;
    for victim in [member.id, org.owner.id] {
        let token = issuer.token(&app, json!({ "sub": victim }));
        let refused = app.anon().with_token(&token).get("/me").await.expect(409);
        assert_eq!(refused.code(), "sub_taken");
    }
    let key = org.owner.post("/api/auth/api-keys", json!({ "name": "k" })).await.expect(201);
    let key = key.body["key"].as_str().unwrap().to_owned();
    app.anon().with_token(&key).get("/me").await.expect(401);
    member.with("x-api-key", &key).get("/me").await.expect(401);
    // Tenon's own tokens stay its own, whoever says otherwise.
    let own = json!({ "name": "x", "issuer": app.app.settings().base_url, "audiences": ["x"] });
    org.owner.post("/api/member-issuers", own).await.expect(409);
    // A claim that no profile can hold locks nobody out.
    let odd = json!({ "sub": "odd", "name": "n".repeat(500), "email": "not an address" });
    let odd = app.anon().with_token(&issuer.token(&app, odd)).get("/me").await.expect(200).body;
    assert_eq!((odd["display_name"].as_str().unwrap().len(), &odd["email"]), (120, &Value::Null));
    assert_eq!(odd["org_id"], json!(org.id));
}
