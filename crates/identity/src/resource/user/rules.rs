//! What a change of a membership must not do.

use base::{Error, Id, Result};
use kernel::{
    Change, Cx, Input, Model,
    access::{Holder, grants_of},
};
use sea_orm::{ActiveValue, ColumnTrait, QueryFilter};

use super::{User, entity};
use crate::{entity::membership_role, organization, resource::role};

fn is_set_to<T: Copy + PartialEq + Into<sea_orm::Value>>(value: &ActiveValue<T>, wanted: T) -> bool {
    matches!(value, ActiveValue::Set(found) if *found == wanted)
}

pub(super) async fn check(cx: &Cx, change: &Change<User>) -> Result<()> {
    let Some(old) = &change.old else { return Ok(()) };
    let actor = cx.actor()?;
    let owner = actor.effective.is_owner();
    let draft = &change.draft;
    let makes_owner = is_set_to(&draft.is_owner, true) && !old.is_owner;
    let ends_owner = is_set_to(&draft.is_owner, false) && old.is_owner;
    if (makes_owner || ends_owner || old.is_owner) && !owner {
        return Err(Error::forbidden("owner_only", "only an owner may change an owner, or make one"));
    }
    let deactivates = is_set_to(&draft.active, false) && old.active;
    if deactivates && old.id == actor.id {
        return Err(Error::conflict("own_membership", "you cannot deactivate yourself"));
    }
    if deactivates || ends_owner {
        keep_an_owner(cx, old).await?;
    }
    let roles = match &change.input {
        Input::Whole(input) => Some(&input.role_ids),
        Input::Part(input) => input.role_ids.as_ref(),
    };
    if let Some(roles) = roles
        && !owner
    {
        may_give(cx, old.id, roles).await?;
    }
    Ok(())
}

/// 409 when this member is the last active owner.
pub(super) async fn keep_an_owner(cx: &Cx, member: &Model<User>) -> Result<()> {
    if !member.is_owner {
        return Ok(());
    }
    let tx = cx.tx()?;
    // Two owners who end each other's ownership at once must not both succeed.
    organization::lock(tx, tx.require_org()?).await?;
    let others = tx
        .find::<entity::Entity>()
        .filter(entity::Column::IsOwner.eq(true))
        .filter(entity::Column::Active.eq(true))
        .filter(entity::Column::Id.ne(member.id));
    match tx.count(others).await? {
        0 => {
            Err(Error::conflict("last_owner", "an organisation needs an owner; make somebody else one first"))
        }
        _ => Ok(()),
    }
}

/// 403 when a role that is newly given carries what the caller lacks, or goes to himself.
async fn may_give(cx: &Cx, member: Id, roles: &[Id]) -> Result<()> {
    let tx = cx.tx()?;
    let held = tx.find::<membership_role::Entity>().filter(membership_role::Column::UserId.eq(member));
    let held: Vec<Id> = tx.all(held).await?.into_iter().map(|row| row.role_id).collect();
    let added: Vec<Id> = roles.iter().copied().filter(|id| !held.contains(id)).collect();
    if added.is_empty() {
        return Ok(());
    }
    if member == cx.actor()?.id {
        return Err(Error::forbidden("own_role", "you cannot give yourself roles"));
    }
    can_grant_roles(cx, &added).await
}

/// 403 unless the caller holds every permission that these roles carry, on at least as many rows.
pub async fn can_grant_roles(cx: &Cx, roles: &[Id]) -> Result<()> {
    let (tx, catalogue, actor) = (cx.tx()?, cx.app.catalogue(), cx.actor()?);
    if actor.effective.is_owner() {
        return Ok(());
    }
    let holders: Vec<Holder> = roles.iter().copied().map(Holder::Role).collect();
    for (_, code) in grants_of(tx, catalogue, &holders).await? {
        if !cx.can(&code) {
            return Err(Error::forbidden(
                "cannot_grant",
                format!("you cannot give {code}, which you do not hold"),
            ));
        }
    }
    let opened =
        tx.find::<role::entity::Entity>().filter(role::entity::Column::Id.is_in(roles.iter().copied()));
    for role in tx.all(opened).await? {
        role::may_open(cx, &role).await?;
    }
    Ok(())
}
