//! An owner by the operator's word: for an organisation whose owners are gone or must go.
//!
//! May import: `kernel`, `account`, this crate's entities and memberships.

use base::{Error, Id, Result, text};
use kernel::{
    App, access,
    audit::{self, Event},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde_json::json;
use store::{Mode, Opening, Role};

use super::{entity, lock};
use crate::{
    account::{self, By},
    resource::user,
};

/// The organisations that a text means: the one of that id, or those of that name.
pub async fn find(app: &App, typed: &str) -> Result<Vec<entity::Model>> {
    let tx = app.system(Mode::Read).await?;
    let this = match typed.trim().parse::<Id>() {
        Ok(id) => entity::Column::Id.eq(id),
        Err(_) => entity::Column::NameKey.eq(text::fold(typed.trim())),
    };
    let found =
        tx.all(tx.find::<entity::Entity>().filter(this).order_by_asc(entity::Column::CreatedAt)).await?;
    tx.commit().await?;
    Ok(found)
}

/// Makes somebody an owner, and a member if he is none; whether anything was to be changed. 409 for a
/// closed account, which could not act as one.
pub async fn appoint(app: &App, by: &By<'_>, org: Id, person: Id) -> Result<bool> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await?;
    let home = lock(&tx, org).await?;
    let person = account::lock(&tx, person).await?.ok_or_else(Error::missing)?;
    if person.disabled_at.is_some() {
        return Err(Error::conflict("account_disabled", "this account is closed; open it first"));
    }
    let now = app.now();
    match tx.lookup::<user::entity::Entity>(person.id).await? {
        Some(member) if member.is_owner && member.active => return Ok(false),
        Some(member) => {
            let change = user::entity::ActiveModel {
                is_owner: Set(true),
                active: Set(true),
                version: Set(member.version.saturating_add(1)),
                updated_at: Set(now),
                ..Default::default()
            };
            tx.update_where(change, Condition::all().add(user::entity::Column::Id.eq(member.id))).await?;
            access::bump(&tx, now, "membership_changed", Some(member.id)).await?;
        }
        None => {
            let how = user::Join { owner: true, ..user::Join::default() };
            user::join(app, &tx, &person, None, how).await?;
        }
    }
    let event = Event::new("identity:organization:appoint", "identity.organization")
        .target(home.id, home.name)
        .change("owner", json!(null), json!({ "id": person.id, "name": person.name }));
    audit::write(&tx, now, by.who.clone(), by.origin, event).await?;
    tx.commit().await?;
    Ok(true)
}
