//! One attempt to sign in: look, work on the password, decide and write down.
//!
//! The password is worked on between two transactions, never inside one. Both transactions and the
//! work are the same for every outcome.

use std::sync::Arc;

use base::{Error, Id, Kind, Result};
use kernel::{
    ActorKind, App, Cx,
    audit::{self, Event, Who},
    port::Meter,
};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use store::{Mode, Tx};

use super::{
    secret::Password,
    throttle::{self, Knock},
};
use crate::{
    account,
    credential::envelope,
    entity::app_user,
    resource::sign_in::entity as log,
    service::Identity,
    session::{self, SignedIn},
};

/// What somebody sent.
pub(super) struct Attempt {
    /// User name or e-mail address.
    pub(super) name: String,
    /// The password.
    pub(super) password: Password,
    /// Where to work.
    pub(super) organization: Option<Id>,
}

/// Signs in, or says that it did not work.
pub(super) async fn sign_in(cx: &Cx, attempt: Attempt) -> Result<SignedIn> {
    let hasher = &Identity::of(&cx.app)?.hasher;
    let tx = cx.app.system(Mode::Read).await?;
    let seen = account::by_sign_in_name(&tx, &attempt.name).await?;
    let knock = Knock::new(seen.as_ref(), &attempt.name, &cx.origin);
    admit_address(cx, &tx, &knock).await?;
    tx.commit().await?;

    let stored = seen.as_ref().and_then(|user| user.password_hash.as_deref());
    let verdict = hasher.verify(&attempt.password.text, stored).await?;
    let matches = verdict.matches && attempt.password.genuine;
    // Only whoever knows the password gets to see how long a new hash takes.
    let rehashed =
        if matches && verdict.rehash { Some(hasher.hash(&attempt.password.text).await?) } else { None };

    let tx = cx.app.system(Mode::Write).await?;
    // Attempts on one account go one by one from here, so the count below is exact.
    let user = account::lock(&tx, seen.as_ref().map_or(Id::nil(), |user| user.id)).await?;
    admit_address(cx, &tx, &knock).await?;
    let locked = throttle::is_locked(&tx, &knock, cx.now()).await?;
    let unchanged = user.as_ref().is_some_and(|user| user.password_hash.as_deref() == stored);
    let owner = user.as_ref().map_or(Id::nil(), |user| user.id);
    let belongings = account::belongings(&tx, owner).await?;
    let chosen = session::choose(&belongings, attempt.organization);
    let reason = reason(user.as_ref(), locked, matches && unchanged, chosen.is_ok());
    throttle::note(&cx.app, &tx, &knock, reason.is_some(), locked).await?;
    if let Some(user) = &user {
        // A success concerns the organisation that is entered, a failure all that could have been.
        let told = match (reason, chosen) {
            (None, Ok(entered)) => entered.into_iter().collect(),
            _ => belongings.iter().filter(|one| one.is_open()).map(|one| one.organization.id).collect(),
        };
        write_log(cx, &tx, user, told, reason).await?;
    }
    match (user, reason) {
        (Some(user), None) => {
            let user = record_success(&cx.app, &tx, user, rehashed).await?;
            let answer = session::start(cx, &tx, &user, attempt.organization).await?;
            tx.commit().await?;
            count(&cx.app, "ok");
            Ok(answer)
        }
        _ => {
            tx.commit().await?;
            count(&cx.app, if locked { "locked" } else { "failed" });
            Err(refused())
        }
    }
}

async fn admit_address(cx: &Cx, tx: &Tx, knock: &Knock) -> Result<()> {
    let admitted = throttle::admit_address(tx, knock, cx.now()).await;
    if matches!(&admitted, Err(failure) if failure.kind() == Kind::TooMany) {
        count(&cx.app, "throttled");
    }
    admitted
}

/// Counts an attempt for the operator, where anybody counts.
fn count(app: &App, outcome: &'static str) {
    if let Ok(meter) = app.service::<Arc<dyn Meter>>() {
        meter.sign_in(outcome);
    }
}

/// The one answer to every attempt that fails.
fn refused() -> Error {
    envelope::failed()
}

/// Why an attempt fails, for the organisation's log; `None` when it does not.
fn reason(
    user: Option<&app_user::Model>,
    locked: bool,
    matches: bool,
    may_enter: bool,
) -> Option<&'static str> {
    match user {
        _ if locked => Some("locked"),
        Some(user) if matches && user.disabled_at.is_some() => Some("disabled"),
        // Nothing else tells whoever tries passwords against an organisation that there is none of.
        Some(_) if matches && !may_enter => Some("organization"),
        Some(_) if matches => None,
        _ => Some("password"),
    }
}

/// A row in the log of an organisation that somebody enters who had signed in to another one.
pub(crate) async fn entered(cx: &Cx, tx: &Tx, user: &app_user::Model, org: Id) -> Result<()> {
    write_log(cx, tx, user, vec![org], None).await
}

/// A row in the log of each of these organisations; where there is none, the installation's audit
/// trail tells.
async fn write_log(
    cx: &Cx,
    tx: &Tx,
    user: &app_user::Model,
    orgs: Vec<Id>,
    reason: Option<&'static str>,
) -> Result<()> {
    let row = |org: Id| log::ActiveModel {
        id: Set(cx.app.new_id()),
        org_id: Set(org),
        at: Set(cx.now()),
        user_id: Set(user.id),
        username: Set(user.username.clone()),
        outcome: Set(if reason.is_some() { "failed" } else { "ok" }.to_owned()),
        reason: Set(reason.unwrap_or_default().to_owned()),
        ip: Set(cx.origin.ip.map(|ip| ip.to_string()).unwrap_or_default()),
        user_agent: Set(cx.origin.user_agent.clone()),
        search_key: Set(user.username_key.clone()),
    };
    if orgs.is_empty() {
        return tell_platform(cx, tx, user, reason).await;
    }
    tx.insert_all(orgs.into_iter().map(row).collect()).await
}

async fn tell_platform(cx: &Cx, tx: &Tx, user: &app_user::Model, reason: Option<&'static str>) -> Result<()> {
    let event =
        Event::new("identity:session:sign_in", "identity.user").target(user.id, user.username.clone());
    let (who, event) = match reason {
        None => (Who { kind: ActorKind::User, id: Some(user.id), name: user.name.clone() }, event),
        // Whoever it was, it has not been shown that it was this person.
        Some(reason) => {
            let event = event.change("reason", json!(null), json!(reason));
            let nobody = Who { kind: ActorKind::User, id: None, name: String::new() };
            (nobody, Event { outcome: Some("failed"), ..event })
        }
    };
    audit::write_platform(tx, cx.now(), who, &cx.origin, event).await
}

/// When the person last signed in, and a hash of today's kind. Neither is a change of the record.
async fn record_success(
    app: &App,
    tx: &Tx,
    user: app_user::Model,
    rehashed: Option<String>,
) -> Result<app_user::Model> {
    use sea_orm::{ColumnTrait, Condition};
    let now = app.now();
    let mut row = app_user::ActiveModel { last_sign_in_at: Set(Some(now)), ..Default::default() };
    if let Some(hash) = rehashed {
        row.password_hash = Set(Some(hash));
    }
    tx.update_where(row, Condition::all().add(app_user::Column::Id.eq(user.id))).await?;
    Ok(app_user::Model { last_sign_in_at: Some(now), ..user })
}
