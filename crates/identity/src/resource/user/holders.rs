//! Who holds a role or a post: members, and not those who are gone, whose links wait in the trash
//! with them.

use std::collections::HashMap;

use base::{Error, Id, Result};
use sea_orm::{
    ColumnTrait, Condition, QueryFilter,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use store::Tx;

use crate::entity::{membership_post, membership_role};

/// The members of the transaction's organisation.
fn members(tx: &Tx) -> Result<SelectStatement> {
    let select = Query::select()
        .column("id")
        .from("membership")
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .and_where(Expr::col("deleted_at").is_null())
        .to_owned();
    Ok(select)
}

/// How many members hold each of these roles.
pub async fn count_by_role(tx: &Tx, roles: &[Id]) -> Result<HashMap<Id, u64>> {
    let select = tx
        .find::<membership_role::Entity>()
        .filter(membership_role::Column::RoleId.is_in(roles.iter().copied()))
        .filter(membership_role::Column::UserId.in_subquery(members(tx)?));
    let mut out = HashMap::new();
    for row in tx.all(select).await? {
        *out.entry(row.role_id).or_default() += 1;
    }
    Ok(out)
}

/// 409 while a member holds the role; else nobody who might come back does any more.
pub async fn release_role(tx: &Tx, role: Id) -> Result<()> {
    let held = count_by_role(tx, &[role]).await?;
    refuse(held.get(&role).copied().unwrap_or_default(), "role")?;
    let links = Condition::all().add(membership_role::Column::RoleId.eq(role));
    tx.delete_where::<membership_role::Entity>(links).await.map(drop)
}

/// 409 while a member holds the post; else nobody who might come back does any more.
pub async fn release_post(tx: &Tx, post: Id) -> Result<()> {
    let holders = tx
        .find::<membership_post::Entity>()
        .filter(membership_post::Column::PostId.eq(post))
        .filter(membership_post::Column::UserId.in_subquery(members(tx)?));
    refuse(tx.count(holders).await?, "post")?;
    let links = Condition::all().add(membership_post::Column::PostId.eq(post));
    tx.delete_where::<membership_post::Entity>(links).await.map(drop)
}

fn refuse(holders: u64, what: &str) -> Result<()> {
    match holders {
        0 => Ok(()),
        n => Err(Error::conflict("in_use", format!("{n} members hold this {what}"))),
    }
}
