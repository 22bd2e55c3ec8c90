//! Programs as people of the organisation keep them: `/api/member-clients/`.
//!
//! A key is shown once. A program can be allowed no more than whoever keeps it may give himself.

use base::{Error, FieldError, Id, Result, Timestamp};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    Api, Cx, Json, NoContent, Reach,
    api::Created,
    audit::{self, Event},
    port::CredentialKind,
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Tx};
use validator::{Validate, ValidationError};

use super::{SCOPES, admit, list, new_key};
use crate::{
    entity::client::{ActiveModel, Column, Entity, Model},
    fields::{is_name, present},
    service::Members,
};

/// Programs of one organisation.
const MOST: u64 = 500;
/// Hours for which a key may go on beside its successor.
const OVERLAP: i64 = 24 * 30;
/// What entries of the audit trail call them.
const NAME: &str = "members.client";

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("members", "client");
    own.get("list", "/api/member-clients", "Programs that act on permissions", all);
    own.post("create", "/api/member-clients", "Make a program", create).problems(&[409]);
    own.get("read", "/api/member-clients/{id}", "One program", one);
    own.patch("update", "/api/member-clients/{id}", "Change a program", update);
    own.post("rotate", "/api/member-clients/{id}/rotate", "Give a program another key", rotate);
    own.delete("delete", "/api/member-clients/{id}", "Remove a program", remove);
}

