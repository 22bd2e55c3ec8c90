//! Links that are mailed: 256 random bits, kept as a digest, good once and for a while.
//!
//! ASVS 6.4.3: single use, at most 60 minutes, dead as soon as another is asked for. May import
//! `store` and this crate's tables.

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use store::Tx;

use crate::{
    credential::token,
    entity::one_time_token::{ActiveModel, Column, Entity, Model},
};

/// How long a link is good.
pub const LIFE: Duration = Duration::minutes(60);

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Choosing a new password.
    PasswordReset,
    /// Proving a new e-mail address; `detail` is the address.
    EmailChange,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailChange => "email_change",
        }
    }
}

/// A new link for a user; earlier ones for the same purpose die.
pub async fn issue(tx: &Tx, now: DateTime<Utc>, purpose: Purpose, user: Id, detail: &str) -> Result<Secret> {
    withdraw(tx, purpose, user).await?;
    let secret = token::generate();
    tx.insert(ActiveModel {
        digest: Set(token::digest_hex(secret.expose_secret())),
        purpose: Set(purpose.as_str().to_owned()),
        user_id: Set(user),
        detail: Set(detail.to_owned()),
        created_at: Set(now),
        expires_at: Set(now + LIFE),
        used_at: Set(None),
    })
    .await?;
    Ok(secret)
}

/// Ends the links that are out for a purpose.
pub async fn withdraw(tx: &Tx, purpose: Purpose, user: Id) -> Result<()> {
    let condition = Condition::all().add(Column::UserId.eq(user)).add(Column::Purpose.eq(purpose.as_str()));
    tx.delete_where::<Entity>(condition).await.map(drop)
}

/// Ends every link that is out for an account, whatever it is for: its password has changed hands.
pub async fn withdraw_all(tx: &Tx, user: Id) -> Result<()> {
    tx.delete_where::<Entity>(Condition::all().add(Column::UserId.eq(user))).await.map(drop)
}

fn good(now: DateTime<Utc>, purpose: Purpose, secret: &str) -> Condition {
    Condition::all()
        .add(Column::Digest.eq(token::digest_hex(secret)))
        .add(Column::Purpose.eq(purpose.as_str()))
        .add(Column::UsedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
}

/// What a link says, without using it up.
pub async fn read(tx: &Tx, now: DateTime<Utc>, purpose: Purpose, secret: &str) -> Result<Model> {
    tx.one(tx.find::<Entity>().filter(good(now, purpose, secret))).await?.ok_or_else(spent)
}

/// Uses a link up. Of several at once, one wins.
pub async fn spend(tx: &Tx, now: DateTime<Utc>, purpose: Purpose, secret: &str) -> Result<Model> {
    let found = read(tx, now, purpose, secret).await?;
    let used = ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    match tx.update_where(used, good(now, purpose, secret)).await? {
        1 => Ok(found),
        _ => Err(spent()),
    }
}

pub(crate) fn spent() -> Error {
    Error::invalid("invalid_token", "the link is not valid any more; ask for a new one")
}
