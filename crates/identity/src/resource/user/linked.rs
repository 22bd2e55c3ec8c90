//! Rows that say that a member has something of his organisation: roles, posts.
//!
//! May import: `store`, the request's context, the tables of such rows.

use std::collections::HashMap;

use base::{Error, Id, Result};
use kernel::{App, Cx};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde_json::json;
use store::{Table, Tx};

use crate::{
    entity::{membership_post, membership_role},
    resource::{post, role},
};

/// The table of one kind of such rows.
pub(super) trait Link: Table {
    /// What a member has by it.
    type Target: Table;
    /// The member of a body that names them.
    const FIELD: &'static str;
    /// The column of the member.
    const USER: Self::Column;
    /// A row.
    fn row(id: Id, org: Id, user: Id, target: Id) -> Self::ActiveModel;
    /// The member and what he has.
    fn pair(row: Self::Model) -> (Id, Id);
}

impl Link for membership_role::Entity {
    type Target = role::entity::Entity;
    const FIELD: &'static str = "role_ids";
    const USER: Self::Column = membership_role::Column::UserId;
    fn row(id: Id, org: Id, user: Id, target: Id) -> Self::ActiveModel {
        Self::ActiveModel { id: Set(id), org_id: Set(org), user_id: Set(user), role_id: Set(target) }
    }
    fn pair(row: Self::Model) -> (Id, Id) {
        (row.user_id, row.role_id)
    }
}

impl Link for membership_post::Entity {
    type Target = post::entity::Entity;
    const FIELD: &'static str = "post_ids";
    const USER: Self::Column = membership_post::Column::UserId;
    fn row(id: Id, org: Id, user: Id, target: Id) -> Self::ActiveModel {
        Self::ActiveModel { id: Set(id), org_id: Set(org), user_id: Set(user), post_id: Set(target) }
    }
    fn pair(row: Self::Model) -> (Id, Id) {
        (row.user_id, row.post_id)
    }
}

/// Ids in their order, each once.
pub(super) fn sorted(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    ids
}

/// What each of several members has.
pub(super) async fn of<L: Link>(tx: &Tx, users: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let select = tx.find::<L>().filter(L::USER.is_in(users.iter().copied()));
    let mut out: HashMap<Id, Vec<Id>> = HashMap::new();
    for (user, target) in tx.all(select).await?.into_iter().map(L::pair) {
        out.entry(user).or_default().push(target);
    }
    Ok(out)
}

/// Gives a member what he does not have yet.
pub(super) async fn add<L: Link>(app: &App, tx: &Tx, user: Id, ids: &[Id]) -> Result<()> {
    let org = tx.require_org()?;
    tx.insert_all(ids.iter().map(|id| L::row(app.new_id(), org, user, *id)).collect()).await
}

/// Takes all of it from a member.
pub(super) async fn drop<L: Link>(tx: &Tx, user: Id) -> Result<()> {
    tx.delete_where::<L>(Condition::all().add(L::USER.eq(user))).await.map(std::mem::drop)
}

/// Makes these what the member has; 422 for one that does not exist here.
pub(super) async fn set<L: Link>(cx: &Cx, user: Id, ids: &[Id]) -> Result<()> {
    let tx = cx.tx()?;
    for (at, id) in ids.iter().enumerate() {
        if tx.lookup::<L::Target>(*id).await?.is_none() {
            let field = format!("{}.{at}", L::FIELD);
            return Err(Error::field(field, "unknown_reference", "refers to a record that does not exist"));
        }
    }
    let before = of::<L>(tx, &[user]).await?.remove(&user).unwrap_or_default();
    let after = sorted(ids);
    drop::<L>(tx, user).await?;
    add::<L>(&cx.app, tx, user, &after).await?;
    cx.note(L::FIELD, json!(sorted(&before)), json!(after));
    Ok(())
}
