//! The way back in: a link to the proven address, good once and for an hour (ASVS 6.4.3).
//!
//! Whether an address belongs to somebody shows neither in the answer nor in its time. An
//! administrator can have the link sent, but never chooses the password (ASVS 6.4.6).

use std::time::Duration;

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use kernel::{
    Accepted, ActorKind, Api, App, Cx, Json, NoContent, Reach, access,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mode;
use validator::Validate;

use super::{hash_new, store_hash};
use crate::{
    account::{self, By, one_time, one_time::Purpose, operator},
    api_key, authority,
    entity::app_user,
    mail::{self, Letter},
    resource::user,
    service::Identity,
    session::{self, Revoke, require_session},
};

const HOUR: Duration = Duration::from_secs(3600);
/// Links an hour that administrators have sent to one person.
const PER_PERSON: u64 = 3;
/// Requests an hour from one address of the network.
const PER_ADDRESS: u64 = 30;
const RESET: &str = "identity:user:reset";

pub(super) fn mount(api: &mut Api) {
    let mut auth = api.public("auth");
    auth.post(
        "forgot_password",
        "/api/auth/password/forgot",
        "Ask for a link to choose a new password",
        forgot,
    )
    .problems(&[429])
    .example(json!({ "email": "alice@example.com" }));
    auth.post("reset_password", "/api/auth/password/reset", "Choose a new password with a link", reset)
        .problems(&[409, 429, 503])
        .example(json!({ "token": "3q2-7wAB…", "new_password": "violet tram over seven hills" }));
    api.guarded("identity", "user")
        .act("reset", "/api/users/{id}/send-reset", "Send a member a link to choose a new password", send)
        .detached()
        .secret()
        .problems(&[403, 409, 429]);
}

/// Whose password was forgotten.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordForgot")]
struct Forgot {
    /// The proven address of the account.
    #[validate(length(min = 1, max = 254))]
    email: String,
}

/// It was heard; whether anything came of it is not told.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Heard")]
pub(crate) struct Heard {
    /// Always true.
    accepted: bool,
}

impl Heard {
    /// The answer.
    pub(crate) fn answer() -> Accepted<Self> {
        Accepted(Self { accepted: true })
    }
}

async fn forgot(cx: &Cx, input: Forgot) -> Result<Accepted<Heard>> {
    let app = &cx.app;
    limit_address(cx, "forgot").await?;
    let quiet = mail::limit_recipient(app, "reset", &input.email).await.is_err();
    // A known and an unknown address do the same: links withdrawn, one made and kept, a letter sealed,
    // one commit. The link of nobody opens nothing, and its letter is thrown away.
    let tx = app.system(Mode::Write).await?;
    let found = account::by_proven_email(&tx, &input.email).await?;
    let user = found.filter(|user| user.disabled_at.is_none() && !quiet);
    let id = user.as_ref().map_or(Id::nil(), |user| user.id);
    let secret = one_time::issue(&tx, app.now(), Purpose::PasswordReset, id, "").await?;
    let (name, locale) = match &user {
        Some(user) => (user.name.clone(), user.locale.clone()),
        None => (input.email.clone(), account::LOCALES[0].to_owned()),
    };
    let letter = Letter::PasswordReset { name, link: link(app, &secret) };
    let sealed = mail::seal(app, &locale, letter)?;
    if let Some(address) = user.as_ref().and_then(|user| user.email.as_deref()) {
        mail::post(app, &tx, address, sealed).await?;
    }
    tx.commit().await?;
    Ok(Heard::answer())
}

fn link(app: &App, secret: &Secret) -> String {
    mail::link(app, "/reset-password", secret.expose_secret())
}

async fn limit_address(cx: &Cx, what: &str) -> Result<()> {
    cx.app.limit(&format!("{what}:ip:{}", cx.origin.network()), PER_ADDRESS, HOUR).await
}

/// A link and a new password.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordReset")]
struct Reset {
    /// The token of the link.
    #[validate(length(min = 1, max = 200))]
    token: String,
    /// The password as it shall be.
    #[validate(length(min = 1, max = 256))]
    new_password: String,
}

async fn reset(cx: &Cx, input: Reset) -> Result<NoContent> {
    let app = &cx.app;
    limit_address(cx, "reset").await?;
    let tx = app.system(Mode::Read).await?;
    let found = one_time::read(&tx, cx.now(), Purpose::PasswordReset, &input.token).await?;
    let user = tx.get::<app_user::Entity>(found.user_id).await?;
    tx.commit().await?;
    let hash = hash_new(app, &user, &input.new_password.into()).await?;
    let (tx, now) = (app.system(Mode::Write).await?, cx.now());
    one_time::spend(&tx, now, Purpose::PasswordReset, &input.token).await?;
    store_hash(app, &tx, now, &user, hash, true).await?;
    session::revoke(&tx, Revoke::User(user.id), "password_reset", now).await?;
    // Whoever had the password before may have made them.
    let keys = api_key::end_all(&tx, now, user.id).await?;
    // Whoever holds the mailbox need not wait for what a guesser did.
    operator::forgive(&tx, &user).await?;
    let who = Who { kind: ActorKind::User, id: Some(user.id), name: user.name.clone() };
    let event = Event::new("identity:password:reset", "identity.user").target(user.id, user.username).change(
        "api_keys_ended",
        json!(null),
        json!(keys),
    );
    account::announce(&tx, now, &By { who, origin: &cx.origin }, user.id, None, &event).await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ResetSent")]
struct Sent {
    /// The link, for the administrator to pass on: only where no mail leaves the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

async fn send(cx: &Cx) -> Result<Json<Sent>> {
    // The answer may open an account, and a key must never become one.
    require_session(cx)?;
    // Looked up across organisations, so before the caller's own unit of work begins.
    let alone = sole_member(&cx.app, cx.id("id")?, cx.actor()?.org).await?;
    let mut own = cx.again(Mode::Write).await?;
    let sent = send_in(&own, alone).await?;
    own.commit().await?;
    Ok(Json(sent))
}

async fn send_in(cx: &Cx, alone: bool) -> Result<Sent> {
    let (app, tx) = (&cx.app, cx.tx()?);
    let member = session::member(cx, RESET).await?;
    let user = tx.get::<app_user::Entity>(member.id).await?;
    if user.disabled_at.is_some() {
        return Err(Error::conflict("account_disabled", "this account is closed"));
    }
    let shown = !Identity::of(app)?.mailer.is_smtp() && may_hold_link(cx, &user, &member, alone).await?;
    // Links go to proven addresses only: another may belong to somebody else.
    let address = user.login_email.as_ref().and(user.email.as_deref());
    if address.is_none() && !shown {
        return Err(Error::conflict(
            "no_email",
            "this account has no proven e-mail address to send a link to",
        ));
    }
    app.limit(&format!("reset:user:{}", user.id), PER_PERSON, HOUR).await?;
    let secret = one_time::issue(tx, cx.now(), Purpose::PasswordReset, user.id, "").await?;
    let link = link(app, &secret);
    if let Some(address) = address {
        let letter = Letter::PasswordReset { name: user.name.clone(), link: link.clone() };
        mail::enqueue(app, tx, address, &user.locale, letter).await?;
    }
    audit::record(cx, Event::new(RESET, "identity.user").target(user.id, user.username)).await?;
    Ok(Sent { link: shown.then_some(link) })
}

/// Whoever sees the link can take the account over, so it must open nothing that he has not already:
/// the account is this organisation's alone (or he a platform administrator), and may do nothing here
/// that he may not, on no row that he does not reach (decision 2.5).
async fn may_hold_link(
    cx: &Cx,
    user: &app_user::Model,
    member: &user::entity::Model,
    alone: bool,
) -> Result<bool> {
    let actor = cx.actor()?;
    if (user.is_platform_admin || !alone) && !actor.platform_admin {
        return Ok(false);
    }
    if actor.effective.is_owner() {
        return Ok(true);
    }
    // A member who is shut out may be let in again, with rights that cannot be told now.
    let standing = authority::standing(cx.tx()?, member.id).await?;
    let Some(standing) = standing.filter(|standing| !standing.owner && !member.is_owner) else {
        return Ok(false);
    };
    let held = access::explain(cx.tx()?, cx.app.catalogue(), cx.now(), member.id, &standing).await?;
    let covers = |one: &access::Held| {
        actor
            .effective
            .reach(one.permission)
            .is_some_and(|own| reaches(&own, &one.reach, actor.id == member.id))
    };
    Ok(held.iter().all(covers))
}

/// Whether `wide` opens every row that `narrow` opens. Own rows are another's own rows, unless both
/// are the same person.
fn reaches(wide: &Reach, narrow: &Reach, same: bool) -> bool {
    match (wide, narrow) {
        (Reach::All, _) => true,
        (Reach::Some { .. }, Reach::All) => false,
        (Reach::Some { departments, own }, Reach::Some { departments: theirs, own: their_own }) => {
            theirs.is_subset(departments) && (!*their_own || (*own && same))
        }
    }
}

/// Whether somebody is a member of this organisation and of no other.
async fn sole_member(app: &App, user: Id, org: Option<Id>) -> Result<bool> {
    let tx = app.system(Mode::Read).await?;
    let belongings = account::belongings(&tx, user).await?;
    tx.commit().await?;
    Ok(belongings.iter().all(|one| Some(one.organization.id) == org))
}
