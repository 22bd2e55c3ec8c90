#![doc = include_str!("../README.md")]
//!
//! May import nothing of the product: it stands on the other side of the wire.

mod backoff;
mod error;
mod ids;
pub mod members;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

pub use self::{backoff::Backoff, error::Error, ids::Ids};

/// Ids that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The first.
    pub start: i64,
    /// The last.
    pub end: i64,
}

impl Segment {
    /// How many.
    pub fn count(self) -> u64 {
        self.end.abs_diff(self.start).saturating_add(1)
    }
}

impl IntoIterator for Segment {
    type Item = i64;
    type IntoIter = std::ops::RangeInclusive<i64>;
    fn into_iter(self) -> Self::IntoIter {
        self.start..=self.end
    }
}

/// Ids of a key of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NextIds {
    /// The key.
    pub key: String,
    /// counter, snowflake, snowflake53, uuid7, ulid or number.
    pub kind: String,
    /// The ids as text; of a counter none when there are more than 10,000.
    pub ids: Vec<String>,
    /// The first of a counter.
    pub start: Option<String>,
    /// The last of a counter.
    pub end: Option<String>,
}

/// A column that ids are for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// The system's code.
    pub system_code: String,
    /// The database.
    pub db_name: String,
    /// The table.
    pub table_name: String,
    /// The column.
    pub field_name: String,
}

/// Allocates ids. Clones share their connections.
#[derive(Clone, Debug)]
pub struct SegmentClient {
    base_url: String,
    api_key: Option<String>,
    http: reqwest::Client,
    timeout: Duration,
    backoff: Backoff,
}

impl SegmentClient {
    /// A client of the service at this address.
    #[expect(clippy::disallowed_methods, reason = "a client library: the address is its user's own")]
    pub fn new(base_url: &str) -> Self {
        // The process's own choice of cryptography stands, where it has made one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            api_key: None,
            http: reqwest::Client::new(),
            timeout: Duration::from_secs(10),
            backoff: Backoff::default(),
        }
    }

    /// The same with an API key.
    #[must_use]
    pub fn with_api_key(mut self, key: &str) -> Self {
        self.api_key = Some(key.to_owned());
        self
    }
    /// The same with another time limit for one attempt; 10 s unless said otherwise.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    /// The same with other rules for sending a call again.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// So many ids side by side for a table's column.
    pub async fn allocate_segment(
        &self,
        system_code: &str,
        db_name: &str,
        table_name: &str,
        field_name: &str,
        segment_count: i64,
    ) -> Result<Segment, Error> {
        self.allocate_once(&new_key(), system_code, db_name, table_name, field_name, segment_count).await
    }

    /// The same under a key of the caller's own: whoever keeps it can repeat the call after a crash, and gets
    /// the same ids.
    pub async fn allocate_once(
        &self,
        idempotency_key: &str,
        system_code: &str,
        db_name: &str,
        table_name: &str,
        field_name: &str,
        segment_count: i64,
    ) -> Result<Segment, Error> {
        let body = json!({
            "system_code": system_code, "db_name": db_name, "table_name": table_name,
            "field_name": field_name, "segment_count": segment_count,
        });
        let answer = self.call("/api/segment/allocate", &body, idempotency_key).await?;
        let bound = |name: &str| match &answer["data"][name] {
            Value::Number(number) => number.as_i64(),
            // Beyond 2^53 they come as text.
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match (bound("start"), bound("end")) {
            (Some(start), Some(end)) => Ok(Segment { start, end }),
            _ => Err(Error::Protocol(format!("an answer without ids: {answer}"))),
        }
    }

    /// So many ids of a key of any kind, by its name. Needs an API key.
    pub async fn next_ids(&self, key: &str, count: i64) -> Result<NextIds, Error> {
        let body = json!({ "key": key, "count": count });
        let answer = self.call("/api/ids/next", &body, &new_key()).await?;
        serde_json::from_value(answer).map_err(|cause| Error::Protocol(cause.to_string()))
    }

    /// Single ids without end, fetched a block at a time.
    pub fn ids(
        &self,
        system_code: &str,
        db_name: &str,
        table_name: &str,
        field_name: &str,
        segment_count: i64,
    ) -> Ids {
        let column = Column {
            system_code: system_code.to_owned(),
            db_name: db_name.to_owned(),
            table_name: table_name.to_owned(),
            field_name: field_name.to_owned(),
        };
        Ids::new(self.clone(), column, segment_count)
    }

    async fn call(&self, path: &str, body: &Value, idempotency_key: &str) -> Result<Value, Error> {
        let mut attempt = 0;
        loop {
            match self.send(path, body, idempotency_key).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match self.backoff.wait(attempt, &error) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error),
                },
            }
            attempt += 1;
        }
    }

    async fn send(&self, path: &str, body: &Value, idempotency_key: &str) -> Result<Value, Error> {
        let mut request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .timeout(self.timeout)
            .header("idempotency-key", idempotency_key)
            .json(body);
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        let unanswered = |cause: reqwest::Error| Error::Unanswered(cause.without_url().to_string());
        let response = request.send().await.map_err(unanswered)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let bytes = response.bytes().await.map_err(unanswered)?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        error::judge(status, answer, retry_after)
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing sorts these; another crate's clock is not at hand")]
fn new_key() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
