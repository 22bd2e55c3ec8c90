//! Members about themselves: `/me`, with an access token of an issuer that is believed, or of Tenon.

use std::time::Duration;

use base::{Error, Id, Result};
use chrono::TimeDelta;
use http::header;
use kernel::{
    Api, Cx, Json,
    audit::{self, Event, Who},
    port::{CredentialKind, Newcomer, ProfileChange},
};
use oidc::Claims;
use serde_json::{Value, json};
use store::{Mode, Tx};

use crate::{
    conditional::conditional,
    fields::UserView,
    internal::{Asked, Filter, SnapshotView, known_or_new, shown},
    issuer, meter,
    problem::{Answered, refuse},
    service::{Members, people, reading, writing},
    snapshot,
    subject::{self, UNNAMED},
};

/// Calls of one member in a minute.
const CALLS: u64 = 120;
/// How often it is written when somebody was seen.
const SEEN: TimeDelta = TimeDelta::minutes(5);

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.get("me", "/me", "Who I am", me).problems(&[401, 403, 409, 429]).refuses_as(refuse);
    own.get("own_snapshot", "/me/permissions/snapshot", "What I may do", own_snapshot)
        .query::<Filter>()
        .problems(&[401, 403, 409, 422, 429])
        .refuses_as(refuse);
}

/// A member who showed a token.
struct Bearer {
    org: Id,
    issuer: Id,
    sub: String,
    user: Id,
}

fn disabled() -> Error {
    Error::forbidden("account_disabled", "this account may not be used here")
}

/// The same, of somebody whose token was good.
fn shut(cx: &Cx) -> Error {
    let error = disabled();
    meter::refused(&cx.app, "token", "member", &error);
    error
}

async fn bearer(cx: &Cx) -> Result<Bearer> {
    let found = recognised(cx).await;
    if let Err(error) = &found {
        meter::refused(&cx.app, "token", "member", error);
    }
    found
}

async fn recognised(cx: &Cx) -> Result<Bearer> {
    let values = cx.headers.get_all(header::AUTHORIZATION).iter().map(|value| value.as_bytes());
    let token = oidc::bearer(values)?;
    let members = Members::of(&cx.app)?;
    let named = match oidc::unverified_issuer(token) {
        Some(name) if name != cx.app.settings().base_url => issuer::named(&cx.app, &name).await?,
        _ => None,
    };
    let Some(trusted) = named else { return own_token(cx).await };
    let claims = fitting(members.verifier.verify(&trusted.issuer, token).await?);
    cx.app
        .limit(&format!("members:me:{}:{}", trusted.id, claims.sub), CALLS, Duration::from_secs(60))
        .await?;
    let user = recognise(cx, trusted.org, trusted.id, &claims).await?;
    Ok(Bearer { org: trusted.org, issuer: trusted.id, sub: claims.sub, user })
}

/// Claims as a profile can hold them: one that cannot be one is none, since it is no fault of the member.
fn fitting(claims: Claims) -> Claims {
    let name =
        claims.name.map(|name| base::text::one_line(name.trim()).chars().take(120).collect::<String>());
    let is_address =
        |text: &String| text.len() <= 254 && text.contains('@') && !text.contains(char::is_whitespace);
    Claims {
        name: name.filter(|name| !name.is_empty()),
        email: claims.email.map(|email| email.trim().to_owned()).filter(is_address),
        ..claims
    }
}

/// A token of Tenon's own: its organisation is the one that it was issued for.
async fn own_token(cx: &Cx) -> Result<Bearer> {
    let refused = |error: Error| match error.kind() {
        base::Kind::Unauthenticated => {
            Error::unauthenticated("invalid_token", "the access token is not valid").with_source(error)
        }
        _ => error,
    };
    let invalid = || Error::unauthenticated("invalid_token", "the access token is not valid");
    // A key is limited by its scopes, which a snapshot would not be; and it is one of two ways to say who asks.
    if cx.headers.contains_key("x-api-key") {
        return Err(invalid());
    }
    let own = cx.as_caller(Mode::Read).await.map_err(refused)?;
    let mut own = own.ok_or_else(|| Error::unauthenticated("missing_token", "send Authorization: Bearer"))?;
    let (user, org) = (own.actor()?.id, own.actor()?.org);
    let is_key = matches!(own.actor()?.credential, CredentialKind::Key(_));
    own.commit().await?;
    if is_key {
        return Err(invalid());
    }
    cx.app.limit(&format!("members:me:own:{user}"), CALLS, Duration::from_secs(60)).await?;
    let org = org.ok_or_else(|| Error::forbidden("no_organization", "choose an organisation first"))?;
    Ok(Bearer { org, issuer: UNNAMED, sub: user.to_string(), user })
}

