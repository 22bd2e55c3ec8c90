//! A member leaves: what he had of the organisation ends at once.

use base::{Error, Id, Result};
use kernel::{App, port::Departure};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use store::Tx;

use crate::{
    entity::{api_key, membership_role},
    resource::{role, user},
    session::{self, Revoke},
};

/// Takes ownership and roles, ends sessions, keys and open invitations, and disables the membership if
/// `disable`. 409 for the last owner.
pub(super) async fn offboard(app: &App, tx: &Tx, id: Id, disable: bool) -> Result<Departure> {
    let (now, org) = (app.now(), tx.require_org()?);
    let row = tx.get::<user::entity::Entity>(id).await?;
    if row.is_owner {
        // Two owners who end each other's ownership at once must not both succeed.
        crate::organization::lock(tx, org).await?;
        if !user::rules::another_owner(tx, org, id).await? {
            let detail = "an organisation needs an owner; make somebody else one first";
            return Err(Error::conflict("last_owner", detail));
        }
    }
    let roles = roles(tx, id).await?;
    let links = Condition::all().add(membership_role::Column::UserId.eq(id));
    tx.delete_where::<membership_role::Entity>(links).await?;
    let disabled = disable && row.active;
    let values = user::entity::ActiveModel {
        is_owner: Set(false),
        active: Set(row.active && !disable),
        updated_at: Set(now),
        version: Set(row.version + 1),
        ..Default::default()
    };
    let this = Condition::all().add(user::entity::Column::OrgId.eq(org)).add(user::entity::Column::Id.eq(id));
    tx.update_where(values, this).await?;
    let sessions = session::revoke(tx, Revoke::UserInOrg(id, org), "offboarded", now).await?;
    user::departure::end(tx, org, id, now, "offboarded").await?;
    let dead = api_key::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let keys = Condition::all()
        .add(api_key::Column::OrgId.eq(org))
        .add(api_key::Column::UserId.eq(id))
        .add(api_key::Column::RevokedAt.is_null());
    let api_keys = tx.update_where(dead, keys).await?;
    Ok(Departure { owner: row.is_owner, roles, sessions, api_keys, disabled })
}

/// A member's roles, with their names.
async fn roles(tx: &Tx, id: Id) -> Result<Vec<(Id, String)>> {
    let held = tx.find::<membership_role::Entity>().filter(membership_role::Column::UserId.eq(id));
    let ids: Vec<Id> = tx.all(held).await?.into_iter().map(|row| row.role_id).collect();
    let named = tx.find_with_trash::<role::entity::Entity>().filter(role::entity::Column::Id.is_in(ids));
    let mut roles: Vec<(Id, String)> =
        tx.all(named).await?.into_iter().map(|role| (role.id, role.name)).collect();
    roles.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    Ok(roles)
}
