//! The claims one by one, without signatures.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

fn issuer() -> Issuer {
    Issuer { audiences: vec!["member".into(), "shop".into()], ..Issuer::new("https://id.example/") }
}

fn good() -> Value {
    json!({"iss": "https://id.example/", "sub": "ann", "aud": "member", "exp": NOW + 300, "iat": NOW})
}

fn judge(issuer: &Issuer, claims: &Value) -> Result<Claims> {
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    check(&URL_SAFE_NO_PAD.encode(claims.to_string()), issuer, now)
}

/// The good claims with these members in their place; `null` stays `null`.
fn with(changes: Value) -> Value {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn claims_that_hold_are_accepted() {
    for changes in [
        json!({}),
        json!({"aud": ["else", "shop"]}),
        json!({"exp": NOW - 29}),
        json!({"exp": NOW as f64 + 0.5}),
        json!({"iat": NOW + 30, "nbf": NOW + 30}),
        json!({"exp": 1e300}),
        json!({"sub": "s".repeat(255)}),
        json!({"sub": "ü".repeat(255)}),
        json!({"email": 7, "name": [], "email_verified": "yes"}),
    ] {
        assert!(judge(&issuer(), &with(changes.clone())).is_ok(), "{changes}");
    }
}

#[test]
fn every_claim_that_does_not_hold_is_refused_in_the_same_words() {
    let mut bad: Vec<Value> = ["iss", "sub", "aud", "exp", "iat"].into_iter().map(without).collect();
    bad.extend(
        [
            json!({"iss": "https://id.example"}),
            json!({"iss": ""}),
            json!({"iss": ["https://id.example/"]}),
            json!({"sub": ""}),
            json!({"sub": 7}),
            json!({"sub": null}),
            json!({"sub": "s".repeat(256)}),
            json!({"sub": "a\u{0}b"}),
            json!({"sub": " ann"}),
            json!({"aud": "Member"}),
            json!({"aud": []}),
            json!({"aud": ["else"]}),
            json!({"aud": ["member", 7]}),
            json!({"aud": null}),
            json!({"exp": NOW - 30}),
            json!({"exp": (NOW + 300).to_string()}),
            json!({"exp": null}),
            json!({"exp": -1e300}),
            json!({"iat": NOW + 31}),
            json!({"iat": NOW.to_string()}),
            json!({"nbf": NOW + 31}),
            json!({"nbf": "0"}),
            json!({"nbf": null}),
            json!({"azp": 7}),
        ]
        .into_iter()
        .map(with),
    );
    for claims in bad {
        let error = judge(&issuer(), &claims).unwrap_err();
        let seen = (error.code(), error.detail());
        assert_eq!(seen, ("invalid_token", "the access token is not valid"), "{claims}");
    }
    let twice = r#"{"iss":"https://id.example/","sub":"a","sub":"b","aud":"member","exp":2e9,"iat":0}"#;
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    assert!(check(&URL_SAFE_NO_PAD.encode(twice), &issuer(), now).is_err());
}

#[test]
fn an_issuer_without_a_name_accepts_nothing() {
    assert!(judge(&Issuer { issuer: String::new(), ..issuer() }, &with(json!({"iss": ""}))).is_err());
}

#[test]
fn without_audiences_any_or_none_will_do() {
    let any = Issuer { audiences: Vec::new(), ..issuer() };
    assert!(judge(&any, &with(json!({"aud": "else"}))).is_ok());
    assert_eq!(judge(&any, &without("aud")).unwrap().aud, Vec::<String>::new());
}

#[test]
fn the_authorised_party_is_checked_where_it_is_asked_for() {
    let listed = Issuer { azp: vec!["web".into()], ..issuer() };
    let required = Issuer { require_azp: true, ..issuer() };
    for (issuer, claims, accepted) in [
        (issuer(), good(), true),
        (issuer(), with(json!({"azp": "any"})), true),
        (listed.clone(), with(json!({"azp": "web"})), true),
        (listed.clone(), with(json!({"azp": "cli"})), false),
        (listed, good(), false),
        (required.clone(), with(json!({"azp": "any"})), true),
        (required.clone(), with(json!({"azp": ""})), false),
        (required, good(), false),
    ] {
        assert_eq!(judge(&issuer, &claims).is_ok(), accepted, "{claims}");
    }
}

#[test]
fn the_name_is_the_first_that_is_not_empty() {
    for (changes, name) in [
        (json!({"name": "Ann", "preferred_username": "ann", "nickname": "a"}), Some("Ann")),
        (json!({"name": " ", "preferred_username": "ann", "nickname": "a"}), Some("ann")),
        (json!({"name": 7, "preferred_username": "", "nickname": "a"}), Some("a")),
        (json!({}), None),
    ] {
        assert_eq!(judge(&issuer(), &with(changes)).unwrap().name.as_deref(), name);
    }
    let claims =
        judge(&issuer(), &with(json!({"email": "ann@example.test", "email_verified": false}))).unwrap();
    assert_eq!((claims.email.as_deref(), claims.email_verified), (Some("ann@example.test"), Some(false)));
}
