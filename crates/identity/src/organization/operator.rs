//! Organisations as the operator's commands find them, across all of them.

use base::{Id, Result};
use sea_orm::{Condition, QueryFilter, QueryOrder};
use store::Tx;

use crate::entity::organization::{Column, Entity, Model};

/// Every organisation, by name. Needs a system transaction.
pub async fn all(tx: &Tx) -> Result<Vec<Model>> {
    tx.all(tx.find::<Entity>().order_by_asc(Column::NameKey).order_by_asc(Column::Id)).await
}

/// The organisations that somebody may mean who types an id or a name; names are not unique.
pub async fn meant(tx: &Tx, typed: &str) -> Result<Vec<Model>> {
    let key: String = base::text::fold(typed.trim()).chars().take(240).collect();
    let mut either = Condition::any().add(sea_orm::ColumnTrait::eq(&Column::NameKey, key));
    if let Ok(id) = typed.trim().parse::<Id>() {
        either = either.add(sea_orm::ColumnTrait::eq(&Column::Id, id));
    }
    tx.all(tx.find::<Entity>().filter(either).order_by_asc(Column::Id)).await
}
