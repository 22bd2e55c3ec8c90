//! What a change of a role must not do.

use std::collections::BTreeSet;

use base::{Error, Id, Result};
use kernel::{
    Change, Cx, Input, Reach,
    access::{DataScope, Holder, codes_of},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::{Role, entity, links};
use crate::{
    entity::membership_role,
    resource::{department::Tree, user},
};

/// Refuses a change that would give more than the caller has.
///
/// The codes themselves are checked where they are written ([`kernel::access::set_grants`]); here
/// it is the rows. A role may open at most the rows that the caller reaches with every permission
/// that the role will carry, and a role that the caller holds cannot be changed upward by himself.
pub(super) async fn check(cx: &Cx, change: &Change<Role>) -> Result<()> {
    let actor = cx.actor()?;
    if actor.effective.is_owner() {
        return Ok(());
    }
    let tx = cx.tx()?;
    let old_codes = match &change.old {
        Some(old) => codes_of(tx, cx.app.catalogue(), Holder::Role(old.id)).await?,
        None => Vec::new(),
    };
    let (codes, departments) = match &change.input {
        Input::Whole(input) => (input.permissions.clone(), Some(input.department_ids.clone())),
        Input::Part(input) => {
            (input.permissions.clone().unwrap_or_else(|| old_codes.clone()), input.department_ids.clone())
        }
    };
    let scope = match &change.draft.data_scope {
        Set(scope) => *scope,
        sea_orm::ActiveValue::Unchanged(scope) => *scope,
        sea_orm::ActiveValue::NotSet => DataScope::Own,
    };
    let added = codes.iter().any(|code| !old_codes.contains(code));
    let scope_changed = change.old.as_ref().is_none_or(|old| old.data_scope != scope);
    let widened = added || scope_changed || departments.is_some();
    if let Some(old) = &change.old
        && widened
        && holds(cx, old.id).await?
        && (added || scope_changed && wider(scope, old.data_scope))
    {
        return Err(Error::forbidden("own_role", "you cannot widen a role that you hold yourself"));
    }
    if widened {
        within_reach(cx, scope, departments.unwrap_or_default(), &codes).await?;
    }
    Ok(())
}

async fn holds(cx: &Cx, role: Id) -> Result<bool> {
    let tx = cx.tx()?;
    let held = tx
        .find::<membership_role::Entity>()
        .filter(membership_role::Column::RoleId.eq(role))
        .filter(membership_role::Column::UserId.eq(cx.actor()?.id));
    Ok(tx.count(held).await? > 0)
}

fn width(scope: DataScope) -> u8 {
    match scope {
        DataScope::Own => 0,
        DataScope::Department => 1,
        DataScope::DepartmentAndBelow => 2,
        DataScope::Departments => 3,
        DataScope::All => 4,
    }
}

fn wider(new: DataScope, old: DataScope) -> bool {
    width(new) > width(old)
}

/// 403 when giving this role would open rows that the caller does not reach.
pub async fn may_open(cx: &Cx, role: &entity::Model) -> Result<()> {
    let tx = cx.tx()?;
    let codes = codes_of(tx, cx.app.catalogue(), Holder::Role(role.id)).await?;
    let named = links::departments(tx, &[role.id]).await?.remove(&role.id).unwrap_or_default();
    within_reach(cx, role.data_scope, named, &codes).await
}

/// 403 when the role would open rows that the caller does not reach.
async fn within_reach(cx: &Cx, scope: DataScope, named: Vec<Id>, codes: &[String]) -> Result<()> {
    let tx = cx.tx()?;
    let me = tx.get::<user::entity::Entity>(cx.actor()?.id).await?;
    let tree = Tree::load(tx).await?;
    for code in codes {
        let Some(permission) = cx.app.catalogue().find(code) else { continue };
        let Some(Reach::Some { departments, own: _ }) = cx.actor()?.effective.reach(permission) else {
            continue;
        };
        let opened: Option<BTreeSet<Id>> = match scope {
            DataScope::All => None,
            DataScope::Departments => Some(named.iter().copied().collect()),
            // Relative scopes open each holder's own department; the caller must reach at least his.
            DataScope::Department => Some(me.department_id.into_iter().collect()),
            DataScope::DepartmentAndBelow => {
                Some(me.department_id.map(|id| tree.below(id)).unwrap_or_default())
            }
            DataScope::Own => Some(BTreeSet::new()),
        };
        if opened.is_none_or(|opened| !opened.is_subset(&departments)) {
            let detail = format!("you cannot open more rows with {code} than you reach yourself");
            return Err(Error::forbidden("cannot_grant", detail));
        }
    }
    Ok(())
}
