//! Moving a department to another place in the tree, with everything below it.
//!
//! Data scopes follow the tree, so whoever moves a department could bring it within his own reach.

use std::collections::BTreeSet;

use base::{Error, Id, Result};
use kernel::{Cx, Draft, Model, Reach};
use sea_orm::ActiveValue::Set;

use super::{Department, Tree};

/// 422 for a circle, 403 for a place that the caller does not reach.
pub(super) async fn check(cx: &Cx, old: &Model<Department>, draft: &Draft<Department>) -> Result<()> {
    let Set(parent) = draft.parent_id else { return Ok(()) };
    if parent == old.parent_id {
        return Ok(());
    }
    let moved = Tree::load(cx.tx()?).await?.below(old.id);
    if parent.is_some_and(|parent| moved.contains(&parent)) {
        return Err(Error::field("parent_id", "circular", "a department cannot lie below itself"));
    }
    if cx.actor()?.effective.is_owner() || may_move(cx, &moved, parent)? {
        return Ok(());
    }
    let detail = "you can move departments only within those that you reach";
    Err(Error::forbidden("cannot_move", detail))
}

fn may_move(cx: &Cx, moved: &BTreeSet<Id>, parent: Option<Id>) -> Result<bool> {
    if let Reach::Some { departments, .. } = cx.reach("identity:department:update")?
        && !(moved.is_subset(&departments) && parent.is_some_and(|parent| departments.contains(&parent)))
    {
        return Ok(false);
    }
    let moved: Vec<Option<Id>> = moved.iter().copied().map(Some).collect();
    brings_within_reach(cx, &moved, parent).map(|gains| !gains)
}

/// Whether the caller reaches `to` with some permission with which he does not reach all of `from`, so
/// that what moves would come within it.
pub fn brings_within_reach(cx: &Cx, from: &[Option<Id>], to: Option<Id>) -> Result<bool> {
    let effective = &cx.actor()?.effective;
    let Some(to) = to else { return Ok(false) };
    Ok(cx.app.catalogue().iter().any(|(permission, _)| match effective.reach(permission) {
        Some(Reach::Some { departments, .. }) => {
            let reached = |from: &Option<Id>| from.is_some_and(|from| departments.contains(&from));
            departments.contains(&to) && !from.iter().all(reached)
        }
        _ => false,
    }))
}
