//! Identity's kinds of jobs: letters, forgetting, and organisations that go for good.

use jobs::{Arguments, Declared, Failure, Job, Policy, Registry, Run, Words};
use kernel::{App, audit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{mail, organization, resource::sign_in, session};

/// Adds them.
pub fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<mail::Deliver>().with::<Prune>().with::<Purge>()
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    Ok(vec![
        Declared::every(600, "identity.prune", &Prune {})?,
        Declared::every(600, "organization.purge", &Purge {})?,
    ])
}

/// Forgets what can decide nothing any more.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prune {}

impl Arguments for Prune {
    const KIND: &'static str = "identity.prune";
    const TITLE: Words = Words { zh: "清理登录数据", en: "Forget what is over in sign-in" };
    const ABOUT: Words = Words {
        zh: "删除已结束的会话、用过的链接、过期的登录尝试、无法送达的信件，以及超过保留期的登录日志。",
        en: "Deletes ended sessions, spent links, old attempts, letters that could not be delivered, and sign-ins \
             that were logged longer ago than they are kept.",
    };

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 2, ..Policy::default() }
    }
}

/// How much went.
#[derive(Serialize)]
pub struct Pruned {
    /// Lines of the sign-in log.
    sign_ins: u64,
}

impl Job<App> for Prune {
    type Output = Pruned;

    async fn run(self, app: App, _: Run) -> Result<Pruned, Failure> {
        session::prune(&app).await?;
        Ok(Pruned { sign_ins: audit::expire::<sign_in::entity::Entity>(&app).await? })
    }
}

/// Deletes organisations whose grace has passed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purge {}

impl Arguments for Purge {
    const KIND: &'static str = "organization.purge";
    const TITLE: Words = Words { zh: "彻底删除组织", en: "Delete organisations for good" };
    const ABOUT: Words = Words {
        zh: "删除宽限期已过的组织及其全部数据，分批进行。",
        en: "Deletes organisations whose grace has passed, with everything of theirs, in batches.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "maintenance",
            max_attempts: 2,
            timeout: std::time::Duration::from_hours(1),
            ..Policy::default()
        }
    }
}

impl Job<App> for Purge {
    type Output = u64;

    async fn run(self, app: App, _: Run) -> Result<u64, Failure> {
        let purged = organization::purge_due(&app).await?;
        Ok(u64::try_from(purged).unwrap_or_default())
    }
}
