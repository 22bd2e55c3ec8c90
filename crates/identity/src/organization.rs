//! Organisations: founding, reading, renaming; ownership, export and the end lie below.
//!
//! The table belongs to no organisation and carries no policy (decision 2.5), so it is reached
//! through the functions here only. Whoever is not a member of an organisation learns nothing of
//! it: 404. May import: `kernel`, this crate's entities and memberships.

mod appointment;
mod export;
mod founding;
pub mod operator;
mod ownership;
mod purge;
mod tables;

use std::time::Duration;

use base::{Error, Id, Result, Timestamp};
use http::header;
use kernel::{
    Api, Created, Cx, Json,
    audit::{self, Event},
    resource::{etag, expect_version},
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Dialect, Mode, Opening, Role, Tx};
use validator::Validate;

pub use self::{
    appointment::{appoint, find},
    founding::{ADMINISTRATOR, AUDITOR, found, found_from},
    purge::purge_due,
};
use crate::{
    account,
    entity::{app_user, organization as entity},
    service::Identity,
    session::slug,
};

pub use crate::session::require_session;

/// Organisations that one person may found in an hour.
const FOUNDED_PER_HOUR: u64 = 10;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut mount = api.signed_in("identity");
    mount
        .get("organization.list", "/api/organizations", "The organisations that you belong to", list)
        .detached();
    mount
        .post("organization.create", "/api/organizations", "Found an organisation and own it", create)
        .detached()
        .problems(&[403, 429])
        .example(json!({ "name": "Example Ltd." }));
    mount
        .get("organization.read", "/api/organizations/{id}", "The organisation that you work in", read)
        .problems(&[404]);
    api.guarded("identity", "organization")
        .patch("update", "/api/organizations/{id}", "Rename the organisation", update)
        .problems(&[404, 409, 412])
        .example(json!({ "name": "Example International Ltd." }));
    ownership::mount(api);
    export::mount(api);
}

/// A new organisation.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OrganizationCreate")]
pub struct Create {
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: String,
}

/// Changes to an organisation.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OrganizationPatch")]
pub struct Patch {
    /// Name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// The version that was read; another one is 409.
    pub version: Option<i64>,
}

/// An organisation as its members see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Organization")]
pub struct View {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// The name as a word for file names and addresses; follows the name and is not unique.
    pub slug: String,
    /// Whether you own it.
    pub is_owner: bool,
    /// Version.
    pub version: i32,
    /// Founded at.
    pub created_at: Timestamp,
    /// When it will be gone for good, if its deletion is scheduled.
    pub delete_after: Option<Timestamp>,
}

/// Organisations.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OrganizationList")]
pub struct Items {
    /// By name.
    pub items: Vec<View>,
}

impl View {
    fn of(row: entity::Model, is_owner: bool) -> Self {
        Self {
            id: row.id,
            slug: slug(&row),
            name: row.name,
            is_owner,
            version: row.version,
            created_at: row.created_at.into(),
            delete_after: row.deleting_at.map(Into::into),
        }
    }
}

/// A name that can be stored and shown on one line, with its key.
fn named(text: &str) -> Result<(String, String)> {
    let name = text.trim().to_owned();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::field("name", "invalid_value", "must be one line of text"));
    }
    let key = base::text::fold(&name).chars().take(240).collect();
    Ok((name, key))
}

/// The caller's own organisation, or 404 for any other one.
async fn current(cx: &Cx) -> Result<entity::Model> {
    let id = cx.id("id")?;
    if cx.actor()?.org != Some(id) {
        return Err(Error::missing());
    }
    cx.tx()?.get::<entity::Entity>(id).await
}

/// The organisation, locked until the transaction ends: whoever counts owners or pending
/// invitations does it one after the other.
pub async fn lock(tx: &Tx, id: Id) -> Result<entity::Model> {
    let mut select = tx.find::<entity::Entity>().filter(entity::Column::Id.eq(id));
    if tx.dialect() != Dialect::Sqlite {
        select = select.lock_exclusive();
    }
    tx.one(select).await?.ok_or_else(Error::missing)
}

