//! The rows of programs: made, changed, given another key, removed; each with what the audit trail says of it.
//! Who may do that is for the callers to judge.

use base::{Error, FieldError, Id, Result};
use chrono::TimeDelta;
use kernel::{App, audit::Event};
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, IntoActiveModel, QueryFilter};
use store::{Mode, Tx};

use super::{
    dto::{New, Rotation, view},
    new_key,
};
use crate::{
    entity::client::{ActiveModel, Column, Entity, Model},
    service::Members,
};

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

/// A row to be inserted, and the key that is shown once.
///
/// Errors: 422.
pub async fn begin(app: &App, org: Id, new: New, made_by: &str) -> Result<(Model, String)> {
    let (client_key, mut wish) = new.wish();
    wish.check()?;
    let (api_key, key_prefix, key_hash) = new_key(&Members::of(app)?.proven, app.settings().dev).await?;
    let (random, now) = (|| format!("c{}", app.new_id().simple()), app.now());
    let mut row = Model {
        id: app.new_id(),
        org_id: org,
        client_key: client_key.unwrap_or_else(random),
        name: String::new(),
        key_hash,
        previous_hash: None,
        previous_until: None,
        key_prefix,
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
    Ok((row, api_key))
}

fn whole(row: &Model) -> ActiveModel {
    row.clone().into_active_model().reset_all()
}

/// Inserts a row.
///
/// Errors: 409 `too_many_clients`, `conflict`.
pub async fn insert(app: &App, tx: &Tx, row: &Model) -> Result<Event> {
    if tx.count(tx.find::<Entity>()).await? >= MOST {
        return Err(Error::conflict("too_many_clients", format!("an organisation has at most {MOST}")));
    }
    free(app, &row.client_key).await?;
    tx.insert(whole(row)).await?;
    event("create", row, None)
}

/// A key names one program of all organisations, since it is looked up before the organisation is known.
async fn free(app: &App, client_key: &str) -> Result<()> {
    let tx = app.system(Mode::Read).await?;
    let known = tx.count(tx.find::<Entity>().filter(Column::ClientKey.eq(client_key))).await?;
    tx.commit().await?;
    if known == 0 {
        return Ok(());
    }
    let field = FieldError::new("client_key", "taken", "is taken already");
    Err(Error::conflict("conflict", "this client key is taken").with_fields(vec![field]))
}

/// Inserts a row of another system, whose key is its own.
///
/// Errors: 409 `too_many_clients`, `conflict`.
pub async fn take_over(app: &App, tx: &Tx, row: &Model) -> Result<Event> {
    insert(app, tx, row).await
}

/// Writes a changed row.
pub async fn save(tx: &Tx, action: &str, row: &Model, before: &Model) -> Result<Event> {
    let values = ActiveModel { id: sea_orm::ActiveValue::NotSet, ..whole(row) };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
    event(action, row, Some(before))
}

/// The row with another key, and that key.
pub async fn rotated(app: &App, before: &Model, wish: &Rotation) -> Result<(Model, String)> {
    let (api_key, key_prefix, key_hash) = new_key(&Members::of(app)?.proven, app.settings().dev).await?;
    let hours = wish.overlap_hours.clamp(0, OVERLAP);
    let row = Model {
        previous_hash: (hours > 0).then(|| before.key_hash.clone()),
        previous_until: (hours > 0).then(|| app.now() + TimeDelta::hours(hours)),
        key_hash,
        key_prefix,
        updated_at: app.now(),
        ..before.clone()
    };
    Ok((row, api_key))
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
