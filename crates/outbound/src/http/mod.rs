//! Calls to URLs that a user can set, without server-side request forgery (OWASP API7, ASVS 1.3.6).
//!
//! A call resolves the name once, judges every address by [`Policy`], and connects to exactly
//! those addresses; redirects are answers like any other, no proxy is used, time and size are
//! bounded. Every purpose has its own connections, so that one purpose's open network is no
//! other's. May import: reqwest, rustls, `super::http::policy`.

mod address;
mod policy;

use std::{
    error::Error as StdError,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base::{Error, Kind, Result};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
pub use reqwest::{Method, header, header::HeaderMap};

pub use self::{
    address::is_public,
    policy::{Policy, Purpose},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The default for a whole call.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// The default for the size of an answer.
pub const BODY_MAX: usize = 1024 * 1024;

/// Makes aws-lc the process's TLS cryptography. Idempotent; reqwest needs it before its first client.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race against another thread that installs the same one is fine.
        let _lost_race = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// One outgoing request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The URL as the user set it.
    pub url: String,
    /// Headers. `Host` and those that frame the message are refused.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time for everything, from connecting to the last byte.
    pub timeout: Duration,
    /// The longest answer that is read.
    pub body_max: usize,
    /// Whether a longer answer is cut off there; else it is an error.
    pub truncate: bool,
}

impl Call {
    /// A call with the default limits, no headers and no body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let (timeout, body_max) = (TIMEOUT, BODY_MAX);
        Self { method, url: url.into(), headers, body, timeout, body_max, truncate: false }
    }
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code; redirects are not followed.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not longer than the call allowed.
    pub body: Bytes,
}

/// The one way to call a URL that a user can set. Cheap to clone.
#[derive(Clone)]
pub struct GuardedClient {
    inner: Arc<Inner>,
}

struct Inner {
    policy: Arc<Policy>,
    clients: [OnceLock<Client>; Purpose::ALL.len()],
}

impl GuardedClient {
    /// A client that obeys `policy`. Connections and certificates are loaded at first use.
    pub fn new(policy: Policy) -> Self {
        install_crypto_provider();
        Self { inner: Arc::new(Inner { policy: Arc::new(policy), clients: Default::default() }) }
    }

    /// The policy, for checks without a call (saving a URL, a database target).
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Makes the call. Refused targets are 422 on the field `url`; silence, broken connections
    /// and names that do not resolve are 503 `target_unreachable`; too long an answer is 503
    /// `answer_too_large`. Nothing of the answer is in any error.
    pub async fn send(&self, purpose: Purpose, call: Call) -> Result<Answer> {
        let url = self.inner.policy.check_url(purpose, &call.url)?;
        if let Some(name) = FRAMING.iter().find(|name| call.headers.contains_key(**name)) {
            return Err(Error::field("headers", "header_refused", format!("{name} cannot be set")));
        }
        let request = self
            .client(purpose)?
            .request(call.method, url)
            .headers(call.headers)
            .body(call.body)
            .timeout(call.timeout);
        let response = request.send().await.map_err(translate)?;
        let is_longer = response.content_length().is_some_and(|length| length > call.body_max as u64);
        if is_longer && !call.truncate {
            return Err(too_large());
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = BytesMut::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(translate)?;
            if body.len() + chunk.len() > call.body_max {
                if call.truncate {
                    body.extend_from_slice(&chunk[..call.body_max - body.len()]);
                    break;
                }
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }

    fn client(&self, purpose: Purpose) -> Result<&Client> {
        let index = Purpose::ALL.iter().position(|known| *known == purpose);
        let slot = index.and_then(|index| self.inner.clients.get(index));
        let slot = slot.ok_or_else(|| Error::internal("a purpose without a place"))?;
        match slot.get() {
            Some(client) => Ok(client),
            None => {
                let client = build(PinnedResolver { policy: Arc::clone(&self.inner.policy), purpose })?;
                Ok(slot.get_or_init(|| client))
            }
        }
    }
}

/// Requests that carry a token wait for its issuer's keys, and those about an Authentik user for several
/// answers of it, so either is given up sooner than other targets.
fn connect_timeout(purpose: Purpose) -> Duration {
    match purpose {
        Purpose::Oidc | Purpose::Authentik => Duration::from_secs(2),
        _ => CONNECT_TIMEOUT,
    }
}

/// Headers that decide where a message goes or ends.
const FRAMING: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
    "expect",
];

#[expect(clippy::disallowed_methods, reason = "this is the guarded client")]
fn build(resolver: PinnedResolver) -> Result<Client> {
    let purpose = resolver.purpose;
    Client::builder()
        .dns_resolver(resolver)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(connect_timeout(purpose))
        .timeout(TIMEOUT)
        .pool_max_idle_per_host(2)
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("Tenon/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}

/// Gives the connector the addresses that were judged, and no others: nothing resolves the
/// name a second time.
struct PinnedResolver {
    policy: Arc<Policy>,
    purpose: Purpose,
}

impl Resolve for PinnedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, purpose) = (Arc::clone(&self.policy), self.purpose);
        Box::pin(async move {
            match policy.resolve(purpose, name.as_str(), 0).await {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(error) => Err(Box::new(Judgement::of(&error)) as Box<dyn StdError + Send + Sync>),
            }
        })
    }
}

/// The policy's error on its way through reqwest, which can only carry it as a source.
#[derive(Debug)]
struct Judgement {
    refused: Option<String>,
    cause: String,
}

impl Judgement {
    fn of(error: &Error) -> Self {
        let refused = error.field_errors().first().map(|field| field.message.clone());
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Self { refused, cause }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl StdError for Judgement {}

fn translate(error: reqwest::Error) -> Error {
    let mut next: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(cause) = next {
        if let Some(Judgement { refused: Some(message), .. }) = cause.downcast_ref() {
            return Error::field("url", "target_refused", message.clone()).with_source(error.without_url());
        }
        next = cause.source();
    }
    let why = match &error {
        e if e.is_timeout() => "the other side took too long",
        e if e.is_connect() => "the connection could not be made",
        _ => "the connection broke",
    };
    // The URL may carry a token in its query: it stays out of the log.
    Error::unavailable("target_unreachable", why).with_source(error.without_url())
}

/// Whether a call was given up because no answer came in time, over a connection that was made. Whatever it
/// asked for may have been done.
pub fn is_timeout(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<reqwest::Error>());
    cause.is_some_and(|cause| cause.is_timeout() && !cause.is_connect())
}

#[track_caller]
fn too_large() -> Error {
    Error::new(Kind::Unavailable, "answer_too_large", "the answer is longer than is read")
}

#[cfg(test)]
mod tests;
