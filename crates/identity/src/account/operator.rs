//! What the operator and platform administrators do to accounts: from the command line and over HTTP.
//!
//! Each function works across organisations and runs its own transactions, except [`anonymize`],
//! which is one step of its caller's. Nobody takes the last enabled platform administrator away.

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use kernel::{App, audit::Event};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, Iterable, QueryOrder,
    sea_query::{Expr, ExprTrait, LockType, Query},
};
use serde_json::json;
use store::{Dialect, Mode, Tx};

use super::{Belonging, By, announce_everywhere, belongings, one_time, sync_copies, update};
use crate::{
    api_key,
    credential::policy,
    entity::{app_user, letter, sign_in_attempt},
    invitation::entity as invitation,
    mail::{self, Letter},
    organization,
    resource::user,
    service::Identity,
    session::{self, Revoke},
};

/// Everybody, by sign-in name.
pub async fn list(app: &App) -> Result<Vec<app_user::Model>> {
    let tx = app.system(Mode::Read).await?;
    let people = tx.all(tx.find::<app_user::Entity>().order_by_asc(app_user::Column::UsernameKey)).await?;
    tx.commit().await?;
    Ok(people)
}

/// Sets a password without knowing the old one; sessions, API keys and links end. For the command line only:
/// administrators mail a link instead (ASVS 6.4.6).
pub async fn set_password(app: &App, by: &By<'_>, id: Id, password: &Secret) -> Result<()> {
    let tx = app.system(Mode::Read).await?;
    let user = tx.get::<app_user::Entity>(id).await?;
    tx.commit().await?;
    let identity = Identity::of(app)?;
    let mut context = vec![user.username.as_str(), app.settings().app_name.as_str()];
    context.extend(user.email.as_deref());
    let min = identity.settings.password_min;
    let min = if user.is_platform_admin { min.max(policy::MIN_ADMIN) } else { min };
    policy::check(password.expose_secret(), &context, min)?;
    let hash = identity.hasher.hash(password).await?;
    let (tx, now) = (app.system(Mode::Write).await?, app.now());
    let row = app_user::ActiveModel {
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        ..Default::default()
    };
    update(&tx, now, &user, row).await?;
    one_time::withdraw_all(&tx, id).await?;
    session::revoke(&tx, Revoke::User(id), "password_reset", now).await?;
    let keys = api_key::end_all(&tx, now, id).await?;
    forgive(&tx, &user).await?;
    if let Some(address) = &user.email {
        let letter = Letter::PasswordChanged { name: user.name.clone(), keys_ended: true };
        mail::enqueue(app, &tx, address, &user.locale, letter).await?;
    }
    let event = Event::new("identity:user:reset", "identity.user").target(id, user.username).change(
        "api_keys_ended",
        json!(null),
        json!(keys),
    );
    announce_everywhere(&tx, now, by, id, None, &event).await?;
    tx.commit().await
}

/// Ends the wait after too many failures, wherever they came from.
pub async fn unlock(app: &App, by: &By<'_>, id: Id) -> Result<u64> {
    let tx = app.system(Mode::Write).await?;
    let user = tx.get::<app_user::Entity>(id).await?;
    let forgiven = forgive(&tx, &user).await?;
    let event = Event::new("identity:user:unlock", "identity.user").target(id, user.username);
    announce_everywhere(&tx, app.now(), by, id, None, &event).await?;
    tx.commit().await?;
    Ok(forgiven)
}

/// Forgets the failed attempts to sign in to an account.
pub(crate) async fn forgive(tx: &Tx, user: &app_user::Model) -> Result<u64> {
    let failed = Condition::all()
        .add(ColumnTrait::eq(&sign_in_attempt::Column::AccountKey, user.username_key.clone()))
        .add(ColumnTrait::eq(&sign_in_attempt::Column::Failed, true));
    tx.delete_where::<sign_in_attempt::Entity>(failed).await
}

/// Closes an account everywhere, or opens it again. A closed account's sessions end.
pub async fn set_disabled(app: &App, by: &By<'_>, id: Id, disabled: bool) -> Result<app_user::Model> {
    let (tx, now) = (app.system(Mode::Write).await?, app.now());
    let user = tx.get::<app_user::Entity>(id).await?;
    if user.anonymized_at.is_some() && !disabled {
        return Err(Error::conflict("anonymized", "an anonymised account cannot be opened again"));
    }
    if disabled == user.disabled_at.is_some() {
        return Ok(user);
    }
    if disabled {
        keep_an_administrator(&tx, &user).await?;
        session::revoke(&tx, Revoke::User(id), "disabled", now).await?;
    }
    let disabled_at = disabled.then_some(now);
    let row = app_user::ActiveModel { disabled_at: Set(disabled_at), ..Default::default() };
    update(&tx, now, &user, row).await?;
    let event = Event::new("identity:user:disable", "identity.user")
        .target(id, user.username.clone())
        .change("disabled", json!(!disabled), json!(disabled));
    let kind = if disabled { "user_disabled" } else { "user_enabled" };
    announce_everywhere(&tx, now, by, id, Some(kind), &event).await?;
    tx.commit().await?;
    Ok(app_user::Model { disabled_at, version: user.version + 1, ..user })
}

