//! Keys: made, found, drawn from, changed.

use ::store::{Tx, model, read};
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    dialect, entity,
    entity::key::{ActiveModel, Column, Model},
    execute, query,
};
use crate::{Key, KeyName, NewKey, Rate, Reason, Settings};

/// A key, and how far the tables beside it say that ids were given away.
pub(crate) struct Found {
    pub key: Key,
    /// The end of the line of the journal that begins highest; it may have been handed back since.
    pub journal_to: Option<i64>,
    /// The end of the highest lease.
    pub leased_to: Option<i64>,
}

/// Adds a key. 409 `conflict` when the organisation has one of that name.
pub(crate) async fn insert(tx: &Tx, id: Id, new: &NewKey, now: DateTime<Utc>) -> Result<()> {
    let Settings { mode, sync, id_type, most_ids, block, .. } = new.settings;
    let origin = new.in_use.max(0);
    tx.insert(ActiveModel {
        id: Set(id),
        org_id: Set(new.org),
        name: Set(new.name.as_str().to_owned()),
        mode: Set(mode.as_str().to_owned()),
        counter: Set(new.settings.counter.as_str().to_owned()),
        generation: Set(None),
        sync_journal: Set(sync),
        id_type: Set(id_type.as_str().to_owned()),
        most_ids: Set(most_ids),
        block_least: Set(block.0),
        block_most: Set(block.1),
        anonymous: Set(new.settings.anonymous),
        calls_per_second: Set(new.settings.calls_per_second),
        ids_per_minute: Set(new.settings.ids_per_minute),
        state: Set("active".to_owned()),
        reason_kind: Set(None),
        reason: Set(None),
        state_since: Set(now),
        origin: Set(origin),
        ceiling: Set(origin),
        max_value: Set(id_type.max()),
        claimed: Set(0),
        drawn: Set(0),
        turn: Set(0),
        epoch: Set(0),
        rate_at: Set(now),
        rate_drawn: Set(0),
        rate_per_day: Set(None),
        created_at: Set(now),
    })
    .await
}

/// A key with its surroundings, all from one statement and therefore of one moment.
pub(crate) async fn find(tx: &Tx, org: Id, name: &KeyName) -> Result<Option<Found>> {
    let sql = "SELECT k.*, (SELECT j.range_end FROM id_journal j WHERE j.org_id = k.org_id AND j.key_id = k.id \
               ORDER BY j.range_start DESC, j.turn DESC LIMIT 1) AS journal_to, \
               (SELECT MAX(range_end) FROM id_lease l WHERE l.org_id = k.org_id AND l.key_id = k.id) AS leased_to \
               FROM id_key k WHERE k.org_id = $1 AND k.name = $2";
    let rows = query(tx, sql, vec![org.into(), name.as_str().into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Found {
        key: Key::of(model::<Model>(row)?)?,
        journal_to: read(row, "journal_to")?,
        leased_to: read(row, "leased_to")?,
    }))
}

/// A key whose row nobody else changes until this unit of work ends.
pub(crate) async fn lock(tx: &Tx, org: Id, name: &KeyName) -> Result<Option<Key>> {
    let lock = dialect(tx).for_update();
    let sql = format!("SELECT * FROM id_key WHERE org_id = $1 AND name = $2 {lock}");
    let rows = query(tx, &sql, vec![org.into(), name.as_str().into()]).await?;
    rows.first().map(|row| Key::of(model::<Model>(row)?)).transpose()
}

/// As [`lock`], by id.
pub(crate) async fn lock_id(tx: &Tx, org: Id, id: Id) -> Result<Option<Key>> {
    let lock = dialect(tx).for_update();
    let sql = format!("SELECT * FROM id_key WHERE org_id = $1 AND id = $2 {lock}");
    let rows = query(tx, &sql, vec![org.into(), id.into()]).await?;
    rows.first().map(|row| Key::of(model::<Model>(row)?)).transpose()
}