/// The user of a verified token, made at his first call. A token never changes whether he may work.
async fn recognise(cx: &Cx, org: Id, issuer: Id, claims: &Claims) -> Result<Id> {
    let now = cx.now();
    let tx = reading(&cx.app, org).await?;
    let row = subject::find(&tx, issuer, &claims.sub).await?;
    let person = match &row {
        Some(row) => people(&cx.app)?.find(&tx, &[row.user_id]).await?.pop(),
        None => None,
    };
    tx.commit().await?;
    if let (Some(row), Some(person)) = (&row, &person) {
        let differs = |known: Option<&str>, told: Option<&str>| told.is_some_and(|told| known != Some(told));
        let is_same = !differs(person.email.as_deref(), claims.email.as_deref())
            && !differs(Some(&person.name), claims.name.as_deref());
        let is_seen = row.last_seen_at.is_some_and(|at| now - at < SEEN);
        if person.removed {
            return Err(disabled());
        }
        // A profile that is not the issuer's to change would differ at each call.
        let told = (row.id, claims.name.clone(), claims.email.clone());
        let members = Members::of(&cx.app)?;
        if is_seen && (is_same || members.told.contains_key(&told)) {
            return Ok(row.user_id);
        }
        members.told.insert(told, ());
    }
    Ok(writing!(cx, org, tx => note(cx, &tx, issuer, claims).await))
}

async fn note(cx: &Cx, tx: &Tx, issuer: Id, claims: &Claims) -> Result<Id> {
    let new = || Newcomer {
        username: claims.preferred_username.clone().unwrap_or_else(|| claims.sub.clone()),
        name: claims.name.clone().unwrap_or_default(),
        email: claims.email.clone(),
    };
    let (user, created) = known_or_new(&cx.app, tx, (issuer, false), &claims.sub, new).await?;
    let mut changed = Vec::new();
    if !created {
        // A claim that is missing clears nothing.
        let change = ProfileChange {
            name: claims.name.clone().map(Some),
            email: claims.email.clone().map(Some),
            active: None,
        };
        changed = people(&cx.app)?.change(&cx.app, tx, user, change).await?;
    }
    subject::seen(tx, issuer, &claims.sub, cx.now()).await?;
    if created || !changed.is_empty() {
        let who = Who { kind: kernel::ActorKind::User, id: Some(user), name: claims.sub.clone() };
        let event = Event::new("members:user:upsert", "identity.user")
            .target(user, claims.sub.clone())
            .change("changed", Value::Null, json!(changed));
        audit::write(tx, cx.now(), who, &cx.origin, event).await?;
    }
    Ok(user)
}

async fn me(cx: &Cx) -> Result<Json<UserView>> {
    let bearer = bearer(cx).await?;
    let tx = reading(&cx.app, bearer.org).await?;
    let view = shown(&cx.app, &tx, bearer.issuer, bearer.user).await;
    tx.commit().await?;
    let view = view?;
    if view.is_active { Ok(Json(view)) } else { Err(shut(cx)) }
}

async fn own_snapshot(cx: &Cx) -> Result<Answered<SnapshotView>> {
    let bearer = bearer(cx).await?;
    let asked = Asked::of(cx)?;
    let newest = snapshot::newest(&cx.app, asked.stale).await?;
    let snapshot = snapshot::of(&cx.app, bearer.org, bearer.user, newest).await?;
    let snapshot = snapshot.filter(|snapshot| snapshot.mark.is_active).ok_or_else(|| shut(cx))?;
    conditional(cx, (bearer.org, &bearer.sub), bearer.user, &snapshot, &asked)
}
