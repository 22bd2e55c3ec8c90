//! Kinds for trying the engine out; they exist in development only (decision 5.6).

use std::time::Duration;

use base::Error;
use jobs::{Arguments, Audience, Failure, Job, Level, Policy, Registry, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<Noop>().with::<Sleep>().with::<Fail>().with::<Kill>()
}

macro_rules! demo {
    ($name:ident, $kind:literal, $zh:literal, $en:literal, $policy:expr) => {
        impl Arguments for $name {
            const KIND: &'static str = $kind;
            const TITLE: Words = Words { zh: $zh, en: $en };
            const ABOUT: Words =
                Words { zh: "仅用于开发环境试验。", en: "For trying things out in development." };
            const AUDIENCE: Audience = Audience::Organization;
            const DEV_ONLY: bool = true;

            fn policy() -> Policy {
                $policy
            }
        }
    };
}

/// Does nothing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Noop {}

demo!(Noop, "demo.noop", "空任务", "Do nothing", Policy::default());

impl Job<App> for Noop {
    type Output = ();

    async fn run(self, _: App, _: Run) -> Result<(), Failure> {
        Ok(())
    }
}

/// Sleeps, and says how far it is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sleep {
    /// Seconds, 0 to 600.
    #[schemars(range(min = 0, max = 600))]
    seconds: u32,
}

demo!(Sleep, "demo.sleep", "等待", "Sleep", Policy { timeout: Duration::from_mins(11), ..Policy::default() });

impl Job<App> for Sleep {
    type Output = ();

    async fn run(self, _: App, run: Run) -> Result<(), Failure> {
        let total = u64::from(self.seconds.min(600)) * 4;
        run.log(Level::Info, format!("sleeping for {} s", self.seconds));
        for done in 0..total {
            run.progress(done, total, "");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        run.progress(total, total, "");
        Ok(())
    }
}

/// Fails, so often.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fail {
    /// What it says.
    #[serde(default)]
    message: Option<String>,
    /// Attempts that fail; after that it succeeds. Absent: all of them.
    #[serde(default)]
    times: Option<u32>,
}

demo!(
    Fail,
    "demo.fail",
    "失败",
    "Fail",
    Policy { max_attempts: 2, backoff: jobs::Backoff::fixed(Duration::from_secs(2)), ..Policy::default() }
);

impl Job<App> for Fail {
    type Output = ();

    async fn run(self, _: App, run: Run) -> Result<(), Failure> {
        if self.times.is_some_and(|times| run.attempt() > times) {
            return Ok(());
        }
        run.log(Level::Error, "about to fail");
        let message = self.message.unwrap_or_else(|| "this job was made to fail".to_owned());
        Err(Failure::Retry(Error::unavailable("demo_failure", message)))
    }
}

/// Ends its process at once, as a crash would.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Kill {}

demo!(
    Kill,
    "demo.kill",
    "终止进程",
    "Kill the process",
    Policy { max_attempts: 2, backoff: jobs::Backoff::fixed(Duration::from_secs(1)), ..Policy::default() }
);

impl Job<App> for Kill {
    type Output = ();

    async fn run(self, _: App, _: Run) -> Result<(), Failure> {
        tracing::warn!("demo.kill ends this process");
        std::process::abort()
    }
}
