//! Answering an invitation: what it is about, and joining by it.
//!
//! Public: the link's 256 bits are the permission. Of many answers at once exactly one wins, decided
//! by one UPDATE on the row's status.

use std::time::Duration;

use base::{Error, FieldError, Id, Result, Secret};
use chrono::{DateTime, Utc};
use http::header;
use kernel::{
    ActorKind, Cx, Json,
    audit::{self, Event, Who},
    port::{Credential, CredentialKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use store::{Mode, Opening, Role, Table, Tx};

use super::{
    dto,
    entity::{self, ActiveModel, Column},
    send::{revoked, used},
};
use crate::{
    account::{self, NewUser},
    credential::{policy, token},
    entity::{app_user, organization, session as session_entity},
    resource::{department, post, role, user},
    service::Identity,
    session::{self, SignedIn},
};

/// Looks and answers from one address in a minute.
const PER_MINUTE: u64 = 60;

fn not_found() -> Error {
    Error::not_found("invitation_not_found", "this invitation does not exist, or its time has passed")
}

/// The invitation of the link, if it can still be answered, and its organisation.
async fn find(cx: &Cx, tx: &Tx) -> Result<(entity::Model, organization::Model)> {
    let digest = token::digest_hex(cx.text("token")?);
    let row = tx.one(tx.find::<entity::Entity>().filter(Column::Digest.eq(digest))).await?;
    let row = row.ok_or_else(not_found)?;
    open(&row, cx.now())?;
    let home = tx.lookup::<organization::Entity>(row.org_id).await?;
    let home = home.filter(|home| home.deleting_at.is_none()).ok_or_else(not_found)?;
    vouched(tx, &row).await?;
    Ok((row, home))
}

/// 404 unless whoever invited is still an active member with an open account: nobody joins by the word
/// of somebody who may not act himself.
async fn vouched(tx: &Tx, row: &entity::Model) -> Result<()> {
    let member = tx
        .find::<user::entity::Entity>()
        .filter(user::entity::Column::Id.eq(row.invited_by))
        .filter(user::entity::Column::OrgId.eq(row.org_id))
        .filter(user::entity::Column::Active.eq(true));
    let account = tx
        .find::<app_user::Entity>()
        .filter(app_user::Column::Id.eq(row.invited_by))
        .filter(app_user::Column::DisabledAt.is_null());
    match (tx.one(member).await?, tx.one(account).await?) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(not_found()),
    }
}

fn open(row: &entity::Model, now: DateTime<Utc>) -> Result<()> {
    match dto::Status::of(row, now) {
        dto::Status::Pending => Ok(()),
        dto::Status::Accepted => Err(used()),
        dto::Status::Revoked => Err(revoked()),
        dto::Status::Expired => Err(not_found()),
    }
}

async fn limit(cx: &Cx, what: &str) -> Result<()> {
    let from = cx.origin.network();
    cx.app.limit(&format!("invitation/{what}/{from}"), PER_MINUTE, Duration::from_secs(60)).await
}

/// `GET /api/auth/invitations/{token}`.
pub(super) async fn look(cx: &Cx) -> Result<Json<dto::Info>> {
    limit(cx, "look").await?;
    let tx = cx.app.system(Mode::Read).await?;
    let (row, home) = find(cx, &tx).await?;
    let inviter = tx.lookup::<app_user::Entity>(row.invited_by).await?;
    // Only who received the letter learns it.
    let existing_user = account::by_proven_email(&tx, &row.email).await?.is_some();
    tx.commit().await?;
    Ok(Json(dto::Info {
        organization: home.name,
        inviter: inviter.map(|inviter| inviter.name).unwrap_or_default(),
        existing_user,
        expires_at: row.expires_at.into(),
        email: row.email,
    }))
}

/// Who joins.
enum Person {
    /// Somebody who has no account yet.
    New(NewUser),
    /// Somebody who is signed in.
    Known(Credential),
}

/// `POST /api/auth/invitations/{token}/accept`.
pub(super) async fn accept(cx: &Cx, input: dto::Accept) -> Result<Json<SignedIn>> {
    limit(cx, "accept").await?;
    let tx = cx.app.system(Mode::Read).await?;
    let (row, home) = find(cx, &tx).await?;
    // Closed before the password is hashed: that takes long.
    tx.commit().await?;
    let person = if input.username.is_none() && input.password.is_none() && input.name.is_none() {
        known(cx).await?
    } else {
        newcomer(cx, input, &row, &home).await?
    };
    let before = match &person {
        Person::Known(Credential { kind: CredentialKind::Session(id), .. }) => Some(*id),
        _ => None,
    };
    let user = join(cx, &row, person).await?;
    let tx = cx.app.system(Mode::Write).await?;
    let answer = match before {
        // Joining proves nothing anew: the new session is as strong and as long as the present one.
        Some(id) => {
            let old = tx.lookup::<session_entity::Entity>(id).await?;
            let old = old.filter(|old| old.revoked_at.is_none()).ok_or_else(session::ended)?;
            session::move_on(cx, &tx, &user, row.org_id, &old).await?
        }
        None => session::open(cx, &tx, &user, Some(row.org_id)).await?,
    };
    tx.commit().await?;
    Ok(Json(answer))
}

/// The person whose session the request carries; its row is checked when he joins.
async fn known(cx: &Cx) -> Result<Person> {
    match cx.visitor().await? {
        Some(Credential { kind: CredentialKind::Key(_), .. }) => {
            Err(Error::forbidden("session_required", "sign in yourself; an API key cannot do this"))
        }
        Some(credential) => Ok(Person::Known(credential)),
        None => Err(required(&["username", "password"])),
    }
}

fn required(fields: &[&str]) -> Error {
    Error::fields(fields.iter().map(|field| FieldError::new(*field, "required", "is required")).collect())
}

/// A new person.
async fn newcomer(
    cx: &Cx,
    input: dto::Accept,
    row: &entity::Model,
    home: &organization::Model,
) -> Result<Person> {
    let (username, password) = match (input.username, input.password) {
        (Some(username), Some(password)) => (account::username(&username)?, password),
        (None, Some(_)) => return Err(required(&["username"])),
        (Some(_), None) => return Err(required(&["password"])),
        (None, None) => return Err(required(&["username", "password"])),
    };
    let identity = Identity::of(&cx.app)?;
    let app_name = cx.app.settings().app_name.as_str();
    let context = [username.as_str(), row.email.as_str(), app_name, home.name.as_str()];
    policy::check(&password, &context, identity.settings.password_min)?;
    let password_hash = Some(identity.hasher.hash(&Secret::from(password)).await?);
    Ok(Person::New(NewUser {
        name: input.name.or_else(|| row.name.clone()).unwrap_or_default(),
        username,
        email: Some(row.email.clone()),
        // A letter proves the address; where none leaves the machine, the inviter had the link himself.
        verified_email: identity.mailer.is_smtp(),
        password_hash,
        locale: locale(cx),
        time_zone: account::TIME_ZONE.to_owned(),
        platform_admin: false,
    }))
}

/// The first language of the browser that the product speaks.
fn locale(cx: &Cx) -> String {
    let wanted =
        cx.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    let speaks = |tag: &str| {
        let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        account::LOCALES.into_iter().find(|known| known.split('-').next() == Some(language.as_str()))
    };
    tags.filter(|tag| !tag.is_empty()).find_map(speaks).unwrap_or(account::LOCALES[0]).to_owned()
}

/// Takes the invitation and makes the membership, in one transaction of its organisation.
async fn join(cx: &Cx, row: &entity::Model, person: Person) -> Result<app_user::Model> {
    let mut opening = Opening::new(Role::System, Some(row.org_id));
    if let Person::Known(credential) = &person {
        opening.read = Some(cx.app.directory().opening(credential));
    }
    let tx = cx.app.store().begin(Mode::Write, opening).await?;
    let user = match person {
        Person::Known(credential) => {
            let user = admitted(cx, &tx, &credential).await?;
            take(cx, &tx, row).await?;
            user
        }
        Person::New(new) => {
            take(cx, &tx, row).await?;
            account::create(&cx.app, &tx, new).await?
        }
    };
    // He may have gone since the link was looked up.
    vouched(&tx, row).await?;
    if tx.lookup::<user::entity::Entity>(user.id).await?.is_some() {
        return Err(Error::conflict("already_member", "you are a member of this organisation already"));
    }
    let given = user::Join {
        owner: false,
        role_ids: existing::<role::entity::Entity>(&tx, &dto::ids(row.role_ids.as_ref())).await?,
        post_ids: existing::<post::entity::Entity>(&tx, &dto::ids(row.post_ids.as_ref())).await?,
        department_id: existing::<department::entity::Entity>(&tx, row.department_id.as_slice()).await?.pop(),
    };
    user::join(&cx.app, &tx, &user, Some(row.invited_by), given).await?;
    let named = ActiveModel { accepted_by: Set(Some(user.id)), ..Default::default() };
    tx.update_where(named, Condition::all().add(Column::Id.eq(row.id))).await?;
    let who = Who { kind: ActorKind::User, id: Some(user.id), name: user.name.clone() };
    let event =
        Event::new("identity:invitation:accept", "identity.invitation").target(row.id, row.email.clone());
    audit::write(&tx, cx.now(), who, &cx.origin, event).await?;
    tx.commit().await?;
    Ok(user)
}

/// The person of a session that the database has confirmed in this very transaction.
async fn admitted(cx: &Cx, tx: &Tx, credential: &Credential) -> Result<app_user::Model> {
    let found = tx.opened().ok_or_else(session::ended)?;
    cx.app.directory().admit(&cx.app, credential, found)?;
    tx.lookup::<app_user::Entity>(credential.user).await?.ok_or_else(session::ended)
}

/// Marks the invitation as answered: the one statement that decides who was first. A link that was
/// replaced by a newer one meanwhile answers nothing any more.
async fn take(cx: &Cx, tx: &Tx, row: &entity::Model) -> Result<()> {
    let now = cx.now();
    let values = ActiveModel {
        status: Set(entity::Status::Accepted),
        accepted_at: Set(Some(now)),
        updated_at: Set(now),
        version: Set(row.version.saturating_add(1)),
        ..Default::default()
    };
    let waiting = Condition::all()
        .add(Column::Id.eq(row.id))
        .add(Column::Status.eq(entity::Status::Pending))
        .add(Column::Digest.eq(row.digest.as_str()))
        .add(Column::ExpiresAt.gt(now));
    if tx.update_where(values, waiting).await? == 1 {
        return Ok(());
    }
    let found = tx.lookup::<entity::Entity>(row.id).await?.ok_or_else(not_found)?;
    open(&found, now).and(Err(not_found()))
}

/// Those of the ids that still name a record: an invitation may outlive a role or a post.
async fn existing<E: Table>(tx: &Tx, ids: &[Id]) -> Result<Vec<Id>> {
    let mut found = Vec::new();
    for id in ids {
        if tx.lookup::<E>(*id).await?.is_some() {
            found.push(*id);
        }
    }
    Ok(found)
}
