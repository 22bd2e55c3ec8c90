//! Signing out, and going to another organisation.

use base::{Error, Id, Result};
use kernel::{
    Api, Cx, Json, NoContent,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use store::{Mode, Opening, Role};
use validator::Validate;

use super::{Revoke, SignedIn, cookie, ended, move_on, refresh, revoke};
use crate::{entity::app_user, sign_in};

pub(super) fn mount(api: &mut Api) {
    let mut auth = api.signed_in("auth");
    auth.post("logout", "/api/auth/logout", "Sign out, here or everywhere", logout)
        .example(json!({ "all": false }));
    auth.post("switch_organization", "/api/auth/switch-organization", "Work in another organisation", switch)
        .detached()
        .secret()
        .example(json!({ "organization_id": "0198c1d2-0000-7000-8000-000000000001" }));
}

/// Which sessions end.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignOut")]
struct SignOut {
    /// Every session of the user, not only this one.
    #[serde(default)]
    all: bool,
}

/// The caller's session; 403 for an API key: it is none and must not become one, and what decides
/// over accounts and keys needs a person.
pub fn require_session(cx: &Cx) -> Result<Id> {
    let session = cx.actor()?.session();
    session.ok_or_else(|| Error::forbidden("session_required", "sign in yourself; an API key cannot do this"))
}

async fn logout(cx: &Cx, input: SignOut) -> Result<NoContent> {
    let (tx, actor, session) = (cx.tx()?, cx.actor()?, require_session(cx)?);
    let which = if input.all { Revoke::User(actor.id) } else { Revoke::One(session) };
    revoke(tx, which, "logout", cx.now()).await?;
    let event = Event::new("identity:session:logout", "identity.session")
        .target(session, actor.username.clone())
        .change("all", json!(null), json!(input.all));
    audit::record(cx, event).await?;
    cookie::forget(cx)?;
    Ok(NoContent)
}

/// Where to go.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SwitchOrganization")]
struct Switch {
    /// One of the caller's organisations.
    organization_id: Id,
}

/// A session belongs to one organisation, so the caller gets a new one (ASVS 7.2.4) and loses the old.
async fn switch(cx: &Cx, input: Switch) -> Result<Json<SignedIn>> {
    let (actor, session) = (cx.actor()?, require_session(cx)?);
    let target = input.organization_id;
    let tx = cx.app.store().begin(Mode::Write, Opening::new(Role::System, Some(target))).await?;
    // By its id alone: the transaction is the other organisation's already.
    let old = refresh::lock(&tx, session).await?;
    // Of two switches at once, the one that ends the old session goes on.
    if revoke(&tx, Revoke::One(session), "switched", cx.now()).await? == 0 {
        return Err(ended());
    }
    let user = tx.lookup::<app_user::Entity>(actor.id).await?.ok_or_else(ended)?;
    if user.disabled_at.is_some() {
        return Err(ended());
    }
    let answer = move_on(cx, &tx, &user, target, &old).await?;
    sign_in::entered(cx, &tx, &user, target).await?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new("identity:session:switch", "identity.organization")
        .target(target, answer.organization.as_ref().map(|org| org.name.clone()).unwrap_or_default())
        .change("organization_id", json!(actor.org), json!(target));
    audit::write(&tx, cx.now(), who, &cx.origin, event).await?;
    tx.commit().await?;
    Ok(Json(answer))
}