/// `GET /api/organizations/`: an API key sees only the organisation that it is for.
async fn list(cx: &Cx) -> Result<Json<Items>> {
    let actor = cx.actor()?;
    let tx = cx.app.system(Mode::Read).await?;
    let mut own = account::belongings(&tx, actor.id).await?;
    tx.commit().await?;
    let key_for = |one: &account::Belonging| Some(one.organization.id) == actor.org;
    own.retain(|one| one.is_open() && (actor.session().is_some() || key_for(one)));
    own.sort_by(|a, b| a.organization.name_key.cmp(&b.organization.name_key));
    let items = own.into_iter().map(|one| View::of(one.organization, one.membership.is_owner));
    Ok(Json(Items { items: items.collect() }))
}

/// `POST /api/organizations/`.
async fn create(cx: &Cx, input: Create) -> Result<Created<View>> {
    require_session(cx)?;
    let actor = cx.actor()?;
    if !actor.platform_admin && !Identity::of(&cx.app)?.settings.organization_signup {
        let detail = "only platform administrators found organisations here";
        return Err(Error::forbidden("organization_signup_closed", detail));
    }
    named(&input.name)?;
    cx.app.limit(&format!("found/{}", actor.id), FOUNDED_PER_HOUR, Duration::from_secs(3600)).await?;
    let id = cx.app.new_id();
    let tx = cx.begin(Opening::new(Role::System, Some(id))).await?;
    let owner = tx.get::<app_user::Entity>(actor.id).await?;
    let row = found_from(&cx.app, &tx, &input.name, &owner, &cx.origin).await?;
    cx.finish(tx);
    Ok(Created::at("/api/organizations", id, View::of(row, true)))
}

/// `GET /api/organizations/{id}/`.
async fn read(cx: &Cx) -> Result<Json<View>> {
    let row = current(cx).await?;
    cx.respond_with(header::ETAG, &etag(row.version.into()))?;
    Ok(Json(View::of(row, cx.actor()?.effective.is_owner())))
}

/// `PATCH /api/organizations/{id}/`.
async fn update(cx: &Cx, input: Patch) -> Result<Json<View>> {
    current(cx).await?;
    let row = lock(cx.tx()?, cx.org()?).await?;
    expect_version(&cx.headers, input.version.map(Into::into).as_ref(), row.version.into())?;
    let row = match input.name {
        Some(name) => rename(cx, row, &name).await?,
        None => row,
    };
    cx.respond_with(header::ETAG, &etag(row.version.into()))?;
    Ok(Json(View::of(row, cx.actor()?.effective.is_owner())))
}

async fn rename(cx: &Cx, row: entity::Model, name: &str) -> Result<entity::Model> {
    let (name, name_key) = named(name)?;
    let event = Event::new("identity:organization:update", "identity.organization")
        .target(row.id, name.clone())
        .change("name", json!(row.name), json!(name));
    let change = entity::ActiveModel { name: Set(name), name_key: Set(name_key), ..Default::default() };
    let row = save(cx, row, change).await?;
    audit::record(cx, event).await?;
    Ok(row)
}

/// Writes a change of the organisation's own row under its next version, and reads it back.
async fn save(cx: &Cx, row: entity::Model, mut change: entity::ActiveModel) -> Result<entity::Model> {
    let tx = cx.tx()?;
    change.version = Set(row.version.saturating_add(1));
    change.updated_at = Set(cx.now());
    let this =
        Condition::all().add(entity::Column::Id.eq(row.id)).add(entity::Column::Version.eq(row.version));
    match tx.update_where(change, this).await? {
        0 => Err(Error::conflict("version_conflict", "somebody else has just changed it; read it again")),
        _ => tx.get::<entity::Entity>(row.id).await,
    }
}
