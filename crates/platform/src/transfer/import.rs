//! The job of an import: reads its file, checks every row, applies them in batches, and takes everything
//! back when it is called off or a row cannot be taken after all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Error, Id, Result};
use jobs::{Arguments, Engine, Failure, Job, Level, NewJob, Policy, Run, Stop, When, Words};
use kernel::{
    App, Cx, Delegation,
    resource::Dynamic,
    sheet::Format,
    transfer::{Import, ImportReport, Step, Twins, key_column},
};
use schemars::JsonSchema;
use sea_orm::sea_query::{Expr, Func, Query};
use serde::{Deserialize, Serialize};
use store::{Dialect, Mode, Opening, Role};
use tokio::sync::Semaphore;

use super::{
    journal::{self, State},
    settle::SettleImport,
};

/// Rows of a batch.
pub(super) const BATCH: usize = 500;
/// How long a batch works: the embedded database has one writer, and others wait meanwhile (decision 4.5:
/// 250 ms at p99).
const TIME: Duration = Duration::from_millis(80);
/// How long nobody of an import writes between two batches, so that whoever polls for the writer gets it.
const PAUSE: Duration = Duration::from_millis(10);

/// Takes the rows of a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRecords {
    /// `identity.post`.
    pub resource: String,
    /// The file.
    pub file: Id,
    /// What it is.
    pub format: Format,
    /// Field by which existing records are found.
    pub key: Option<String>,
    /// Check only.
    pub dry_run: bool,
    /// On whose behalf.
    pub by: Delegation,
}

impl Arguments for ImportRecords {
    const KIND: &'static str = "resource.import";
    const TITLE: Words = Words { zh: "导入", en: "Import" };
    const ABOUT: Words = Words {
        zh: "以发起人的权限先检查、再分批写入文件中的每一行；取消时撤回已写入的全部内容。",
        en: "Checks every row of a file, then applies them in batches with the rights of whoever asked. Called off, it takes back what it brought.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "transfer",
            max_attempts: 5,
            timeout: Duration::from_hours(6),
            // To take everything back.
            cleanup: Duration::from_hours(1),
            // One organisation leaves room for the others.
            key_concurrency: Some(2),
            ..Policy::default()
        }
    }

    fn key(&self) -> Option<String> {
        Some(self.by.org.to_string())
    }
}

impl Job<App> for ImportRecords {
    type Output = ImportReport;

    async fn run(self, app: App, run: Run) -> Result<ImportReport, Failure> {
        let resource = super::resource(&app, &self.resource)?;
        let Ok(_turn) = TABLES.try_acquire() else { return Err(Failure::Snooze(Duration::from_secs(2))) };
        let engine = app.service::<Engine>()?.clone();
        let bytes = engine.read_file(run.org(), self.file).await.map_err(super::failure)?;
        let key = self.key.as_deref().map(|key| key_column(&*resource, key)).transpose()?;
        // What is wrong with the file stays wrong.
        let import = Import::read(resource.clone(), key, self.format, bytes.into()).await;
        let import = import.map_err(super::failure)?;
        let org = run.org();
        let work = Work { app, run, resource, import: Arc::new(import), by: self.by };
        let report = work.go(self.dry_run).await?;
        if report.applied || self.dry_run {
            // Nobody reads it again; a job that was called off may be tried again.
            engine.drop_file(org, self.file).await?;
        }
        Ok(report)
    }
}

/// Files that this process has in memory at once.
static TABLES: Semaphore = Semaphore::const_new(4);

/// How often a batch is tried again after a lost lock, before the whole job is.
const TRIES: u32 = 5;

/// One attempt.
struct Work {
    app: App,
    run: Run,
    resource: Arc<dyn Dynamic>,
    import: Arc<Import>,
    by: Delegation,
}

/// How applying ended.
enum Applied {
    /// Every row.
    Whole,
    /// A row could not be taken.
    Refused,
    /// The job is to stop.
    Stopped(Stop),
}

