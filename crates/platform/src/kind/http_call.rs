//! A call to an address that a member set, through the guarded client.

use std::collections::BTreeMap;

use base::{Error, Result};
use jobs::{Arguments, Audience, Failure, Job, Level, Policy, Run, Words};
use kernel::App;
use outbound::{
    GuardedClient, Purpose,
    http::{
        Call, HeaderMap, Method,
        header::{HeaderName, HeaderValue},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which method a call uses.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// Calls a URL.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// Where to, with http or https.
    pub url: String,
    /// How.
    #[serde(default)]
    pub method: Verb,
    /// Headers, by name; kept sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// What is sent, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Seconds for the whole call, 1 to 300.
    #[serde(default = "seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

fn seconds() -> u32 {
    30
}

/// Beginning of an answer that is kept.
const EXCERPT: usize = 2_000;

/// What came back.
#[derive(Serialize)]
pub struct Answered {
    status: u16,
    excerpt: String,
}

impl HttpCall {
    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().flatten() {
            let bad =
                |what: &str| Error::field("args.headers", "invalid", format!("`{name}` has no valid {what}"));
            let key: HeaderName = name.parse().map_err(|_| bad("name"))?;
            headers.insert(key, HeaderValue::from_str(value).map_err(|_| bad("value"))?);
        }
        Ok(headers)
    }
}

impl Arguments for HttpCall {
    const KIND: &'static str = "http.call";
    const TITLE: Words = Words { zh: "调用网址", en: "Call a URL" };
    const ABOUT: Words = Words {
        zh: "向一个网址发送请求；2xx 算成功，其他状态会重试，410 和大多数 4xx 不再重试。",
        en: "Sends a request to a URL. 2xx is success; other answers are tried again, most of 4xx are not.",
    };
    const AUDIENCE: Audience = Audience::Organization;
    const SECRET: &'static [&'static str] = &["headers"];

    fn policy() -> Policy {
        Policy { timeout: std::time::Duration::from_mins(6), ..Policy::default() }
    }

    fn check(&self) -> Result<()> {
        if !(1..=300).contains(&self.timeout_seconds) {
            return Err(Error::field("args.timeout_seconds", "range", "must be between 1 and 300"));
        }
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) || self.url.len() > 2_000 {
            return Err(Error::field("args.url", "invalid_url", "must begin with http:// or https://"));
        }
        self.headers().map(drop)
    }
}

impl Job<App> for HttpCall {
    type Output = Answered;

    async fn run(self, app: App, run: Run) -> Result<Answered, Failure> {
        let method = match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Patch => Method::PATCH,
            Verb::Delete => Method::DELETE,
        };
        let mut call = Call::new(method, self.url.clone());
        call.headers = self.headers()?;
        call.timeout = std::time::Duration::from_secs(self.timeout_seconds.into());
        if let Some(body) = &self.body {
            call.body = body.to_string().into();
            call.headers.entry("content-type").or_insert(HeaderValue::from_static("application/json"));
        }
        // So that the other side can tell a repeated call from a new one.
        if let Ok(id) = HeaderValue::from_str(&run.id().to_string()) {
            call.headers.insert("idempotency-key", id);
        }
        let answer = app.service::<GuardedClient>()?.send(Purpose::HttpJob, call).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let excerpt: String = text.chars().take(EXCERPT).collect();
        run.log(Level::Info, format!("answered {}", answer.status));
        let said = || format!("the address answered {}: {excerpt}", answer.status);
        match answer.status {
            200..=299 => Ok(Answered { status: answer.status, excerpt }),
            408 | 425 | 429 => Err(Failure::Retry(Error::unavailable("http_status", said()))),
            400..=499 => Err(Failure::Fatal(Error::invalid("http_status", said()))),
            _ => Err(Failure::Retry(Error::unavailable("http_status", said()))),
        }
    }
}
