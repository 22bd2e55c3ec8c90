//! What people are called by those who sign them in. A name belongs to one issuer and never becomes another
//! user's; e-mail addresses link nobody, since people choose them.

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use kernel::App;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use store::Tx;

use crate::entity::subject::{ActiveModel, Column, Entity, Model};

/// The issuer of organisations that have named none.
pub const UNNAMED: Id = Id::nil();

/// 404: nobody is called so.
pub fn unknown() -> Error {
    Error::not_found("user_not_found", "there is no member of that sub")
}

/// The row of a name.
pub async fn find(tx: &Tx, issuer: Id, sub: &str) -> Result<Option<Model>> {
    tx.one(tx.find::<Entity>().filter(Column::IssuerId.eq(issuer)).filter(Column::Sub.eq(sub))).await
}

/// The user of a name. Whoever no issuer has named is called by his own id, as in Tenon's own tokens.
pub async fn resolve(tx: &Tx, issuer: Id, sub: &str) -> Result<Option<Id>> {
    if let Some(row) = find(tx, issuer, sub).await? {
        return Ok(Some(row.user_id));
    }
    Ok(sub.parse::<Id>().ok().filter(|id| id.to_string() == sub))
}

/// The names of several users; whoever has none is called by his id.
pub async fn names(tx: &Tx, issuer: Id, users: &[Id]) -> Result<Vec<(Id, String)>> {
    let select = tx
        .find::<Entity>()
        .filter(Column::IssuerId.eq(issuer))
        .filter(Column::UserId.is_in(users.iter().copied()));
    let rows = tx.all(select).await?;
    let name = |user: &Id| {
        let row = rows.iter().find(|row| row.user_id == *user);
        (*user, row.map_or_else(|| user.to_string(), |row| row.sub.clone()))
    };
    Ok(users.iter().map(name).collect())
}

/// Writes a name down.
pub async fn add(app: &App, tx: &Tx, issuer: Id, sub: &str, user: Id) -> Result<()> {
    let row = ActiveModel {
        id: Set(app.new_id()),
        org_id: Set(tx.require_org()?),
        issuer_id: Set(issuer),
        sub: Set(sub.to_owned()),
        user_id: Set(user),
        observed_at: Set(None),
        last_seen_at: Set(None),
        created_at: Set(app.now()),
    };
    tx.insert(row).await
}

/// Notes when somebody's profile was looked at by whoever tells of it.
pub async fn observed(tx: &Tx, row: Id, at: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel { observed_at: Set(Some(at)), ..Default::default() };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row))).await.map(drop)
}

/// Notes that somebody was seen with a token of his own.
pub async fn seen(tx: &Tx, issuer: Id, sub: &str, at: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel { last_seen_at: Set(Some(at)), ..Default::default() };
    let this = Condition::all().add(Column::IssuerId.eq(issuer)).add(Column::Sub.eq(sub));
    tx.update_where(values, this).await.map(drop)
}

/// Gives the names that no issuer has to an organisation's first one.
pub async fn adopt(tx: &Tx, issuer: Id) -> Result<()> {
    let values = ActiveModel { issuer_id: Set(issuer), ..Default::default() };
    tx.update_where(values, Condition::all().add(Column::IssuerId.eq(UNNAMED))).await.map(drop)
}
