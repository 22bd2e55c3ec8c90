//! The blocks that nodes hold.

use ::store::Tx;
use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};

use super::entity::lease::{ActiveModel, Column, Entity, Model};
use crate::{Key, block::Lease};

/// Adds a lease. 409 `conflict` when one begins at the same id.
pub(crate) async fn insert(tx: &Tx, key: &Key, node: Id, lease: Lease, now: DateTime<Utc>) -> Result<()> {
    tx.insert(ActiveModel {
        id: Set(lease.id),
        org_id: Set(key.org),
        key_id: Set(key.id),
        node_id: Set(node),
        range_start: Set(lease.range.start()),
        range_end: Set(lease.range.end()),
        epoch: Set(key.epoch),
        leased_at: Set(now),
        seen_at: Set(now),
    })
    .await
}

/// Ends leases, given as `(organisation, lease)`.
pub(crate) async fn delete(tx: &Tx, leases: &[(Id, Id)]) -> Result<()> {
    for (org, lease) in leases {
        let this = Condition::all().add(Column::OrgId.eq(*org)).add(Column::Id.eq(*lease));
        tx.delete_where::<Entity>(this).await?;
    }
    Ok(())
}

/// Ends the lease of the stretch that Redis had.
pub(crate) async fn end_shared(tx: &Tx, key: &Key) -> Result<()> {
    let this = Condition::all()
        .add(Column::OrgId.eq(key.org))
        .add(Column::KeyId.eq(key.id))
        .add(Column::NodeId.eq(Id::nil()));
    tx.delete_where::<Entity>(this).await.map(drop)
}

/// The leases of a key, lowest first.
pub(crate) async fn of_key(tx: &Tx, key: &Key) -> Result<Vec<Model>> {
    let select = tx.find::<Entity>().filter(Column::OrgId.eq(key.org)).filter(Column::KeyId.eq(key.id));
    tx.all(select.order_by_asc(Column::RangeStart)).await
}

/// Says that a node lives.
pub(crate) async fn seen(tx: &Tx, node: Id, now: DateTime<Utc>) -> Result<()> {
    let values = ActiveModel { seen_at: Set(now), ..Default::default() };
    tx.update_where(values, Condition::all().add(Column::NodeId.eq(node))).await.map(drop)
}
