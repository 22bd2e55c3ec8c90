//! Invitations: how people become members.
//!
//! A link with 256 random bits goes to an address; whoever holds it may join once, within seven
//! days. Its digest is all that is kept. An invitation gives no more than its maker could give.
//! May import: `kernel`, `account`, `session`, `mail`, memberships and roles.

mod accept;
pub mod dto;
pub mod entity;
mod send;

use base::{Error, Result};
use kernel::{
    Api, Cx, Json, Reach, Spec,
    resource::{ListQuery, paginate},
};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryTrait};
use serde_json::json;

use self::entity::Column;
use crate::access::listing::Listed;

/// Days that a link is good.
pub const DAYS: i64 = 7;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut mount = api.guarded("identity", "invitation");
    mount
        .get("list", "/api/invitations", "Invitations of the organisation", list)
        .query::<dto::Filter>()
        .lists(&spec());
    mount
        .post("create", "/api/invitations", "Invite somebody by e-mail", send::create)
        .secret()
        .problems(&[403, 409, 429])
        .example(json!({ "email": "new.colleague@example.com", "name": "New Colleague" }));
    mount
        .act(
            "resend",
            "/api/invitations/{id}/resend",
            "Send an invitation again; the old link dies",
            send::resend,
        )
        .secret()
        .needs("identity:invitation:create")
        .problems(&[403, 404, 409, 429]);
    mount
        .act("revoke", "/api/invitations/{id}/revoke", "Take an invitation back", send::revoke)
        .problems(&[404, 409]);
    let mut open = api.public("auth");
    open.get("invitation", "/api/auth/invitations/{token}", "What an invitation is about", accept::look)
        .problems(&[404, 409, 429]);
    open.post(
        "accept_invitation",
        "/api/auth/invitations/{token}/accept",
        "Join by an invitation",
        accept::accept,
    )
    .secret()
    .problems(&[401, 403, 404, 409, 429])
    .example(
        json!({ "username": "new.colleague", "password": "correct horse battery", "name": "New Colleague" }),
    );
}

/// The rows that the caller reaches with a permission: those for his departments, and those that
/// he made, where he reaches his own.
fn within(cx: &Cx, code: &str) -> Result<Option<Condition>> {
    let Reach::Some { departments, own } = cx.reach(code)? else { return Ok(None) };
    let mut any = Condition::any().add(Column::DepartmentId.is_in(departments.iter().copied()));
    if own {
        any = any.add(Column::InvitedBy.eq(cx.actor()?.id));
    }
    Ok(Some(any))
}

/// The invitation of that id within what the caller reaches, or 404.
async fn find(cx: &Cx, code: &str) -> Result<entity::Model> {
    let tx = cx.tx()?;
    let mut select = tx.find::<entity::Entity>().filter(Column::Id.eq(cx.id("id")?));
    if let Some(condition) = within(cx, code)? {
        select = select.filter(condition);
    }
    tx.one(select).await?.ok_or_else(Error::missing)
}

fn spec() -> Spec {
    Spec::of::<entity::Entity>(Column::Email)
        .search([Column::Email, Column::Name])
        .filter([
            Column::Email,
            Column::DepartmentId,
            Column::InvitedBy,
            Column::ExpiresAt,
            Column::CreatedAt,
        ])
        .sort([Column::Email, Column::ExpiresAt, Column::CreatedAt])
}

/// `GET /api/invitations/`.
async fn list(cx: &Cx) -> Result<Json<Listed<dto::View>>> {
    let (tx, now, spec) = (cx.tx()?, cx.now(), spec());
    let pairs = cx.query_pairs();
    let query = ListQuery::parse_with(&spec, &pairs, &["status"])?;
    let mut select = tx.find::<entity::Entity>();
    for (_, text) in pairs.iter().filter(|(name, _)| name == "status") {
        select = select.filter(in_state(text, now)?);
    }
    if let Some(condition) = within(cx, "identity:invitation:list")? {
        select = select.filter(condition);
    }
    let page = paginate(tx, &spec, select.into_query(), &query).await?;
    let rows = page.rows.iter().map(store::model::<entity::Model>).collect::<Result<Vec<_>>>()?;
    let items = rows.into_iter().map(|row| dto::View::of(row, now, None)).collect();
    Ok(Json(Listed::of(&query, page, items)))
}

/// The rows that are shown with a status: an invitation expires by the clock, not by a change.
fn in_state(text: &str, now: chrono::DateTime<chrono::Utc>) -> Result<Condition> {
    let all = Condition::all();
    let pending = Column::Status.eq(entity::Status::Pending);
    Ok(match text {
        "pending" => all.add(pending).add(Column::ExpiresAt.gt(now)),
        "expired" => all.add(pending).add(Column::ExpiresAt.lte(now)),
        "accepted" => all.add(Column::Status.eq(entity::Status::Accepted)),
        "revoked" => all.add(Column::Status.eq(entity::Status::Revoked)),
        _ => {
            let message = "must be pending, accepted, revoked or expired";
            return Err(Error::field("status", "invalid_value", message));
        }
    })
}
