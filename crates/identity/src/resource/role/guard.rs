//! What a change of a role must not do, and what a role opens for whoever is given it.

use std::collections::BTreeSet;

use base::{Error, Id, Result};
use kernel::{
    Change, Cx, Input, Reach,
    access::{DataScope, Holder, codes_of},
};
use sea_orm::{ActiveValue, ColumnTrait, QueryFilter};
use store::Tx;

use super::{Role, entity, links};
use crate::{
    entity::membership_role,
    resource::{Status, department::Tree},
};

/// What a role gives: before a change, or after it.
struct Gift {
    enabled: bool,
    scope: DataScope,
    codes: Vec<String>,
    named: Vec<Id>,
}

impl Gift {
    async fn stored(cx: &Cx, role: &entity::Model) -> Result<Self> {
        let tx = cx.tx()?;
        Ok(Self {
            enabled: role.status == Status::Enabled,
            scope: role.data_scope,
            codes: codes_of(tx, cx.app.catalogue(), cx.now(), Holder::Role(role.id)).await?,
            named: named(tx, role.id).await?,
        })
    }

    /// What the role will give; what the change leaves out stays as it is stored.
    fn wanted(change: &Change<Role>, old: Option<&Self>) -> Self {
        let (codes, named) = match &change.input {
            Input::Whole(input) => (Some(&input.permissions), Some(&input.department_ids)),
            Input::Part(input) => (input.permissions.as_ref(), input.department_ids.as_ref()),
        };
        Self {
            enabled: value(&change.draft.status, Status::Enabled) == Status::Enabled,
            scope: value(&change.draft.data_scope, DataScope::Own),
            codes: codes.or(old.map(|old| &old.codes)).cloned().unwrap_or_default(),
            named: named.or(old.map(|old| &old.named)).cloned().unwrap_or_default(),
        }
    }

    /// Whether it gives anything that the other does not.
    fn exceeds(&self, old: &Self) -> bool {
        self.enabled && !old.enabled
            || self.codes.iter().any(|code| !old.codes.contains(code))
            || wider(self.scope, old.scope)
            || self.scope == DataScope::Departments
                && old.scope == DataScope::Departments
                && self.named.iter().any(|id| !old.named.contains(id))
    }
}

fn value<T: Copy + Into<sea_orm::Value>>(column: &ActiveValue<T>, default: T) -> T {
    match column {
        ActiveValue::Set(found) | ActiveValue::Unchanged(found) => *found,
        ActiveValue::NotSet => default,
    }
}

/// Whether a scope may open rows that the other does not; what cannot be compared counts as wider.
fn wider(new: DataScope, old: DataScope) -> bool {
    let narrower = new == old
        || new == DataScope::Own
        || old == DataScope::All
        || (old == DataScope::DepartmentAndBelow && new == DataScope::Department);
    !narrower
}

/// Refuses a change that would give more than the caller has.
///
/// A role may carry at most the permissions that the caller holds, on at most the rows that he
/// reaches with each of them; enabling it gives all of it. What he may change without holding it is
/// how the role is called, and that it gives less. A role that he holds himself he cannot widen.
///
/// What was taken from the caller a moment before counts: this takes the lock on who may do what.
pub(super) async fn check(cx: &Cx, change: &Change<Role>) -> Result<()> {
    cx.lock_access().await?;
    if cx.is_owner()? {
        return Ok(());
    }
    let old = match &change.old {
        Some(row) => Some(Gift::stored(cx, row).await?),
        None => None,
    };
    let new = Gift::wanted(change, old.as_ref());
    if old.as_ref().is_some_and(|old| !new.exceeds(old)) {
        return Ok(());
    }
    if let Some(row) = &change.old
        && holds(cx, row.id).await?
    {
        return Err(Error::forbidden("own_role", "you cannot widen a role that you hold yourself"));
    }
    // Whoever will hold the role may be in any department: a scope that follows him opens any of them.
    let opened = match new.scope {
        DataScope::Own => Some(BTreeSet::new()),
        DataScope::Departments => Some(new.named.into_iter().collect()),
        DataScope::All | DataScope::Department | DataScope::DepartmentAndBelow => None,
    };
    within_reach(cx, opened.as_ref(), &new.codes)
}

async fn holds(cx: &Cx, role: Id) -> Result<bool> {
    let tx = cx.tx()?;
    let held = tx
        .find::<membership_role::Entity>()
        .filter(membership_role::Column::RoleId.eq(role))
        .filter(membership_role::Column::UserId.eq(cx.actor()?.id));
    Ok(tx.count(held).await? > 0)
}

async fn named(tx: &Tx, role: Id) -> Result<Vec<Id>> {
    Ok(links::departments(tx, &[role]).await?.remove(&role).unwrap_or_default())
}

/// 403 when giving this role to a member of that department would open more than the caller has.
pub async fn may_open(cx: &Cx, role: &entity::Model, receiver_department: Option<Id>) -> Result<()> {
    if cx.is_owner()? {
        return Ok(());
    }
    let tx = cx.tx()?;
    let opened = match role.data_scope {
        DataScope::All => None,
        DataScope::Own => Some(BTreeSet::new()),
        DataScope::Departments => Some(named(tx, role.id).await?.into_iter().collect()),
        DataScope::Department => Some(receiver_department.into_iter().collect()),
        DataScope::DepartmentAndBelow => match receiver_department {
            Some(id) => Some(Tree::load(tx).await?.below(id)),
            None => Some(BTreeSet::new()),
        },
    };
    let codes = codes_of(tx, cx.app.catalogue(), cx.now(), Holder::Role(role.id)).await?;
    within_reach(cx, opened.as_ref(), &codes)
}

/// 403 unless the caller holds each of these and reaches these departments with it; `None` is every row.
pub(crate) fn within_reach(cx: &Cx, opened: Option<&BTreeSet<Id>>, codes: &[String]) -> Result<()> {
    let catalogue = cx.app.catalogue();
    for code in codes {
        // What does not exist, or no role can carry, is told apart where grants are written: 422.
        if catalogue.find(code).is_none_or(|p| catalogue.entry(p).is_platform()) {
            continue;
        }
        match cx.reach(code) {
            Ok(Reach::All) => {}
            Ok(Reach::Some { departments, own: _ }) => {
                if opened.is_none_or(|opened| !opened.is_subset(&departments)) {
                    let detail = format!("you cannot open more rows with {code} than you reach yourself");
                    return Err(Error::forbidden("cannot_grant", detail));
                }
            }
            Err(_) => {
                let detail = format!("you cannot give {code}, which you do not hold");
                return Err(Error::forbidden("cannot_grant", detail));
            }
        }
    }
    Ok(())
}
