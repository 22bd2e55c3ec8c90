//! Checks of the database: reachable, migrated, its clock, and whether its policies bind us.

use base::{Clock, SystemClock, secret::ExposeSecret};
use store::{Store, backup, facts, rls};

use crate::{
    cli::Failure,
    config::{AppEnv, Config, DatabaseKind},
    wiring::migrations,
};

use super::{
    super::{parts, schema},
    Check, ids, jobs,
};

/// Clocks that differ by more than this make leases and sign-ins go wrong.
const DRIFT_SECONDS: i64 = 5;

pub(super) async fn examine(config: &Config) -> Vec<Check> {
    if let Some(file) = backup::file_of(config.database.url.expose_secret())
        && !file.is_file()
    {
        return vec![Check::ok("database", format!("{} will be made at the first start", file.display()))];
    }
    let store = match parts::connect(config, &config.database.url).await {
        Ok(store) => store,
        Err(error) => return vec![Check::fail("database", parts::unreachable(error).message)],
    };
    let mut checks = server(config, &store).await;
    checks.extend(schema_state(config, &store).await);
    checks.extend(policies(config, &store).await);
    if migrations().pending(&store).await.is_ok_and(|pending| pending.is_empty()) {
        checks.extend(jobs::examine(config, &store).await);
        checks.push(ids::examine(&store).await);
    }
    store.close().await;
    checks
}

async fn server(config: &Config, store: &Store) -> Vec<Check> {
    let facts = match facts::facts(store).await {
        Ok(facts) => facts,
        Err(error) => return vec![Check::fail("database", Failure::from(error).message)],
    };
    let kind = store.dialect().name();
    let mut checks =
        vec![Check::ok("database", format!("{kind} {} at {}", facts.version, config.database.shown_url))];
    if let Some(now) = facts.now {
        let drift = (SystemClock.now() - now).num_seconds().abs();
        checks.push(match drift {
            0..=DRIFT_SECONDS => Check::ok("clock", "agrees with the database's"),
            _ => {
                let message = format!("differs by {drift} s from the database's; run NTP on both machines");
                Check::fail_in(config.env, "clock", message)
            }
        });
    }
    checks
}

async fn schema_state(config: &Config, store: &Store) -> Vec<Check> {
    match migrations().pending(store).await {
        Ok(pending) if pending.is_empty() => vec![Check::ok("migrations", "all applied")],
        Ok(pending) => {
            let message = format!("{} pending; run `tenon migrate up`", pending.len());
            vec![Check::fail_in(config.env, "migrations", message)]
        }
        Err(error) => vec![Check::fail("migrations", Failure::from(error).message)],
    }
}

async fn policies(config: &Config, store: &Store) -> Vec<Check> {
    if config.database.kind != DatabaseKind::Postgres {
        let message = "does not apply; the application's own filter separates organisations";
        return vec![Check::ok("row security", message)];
    }
    let found = match schema::objections(store).await {
        Ok(found) => found,
        Err(failure) => return vec![Check::fail("row security", failure.message)],
    };
    if found.is_empty() {
        let tables = rls::status(store).await.map(|tables| tables.len()).unwrap_or_default();
        return vec![Check::ok(
            "row security",
            format!("{tables} tables are protected, and this user cannot escape"),
        )];
    }
    let fine =
        if config.env == AppEnv::Dev { " (fine for dev; prod refuses to start like this)" } else { "" };
    vec![Check::fail_in(config.env, "row security", format!("{}{fine}", found.join("; ")))]
}
