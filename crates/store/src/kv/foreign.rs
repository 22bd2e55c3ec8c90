//! Reading a Redis that belongs to somebody else: the whole of a prefix, once.

use std::time::Duration;

use base::{Error, Result};
use redis::AsyncCommands;

/// Keys that one call of SCAN looks at.
const PAGE: usize = 1_000;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// The members of a set, sorted.
    Set(Vec<String>),
    /// Something else, named as Redis names it.
    Other(String),
}

/// Every key that begins with `prefix`, sorted, with its value. Nothing is written.
///
/// Errors: 503 `redis_unavailable`.
pub async fn read(url: &str, prefix: &str) -> Result<Vec<(String, Value)>> {
    let unavailable = |cause: redis::RedisError| {
        Error::unavailable("redis_unavailable", format!("Redis cannot be read: {cause}")).with_source(cause)
    };
    let client = redis::Client::open(url).map_err(|cause| {
        Error::invalid("redis_url", format!("the address of Redis is not valid: {cause}"))
    })?;
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(5)))
        .set_response_timeout(Some(Duration::from_secs(30)));
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(unavailable)?;
    // Glob characters of the prefix stand for themselves.
    let mut pattern = String::new();
    for c in prefix.chars() {
        if "*?[]\\".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('*');
    let (mut cursor, mut names) = (0_u64, Vec::<String>::new());
    loop {
        let (next, page): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(&pattern)
            .arg("COUNT")
            .arg(PAGE)
            .query_async(&mut connection)
            .await
            .map_err(unavailable)?;
        names.extend(page);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    // SCAN may name a key twice.
    names.sort();
    names.dedup();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let kind: String =
            redis::cmd("TYPE").arg(&name).query_async(&mut connection).await.map_err(unavailable)?;
        let value = match kind.as_str() {
            "string" => {
                let text: Option<Vec<u8>> = connection.get(&name).await.map_err(unavailable)?;
                let Some(text) = text else { continue };
                Value::Text(String::from_utf8_lossy(&text).into_owned())
            }
            "set" => {
                let mut members: Vec<String> = connection.smembers(&name).await.map_err(unavailable)?;
                members.sort();
                Value::Set(members)
            }
            "none" => continue,
            other => Value::Other(other.to_owned()),
        };
        found.push((name, value));
    }
    Ok(found)
}