/// Every key of an organisation by name, or of all organisations.
pub(crate) async fn all(tx: &Tx, org: Option<Id>) -> Result<Vec<Key>> {
    use sea_orm::{QueryFilter, QueryOrder};
    let mut select = tx.find::<entity::key::Entity>().order_by_asc(Column::OrgId).order_by_asc(Column::Name);
    if let Some(org) = org {
        select = select.filter(Column::OrgId.eq(org));
    }
    tx.all(select).await?.into_iter().map(Key::of).collect()
}

/// What a draw gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    /// The new ceiling: the last of the ids drawn.
    pub ceiling: i64,
    pub turn: i64,
}

/// Moves the ceiling by `count`, in one statement. `None` when the key is not active, was changed since
/// `key` was read, or has fewer ids left.
pub(crate) async fn draw(tx: &Tx, key: &Key, count: i64) -> Result<Option<Drawn>> {
    let mut sql = "UPDATE id_key SET ceiling = ceiling + $1, drawn = drawn + $1 \
                   WHERE org_id = $2 AND id = $3 AND epoch = $4 AND state = 'active' AND ceiling <= max_value - $1"
        .to_owned();
    let values = vec![count.into(), key.org.into(), key.id.into(), key.epoch.into()];
    let rows = if dialect(tx).returning() {
        sql += " RETURNING ceiling, turn";
        query(tx, &sql, values).await?
    } else {
        if execute(tx, &sql, values).await? == 0 {
            return Ok(None);
        }
        // The row is locked by the update, so this reads what it wrote.
        let sql = "SELECT ceiling, turn FROM id_key WHERE org_id = $1 AND id = $2";
        query(tx, sql, vec![key.org.into(), key.id.into()]).await?
    };
    let drawn = |row| Ok(Drawn { ceiling: read(row, "ceiling")?, turn: read(row, "turn")? });
    rows.first().map(drawn).transpose()
}

fn this(key: &Key) -> Condition {
    Condition::all().add(Column::OrgId.eq(key.org)).add(Column::Id.eq(key.id))
}

/// Changes a locked key and tells every node that what it holds of keys may be out of date.
async fn change(tx: &Tx, key: &Key, values: ActiveModel) -> Result<()> {
    tx.update_where(values, this(key)).await?;
    execute(tx, dialect(tx).note_change(), Vec::new()).await.map(drop)
}

/// The next epoch: leases of the ones before are void, and what Redis holds.
fn next_epoch(key: &Key) -> ActiveModel {
    ActiveModel { epoch: Set(key.epoch + 1), generation: Set(None), ..Default::default() }
}

/// Names the generation under which the counter in Redis is good from now on. No node needs to be told:
/// Redis tells those that come with another one.
pub(crate) async fn set_generation(tx: &Tx, key: &Key, generation: &str) -> Result<()> {
    let values = ActiveModel { generation: Set(Some(generation.to_owned())), ..Default::default() };
    tx.update_where(values, this(key)).await.map(drop)
}

/// Voids every lease and sets the ceiling of a locked key, never lower than it is.
pub(crate) async fn raise(tx: &Tx, key: &Key, to: i64) -> Result<()> {
    change(tx, key, ActiveModel { ceiling: Set(key.ceiling.max(to)), ..next_epoch(key) }).await
}

/// Stops a locked key with a reason. `claimed` is the highest id that the doubt is about.
pub(crate) async fn quarantine(
    tx: &Tx,
    key: &Key,
    reason: (Reason, &str),
    claimed: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let sentence: String = reason.1.chars().filter(|c| *c != '\0').take(500).collect();
    let values = ActiveModel {
        state: Set("quarantined".to_owned()),
        reason_kind: Set(Some(reason.0.as_str().to_owned())),
        reason: Set(Some(sentence)),
        state_since: Set(now),
        claimed: Set(key.claimed.max(claimed)),
        ..next_epoch(key)
    };
    change(tx, key, values).await
}

/// Remembers a higher id that somebody has seen of a locked key in doubt.
pub(crate) async fn claim(tx: &Tx, key: &Key, claimed: i64) -> Result<()> {
    tx.update_where(ActiveModel { claimed: Set(claimed), ..Default::default() }, this(key)).await.map(drop)
}

