//! People: making them, finding them, and the copies of their names in memberships.
//!
//! A person is known to every organisation (decision 2.5), so nothing here is narrowed to one: the
//! functions take a system transaction and name their user. May import `store`, `kernel` and this
//! crate's tables; knows no route.

pub mod one_time;
pub mod operator;

use base::{Error, FieldError, Id, Result, text};
use chrono::{DateTime, Utc};
use kernel::{App, Origin, access, audit};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, IntoActiveModel, Iterable, QueryFilter,
    sea_query::{Expr, ExprTrait, LockType, Query},
};
use store::{Dialect, Tx};

use crate::{
    entity::{app_user, organization},
    resource::user,
};

/// Languages that the console and the letters speak; the first one is the default.
pub const LOCALES: [&str; 2] = ["zh-CN", "en-US"];
/// The time zone of somebody who has not chosen one: none. The console then takes the browser's, letters UTC.
pub const TIME_ZONE: &str = "";

const USERNAME_MIN: usize = 2;
const USERNAME_MAX: usize = 64;
const EMAIL_MAX: usize = 254;
const NAME_MAX: usize = 120;
/// What the column holds; normalising can make a name longer.
const KEY_MAX: usize = 128;

/// A person to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Sign-in name.
    pub username: String,
    /// Name to show; empty means the sign-in name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is proven to be this person's: only then it signs in and resets.
    pub verified_email: bool,
    /// The hash of the password, made before the transaction began.
    pub password_hash: Option<String>,
    /// One of [`LOCALES`].
    pub locale: String,
    /// IANA time zone, or [`TIME_ZONE`].
    pub time_zone: String,
    /// The platform administrator's flag.
    pub platform_admin: bool,
}

/// Makes a person. A sign-in name or a proven address that somebody has already is 409.
pub async fn create(app: &App, tx: &Tx, new: NewUser) -> Result<app_user::Model> {
    let username = username(&new.username)?;
    let email = new.email.as_deref().map(email).transpose()?;
    let username_key = text::fold(&username);
    // A name that looks like an address keeps its owner from ever proving it.
    if username.contains('@') && email.as_deref().map(text::fold).as_ref() != Some(&username_key) {
        let message = "may not be an e-mail address other than your own";
        return Err(Error::field("username", "invalid_format", message));
    }
    let login_email = email.as_deref().filter(|_| new.verified_email).map(text::fold);
    if name_in_use(tx, &username_key, None).await? {
        return Err(taken("username"));
    }
    if let Some(address) = &login_email
        && name_in_use(tx, address, None).await?
    {
        return Err(taken("email"));
    }
    let now = app.now();
    let name = if new.name.trim().is_empty() { username.clone() } else { display_name(&new.name)? };
    let user = app_user::Model {
        id: app.new_id(),
        username,
        username_key,
        name,
        email,
        login_email,
        password_changed_at: new.password_hash.as_ref().map(|_| now),
        password_hash: new.password_hash,
        is_platform_admin: new.platform_admin,
        disabled_at: None,
        anonymized_at: None,
        last_sign_in_at: None,
        locale: locale(&new.locale)?,
        time_zone: match new.time_zone.as_str() {
            TIME_ZONE => new.time_zone,
            chosen => time_zone(chosen)?,
        },
        version: 1,
        created_at: now,
        updated_at: now,
    };
    match tx.insert(user.clone().into_active_model().reset_all()).await {
        // Somebody was faster between the look and the row.
        Err(failure) if failure.code() == "conflict" => Err(taken("username")),
        done => done.map(|()| user),
    }
}

fn taken(field: &'static str) -> Error {
    let detail = format!("this {field} is taken");
    Error::conflict("conflict", detail).with_fields(vec![FieldError::new(field, "taken", "is taken already")])
}

/// Whether somebody else signs in with this text, be it as a name or as an address: one text must
/// never mean two people.
async fn name_in_use(tx: &Tx, key: &str, but: Option<Id>) -> Result<bool> {
    let mut select = tx.find::<app_user::Entity>().filter(signs_in_with(key));
    if let Some(id) = but {
        select = select.filter(app_user::Column::Id.ne(id));
    }
    tx.count(select).await.map(|found| found > 0)
}

fn signs_in_with(key: &str) -> Condition {
    Condition::any()
        .add(ColumnTrait::eq(&app_user::Column::UsernameKey, key))
        .add(ColumnTrait::eq(&app_user::Column::LoginEmail, key))
}

/// The key under which a typed sign-in name is looked up.
pub fn sign_in_key(typed: &str) -> String {
    text::fold(&text::one_line(typed)).chars().take(EMAIL_MAX).collect()
}

/// The person who signs in with this name or proven address. An address that is proven counts
/// before a name that looks like it.
pub async fn by_sign_in_name(tx: &Tx, typed: &str) -> Result<Option<app_user::Model>> {
    let key = sign_in_key(typed);
    let mut found = tx.all(tx.find::<app_user::Entity>().filter(signs_in_with(&key))).await?;
    let proven = found.iter().position(|user| user.login_email.as_deref() == Some(key.as_str()));
    Ok(if found.is_empty() { None } else { Some(found.swap_remove(proven.unwrap_or_default())) })
}

/// The person whose proven address this is.
pub async fn by_proven_email(tx: &Tx, typed: &str) -> Result<Option<app_user::Model>> {
    let key = sign_in_key(typed);
    tx.one(tx.find::<app_user::Entity>().filter(ColumnTrait::eq(&app_user::Column::LoginEmail, key))).await
}

/// The person of that id, kept from changing until the transaction ends.
pub async fn lock(tx: &Tx, id: Id) -> Result<Option<app_user::Model>> {
    let mut select = Query::select()
        .columns(app_user::Column::iter())
        .from("app_user")
        .and_where(Expr::col("id").eq(id))
        .to_owned();
    if tx.dialect() != Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    tx.query_one(&select).await?.as_ref().map(store::model).transpose()
}

