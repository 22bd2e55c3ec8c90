//! The envelope: `{"code","msg","data","traceId"}` in that order, compact, with integers outside of
//! ±(2^53 − 1) as text.

use base::{Error, Result};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::fields::Issue;

/// What a handler of the older wire answers.
pub enum Reply {
    /// HTTP 200 with the envelope.
    Done(String),
    /// HTTP 422 with what is wrong with the body.
    Invalid(Vec<Issue>),
}

/// The largest integer that every client reads as it was meant.
const SAFE: i64 = (1 << 53) - 1;

/// An id on this wire.
#[derive(Clone, Copy, Debug)]
pub struct Wide(pub i64);

impl Serialize for Wide {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if (-SAFE..=SAFE).contains(&self.0) {
            serializer.serialize_i64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    code: u16,
    msg: &'a str,
    data: T,
    #[serde(rename = "traceId")]
    trace_id: Option<()>,
}

fn text<T: Serialize>(code: u16, msg: &str, data: T) -> Result<String> {
    let mut text = Vec::with_capacity(160);
    serde_json::to_writer(&mut text, &Envelope { code, msg, data, trace_id: None })
        .map_err(Error::internal)?;
    String::from_utf8(text).map_err(Error::internal)
}

/// What went well.
pub fn success<T: Serialize>(msg: &str, data: T) -> Result<Reply> {
    text(0, msg, data).map(Reply::Done)
}

/// What did not, for reasons that are the caller's or the data's.
pub fn business(code: u16, msg: &str) -> Reply {
    Reply::Done(failure(code, msg))
}

/// The text of a failure.
pub fn failure(code: u16, msg: &str) -> String {
    text(code, msg, Value::Null).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_text_where_javascript_would_round_them() {
        let shown = |n: i64| serde_json::to_string(&Wide(n)).unwrap_or_default();
        assert_eq!(shown(9_007_199_254_740_991), "9007199254740991");
        assert_eq!(shown(9_007_199_254_740_992), "\"9007199254740992\"");
        assert_eq!(shown(-9_007_199_254_740_991), "-9007199254740991");
        assert_eq!(shown(i64::MIN), "\"-9223372036854775808\"");
    }
}
