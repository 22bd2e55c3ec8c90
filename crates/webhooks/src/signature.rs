//! Signatures by Standard Webhooks (<https://www.standardwebhooks.com>, version 1): HMAC-SHA256 over
//! `id.timestamp.body`, under each of a receiver's secrets.

use aws_lc_rs::hmac;
use base::{Error, Result, Secret, secret::ExposeSecret};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret; the standard asks for 24 to 64.
const BYTES: usize = 32;

/// A new secret, as the receiver is told it.
pub fn new_secret() -> Secret {
    format!("{PREFIX}{}", BASE64.encode(base::random::bytes::<BYTES>())).into()
}

/// What may be shown of a secret, to tell it from others.
pub fn hint(secret: &Secret) -> String {
    let text = secret.expose_secret();
    let end: String = text.chars().skip(text.chars().count().saturating_sub(4)).collect();
    format!("{PREFIX}…{end}")
}

/// The header `webhook-signature`: one signature for each secret, the newest first.
pub fn header(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> Result<String> {
    let one = |secret: &Secret| {
        let text = secret.expose_secret();
        let key = BASE64.decode(text.strip_prefix(PREFIX).unwrap_or(text));
        let key = key.map_err(|_| Error::internal("a webhook's secret is no base64"))?;
        let mut digest = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        for part in [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body] {
            digest.update(part);
        }
        Ok(format!("v1,{}", BASE64.encode(digest.sign())))
    };
    let all: Vec<String> = secrets.iter().map(one).collect::<Result<_>>()?;
    Ok(all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own documentation.
    #[test]
    fn the_standards_example_is_signed_as_it_says() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into();
        let body = br#"{"test": 2432232314}"#;
        let header = header(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_the_form_of_the_standard_and_its_hint_says_little() {
        let (one, two) = (new_secret(), new_secret());
        assert_ne!(one.expose_secret(), two.expose_secret());
        let bytes = BASE64.decode(one.expose_secret().strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!(hint(&one).chars().count(), "whsec_…".chars().count() + 4);
        let both = header(&[one, two], "msg_1", 1, b"{}").unwrap();
        assert_eq!(both.split(' ').filter(|part| part.starts_with("v1,")).count(), 2);
    }
}
