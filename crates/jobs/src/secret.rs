//! Secret arguments: sealed where they are stored, hidden where they are shown, open to the job alone.

use ::store::Tx;
use base::{Error, Result};
use serde_json::{Value, json};

use crate::{Engine, Kind, store};

/// The member that stands for a sealed value.
const SEALED: &str = "$sealed";

impl Engine {
    /// Arguments as they are stored.
    pub fn seal(&self, kind: &Kind, args: &Value) -> Result<Value> {
        let mut args = args.clone();
        for name in kind.secret {
            let Some(member) = args.get_mut(*name).filter(|member| !member.is_null()) else { continue };
            if member.get(SEALED).is_none() {
                let sealed = self.vault().seal(member.to_string().as_bytes(), &purpose(kind.name, name))?;
                *member = json!({ SEALED: sealed });
            }
        }
        Ok(args)
    }

    /// The arguments of a job as its code needs them.
    pub fn unseal(&self, kind: &str, text: &str) -> Result<Value> {
        let mut args: Value = serde_json::from_str(text).map_err(Error::internal)?;
        for name in self.kind(kind)?.secret {
            let Some(member) = args.get_mut(*name) else { continue };
            if let Some(sealed) = member.get(SEALED).and_then(Value::as_str) {
                let plain = self.vault().open(sealed, &purpose(kind, name))?;
                *member = serde_json::from_slice(&plain).map_err(Error::internal)?;
            }
        }
        Ok(args)
    }

    /// Arguments for another run of a job: `changed`, with the stored secrets where it says `"***"`.
    pub fn merge(&self, kind: &str, stored: &str, changed: Value) -> Result<Value> {
        let stored = self.unseal(kind, stored)?;
        let mut merged = changed;
        if let Some(members) = merged.as_object_mut() {
            for (name, member) in members.iter_mut().filter(|(_, member)| *member == "***") {
                if let Some(secret) = stored.get(name) {
                    *member = secret.clone();
                }
            }
        }
        Ok(merged)
    }

    /// Seals again, under today's key, the secret arguments of jobs and schedules that may still run;
    /// how many rows that were.
    pub async fn reseal(&self, tx: &Tx) -> Result<u64> {
        let mut done = 0;
        for (table, org, id, kind, args) in store::sealed_arguments(tx, SEALED).await? {
            let stale = |value: &Value| {
                value.get(SEALED).and_then(Value::as_str).is_some_and(|sealed| self.vault().is_stale(sealed))
            };
            let parsed: Value = serde_json::from_str(&args).unwrap_or_default();
            if !parsed.as_object().is_some_and(|members| members.values().any(stale)) {
                continue;
            }
            match self.unseal(&kind, &args).and_then(|plain| self.seal(self.kind(&kind)?, &plain)) {
                Ok(sealed) => done += store::set_arguments(tx, table, org, id, &sealed.to_string()).await?,
                Err(error) => {
                    tracing::warn!(%id, ?error, "a job's secrets cannot be read with the configured keys")
                }
            }
        }
        Ok(done)
    }
}

/// Arguments as they may be shown: secrets are `"***"`.
pub fn redact(args: &str) -> Value {
    let mut args: Value = serde_json::from_str(args).unwrap_or_default();
    if let Some(members) = args.as_object_mut() {
        for member in members.values_mut().filter(|member| member.get(SEALED).is_some()) {
            *member = Value::from("***");
        }
    }
    args
}

/// What a sealed argument is bound to: one cannot be put in the place of another.
fn purpose(kind: &str, name: &str) -> String {
    format!("job/{kind}/{name}")
}
