//! Programs as people of the organisation keep them: `/api/member-clients/`.
//!
//! A key is shown once. A program can be allowed no more than whoever keeps it may give himself. Where a key is
//! made, that comes first and the unit of work after it: nobody waits for a hash.

use base::{Error, Result};
use kernel::{Api, Cx, Json, NoContent, Reach, api::Created, audit, port::CredentialKind};
use sea_orm::QueryOrder;
use store::{Mode, Tx};

use super::{
    Key,
    dto::{List, New, Rotation, View, Wish, WithKey, view},
    keep, list,
};
use crate::entity::client::{Column, Entity, Model};

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("members", "client");
    own.get("list", "/api/member-clients", "Programs that act on permissions", all);
    own.post("create", "/api/member-clients", "Make a program", create).detached().secret().problems(&[409]);
    own.get("read", "/api/member-clients/{id}", "One program", one);
    own.patch("update", "/api/member-clients/{id}", "Change a program", update);
    own.post("rotate", "/api/member-clients/{id}/rotate", "Give a program another key", rotate)
        .detached()
        .secret();
    own.delete("delete", "/api/member-clients/{id}", "Remove a program", remove);
}

/// Every program of the transaction's organisation, as it is shown.
pub(super) async fn shown(tx: &Tx) -> Result<List> {
    let rows = tx.all(tx.find::<Entity>().order_by_asc(Column::Name).order_by_asc(Column::Id)).await?;
    Ok(List { items: rows.iter().map(view).collect::<Result<_>>()? })
}

async fn all(cx: &Cx) -> Result<Json<List>> {
    shown(cx.tx()?).await.map(Json)
}

async fn one(cx: &Cx) -> Result<Json<View>> {
    view(&cx.tx()?.get::<Entity>(cx.id("id")?).await?).map(Json)
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
    // A program acts on every member, whomever he who keeps it reaches himself.
    if !matches!(cx.reach("identity:user:grant"), Ok(Reach::All)) {
        let detail =
            "to let a program act on permissions, you need the permission identity:user:grant on every row";
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

/// The caller's unit of work, in which he is verified anew.
async fn again(cx: &Cx, code: &str) -> Result<Cx> {
    let own = cx.again(Mode::Write).await?;
    own.require(code)?;
    Ok(own)
}

async fn create(cx: &Cx, new: New) -> Result<Created<WithKey>> {
    let actor = cx.actor()?;
    let none = || Error::forbidden("no_organization", "choose an organisation first");
    let mut row = keep::begin(&cx.app, actor.org.ok_or_else(none)?, new, &actor.username)?;
    check_power(cx, &row)?;
    keep::free(&cx.app, &row.client_key).await?;
    let key = Key::draw(&cx.app).await?;
    key.open(&mut row);
    let mut own = again(cx, "members:client:create").await?;
    check_power(&own, &row)?;
    let event = keep::insert(own.tx()?, &row).await?;
    audit::record(&own, event).await?;
    own.commit().await?;
    Ok(Created::at("/api/member-clients", row.id, WithKey { client: view(&row)?, api_key: key.text }))
}

/// The program of the path, locked.
async fn locked(cx: &Cx) -> Result<Model> {
    keep::lock(cx.tx()?, vec![cx.id("id")?]).await?.pop().ok_or_else(Error::missing)
}

async fn update(cx: &Cx, mut wish: Wish) -> Result<Json<View>> {
    wish.check()?;
    let before = locked(cx).await?;
    let mut row = Model { updated_at: cx.now(), ..before.clone() };
    wish.apply(&mut row);
    check_power(cx, &row)?;
    let event = keep::save(cx.tx()?, "update", &row, &before).await?;
    audit::record(cx, event).await?;
    view(&row).map(Json)
}

async fn rotate(cx: &Cx, wish: Rotation) -> Result<Json<WithKey>> {
    let key = Key::draw(&cx.app).await?;
    let mut own = again(cx, "members:client:rotate").await?;
    let before = locked(&own).await?;
    check_power(&own, &before)?;
    let row = keep::rotated(&before, &wish, &key, cx.now());
    let event = keep::save(own.tx()?, "rotate", &row, &before).await?;
    audit::record(&own, event).await?;
    own.commit().await?;
    Ok(Json(WithKey { client: view(&row)?, api_key: key.text }))
}

async fn remove(cx: &Cx) -> Result<NoContent> {
    let row = locked(cx).await?;
    let event = keep::remove(cx.tx()?, row).await?;
    audit::record(cx, event).await?;
    Ok(NoContent)
}