/// Writes back some columns of a person, and the version with them.
pub async fn update(
    tx: &Tx,
    now: DateTime<Utc>,
    user: &app_user::Model,
    mut row: app_user::ActiveModel,
) -> Result<()> {
    row.version = Set(user.version + 1);
    row.updated_at = Set(now);
    let this = Condition::all().add(ColumnTrait::eq(&app_user::Column::Id, user.id));
    tx.update_where(row, this).await.map(drop)
}

/// Sets a person's address. An address that is proven and signs somebody else in is 409.
pub async fn set_email(
    tx: &Tx,
    now: DateTime<Utc>,
    user: &app_user::Model,
    address: Option<&str>,
    verified: bool,
) -> Result<app_user::Model> {
    let address = address.map(email).transpose()?;
    let login_email = address.as_deref().filter(|_| verified).map(text::fold);
    if let Some(key) = &login_email
        && name_in_use(tx, key, Some(user.id)).await?
    {
        return Err(taken("email"));
    }
    let row = app_user::ActiveModel {
        email: Set(address.clone()),
        login_email: Set(login_email.clone()),
        ..Default::default()
    };
    match update(tx, now, user, row).await {
        Err(failure) if failure.code() == "conflict" => return Err(taken("email")),
        done => done?,
    }
    let user = app_user::Model { email: address, login_email, version: user.version + 1, ..user.clone() };
    sync_copies(tx, now, &user).await?;
    Ok(user)
}

/// Brings the copies of name and address in every membership up to date. Needs a system transaction.
pub async fn sync_copies(tx: &Tx, now: DateTime<Utc>, person: &app_user::Model) -> Result<()> {
    let update = Query::update()
        .table("membership")
        .value("username", person.username.clone())
        .value("name", person.name.clone())
        .value("email", person.email.clone())
        .value("search_key", user::search_key(person))
        .value("updated_at", now)
        .value("version", Expr::col("version").add(1))
        .and_where(Expr::col("id").eq(person.id))
        .to_owned();
    tx.execute(&update).await.map(drop)
}

/// A membership and its organisation.
#[derive(Clone, Debug)]
pub struct Belonging {
    /// The organisation.
    pub organization: organization::Model,
    /// The membership.
    pub membership: user::entity::Model,
}

impl Belonging {
    /// Whether the person may work in it: an organisation that is about to go is open to its owners only.
    pub fn is_open(&self) -> bool {
        self.membership.active && (self.organization.deleting_at.is_none() || self.membership.is_owner)
    }
}

/// Every membership of a person, the oldest first. Needs a system transaction; its organisation, if
/// it has one, does not narrow this.
pub async fn belongings(tx: &Tx, person: Id) -> Result<Vec<Belonging>> {
    let select = Query::select()
        .columns(user::entity::Column::iter())
        .from("membership")
        .and_where(Expr::col("id").eq(person))
        .and_where(Expr::col("deleted_at").is_null())
        .order_by("joined_at", sea_orm::Order::Asc)
        .order_by("org_id", sea_orm::Order::Asc)
        .to_owned();
    let rows = tx.query_all(&select).await?;
    let memberships: Vec<user::entity::Model> = rows.iter().map(store::model).collect::<Result<_>>()?;
    let ids = memberships.iter().map(|row| row.org_id);
    let known = tx.all(tx.find::<organization::Entity>().filter(organization::Column::Id.is_in(ids))).await?;
    let pair = |membership: user::entity::Model| {
        let organization = known.iter().find(|org| org.id == membership.org_id)?.clone();
        Some(Belonging { organization, membership })
    };
    Ok(memberships.into_iter().filter_map(pair).collect())
}

/// Who did something to a person, and from where.
pub struct By<'a> {
    /// Who.
    pub who: audit::Who,
    /// From where.
    pub origin: &'a Origin,
}

/// Says what happened to a person, in the transaction in which it happens: in the trail of each of his
/// organisations, or, when he has none, in the installation's. Where `bump` names a kind of change, each
/// organisation gets a new access version as well. Needs a system transaction.
pub async fn announce(
    tx: &Tx,
    now: DateTime<Utc>,
    by: &By<'_>,
    person: Id,
    bump: Option<&str>,
    event: &audit::Event,
) -> Result<()> {
    if tell_organizations(tx, now, by, person, bump, event).await? == 0 {
        audit::write_platform(tx, now, by.who.clone(), by.origin, event.clone()).await?;
    }
    Ok(())
}

/// As [`announce`], for what the installation's administrators do: its own trail tells of it in any case.
pub async fn announce_everywhere(
    tx: &Tx,
    now: DateTime<Utc>,
    by: &By<'_>,
    person: Id,
    bump: Option<&str>,
    event: &audit::Event,
) -> Result<()> {
    tell_organizations(tx, now, by, person, bump, event).await?;
    audit::write_platform(tx, now, by.who.clone(), by.origin, event.clone()).await
}

/// How many organisations there were to tell.
async fn tell_organizations(
    tx: &Tx,
    now: DateTime<Utc>,
    by: &By<'_>,
    person: Id,
    bump: Option<&str>,
    event: &audit::Event,
) -> Result<usize> {
    let belongings = belongings(tx, person).await?;
    for org in belongings.iter().map(|belonging| belonging.organization.id) {
        if let Some(kind) = bump {
            access::bump_in(tx, org, now, kind, Some(person)).await?;
        }
        audit::write_in(tx, org, now, by.who.clone(), by.origin, event.clone()).await?;
    }
    Ok(belongings.len())
}

mod rule;
pub use rule::{display_name, email, locale, time_zone, username};
