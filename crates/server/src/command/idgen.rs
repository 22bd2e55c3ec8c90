//! `tenon idgen …`: the operator's means for ids.

use base::Id;
use idgen::KeyName;
use kernel::App;
use platform::ids::{Ids, adopt};
use store::kv::foreign::{self, Value};

use crate::{
    cli::{CreateSuperuserArgs, Exit, Failure, IdgenCommand, ImportKxyArgs, OwnerArgs, print},
    config::{Config, Inputs},
};

use super::{
    columns::align,
    createsuperuser,
    parts::{self, Desk},
};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &IdgenCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    // A secret of another service, for this one command.
    let des_key = inputs.environment.iter().find(|(name, _)| name == "KXY_DES_KEY");
    let des_key = des_key.map(|(_, value)| value.as_str());
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = match command {
            IdgenCommand::ImportKxy(args) => Box::pin(import(&desk, &config, des_key, args)).await,
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

async fn import(
    desk: &Desk,
    config: &Config,
    des_key: Option<&str>,
    args: &ImportKxyArgs,
) -> Result<(), Failure> {
    let app = &desk.app;
    let found = foreign::read(&args.redis, adopt::PREFIX).await?;
    if found.is_empty() {
        return Err(Failure::refused("there is nothing of a KXY ID service in that Redis (kxy:id:*)"));
    }
    if args.with_administrator {
        administrator(desk, config, &found, des_key, args.dry_run).await?;
    }
    let org = organization(app, args.organization).await?;
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

/// The older service's administrator as a platform administrator; on a fresh installation that is its set-up.
async fn administrator(
    desk: &Desk,
    config: &Config,
    found: &[(String, Value)],
    des_key: Option<&str>,
    dry_run: bool,
) -> Result<(), Failure> {
    let des_key = des_key.ok_or_else(|| {
        Failure::refused("--with-administrator needs the older service's DES_KEY in KXY_DES_KEY")
    })?;
    let (username, password) = adopt::administrator(found, des_key.as_bytes())?;
    let args = CreateSuperuserArgs { username, email: None, password_stdin: false };
    if dry_run {
        print(&format!("administrator {} would be taken over\n", args.username));
        return Ok(());
    }
    match createsuperuser::create(desk, config, &args, &password).await {
        // The older service kept nothing by which a wrong key could be told from the right one.
        Ok(made) => print(&format!(
            "administrator {} was taken over with his password; sign in once to see that KXY_DES_KEY was right\n",
            made.user.username
        )),
        // Running the command again, or a weak password, is no reason to leave the counters behind.
        Err(failure) if failure.exit == Exit::Refused => {
            print(&format!("! administrator {} was not taken over: {}\n", args.username, failure.message));
        }
        Err(failure) => return Err(failure),
    }
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