impl Work {
    async fn go(self, dry_run: bool) -> Result<ImportReport, Failure> {
        let mut report = self.import.report(self.run.id(), dry_run);
        let tx = self.app.store().begin(Mode::Read, Opening::new(Role::App, Some(self.run.org()))).await?;
        let begun = journal::find(&tx, self.run.id()).await?;
        tx.commit().await?;
        match begun.map(|run| (run.stands(), run)) {
            // What came before is being put in order; it begins anew after that.
            Some((State::Undoing, run)) if run.is_settling() => {
                return Err(Failure::Snooze(Duration::from_secs(2)));
            }
            Some((State::Undoing, _)) => {
                self.take_back().await?;
                let detail =
                    "it was interrupted while it took back what it had brought; import the file again";
                return Err(Failure::Fatal(Error::conflict("interrupted", detail)));
            }
            Some((State::Done, run)) => {
                report.applied = true;
                (report.created, report.updated) = counts(&run);
                return Ok(report);
            }
            Some((State::Applying, run)) => {
                self.run.log(Level::Info, format!("goes on at line {}", run.line + 2));
                (report.created, report.updated) = counts(&run);
                return self.apply(usize::try_from(run.line).unwrap_or_default(), report).await;
            }
            None => {}
        }
        if !self.check(&mut report).await.map_err(super::failure)? || dry_run || report.failed > 0 {
            return Ok(report);
        }
        self.begin().await?;
        (report.created, report.updated) = (0, 0);
        self.apply(0, report).await
    }

