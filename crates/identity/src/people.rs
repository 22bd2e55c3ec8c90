//! The members of an organisation for modules that act for other systems: the kernel's [`People`].
//!
//! Another system's word never changes an account that somebody else relies on: names and addresses follow
//! it only where the account was made that way, has no password, and belongs to no other organisation.

mod departure;
mod holding;

use base::{Error, Id, Result, text};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use kernel::{
    App, access,
    port::{Among, CalledBy, Departure, Holding, Holds, Newcomer, People, Person, ProfileChange},
    resource::{ListQuery, Page},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect,
    sea_query::SelectStatement,
};
use store::Tx;

use crate::{
    account::{self, NewUser},
    entity::app_user,
    resource::user::{self, Join, entity::Column},
};

/// The port over this crate's tables.
pub struct Members;

/// Tries to find a sign-in name that nobody has.
const TRIES: usize = 8;

async fn found(tx: &Tx, rows: Vec<user::entity::Model>) -> Result<Vec<Person>> {
    let ids = rows.iter().map(|row| row.id);
    let accounts = tx.all(tx.find::<app_user::Entity>().filter(app_user::Column::Id.is_in(ids))).await?;
    let person = |row: user::entity::Model| {
        let account = accounts.iter().find(|account| account.id == row.id)?;
        Some(Person {
            id: row.id,
            username: account.username.clone(),
            name: account.name.clone(),
            email: account.email.clone(),
            email_verified: account.login_email.is_some(),
            active: row.active && row.deleted_at.is_none() && account.disabled_at.is_none(),
            removed: row.deleted_at.is_some(),
            owner: row.is_owner && row.deleted_at.is_none(),
            locale: account.locale.clone(),
            created_at: row.joined_at,
            updated_at: row.updated_at.max(account.updated_at),
        })
    };
    Ok(rows.into_iter().filter_map(person).collect())
}

/// The account and the membership, if the account is this organisation's own to change.
async fn own_account(tx: &Tx, id: Id) -> Result<Option<app_user::Model>> {
    let Some(account) = account::lock(tx, id).await? else { return Ok(None) };
    let is_own = account.password_hash.is_none()
        && account.anonymized_at.is_none()
        && account.disabled_at.is_none()
        && !account.is_platform_admin
        && account.login_email.is_none()
        && account::belongings(tx, id).await?.len() <= 1;
    Ok(Some(account).filter(|_| is_own))
}

/// A sign-in name out of what another system calls somebody.
fn username_of(wished: &str) -> String {
    let kept: String = wished
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .take(50)
        .collect();
    let kept = kept.trim_matches(['.', '-', '_']).to_owned();
    if kept.len() < 2 { "member".to_owned() } else { kept }
}

async fn enrol(app: &App, tx: &Tx, new: Newcomer) -> Result<Id> {
    let wished = username_of(&new.username);
    for attempt in 0..TRIES {
        let username = match attempt {
            0 => wished.clone(),
            _ => format!("{wished}-{:08x}", u32::from_ne_bytes(base::random::bytes())),
        };
        // Only a name that is taken is worth another try, and none of it may stay.
        if account::by_sign_in_name(tx, &username).await?.is_some() {
            continue;
        }
        let new = NewUser {
            username,
            name: new.name.clone(),
            email: new.email.clone(),
            verified_email: false,
            password_hash: None,
            locale: account::LOCALES[0].to_owned(),
            time_zone: account::TIME_ZONE.to_owned(),
            platform_admin: false,
        };
        let made = account::create(app, tx, new).await?;
        user::join(app, tx, &made, None, Join::default()).await?;
        return Ok(made.id);
    }
    Err(Error::unavailable("username_taken", "no free sign-in name was found; try again").retry_after(1))
}

async fn describe(
    tx: &Tx,
    now: DateTime<Utc>,
    id: Id,
    change: &ProfileChange,
    changed: &mut Vec<&'static str>,
) -> Result<()> {
    let Some(mut account) = own_account(tx, id).await? else { return Ok(()) };
    if let Some(name) = &change.name {
        let name = match name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => account::display_name(name)?,
            None => account.username.clone(),
        };
        if name != account.name {
            let row = app_user::ActiveModel { name: Set(name.clone()), ..Default::default() };
            account::update(tx, now, &account, row).await?;
            account = app_user::Model { name, version: account.version + 1, ..account };
            account::sync_copies(tx, now, &account).await?;
            changed.push("display_name");
        }
    }
    if let Some(email) = &change.email
        && *email != account.email
    {
        account::set_email(tx, now, &account, email.as_deref(), false).await?;
        changed.push("email");
    }
    if changed.is_empty() {
        return Ok(());
    }
    access::bump(tx, now, "profile_changed", Some(id)).await
}

