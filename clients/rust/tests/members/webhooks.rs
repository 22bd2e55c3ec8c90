//! Messages: whose they are, how old, and what they do.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use tenon_id::members::{Error, Event, Key, Members, Options};

use crate::{
    fake::{READ, Tenon},
    may,
};

const KEY: &[u8] = b"a key of a test, 32 bytes long..";
const NEXT: &[u8] = b"the key after it, as long, too..";

fn secret(key: &[u8]) -> String {
    format!("whsec_{}", BASE64.encode(key))
}

fn body(kind: &str, sub: Option<&str>, version: Option<i64>) -> Vec<u8> {
    let (scope_type, scope_id, module, action) = READ;
    let permission =
        json!({ "scope_type": scope_type, "scope_id": scope_id, "module": module, "action": action });
    let data = json!({ "authentik_sub": sub, "version": version, "permission": permission });
    json!({ "id": "evt_1", "type": kind, "at": "2027-01-15T08:00:00Z", "data": data })
        .to_string()
        .into_bytes()
}

struct Message {
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Message {
    fn signed(body: Vec<u8>, at: f64, key: &[u8]) -> Self {
        let sent = format!("{at:.0}");
        let signed = [b"evt_1.", sent.as_bytes(), b".", &body].concat();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed);
        let signature = format!("v1,{}", BASE64.encode(mac));
        let headers = vec![
            ("webhook-id", "evt_1".to_owned()),
            ("webhook-timestamp", sent),
            ("webhook-signature", signature),
        ];
        Self { body, headers }
    }

    fn hand_to(&self, members: &Members) -> Result<Event, Error> {
        let header = |name: &str| {
            self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        members.apply_webhook(header, &self.body)
    }
}

fn client(tenon: &Tenon, keys: &[&[u8]]) -> Members {
    let webhook_secrets = keys.iter().map(|key| secret(key)).collect();
    tenon.client_with(Options { webhook_secrets, ..tenon.options() })
}

#[tokio::test]
async fn a_message_takes_effect_at_the_next_use_and_what_it_takes_away_at_once() {
    let tenon = Tenon::start();
    let members = client(&tenon, &[KEY]);
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    tenon.revoke("ann", READ);
    let message = Message::signed(body("permission.revoked", Some("ann"), Some(2)), tenon.now(), KEY);
    let event = message.hand_to(&members).unwrap();
    assert_eq!(
        (event.kind.as_str(), event.sub.as_deref(), event.version),
        ("permission.revoked", Some("ann"), Some(2))
    );
    let key = |text: &str| text.to_owned();
    let (scope_type, scope_id, module, action) = READ;
    let read = Key {
        scope_type: key(scope_type),
        scope_id: key(scope_id),
        module: key(module),
        action: key(action),
    };
    assert_eq!(event.permission, Some(read));
    tenon.world().is_down = true;
    assert!(!may(&members, "ann", READ).await);
    tenon.world().is_down = false;
    // It may come twice; a ping says nothing.
    message.hand_to(&members).unwrap();
    tenon.pass_by(5.0);
    tenon.seen();
    assert!(!may(&members, "ann", READ).await && tenon.seen().len() == 1);
    Message::signed(body("ping", None, None), tenon.now(), KEY).hand_to(&members).unwrap();
    assert!(!may(&members, "ann", READ).await && tenon.seen().is_empty());
    Message::signed(body("role.changed", None, None), tenon.now(), KEY).hand_to(&members).unwrap();
    assert!(!may(&members, "ann", READ).await && tenon.seen().len() == 1);
}

#[tokio::test]
async fn whoever_did_not_sign_it_is_refused() {
    let tenon = Tenon::start();
    let members = client(&tenon, &[KEY, NEXT]);
    let text = || body("user.disabled", Some("ann"), Some(2));
    let refused = |message: &Message| matches!(message.hand_to(&members), Err(Error::BadWebhook(_)));
    for key in [KEY, NEXT] {
        assert!(!refused(&Message::signed(text(), tenon.now(), key)));
    }
    assert!(refused(&Message::signed(text(), tenon.now(), b"a key that is somebody else's...")));
    for age in [-301.0, 301.0] {
        assert!(refused(&Message::signed(text(), tenon.now() + age, KEY)));
        assert!(!refused(&Message::signed(text(), tenon.now() + age * 0.99, KEY)));
    }
    let mut longer = Message::signed(text(), tenon.now(), KEY);
    longer.body.push(b' ');
    assert!(refused(&longer));
    for at in 0..3 {
        let mut without = Message::signed(text(), tenon.now(), KEY);
        without.headers.remove(at);
        assert!(refused(&without));
        let mut other = Message::signed(text(), tenon.now(), KEY);
        other.headers[at].1.push('x');
        assert!(refused(&other));
    }
    let mut several = Message::signed(text(), tenon.now(), KEY);
    several.headers[2].1 = format!("v2,abc v1,%%% {} v1,AAAA", several.headers[2].1);
    assert!(!refused(&several));
    for odd in [
        &b"[]"[..],
        b"{",
        b"{\"type\":7}",
        b"{\"type\":\"x\",\"data\":{\"version\":\"7\"}}",
        b"{\"type\":\"x\",\"at\":7}",
    ] {
        assert!(refused(&Message::signed(odd.to_vec(), tenon.now(), KEY)), "{odd:?}");
    }
    assert!(matches!(
        Message::signed(text(), tenon.now(), KEY).hand_to(&client(&tenon, &[])),
        Err(Error::Invalid(_))
    ));
}
