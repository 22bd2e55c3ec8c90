//! The job that looks whether two lines of any key's journal claim the same ids.

use idgen::Finding;
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::service::Ids;

/// Checks every key of every organisation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckKeys {}

impl Arguments for CheckKeys {
    const KIND: &'static str = "ids.check";
    const TITLE: Words = Words { zh: "核对号段流水", en: "Check journals of ids" };
    const ABOUT: Words = Words {
        zh: "逐个核对号段流水是否有重叠；发现重叠的号段会被隔离。",
        en: "Looks through every journal for ids with two owners; a key that has some is put into quarantine.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "ids",
            max_attempts: 2,
            timeout: std::time::Duration::from_hours(1),
            ..Policy::default()
        }
    }
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Ids with two owners, as `first to last`; a hundred at most.
    overlaps: Vec<String>,
    /// How many there are.
    found: usize,
}

impl Job<App> for CheckKeys {
    type Output = Checked;

    async fn run(self, app: App, _: Run) -> Result<Checked, Failure> {
        let found = Ids::of(&app)?.engine().check_all().await?;
        let show = |one: &Finding| format!("{} {} to {}", one.key, one.range.start(), one.range.end());
        Ok(Checked { overlaps: found.iter().take(100).map(show).collect(), found: found.len() })
    }
}