/// 409 when this user is the last platform administrator whose account is open. The rows are locked,
/// so that two who remove each other do not both succeed.
pub(crate) async fn keep_an_administrator(tx: &Tx, user: &app_user::Model) -> Result<()> {
    if !user.is_platform_admin || user.disabled_at.is_some() {
        return Ok(());
    }
    let mut select = Query::select()
        .columns(app_user::Column::iter())
        .from("app_user")
        .and_where(Expr::col("is_platform_admin").eq(true))
        .and_where(Expr::col("disabled_at").is_null())
        .order_by("id", sea_orm::Order::Asc)
        .to_owned();
    if tx.dialect() != Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    let rows = tx.query_all(&select).await?;
    let open: Vec<app_user::Model> = rows.iter().map(store::model).collect::<Result<_>>()?;
    if open.iter().any(|other| other.id != user.id) {
        return Ok(());
    }
    Err(Error::conflict(
        "last_platform_admin",
        "the installation needs a platform administrator; make another one first",
    ))
}

/// 409 when an organisation that goes on would be left without an owner who can sign in. What is only
/// closed can be opened again; this cannot.
async fn keep_owners(tx: &Tx, user: &app_user::Model) -> Result<()> {
    let mut owned: Vec<Belonging> = belongings(tx, user.id).await?;
    owned.retain(|one| one.membership.is_owner && one.organization.deleting_at.is_none());
    // In one order, so that two who lock several do not wait for each other.
    owned.sort_by_key(|one| one.organization.id);
    for one in owned {
        // Locked as for every change of ownership.
        let home = organization::lock(tx, one.organization.id).await?;
        if !user::rules::another_owner(tx, home.id, user.id).await? {
            let detail = format!(
                "{} would be left without an owner; make somebody else one first (`tenon user make-owner`)",
                home.name
            );
            return Err(Error::conflict("last_owner", detail));
        }
    }
    Ok(())
}

/// Takes what tells who somebody was out of what other rows keep of him: the invitations by which he
/// joined or was to join, and the sign-in logs. Addresses and times of sign-ins stay in the logs.
async fn forget_name(tx: &Tx, before: &app_user::Model, after: &app_user::Model) -> Result<()> {
    let his = |column: &'static str| match &before.login_email {
        Some(address) => Expr::col(column).eq(address.as_str()),
        None => Expr::value(1).eq(0),
    };
    let pending = Query::update()
        .table("invitation")
        .value("status", invitation::Status::Revoked)
        .and_where(Expr::col("status").eq(invitation::Status::Pending))
        .and_where(his("email_key"))
        .to_owned();
    tx.execute(&pending).await?;
    let invited = Query::update()
        .table("invitation")
        .value("email", after.username.as_str())
        .value("email_key", "")
        .value("name", Option::<String>::None)
        .value("search_key", "")
        .cond_where(Condition::any().add(Expr::col("accepted_by").eq(before.id)).add(his("email_key")))
        .to_owned();
    tx.execute(&invited).await?;
    let logged = Query::update()
        .table("sign_in")
        .value("username", after.username.as_str())
        .value("search_key", after.username_key.as_str())
        .and_where(Expr::col("user_id").eq(before.id))
        .to_owned();
    tx.execute(&logged).await.map(drop)
}

/// Takes what tells who somebody was out of an account, for good: name, address and password go,
/// sessions, keys and links end, the account is closed. The audit trail stays as it is. Needs a
/// system transaction without organisation; the caller [announces](announce_everywhere) it in the same one.
pub async fn anonymize(app: &App, tx: &Tx, user: &app_user::Model) -> Result<app_user::Model> {
    keep_an_administrator(tx, user).await?;
    keep_owners(tx, user).await?;
    let now = app.now();
    // The tail of a UUID v7 is random, its head only the time.
    let tail: String = user.id.simple().to_string().chars().skip(20).collect();
    let username = format!("deleted-{tail}");
    let after = app_user::Model {
        username_key: base::text::fold(&username),
        name: username.clone(),
        username,
        email: None,
        login_email: None,
        password_hash: None,
        is_platform_admin: false,
        disabled_at: Some(user.disabled_at.unwrap_or(now)),
        anonymized_at: Some(user.anonymized_at.unwrap_or(now)),
        version: user.version + 1,
        updated_at: now,
        ..user.clone()
    };
    let row = app_user::ActiveModel {
        username: Set(after.username.clone()),
        username_key: Set(after.username_key.clone()),
        name: Set(after.name.clone()),
        email: Set(None),
        login_email: Set(None),
        password_hash: Set(None),
        is_platform_admin: Set(false),
        disabled_at: Set(after.disabled_at),
        anonymized_at: Set(after.anonymized_at),
        ..Default::default()
    };
    update(tx, now, user, row).await?;
    sync_copies(tx, now, &after).await?;
    forget_name(tx, user, &after).await?;
    session::revoke(tx, Revoke::User(user.id), "anonymized", now).await?;
    api_key::end_all(tx, now, user.id).await?;
    one_time::withdraw_all(tx, user.id).await?;
    if let Some(address) = &user.email {
        let letters = Condition::all().add(ColumnTrait::eq(&letter::Column::Recipient, address.clone()));
        tx.delete_where::<letter::Entity>(letters).await?;
    }
    forgive(tx, user).await?;
    Ok(after)
}
