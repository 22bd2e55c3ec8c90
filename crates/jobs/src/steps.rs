//! The engine one step at a time, for tests and tools: what a worker's loops do, without the loops.
//!
//! Each function is one unit of work, and the one that the loops call. A [`Hand`] claims jobs and says how they
//! ended, but runs nothing, renews nothing by itself and keeps no deadline: whoever holds a [`Lease`] longer than
//! it lasts finds that another hand has the job.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ::store::Mode;
use base::{Id, Result};

use crate::{
    Engine, Outcome,
    engine::retrying,
    schedule,
    store::{self, Claim, Claimed, Held},
    worker,
};

/// A worker without loops.
pub struct Hand {
    engine: Engine,
    id: Id,
    name: String,
    lease: Duration,
    turns: Mutex<HashMap<String, Id>>,
}

/// A job that a [`Hand`] has claimed, under one fencing token.
#[derive(Debug)]
pub struct Lease {
    claimed: Claimed,
}

impl Lease {
    /// The organisation.
    pub fn org(&self) -> Id {
        self.claimed.org
    }
    /// The job.
    pub fn id(&self) -> Id {
        self.claimed.id
    }
    /// The kind of job.
    pub fn kind(&self) -> &str {
        &self.claimed.kind
    }
    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.claimed.attempt
    }
    /// The fencing token.
    pub fn fence(&self) -> i64 {
        self.claimed.fence
    }

    fn held(&self) -> Held {
        (self.claimed.org, self.claimed.id, self.claimed.fence)
    }
}

impl Hand {
    /// A hand that claims for `lease` at a time.
    pub fn new(engine: Engine, name: impl Into<String>, lease: Duration) -> Self {
        let id = engine.new_id();
        Self { engine, id, name: name.into(), lease, turns: Mutex::default() }
    }

    /// Claims up to `slots` ready jobs of every queue, organisation by organisation in turn.
    pub async fn claim(&self, slots: usize) -> Result<Vec<Lease>> {
        let queues: Vec<String> = self.engine.kinds().queues().into_iter().map(str::to_owned).collect();
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (claimed, next) = retrying(|| async {
            let (tx, now) = self.engine.system(Mode::Write).await?;
            let mut claim = Claim {
                worker: self.id,
                name: &self.name,
                lease: self.lease,
                slots,
                share: slots,
                held: HashMap::new(),
                more: false,
            };
            let claimed = store::claim(&tx, now, &queues, &mut claim, &turns).await?;
            tx.commit().await?;
            Ok(claimed)
        })
        .await?;
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).extend(next);
        Ok(claimed.into_iter().map(|claimed| Lease { claimed }).collect())
    }

    /// Renews a lease; `false` when it is no longer ours.
    pub async fn renew(&self, lease: &Lease) -> Result<bool> {
        let (tx, now) = self.engine.system(Mode::Write).await?;
        let renewed = store::renew(&tx, now, self.lease, &[lease.held()]).await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// Whether a job is to stop because somebody cancelled it; `None` when the lease is no longer ours.
    pub async fn is_cancelled(&self, lease: &Lease) -> Result<Option<bool>> {
        let (tx, _) = self.engine.system(Mode::Read).await?;
        let confirmed = store::confirm(&tx, &[lease.held()]).await?;
        tx.commit().await?;
        Ok(confirmed.first().map(|(_, cancelled)| *cancelled))
    }

    /// Writes how an attempt ended; `false` when the lease is no longer ours and nothing was written.
    pub async fn finish(&self, lease: &Lease, outcome: Outcome) -> Result<bool> {
        let claimed = &lease.claimed;
        let policy = self.engine.kind(&claimed.kind)?.policy;
        let keep = (policy.keep, policy.keep_failed);
        let Some((_, ending)) = worker::ending(claimed, &policy, keep, outcome) else { return Ok(false) };
        let ended = [claimed.ended(self.name.clone(), ending)];
        retrying(|| async {
            let (tx, now) = self.engine.system(Mode::Write).await?;
            let written = store::acknowledge(&tx, now, &ended.each_ref(), || self.engine.new_id()).await?;
            tx.commit().await?;
            Ok(written == 1)
        })
        .await
    }
}

/// Makes ready whose time has come; how many.
pub async fn promote(engine: &Engine) -> Result<usize> {
    worker::promote(engine).await
}

/// Takes back jobs whose lease is over; how many.
pub async fn rescue(engine: &Engine) -> Result<usize> {
    worker::rescue(engine, |_, policy| policy.keep_failed).await
}

/// Fires the schedules that are due; whether there was one.
pub async fn fire_due(engine: &Engine) -> Result<bool> {
    retrying(|| schedule::fire_due(engine)).await
}
