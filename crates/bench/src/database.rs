//! A fresh database for one run, made as `tenon db init` and `tenon migrate` make one, and dropped after it.

use base::{Clock, Error, Result, SystemClock};
use sea_orm::{ConnectOptions, ConnectionTrait};
use store::{Dialect, Migrations, Options, Store, provision};

use crate::floor;

/// A migrated database of its own.
pub struct Database {
    /// Its pool, of the size that a server has.
    pub store: Store,
    server: String,
    name: String,
    folder: tempfile::TempDir,
}

impl Database {
    /// Makes it on the server of that URL, or in a temporary file.
    pub async fn create(dialect: Dialect, server: &str) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let name = format!("tenon_bench_{}_{}", std::process::id(), SystemClock.now().timestamp());
        let url = match dialect {
            Dialect::Sqlite => format!("sqlite://{}", folder.path().join("tenon.db").display()),
            _ => {
                let url = provision::with_database(server, &name)?;
                provision::Plan::of(&url, server)?.apply().await?;
                url
            }
        };
        let store = Store::connect(&Options::new(url)).await?;
        let migrations = Migrations::default().with(&[jobs::MIGRATION, floor::MIGRATION]);
        migrations.up(&store, &SystemClock).await?;
        Ok(Self { store, server: server.to_owned(), name, folder })
    }

    /// Closes and drops it.
    pub async fn drop(self) -> Result<()> {
        self.store.close().await;
        if self.store.dialect() == Dialect::Sqlite {
            return self.folder.close().map_err(Error::internal);
        }
        let mut options = ConnectOptions::new(self.server.replacen("mariadb:", "mysql:", 1));
        options.max_connections(1).sqlx_logging(false);
        let admin = sea_orm::Database::connect(options).await.map_err(store::error)?;
        let force = if self.store.dialect() == Dialect::Postgres { " WITH (FORCE)" } else { "" };
        let dropped =
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {}{force}", self.name)).await;
        admin.close().await.map_err(store::error)?;
        dropped.map(drop).map_err(store::error)
    }
}
