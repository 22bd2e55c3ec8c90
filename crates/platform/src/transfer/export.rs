//! The job that makes the file of an export.

use std::time::Duration;

use base::{Error, Id, Result};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use jobs::{Arguments, Engine, Failure, FileWriter, Job, NewFile, Policy, Run, Words};
use kernel::{
    App, Cx, Delegation,
    transfer::{Asked, Sink, write_export},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role};

/// Makes a file of the records that a query names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRecords {
    /// `identity.post`.
    pub resource: String,
    /// The query string of the export.
    pub query: String,
    /// On whose behalf.
    pub by: Delegation,
}

impl Arguments for ExportRecords {
    const KIND: &'static str = "resource.export";
    const TITLE: Words = Words { zh: "导出", en: "Export" };
    const ABOUT: Words = Words {
        zh: "以发起人的权限把查询到的记录写成 CSV 或 XLSX 文件，保留七天。",
        en: "Writes the records of a query as CSV or XLSX, with the rights of whoever asked; the file is kept for seven days.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "transfer",
            max_attempts: 3,
            timeout: Duration::from_hours(2),
            // To say in the audit trail how far it came.
            cleanup: Duration::from_secs(30),
            ..Policy::default()
        }
    }
}

/// What an export left.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The file.
    file: Id,
    /// Records in it.
    rows: u64,
    /// Its size.
    bytes: u64,
}

impl Job<App> for ExportRecords {
    type Output = Exported;

    async fn run(self, app: App, run: Run) -> Result<Exported, Failure> {
        let resource = super::resource(&app, &self.resource)?;
        Box::pin(self.write(app, run, resource)).await.map_err(super::failure)
    }
}

impl ExportRecords {
    async fn write(
        self,
        app: App,
        run: Run,
        resource: std::sync::Arc<dyn kernel::resource::Dynamic>,
    ) -> Result<Exported> {
        let mut cx = Cx::on_behalf(&app, &self.by, Mode::Read, &self.query).await?;
        cx.require(&resource.meta().permission("export"))?;
        let format = Asked::of(&cx, &*resource)?.format;
        cx.commit().await?;
        let engine = app.service::<Engine>()?;
        let file = NewFile {
            org: run.org(),
            // Shown when it is whole.
            job: None,
            name: format!("{}.{}", resource.meta().plural, format.as_str()),
            content_type: format.content_type().to_owned(),
            is_input: false,
        };
        let writer = engine.write_file(file).await?;
        let file = writer.id();
        let mut growing = Growing { app: app.clone(), run, writer: Some(writer), bytes: 0 };
        match write_export(cx, resource, &mut growing).await {
            Ok(rows) => Ok(Exported { file, rows, bytes: growing.bytes }),
            Err(failure) => {
                engine.drop_file(growing.run.org(), file).await?;
                Err(failure)
            }
        }
    }
}

/// The file as it grows, and how the job says so.
struct Growing {
    app: App,
    run: Run,
    /// Until it is whole.
    writer: Option<FileWriter>,
    bytes: u64,
}

impl Sink for Growing {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match &mut self.writer {
                Some(writer) => writer.write(&bytes).await,
                None => Err(Error::internal("the file is whole already")),
            }
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let Some(writer) = self.writer.take() else { return Ok(()) };
            let (file, bytes) = writer.finish().await?;
            let opening = Opening::new(Role::App, Some(self.run.org()));
            let tx = self.app.store().begin(Mode::Write, opening).await?;
            self.app.service::<Engine>()?.leave_file(&tx, &self.run, file, bytes).await?;
            tx.commit().await?;
            self.bytes = bytes;
            Ok(())
        })
    }

    fn advance(&mut self, rows: u64, total: u64) -> Result<()> {
        self.run.progress(rows, total, "export");
        match self.run.stopping() {
            Some(_) => Err(Error::unavailable("stopping", "the export was stopped")),
            None => Ok(()),
        }
    }
}
