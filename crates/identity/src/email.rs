//! E-mail addresses: an address counts when a letter sent to it has come back.

use std::time::Duration;

use base::{Result, secret::ExposeSecret};
use kernel::{
    Accepted, ActorKind, Api, Cx, Json, NoContent,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role};
use validator::Validate;

use crate::{
    account::{self, By, one_time, one_time::Purpose},
    entity::app_user,
    mail::{self, Letter},
    password::{Heard, prove},
    service::Identity,
    session::require_session,
};

/// Registers the routes.
pub fn mount(api: &mut Api) {
    api.signed_in("auth")
        .post("change_email", "/api/auth/email/change", "Ask to change your e-mail address", change)
        .detached()
        .problems(&[429, 503])
        .example(json!({ "email": "alice@example.com", "password": "correct horse battery staple" }));
    api.public("auth")
        .post("confirm_email", "/api/auth/email/confirm", "Confirm a new e-mail address with a link", confirm)
        .problems(&[409, 429])
        .example(json!({ "token": "3q2-7wAB…" }));
    api.guarded("platform", "mail")
        .act("test", "/api/auth/test-mail", "Send a test letter to your own address", test)
        .detached()
        .problems(&[409, 429, 503]);
}

/// The address as it shall be.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmailChange")]
struct Change {
    /// The new address.
    #[validate(length(min = 1, max = 254))]
    email: String,
    /// The caller's password.
    #[validate(length(min = 1, max = 1024))]
    password: String,
}

/// A link goes to the new address. Whether somebody else has that address is not told here: his
/// mailbox learns of it, and the link fails.
async fn change(cx: &Cx, input: Change) -> Result<Accepted<Heard>> {
    let actor = cx.actor()?;
    require_session(cx)?;
    let address = account::email(&input.email)?;
    let (user, _) = prove(cx, input.password, "password").await?;
    cx.app.limit(&format!("email:{}", actor.id), 5, Duration::from_secs(3600)).await?;
    mail::limit_recipient(&cx.app, "email", &address).await?;
    let tx = cx.begin(Opening::new(Role::System, None)).await?;
    let secret = one_time::issue(&tx, cx.now(), Purpose::EmailChange, actor.id, &address).await?;
    let link = mail::link(&cx.app, "/confirm-email", secret.expose_secret());
    let letter = Letter::EmailChange { name: user.name.clone(), link };
    mail::enqueue(&cx.app, &tx, &address, &user.locale, letter).await?;
    // Whoever has got hold of session and password must not take the account away unseen.
    if let Some(old) = user.email.as_ref().filter(|old| **old != address) {
        let letter = Letter::EmailChangeAsked { name: user.name.clone() };
        mail::enqueue(&cx.app, &tx, old, &user.locale, letter).await?;
    }
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new("identity:email:request", "identity.user").target(actor.id, user.username).change(
        "email",
        json!(user.email),
        json!(address),
    );
    account::announce(&tx, cx.now(), &By { who, origin: &cx.origin }, actor.id, None, &event).await?;
    cx.finish(tx);
    Ok(Heard::answer())
}

/// A link.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmailConfirm")]
struct Confirm {
    /// The token of the link.
    #[validate(length(min = 1, max = 200))]
    token: String,
}

async fn confirm(cx: &Cx, input: Confirm) -> Result<NoContent> {
    let app = &cx.app;
    app.limit(&format!("confirm:ip:{}", cx.origin.network()), 60, Duration::from_secs(3600)).await?;
    let (tx, now) = (app.system(Mode::Write).await?, cx.now());
    let link = one_time::spend(&tx, now, Purpose::EmailChange, &input.token).await?;
    let before = account::lock(&tx, link.user_id).await?.filter(|user| user.disabled_at.is_none());
    let before = before.ok_or_else(one_time::spent)?;
    let after = account::set_email(&tx, now, &before, Some(&link.detail), true).await?;
    // Links to the old address must not open the account any more.
    one_time::withdraw(&tx, Purpose::PasswordReset, before.id).await?;
    if let Some(old) = &before.email {
        let letter = Letter::EmailChanged { name: before.name.clone() };
        mail::enqueue(app, &tx, old, &before.locale, letter).await?;
    }
    let who = Who { kind: ActorKind::User, id: Some(before.id), name: before.name.clone() };
    let event = Event::new("identity:email:change", "identity.user")
        .target(before.id, before.username.clone())
        .change("email", json!(before.email), json!(after.email));
    let (by, bump) = (By { who, origin: &cx.origin }, Some("profile_changed"));
    account::announce(&tx, now, &by, before.id, bump, &event).await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Where the letter went.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TestMail")]
struct Tested {
    /// The recipient.
    to: String,
    /// Whether it left the machine; else it lies in the outbox folder.
    smtp: bool,
}

/// At once and not through the outbox, so that the answer tells what is wrong.
async fn test(cx: &Cx) -> Result<Json<Tested>> {
    let actor = cx.actor()?;
    cx.app.limit(&format!("test_mail:{}", actor.id), 10, Duration::from_secs(3600)).await?;
    let tx = cx.app.system(Mode::Read).await?;
    let user = tx.get::<app_user::Entity>(actor.id).await?;
    tx.commit().await?;
    let missing = || base::Error::conflict("no_email", "your account has no e-mail address");
    let to = user.email.ok_or_else(missing)?;
    let mailer = &Identity::of(&cx.app)?.mailer;
    mailer.send(&mail::compose(&cx.app, &to, &user.locale, Letter::Test { name: user.name })).await?;
    // Sent first: no transaction waits for a mail server.
    let tx = cx.begin(Opening::new(Role::System, None)).await?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new("platform:mail:test", "identity.user").target(actor.id, user.username);
    audit::write_platform(&tx, cx.now(), who, &cx.origin, event).await?;
    cx.finish(tx);
    Ok(Json(Tested { to, smtp: mailer.is_smtp() }))
}
