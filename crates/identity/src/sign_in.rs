//! Signing in with a password: over JSON, in an envelope, and as an OAuth2 form.
//!
//! Whoever may not sign in learns nothing of why: an unknown name, a wrong password, a closed account,
//! a lock, an organisation that is not his and an envelope that does not open are one answer after one amount of work (ASVS 6.3.8).

mod attempt;
mod secret;
mod throttle;

use base::{Error, FieldError, Id, Kind, Result};
use http::header;
use kernel::{Api, Cx, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use validator::Validate;

pub(crate) use self::attempt::entered;
use self::attempt::{Attempt, sign_in};
use crate::{
    service::Identity,
    session::{self, SignedIn},
};

/// The longest password that is looked at; a longer one is 422 whoever it is for.
const PASSWORD_MAX: usize = 1024;

/// Registers the routes.
pub fn mount(api: &mut Api) {
    let mut auth = api.public("auth");
    auth.post("login", "/api/auth/login", "Sign in with user name or e-mail and password", login)
        .secret()
        .problems(&[401, 429, 503])
        .example(json!({ "username": "alice", "password": "correct horse battery staple" }));
    let form = json!({
        "type": "object",
        "required": ["username", "password"],
        "properties": {
            "grant_type": { "type": "string", "enum": ["password"] },
            "username": { "type": "string", "minLength": 1, "maxLength": 254 },
            "password": { "type": "string", "minLength": 1, "maxLength": PASSWORD_MAX },
            "scope": { "type": "string" },
            "client_id": { "type": "string" },
            "client_secret": { "type": "string" }
        }
    });
    auth.act("token", "/api/auth/token", "Sign in with an OAuth2 password form", token)
        .secret()
        .raw_body(vec![("application/x-www-form-urlencoded".to_owned(), form)])
        .problems(&[400, 401, 415, 422, 429, 503]);
    auth.get(
        "public_key",
        "/api/auth/keys/public",
        "Read the key that passwords may be encrypted with",
        public_key,
    );
    auth.get("jwks", "/.well-known/jwks.json", "Read the keys that access tokens are signed with", jwks);
}

/// A user name or e-mail address with a password, in clear or in an envelope.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Login")]
struct Login {
    /// User name or e-mail address.
    #[validate(length(min = 1, max = 254))]
    username: String,
    /// The password in clear.
    #[validate(length(min = 1, max = 1024))]
    password: Option<String>,
    /// A compact JWE (RSA-OAEP-256, A256GCM) of `{password, nonce, iat}` for the public key.
    #[validate(length(min = 1, max = 16384))]
    encrypted_password: Option<String>,
    /// Where to work; without it, the oldest membership.
    organization_id: Option<Id>,
}

async fn login(cx: &Cx, input: Login) -> Result<Json<SignedIn>> {
    let password = match (input.password, input.encrypted_password) {
        (Some(password), None) => secret::plain(password),
        (None, Some(text)) => secret::open(cx, &text).await?,
        (None, None) => return Err(Error::field("password", "required", "is required")),
        (Some(_), Some(_)) => {
            let message = "send either password or encrypted_password";
            return Err(Error::field("encrypted_password", "invalid_value", message));
        }
    };
    let attempt = Attempt { name: input.username, password, organization: input.organization_id };
    let answer = sign_in(cx, attempt).await?;
    session::remember(cx, &answer.refresh_token)?;
    Ok(Json(answer))
}

/// What OAuth2 clients expect (RFC 6749 section 5.1).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessToken")]
struct AccessToken {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

async fn token(cx: &Cx) -> Result<Json<AccessToken>> {
    let content_type =
        cx.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = "send a form with Content-Type: application/x-www-form-urlencoded";
        return Err(Error::new(Kind::UnsupportedMedia, "unsupported_media_type", detail));
    }
    let mut form: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    for (name, value) in url::form_urlencoded::parse(cx.body()) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Error::malformed("malformed_form", "a field of the form occurs twice"));
        }
    }
    if form.get("grant_type").is_some_and(|grant| grant != "password") {
        return Err(Error::field("grant_type", "unknown_value", "must be password"));
    }
    let mut missing = Vec::new();
    let mut take = |name: &str, max: usize| {
        let value = form.remove(name).unwrap_or_default();
        match value.chars().count() {
            0 => missing.push(FieldError::new(name, "required", "is required")),
            length if length > max => missing.push(FieldError::new(name, "too_long", "is too long")),
            _ => {}
        }
        value
    };
    let (name, password) = (take("username", 254), take("password", PASSWORD_MAX));
    if !missing.is_empty() {
        return Err(Error::fields(missing));
    }
    let attempt = Attempt { name, password: secret::plain(password), organization: None };
    let answer = sign_in(cx, attempt).await?;
    Ok(Json(AccessToken {
        access_token: answer.access_token,
        token_type: answer.token_type,
        expires_in: answer.expires_in,
    }))
}

/// The public key for `encrypted_password`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublicKey")]
struct PublicKey {
    /// Names the key in the envelope's header.
    kid: String,
    /// `RSA-OAEP-256`.
    alg: String,
    /// `A256GCM`.
    enc: String,
    /// The key as a JSON Web Key.
    jwk: Map<String, Value>,
    /// The key as PEM.
    pem: String,
}

async fn public_key(cx: &Cx) -> Result<Json<PublicKey>> {
    let keys = Identity::of(&cx.app)?.keys();
    let key = keys.envelopes.first().ok_or_else(|| Error::internal("there is no key for envelopes"))?;
    Ok(Json(PublicKey {
        kid: key.kid().to_owned(),
        alg: "RSA-OAEP-256".to_owned(),
        enc: "A256GCM".to_owned(),
        jwk: key.public_jwk().as_object().cloned().unwrap_or_default(),
        pem: key.public_pem().to_owned(),
    }))
}

/// A JWK set (RFC 7517 section 5).
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JsonWebKeySet")]
struct KeySet {
    keys: Vec<Map<String, Value>>,
}

async fn jwks(cx: &Cx) -> Result<Json<KeySet>> {
    let set = Identity::of(&cx.app)?.keys().ring.jwks(cx.now());
    serde_json::from_value(set).map(Json).map_err(Error::internal)
}
