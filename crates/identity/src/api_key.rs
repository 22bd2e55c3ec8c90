//! API keys: personal access tokens of the organisation that its owner works in.
//!
//! A key is shown once and kept as a digest; what it may do is what its owner may do, narrowed to
//! its scopes (the kernel intersects them on each request). Keys are made by people, never by
//! keys. May import: `kernel`, `credential`, this crate's entities.

pub mod dto;
mod usage;

use base::{Error, FieldError, Id, Result, Timestamp};
use chrono::{DateTime, Utc};
use kernel::{
    Api, Created, Cx, Json, NoContent, Spec,
    audit::{self, Event},
    resource::{ListQuery, paginate},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, IntoActiveModel, QueryFilter, QueryOrder, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use serde_json::json;
use store::Tx;

use self::dto::{Create, Items, Owned, Secret, View};
pub use self::usage::{Uses, flush_uses};
use crate::{
    access::listing::Listed,
    account,
    credential::token::ApiKey,
    entity::api_key::{self as entity, Column},
    resource::user,
    session::{self, require_session},
};

const LIST: &str = "identity:api_key:list";
const DELETE: &str = "identity:api_key:delete";
/// Live keys of one person in one organisation.
const MOST: u64 = 50;
/// The longest life of a key that ends at all.
const LONGEST_DAYS: i64 = 3660;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.signed_in("auth");
    own.get("api_keys", "/api/auth/api-keys", "Your own API keys in this organisation", list);
    own.post("create_api_key", "/api/auth/api-keys", "Make an API key; it is shown this once", create)
        .secret()
        .problems(&[403, 409])
        .example(json!({ "name": "Nightly report", "scopes": ["identity:user:list"] }));
    own.act(
        "rotate_api_key",
        "/api/auth/api-keys/{id}/rotate",
        "Give a key a new secret; the old one dies",
        rotate,
    )
    .secret()
    .problems(&[403, 404]);
    own.delete("delete_api_key", "/api/auth/api-keys/{id}", "End one of your own API keys", delete)
        .problems(&[404]);
    let mut all = api.guarded("identity", "api_key");
    all.get("list", "/api/api-keys", "The API keys of the members within your reach", list_all)
        .lists(&spec());
    all.delete("delete", "/api/api-keys/{id}", "End a member's API key", delete_any).problems(&[403, 404]);
}

/// `GET /api/auth/api-keys/`.
async fn list(cx: &Cx) -> Result<Json<Items>> {
    let tx = cx.tx()?;
    let select = tx
        .find::<entity::Entity>()
        .filter(Column::UserId.eq(cx.actor()?.id))
        .filter(Column::RevokedAt.is_null())
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id);
    Ok(Json(Items { items: tx.all(select).await?.into_iter().map(View::from).collect() }))
}

/// `POST /api/auth/api-keys/`.
async fn create(cx: &Cx, input: Create) -> Result<Created<Secret>> {
    require_session(cx)?;
    let (tx, actor, org) = (cx.tx()?, cx.actor()?, cx.org()?);
    let name = input.name.trim().to_owned();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::field("name", "invalid_value", "must be one line of text"));
    }
    let expires_at = expiry(cx, input.expires_at)?;
    let scopes = input.scopes.map(|scopes| limited(cx, scopes)).transpose()?;
    // Keys are counted one request after the other.
    account::lock(tx, actor.id).await?;
    let live =
        tx.find::<entity::Entity>().filter(Column::UserId.eq(actor.id)).filter(Column::RevokedAt.is_null());
    if tx.count(live).await? >= MOST {
        return Err(Error::conflict("too_many_api_keys", format!("{MOST} keys are enough; end one first")));
    }
    let key = ApiKey::generate();
    let row = entity::Model {
        id: cx.app.new_id(),
        org_id: org,
        user_id: actor.id,
        name,
        prefix: key.prefix().to_owned(),
        digest: key.digest_hex(),
        scopes: scopes.map(|scopes| json!(scopes)),
        expires_at,
        last_used_at: None,
        revoked_at: None,
        created_at: cx.now(),
    };
    tx.insert(row.clone().into_active_model().reset_all()).await?;
    let event = event("create", &row).change("scopes", json!(null), json!(row.scopes)).change(
        "expires_at",
        json!(null),
        json!(row.expires_at.map(base::time::format)),
    );
    audit::record(cx, event).await?;
    let id = row.id;
    let body = Secret { view: row.into(), key: key.expose().to_owned() };
    Ok(Created::at("/api/auth/api-keys", id, body))
}

/// In the future, and not so far that a database could not hold it.
fn expiry(cx: &Cx, at: Option<Timestamp>) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    let Some(Timestamp(at)) = at else { return Ok(None) };
    if at <= cx.now() {
        return Err(Error::field("expires_at", "in_the_past", "must lie in the future"));
    }
    if at > cx.now() + chrono::Duration::days(LONGEST_DAYS) {
        return Err(Error::field(
            "expires_at",
            "out_of_range",
            "must lie within ten years; leave it out for no end",
        ));
    }
    Ok(Some(chrono::SubsecRound::trunc_subsecs(at, 6)))
}

/// Scopes that exist (else 422) and that the caller holds (else 403), sorted and without repetition.
fn limited(cx: &Cx, mut scopes: Vec<String>) -> Result<Vec<String>> {
    let unknown = scopes.iter().enumerate().filter(|(_, code)| cx.app.catalogue().find(code).is_none());
    let unknown: Vec<FieldError> = unknown
        .map(|(at, code)| {
            FieldError::new(
                format!("scopes.{at}"),
                "unknown_permission",
                format!("there is no permission {code}"),
            )
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Error::fields(unknown));
    }
    if let Some(lacking) = scopes.iter().find(|code| !cx.can(code)) {
        return Err(Error::forbidden("cannot_grant", format!("you do not hold {lacking} yourself")));
    }
    scopes.sort();
    scopes.dedup();
    Ok(scopes)
}

