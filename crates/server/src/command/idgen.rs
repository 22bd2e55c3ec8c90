//! `tenon idgen …`: the operator's means for ids.

use base::Id;
use idgen::KeyName;
use kernel::App;
use platform::ids::{Ids, adopt};
use store::kv::foreign;

use crate::{
    cli::{Failure, IdgenCommand, ImportKxyArgs, OwnerArgs, print},
    config::{Config, Inputs},
};

use super::{columns::align, parts};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &IdgenCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = match command {
            IdgenCommand::ImportKxy(args) => Box::pin(import(&desk.app, args)).await,
            IdgenCommand::Check => check(&desk.app).await,
            IdgenCommand::Owner(args) => owner(&desk.app, args).await,
        };
        desk.close().await;
        outcome
    })
}

async fn organization(app: &App, given: Option<Id>) -> Result<Id, Failure> {
    match given {
        Some(id) => Ok(id),
        None => app
            .directory()
            .home(app)
            .await?
            .ok_or_else(|| Failure::refused("there is no organisation yet; do the first set-up")),
    }
}

async fn import(app: &App, args: &ImportKxyArgs) -> Result<(), Failure> {
    let org = organization(app, args.organization).await?;
    let found = foreign::read(&args.redis, adopt::PREFIX).await?;
    if found.is_empty() {
        return Err(Failure::refused("there is nothing of a KXY ID service in that Redis (kxy:id:*)"));
    }
    let options = adopt::Options { org, dry_run: args.dry_run, margin: args.margin };
    let report = adopt::adopt(app, &found, &options).await?;
    let rows = report.iter().map(|line| {
        let mark = if line.is_problem { "!" } else { "" };
        vec![mark.to_owned(), line.kind.to_owned(), line.name.clone(), line.outcome.clone()]
    });
    print(&align(&["", "WHAT", "NAME", "OUTCOME"], &rows.collect::<Vec<_>>()));
    let problems = report.iter().filter(|line| line.is_problem).count();
    let keys = report.iter().filter(|line| line.kind == "key" && !line.is_problem).count();
    let did = if args.dry_run { "would be taken over" } else { "were taken over" };
    print(&format!("{keys} keys {did}, {problems} lines need a look (!)\n"));
    Ok(())
}

async fn check(app: &App) -> Result<(), Failure> {
    let found = Ids::of(app)?.engine().check_all().await?;
    if found.is_empty() {
        print("no id has two owners\n");
        return Ok(());
    }
    let lines: String = found
        .iter()
        .map(|one| {
            format!("key {}: ids {} to {} have two owners\n", one.key, one.range.start(), one.range.end())
        })
        .collect();
    print(&lines);
    Err(Failure::failed(format!("{} ranges have two owners; their keys are in quarantine", found.len())))
}

async fn owner(app: &App, args: &OwnerArgs) -> Result<(), Failure> {
    let org = organization(app, args.organization).await?;
    let name = KeyName::new(&args.key)?;
    match Ids::of(app)?.engine().owner(org, &name, args.id).await? {
        None => print("no line of the journal speaks of it\n"),
        Some(line) => print(&format!(
            "{} {} to {} at {} by {} (request {}, node {})\n",
            line.kind.as_str(),
            line.range.start(),
            line.range.end(),
            base::time::format(line.at),
            line.caller.as_deref().unwrap_or("nobody in particular"),
            line.request_id.as_deref().unwrap_or("-"),
            line.node
        )),
    }
    Ok(())
}
