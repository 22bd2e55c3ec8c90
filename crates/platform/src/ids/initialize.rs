//! The job that initialises a database: its keys are made above what its tables hold.

use base::Id;
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role};

use super::{database::rows, plan, service::Ids};

/// Makes the keys of a database's tables, or raises them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitializeDatabase {
    /// The database.
    pub database: Id,
}

impl Arguments for InitializeDatabase {
    const KIND: &'static str = "ids.initialize";
    const TITLE: Words = Words { zh: "初始化号段", en: "Initialise keys" };
    const ABOUT: Words = Words {
        zh: "读取数据库中每张表的最大主键，创建或抬高对应的号段，绝不降低。",
        en: "Reads the highest key of each table of a database, and makes its counter or raises it, never lowers it.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "ids",
            max_attempts: 2,
            timeout: std::time::Duration::from_mins(30),
            key_concurrency: Some(1),
            ..Policy::default()
        }
    }

    fn key(&self) -> Option<String> {
        Some(self.database.to_string())
    }
}

impl Job<App> for InitializeDatabase {
    type Output = plan::Done;

    async fn run(self, app: App, run: Run) -> Result<plan::Done, Failure> {
        let ids = Ids::of(&app)?;
        let tx = app.store().begin(Mode::Read, Opening::new(Role::App, Some(run.org()))).await?;
        let row = rows::get(&tx, self.database).await.map_err(crate::transfer::failure)?;
        tx.commit().await?;
        run.progress(0, 1, "read");
        let (plan, known) = plan::read(ids, &row).await?;
        let mut done = plan::carry_out(ids, run.org(), plan, &known, |at, all| {
            run.progress(at as u64, all.max(1) as u64, "apply");
        })
        .await;
        // A result has 64 KiB at most: what went well and needs no eye goes first.
        done.rows.retain(|row| row.action != plan::Action::Skip);
        shorten(&mut done);
        Ok(done)
    }
}

/// Bytes of a result that leave room for the rest of it.
const LIMIT: usize = 56 * 1024;

fn shorten(done: &mut plan::Done) {
    done.rows.truncate(plan::MOST);
    while serde_json::to_vec(&done).map_or(0, |text| text.len()) > LIMIT && !done.rows.is_empty() {
        // The failed stay longest.
        done.rows.sort_by_key(|row| row.action != plan::Action::Error);
        let half = done.rows.len() / 2;
        done.rows.truncate(half);
    }
}
