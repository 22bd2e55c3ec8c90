//! Passwords: changing one's own, and the way back in for whoever has forgotten it.

mod recovery;

pub(crate) use self::recovery::Heard;

use base::{Error, FieldError, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use kernel::{
    Api, App, Cx, NoContent,
    audit::{Event, Who},
};
use schemars::JsonSchema;
use sea_orm::ActiveValue::Set;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::{Mode, Opening, Role, Tx};
use validator::Validate;

use crate::{
    account::{self, Belonging, By, one_time},
    credential::policy,
    entity::app_user,
    mail::{self, Letter},
    service::Identity,
    session::{self, Revoke, require_session},
};

/// Registers the routes.
pub fn mount(api: &mut Api) {
    api.signed_in("auth")
        .post("change_password", "/api/auth/password/change", "Change your password", change)
        .detached()
        .problems(&[409, 429, 503])
        .example(json!({ "current_password": "correct horse battery staple", "new_password": "violet tram over seven hills" }));
    recovery::mount(api);
}

/// The password before and after.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordChange")]
struct Change {
    /// The password as it is.
    #[validate(length(min = 1, max = 1024))]
    current_password: String,
    /// The password as it shall be.
    #[validate(length(min = 1, max = 256))]
    new_password: String,
    /// Whether the other sessions end.
    #[serde(default = "yes")]
    end_other_sessions: bool,
}

fn yes() -> bool {
    true
}

async fn change(cx: &Cx, input: Change) -> Result<NoContent> {
    let (actor, session) = (cx.actor()?, require_session(cx)?);
    let user = prove(cx, input.current_password, "current_password").await?;
    if input.new_password == user.1.expose_secret() {
        return Err(Error::field("new_password", "unchanged", "is the password you have already"));
    }
    let user = user.0;
    let new = Secret::from(input.new_password);
    let hash = hash_new(&cx.app, &user, &new).await?;
    let tx = cx.begin(Opening::new(Role::System, None)).await?;
    let now = cx.now();
    store_hash(&cx.app, &tx, now, &user, hash, false).await?;
    if input.end_other_sessions {
        session::revoke(&tx, Revoke::UserExcept(user.id, session), "password_changed", now).await?;
    }
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new("identity:password:change", "identity.user")
        .target(user.id, user.username.clone())
        .change("end_other_sessions", json!(null), json!(input.end_other_sessions));
    account::announce(&tx, now, &By { who, origin: &cx.origin }, user.id, None, &event).await?;
    cx.finish(tx);
    Ok(NoContent)
}

/// The caller, once more proven by his password (ASVS 7.5.1): 422 about `field` when it is wrong.
/// Whoever has got hold of a session cannot try many.
pub(crate) async fn prove(cx: &Cx, typed: String, field: &'static str) -> Result<(app_user::Model, Secret)> {
    let id = cx.actor()?.id;
    cx.app.limit(&format!("prove:{id}"), 10, Duration::from_secs(900)).await?;
    let tx = cx.app.system(Mode::Read).await?;
    let user = tx.get::<app_user::Entity>(id).await?;
    tx.commit().await?;
    let password = Secret::from(typed);
    let verdict = Identity::of(&cx.app)?.hasher.verify(&password, user.password_hash.as_deref()).await?;
    if verdict.matches {
        Ok((user, password))
    } else {
        Err(Error::field(field, "wrong_password", "is not your password"))
    }
}

/// The hash of a new password that the rules allow this user: administrators and owners need longer
/// ones. The error is about `new_password`.
async fn hash_new(app: &App, user: &app_user::Model, new: &Secret) -> Result<String> {
    let tx = app.system(Mode::Read).await?;
    let belongings = account::belongings(&tx, user.id).await?;
    tx.commit().await?;
    let identity = Identity::of(app)?;
    let owner = |one: &Belonging| one.membership.active && one.membership.is_owner;
    let min = match user.is_platform_admin || belongings.iter().any(owner) {
        true => identity.settings.password_min.max(policy::MIN_ADMIN),
        false => identity.settings.password_min,
    };
    let mut context = vec![user.username.as_str(), app.settings().app_name.as_str()];
    context.extend(user.email.as_deref());
    context.extend(belongings.iter().map(|one| one.organization.name.as_str()));
    policy::check(new.expose_secret(), &context, min).map_err(|failure| about(failure, "new_password"))?;
    identity.hasher.hash(new).await
}

fn about(failure: Error, field: &'static str) -> Error {
    let rename = |error: &FieldError| FieldError { field: field.to_owned(), ..error.clone() };
    Error::fields(failure.field_errors().iter().map(rename).collect())
}

/// Writes a new hash in place of the one that was seen; links that are out die, whatever they are
/// for, and a letter tells the owner (ASVS 6.3.7), and whether his API keys ended, too.
async fn store_hash(
    app: &App,
    tx: &Tx,
    now: DateTime<Utc>,
    seen: &app_user::Model,
    hash: String,
    keys_ended: bool,
) -> Result<()> {
    let user = account::lock(tx, seen.id).await?.ok_or_else(Error::missing)?;
    if user.password_hash != seen.password_hash || user.disabled_at.is_some() {
        return Err(Error::conflict("conflict", "the account has changed meanwhile; try again"));
    }
    let row = app_user::ActiveModel {
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        ..Default::default()
    };
    account::update(tx, now, &user, row).await?;
    one_time::withdraw_all(tx, user.id).await?;
    if let Some(address) = &user.email {
        let letter = Letter::PasswordChanged { name: user.name.clone(), keys_ended };
        mail::enqueue(app, tx, address, &user.locale, letter).await?;
    }
    Ok(())
}
