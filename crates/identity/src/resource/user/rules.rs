//! What a change of a membership must not do.

use base::{Error, Id, Result};
use kernel::{
    Change, Cx, Input, Model,
    access::{DataScope, Holder, codes_of},
};
use sea_orm::{ActiveValue, ColumnTrait, QueryFilter};
use store::Tx;

use super::{User, entity, links};
use crate::{
    entity::app_user,
    organization,
    resource::{department, role},
};

fn is_set_to<T: Copy + PartialEq + Into<sea_orm::Value>>(value: &ActiveValue<T>, wanted: T) -> bool {
    matches!(value, ActiveValue::Set(found) if *found == wanted)
}

/// Refuses what the caller may not do. What was taken from him a moment before counts: this takes the lock on
/// who may do what.
pub(super) async fn check(cx: &Cx, change: &Change<User>) -> Result<()> {
    let Some(old) = &change.old else { return Ok(()) };
    cx.lock_access().await?;
    let (actor, owner) = (cx.actor()?, cx.is_owner()?);
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
    if owner { Ok(()) } else { within_own(cx, old, change).await }
}

/// 403 when somebody who is no owner would give more than he has, or anything to himself.
async fn within_own(cx: &Cx, old: &Model<User>, change: &Change<User>) -> Result<()> {
    let own = old.id == cx.actor()?.id;
    let held = links::roles_of(cx.tx()?, &[old.id]).await?.remove(&old.id).unwrap_or_default();
    let wanted = match &change.input {
        Input::Whole(input) => Some(&input.role_ids),
        Input::Part(input) => input.role_ids.as_ref(),
    };
    let department = match &change.draft.department_id {
        ActiveValue::Set(id) => *id,
        _ => old.department_id,
    };
    let moved = department != old.department_id;
    if moved && own {
        return Err(Error::forbidden("own_department", "you cannot move yourself to another department"));
    }
    let wanted = wanted.unwrap_or(&held);
    let added: Vec<Id> = wanted.iter().copied().filter(|id| !held.contains(id)).collect();
    if own && !added.is_empty() {
        return Err(Error::forbidden("own_role", "you cannot give yourself roles"));
    }
    if is_set_to(&change.draft.active, true) && !old.active {
        // Whoever is let in again gets all of it back at once.
        gives(cx, old.id, wanted, department).await?;
    }
    can_grant_roles(cx, &added, department).await?;
    if moved && department::brings_within_reach(cx, &[old.department_id], department)? {
        let detail = "you cannot move somebody to where you reach more of him";
        return Err(Error::forbidden("cannot_move", detail));
    }
    if moved {
        // What he keeps opens the rows of where he comes to.
        let kept = wanted.iter().copied().filter(|id| held.contains(id));
        let follows = [DataScope::Department, DataScope::DepartmentAndBelow];
        for role in roles(cx, kept).await?.iter().filter(|role| follows.contains(&role.data_scope)) {
            role::may_open(cx, role, department).await?;
        }
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
    if another_owner(tx, tx.require_org()?, member.id).await? {
        return Ok(());
    }
    Err(Error::conflict("last_owner", "an organisation needs an owner; make somebody else one first"))
}

/// Whether somebody else owns the organisation, is active there and can sign in at all.
pub async fn another_owner(tx: &Tx, org: Id, but: Id) -> Result<bool> {
    let owners = tx
        .find::<entity::Entity>()
        .filter(entity::Column::OrgId.eq(org))
        .filter(entity::Column::IsOwner.eq(true))
        .filter(entity::Column::Active.eq(true))
        .filter(entity::Column::Id.ne(but));
    let ids: Vec<Id> = tx.all(owners).await?.into_iter().map(|row| row.id).collect();
    let enabled = tx
        .find::<app_user::Entity>()
        .filter(app_user::Column::Id.is_in(ids))
        .filter(app_user::Column::DisabledAt.is_null());
    Ok(tx.count(enabled).await? > 0)
}

/// 403 when bringing a member back would give more than the caller has.
pub(super) async fn may_return(cx: &Cx, member: &Model<User>) -> Result<()> {
    cx.lock_access().await?;
    if cx.is_owner()? {
        return Ok(());
    }
    if member.is_owner {
        return Err(Error::forbidden("owner_only", "only an owner may bring an owner back"));
    }
    let held = links::roles_of(cx.tx()?, &[member.id]).await?.remove(&member.id).unwrap_or_default();
    gives(cx, member.id, &held, member.department_id).await
}

/// 403 when these roles in that department, and what the member was granted directly, are more than
/// the caller has.
async fn gives(cx: &Cx, member: Id, roles: &[Id], department: Option<Id>) -> Result<()> {
    can_grant_roles(cx, roles, department).await?;
    // Direct grants open every row.
    let direct = codes_of(cx.tx()?, cx.app.catalogue(), cx.now(), Holder::User(member)).await?;
    role::within_reach(cx, None, &direct)
}

/// 403 unless the caller holds every permission that these roles carry, on at least the rows that
/// they open for a member of that department.
pub async fn can_grant_roles(cx: &Cx, ids: &[Id], receiver_department: Option<Id>) -> Result<()> {
    if cx.is_owner()? {
        return Ok(());
    }
    for role in roles(cx, ids.iter().copied()).await? {
        role::may_open(cx, &role, receiver_department).await?;
    }
    Ok(())
}

async fn roles(cx: &Cx, ids: impl Iterator<Item = Id>) -> Result<Vec<role::entity::Model>> {
    let tx = cx.tx()?;
    let select = tx.find_with_trash::<role::entity::Entity>().filter(role::entity::Column::Id.is_in(ids));
    tx.all(select).await
}
