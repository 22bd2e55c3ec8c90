//! `tenon jobs enqueue`.

use std::time::Duration;

use jobs::{Engine, Kinds, NewJob, PLATFORM};
use kernel::{App, audit};
use serde_json::Value;
use store::Mode;

use crate::cli::{Failure, JobsEnqueueArgs, print};

use super::{super::parts, Organizations, act, organization_of};

/// The largest edit by which a kind is still recognised.
const TYPOS: usize = 3;

/// Enqueues one job; wrong kinds and arguments are wrong use.
pub(super) async fn run(app: &App, args: &JobsEnqueueArgs) -> Result<(), Failure> {
    let engine = app.service::<Engine>()?;
    known(engine.kinds(), &args.kind)?;
    let given: Value = serde_json::from_str(&args.args)
        .map_err(|error| Failure::refused(format!("--args is not JSON: {error}")))?;
    let org = match &args.org {
        Some(typed) => organization_of(app, typed).await?,
        None => PLATFORM,
    };
    let mut job = NewJob::named(org, args.kind.as_str(), given);
    if let Some(queue) = &args.queue {
        job = job.queue(queue.as_str());
    }
    if let Some(seconds) = args.delay {
        job = job.delay(Duration::from_secs(seconds.into()));
    }
    if let Some(priority) = args.priority {
        job = job.priority(priority);
    }
    let tx = act::begin(app, org).await?;
    let enqueued = engine.enqueue(&tx, job).await.map_err(|error| match error.kind() {
        base::Kind::Invalid | base::Kind::Conflict => Failure::refused(error.to_string()),
        _ => error.into(),
    })?;
    let event = act::event("create", enqueued.id, &args.kind);
    audit::write(&tx, app.now(), parts::operator(), &parts::origin(), event).await?;
    tx.commit().await?;
    let tx = app.system(Mode::Read).await?;
    let owner = match org {
        PLATFORM => "the platform".to_owned(),
        org => base::text::one_line(&Organizations::read(&tx).await?.name(org)),
    };
    tx.commit().await?;
    print(&format!("enqueued {} ({} for {owner})\n", enqueued.id, args.kind));
    Ok(())
}

/// Refuses a kind that this build does not have, with the one that was probably meant.
fn known(kinds: &Kinds, name: &str) -> Result<(), Failure> {
    if kinds.find(name).is_some() {
        return Ok(());
    }
    let near = kinds
        .iter()
        .map(|kind| (strsim::damerau_levenshtein(kind.name, name), kind.name))
        .filter(|(distance, _)| *distance <= TYPOS)
        .min();
    let hint = match near {
        Some((_, meant)) => format!("did you mean {meant}?"),
        None => format!("there are {}", kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")),
    };
    let shown = base::text::one_line(name);
    Err(Failure::refused(format!("there is no kind of job called `{shown}`; {hint}")))
}
