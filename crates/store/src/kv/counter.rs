//! Counters in Redis that several nodes draw from in one rising order.
//!
//! A counter is never the truth of anything: it holds a stretch of numbers that the database has given it,
//! under a *generation* that the database knows. A server that was emptied, started again, restored or
//! promoted does not have the generation, or has it under another run of the process or another history of
//! replication; then nothing is drawn, and the database begins a new one above the stretch. So a lost Redis costs numbers and repeats
//! none.

use std::{sync::Arc, time::Duration};

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use redis::aio::MultiplexedConnection;
use tokio::sync::RwLock;

/// Draws if generation and run are those that the stretch was begun with. Numbers go beyond what Lua counts
/// exactly, so that Redis adds them and they leave as text.
const DRAW: &str = "\
local h = redis.call('HMGET', KEYS[1], 'generation', 'run') \
if h[1] ~= ARGV[1] then return {'gone'} end \
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. \
string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') \
if h[2] ~= run then return {'gone'} end \
if redis.call('HINCRBY', KEYS[1], 'left', '-' .. ARGV[2]) < 0 then \
redis.call('HINCRBY', KEYS[1], 'left', ARGV[2]) return {'short'} end \
redis.call('HINCRBY', KEYS[1], 'last', ARGV[2]) \
return {'drawn', redis.call('HGET', KEYS[1], 'last')}";

/// Begins a stretch; what was left of the one before, if it is the one that is expected.
const BEGIN: &str = "\
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. \
string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') \
local h = redis.call('HMGET', KEYS[1], 'generation', 'run', 'last', 'left') \
redis.call('DEL', KEYS[1]) \
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'run', run, 'last', ARGV[2], 'left', ARGV[3]) \
redis.call('PEXPIRE', KEYS[1], 604800000) \
if h[1] == ARGV[4] and h[2] == run then return {h[3], h[4]} end \
return {}";

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a draw gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Numbers up to this one.
    Last(i64),
    /// The stretch has fewer left.
    Short,
    /// The generation is not there.
    Gone,
}

/// What a stretch had left when the next one began: the numbers after `last`, `left` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The last number drawn.
    pub last: i64,
    /// How many were left.
    pub left: i64,
}

/// Counters on one server. Cheap to clone.
#[derive(Clone)]
pub struct SharedCounter {
    shared: Arc<Shared>,
}

struct Shared {
    client: redis::Client,
    connection: RwLock<Option<MultiplexedConnection>>,
    draw: redis::Script,
    begin: redis::Script,
}

fn unavailable(cause: redis::RedisError) -> Error {
    Error::unavailable("redis_unavailable", "Redis cannot be reached").retry_after(1).with_source(cause)
}

fn name(counter: Id) -> String {
    format!("tenon:ids:{counter}")
}

impl SharedCounter {
    /// Counters on the server of a URL; it is connected to when it is needed.
    ///
    /// Errors: 422 `redis_url`.
    pub fn new(url: &Secret) -> Result<Self> {
        let client = redis::Client::open(url.expose_secret())
            .map_err(|cause| Error::invalid("redis_url", format!("REDIS_URL is not valid: {cause}")))?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                connection: RwLock::new(None),
                draw: redis::Script::new(DRAW),
                begin: redis::Script::new(BEGIN),
            }),
        })
    }

    async fn connection(&self) -> Result<MultiplexedConnection> {
        if let Some(connection) = &*self.shared.connection.read().await {
            return Ok(connection.clone());
        }
        let mut held = self.shared.connection.write().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let made = self.shared.client.get_multiplexed_async_connection_with_config(&config);
        let made = made.await.map_err(unavailable)?;
        Ok(held.insert(made).clone())
    }

    /// A connection that failed is not used again.
    async fn forget(&self, cause: redis::RedisError) -> Error {
        *self.shared.connection.write().await = None;
        unavailable(cause)
    }

    /// Draws `count` numbers.
    ///
    /// Errors: 503 `redis_unavailable`; the numbers may be drawn then, and are lost.
    pub async fn draw(&self, counter: Id, generation: &str, count: i64) -> Result<Draw> {
        let mut connection = self.connection().await?;
        let answer: redis::RedisResult<Vec<String>> = self
            .shared
            .draw
            .key(name(counter))
            .arg(generation)
            .arg(count)
            .invoke_async(&mut connection)
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(cause) => return Err(self.forget(cause).await),
        };
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["drawn", last] => last.parse().map(Draw::Last).map_err(Error::internal),
            ["short"] => Ok(Draw::Short),
            _ => Ok(Draw::Gone),
        }
    }

    /// Begins a stretch of `left` numbers after `last`; what was left of the generation `before`, when it
    /// is there and of this run of the server.
    ///
    /// Errors: 503 `redis_unavailable`; it may have begun then.
    pub async fn begin(
        &self,
        counter: Id,
        generation: &str,
        (last, left): (i64, i64),
        before: &str,
    ) -> Result<Option<Rest>> {
        let mut connection = self.connection().await?;
        let answer: redis::RedisResult<Vec<String>> = self
            .shared
            .begin
            .key(name(counter))
            .arg(generation)
            .arg(last)
            .arg(left)
            .arg(before)
            .invoke_async(&mut connection)
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(cause) => return Err(self.forget(cause).await),
        };
        let numbers: Option<Vec<i64>> = answer.iter().map(|text| text.parse().ok()).collect();
        Ok(match numbers.as_deref() {
            Some([last, left]) => Some(Rest { last: *last, left: *left }),
            _ => None,
        })
    }
}
