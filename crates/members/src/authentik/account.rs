//! Which account at Authentik is a member's. An account never becomes another member's.

use ::authentik::User;
use base::{Error, Id, Result};
use kernel::App;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use store::Tx;

pub use crate::entity::account::Model;
use crate::entity::account::{ActiveModel, Column, Entity};

/// The id of an account.
///
/// Errors: 502 when it is none.
pub fn id_of(account: &User) -> Result<Id> {
    account.uuid.parse().map_err(|_| {
        Error::bad_gateway("authentik_error", "Authentik gave an answer that cannot be used")
            .with_source("the uuid of a user is none")
    })
}

/// The row of an account.
pub async fn of_account(tx: &Tx, account: Id) -> Result<Option<Model>> {
    tx.one(tx.find::<Entity>().filter(Column::AccountId.eq(account))).await
}

/// The row of the account with that number.
pub async fn of_number(tx: &Tx, pk: i64) -> Result<Option<Model>> {
    tx.all(newest(tx).filter(Column::AccountPk.eq(pk))).await.map(|rows| rows.into_iter().next())
}

/// The row of a member, the newest if he had several accounts.
pub async fn of_user(tx: &Tx, user: Id) -> Result<Option<Model>> {
    tx.all(newest(tx).filter(Column::UserId.eq(user))).await.map(|rows| rows.into_iter().next())
}

fn newest(tx: &Tx) -> sea_orm::Select<Entity> {
    tx.find::<Entity>().order_by_desc(Column::SeenAt)
}

/// The rows of these accounts.
pub async fn of_accounts(tx: &Tx, accounts: &[Id]) -> Result<Vec<Model>> {
    tx.all(tx.find::<Entity>().filter(Column::AccountId.is_in(accounts.iter().copied()))).await
}

/// Every row.
pub async fn all(tx: &Tx) -> Result<Vec<Model>> {
    tx.all(tx.find::<Entity>().order_by_asc(Column::Id)).await
}

/// Forgets an account that is no more.
pub async fn forget(tx: &Tx, row: &Model) -> Result<()> {
    tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await.map(drop)
}

/// Writes down whose an account is.
pub async fn add(app: &App, tx: &Tx, account: &User, user: Id) -> Result<()> {
    let now = app.now();
    tx.insert(ActiveModel {
        id: Set(app.new_id()),
        org_id: Set(tx.require_org()?),
        user_id: Set(user),
        account_pk: Set(account.pk),
        account_id: Set(id_of(account)?),
        seen_at: Set(now),
        created_at: Set(now),
    })
    .await
}

/// Notes that an account was seen, and under which number.
pub async fn seen(app: &App, tx: &Tx, row: &Model, account: &User) -> Result<()> {
    let values = ActiveModel { account_pk: Set(account.pk), seen_at: Set(app.now()), ..Default::default() };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await.map(drop)
}
