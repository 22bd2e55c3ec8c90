//! When keys were last used: noted in memory as requests are admitted, written by the node's upkeep.
//!
//! A request never waits for it, and an embedded database has one writer. What was noted in the
//! last seconds before the process ends is lost. May import: `kernel`, this crate's entities.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base::{Id, Result};
use chrono::{DateTime, Duration, Utc};
use kernel::App;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use store::Mode;

use crate::{
    entity::api_key::{ActiveModel, Column},
    service::Identity,
};

/// How exactly the last use is kept: a row is written at most once in this time.
const EVERY: Duration = Duration::seconds(60);

/// The last uses that this process has seen.
#[derive(Default)]
pub struct Uses {
    seen: Mutex<HashMap<Id, Use>>,
}

struct Use {
    last: DateTime<Utc>,
    written: Option<DateTime<Utc>>,
}

impl Uses {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Use>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a key that exists was used.
    pub(crate) fn note(&self, key: Id, now: DateTime<Utc>) {
        self.lock().entry(key).or_insert(Use { last: now, written: None }).last = now;
    }

    /// What is to be written, in the order of the ids, so that two nodes do not lock each other out.
    fn due(&self, now: DateTime<Utc>) -> Vec<(Id, DateTime<Utc>)> {
        let due = |seen: &Use| seen.written.is_none_or(|at| seen.last > at && now - at >= EVERY);
        let mut found: Vec<_> =
            self.lock().iter().filter(|(_, seen)| due(seen)).map(|(id, seen)| (*id, seen.last)).collect();
        found.sort_unstable();
        found
    }

    /// Remembers what was written, and forgets keys that rest.
    fn settle(&self, written: &[(Id, DateTime<Utc>)], now: DateTime<Utc>) {
        let mut seen = self.lock();
        for (id, _) in written {
            if let Some(one) = seen.get_mut(id) {
                one.written = Some(now);
            }
        }
        seen.retain(|_, one| one.written.is_none_or(|at| one.last > at || now - at < EVERY));
    }
}

/// Writes the last uses of keys that were used since; called by the node's upkeep.
pub async fn flush_uses(app: &App) -> Result<()> {
    let (uses, now) = (&Identity::of(app)?.key_uses, app.now());
    let due = uses.due(now);
    if due.is_empty() {
        return Ok(());
    }
    let tx = app.system(Mode::Write).await?;
    for (id, at) in &due {
        let values = ActiveModel { last_used_at: Set(Some(*at)), ..Default::default() };
        // Another node may have seen a later one.
        let older = Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lt(*at));
        tx.update_where(values, Condition::all().add(Column::Id.eq(*id)).add(older)).await?;
    }
    tx.commit().await?;
    uses.settle(&due, now);
    Ok(())
}
