//! Sealing the audit trails: a job of its own, so that one node at a time does it and the operator sees it.

use std::sync::Arc;

use base::Vault;
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::{App, audit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Appends what has been committed to the chains of the audit trails.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SealAudit {}

impl Arguments for SealAudit {
    const KIND: &'static str = "audit.seal";
    const TITLE: Words = Words { zh: "封存审计日志", en: "Seal the audit trail" };
    const ABOUT: Words = Words {
        zh: "把新写入的审计日志接入哈希链，使之后的任何改动都能被发现。",
        en: "Chains new audit entries by their hashes, so that a later change of any of them is found.",
    };

    fn policy() -> Policy {
        // Six a minute: what they did is seen in the chains themselves.
        let keep = std::time::Duration::from_hours(1);
        Policy { queue: "maintenance", max_attempts: 1, keep, ..Policy::default() }
    }
}

/// How much was sealed.
#[derive(Serialize)]
pub struct Sealed {
    /// Entries.
    entries: u64,
}

impl Job<App> for SealAudit {
    type Output = Sealed;

    async fn run(self, app: App, _: Run) -> Result<Sealed, Failure> {
        let vault = app.service::<Arc<dyn Vault>>()?.clone();
        Ok(Sealed { entries: audit::seal::seal(&app, &*vault).await? })
    }
}
