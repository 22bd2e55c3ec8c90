//! Short-lived values and counters that may be lost: nonces, rate limits. Never the truth of anything.
//!
//! Embedded by default (a SQLite file of its own for values, memory for counters), Redis when
//! it is configured, so that several nodes share their limits.

pub mod counter;
mod embedded;
pub mod foreign;
mod redis;

use std::{path::Path, sync::Arc, time::Duration};

use base::{Clock, Result};
use futures_util::future::BoxFuture;

/// What a key-value store can do. Keys carry their purpose as a prefix (`nonce:`, `rate:`).
pub trait Kv: Send + Sync {
    /// Stores a value unless the key is taken; whether it was stored.
    fn put_new<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>>;
    /// Adds one to a counter that starts at 0 and lives for `window` from its first use; the new count
    /// and the time until it starts anew. Embedded counters start anew with the process, too.
    fn count<'a>(&'a self, key: &'a str, window: Duration) -> BoxFuture<'a, Result<(u64, Duration)>>;
    /// Whether the store answers.
    fn ping(&self) -> BoxFuture<'_, Result<()>>;
    /// Removes what has expired.
    fn sweep(&self) -> BoxFuture<'_, Result<()>>;
}

/// The embedded store in a file.
pub async fn embedded(file: &Path, clock: Arc<dyn Clock>) -> Result<Arc<dyn Kv>> {
    Ok(Arc::new(embedded::Embedded::open(file, clock).await?))
}

/// A Redis or Valkey server. The connection is made in the background and renewed when it breaks.
pub async fn redis(url: &str) -> Result<Arc<dyn Kv>> {
    Ok(Arc::new(redis::Redis::connect(url).await?))
}