/// Lets a locked key issue again, above `to`.
pub(crate) async fn release(tx: &Tx, key: &Key, to: i64, now: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel {
        state: Set("active".to_owned()),
        reason_kind: Set(None),
        reason: Set(None),
        state_since: Set(now),
        ceiling: Set(key.ceiling.max(to)),
        claimed: Set(0),
        ..next_epoch(key)
    };
    change(tx, key, values).await
}

/// Gives a locked key up.
pub(crate) async fn retire(tx: &Tx, key: &Key, now: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel { state: Set("retired".to_owned()), state_since: Set(now), ..next_epoch(key) };
    change(tx, key, values).await
}

/// Lets a locked key that was given up issue again, above `to` and its ceiling.
pub(crate) async fn revive(tx: &Tx, key: &Key, to: i64, now: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel {
        state: Set("active".to_owned()),
        state_since: Set(now),
        ceiling: Set(key.ceiling.max(to)),
        ..next_epoch(key)
    };
    change(tx, key, values).await
}

/// Gives a locked key another name. 409 `conflict` when that is taken.
pub(crate) async fn rename(tx: &Tx, key: &Key, name: &KeyName) -> Result<()> {
    change(tx, key, ActiveModel { name: Set(name.as_str().to_owned()), ..next_epoch(key) }).await
}

/// Sets how a locked key works.
pub(crate) async fn configure(tx: &Tx, key: &Key, settings: Settings) -> Result<()> {
    let values = ActiveModel {
        mode: Set(settings.mode.as_str().to_owned()),
        counter: Set(settings.counter.as_str().to_owned()),
        sync_journal: Set(settings.sync),
        id_type: Set(settings.id_type.as_str().to_owned()),
        max_value: Set(settings.id_type.max()),
        most_ids: Set(settings.most_ids),
        block_least: Set(settings.block.0),
        block_most: Set(settings.block.1),
        anonymous: Set(settings.anonymous),
        calls_per_second: Set(settings.calls_per_second),
        ids_per_minute: Set(settings.ids_per_minute),
        ..next_epoch(key)
    };
    change(tx, key, values).await
}

/// Makes the newest `count` ids of a locked strict key free again.
pub(crate) async fn put_back(tx: &Tx, key: &Key, count: i64) -> Result<()> {
    let values = ActiveModel {
        ceiling: Set(key.ceiling - count),
        drawn: Set(key.drawn - count),
        turn: Set(key.turn + 2),
        ..next_epoch(key)
    };
    change(tx, key, values).await
}

/// Takes the rest of a lease off the key, if the lease is the newest; nobody ever had these ids.
/// Lines about ids that were handed back within the block have turns up to `turn`, which goes with the ids.
pub(crate) async fn unlease(tx: &Tx, key: &Key, rest: crate::Range, turn: i64) -> Result<bool> {
    let sql = "UPDATE id_key SET ceiling = $1, drawn = drawn - $2, \
               turn = CASE WHEN turn < $7 THEN $7 ELSE turn END \
               WHERE org_id = $3 AND id = $4 AND ceiling = $5 AND epoch = $6";
    let count = rest.end() - rest.start() + 1;
    let values = vec![
        (rest.start() - 1).into(),
        count.into(),
        key.org.into(),
        key.id.into(),
        rest.end().into(),
        key.epoch.into(),
        turn.into(),
    ];
    Ok(execute(tx, sql, values).await? == 1)
}

/// Writes the recent rate of a locked key.
pub(crate) async fn set_rate(tx: &Tx, key: &Key, rate: Rate) -> Result<()> {
    let values = ActiveModel {
        rate_at: Set(rate.at),
        rate_drawn: Set(rate.drawn),
        rate_per_day: Set(rate.per_day),
        ..Default::default()
    };
    tx.update_where(values, this(key)).await.map(drop)
}

/// How often any key was changed.
pub(crate) async fn version(tx: &Tx) -> Result<i64> {
    let rows = query(tx, "SELECT version FROM id_change WHERE name = 'keys'", Vec::new()).await?;
    rows.first().map_or(Ok(0), |row| read(row, "version"))
}
