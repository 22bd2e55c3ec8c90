//! What only owners may do with an organisation, and how a member leaves it.
//!
//! An organisation never loses its last owner: whoever counts them locks the organisation's row
//! first. May import: `kernel`, this crate's entities and memberships.

use base::{Error, Id, Result};
use kernel::{
    Api, Cx, Json, NoContent, access,
    access::Holder,
    audit::{self, Event},
    resource::expect_version,
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use super::{View, current, entity, lock, require_session, save};
use crate::{
    account,
    entity::{api_key, membership_post, membership_role, session},
    resource::user,
};

/// Days between the wish to delete an organisation and its end.
pub const GRACE_DAYS: i64 = 30;

pub(super) fn mount(api: &mut Api) {
    let mut mount = api.signed_in("identity");
    mount
        .delete(
            "organization.delete",
            "/api/organizations/{id}",
            "Schedule the deletion, 30 days ahead",
            delete,
        )
        .problems(&[403, 404, 412]);
    mount
        .act("organization.restore", "/api/organizations/{id}/restore", "Call the deletion off", restore)
        .problems(&[403, 404, 409]);
    mount
        .post(
            "organization.transfer",
            "/api/organizations/{id}/transfer",
            "Hand the ownership over",
            transfer,
        )
        .problems(&[403, 404])
        .example(json!({ "user_id": "0192e4a0-7b1c-7d3e-8f00-000000000001" }));
    mount
        .act("organization.leave", "/api/organizations/{id}/leave", "Leave the organisation", leave)
        .problems(&[403, 404, 409]);
}

/// The heir.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OrganizationTransfer")]
pub struct Transfer {
    /// An active member.
    pub user_id: Id,
}

/// The caller's organisation, locked; 403 for whoever does not own it.
pub(super) async fn owned(cx: &Cx) -> Result<entity::Model> {
    let row = current(cx).await?;
    if !cx.actor()?.effective.is_owner() {
        return Err(Error::forbidden("owner_only", "only an owner may do this"));
    }
    lock(cx.tx()?, row.id).await
}

fn event(action: &str, row: &entity::Model) -> Event {
    Event::new(format!("identity:organization:{action}"), "identity.organization")
        .target(row.id, row.name.clone())
}

/// `DELETE /api/organizations/{id}/`. A second time changes nothing: the first date stands.
async fn delete(cx: &Cx) -> Result<NoContent> {
    require_session(cx)?;
    let row = owned(cx).await?;
    expect_version(&cx.headers, None, row.version.into())?;
    if row.deleting_at.is_some() {
        return Ok(NoContent);
    }
    let end = cx.now() + chrono::Duration::days(GRACE_DAYS);
    let event = event("delete", &row).change("delete_after", json!(null), json!(base::time::format(end)));
    save(cx, row, entity::ActiveModel { deleting_at: Set(Some(end)), ..Default::default() }).await?;
    access::bump(cx.tx()?, cx.now(), "organization_closing", Some(cx.org()?)).await?;
    audit::record_and_tell(cx, event).await?;
    Ok(NoContent)
}

/// `POST /api/organizations/{id}/restore/`.
async fn restore(cx: &Cx) -> Result<Json<View>> {
    require_session(cx)?;
    let row = owned(cx).await?;
    let Some(end) = row.deleting_at else { return Ok(Json(View::of(row, true))) };
    if end <= cx.now() {
        return Err(Error::conflict(
            "deletion_started",
            "the grace has passed; the deletion cannot be called off",
        ));
    }
    let event = event("restore", &row).change("delete_after", json!(base::time::format(end)), json!(null));
    let row = save(cx, row, entity::ActiveModel { deleting_at: Set(None), ..Default::default() }).await?;
    access::bump(cx.tx()?, cx.now(), "organization_restored", Some(row.id)).await?;
    audit::record_and_tell(cx, event).await?;
    Ok(Json(View::of(row, true)))
}

/// `POST /api/organizations/{id}/transfer/`: the other owns it from now on, the caller no longer.
async fn transfer(cx: &Cx, input: Transfer) -> Result<Json<View>> {
    require_session(cx)?;
    let row = owned(cx).await?;
    let (tx, actor) = (cx.tx()?, cx.actor()?);
    if input.user_id == actor.id {
        return Err(Error::field("user_id", "invalid_value", "you own it already"));
    }
    let unknown = || Error::field("user_id", "unknown_reference", "is no active member of this organisation");
    let heir = tx.lookup::<user::entity::Entity>(input.user_id).await?.filter(|heir| heir.active);
    let heir = heir.ok_or_else(unknown)?;
    let person = account::lock(tx, heir.id).await?.ok_or_else(unknown)?;
    if person.disabled_at.is_some() {
        return Err(unknown());
    }
    let own = tx.get::<user::entity::Entity>(actor.id).await?;
    let event = event("transfer", &row).change(
        "owner",
        json!({ "id": own.id, "name": own.name }),
        json!({ "id": heir.id, "name": heir.name }),
    );
    set_owner(cx, &heir, true).await?;
    set_owner(cx, &own, false).await?;
    access::bump(tx, cx.now(), "membership_changed", Some(heir.id)).await?;
    access::bump(tx, cx.now(), "membership_changed", Some(own.id)).await?;
    audit::record(cx, event).await?;
    Ok(Json(View::of(row, false)))
}

/// 409 when the member has been changed since he was read: somebody who has just been deactivated or
/// removed must not become the only owner.
async fn set_owner(cx: &Cx, member: &user::entity::Model, owner: bool) -> Result<()> {
    let change = user::entity::ActiveModel {
        is_owner: Set(owner),
        version: Set(member.version.saturating_add(1)),
        updated_at: Set(cx.now()),
        updated_by: Set(Some(cx.actor()?.id)),
        ..Default::default()
    };
    let this = Condition::all()
        .add(user::entity::Column::Id.eq(member.id))
        .add(user::entity::Column::Version.eq(member.version))
        .add(user::entity::Column::Active.eq(true))
        .add(user::entity::Column::DeletedAt.is_null());
    match cx.tx()?.update_where(change, this).await? {
        1 => Ok(()),
        _ => Err(Error::conflict("conflict", "the member has changed meanwhile; try again")),
    }
}

/// `POST /api/organizations/{id}/leave/`.
async fn leave(cx: &Cx) -> Result<NoContent> {
    require_session(cx)?;
    let row = current(cx).await?;
    let (tx, actor) = (cx.tx()?, cx.actor()?);
    lock(tx, row.id).await?;
    let member = tx.get::<user::entity::Entity>(actor.id).await?;
    if member.is_owner && !user::rules::another_owner(tx, row.id, member.id).await? {
        let detail = "you are the last owner; hand the ownership over, or delete the organisation";
        return Err(Error::conflict("last_owner", detail));
    }
    part(cx, member.id).await?;
    access::bump(tx, cx.now(), "membership_removed", Some(member.id)).await?;
    audit::record(cx, event("leave", &row).target(member.id, member.name)).await?;
    Ok(NoContent)
}

/// Ends a membership by the member's own wish: for good, so that nobody can bring it back from the
/// trash without him. His keys for this organisation die; his sessions go on without one.
async fn part(cx: &Cx, user: Id) -> Result<()> {
    let tx = cx.tx()?;
    let all = Condition::all;
    access::forget(tx, Holder::User(user)).await?;
    tx.delete_where::<membership_role::Entity>(all().add(membership_role::Column::UserId.eq(user))).await?;
    tx.delete_where::<membership_post::Entity>(all().add(membership_post::Column::UserId.eq(user))).await?;
    tx.delete_where::<user::entity::Entity>(all().add(user::entity::Column::Id.eq(user))).await?;
    let dead = api_key::ActiveModel { revoked_at: Set(Some(cx.now())), ..Default::default() };
    let keys = all().add(api_key::Column::UserId.eq(user)).add(api_key::Column::RevokedAt.is_null());
    tx.update_where(dead, keys).await?;
    let nowhere = session::ActiveModel { org_id: Set(None), ..Default::default() };
    let sessions = all()
        .add(session::Column::UserId.eq(user))
        .add(session::Column::OrgId.eq(cx.org()?))
        .add(session::Column::RevokedAt.is_null());
    tx.update_where(nowhere, sessions).await.map(drop)
}