/// A program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClient")]
pub struct View {
    id: Id,
    /// What it sends as `X-Client-Key`.
    client_key: String,
    /// Its name.
    name: String,
    /// The beginning of its key.
    key_prefix: String,
    /// Whether its key is taken.
    active: bool,
    /// What it may do.
    scopes: Vec<String>,
    /// Modules of which it may give and take, or `module:action`.
    may_grant: Vec<String>,
    /// Origins from which browsers may use it; null: any.
    allow_origins: Option<Vec<String>>,
    /// Networks from which it may call; null: any.
    allow_ips: Option<Vec<String>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    allow_paths: Option<Vec<String>>,
    /// Calls in a minute; 0 for no limit.
    calls_per_minute: i32,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// When it called last.
    last_used_at: Option<Timestamp>,
    /// Until when the key before this one is taken.
    previous_until: Option<Timestamp>,
    /// Who made it.
    made_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn view(row: &Model) -> Result<View> {
    Ok(View {
        id: row.id,
        client_key: row.client_key.clone(),
        name: row.name.clone(),
        key_prefix: row.key_prefix.clone(),
        active: row.active,
        scopes: list(row.scopes.as_ref())?.unwrap_or_default(),
        may_grant: list(row.may_grant.as_ref())?.unwrap_or_default(),
        allow_origins: list(row.allow_origins.as_ref())?,
        allow_ips: list(row.allow_ips.as_ref())?,
        allow_paths: list(row.allow_paths.as_ref())?,
        calls_per_minute: row.calls_per_minute,
        expires_at: row.expires_at.map(Timestamp),
        last_used_at: row.last_used_at.map(Timestamp),
        previous_until: row.previous_until.map(Timestamp),
        made_by: row.made_by.clone(),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// A program to be made.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientNew")]
pub struct New {
    /// Its name.
    #[validate(length(min = 1, max = 120))]
    name: String,
    /// What it sends as `X-Client-Key`, for ever; found by itself where it is absent.
    #[validate(length(min = 3, max = 64), custom(function = is_client_key))]
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]+$"))]
    client_key: Option<String>,
    /// Whether its key is taken.
    active: Option<bool>,
    /// What it may do.
    #[validate(length(max = 20))]
    scopes: Option<Vec<String>>,
    /// Modules of which it may give and take, or `module:action`.
    #[validate(length(max = 200))]
    may_grant: Option<Vec<String>>,
    /// Origins from which browsers may use it; null: any.
    allow_origins: Option<Vec<String>>,
    /// Networks from which it may call; null: any.
    allow_ips: Option<Vec<String>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    allow_paths: Option<Vec<String>>,
    /// Calls in a minute; 0 for no limit, absent: 600.
    #[validate(range(min = 0, max = 1_000_000))]
    calls_per_minute: Option<i32>,
    /// When it ends; null: never.
    expires_at: Option<DateTime<Utc>>,
}

fn is_client_key(text: &str) -> std::result::Result<(), ValidationError> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if fits { Ok(()) } else { Err(ValidationError::new("invalid_format")) }
}

impl New {
    fn wish(self) -> (Option<String>, Wish) {
        let wish = Wish {
            name: Some(self.name),
            active: self.active,
            scopes: self.scopes,
            may_grant: self.may_grant,
            allow_origins: Some(self.allow_origins),
            allow_ips: Some(self.allow_ips),
            allow_paths: Some(self.allow_paths),
            calls_per_minute: self.calls_per_minute,
            expires_at: Some(self.expires_at),
        };
        (self.client_key, wish)
    }
}

/// What is to change of a program; absent leaves what there is.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientWish")]
pub struct Wish {
    /// Its name.
    #[validate(length(min = 1, max = 120))]
    name: Option<String>,
    /// Whether its key is taken.
    active: Option<bool>,
    /// What it may do.
    #[validate(length(max = 20))]
    scopes: Option<Vec<String>>,
    /// Modules of which it may give and take, or `module:action`.
    #[validate(length(max = 200))]
    may_grant: Option<Vec<String>>,
    /// Origins from which browsers may use it; null: any.
    #[serde(default, deserialize_with = "present")]
    allow_origins: Option<Option<Vec<String>>>,
    /// Networks from which it may call; null: any.
    #[serde(default, deserialize_with = "present")]
    allow_ips: Option<Option<Vec<String>>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    #[serde(default, deserialize_with = "present")]
    allow_paths: Option<Option<Vec<String>>>,
    /// Calls in a minute; 0 for no limit.
    #[validate(range(min = 0, max = 1_000_000))]
    calls_per_minute: Option<i32>,
    /// When it ends; null: never.
    #[serde(default, deserialize_with = "present")]
    expires_at: Option<Option<DateTime<Utc>>>,
}

impl Wish {
    /// Lists as they are kept, or what is wrong with them.
    fn check(&mut self) -> Result<()> {
        let mut errors = Vec::new();
        let mut refuse = |field: String, code: &str, message: &str| {
            errors.push(FieldError::new(field, code.to_owned(), message.to_owned()));
        };
        for (at, scope) in self.scopes.iter().flatten().enumerate() {
            if !SCOPES.contains(&scope.as_str()) {
                refuse(format!("scopes.{at}"), "unknown_value", &format!("one of {}", SCOPES.join(", ")));
            }
        }
        for (at, grant) in self.may_grant.iter().flatten().enumerate() {
            let (module, action) =
                grant.split_once(':').map_or((grant.as_str(), None), |(m, a)| (m, Some(a)));
            if !is_name(module) || action.is_some_and(|action| !is_name(action)) {
                refuse(format!("may_grant.{at}"), "invalid_format", "must be a module, or module:action");
            }
        }
        for (at, origin) in self.allow_origins.iter_mut().flatten().flatten().enumerate() {
            match admit::origin_of(origin) {
                Some(clean) => *origin = clean,
                None => {
                    refuse(format!("allow_origins.{at}"), "invalid_format", "must be scheme://host[:port]")
                }
            }
        }
        for (at, net) in self.allow_ips.iter().flatten().flatten().enumerate() {
            if admit::parse_net(net).is_none() {
                refuse(format!("allow_ips.{at}"), "invalid_format", "must be an address or a network");
            }
        }
        for (at, path) in self.allow_paths.iter().flatten().flatten().enumerate() {
            if !path.starts_with('/') || path.trim_end_matches("/*").contains('*') {
                let message = "must be a path, whole or ending in /*";
                refuse(format!("allow_paths.{at}"), "invalid_format", message);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::fields(errors)) }
    }

    fn apply(&self, row: &mut Model) {
        let set = |field: &mut Option<sea_orm::JsonValue>, wish: &Option<Vec<String>>| {
            if let Some(list) = wish {
                *field = Some(json!(list));
            }
        };
        let set_or_clear = |field: &mut Option<sea_orm::JsonValue>, wish: &Option<Option<Vec<String>>>| {
            if let Some(list) = wish {
                *field = list.as_ref().map(|list| json!(list));
            }
        };
        if let Some(name) = &self.name {
            row.name.clone_from(name);
        }
        row.active = self.active.unwrap_or(row.active);
        set(&mut row.scopes, &self.scopes);
        set(&mut row.may_grant, &self.may_grant);
        set_or_clear(&mut row.allow_origins, &self.allow_origins);
        set_or_clear(&mut row.allow_ips, &self.allow_ips);
        set_or_clear(&mut row.allow_paths, &self.allow_paths);
        row.calls_per_minute = self.calls_per_minute.unwrap_or(row.calls_per_minute);
        row.expires_at = self.expires_at.unwrap_or(row.expires_at);
    }
}

/// Every program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClientList")]
pub struct List {
    /// By name.
    items: Vec<View>,
}

/// A program with its key, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClientWithKey")]
pub struct WithKey {
    #[serde(flatten)]
    client: View,
    /// What it sends as `X-API-Key`.
    api_key: String,
}

async fn all(cx: &Cx) -> Result<Json<List>> {
    let tx = cx.tx()?;
    let rows = tx.all(tx.find::<Entity>().order_by_asc(Column::Name).order_by_asc(Column::Id)).await?;
    Ok(Json(List { items: rows.iter().map(view).collect::<Result<_>>()? }))
}

async fn one(cx: &Cx) -> Result<Json<View>> {
    view(&cx.tx()?.get::<Entity>(cx.id("id")?).await?).map(Json)
}

async fn record(cx: &Cx, action: &str, row: &Model, before: Option<&Model>) -> Result<()> {
    let shown = |row: &Model| view(row).and_then(|view| serde_json::to_value(view).map_err(Error::internal));
    let (before, after) = (before.map(shown).transpose()?, shown(row)?);
    let mut event = Event::new(format!("members:client:{action}"), NAME).target(row.id, row.name.clone());
    for (field, value) in after.as_object().into_iter().flatten() {
        let was = before.as_ref().and_then(|before| before.get(field)).cloned().unwrap_or_default();
        if was != *value && field != "updated_at" && (before.is_some() || !value.is_null()) {
            event = event.change(field, was, value.clone());
        }
    }
    audit::record(cx, event).await
}

/// Nobody lets a program give what he could not give himself, or learns the key of one that may. `row` is the
/// program as it will be. A program is kept at the screen: a key of one's own makes no further keys.
fn check_power(cx: &Cx, row: &Model) -> Result<()> {
    if matches!(cx.actor()?.credential, CredentialKind::Key(_)) {
        return Err(Error::forbidden("session_required", "sign in yourself; an API key cannot do this"));
    }
    let (scopes, may_grant) = (list(row.scopes.as_ref())?, list(row.may_grant.as_ref())?);
    let (scopes, may_grant) = (scopes.unwrap_or_default(), may_grant.unwrap_or_default());
    if scopes.is_empty() && may_grant.is_empty() {
        return Ok(());
    }
    if !cx.can("identity:user:grant") {
        let detail = "to let a program act on permissions, you need the permission identity:user:grant";
        return Err(Error::forbidden("cannot_grant", detail));
    }
    let catalogue = cx.app.catalogue();
    for grant in &may_grant {
        let Some((module, action)) = grant.split_once(':') else { continue };
        let Some(permission) = catalogue.find_tuple(module, action) else { continue };
        let entry = catalogue.entry(permission);
        if entry.is_platform() || !matches!(cx.reach(&entry.code), Ok(Reach::All)) {
            let detail = format!("a program cannot be let give {grant}, which you do not hold on every row");
            return Err(Error::forbidden("cannot_grant", detail));
        }
    }
    Ok(())
}

async fn create(cx: &Cx, new: New) -> Result<Created<WithKey>> {
    let (client_key, mut wish) = new.wish();
    wish.check()?;
    let name = wish.name.clone().unwrap_or_default();
    let (tx, now) = (cx.tx()?, cx.now());
    if tx.count(tx.find::<Entity>()).await? >= MOST {
        return Err(Error::conflict("too_many_clients", format!("an organisation has at most {MOST}")));
    }
    let (api_key, key_prefix, key_hash) =
        new_key(&Members::of(&cx.app)?.proven, cx.app.settings().dev).await?;
    let random = || format!("c{}", cx.app.new_id().simple());
    let mut row = Model {
        id: cx.app.new_id(),
        org_id: cx.org()?,
        client_key: client_key.unwrap_or_else(random),
        name,
        key_hash,
        previous_hash: None,
        previous_until: None,
        key_prefix,
        active: true,
        scopes: None,
        may_grant: None,
        allow_origins: None,
        allow_ips: None,
        allow_paths: None,
        calls_per_minute: 600,
        expires_at: None,
        last_used_at: None,
        made_by: cx.actor()?.username.clone(),
        created_at: now,
        updated_at: now,
    };
    wish.apply(&mut row);
    check_power(cx, &row)?;
    free(cx, &row.client_key).await?;
    tx.insert(whole(&row)).await?;
    record(cx, "create", &row, None).await?;
    Ok(Created::at("/api/member-clients", row.id, WithKey { client: view(&row)?, api_key }))
}

/// A key names one program of all organisations, since it is looked up before the organisation is known.
async fn free(cx: &Cx, client_key: &str) -> Result<()> {
    let taken = || {
        let field = FieldError::new("client_key", "taken", "is taken already");
        Error::conflict("conflict", "this client key is taken").with_fields(vec![field])
    };
    let tx = cx.app.system(Mode::Read).await?;
    let known = tx.count(tx.find::<Entity>().filter(Column::ClientKey.eq(client_key))).await?;
    tx.commit().await?;
    if known > 0 { Err(taken()) } else { Ok(()) }
}

fn whole(row: &Model) -> ActiveModel {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    row.clone().into_active_model().reset_all()
}

async fn save(tx: &Tx, row: &Model) -> Result<()> {
    let values = ActiveModel { id: sea_orm::ActiveValue::NotSet, ..whole(row) };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await.map(drop)
}

async fn update(cx: &Cx, mut wish: Wish) -> Result<Json<View>> {
    wish.check()?;
    let tx = cx.tx()?;
    let before = tx.get::<Entity>(cx.id("id")?).await?;
    let mut row = before.clone();
    wish.apply(&mut row);
    check_power(cx, &row)?;
    row.updated_at = cx.now();
    save(tx, &row).await?;
    record(cx, "update", &row, Some(&before)).await?;
    view(&row).map(Json)
}

/// How a key is replaced.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientRotation")]
pub struct Rotation {
    /// For how many hours the present key goes on, 0 to 720.
    #[serde(default)]
    #[validate(range(min = 0, max = 720))]
    overlap_hours: i64,
}

async fn rotate(cx: &Cx, wish: Rotation) -> Result<Json<WithKey>> {
    let tx = cx.tx()?;
    let before = tx.get::<Entity>(cx.id("id")?).await?;
    check_power(cx, &before)?;
    let (api_key, key_prefix, key_hash) =
        new_key(&Members::of(&cx.app)?.proven, cx.app.settings().dev).await?;
    let hours = wish.overlap_hours.clamp(0, OVERLAP);
    let row = Model {
        previous_hash: (hours > 0).then(|| before.key_hash.clone()),
        previous_until: (hours > 0).then(|| cx.now() + TimeDelta::hours(hours)),
        key_hash,
        key_prefix,
        updated_at: cx.now(),
        ..before.clone()
    };
    save(tx, &row).await?;
    record(cx, "rotate", &row, Some(&before)).await?;
    Ok(Json(WithKey { client: view(&row)?, api_key }))
}

async fn remove(cx: &Cx) -> Result<NoContent> {
    let tx = cx.tx()?;
    let row = tx.get::<Entity>(cx.id("id")?).await?;
    tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
    let event = Event::new("members:client:delete", NAME).target(row.id, row.name);
    audit::record(cx, event).await?;
    Ok(NoContent)
}
