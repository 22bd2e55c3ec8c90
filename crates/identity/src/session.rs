//! Sessions: what a sign-in opens, what every request is checked against, and how it ends.
//!
//! An access token names a session and lives for minutes; the session row is the truth, read in the
//! opening statement of every request, so ending it works at once (decision 5.3). A session is also
//! the family of its refresh tokens. Functions here are not narrowed to an organisation; each says
//! whose sessions it means.

mod answer;
mod cookie;
mod list;
mod prune;
mod refresh;
mod switch;

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, Duration, Utc};
use kernel::{Api, Cx};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    IntoActiveModel,
    sea_query::{Expr, ExprTrait, Query},
};
use store::Tx;

pub(crate) use self::list::{member, reached, spare_owner};
pub use self::switch::require_session;
pub use self::{
    answer::{OrganizationView, SignedIn, UserView, slug},
    cookie::{forget, has_live_cookie, remember},
    prune::prune,
};
use crate::{
    account::{self, Belonging},
    credential::token,
    entity::{app_user, refresh_token, session},
    service::Identity,
};

/// Registers the routes.
pub fn mount(api: &mut Api) {
    refresh::mount(api);
    switch::mount(api);
    list::mount(api);
}

/// 401: there is no session any more.
pub(crate) fn ended() -> Error {
    Error::unauthenticated("session_ended", "the session has ended; sign in again")
}

/// Opens a session for somebody who has just proven who he is, and sets the console's cookie.
/// Without `org` it is for the oldest membership whose organisation is not about to go; an `org` that
/// the user is no member of is 422.
pub async fn open(cx: &Cx, tx: &Tx, user: &app_user::Model, org: Option<Id>) -> Result<SignedIn> {
    let answer = start(cx, tx, user, org).await?;
    remember(cx, &answer.refresh_token)?;
    Ok(answer)
}

/// Opens a session in another organisation for somebody who proves nothing anew: it is as strong as
/// `old`, and ends when that would have ended.
pub(crate) async fn move_on(
    cx: &Cx,
    tx: &Tx,
    user: &app_user::Model,
    org: Id,
    old: &session::Model,
) -> Result<SignedIn> {
    let proof = Proof { expires_at: old.expires_at, amr: old.amr.clone(), step_up_at: old.step_up_at };
    let answer = begin(cx, tx, user, Some(org), proof).await?;
    remember(cx, &answer.refresh_token)?;
    Ok(answer)
}

/// How somebody has proven who he is, and how long that holds.
struct Proof {
    expires_at: DateTime<Utc>,
    amr: String,
    step_up_at: Option<DateTime<Utc>>,
}

/// As [`open`], without the cookie.
pub(crate) async fn start(cx: &Cx, tx: &Tx, user: &app_user::Model, org: Option<Id>) -> Result<SignedIn> {
    let (now, life) = (cx.now(), span(Identity::of(&cx.app)?.settings.refresh_absolute)?);
    let proof = Proof { expires_at: now + life, amr: "pwd".to_owned(), step_up_at: Some(now) };
    begin(cx, tx, user, org, proof).await
}

async fn begin(cx: &Cx, tx: &Tx, user: &app_user::Model, org: Option<Id>, proof: Proof) -> Result<SignedIn> {
    let belongings = account::belongings(tx, user.id).await?;
    let chosen = choose(&belongings, org)?;
    let settings = &Identity::of(&cx.app)?.settings;
    let (now, expires_at) = (cx.now(), proof.expires_at);
    let session = session::Model {
        id: cx.app.new_id(),
        user_id: user.id,
        org_id: chosen,
        created_at: now,
        last_seen_at: now,
        idle_expires_at: Ord::min(expires_at, now + span(settings.refresh_idle)?),
        expires_at,
        revoked_at: None,
        revoked_reason: None,
        ip: cx.origin.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        user_agent: cx.origin.user_agent.clone(),
        agent_key: agent_key(&cx.origin.user_agent),
        amr: proof.amr,
        step_up_at: proof.step_up_at,
    };
    tx.insert(session.clone().into_active_model().reset_all()).await?;
    let refresh = token::generate();
    keep(tx, &refresh, session.id, now).await?;
    answer::compose(cx, user, &session, &belongings, refresh)
}

/// The organisation that a session begins in; 422 for one that is not open to the person.
pub(crate) fn choose(belongings: &[Belonging], wanted: Option<Id>) -> Result<Option<Id>> {
    let mut open = belongings.iter().filter(|belonging| belonging.is_open());
    match wanted {
        Some(id) if open.any(|belonging| belonging.organization.id == id) => Ok(Some(id)),
        Some(_) => {
            let message = "is not one of your organisations";
            Err(Error::field("organization_id", "unknown_reference", message))
        }
        None => {
            let lasting = open.find(|belonging| belonging.organization.deleting_at.is_none());
            Ok(lasting.map(|belonging| belonging.organization.id))
        }
    }
}

/// Stores a refresh token of a session, by digest.
async fn keep(tx: &Tx, token: &Secret, session: Id, now: DateTime<Utc>) -> Result<()> {
    tx.insert(refresh_token::ActiveModel {
        digest: Set(token::digest_hex(token.expose_secret())),
        session_id: Set(session),
        created_at: Set(now),
        used_at: Set(None),
    })
    .await
}

fn span(setting: std::time::Duration) -> Result<Duration> {
    Duration::from_std(setting).map_err(Error::internal)
}

/// A `User-Agent` without version numbers, so that an update of the browser ends no session and
/// another browser does.
fn agent_key(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_numeric() && !matches!(c, '.' | '_')).take(200).collect()
}

/// Whose sessions end.
#[derive(Clone, Copy, Debug)]
pub enum Revoke {
    /// One session.
    One(Id),
    /// All of a user.
    User(Id),
    /// Those of a user in one organisation.
    UserInOrg(Id, Id),
    /// All of a user but one.
    UserExcept(Id, Id),
}

/// Ends sessions; how many there were.
pub async fn revoke(tx: &Tx, which: Revoke, reason: &str, now: DateTime<Utc>) -> Result<u64> {
    let (user, id, org, but) = match which {
        Revoke::One(id) => (None, Some(id), None, None),
        Revoke::User(user) => (Some(user), None, None, None),
        Revoke::UserInOrg(user, org) => (Some(user), None, Some(org), None),
        Revoke::UserExcept(user, session) => (Some(user), None, None, Some(session)),
    };
    let mut update = Query::update()
        .table("session")
        .value("revoked_at", now)
        .value("revoked_reason", reason)
        .and_where(Expr::col("revoked_at").is_null())
        .to_owned();
    for (column, value) in [("user_id", user), ("id", id), ("org_id", org)] {
        if let Some(value) = value {
            update.and_where(Expr::col(column).eq(value));
        }
    }
    if let Some(session) = but {
        update.and_where(Expr::col("id").ne(session));
    }
    tx.execute(&update).await
}
