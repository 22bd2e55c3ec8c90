//! Inviting, sending again, taking back.

use std::time::Duration;

use base::{Error, Id, Result, secret::ExposeSecret, text};
use kernel::{
    Created, Cx, Json, NoContent, Reach,
    audit::{self, Event},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel, QueryFilter};
use serde_json::json;
use store::Table;

use super::{
    DAYS, dto,
    entity::{self, ActiveModel, Column},
    find,
};
use crate::{
    account,
    credential::token,
    entity::app_user,
    mail::{self, Letter},
    organization,
    resource::{department, post, role, user},
    service::Identity,
};

/// Letters that one organisation may send in an hour.
const PER_HOUR: u64 = 50;

/// `POST /api/invitations/`.
pub(super) async fn create(cx: &Cx, input: dto::Create) -> Result<Created<dto::View>> {
    let (tx, now, actor, org) = (cx.tx()?, cx.now(), cx.actor()?, cx.org()?);
    let email = account::email(&input.email)?;
    let name = input.name.as_deref().filter(|name| !name.trim().is_empty());
    let name = name.map(account::display_name).transpose()?;
    let (role_ids, post_ids) = (distinct(input.role_ids), distinct(input.post_ids));
    known::<role::entity::Entity>(cx, "role_ids", &role_ids).await?;
    known::<post::entity::Entity>(cx, "post_ids", &post_ids).await?;
    if let Some(id) = input.department_id
        && tx.lookup::<department::entity::Entity>(id).await?.is_none()
    {
        return Err(unknown("department_id".to_owned()));
    }
    may_give(cx, &role_ids, input.department_id).await?;
    // Whoever invites the same address at the same moment waits here.
    let organization = organization::lock(tx, org).await?;
    let email_key: String = text::fold(&email);
    not_pending(cx, &email_key, None).await?;
    count(cx, org, &email).await?;
    let secret = token::generate();
    let searched = [email.as_str(), name.as_deref().unwrap_or_default()].map(text::fold).join("\u{1f}");
    let row = entity::Model {
        id: cx.app.new_id(),
        org_id: org,
        email,
        email_key,
        name,
        role_ids: Some(json!(role_ids)),
        post_ids: Some(json!(post_ids)),
        department_id: input.department_id,
        digest: token::digest_hex(secret.expose_secret()),
        status: entity::Status::Pending,
        invited_by: actor.id,
        accepted_by: None,
        created_at: now,
        updated_at: now,
        expires_at: now + chrono::Duration::days(DAYS),
        accepted_at: None,
        version: 1,
        search_key: searched.chars().take(600).collect(),
    };
    tx.insert(row.clone().into_active_model().reset_all()).await?;
    let link = deliver(cx, &row, &organization.name, secret.expose_secret()).await?;
    let event = event("create", &row).change("role_ids", json!(null), json!(role_ids)).change(
        "department_id",
        json!(null),
        json!(row.department_id),
    );
    audit::record(cx, event).await?;
    Ok(Created::at("/api/invitations", row.id, dto::View::of(row, now, link)))
}

fn distinct(mut ids: Vec<Id>) -> Vec<Id> {
    ids.sort();
    ids.dedup();
    ids
}

fn unknown(field: String) -> Error {
    Error::field(field, "unknown_reference", "refers to a record that does not exist")
}

/// 422 for the first id that is none of the organisation's.
async fn known<E: Table>(cx: &Cx, field: &str, ids: &[Id]) -> Result<()> {
    for (at, id) in ids.iter().enumerate() {
        if cx.tx()?.lookup::<E>(*id).await?.is_none() {
            return Err(unknown(format!("{field}.{at}")));
        }
    }
    Ok(())
}

/// 403 unless the caller could give these roles, and place somebody in that department.
async fn may_give(cx: &Cx, roles: &[Id], department: Option<Id>) -> Result<()> {
    if let Reach::Some { departments, .. } = cx.reach("identity:invitation:create")?
        && !department.is_some_and(|id| departments.contains(&id))
    {
        let detail = "you can invite into the departments that you reach only";
        return Err(Error::forbidden("out_of_scope", detail));
    }
    user::rules::can_grant_roles(cx, roles, department).await
}

/// 409 while another invitation waits for the same person. Whether the address has an account, or is
/// a member already, is not told.
async fn not_pending(cx: &Cx, email_key: &str, but: Option<Id>) -> Result<()> {
    let tx = cx.tx()?;
    let mut select = tx
        .find::<entity::Entity>()
        .filter(Column::EmailKey.eq(email_key))
        .filter(Column::Status.eq(entity::Status::Pending))
        .filter(Column::ExpiresAt.gt(cx.now()));
    if let Some(id) = but {
        select = select.filter(Column::Id.ne(id));
    }
    match tx.count(select).await? {
        0 => Ok(()),
        _ => {
            let field = base::FieldError::new("email", "taken", "is invited already");
            Err(Error::conflict("conflict", "this address is invited already; send that invitation again")
                .with_fields(vec![field]))
        }
    }
}