async fn set_active(app: &App, tx: &Tx, id: Id, active: bool) -> Result<bool> {
    let (now, org) = (app.now(), tx.require_org()?);
    let row = tx.get::<user::entity::Entity>(id).await?;
    if row.active == active {
        return Ok(false);
    }
    if !active && row.is_owner {
        crate::organization::lock(tx, org).await?;
        if !user::rules::another_owner(tx, org, id).await? {
            return Err(Error::conflict("last_owner", "an organisation needs an owner"));
        }
    }
    let values = user::entity::ActiveModel {
        active: Set(active),
        updated_at: Set(now),
        version: Set(row.version + 1),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(Column::OrgId.eq(org)).add(Column::Id.eq(id))).await?;
    if !active {
        user::departure::end(tx, org, id, now, "deactivated").await?;
    }
    let kind = if active { "user_enabled" } else { "user_disabled" };
    access::bump(tx, now, kind, Some(id)).await?;
    Ok(true)
}

impl People for Members {
    fn find<'a>(&'a self, tx: &'a Tx, ids: &'a [Id]) -> BoxFuture<'a, Result<Vec<Person>>> {
        Box::pin(async move {
            let select = tx.find_with_trash::<user::entity::Entity>();
            let rows = tx.all(select.filter(Column::Id.is_in(ids.iter().copied()))).await?;
            found(tx, rows).await
        })
    }

    fn is_account<'a>(&'a self, tx: &'a Tx, id: Id) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let select = tx.find::<app_user::Entity>().filter(app_user::Column::Id.eq(id));
            Ok(tx.count(select).await? > 0)
        })
    }

    fn search<'a>(
        &'a self,
        tx: &'a Tx,
        text: Option<&'a str>,
        after: Option<Id>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Vec<Person>>> {
        Box::pin(async move {
            let mut select = tx.find::<user::entity::Entity>();
            if let Some(text) = text.map(text::fold).filter(|text| !text.is_empty()) {
                select = select.filter(Column::SearchKey.contains(&text));
            }
            if let Some(after) = after {
                select = select.filter(Column::Id.gt(after));
            }
            found(tx, tx.all(select.order_by_asc(Column::Id).limit(limit)).await?).await
        })
    }

    fn enrol<'a>(&'a self, app: &'a App, tx: &'a Tx, new: Newcomer) -> BoxFuture<'a, Result<Id>> {
        Box::pin(enrol(app, tx, new))
    }

    fn set_joined<'a>(&'a self, tx: &'a Tx, user: Id, at: DateTime<Utc>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let values = user::entity::ActiveModel { joined_at: Set(at), ..Default::default() };
            let org = tx.require_org()?;
            let this = Condition::all().add(Column::OrgId.eq(org)).add(Column::Id.eq(user));
            tx.update_where(values, this).await.map(drop)
        })
    }

    fn change<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        user: Id,
        change: ProfileChange,
    ) -> BoxFuture<'a, Result<Vec<&'static str>>> {
        Box::pin(async move {
            let mut changed = Vec::new();
            describe(tx, app.now(), user, &change, &mut changed).await?;
            if let Some(active) = change.active
                && set_active(app, tx, user, active).await?
            {
                changed.push("is_active");
            }
            Ok(changed)
        })
    }

    fn among(&self, tx: &Tx, among: &Among<'_>) -> Result<Option<SelectStatement>> {
        holding::among(tx, among)
    }

    fn holders<'a>(
        &'a self,
        tx: &'a Tx,
        holding: &'a Holding,
        among: Among<'a>,
        query: ListQuery,
    ) -> BoxFuture<'a, Result<(Vec<Holds>, Page)>> {
        Box::pin(holding::holders(tx, holding, among, query))
    }

    fn called<'a>(
        &'a self,
        tx: &'a Tx,
        by: CalledBy,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(String, Id)>>> {
        Box::pin(holding::called(tx, by, names))
    }

    fn offboard<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        user: Id,
        disable: bool,
    ) -> BoxFuture<'a, Result<Departure>> {
        Box::pin(departure::offboard(app, tx, user, disable))
    }
}
