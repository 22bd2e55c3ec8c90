//! `tenon migrate up|down|status`.

use serde_json::json;
use store::migration::Status;

use crate::{
    cli::{self, Failure, MigrateArgs, MigrateDirection, print},
    config::{Config, DatabaseKind, Inputs},
    wiring::migrations,
};

use super::{
    columns::{align, yes},
    parts::{self, Opened},
    schema,
};

/// Runs one of the directions.
pub fn run(inputs: &Inputs, args: &MigrateArgs) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    parts::block_on(async {
        let opened = parts::open(&config).await?;
        let outcome = match args.direction {
            MigrateDirection::Up => up(&config, &opened, args).await,
            MigrateDirection::Down => down(&config, &opened, args).await,
            MigrateDirection::Status => status(&opened, args).await,
        };
        opened.store.close().await;
        outcome
    })
}

async fn up(config: &Config, opened: &Opened, args: &MigrateArgs) -> Result<(), Failure> {
    let applied = schema::migrate(config, &opened.store).await?;
    if args.json {
        print(&format!("{:#}\n", json!({ "applied": applied })));
    } else {
        tell("applied", &applied, "nothing is pending");
    }
    Ok(())
}

async fn down(config: &Config, opened: &Opened, args: &MigrateArgs) -> Result<(), Failure> {
    let steps = usize::try_from(args.steps).unwrap_or(usize::MAX);
    let names = newest(&migrations().status(&opened.store).await?, steps);
    if names.is_empty() {
        return report_down(args, &names);
    }
    let what = format!(
        "take back {} with everything in their tables ({})",
        names.join(", "),
        config.database.shown_url
    );
    cli::confirm(&what, args.yes)?;
    let migrator = schema::migrator(config, &opened.store).await?;
    let reverted = migrations().down(&migrator, steps).await;
    if config.database.kind != DatabaseKind::Sqlite {
        migrator.close().await;
    }
    report_down(args, &reverted?)
}

fn report_down(args: &MigrateArgs, names: &[String]) -> Result<(), Failure> {
    if args.json {
        print(&format!("{:#}\n", json!({ "reverted": names })));
    } else {
        tell("took back", names, "nothing is applied");
    }
    Ok(())
}

/// The names that `down` would take back, in its order.
fn newest(all: &[Status], steps: usize) -> Vec<String> {
    all.iter().rev().filter(|one| one.applied).take(steps).map(|one| one.name.clone()).collect()
}

fn tell(verb: &str, names: &[String], nothing: &str) {
    let lines: String = names.iter().map(|name| format!("{verb} {name}\n")).collect();
    print(&if lines.is_empty() { format!("{nothing}\n") } else { lines });
}

async fn status(opened: &Opened, args: &MigrateArgs) -> Result<(), Failure> {
    let all = migrations().status(&opened.store).await?;
    let pending: Vec<String> = all.iter().filter(|one| !one.applied).map(|one| one.name.clone()).collect();
    if args.json {
        print(&format!("{:#}\n", json!({ "migrations": all, "pending": pending.len() })));
    } else {
        let rows: Vec<Vec<String>> = all.iter().map(|one| vec![one.name.clone(), yes(one.applied)]).collect();
        print(&align(&["migration", "applied"], &rows));
    }
    if pending.is_empty() { Ok(()) } else { Err(schema::too_old(&pending)) }
}