/// 429 beyond the letters that an organisation may send, and that one address may be sent by all.
async fn count(cx: &Cx, org: Id, address: &str) -> Result<()> {
    cx.app.limit(&format!("invite/{org}"), PER_HOUR, Duration::from_secs(3600)).await?;
    mail::limit_recipient(&cx.app, "invitation", address).await
}

/// Puts the letter into the outbox; the link itself is answered only where no mail goes out.
async fn deliver(cx: &Cx, row: &entity::Model, organization: &str, secret: &str) -> Result<Option<String>> {
    let tx = cx.tx()?;
    let inviter = tx.get::<app_user::Entity>(cx.actor()?.id).await?;
    let link = format!("{}/accept-invitation?token={secret}", cx.app.settings().base_url);
    let letter = Letter::Invitation {
        organization: organization.to_owned(),
        inviter: inviter.name.clone(),
        link: link.clone(),
    };
    mail::enqueue(&cx.app, tx, &row.email, &inviter.locale, letter).await?;
    Ok((!Identity::of(&cx.app)?.mailer.is_smtp()).then_some(link))
}

fn event(action: &str, row: &entity::Model) -> Event {
    Event::new(format!("identity:invitation:{action}"), "identity.invitation")
        .target(row.id, row.email.clone())
}

/// 409 for an invitation that has been answered or taken back.
fn open(row: &entity::Model) -> Result<()> {
    match row.status {
        entity::Status::Pending => Ok(()),
        entity::Status::Accepted => Err(used()),
        entity::Status::Revoked => Err(revoked()),
    }
}

/// 409: somebody has joined by it.
pub(super) fn used() -> Error {
    Error::conflict("invitation_used", "somebody has joined by this invitation already")
}

/// 409: it was taken back.
pub(super) fn revoked() -> Error {
    Error::conflict("invitation_revoked", "this invitation has been taken back")
}

/// Changes an invitation that still waits; if it has just been answered, says so.
async fn change(cx: &Cx, row: &entity::Model, mut values: ActiveModel) -> Result<()> {
    let tx = cx.tx()?;
    values.updated_at = Set(cx.now());
    values.version = Set(row.version.saturating_add(1));
    let waiting = Condition::all().add(Column::Id.eq(row.id)).add(Column::Status.eq(entity::Status::Pending));
    match tx.update_where(values, waiting).await? {
        0 => open(&tx.get::<entity::Entity>(row.id).await?).and(Err(used())),
        _ => Ok(()),
    }
}

/// `POST /api/invitations/{id}/resend/`: also for one that has expired.
pub(super) async fn resend(cx: &Cx) -> Result<Json<dto::View>> {
    let (tx, now, org) = (cx.tx()?, cx.now(), cx.org()?);
    let row = find(cx, "identity:invitation:create").await?;
    open(&row)?;
    let roles = dto::ids(row.role_ids.as_ref());
    may_give(cx, &roles, row.department_id).await?;
    let organization = organization::lock(tx, org).await?;
    not_pending(cx, &row.email_key, Some(row.id)).await?;
    count(cx, org, &row.email).await?;
    let secret = token::generate();
    // It is his word from now on: whoever made it may not be here any more.
    let row = entity::Model {
        digest: token::digest_hex(secret.expose_secret()),
        invited_by: cx.actor()?.id,
        expires_at: now + chrono::Duration::days(DAYS),
        ..row
    };
    let values = ActiveModel {
        invited_by: Set(row.invited_by),
        digest: Set(row.digest.clone()),
        expires_at: Set(row.expires_at),
        ..Default::default()
    };
    change(cx, &row, values).await?;
    let link = deliver(cx, &row, &organization.name, secret.expose_secret()).await?;
    audit::record(cx, event("resend", &row)).await?;
    Ok(Json(dto::View::of(row, now, link)))
}

/// `POST /api/invitations/{id}/revoke/`.
pub(super) async fn revoke(cx: &Cx) -> Result<NoContent> {
    let row = find(cx, "identity:invitation:revoke").await?;
    open(&row)?;
    change(cx, &row, ActiveModel { status: Set(entity::Status::Revoked), ..Default::default() }).await?;
    audit::record(cx, event("revoke", &row)).await?;
    Ok(NoContent)
}
