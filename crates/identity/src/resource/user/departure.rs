//! What ends with a membership, or while it is not active.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use kernel::Cx;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use store::Tx;

use crate::{
    entity::api_key,
    invitation::entity as invitation,
    session::{self, Revoke},
};

/// A member was removed: sessions, keys and open invitations end.
pub(super) async fn removed(cx: &Cx, member: Id) -> Result<()> {
    let tx = cx.tx()?;
    let dead = api_key::ActiveModel { revoked_at: Set(Some(cx.now())), ..Default::default() };
    let keys = Condition::all()
        .add(api_key::Column::OrgId.eq(cx.org()?))
        .add(api_key::Column::UserId.eq(member))
        .add(api_key::Column::RevokedAt.is_null());
    tx.update_where(dead, keys).await?;
    end(tx, cx.org()?, member, cx.now(), "removed").await
}

/// A member may not act for now: sessions and open invitations end, keys wait.
pub(super) async fn deactivated(cx: &Cx, member: Id) -> Result<()> {
    end(cx.tx()?, cx.org()?, member, cx.now(), "deactivated").await
}

/// Ends sessions and open invitations.
pub(crate) async fn end(tx: &Tx, org: Id, member: Id, now: DateTime<Utc>, reason: &str) -> Result<()> {
    session::revoke(tx, Revoke::UserInOrg(member, org), reason, now).await?;
    // Nobody joins by the word of somebody who is gone.
    let revoked = invitation::ActiveModel {
        status: Set(invitation::Status::Revoked),
        updated_at: Set(now),
        ..Default::default()
    };
    let open = Condition::all()
        .add(invitation::Column::InvitedBy.eq(member))
        .add(invitation::Column::Status.eq(invitation::Status::Pending));
    tx.update_where(revoked, open).await.map(drop)
}
