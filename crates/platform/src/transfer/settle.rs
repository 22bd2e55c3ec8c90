//! Putting an import in order once its job is over: what was applied of an import that did not come to its
//! end is taken back, and its journal is forgotten.

use std::time::Duration;

use base::{Id, Result};
use jobs::{
    Arguments, Engine, Failure, Job, NewJob, Policy, Run, State as JobState, Words, store::entity::job,
};
use kernel::App;
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role};

use super::{
    import,
    journal::{self, State},
};

/// Steps forgotten at a time.
const ROUND: u64 = 500;

/// Puts one import in order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleImport {
    /// The import's job.
    pub import: Id,
}

impl Arguments for SettleImport {
    const KIND: &'static str = "resource.settle_import";
    const TITLE: Words = Words { zh: "整理导入", en: "Put an import in order" };
    const ABOUT: Words = Words {
        zh: "导入任务结束后执行：未完成的导入全部撤回，并删除其记录。",
        en: "Follows every import: takes back what an unfinished one has brought, and forgets how it went.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "transfer",
            max_attempts: 20,
            timeout: Duration::from_hours(6),
            must_finish: true,
            keep: Duration::from_hours(24),
            ..Policy::default()
        }
    }
}

/// Sees to imports that are over and that nobody puts in order; how many there are.
pub(crate) async fn sweep(app: &App) -> Result<usize> {
    let tx = app.system(Mode::Write).await?;
    let abandoned = journal::abandoned(&tx).await?;
    for (org, import) in &abandoned {
        // Beside the one that follows the import itself, if that is still to come; both may run.
        let job = NewJob::of(*org, &SettleImport { import: *import })?.unique_by_args();
        app.service::<Engine>()?.enqueue(&tx, job).await?;
    }
    tx.commit().await?;
    Ok(abandoned.len())
}

/// What was left to do.
#[derive(Debug, Serialize)]
pub struct Settled {
    /// Whether the import had come to its end.
    applied: bool,
    /// Records that could not be taken back.
    kept: i32,
}

impl Job<App> for SettleImport {
    type Output = Settled;

    async fn run(self, app: App, run: Run) -> Result<Settled, Failure> {
        let opening = || Opening::new(Role::App, Some(run.org()));
        let tx = app.store().begin(Mode::Read, opening()).await?;
        let import = tx.one(tx.find::<job::Entity>().filter(job::Column::Id.eq(self.import))).await?;
        let begun = journal::find(&tx, self.import).await?;
        tx.commit().await?;
        let state = import.and_then(|import| JobState::parse(&import.state));
        let begun_to = begun.as_ref().is_some_and(journal::run::Model::is_settling);
        if !begun_to && state.is_some_and(|state| !state.is_final()) {
            // Somebody has tried it again.
            return Err(Failure::Snooze(Duration::from_secs(10)));
        }
        let Some(begun) = begun else { return Ok(Settled { applied: false, kept: 0 }) };
        // Called off or dead after its last batch is called off or dead all the same.
        let applied = begun.stands() == State::Done && state == Some(JobState::Succeeded);
        let mut kept = 0;
        if !applied {
            let resource = super::resource(&app, &begun.resource)?;
            kept = import::take_back(&app, &run, &begun.by()?, &*resource, self.import).await?;
        }
        loop {
            let tx = app.store().begin(Mode::Write, opening()).await?;
            let gone = journal::forget_steps(&tx, self.import, ROUND).await?;
            if gone == 0 {
                journal::forget(&tx, self.import).await?;
            }
            tx.commit().await?;
            if gone == 0 {
                return Ok(Settled { applied, kept });
            }
        }
    }
}
