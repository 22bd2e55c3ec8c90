//! Against a real server at TENON_URL, whose internal secret is TENON_INTERNAL_SECRET; `tests/python_client.sh`
//! starts one. It is set up, or was, with TENON_USERNAME and TENON_PASSWORD, whose owner makes the program that
//! grants.

use serde_json::{Value, json};
use tenon_id::members::{Credential, Error, Members, Options, Reason};

use crate::{fake::Tuple, may, why};

const READ: Tuple = ("shop", "7", "mkt", "read");
const WRITE: Tuple = ("shop", "7", "mkt", "write");

#[expect(clippy::disallowed_methods, reason = "where the server is, is said by whoever starts the test")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A back office: a program that grants and takes away.
struct Office {
    url: String,
    http: reqwest::Client,
    keys: [(&'static str, String); 2],
}

impl Office {
    #[expect(clippy::disallowed_methods, reason = "the test stands on the other side of the wire")]
    async fn open(url: &str) -> Self {
        let http = reqwest::Client::new();
        let named = |name: &str, usual: &str| variable(name).unwrap_or_else(|| usual.to_owned());
        let credentials = json!({
            "username": named("TENON_USERNAME", "ada"),
            "password": named("TENON_PASSWORD", "correct horse battery staple"),
        });
        let sign = |path: &str| http.post(format!("{url}{path}")).json(&credentials).send();
        let mut signed = sign("/api/auth/init-user").await.unwrap();
        if signed.status() == 409 {
            signed = sign("/api/auth/login").await.unwrap();
        }
        let signed: Value = signed.error_for_status().unwrap().json().await.unwrap();
        let wish = json!({
            "name": "office of the Rust client", "scopes": ["permissions:write", "catalog:write"],
            "may_grant": ["mkt"], "calls_per_minute": 0,
        });
        let made = http.post(format!("{url}/api/member-clients/"));
        let made =
            made.bearer_auth(signed["access_token"].as_str().unwrap()).json(&wish).send().await.unwrap();
        let made: Value = made.error_for_status().unwrap().json().await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let keys = [("x-client-key", text("client_key")), ("x-api-key", text("api_key"))];
        let office = Self { url: url.to_owned(), http, keys };
        for name in ["scope_type/shop", "module/mkt", "action/read", "action/write"] {
            office.call(reqwest::Method::PUT, &format!("/admin/permission-catalog/{name}"), json!({})).await;
        }
        office
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).json(&body);
        for (name, value) in &self.keys {
            request = request.header(*name, value);
        }
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap_or_default()
    }

    async fn does(&self, verb: &str, sub: &str, (scope_type, scope_id, module, action): Tuple) -> String {
        let body = json!({
            "authentik_sub": sub, "scope_type": scope_type, "scope_id": scope_id, "module": module, "action": action,
        });
        let done = self.call(reqwest::Method::POST, &format!("/admin/permissions/{verb}"), body).await;
        done["result"].as_str().unwrap().to_owned()
    }

    async fn tells(&self, secret: &str, sub: &str, is_active: bool) {
        let body = json!({ "authentik_sub": sub, "display_name": "Real", "is_active": is_active });
        let request = self.http.post(format!("{}/internal/users/upsert-by-sub", self.url)).json(&body);
        request.header("x-internal-secret", secret).send().await.unwrap().error_for_status().unwrap();
    }
}

#[tokio::test]
async fn grants_revokes_and_a_disabled_user_of_a_real_server_reach_the_cache_by_the_feed() {
    let (Some(url), Some(secret)) = (variable("TENON_URL"), variable("TENON_INTERNAL_SECRET")) else {
        println!("left out: TENON_URL and TENON_INTERNAL_SECRET are not set");
        return;
    };
    let options = Options { background: false, ..Options::default() };
    let members = Members::new(&url, &Credential::InternalSecret(secret.clone()), options).unwrap();
    // The client has chosen the process's cryptography.
    let office = Office::open(url.trim_end_matches('/')).await;
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let sub = format!("real/Rust client {since}");
    assert_eq!(members.snapshot(&sub).await, Err(Error::UnknownMember));
    office.tells(&secret, &sub, true).await;
    members.invalidate(&sub);
    assert_eq!(why(&members, &sub, READ).await, Reason::NotGranted);
    members.pull().await.unwrap();
    assert_eq!(office.does("grant", &sub, READ).await, "granted");
    assert!(members.pull().await.unwrap() > 0);
    assert!(may(&members, &sub, READ).await);
    let first = members.snapshot(&sub).await.unwrap();
    members.invalidate(&sub);
    assert_eq!(members.snapshot(&sub).await.unwrap().version, first.version);
    assert_eq!(members.check(&sub, "shop", "7", "mkt", "read").await, Ok(true));
    assert_eq!(office.does("revoke", &sub, READ).await, "revoked");
    members.pull().await.unwrap();
    assert!(!may(&members, &sub, READ).await);
    assert_eq!(office.does("grant", &sub, WRITE).await, "granted");
    members.reconcile().await.unwrap();
    assert!(may(&members, &sub, WRITE).await);
    office.tells(&secret, &sub, false).await;
    members.pull().await.unwrap();
    assert_eq!(why(&members, &sub, WRITE).await, Reason::Disabled);
    let wrong = Credential::InternalSecret("a secret that is not that one of the server".to_owned());
    let wrong = Members::new(&url, &wrong, Options { background: false, ..Options::default() }).unwrap();
    assert!(matches!(wrong.pull().await, Err(Error::Unauthorized(_))));
}
