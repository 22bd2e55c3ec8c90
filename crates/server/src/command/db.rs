//! `tenon db init|backup|restore`.

use std::path::Path;

use base::secret::ExposeSecret;
use store::backup;

use crate::{
    cli::{self, DbCommand, Failure, print},
    config::{Config, DatabaseKind, Inputs},
};

use super::{parts, schema};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &DbCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    match command {
        DbCommand::Init => parts::block_on(init(&config)),
        DbCommand::Backup { file } => parts::block_on(save(&config, file)),
        DbCommand::Restore { file, yes } => parts::block_on(restore(&config, file, *yes)),
    }
}

async fn init(config: &Config) -> Result<(), Failure> {
    if config.database.kind == DatabaseKind::Sqlite {
        print("SQLite needs no preparation: the file is made at the first start\n");
        return Ok(());
    }
    let plan = schema::plan(config)?;
    let done = plan.apply().await.map_err(|error| {
        let failure = parts::unreachable(error);
        let who = match config.database.admin_url {
            Some(_) => "DATABASE_ADMIN_URL",
            None => "DATABASE_ADMIN_URL is not set, and DATABASE_URL",
        };
        let message = format!("{who} may not prepare the database or cannot reach it: {}", failure.message);
        Failure { message, ..failure }
    })?;
    let lines: String = done.iter().map(|line| format!("{line}\n")).collect();
    print(&format!("{lines}next: `tenon migrate up`\n"));
    Ok(())
}

async fn save(config: &Config, file: &Path) -> Result<(), Failure> {
    let database = embedded(config)?;
    if !database.is_file() {
        return Err(Failure::failed(format!("there is no database at {} yet", database.display())));
    }
    let opened = parts::open(config).await?;
    let bytes = backup::backup(&opened.store, file).await?;
    opened.store.close().await;
    print(&format!("wrote {} ({bytes} bytes)\n", file.display()));
    Ok(())
}

async fn restore(config: &Config, file: &Path, yes: bool) -> Result<(), Failure> {
    let database = embedded(config)?;
    config.ensure_data_dir()?;
    let claimed = backup::claim(&config.data_dir)?;
    cli::confirm(&format!("replace {} by {}", database.display(), file.display()), yes)?;
    backup::restore(&claimed, file, &database).await?;
    print(&format!("restored {} from {}\n", database.display(), file.display()));
    Ok(())
}

/// The file of the embedded database.
fn embedded(config: &Config) -> Result<std::path::PathBuf, Failure> {
    let tool = match config.database.kind {
        DatabaseKind::Sqlite => "sqlite3",
        DatabaseKind::Postgres => "pg_dump and pg_restore",
        DatabaseKind::Mysql => "mariadb-dump and mariadb",
    };
    backup::file_of(config.database.url.expose_secret())
        .ok_or_else(|| Failure::refused(format!("this is for the embedded database; use {tool}")))
}
