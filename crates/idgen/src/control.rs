//! What an operator does to keys: raise, stop, release, configure, give up.

use ::store::{Mode as Access, Tx};
use base::{Error, Id, Result};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Engine, Key, KeyName, LineKind, Range, Reason, Settings, State,
    engine::{above_limit, end, retrying},
    key::unknown,
    store,
};

impl Engine {
    /// Makes sure that no id up to `at_least` is issued from now on. Never lowers anything, so it can be
    /// repeated with what a table says of its highest key. When it returns, no node issues such an id: if
    /// others hold leases that it makes void, it waits until they have noticed ([`crate::Options::trust`]).
    ///
    /// An id that the journal knows as issued raises nothing: it is in the table because it was given away.
    ///
    /// Errors: 404 `key_unknown`; 409 `key_retired`; 422 `validation_failed` (`at_least`) above the limit
    /// of the key's type.
    pub async fn raise(&self, org: Id, name: &KeyName, at_least: i64) -> Result<Key> {
        self.flush().await?;
        let voided = retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let outcome = self.raise_within(&tx, org, name, at_least).await;
            end(tx, outcome).await
        })
        .await?;
        self.look_now().await?;
        if voided {
            tokio::time::sleep(self.shared.options.trust).await;
        }
        self.key(org, name).await
    }

    /// Whether leases of other nodes became void.
    async fn raise_within(&self, tx: &Tx, org: Id, name: &KeyName, at_least: i64) -> Result<bool> {
        let key = store::key::lock(tx, org, name).await?.ok_or_else(|| unknown(name))?;
        if key.state == State::Retired {
            key.must_issue()?;
        }
        if at_least > key.max() {
            return Err(above_limit("at_least", key.max()));
        }
        // Those of earlier epochs are void already, whoever held them.
        let mut leases = store::lease::of_key(tx, &key).await?;
        leases.retain(|lease| lease.epoch == key.epoch);
        let is_above = at_least > key.ceiling;
        let is_issued = !is_above && self.is_issued(tx, &key, at_least).await?;
        let voids = !is_issued && leases.iter().any(|lease| lease.range_start <= at_least);
        if is_above {
            self.skip(tx, &key, key.ceiling, at_least).await?;
        }
        if is_above || voids {
            store::key::raise(tx, &key, at_least).await?;
        }
        Ok(voids && leases.iter().any(|lease| lease.node_id != self.shared.node))
    }

    async fn is_issued(&self, tx: &Tx, key: &Key, id: i64) -> Result<bool> {
        // What was in use before the key was made is in the table by right, too.
        if id <= key.origin {
            return Ok(true);
        }
        let line = store::journal::about(tx, key.org, key.id, id).await?;
        Ok(line.is_some_and(|line| line.kind != LineKind::Returned))
    }

    /// Writes that nobody gets the ids above `from` up to `to`.
    async fn skip(&self, tx: &Tx, key: &Key, from: i64, to: i64) -> Result<()> {
        let Some(range) = from.checked_add(1).and_then(|start| Range::new(start, to)) else { return Ok(()) };
        let turn = store::journal::free_turn(tx, key.org, key.id, range.start()).await?;
        store::journal::insert(tx, &[&self.line(key, LineKind::Skipped, range, turn)]).await
    }

    /// Stops a key until [`Engine::release`]. It issues nothing from then on, on any node, once
    /// [`crate::Options::trust`] has passed; that much is waited for.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn quarantine(&self, org: Id, name: &KeyName, why: &str) -> Result<Key> {
        let key = self.doubt(org, name, Reason::Asked, why, 0).await?;
        self.settle().await?;
        Ok(key)
    }

    /// Lets a key out of quarantine, above `at_least`. Returns the key. Other nodes issue again within
    /// [`crate::Options::trust`].
    ///
    /// Errors: 404 `key_unknown`; 409 `not_quarantined`; 409 `below_known` when `at_least` is lower than an
    /// id that the ceiling, the journal, a lease, the doubt itself or this node knows of: the detail names
    /// the highest; 422 `validation_failed` (`at_least`) above the limit of the key's type.
    pub async fn release(&self, org: Id, name: &KeyName, at_least: i64) -> Result<Key> {
        self.flush().await?;
        let drawn = self.known(org, name).and_then(|slot| slot.held().mark).map_or(0, |mark| mark.high);
        retrying(|| async {
            let (tx, now) = self.begin_timed(Access::Write).await?;
            let outcome = self.release_within(&tx, org, name, at_least, (drawn, now)).await;
            end(tx, outcome).await
        })
        .await?;
        self.look_now().await?;
        self.key(org, name).await
    }

    async fn release_within(
        &self,
        tx: &Tx,
        org: Id,
        name: &KeyName,
        at_least: i64,
        (drawn, now): (i64, DateTime<Utc>),
    ) -> Result<()> {
        let key = store::key::lock(tx, org, name).await?.ok_or_else(|| unknown(name))?;
        if key.state != State::Quarantined {
            return Err(Error::conflict("not_quarantined", format!("the key {name} is not in quarantine")));
        }
        if at_least > key.max() {
            return Err(above_limit("at_least", key.max()));
        }
        let leases = store::lease::of_key(tx, &key).await?;
        let leased = leases.iter().map(|lease| lease.range_end).max().unwrap_or(0);
        let written = store::journal::top(tx, org, key.id).await?.unwrap_or(0);
        let known = [key.ceiling, key.claimed, leased, written, drawn].into_iter().max().unwrap_or(0);
        if at_least < known {
            let detail =
                format!("ids up to {known} may have been given away; release it at {known} or above");
            return Err(Error::conflict("below_known", detail));
        }
        self.skip(tx, &key, key.ceiling.max(leased).max(written), at_least).await?;
        store::key::release(tx, &key, at_least, now).await
    }

    /// Sets how a key works. Leases are void afterwards; what they had left is lost.
    ///
    /// Errors: 404 `key_unknown`; 422 `validation_failed`, also for a type that ends below the ceiling.
    pub async fn configure(&self, org: Id, name: &KeyName, settings: Settings) -> Result<Key> {
        settings.check()?;
        retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let outcome = async {
                let key = store::key::lock(&tx, org, name).await?.ok_or_else(|| unknown(name))?;
                if key.ceiling > settings.id_type.max() {
                    return Err(above_limit("id_type", settings.id_type.max()));
                }
                store::key::configure(&tx, &key, settings).await
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await?;
        self.settle().await?;
        self.key(org, name).await
    }

    /// Gives a key up for good. Its row and its journal stay, so that its name never begins again below
    /// what it issued.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn retire(&self, org: Id, name: &KeyName) -> Result<Key> {
        retrying(|| async {
            let (tx, now) = self.begin_timed(Access::Write).await?;
            let outcome = async {
                let key = store::key::lock(&tx, org, name).await?.ok_or_else(|| unknown(name))?;
                store::key::retire(&tx, &key, now).await
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await?;
        self.settle().await?;
        self.key(org, name).await
    }

    /// Lets a key that was given up issue again, above everything that it issued.
    ///
    /// Errors: 404 `key_unknown`; 409 `not_retired`.
    pub async fn revive(&self, org: Id, name: &KeyName) -> Result<Key> {
        self.revive_above(org, name, 0).await
    }

    /// The same above `at_least`, too, before anybody can draw.
    ///
    /// Errors: as [`Engine::revive`]; 422 `validation_failed` (`at_least`) above the limit of the key's type.
    pub async fn revive_above(&self, org: Id, name: &KeyName, at_least: i64) -> Result<Key> {
        self.flush().await?;
        let lasted = retrying(|| async {
            let (tx, now) = self.begin_timed(Access::Write).await?;
            let outcome = self.revive_within(&tx, org, name, (at_least, now)).await;
            end(tx, outcome).await
        })
        .await?;
        // A node that has not noticed yet that the key was given up may issue from a block below.
        if lasted.to_std().is_ok_and(|lasted| lasted < 2 * self.shared.options.trust) && at_least > 0 {
            tokio::time::sleep(self.shared.options.trust).await;
        }
        self.look_now().await?;
        self.key(org, name).await
    }

    /// For how long it had been given up.
    async fn revive_within(
        &self,
        tx: &Tx,
        org: Id,
        name: &KeyName,
        (at_least, now): (i64, DateTime<Utc>),
    ) -> Result<TimeDelta> {
        let key = store::key::lock(tx, org, name).await?.ok_or_else(|| unknown(name))?;
        if key.state != State::Retired {
            return Err(Error::conflict("not_retired", format!("the key {name} is in use")));
        }
        if at_least > key.max() {
            return Err(above_limit("at_least", key.max()));
        }
        // It may have been in doubt when it was given up: above everything that anybody knew of it.
        let leases = store::lease::of_key(tx, &key).await?;
        let leased = leases.iter().map(|lease| lease.range_end).max().unwrap_or(0);
        let written = store::journal::top(tx, org, key.id).await?.unwrap_or(0);
        let known = [key.ceiling, leased, written].into_iter().max().unwrap_or(0);
        let at_least = known.max(key.claimed).max(at_least);
        self.skip(tx, &key, known, at_least).await?;
        store::key::revive(tx, &key, at_least, now).await?;
        Ok(now - key.state_since)
    }

    /// Makes sure that a key issues, and no id up to `at_least`: as [`Engine::raise`], and of a key that was
    /// given up as [`Engine::revive_above`]. For many at once: one of them takes it up.
    ///
    /// Errors: as [`Engine::raise`], without `key_retired`.
    pub async fn take_up(&self, org: Id, name: &KeyName, at_least: i64) -> Result<Key> {
        match self.revive_above(org, name, at_least).await {
            Err(error) if error.code() == "not_retired" => self.raise(org, name, at_least).await,
            outcome => outcome,
        }
    }

    /// Gives a key another name; its counter and its journal go with it.
    ///
    /// Errors: 404 `key_unknown`; 409 `key_exists`.
    pub async fn rename(&self, org: Id, from: &KeyName, to: &KeyName) -> Result<Key> {
        self.rename_all(org, &[(from.clone(), to.clone())]).await?;
        self.key(org, to).await
    }

    /// Gives keys other names, all of them or none. Nobody draws under an old name when it returns.
    ///
    /// Errors: as [`Engine::rename`].
    pub async fn rename_all(&self, org: Id, names: &[(KeyName, KeyName)]) -> Result<()> {
        self.flush().await?;
        retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let outcome = self.rename_within(&tx, org, names).await;
            end(tx, outcome).await
        })
        .await?;
        self.settle().await
    }

    /// As [`Engine::rename_all`] within the caller's unit of work, who flushes before it and settles after.
    ///
    /// Errors: as [`Engine::rename`]; some may be renamed by then.
    pub async fn rename_within(&self, tx: &Tx, org: Id, names: &[(KeyName, KeyName)]) -> Result<()> {
        for (from, to) in names {
            let key = store::key::lock(tx, org, from).await?.ok_or_else(|| unknown(from))?;
            store::key::rename(tx, &key, to).await.map_err(|error| match error.code() {
                "conflict" => {
                    Error::conflict("key_exists", format!("there is a key {to} already")).with_source(error)
                }
                _ => error,
            })?;
        }
        Ok(())
    }

    /// As [`Engine::retire`] within the caller's unit of work, for several keys; he flushes before it and
    /// settles after.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn retire_within(&self, tx: &Tx, org: Id, names: &[KeyName]) -> Result<()> {
        let now = self.shared.clock.now();
        for name in names {
            let key = store::key::lock(tx, org, name).await?.ok_or_else(|| unknown(name))?;
            store::key::retire(tx, &key, now).await?;
        }
        Ok(())
    }

    /// Waits until every node knows of a change that was just committed.
    pub async fn settle(&self) -> Result<()> {
        self.look_now().await?;
        tokio::time::sleep(self.shared.options.trust).await;
        Ok(())
    }
}
