//! The rows of programs: made, changed, given another key, removed; each with what the audit trail says of it.
//! Who may do that is for the callers to judge.

use base::{Error, FieldError, Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{App, audit::Event};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, IntoActiveModel, Iterable, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::{Dialect, Mode, Tx};

use super::{
    Key,
    dto::{New, Rotation, view},
};
use crate::entity::client::{ActiveModel, Column, Entity, Model};

/// Programs of one organisation.
const MOST: u64 = 500;
/// Hours for which a key may go on beside its successor.
const OVERLAP: i64 = 24 * 30;
/// Calls in a minute of a program of which nothing else is said.
pub const CALLS: i32 = 600;
/// Characters of a maker's name.
pub const MAKER: usize = 160;
/// What entries of the audit trail call them.
const NAME: &str = "members.client";

/// A row to be inserted, which has no key yet.
///
/// Errors: 422.
pub fn begin(app: &App, org: Id, new: New, made_by: &str) -> Result<Model> {
    let (client_key, mut wish) = new.wish();
    wish.check()?;
    let (random, now) = (|| format!("c{}", app.new_id().simple()), app.now());
    let mut row = Model {
        id: app.new_id(),
        org_id: org,
        client_key: client_key.unwrap_or_else(random),
        name: String::new(),
        key_hash: String::new(),
        previous_hash: None,
        previous_until: None,
        key_prefix: String::new(),
        active: true,
        scopes: None,
        may_grant: None,
        allow_origins: None,
        allow_ips: None,
        allow_paths: None,
        calls_per_minute: CALLS,
        expires_at: None,
        last_used_at: None,
        made_by: made_by.chars().take(MAKER).collect(),
        created_at: now,
        updated_at: now,
    };
    wish.apply(&mut row);
    Ok(row)
}

/// A key names one program of all organisations, since it is looked up before the organisation is known. To be
/// asked before the unit of work begins, since it takes a connection of its own; whoever comes between then
/// meets the uniqueness of the column.
///
/// Errors: 409 `conflict`.
pub async fn free(app: &App, client_key: &str) -> Result<()> {
    let tx = app.system(Mode::Read).await?;
    let known = tx.count(tx.find::<Entity>().filter(Column::ClientKey.eq(client_key))).await?;
    tx.commit().await?;
    if known == 0 { Ok(()) } else { Err(taken()) }
}

fn taken() -> Error {
    let field = FieldError::new("client_key", "taken", "is taken already");
    Error::conflict("conflict", "this client key is taken").with_fields(vec![field])
}

/// Inserts a row.
///
/// Errors: 409 `too_many_clients`, `conflict`.
pub async fn insert(tx: &Tx, row: &Model) -> Result<Event> {
    if tx.count(tx.find::<Entity>()).await? >= MOST {
        return Err(Error::conflict("too_many_clients", format!("an organisation has at most {MOST}")));
    }
    let inserted = tx.insert(row.clone().into_active_model().reset_all()).await;
    inserted.map_err(|error| if error.code() == "conflict" { taken() } else { error })?;
    event("create", row, None)
}

/// Programs, by id, locked until the transaction ends: whoever changes one reads what it is then, and not what
/// it was before somebody switched it off.
pub async fn lock(tx: &Tx, ids: Vec<Id>) -> Result<Vec<Model>> {
    let mut select = tx.find::<Entity>().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id);
    // An embedded database has one writer, who is this one.
    if tx.dialect() != Dialect::Sqlite {
        select = select.lock_exclusive();
    }
    tx.all(select).await
}

/// The columns in which two rows differ.
fn difference(row: &Model, before: &Model) -> ActiveModel {
    let mut values = <ActiveModel as ActiveModelTrait>::default();
    for column in Column::iter() {
        let value = row.get(column);
        if value != before.get(column) {
            values.set(column, value);
        }
    }
    values
}

/// Writes what was changed of a row that is locked.
pub async fn save(tx: &Tx, action: &str, row: &Model, before: &Model) -> Result<Event> {
    let this = Condition::all().add(Column::Id.eq(row.id));
    tx.update_where(difference(row, before), this).await?;
    event(action, row, Some(before))
}

/// The row with another key.
pub fn rotated(before: &Model, wish: &Rotation, key: &Key, now: DateTime<Utc>) -> Model {
    let hours = wish.overlap_hours.clamp(0, OVERLAP);
    let mut row = Model {
        previous_hash: (hours > 0).then(|| before.key_hash.clone()),
        previous_until: (hours > 0).then(|| now + TimeDelta::hours(hours)),
        updated_at: now,
        ..before.clone()
    };
    key.open(&mut row);
    row
}

/// Deletes a row.
pub async fn remove(tx: &Tx, row: Model) -> Result<Event> {
    tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
    Ok(Event::new("members:client:delete", NAME).target(row.id, row.name))
}

/// What was changed, without the hashes.
fn event(action: &str, row: &Model, before: Option<&Model>) -> Result<Event> {
    let shown = |row: &Model| view(row).and_then(|view| serde_json::to_value(view).map_err(Error::internal));
    let (before, after) = (before.map(shown).transpose()?, shown(row)?);
    let mut event = Event::new(format!("members:client:{action}"), NAME).target(row.id, row.name.clone());
    for (field, value) in after.as_object().into_iter().flatten() {
        let was = before.as_ref().and_then(|before| before.get(field)).cloned().unwrap_or_default();
        if was != *value && field != "updated_at" && (before.is_some() || !value.is_null()) {
            event = event.change(field, was, value.clone());
        }
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_writes_the_columns_that_it_changes_and_no_other() {
        let before = Model {
            id: Id::nil(),
            org_id: Id::nil(),
            client_key: "till".into(),
            name: "Till".into(),
            key_hash: "old".into(),
            previous_hash: None,
            previous_until: None,
            key_prefix: "mk".into(),
            active: true,
            scopes: Some(json!(["permissions:read"])),
            may_grant: None,
            allow_origins: None,
            allow_ips: None,
            allow_paths: None,
            calls_per_minute: CALLS,
            expires_at: None,
            last_used_at: None,
            made_by: "ann".into(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let written = |row: &Model| -> Vec<Column> {
            let values = difference(row, &before);
            Column::iter().filter(|column| values.get(*column).is_set()).collect()
        };
        assert!(written(&before).is_empty());
        let renamed = Model { name: "Tills".into(), scopes: Some(json!([])), ..before.clone() };
        assert!(matches!(written(&renamed)[..], [Column::Name, Column::Scopes]));
        let key = Key { text: "new".into(), prefix: "mk_new".into(), hash: "new".into() };
        let rotated = rotated(&before, &Rotation::default(), &key, DateTime::UNIX_EPOCH);
        assert!(matches!(written(&rotated)[..], [Column::KeyHash, Column::KeyPrefix]));
    }
}
