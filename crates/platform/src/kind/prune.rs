//! Forgetting what has been kept long enough: jobs, their files, old answers, the audit trail, events of who may do what. Imports that
//! nobody puts in order are seen to as well.

use jobs::{Arguments, Engine, Failure, Job, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Forgets jobs, their files and counts, answers kept for `Idempotency-Key`, audit entries.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prune {}

impl Arguments for Prune {
    const KIND: &'static str = "jobs.prune";
    const TITLE: Words = Words { zh: "清理任务", en: "Forget old jobs" };
    const ABOUT: Words = Words {
        zh: "删除超过保留期的任务、文件、统计和审计日志，以及过期的幂等应答。",
        en: "Deletes jobs, files, counts and audit entries that were kept long enough, and old idempotent answers.",
    };

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 2, ..Policy::default() }
    }
}

/// How much went.
#[derive(Serialize)]
pub struct Pruned {
    /// Jobs.
    jobs: usize,
    /// Audit entries.
    audit_entries: u64,
    /// Events of who may do what.
    access_events: u64,
}

impl Job<App> for Prune {
    type Output = Pruned;

    async fn run(self, app: App, _: Run) -> Result<Pruned, Failure> {
        kernel::http::idempotency::prune(&app).await?;
        crate::transfer::settle::sweep(&app).await?;
        let audit_entries = kernel::audit::prune(&app).await?;
        let access_events = kernel::access::prune(&app).await?;
        Ok(Pruned { jobs: app.service::<Engine>()?.prune().await?, audit_entries, access_events })
    }
}
