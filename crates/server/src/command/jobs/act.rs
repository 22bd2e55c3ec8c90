//! `tenon jobs retry` and `tenon jobs cancel`: one job after the other, each with its audit entry.

use base::Id;
use jobs::{Engine, PLATFORM, State};
use kernel::{App, audit};
use serde_json::json;
use store::{Mode, Opening, Role, Tx};

use crate::cli::{Failure, print};

use super::{super::parts, Organizations};

/// What is done to jobs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Try again.
    Retry,
    /// Call off.
    Cancel,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
        }
    }
}

/// Does it to each; what could not be done is said at the end, and is exit code 1.
pub(super) async fn each(app: &App, act: Act, ids: &[Id]) -> Result<(), Failure> {
    let tx = app.system(Mode::Read).await?;
    let organizations = Organizations::read(&tx).await?;
    tx.commit().await?;
    let mut undone = Vec::new();
    for id in ids {
        match one(app, &organizations, act, *id).await {
            Ok(said) => print(&format!("{said}\n")),
            Err(error) if matches!(error.kind(), base::Kind::NotFound | base::Kind::Conflict) => {
                let why = error.to_string();
                undone.push(if why.contains(&id.to_string()) { why } else { format!("{id}: {why}") });
            }
            Err(error) => return Err(error.into()),
        }
    }
    match undone.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::failed(one.as_str())),
        many => {
            Err(Failure::failed(format!("{} jobs were left as they are: {}", many.len(), many.join("; "))))
        }
    }
}

async fn one(app: &App, organizations: &Organizations, act: Act, id: Id) -> base::Result<String> {
    let engine = app.service::<Engine>()?;
    let tx = app.system(Mode::Read).await?;
    let job = organizations.job(app, &tx, id).await?;
    tx.commit().await?;
    let tx = begin(app, job.org_id).await?;
    let (after, said) = match act {
        Act::Retry => {
            engine.retry(&tx, job.org_id, id).await?;
            (None, "is tried again")
        }
        Act::Cancel => match engine.cancel(&tx, job.org_id, id).await? {
            State::Running => (None, "runs and is asked to stop"),
            state => (Some(state), "is cancelled"),
        },
    };
    let mut event = event(act.name(), id, &job.kind);
    if let Some(after) = after {
        event = event.change("state", json!(job.state), json!(after.as_str()));
    }
    audit::write(&tx, app.now(), parts::operator(), &parts::origin(), event).await?;
    tx.commit().await?;
    Ok(format!("{id} ({}) {said}", job.kind))
}

/// A unit of work of the system in an organisation; the platform's own jobs belong to none.
pub(super) async fn begin(app: &App, org: Id) -> base::Result<Tx> {
    let org = (org != PLATFORM).then_some(org);
    app.store().begin(Mode::Write, Opening::new(Role::System, org)).await
}

/// What the audit trail says of an operator's step.
pub(super) fn event(action: &str, id: Id, kind: &str) -> audit::Event {
    audit::Event::new(format!("jobs:job:{action}"), "jobs.job").target(id, kind)
}
