//! The key-value store on Redis or Valkey.

use std::time::Duration;

use base::{Error, Result};
use futures_util::future::BoxFuture;
use redis::{AsyncCommands, ExistenceCheck, SetExpiry, SetOptions, aio::ConnectionManager};

use super::Kv;

pub(super) struct Redis {
    connection: ConnectionManager,
    counter: redis::Script,
}

/// Counts, sets the expiry with the first count, and tells both, in one step.
const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
                     if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end \
                     return {n, redis.call('PTTL', KEYS[1])}";

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let client = redis::Client::open(url)
            .map_err(|cause| Error::invalid("redis_url", format!("REDIS_URL is not valid: {cause}")))?;
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(3)))
            .set_response_timeout(Some(Duration::from_secs(3)))
            .set_number_of_retries(1);
        let connection = client.get_connection_manager_lazy(config).map_err(unavailable)?;
        Ok(Self { connection, counter: redis::Script::new(COUNT) })
    }
}

#[track_caller]
fn unavailable(cause: redis::RedisError) -> Error {
    Error::unavailable("redis_unavailable", "Redis cannot be reached").retry_after(2).with_source(cause)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Kv for Redis {
    fn put_new<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let options = SetOptions::default()
                .conditional_set(ExistenceCheck::NX)
                .with_expiration(SetExpiry::PX(millis(ttl)));
            let mut connection = self.connection.clone();
            let stored: Option<String> =
                connection.set_options(key, value, options).await.map_err(unavailable)?;
            Ok(stored.is_some())
        })
    }

    fn count<'a>(&'a self, key: &'a str, window: Duration) -> BoxFuture<'a, Result<(u64, Duration)>> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let (count, left): (u64, i64) = self
                .counter
                .key(key)
                .arg(millis(window))
                .invoke_async(&mut connection)
                .await
                .map_err(unavailable)?;
            Ok((count, Duration::from_millis(u64::try_from(left).unwrap_or_default())))
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            redis::cmd("PING").query_async::<String>(&mut connection).await.map(drop).map_err(unavailable)
        })
    }

    fn sweep(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