    /// Tries every row and keeps none; whether it came to the end.
    async fn check(&self, report: &mut ImportReport) -> Result<bool> {
        let (import, mut seen) = (self.import.clone(), report.clone());
        let (twins, seen) = tokio::task::spawn_blocking(move || (import.twins(&mut seen), seen))
            .await
            .map_err(Error::internal)?;
        *report = seen;
        let all = self.import.len();
        let (mut row, mut tries) = (0, 0);
        // An empty file needs the permission too.
        loop {
            let before = report.clone();
            match self.check_batch(row, &twins, report).await {
                Ok(next) => (row, tries) = (next, 0),
                Err(error) => self.after_lost_lock(error, &mut tries, report, before).await?,
            }
            self.run.progress(row as u64, all.max(1) as u64, "check");
            if row == all && tries == 0 {
                return Ok(true);
            }
            if self.run.stopping().is_some() {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The row after the batch.
    async fn check_batch(&self, first: usize, twins: &Twins, report: &mut ImportReport) -> Result<usize> {
        let mut cx = self.enter().await?;
        let begin = Instant::now();
        let mut row = first;
        while row < self.import.len() && row - first < BATCH && begin.elapsed() < TIME {
            self.import.check(&cx, row, twins, report).await?;
            row += 1;
        }
        cx.roll_back().await?;
        Ok(row)
    }

    /// Has a batch tried again that lost a lock, with the report as it was before.
    async fn after_lost_lock(
        &self,
        error: Error,
        tries: &mut u32,
        report: &mut ImportReport,
        before: ImportReport,
    ) -> Result<()> {
        if !error.is_retryable() || *tries >= TRIES {
            return Err(error);
        }
        *report = before;
        *tries += 1;
        tokio::time::sleep(PAUSE * (1 << *tries)).await;
        Ok(())
    }

    /// A unit of work on behalf of whoever asked, who must still be allowed to.
    async fn enter(&self) -> Result<Cx> {
        let cx = Cx::on_behalf(&self.app, &self.by, Mode::Write, "").await?;
        cx.require(&self.resource.meta().permission("import"))?;
        plan_anew(&cx).await?;
        Ok(cx)
    }

    /// Opens the journal, and sees to it that somebody puts things in order however this job ends.
    async fn begin(&self) -> Result<()> {
        let (org, id) = (self.run.org(), self.run.id());
        let tx = self.app.store().begin(Mode::Write, Opening::new(Role::App, Some(org))).await?;
        journal::begin(&tx, id, &self.resource.meta().full_name(), self.run.fence(), &self.by).await?;
        let settle = NewJob::of(org, &SettleImport { import: id })?
            .asked_by(Some(self.by.user), self.by.request_id.clone())
            .after(id, When::Settled);
        self.run.engine().enqueue(&tx, settle).await?;
        tx.commit().await
    }

    async fn apply(&self, from: usize, mut report: ImportReport) -> Result<ImportReport, Failure> {
        let why = match self.batches(from, &mut report).await {
            Ok(Applied::Whole) => {
                report.applied = true;
                return Ok(report);
            }
            Ok(Applied::Stopped(Stop::Cancelled)) => None,
            // Another attempt goes on where this one stopped.
            Ok(Applied::Stopped(_)) => return Ok(report),
            Ok(Applied::Refused) => None,
            Err(error) => match super::failure(error) {
                // It was being put in order, or another attempt has it.
                Failure::Fatal(error) if error.code() == "lease_lost" => {
                    return Err(Failure::Snooze(Duration::from_secs(2)));
                }
                Failure::Fatal(error) => Some(error),
                other => return Err(other),
            },
        };
        self.take_back().await?;
        (report.created, report.updated) = (0, 0);
        match why {
            Some(error) => Err(Failure::Fatal(error)),
            None => Ok(report),
        }
    }

    async fn batches(&self, from: usize, report: &mut ImportReport) -> Result<Applied> {
        let all = self.import.len();
        let (mut row, mut tries) = (from, 0);
        loop {
            let before = report.clone();
            match self.apply_batch(row, report).await {
                Ok(None) => return Ok(Applied::Refused),
                Ok(Some(next)) => (row, tries) = (next, 0),
                Err(error) => self.after_lost_lock(error, &mut tries, report, before).await?,
            }
            self.run.progress(row as u64, all.max(1) as u64, "import");
            if let Some(stop) = self.run.stopping() {
                return Ok(Applied::Stopped(stop));
            }
            if row == all && tries == 0 {
                return Ok(Applied::Whole);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The row after the batch; `None` when a row was refused and the batch not kept.
    async fn apply_batch(&self, first: usize, report: &mut ImportReport) -> Result<Option<usize>> {
        let all = self.import.len();
        let mut cx = self.enter().await?;
        let run = journal::hold_to_apply(cx.tx()?, self.run.id(), self.run.fence()).await?;
        if usize::try_from(run.line) != Ok(first) {
            // An attempt that had lost its lease has come further before this one took hold.
            (report.created, report.updated) = counts(&run);
            cx.commit().await?;
            return Ok(Some(usize::try_from(run.line).unwrap_or_default()));
        }
        let begin = Instant::now();
        let mut steps: Vec<(usize, Step)> = Vec::new();
        let mut row = first;
        while row < all && row - first < BATCH && begin.elapsed() < TIME {
            let Some(step) = self.import.take(&cx, row, true, report).await? else {
                cx.roll_back().await?;
                return Ok(None);
            };
            steps.push((row, step));
            row += 1;
        }
        let done = row == all;
        let counts = (row, report.created, report.updated);
        journal::write(&cx, (self.run.org(), self.run.id()), steps, counts, done).await?;
        if done {
            self.import.record(&cx, report).await?;
        }
        cx.commit().await?;
        Ok(Some(row))
    }

    async fn take_back(&self) -> Result<()> {
        let kept = take_back(&self.app, &self.run, &self.by, &*self.resource, self.run.id()).await?;
        let line = match kept {
            0 => "everything that it had brought was taken back".to_owned(),
            n => format!("taken back, but for {n} records that were changed or are used by now"),
        };
        self.run.log(Level::Info, line);
        Ok(())
    }
}

/// Has PostgreSQL plan each statement of this batch for the table as it is by now. It keeps a plan after a
/// few runs, and one that was made when the table was as good as empty may read all rows of the
/// organisation, until autovacuum has been there.
async fn plan_anew(cx: &Cx) -> Result<()> {
    let tx = cx.tx()?;
    if tx.dialect() == Dialect::Postgres {
        let arguments = ["plan_cache_mode".into(), "force_custom_plan".into(), Expr::value(true)];
        let setting = Func::cust("set_config").args(arguments);
        tx.query_one(&Query::select().expr_as(setting, "setting").to_owned()).await?;
    }
    Ok(())
}

fn counts(run: &journal::run::Model) -> (usize, usize) {
    let number = |n: i32| usize::try_from(n).unwrap_or_default();
    (number(run.created), number(run.updated))
}

/// Undoes what an import has applied, batch by batch; how many records had to stay.
pub(super) async fn take_back(
    app: &App,
    run: &Run,
    by: &Delegation,
    resource: &dyn Dynamic,
    import: Id,
) -> Result<i32> {
    let fence = if run.id() == import { run.fence() } else { journal::SETTLING };
    let tx = app.store().begin(Mode::Write, Opening::new(Role::App, Some(by.org))).await?;
    journal::turn(&tx, import, fence).await?;
    let all = journal::left(&tx, import).await?;
    tx.commit().await?;
    let mut undone = 0;
    loop {
        let mut cx = Cx::undoing(app, by).await?;
        plan_anew(&cx).await?;
        let begin = Instant::now();
        let some = journal::undo(&cx, resource, import, fence, || begin.elapsed() < TIME).await?;
        undone += some;
        if some == 0 {
            let kept = journal::find(cx.tx()?, import).await?.map_or(0, |run| run.kept);
            cx.commit().await?;
            return Ok(kept);
        }
        cx.commit().await?;
        run.progress(undone, all.max(1), "undo");
        tokio::time::sleep(PAUSE).await;
    }
}
