//! Founding an organisation: its row, two starter roles, its owner.
//!
//! May import: `kernel`, memberships and roles.

use base::{Error, FieldError, Id, Result};
use kernel::{
    ActorKind, App, Origin,
    access::{self, DataScope, Holder},
    audit::{self, Event, Who},
};
use sea_orm::ActiveValue::Set;
use store::Tx;

use super::{entity, named};
use crate::{
    entity::app_user,
    resource::{Status, role, user},
};

/// The starter role that holds every permission of the organisation.
pub const ADMINISTRATOR: &str = "administrator";
/// The starter role that reads everything and changes nothing.
pub const AUDITOR: &str = "auditor";

/// Founds an organisation: its row under the transaction's organisation id, two starter roles, and
/// the membership of its owner. The name is checked here; the answer is the new row.
pub async fn found(app: &App, tx: &Tx, name: &str, owner: &app_user::Model) -> Result<entity::Model> {
    found_from(app, tx, name, owner, &Origin::nowhere()).await
}

/// As [`found`], for a request: the audit entry says where it came from.
pub async fn found_from(
    app: &App,
    tx: &Tx,
    name: &str,
    owner: &app_user::Model,
    origin: &Origin,
) -> Result<entity::Model> {
    let (id, now) = (tx.require_org()?, app.now());
    let (name, name_key) = named(name)?;
    if name.chars().count() > 120 {
        return Err(Error::fields(vec![FieldError::new(
            "name",
            "too_long",
            "must have at most 120 characters",
        )]));
    }
    tx.insert(entity::ActiveModel {
        id: Set(id),
        name: Set(name.clone()),
        name_key: Set(name_key),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        created_by: Set(Some(owner.id)),
        deleting_at: Set(None),
    })
    .await?;
    let chinese = owner.locale.starts_with("zh");
    let title = |zh: &str, en: &str| if chinese { zh.to_owned() } else { en.to_owned() };
    let reads = |action: &str| matches!(action, "list" | "read" | "export");
    let administrator = starter(app, tx, ADMINISTRATOR, title("管理员", "Administrator"), |_| true).await?;
    starter(app, tx, AUDITOR, title("审计员", "Auditor"), reads).await?;
    let join = user::Join { owner: true, role_ids: vec![administrator], ..Default::default() };
    user::join(app, tx, owner, None, join).await?;
    access::bump(tx, now, "organization_founded", Some(id)).await?;
    let who = Who { kind: ActorKind::User, id: Some(owner.id), name: owner.name.clone() };
    let event = Event::new("identity:organization:create", "identity.organization").target(id, name);
    audit::write(tx, now, who.clone(), origin, event.clone()).await?;
    audit::write_platform(tx, now, who, origin, event).await?;
    tx.get::<entity::Entity>(id).await
}

/// A role that an organisation begins with: every permission of the organisation (never the
/// platform's) whose action is `wanted`, on every row.
async fn starter(app: &App, tx: &Tx, code: &str, name: String, wanted: impl Fn(&str) -> bool) -> Result<Id> {
    let (id, now) = (app.new_id(), app.now());
    let search_key = [name.as_str(), code].map(base::text::fold).join("\u{1f}");
    tx.insert(role::entity::ActiveModel {
        id: Set(id),
        org_id: Set(tx.require_org()?),
        code: Set(code.to_owned()),
        name: Set(name),
        description: Set(None),
        status: Set(Status::Enabled),
        data_scope: Set(DataScope::All),
        built_in: Set(true),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        created_by: Set(None),
        updated_by: Set(None),
        deleted_at: Set(None),
        alive: Set(Some(true)),
        search_key: Set(search_key),
    })
    .await?;
    let catalogue = app.catalogue();
    let held = catalogue.iter().filter(|(_, entry)| !entry.is_platform() && wanted(&entry.action));
    let held: Vec<_> = held.map(|(permission, _)| permission).collect();
    access::copy_grants(tx, || app.new_id(), catalogue, Holder::Role(id), held).await?;
    Ok(id)
}
