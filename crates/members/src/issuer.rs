//! Whose access tokens are believed: the issuer of the configuration, in the first organisation, and those
//! that organisations add, each in its own.

use base::{Error, FieldError, Id, Result, Timestamp};
use kernel::{
    Api, App, Cx, Json, NoContent,
    api::Created,
    audit::{self, Event},
};
use oidc::{Algorithm, Issuer};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mode;
use validator::Validate;

use crate::{
    entity::issuer::{ActiveModel, Column, Entity, Model},
    service::Members,
    subject::{self, UNNAMED},
};

/// Issuers of one organisation.
const MOST: u64 = 20;
/// What entries of the audit trail call them.
const NAME: &str = "members.issuer";

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("members", "issuer");
    own.get("list", "/api/member-issuers", "Issuers whose access tokens are believed", all);
    own.post("create", "/api/member-issuers", "Believe an issuer", create).problems(&[409]);
    own.post("check", "/api/member-issuers/{id}/check", "Whether an issuer's keys can be read", check);
    own.put("update", "/api/member-issuers/{id}", "Change an issuer", update).problems(&[409]);
    own.delete("delete", "/api/member-issuers/{id}", "Believe an issuer no more", remove);
}

/// An issuer that was found for a token.
pub struct Trusted {
    /// Its organisation.
    pub org: Id,
    /// Its row, or [`UNNAMED`].
    pub id: Id,
    /// How its tokens are verified.
    pub issuer: Issuer,
}

fn texts(value: Option<&serde_json::Value>) -> Result<Vec<String>> {
    value.map_or(Ok(Vec::new()), |value| serde_json::from_value(value.clone()).map_err(Error::internal))
}

fn of(row: &Model) -> Result<Issuer> {
    let algorithms = texts(row.algorithms.as_ref())?;
    Ok(Issuer {
        jwks_url: row.jwks_url.clone(),
        audiences: texts(row.audiences.as_ref())?,
        algorithms: algorithms.iter().filter_map(|name| name.parse().ok()).collect(),
        azp: texts(row.azp.as_ref())?,
        require_azp: row.require_azp,
        ..Issuer::new(row.issuer.clone())
    })
}

/// The issuer that a token names, if it is believed. That of the configuration comes first.
pub async fn named(app: &App, name: &str) -> Result<Option<Trusted>> {
    let members = Members::of(app)?;
    if let Some(issuer) = members.settings.issuer.as_ref().filter(|issuer| issuer.issuer == name) {
        let org = members.home(app).await?;
        return Ok(Some(Trusted { org, id: UNNAMED, issuer: issuer.clone() }));
    }
    let tx = app.system(Mode::Read).await?;
    let select = tx.find::<Entity>().filter(Column::Issuer.eq(name)).filter(Column::Active.eq(true));
    let rows = tx.all(select.order_by_asc(Column::CreatedAt)).await?;
    tx.commit().await?;
    // Whoever was first has it; a second one could not be made.
    let trusted = |row: &Model| Ok(Trusted { org: row.org_id, id: row.id, issuer: of(row)? });
    rows.first().map(trusted).transpose()
}

/// The row of an organisation's issuer by its name.
pub async fn called(app: &App, org: Id, name: &str) -> Result<Option<Id>> {
    let tx = crate::service::reading(app, org).await?;
    let row = tx.one(tx.find::<Entity>().filter(Column::Issuer.eq(name))).await?;
    tx.commit().await?;
    Ok(row.map(|row| row.id))
}

/// Every issuer that is believed, of all organisations.
pub async fn believed(app: &App) -> Result<Vec<Issuer>> {
    let tx = app.system(Mode::Read).await?;
    let rows = tx.all(tx.find::<Entity>().filter(Column::Active.eq(true))).await?;
    tx.commit().await?;
    let own = Members::of(app)?.settings.issuer.clone().map(Ok);
    own.into_iter().chain(rows.iter().map(of)).collect()
}

/// The same as [`usual`], while it is known.
pub fn usual_at_hand(members: &Members, org: Id) -> Option<Id> {
    if members.settings.issuer.is_some() && members.home_at_hand() == Some(org) {
        return Some(UNNAMED);
    }
    members.usual.get(&org)
}

