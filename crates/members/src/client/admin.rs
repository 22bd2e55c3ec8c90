//! Programs as other programs keep them: `/admin/api-clients`.
//!
//! Nobody gives more than he has: what a program keeps has no more than itself, before and after, in every
//! respect. The product's own permissions are given to programs by people only. Both programs are judged as they
//! are when something is written: whoever was switched off, or lost his key, a moment before writes no more.

use base::{Error, Id, Result};
use http::StatusCode;
use kernel::{Api, Cx, Json, NoContent, audit};
use sea_orm::{ColumnTrait, QueryFilter};
use store::Tx;

use super::{
    Client, Key,
    admit::{covers, parse_net},
    dto::{List, New, Rotation, View, Wish, WithKey, view},
    keep, manage,
};
use crate::{
    call,
    caller::{self, Caller},
    entity::client::{Column, Entity, Model},
    fields::{body, input},
    problem::{Answered, refuse},
    service::{reading, writing},
};

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.get("api_clients", "/admin/api-clients", "Programs with keys of their own", all)
        .problems(&[401, 403, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.act("api_client_create", "/admin/api-clients", "Make a program", create)
        .raw_body(body::<New>())
        .problems(&[401, 403, 409, 415, 422, 429])
        .secret()
        .observed(call::observe)
        .refuses_as(refuse);
    own.get("api_client", "/admin/api-clients/{client_key}", "One program", one)
        .problems(&[401, 403, 404, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.amend("api_client_update", "/admin/api-clients/{client_key}", "Change a program", update)
        .raw_body(body::<Wish>())
        .problems(&[401, 403, 404, 415, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.delete("api_client_delete", "/admin/api-clients/{client_key}", "Remove a program", remove)
        .problems(&[401, 403, 404, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.act(
        "api_client_rotate",
        "/admin/api-clients/{client_key}/rotate",
        "Give a program another key",
        rotate,
    )
    .raw_body(body::<Rotation>())
    .problems(&[401, 403, 404, 415, 422, 429])
    .secret()
    .observed(call::observe)
    .refuses_as(refuse);
}

async fn all(cx: &Cx) -> Result<Json<List>> {
    let caller = caller::program(cx, "clients:read").await?;
    let tx = reading(&cx.app, caller.org).await?;
    let shown = manage::shown(&tx).await;
    tx.commit().await?;
    shown.map(Json)
}

async fn found(tx: &Tx, cx: &Cx) -> Result<Option<Model>> {
    tx.one(tx.find::<Entity>().filter(Column::ClientKey.eq(cx.text("client_key")?))).await
}

fn unknown() -> Error {
    Error::not_found("not_found", "there is no program of that client key")
}

async fn one(cx: &Cx) -> Result<Json<View>> {
    let caller = caller::program(cx, "clients:read").await?;
    let tx = reading(&cx.app, caller.org).await?;
    let row = found(&tx, cx).await;
    tx.commit().await?;
    view(&row?.ok_or_else(unknown)?).map(Json)
}

/// The caller and the program of the path as they are now, locked until the transaction ends. Both at once, by
/// their ids: two that keep each other do not lock each other out.
async fn both(cx: &Cx, tx: &Tx, caller: &Caller) -> Result<(Caller, Model)> {
    let own = caller.client.as_ref().map(|client| client.id);
    let other = found(tx, cx).await?.map(|row| row.id);
    let rows = keep::lock(tx, own.into_iter().chain(other).collect()).await?;
    let row = |id: Option<Id>| id.and_then(|id| rows.iter().find(|row| row.id == id));
    let caller = caller.renewed(cx, row(own), "clients:write")?;
    let other = row(other).ok_or_else(unknown)?;
    check(cx, &caller, other)?;
    Ok((caller, other.clone()))
}

/// Why one program may not keep another: the first thing in which the other has more.
fn excess(own: &Client, other: &Client) -> Option<String> {
    if let Some(scope) = other.scopes.iter().find(|scope| !own.scopes.contains(scope)) {
        return Some(format!("{scope} in scopes"));
    }
    let may_grant = |held: &String| match held.split_once(':') {
        Some((module, action)) => own.may_grant(module, action),
        None => own.may_grant.contains(held),
    };
    if let Some(grant) = other.may_grant.iter().find(|held| !may_grant(held)) {
        return Some(format!("{grant} in may_grant"));
    }
    let within = |own: &Option<Vec<String>>, other: &Option<Vec<String>>, fits: fn(&str, &str) -> bool| {
        let Some(own) = own else { return true };
        let fits = |one: &String| own.iter().any(|known| fits(known, one));
        other.as_ref().is_some_and(|other| other.iter().all(fits))
    };
    if !within(&own.allow_ips, &other.allow_ips, holds_net) {
        return Some("networks in allow_ips".to_owned());
    }
    if !within(&own.allow_origins, &other.allow_origins, |known, one| known == one) {
        return Some("origins in allow_origins".to_owned());
    }
    if !within(&own.allow_paths, &other.allow_paths, holds_path) {
        return Some("paths in allow_paths".to_owned());
    }
    if own.calls_per_minute > 0 && !(1..=own.calls_per_minute).contains(&other.calls_per_minute) {
        return Some("calls_per_minute".to_owned());
    }
    let ends_later = own.expires_at.is_some_and(|own| other.expires_at.is_none_or(|end| end > own));
    ends_later.then(|| "a later end in expires_at".to_owned())
}

fn holds_net(known: &str, one: &str) -> bool {
    parse_net(known).zip(parse_net(one)).is_some_and(|(known, one)| known.contains(&one))
}

/// Whether every path that one pattern covers is covered by the other.
fn holds_path(known: &str, one: &str) -> bool {
    match (known.strip_suffix("/*"), one.strip_suffix("/*")) {
        (Some(above), Some(below)) => {
            below == above || below.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
        }
        (None, Some(_)) => false,
        _ => covers(known, one.trim_end_matches('/')),
    }
}

/// 403 `cannot_grant` unless the program has no more than the caller, and nothing that people give only.
fn check(cx: &Cx, caller: &Caller, row: &Model) -> Result<()> {
    let own = caller.client.as_ref().ok_or_else(|| Error::internal("a program without a row"))?;
    let other = Client::of(row)?;
    if let Some(what) = excess(own, &other) {
        let detail = format!("a program keeps none that has more than itself: {what}");
        return Err(Error::forbidden("cannot_grant", detail));
    }
    let catalogue = cx.app.catalogue();
    let is_own = |held: &&String| {
        held.split_once(':').is_some_and(|(module, action)| catalogue.find_tuple(module, action).is_some())
    };
    match other.may_grant.iter().find(is_own) {
        None => Ok(()),
        Some(grant) => {
            let detail = format!("{grant} is the product's own; people alone let programs give it");
            Err(Error::forbidden("cannot_grant", detail))
        }
    }
}

async fn create(cx: &Cx) -> Result<Answered<WithKey>> {
    let caller = caller::program(cx, "clients:write").await?;
    let mut row = keep::begin(&cx.app, caller.org, input(cx)?, &caller.name)?;
    check(cx, &caller, &row)?;
    keep::free(&cx.app, &row.client_key).await?;
    let key = Key::draw(&cx.app).await?;
    key.open(&mut row);
    writing!(cx, caller.org, tx => {
        let caller = caller.again(cx, &tx, "clients:write").await?;
        check(cx, &caller, &row)?;
        let event = keep::insert(&tx, &row).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await
    });
    Ok(Answered {
        status: StatusCode::CREATED,
        body: Some(WithKey { client: view(&row)?, api_key: key.text }),
    })
}

async fn update(cx: &Cx) -> Result<Json<View>> {
    let caller = caller::program(cx, "clients:write").await?;
    let mut wish: Wish = input(cx)?;
    wish.check()?;
    let row = writing!(cx, caller.org, tx => {
        let (caller, before) = both(cx, &tx, &caller).await?;
        let mut row = Model { updated_at: cx.now(), ..before.clone() };
        wish.apply(&mut row);
        check(cx, &caller, &row)?;
        let event = keep::save(&tx, "update", &row, &before).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await?;
        Ok(row)
    });
    view(&row).map(Json)
}

async fn rotate(cx: &Cx) -> Result<Json<WithKey>> {
    let caller = caller::program(cx, "clients:write").await?;
    let wish: Rotation = input(cx)?;
    let key = Key::draw(&cx.app).await?;
    let row = writing!(cx, caller.org, tx => {
        let (caller, before) = both(cx, &tx, &caller).await?;
        let row = keep::rotated(&before, &wish, &key, cx.now());
        let event = keep::save(&tx, "rotate", &row, &before).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await?;
        Ok(row)
    });
    Ok(Json(WithKey { client: view(&row)?, api_key: key.text }))
}

async fn remove(cx: &Cx) -> Result<NoContent> {
    let caller = caller::program(cx, "clients:write").await?;
    writing!(cx, caller.org, tx => {
        let (caller, row) = both(cx, &tx, &caller).await?;
        let event = keep::remove(&tx, row).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await
    });
    Ok(NoContent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_only_what_it_covers() {
        for (known, one) in [
            ("/admin/*", "/admin/users"),
            ("/admin/*", "/admin/permissions/*"),
            ("/admin/*", "/admin/*"),
            ("/admin/users", "/admin/users"),
        ] {
            assert!(holds_path(known, one), "{known} {one}");
        }
        for (known, one) in [
            ("/admin/users", "/admin/*"),
            ("/admin/users/*", "/admin/users"),
            ("/admin/users/*", "/admin/users-x/*"),
            ("/admin/users/*", "/admin/*"),
            ("/admin/users", "/admin/users/*"),
        ] {
            assert!(!holds_path(known, one), "{known} {one}");
        }
    }

    #[test]
    fn a_network_holds_what_lies_within() {
        assert!(holds_net("10.0.0.0/8", "10.1.0.0/16") && holds_net("10.0.0.1", "10.0.0.1"));
        assert!(!holds_net("10.1.0.0/16", "10.0.0.0/8") && !holds_net("10.0.0.0/8", "::/0"));
    }
}
