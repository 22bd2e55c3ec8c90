//! Getting the database into the state that this build needs: provisioning in dev, migrations,
//! and the checks that production insists on.

use base::{Secret, SystemClock, secret::ExposeSecret};
use store::{Dialect, Store, provision::Plan, rls};

use crate::{
    cli::Failure,
    config::{AppEnv, Config, DatabaseKind},
    wiring::migrations,
};

use super::parts::{self, Opened};

/// The administrator's URL, when one is configured and belongs to the same kind of database.
fn admin_url(config: &Config) -> Result<Option<&Secret>, Failure> {
    let Some(admin) =
        config.database.admin_url.as_ref().filter(|_| config.database.kind != DatabaseKind::Sqlite)
    else {
        return Ok(None);
    };
    let kinds = [admin, &config.database.url].map(|url| Dialect::of(url.expose_secret()));
    match kinds {
        [Ok(one), Ok(other)] if one == other => Ok(Some(admin)),
        _ => Err(Failure::refused(format!(
            "DATABASE_ADMIN_URL is not for the same kind of database as {}",
            config.database.shown_url
        ))),
    }
}

/// What `tenon db init` would make. Without an administrator's URL the server's own user tries.
pub fn plan(config: &Config) -> Result<Plan, Failure> {
    let url = config.database.url.expose_secret();
    let admin = match admin_url(config)? {
        Some(admin) => admin.expose_secret().to_owned(),
        // Every PostgreSQL cluster has this database; for MySQL none is named.
        None => store::provision::with_database(url, "postgres")?,
    };
    Ok(Plan::of(url, &admin)?)
}

/// Opens the configured database; in dev it is made first where that is possible.
pub async fn open(config: &Config) -> Result<Opened, Failure> {
    config.ensure_data_dir()?;
    let lock = store::backup::share(&config.data_dir)?;
    let url = &config.database.url;
    let store = match parts::connect(config, url).await {
        Ok(store) => store,
        Err(failure) if failure.code() == "database_unavailable" || !provisions(config) => {
            return Err(parts::unreachable(failure));
        }
        Err(_) => {
            provision(config).await;
            parts::connect(config, url).await.map_err(parts::unreachable)?
        }
    };
    Ok(Opened { store, lock })
}

fn provisions(config: &Config) -> bool {
    config.env == AppEnv::Dev && config.database.kind != DatabaseKind::Sqlite
}

/// Makes database, roles and grants where the rights allow; what is missing afterwards is said by
/// whoever misses it.
async fn provision(config: &Config) {
    let outcome = match plan(config) {
        Ok(plan) => plan.apply().await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(done) => done.iter().for_each(|line| tracing::info!("{line}")),
        Err(failure) => tracing::debug!(%failure, "the database was not prepared"),
    }
}

/// The connection that may migrate: the administrator's when configured, else the server's own.
pub async fn migrator(config: &Config, store: &Store) -> Result<Store, Failure> {
    let Some(admin) = admin_url(config)? else { return Ok(store.clone()) };
    let database = plan(config)?.database;
    let url = Secret::from(store::provision::with_database(admin.expose_secret(), &database)?);
    parts::connect(config, &url).await.map_err(|error| {
        let failure = parts::unreachable(error);
        Failure { message: format!("DATABASE_ADMIN_URL: {}", failure.message), ..failure }
    })
}

/// Applies what is pending; the names.
pub async fn migrate(config: &Config, store: &Store) -> Result<Vec<String>, Failure> {
    let migrator = migrator(config, store).await?;
    let outcome = migrations().up(&migrator, &SystemClock).await;
    if config.database.admin_url.is_some() && config.database.kind != DatabaseKind::Sqlite {
        migrator.close().await;
    }
    outcome.map_err(|error| {
        let failure = parts::unreachable(error);
        // MySQL and MariaDB have no roles to act as: the server's own user may read and write only.
        if failure.message.contains("command denied to user") {
            return Failure::failed(
                "this user may not migrate; set DATABASE_ADMIN_URL to one that may create tables",
            );
        }
        failure
    })
}

/// Migrates where that is allowed (dev, or `asked`), else fails when something is pending.
pub async fn ensure(config: &Config, store: &Store, asked: bool) -> Result<(), Failure> {
    let pending = migrations().pending(store).await?;
    if pending.is_empty() {
        return Ok(());
    }
    if config.env == AppEnv::Prod && !asked {
        return Err(too_old(&pending));
    }
    if provisions(config) {
        provision(config).await;
    }
    for name in migrate(config, store).await? {
        tracing::info!(name, "migrated");
    }
    Ok(())
}

/// Exit code 3.
pub fn too_old(pending: &[String]) -> Failure {
    let (count, verb) = (pending.len(), if pending.len() == 1 { "migration is" } else { "migrations are" });
    Failure::pending(format!(
        "{count} {verb} pending ({}); run `tenon migrate up`, or start with `tenon serve --migrate`",
        pending.join(", ")
    ))
}

/// Why this database must not be served in production, with what to do; empty when it may, and where row-level
/// security does not exist.
pub async fn objections(store: &Store) -> Result<Vec<String>, Failure> {
    if !rls::applies(store) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let user = rls::user(store).await?.objections();
    if !user.is_empty() {
        found.push(format!("{}: use the user that `tenon db init` makes", user.join(", ")));
    }
    let open: Vec<String> = rls::status(store)
        .await?
        .into_iter()
        .filter(|state| !state.protected())
        .map(|state| state.table)
        .collect();
    if !open.is_empty() {
        found.push(format!("no policy protects {}: run `tenon rls --enable`", open.join(", ")));
    }
    Ok(found)
}

/// Refuses, in production, a database whose policies could be escaped.
pub async fn insist_on_policies(config: &Config, store: &Store) -> Result<(), Failure> {
    if config.env != AppEnv::Prod {
        return Ok(());
    }
    match objections(store).await?.as_slice() {
        [] => Ok(()),
        found => Err(Failure::refused(format!("row-level security could be escaped: {}", found.join("; ")))),
    }
}