fn event(action: &str, row: &entity::Model) -> Event {
    Event::new(format!("identity:api_key:{action}"), "identity.api_key").target(row.id, row.name.clone())
}

/// A live key of the organisation, of `owner` if one is named, or 404.
async fn live(cx: &Cx, owner: Option<Id>) -> Result<entity::Model> {
    let row = cx.tx()?.get::<entity::Entity>(cx.id("id")?).await?;
    if row.revoked_at.is_some() || owner.is_some_and(|owner| owner != row.user_id) {
        return Err(Error::missing());
    }
    Ok(row)
}

/// Changes a key that is still live; 404 if it has just ended.
async fn change(cx: &Cx, id: Id, values: entity::ActiveModel) -> Result<()> {
    let this = Condition::all().add(Column::Id.eq(id)).add(Column::RevokedAt.is_null());
    match cx.tx()?.update_where(values, this).await? {
        0 => Err(Error::missing()),
        _ => Ok(()),
    }
}

/// `POST /api/auth/api-keys/{id}/rotate/`: the id stays, so that programs' logs still name it.
async fn rotate(cx: &Cx) -> Result<Json<Secret>> {
    require_session(cx)?;
    let mut row = live(cx, Some(cx.actor()?.id)).await?;
    let key = ApiKey::generate();
    let values = entity::ActiveModel {
        digest: Set(key.digest_hex()),
        prefix: Set(key.prefix().to_owned()),
        last_used_at: Set(None),
        ..Default::default()
    };
    change(cx, row.id, values).await?;
    let event = event("rotate", &row).change("prefix", json!(row.prefix), json!(key.prefix()));
    audit::record(cx, event).await?;
    row.prefix = key.prefix().to_owned();
    row.last_used_at = None;
    Ok(Json(Secret { view: row.into(), key: key.expose().to_owned() }))
}

/// `DELETE /api/auth/api-keys/{id}/`. A key may end itself, but no other one.
async fn delete(cx: &Cx) -> Result<NoContent> {
    let actor = cx.actor()?;
    if actor.credential != kernel::port::CredentialKind::Key(cx.id("id")?) {
        require_session(cx)?;
    }
    let row = live(cx, Some(actor.id)).await?;
    end(cx, row).await
}

/// `DELETE /api/api-keys/{id}/`.
async fn delete_any(cx: &Cx) -> Result<NoContent> {
    let row = live(cx, None).await?;
    if let Some(holders) = holders(cx, DELETE)? {
        let holder = Condition::all().add(Column::Id.eq(row.id)).add(Column::UserId.in_subquery(holders));
        let tx = cx.tx()?;
        if tx.count(tx.find::<entity::Entity>().filter(holder)).await? == 0 {
            return Err(Error::missing());
        }
    }
    let member = cx.tx()?.lookup::<user::entity::Entity>(row.user_id).await?;
    session::spare_owner(cx, member.is_some_and(|member| member.is_owner))?;
    end(cx, row).await
}

/// The members whose keys the caller reaches; nothing where it is everybody's.
fn holders(cx: &Cx, code: &str) -> Result<Option<SelectStatement>> {
    let Some(within) = session::reached(cx, code, "m")? else { return Ok(None) };
    let select = Query::select()
        .column(("m", "id"))
        .from_as("membership", "m")
        .and_where(Expr::col(("m", "org_id")).eq(cx.org()?))
        .and_where(Expr::col(("m", "deleted_at")).is_null())
        .cond_where(within)
        .to_owned();
    Ok(Some(select))
}

async fn end(cx: &Cx, row: entity::Model) -> Result<NoContent> {
    let values = entity::ActiveModel { revoked_at: Set(Some(cx.now())), ..Default::default() };
    change(cx, row.id, values).await?;
    audit::record(cx, event("delete", &row)).await?;
    Ok(NoContent)
}

/// Ends every key of a person, in whichever organisation; how many there were. Needs a system
/// transaction without organisation.
pub(crate) async fn end_all(tx: &Tx, now: DateTime<Utc>, user: Id) -> Result<u64> {
    let dead = entity::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let live = Condition::all().add(Column::UserId.eq(user)).add(Column::RevokedAt.is_null());
    tx.update_where(dead, live).await
}

fn spec() -> Spec {
    Spec::of::<entity::Entity>(Column::Name)
        .filter([Column::UserId, Column::ExpiresAt, Column::LastUsedAt, Column::CreatedAt])
        .sort([Column::Name, Column::ExpiresAt, Column::LastUsedAt, Column::CreatedAt])
}

/// `GET /api/api-keys/`.
async fn list_all(cx: &Cx) -> Result<Json<Listed<Owned>>> {
    let (tx, spec) = (cx.tx()?, spec());
    let query = ListQuery::parse(&spec, &cx.query_pairs())?;
    let mut select = tx.find::<entity::Entity>().filter(Column::RevokedAt.is_null());
    if let Some(holders) = holders(cx, LIST)? {
        select = select.filter(Column::UserId.in_subquery(holders));
    }
    let select = select.into_query();
    let page = paginate(tx, &spec, select, &query).await?;
    let rows = page.rows.iter().map(store::model::<entity::Model>).collect::<Result<Vec<_>>>()?;
    let names = user::names(tx, rows.iter().map(|row| row.user_id)).await?;
    let items = rows.into_iter().map(|row| Owned {
        user_id: row.user_id,
        user_name: names.get(&row.user_id).cloned().unwrap_or_default(),
        view: row.into(),
    });
    let items = items.collect();
    Ok(Json(Listed::of(&query, page, items)))
}
