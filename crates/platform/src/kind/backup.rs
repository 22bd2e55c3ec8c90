//! A backup of the embedded database into a folder beside it.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use base::{Error, Result};
use jobs::{Arguments, Audience, Failure, Job, Level, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Dialect, backup};

/// Where this process keeps its files (`DATA_DIR`); a service of the application.
pub struct DataDir(pub PathBuf);

/// The folder of the backups within [`DataDir`].
const FOLDER: &str = "backups";
/// How a backup is called: when it was taken, so that names sort as times do.
const NAME: &str = "%Y%m%dT%H%M%SZ.db";

/// Writes a backup and deletes old ones.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Backups that stay, this one included; 1 to 1,000.
    #[serde(default = "keep")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: u32,
}

fn keep() -> u32 {
    7
}

/// What was written.
#[derive(Serialize)]
pub struct Written {
    /// The file, within `DATA_DIR`.
    file: String,
    /// Its size.
    bytes: u64,
    /// Older backups that were deleted.
    deleted: usize,
}

impl Arguments for Backup {
    const KIND: &'static str = "database.backup";
    const TITLE: Words = Words { zh: "备份数据库", en: "Back up the database" };
    const ABOUT: Words = Words {
        zh: "把内嵌数据库（SQLite）的一致副本写入 DATA_DIR/backups，只保留最新的若干份。其他数据库请用它们自己的工具。",
        en: "Writes a consistent copy of the embedded database (SQLite) into DATA_DIR/backups and keeps the newest \
             ones. Other databases have tools of their own.",
    };
    const AUDIENCE: Audience = Audience::Platform;

    fn policy() -> Policy {
        Policy {
            queue: "maintenance",
            max_attempts: 3,
            // What one writes, another might take for a leftover.
            concurrency: Some(1),
            timeout: std::time::Duration::from_hours(1),
            ..Policy::default()
        }
    }

    fn check(&self) -> Result<()> {
        match self.keep {
            1..=1000 => Ok(()),
            _ => Err(Error::field("args.keep", "range", "must be between 1 and 1000")),
        }
    }
}

impl Job<App> for Backup {
    type Output = Written;

    async fn run(self, app: App, run: Run) -> Result<Written, Failure> {
        let tool = match app.store().dialect() {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("pg_dump"),
            Dialect::Mysql => Some("mariadb-dump --single-transaction"),
        };
        if let Some(tool) = tool {
            let message = format!(
                "only the embedded database is backed up by a job; run `{tool}` from a timer of the system instead"
            );
            return Err(Failure::Fatal(Error::invalid("not_embedded", message)));
        }
        let folder = app.service::<DataDir>()?.0.join(FOLDER);
        let name = app.now().format(NAME).to_string();
        let (target, part) = (folder.join(&name), folder.join(format!("{}.part", run.id())));
        prepare(&folder, &part).map_err(|cause| troubled(&folder, &cause))?;
        let bytes = backup::backup(app.store(), &part).await?;
        settle(&part, &target).map_err(|cause| troubled(&target, &cause))?;
        let keep = usize::try_from(self.keep).unwrap_or(usize::MAX);
        let deleted = thin(&folder, keep).map_err(|cause| troubled(&folder, &cause))?;
        run.log(Level::Info, format!("wrote {name} ({bytes} bytes), deleted {deleted} older"));
        Ok(Written { file: format!("{FOLDER}/{name}"), bytes, deleted })
    }
}

fn troubled(path: &Path, cause: &std::io::Error) -> Error {
    Error::unavailable("backup_not_written", format!("{} cannot be written: {cause}", path.display()))
}

/// Makes the folder, for its owner only, and takes away what an attempt before this one left.
fn prepare(folder: &Path, part: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match fs::remove_file(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A backup has its name only when it is whole and on the disk.
fn settle(part: &Path, target: &Path) -> std::io::Result<()> {
    fs::File::open(part)?.sync_all()?;
    fs::rename(part, target)
}

/// Deletes all but the newest `keep` backups, and what attempts left that never ended; how many
/// backups went. Other files of the folder are not ours.
fn thin(folder: &Path, keep: usize) -> std::io::Result<usize> {
    let mut backups = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".part").is_some_and(|stem| stem.parse::<base::Id>().is_ok()) {
            fs::remove_file(entry.path())?;
        }
        if chrono::NaiveDateTime::parse_from_str(&name, NAME).is_ok() {
            backups.push(entry.path());
        }
    }
    backups.sort_unstable();
    backups.truncate(backups.len().saturating_sub(keep));
    backups.iter().try_for_each(fs::remove_file)?;
    Ok(backups.len())
}
