//! Sending requests, and the same once more where a kept connection had ended.

use std::time::Duration;

use chrono::DateTime;

use super::{
    Credential,
    error::{Error, Failure},
    wire::{Call, Reply, quote},
};

/// A server, and what it is shown.
pub struct Http {
    base_url: String,
    credentials: Vec<(&'static str, String)>,
    client: reqwest::Client,
    timeout: Duration,
}

impl Http {
    #[expect(clippy::disallowed_methods, reason = "a client library: the address is its user's own")]
    pub fn new(base_url: &str, credential: &Credential, timeout: Duration) -> Result<Self, Error> {
        if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
            return Err(Error::Invalid("base_url begins with https:// or http://".to_owned()));
        }
        let credentials = match credential {
            Credential::InternalSecret(secret) => vec![("x-internal-secret", secret.clone())],
            Credential::Program { client_key, api_key } => {
                vec![("x-client-key", client_key.clone()), ("x-api-key", api_key.clone())]
            }
        };
        for (name, value) in &credentials {
            let fits = value.bytes().all(|b| (b' '..=b'~').contains(&b));
            if value.is_empty() || value.trim() != value || !fits {
                // Never shows the value.
                let text = format!("{name} must be printable ASCII without blanks at its ends");
                return Err(Error::Invalid(text));
            }
        }
        // The process's own choice of cryptography stands, where it has made one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("tenon-members-rust")
            .build()
            .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Self { base_url: base_url.trim_end_matches('/').to_owned(), credentials, client, timeout })
    }

    /// Sends a request. Every answer is one, whatever its status.
    ///
    /// Errors: `Unavailable` without an answer.
    pub async fn send(&self, call: &Call) -> Result<Reply, Error> {
        match self.once(call).await {
            Err(error) if was_cut(&error) => self.once(call).await,
            done => done,
        }
        .map_err(|error| {
            let what = if error.is_timeout() {
                "in time"
            } else if error.is_connect() {
                "since nobody is there"
            } else {
                "since the connection ended"
            };
            let cause = error.without_url();
            Error::Unavailable(Failure::of(format!("no answer {what}: {cause}")))
        })
    }

    async fn once(&self, call: &Call) -> Result<Reply, reqwest::Error> {
        let query: Vec<String> =
            call.query.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{mark}{}", self.base_url, call.path, query.join("&"));
        let mut request = match &call.body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        for (name, value) in &self.credentials {
            request = request.header(*name, value);
        }
        if let Some(etag) = &call.etag {
            request = request.header("if-none-match", etag);
        }
        let timeout = self.timeout + Duration::from_secs(u64::from(call.extra_wait));
        let response = request.header("accept", "application/json").timeout(timeout).send().await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        Ok(Reply {
            status: response.status().as_u16(),
            etag: header("etag"),
            cache_control: header("cache-control"),
            request_id: header("x-request-id"),
            retry_after: header("retry-after").and_then(|text| retry_after(text.trim())),
            body: response.bytes().await?.to_vec(),
        })
    }
}

/// Whether a kept connection may just have ended, so that the same request is sent once more.
fn was_cut(error: &reqwest::Error) -> bool {
    !error.is_timeout() && !error.is_connect() && !error.is_builder()
}

/// Seconds, or an instant.
#[expect(clippy::disallowed_methods, reason = "a client library: nobody else has a clock here")]
fn retry_after(text: &str) -> Option<Duration> {
    if (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - chrono::Utc::now()).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_come_again_is_said_in_seconds_or_as_an_instant() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(retry_after("Wed, 21 Oct 2099 07:28:00 GMT").is_some_and(|wait| wait.as_secs() > 1_000));
        assert_eq!((retry_after("soon"), retry_after("-1"), retry_after("")), (None, None, None));
    }

    #[test]
    fn what_is_shown_is_checked_and_never_said() {
        let open = |url: &str, secret: &str| {
            Http::new(url, &Credential::InternalSecret(secret.to_owned()), Duration::from_secs(1))
        };
        assert!(
            open("https://tenon.test/", "a secret").is_ok_and(|http| http.base_url == "https://tenon.test")
        );
        assert!(open("tenon.test", "a secret").is_err());
        for secret in ["", " hidden", "hidden\n", "hidden\u{e9}"] {
            let error = open("https://tenon.test", secret).err().unwrap();
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
