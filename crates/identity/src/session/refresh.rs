//! Renewing a session: each refresh token is good once, and its successor follows from it.
//!
//! Decision 5.3: within ten seconds a used token answers with the same successor, so that tabs that
//! refresh at once all stay signed in; a later replay means that two hold the token, and ends the
//! session for both (RFC 9700 section 4.14.2). The session's row is locked first, so refreshes of
//! one family happen one after the other on every database.

use base::{Id, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, Duration, Utc};
use kernel::{
    ActorKind, Api, Cx, Json,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, Iterable, QueryFilter,
    sea_query::{Expr, ExprTrait, LockType, Query},
};
use serde::Deserialize;
use serde_json::json;
use store::{Dialect, Mode, Opening, Role, Tx};
use validator::Validate;

use super::{Revoke, SignedIn, agent_key, answer, cookie, ended, keep, revoke, span};
use crate::{
    account,
    credential::token,
    entity::{app_user, refresh_token, session},
    service::Identity,
};

/// How long a used token answers with the same successor.
const GRACE: Duration = Duration::seconds(10);

/// A refresh token; without it the cookie counts.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Refresh")]
struct Refresh {
    /// The token; leave it out to use the cookie.
    #[validate(length(max = 200))]
    refresh_token: Option<String>,
}

pub(super) fn mount(api: &mut Api) {
    let summary = "Exchange a refresh token for a new pair of tokens";
    api.public("auth")
        .post("refresh", "/api/auth/token/refresh", summary, refresh)
        .secret()
        .problems(&[401, 403])
        .example(json!({ "refresh_token": "3q2-7wAB…" }));
}

async fn refresh(cx: &Cx, input: Refresh) -> Result<Json<SignedIn>> {
    let token: Secret = match input.refresh_token {
        Some(token) => token.into(),
        None => cookie::read(cx)?.ok_or_else(ended)?,
    };
    let family = family(cx, &token).await?;
    // Bound to the session's organisation, so that what is found out stands in its audit trail.
    let tx = cx.app.store().begin(Mode::Write, Opening::new(Role::System, family.org_id)).await?;
    let answer = renew(cx, &tx, family.id, &token).await?;
    tx.commit().await?;
    let answer = answer.ok_or_else(ended)?;
    cookie::remember(cx, &answer.refresh_token)?;
    Ok(Json(answer))
}

/// The session that a token belongs to.
async fn family(cx: &Cx, token: &Secret) -> Result<session::Model> {
    let tx = cx.app.system(Mode::Read).await?;
    let session = family_in(&tx, token).await?.ok_or_else(ended)?;
    tx.commit().await?;
    Ok(session)
}

/// As [`family`], if there is one, live or not.
pub(super) async fn family_in(tx: &Tx, token: &Secret) -> Result<Option<session::Model>> {
    match find(tx, token).await? {
        Some(row) => tx.lookup::<session::Entity>(row.session_id).await,
        None => Ok(None),
    }
}

async fn find(tx: &Tx, token: &Secret) -> Result<Option<refresh_token::Model>> {
    let digest = token::digest_hex(token.expose_secret());
    let this = ColumnTrait::eq(&refresh_token::Column::Digest, digest);
    tx.one(tx.find::<refresh_token::Entity>().filter(this)).await
}

/// A session, kept from changing until the transaction ends, whatever organisation that is bound to.
pub(super) async fn lock(tx: &Tx, id: Id) -> Result<session::Model> {
    let mut select = Query::select()
        .columns(session::Column::iter())
        .from("session")
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    if tx.dialect() != Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    let row = tx.query_one(&select).await?.ok_or_else(ended)?;
    store::model(&row)
}

/// The new pair; `None` when the session has ended, now or before.
async fn renew(cx: &Cx, tx: &Tx, id: Id, token: &Secret) -> Result<Option<SignedIn>> {
    let session = lock(tx, id).await?;
    let now = cx.now();
    let live = session.revoked_at.is_none() && now < session.idle_expires_at && now < session.expires_at;
    let (Some(user), Some(row), true) =
        (tx.lookup::<app_user::Entity>(session.user_id).await?, find(tx, token).await?, live)
    else {
        return Ok(None);
    };
    if session.agent_key != agent_key(&cx.origin.user_agent) {
        let event = Event::new("identity:session:agent_mismatch", "identity.session").change(
            "user_agent",
            json!(session.user_agent),
            json!(cx.origin.user_agent),
        );
        return compromised(cx, tx, &session, &user, "agent_mismatch", event).await;
    }
    let belongings = account::belongings(tx, user.id).await?;
    let admitted = session.org_id.is_none_or(|org| {
        belongings.iter().any(|belonging| belonging.organization.id == org && belonging.is_open())
    });
    if user.disabled_at.is_some() || !admitted {
        return Ok(None);
    }
    let successor = token::successor(Identity::of(&cx.app)?.refresh_key(), token.expose_secret());
    if use_up(tx, &row.digest, now).await? {
        keep(tx, &successor, session.id, now).await?;
        touch(cx, tx, &session, now).await?;
    } else if row.used_at.is_none_or(|at| now - at > GRACE) {
        let event = Event::new("identity:session:reuse", "identity.session");
        return compromised(cx, tx, &session, &user, "reuse", event).await;
    }
    answer::compose(cx, &user, &session, &belongings, successor).map(Some)
}

/// Marks a token used; whether it was this call that did.
async fn use_up(tx: &Tx, digest: &str, now: DateTime<Utc>) -> Result<bool> {
    let unused = Condition::all()
        .add(ColumnTrait::eq(&refresh_token::Column::Digest, digest))
        .add(refresh_token::Column::UsedAt.is_null());
    let used = refresh_token::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    tx.update_where(used, unused).await.map(|rows| rows == 1)
}

/// Says that the session was seen, and moves its idle end.
async fn touch(cx: &Cx, tx: &Tx, session: &session::Model, now: DateTime<Utc>) -> Result<()> {
    let idle = now + span(Identity::of(&cx.app)?.settings.refresh_idle)?;
    let update = Query::update()
        .table("session")
        .value("last_seen_at", now)
        .value("idle_expires_at", Ord::min(idle, session.expires_at))
        .value("ip", cx.origin.ip.map(|ip| ip.to_string()).unwrap_or_default())
        .value("user_agent", cx.origin.user_agent.clone())
        .and_where(Expr::col("id").eq(session.id))
        .to_owned();
    tx.execute(&update).await.map(drop)
}

/// Ends a session whose token two seem to hold, and says so where its administrators read.
async fn compromised(
    cx: &Cx,
    tx: &Tx,
    session: &session::Model,
    user: &app_user::Model,
    reason: &str,
    event: Event,
) -> Result<Option<SignedIn>> {
    tracing::warn!(session = %session.id, user = %user.id, reason, "a refresh token was refused and its session ended");
    revoke(tx, Revoke::One(session.id), reason, cx.now()).await?;
    let event = Event { outcome: Some("denied"), ..event.target(session.id, user.username.clone()) };
    let who = Who { kind: ActorKind::User, id: Some(user.id), name: user.name.clone() };
    audit::write(tx, cx.now(), who, &cx.origin, event).await?;
    Ok(None)
}
