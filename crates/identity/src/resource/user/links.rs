//! What hangs on a membership: roles, posts, names.

use std::collections::HashMap;

use base::{Error, Id, Result};
use kernel::{App, Cx, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use store::Tx;

use super::{User, dto, entity, linked};
use crate::{
    entity::{app_user, membership_post, membership_role},
    resource::{department, role, sign_in},
};

/// How somebody becomes a member.
#[derive(Clone, Debug, Default)]
pub struct Join {
    /// As an owner.
    pub owner: bool,
    /// With these roles.
    pub role_ids: Vec<Id>,
    /// With these posts.
    pub post_ids: Vec<Id>,
    /// In this department.
    pub department_id: Option<Id>,
}

/// The text that finds a member, as long as the column is.
pub fn search_key(user: &app_user::Model) -> String {
    let email = user.email.clone().unwrap_or_default();
    let key = [user.username.as_str(), user.name.as_str(), email.as_str()].map(base::text::fold);
    key.join("\u{1f}").chars().take(600).collect()
}

/// Makes a user a member of the transaction's organisation. Whoever had left before comes back.
pub async fn join(app: &App, tx: &Tx, user: &app_user::Model, by: Option<Id>, how: Join) -> Result<()> {
    let (org, now) = (tx.require_org()?, app.now());
    let before =
        tx.one(tx.find_with_trash::<entity::Entity>().filter(entity::Column::Id.eq(user.id))).await?;
    if before.as_ref().is_some_and(|row| row.deleted_at.is_none()) {
        return Err(Error::conflict("already_member", "this person is a member already"));
    }
    let row = entity::ActiveModel {
        id: Set(user.id),
        org_id: Set(org),
        username: Set(user.username.clone()),
        name: Set(user.name.clone()),
        email: Set(user.email.clone()),
        active: Set(true),
        is_owner: Set(how.owner),
        title: Set(None),
        department_id: Set(how.department_id),
        joined_at: Set(now),
        version: Set(before.as_ref().map_or(1, |row| row.version + 1)),
        created_at: Set(before.as_ref().map_or(now, |row| row.created_at)),
        updated_at: Set(now),
        created_by: Set(by),
        updated_by: Set(by),
        deleted_at: Set(None),
        alive: Set(Some(true)),
        search_key: Set(search_key(user)),
    };
    if before.is_some() {
        // Whoever comes back starts anew: with what this joining gives, not with what was held before.
        drop_links(tx, user.id).await?;
        kernel::access::forget(tx, kernel::access::Holder::User(user.id)).await?;
        tx.update_where(row, Condition::all().add(entity::Column::Id.eq(user.id))).await?;
    } else {
        tx.insert(row).await?;
    }
    linked::add::<membership_role::Entity>(app, tx, user.id, &how.role_ids).await?;
    linked::add::<membership_post::Entity>(app, tx, user.id, &how.post_ids).await?;
    kernel::access::bump(tx, now, "membership_added", Some(user.id)).await
}

async fn drop_links(tx: &Tx, user: Id) -> Result<()> {
    linked::drop::<membership_role::Entity>(tx, user).await?;
    linked::drop::<membership_post::Entity>(tx, user).await
}

/// Takes roles, posts and direct grants from a membership that will be gone.
pub(super) async fn clear(cx: &Cx, user: Id) -> Result<()> {
    drop_links(cx.tx()?, user).await?;
    kernel::access::forget(cx.tx()?, kernel::access::Holder::User(user)).await
}

/// The names of members, past ones included.
pub async fn names(tx: &Tx, ids: impl Iterator<Item = Id>) -> Result<HashMap<Id, String>> {
    let select = tx.find_with_trash::<entity::Entity>().filter(entity::Column::Id.is_in(ids));
    Ok(tx.all(select).await?.into_iter().map(|row| (row.id, row.name)).collect())
}

/// How many members are directly in each department.
pub async fn count_by_department(tx: &Tx, ids: impl Iterator<Item = Id>) -> Result<HashMap<Id, u64>> {
    let select = tx.find::<entity::Entity>().filter(entity::Column::DepartmentId.is_in(ids));
    let mut out = HashMap::new();
    for id in tx.all(select).await?.into_iter().filter_map(|row| row.department_id) {
        *out.entry(id).or_default() += 1;
    }
    Ok(out)
}

/// The roles of each of several members.
pub(super) async fn roles_of(tx: &Tx, users: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    linked::of::<membership_role::Entity>(tx, users).await
}

pub(super) async fn views(cx: &Cx, rows: Vec<Model<User>>) -> Result<Vec<dto::View>> {
    let tx = cx.tx()?;
    let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
    let people = tx.find::<app_user::Entity>().filter(app_user::Column::Id.is_in(ids.iter().copied()));
    let people: HashMap<Id, app_user::Model> =
        tx.all(people).await?.into_iter().map(|row| (row.id, row)).collect();
    let departments = rows.iter().filter_map(|row| row.department_id);
    let departments = tx
        .find_with_trash::<department::entity::Entity>()
        .filter(department::entity::Column::Id.is_in(departments));
    let departments: HashMap<Id, String> =
        tx.all(departments).await?.into_iter().map(|row| (row.id, row.name)).collect();
    let mut roles = roles_of(tx, &ids).await?;
    let mut posts = linked::of::<membership_post::Entity>(tx, &ids).await?;
    let named = tx
        .find_with_trash::<role::entity::Entity>()
        .filter(role::entity::Column::Id.is_in(roles.values().flatten().copied().collect::<Vec<_>>()));
    let names: HashMap<Id, String> = tx.all(named).await?.into_iter().map(|row| (row.id, row.name)).collect();
    let entered = sign_in::last_entered(tx, &ids).await?;
    let view = |row: Model<User>| {
        let id = row.id;
        let mut view = dto::View::from(row);
        if let Some(person) = people.get(&id) {
            view.disabled = person.disabled_at.is_some();
            view.is_platform_admin = person.is_platform_admin;
        }
        view.last_sign_in_at = entered.get(&id).copied();
        view.department_name = view.department_id.and_then(|id| departments.get(&id).cloned());
        view.role_ids = linked::sorted(&roles.remove(&id).unwrap_or_default());
        view.post_ids = linked::sorted(&posts.remove(&id).unwrap_or_default());
        let name = |id: &Id| dto::RoleName { id: *id, name: names.get(id).cloned().unwrap_or_default() };
        view.roles = view.role_ids.iter().map(name).collect();
        view
    };
    Ok(rows.into_iter().map(view).collect())
}
