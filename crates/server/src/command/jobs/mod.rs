//! `tenon jobs …`: the operator's view of the queue, over all organisations.

mod act;
mod drain;
mod enqueue;
mod look;

use base::Id;
use identity::{entity::organization, organization::operator};
use jobs::{Engine, PLATFORM, store::entity::job};
use kernel::App;
use store::{Mode, Tx};

use crate::{
    cli::{Failure, JobsCommand},
    config::{Config, Inputs},
};

use super::parts::{self, Desk};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &JobsCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    if let JobsCommand::Drain(args) = command {
        return drain::run(&config, args);
    }
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = Box::pin(carry_out(&desk, command)).await;
        desk.close().await;
        outcome
    })
}

async fn carry_out(desk: &Desk, command: &JobsCommand) -> Result<(), Failure> {
    let app = &desk.app;
    match command {
        JobsCommand::List(args) => look::list(app, args).await,
        JobsCommand::Show(args) => look::show(app, args).await,
        JobsCommand::Retry(args) => act::each(app, act::Act::Retry, &args.ids).await,
        JobsCommand::Cancel(args) => act::each(app, act::Act::Cancel, &args.ids).await,
        JobsCommand::Enqueue(args) => enqueue::run(app, args).await,
        JobsCommand::Drain(_) => Ok(()),
    }
}

/// Every organisation, to find jobs in and to name their owners.
struct Organizations(Vec<organization::Model>);

impl Organizations {
    async fn read(tx: &Tx) -> base::Result<Self> {
        operator::all(tx).await.map(Self)
    }

    /// What an organisation is called; the platform's own jobs belong to none.
    fn name(&self, id: Id) -> String {
        if id == PLATFORM {
            return "(platform)".to_owned();
        }
        let found = self.0.iter().find(|one| one.id == id);
        found.map_or_else(|| id.to_string(), |one| one.name.clone())
    }

    /// The job of that id, wherever it belongs.
    async fn job(&self, app: &App, tx: &Tx, id: Id) -> base::Result<job::Model> {
        let all: Vec<Id> = std::iter::once(PLATFORM).chain(self.0.iter().map(|one| one.id)).collect();
        let found = app.service::<Engine>()?.find_among(tx, &all, id).await?;
        found.ok_or_else(|| base::Error::not_found("not_found", format!("there is no job {id}")))
    }
}

/// The organisation that somebody typed, by id or name.
async fn organization_of(app: &App, typed: &str) -> Result<Id, Failure> {
    let tx = app.system(Mode::Read).await?;
    let found = operator::meant(&tx, typed).await?;
    tx.commit().await?;
    let shown = base::text::one_line(typed);
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => {
            Err(Failure::refused(format!("there is no organisation `{shown}`; use its id or its whole name")))
        }
        many => {
            let ids: Vec<String> = many.iter().map(|one| one.id.to_string()).collect();
            let ids = ids.join(", ");
            Err(Failure::refused(format!("several organisations are called `{shown}`; use one of {ids}")))
        }
    }
}
