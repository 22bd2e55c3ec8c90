//! What operators look at, over all organisations: lists, one job with its history, a few numbers.

use std::time::Duration;

use ::store::Tx;
use base::{Id, Result};

use crate::{
    Engine, State,
    store::{
        entity::{attempt, job, log},
        inspect,
    },
};

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one organisation, or of all.
    pub org: Option<Id>,
    /// In one state.
    pub state: Option<State>,
    /// Of one kind.
    pub kind: Option<String>,
    /// In one queue.
    pub queue: Option<String>,
    /// At most so many, the newest.
    pub limit: u64,
}

/// The numbers that are watched.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Jobs in each state except succeeded, which is not counted: those are many and say little.
    pub depths: Vec<(State, i64)>,
    /// For how long the oldest ready job has been due.
    pub oldest_ready: Option<Duration>,
    /// Times at which schedules should have fired and did not.
    pub missed_ticks: i64,
}

impl Gauges {
    /// Jobs in a state.
    pub fn depth(&self, state: State) -> i64 {
        self.depths.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count)
    }
}

impl Engine {
    /// The newest jobs that a filter lets through.
    pub async fn list(&self, tx: &Tx, filter: &Filter) -> Result<Vec<job::Model>> {
        inspect::list(tx, filter).await
    }

    /// The job of that id in any of these organisations. The key begins with the organisation, so an id
    /// alone would mean reading the whole table.
    pub async fn find_among(&self, tx: &Tx, orgs: &[Id], id: Id) -> Result<Option<job::Model>> {
        inspect::find_among(tx, orgs, id).await
    }

    /// A job's attempts that did not succeed, in order.
    pub async fn attempts(&self, tx: &Tx, org: Id, id: Id) -> Result<Vec<attempt::Model>> {
        inspect::attempts(tx, org, id).await
    }

    /// The last lines of a job's log, in order.
    pub async fn last_lines(&self, tx: &Tx, org: Id, id: Id, most: u64) -> Result<Vec<log::Model>> {
        inspect::last_lines(tx, org, id, most).await
    }

    /// The numbers that are watched, over all organisations.
    pub async fn gauges(&self, tx: &Tx) -> Result<Gauges> {
        let now = self.now(tx).await?;
        let counts = inspect::counts(tx).await?;
        Ok(Gauges {
            depths: counts.depths,
            oldest_ready: counts.oldest_ready.map(|at| (now - at).to_std().unwrap_or_default()),
            missed_ticks: inspect::missed_ticks(tx).await?,
        })
    }
}