/// The issuer whose names an organisation's programs use: its oldest, or none.
pub async fn usual(app: &App, org: Id) -> Result<Id> {
    let members = Members::of(app)?;
    if members.settings.issuer.is_some() && members.home(app).await? == org {
        return Ok(UNNAMED);
    }
    if let Some(known) = usual_at_hand(members, org) {
        return Ok(known);
    }
    let tx = crate::service::reading(app, org).await?;
    // One that is switched off keeps its names.
    let first = tx.all(tx.find::<Entity>().order_by_asc(Column::CreatedAt)).await?.into_iter().next();
    tx.commit().await?;
    let usual = first.map_or(UNNAMED, |row| row.id);
    members.usual.insert(org, usual);
    Ok(usual)
}

/// An issuer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberIssuer")]
pub struct View {
    id: Id,
    name: String,
    /// As tokens write it, byte by byte.
    issuer: String,
    jwks_url: Option<String>,
    audiences: Vec<String>,
    algorithms: Vec<String>,
    azp: Vec<String>,
    require_azp: bool,
    active: bool,
    /// `ok`, `stale` or `empty`: what this node has of its keys.
    keys: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn view(cx: &Cx, row: &Model) -> Result<View> {
    Ok(View {
        id: row.id,
        name: row.name.clone(),
        issuer: row.issuer.clone(),
        jwks_url: row.jwks_url.clone(),
        audiences: texts(row.audiences.as_ref())?,
        algorithms: texts(row.algorithms.as_ref())?,
        azp: texts(row.azp.as_ref())?,
        require_azp: row.require_azp,
        active: row.active,
        keys: Members::of(&cx.app)?.verifier.state(&of(row)?).standing.as_str(),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// An issuer as it shall be.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberIssuerWish")]
pub struct Wish {
    /// A name to show.
    #[validate(length(min = 1, max = 120))]
    name: String,
    /// As its tokens write it, with the slash at its end if there is one.
    #[validate(length(min = 8, max = 300))]
    issuer: String,
    /// Where its keys are; absent: they are discovered.
    #[validate(length(max = 500))]
    jwks_url: Option<String>,
    /// Audiences of which a token must name one.
    #[validate(length(min = 1, max = 20))]
    audiences: Vec<String>,
    /// Signature algorithms; absent: RS256, ES256, ES384.
    #[validate(length(min = 1, max = 10))]
    algorithms: Option<Vec<String>>,
    /// Authorised parties of which a token must name one; empty: any.
    #[serde(default)]
    #[validate(length(max = 20))]
    azp: Vec<String>,
    /// Whether tokens without an authorised party are refused.
    #[serde(default)]
    require_azp: bool,
    /// Whether its tokens are believed.
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

impl Wish {
    fn apply(&self, row: Model) -> Result<Model> {
        let usual = || Algorithm::DEFAULT.iter().map(|one| one.as_str().to_owned()).collect();
        let algorithms: Vec<String> = self.algorithms.clone().unwrap_or_else(usual);
        let mut errors = Vec::new();
        for (at, name) in algorithms.iter().enumerate() {
            if name.parse::<Algorithm>().is_err() {
                let message = format!("{name} cannot be believed");
                errors.push(FieldError::new(format!("algorithms.{at}"), "unknown_value", message));
            }
        }
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !is_url(&self.issuer) {
            errors.push(FieldError::new("issuer", "invalid_format", "must begin with https://"));
        }
        if self.jwks_url.as_deref().is_some_and(|url| !is_url(url)) {
            errors.push(FieldError::new("jwks_url", "invalid_format", "must begin with https://"));
        }
        if !errors.is_empty() {
            return Err(Error::fields(errors));
        }
        Ok(Model {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            jwks_url: self.jwks_url.clone(),
            audiences: Some(json!(self.audiences)),
            algorithms: Some(json!(algorithms)),
            azp: Some(json!(self.azp)),
            require_azp: self.require_azp,
            active: self.active,
            ..row
        })
    }
}

/// Every issuer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberIssuerList")]
pub struct List {
    /// The oldest first.
    items: Vec<View>,
}

async fn all(cx: &Cx) -> Result<Json<List>> {
    let tx = cx.tx()?;
    let rows = tx.all(tx.find::<Entity>().order_by_asc(Column::CreatedAt)).await?;
    Ok(Json(List { items: rows.iter().map(|row| view(cx, row)).collect::<Result<_>>()? }))
}

/// An issuer's word counts in one organisation only, or the first would speak for the second's members.
async fn free(cx: &Cx, issuer: &str, own: Option<Id>) -> Result<()> {
    let taken = || {
        let field = FieldError::new("issuer", "taken", "is believed already");
        Error::conflict("conflict", "this issuer is believed already, here or in another organisation")
            .with_fields(vec![field])
    };
    if cx.app.settings().base_url == issuer.trim_end_matches('/') {
        return Err(taken());
    }
    if Members::of(&cx.app)?.settings.issuer.as_ref().is_some_and(|known| known.issuer == issuer) {
        return Err(taken());
    }
    let tx = cx.app.system(Mode::Read).await?;
    let rows = tx.all(tx.find::<Entity>().filter(Column::Issuer.eq(issuer))).await?;
    tx.commit().await?;
    if rows.iter().any(|row| Some(row.id) != own) { Err(taken()) } else { Ok(()) }
}

fn whole(row: &Model) -> ActiveModel {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    row.clone().into_active_model().reset_all()
}

async fn create(cx: &Cx, wish: Wish) -> Result<Created<View>> {
    let (tx, now) = (cx.tx()?, cx.now());
    if tx.count(tx.find::<Entity>()).await? >= MOST {
        return Err(Error::conflict("too_many_issuers", format!("an organisation has at most {MOST}")));
    }
    free(cx, &wish.issuer, None).await?;
    let row = wish.apply(Model {
        id: cx.app.new_id(),
        org_id: cx.org()?,
        name: String::new(),
        issuer: String::new(),
        jwks_url: None,
        audiences: None,
        algorithms: None,
        azp: None,
        require_azp: false,
        active: true,
        created_at: now,
        updated_at: now,
    })?;
    // Names that were told before there was an issuer are its names.
    let is_first = tx.count(tx.find::<Entity>()).await? == 0;
    let members = Members::of(&cx.app)?;
    let is_home = members.settings.issuer.is_some() && members.home(&cx.app).await? == row.org_id;
    tx.insert(whole(&row)).await?;
    if is_first && !is_home {
        subject::adopt(tx, row.id).await?;
    }
    let (forget, org) = (members.usual.clone(), row.org_id);
    tx.after_commit(move || forget.invalidate(&org));
    let event = Event::new("members:issuer:create", NAME).target(row.id, row.name.clone()).change(
        "issuer",
        json!(null),
        json!(row.issuer),
    );
    audit::record(cx, event).await?;
    Ok(Created::at("/api/member-issuers", row.id, view(cx, &row)?))
}

async fn update(cx: &Cx, wish: Wish) -> Result<Json<View>> {
    let tx = cx.tx()?;
    let before = tx.get::<Entity>(cx.id("id")?).await?;
    if before.issuer != wish.issuer {
        let message = "cannot be changed: its names belong to it; add another one";
        return Err(Error::field("issuer", "read_only", message));
    }
    let row = wish.apply(Model { updated_at: cx.now(), ..before.clone() })?;
    let values = ActiveModel { id: sea_orm::ActiveValue::NotSet, ..whole(&row) };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
    let shown = |row: &Model| json!([row.audiences, row.algorithms, row.azp, row.require_azp, row.active]);
    let event = Event::new("members:issuer:update", NAME).target(row.id, row.name.clone()).change(
        "settings",
        shown(&before),
        shown(&row),
    );
    audit::record(cx, event).await?;
    view(cx, &row).map(Json)
}

/// Nothing to say.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberIssuerCheck")]
pub struct Nothing {}

/// What came of a look at an issuer's keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberIssuerKeys")]
pub struct Checked {
    /// How many keys can be used.
    keys: usize,
    /// What is odd about them.
    note: Option<String>,
}

async fn check(cx: &Cx, _: Nothing) -> Result<Json<Checked>> {
    let issuer = of(&cx.tx()?.get::<Entity>(cx.id("id")?).await?)?;
    let verifier = &Members::of(&cx.app)?.verifier;
    verifier.warm(&issuer).await.map_err(|error| {
        // Somebody else's server is not ours to answer for.
        Error::conflict("issuer_unreachable", error.detail().to_owned()).with_source(error)
    })?;
    let state = verifier.state(&issuer);
    Ok(Json(Checked { keys: state.keys, note: state.note.map(str::to_owned) }))
}

async fn remove(cx: &Cx) -> Result<NoContent> {
    let tx = cx.tx()?;
    let row = tx.get::<Entity>(cx.id("id")?).await?;
    tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
    let (forget, org) = (Members::of(&cx.app)?.usual.clone(), row.org_id);
    tx.after_commit(move || forget.invalidate(&org));
    let event = Event::new("members:issuer:delete", NAME).target(row.id, row.issuer);
    audit::record(cx, event).await?;
    Ok(NoContent)
}
