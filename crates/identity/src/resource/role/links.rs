//! What hangs on a role: departments, permissions, members.

use std::collections::HashMap;

use base::{Error, Id, Result};
use kernel::{
    Cx, Json, Model,
    access::{Holder, grants_of},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use store::Tx;

use super::{Role, dto, entity};
use crate::{
    entity::{membership_role, role_department},
    resource::{department, user},
    session,
};

/// The departments that each role names.
pub(super) async fn departments(tx: &Tx, roles: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let select = tx
        .find::<role_department::Entity>()
        .filter(role_department::Column::RoleId.is_in(roles.iter().copied()))
        .order_by_asc(role_department::Column::DepartmentId);
    let mut out: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.all(select).await? {
        out.entry(row.role_id).or_default().push(row.department_id);
    }
    Ok(out)
}

/// Makes these the departments that a role names.
pub(super) async fn set_departments(cx: &Cx, role: Id, ids: &[Id]) -> Result<()> {
    let tx = cx.tx()?;
    let before = departments(tx, &[role]).await?.remove(&role).unwrap_or_default();
    let mut wanted = ids.to_vec();
    wanted.sort();
    wanted.dedup();
    let known =
        tx.find::<department::entity::Entity>().filter(department::entity::Column::Id.is_in(wanted.clone()));
    let known: Vec<Id> = tx.all(known).await?.into_iter().map(|row| row.id).collect();
    if let Some(at) = ids.iter().position(|id| !known.contains(id)) {
        let message = "refers to a record that does not exist";
        return Err(Error::field(format!("department_ids.{at}"), "unknown_reference", message));
    }
    tx.delete_where::<role_department::Entity>(
        Condition::all().add(role_department::Column::RoleId.eq(role)),
    )
    .await?;
    let org = tx.require_org()?;
    let rows = wanted.iter().map(|id| role_department::ActiveModel {
        id: Set(cx.app.new_id()),
        org_id: Set(org),
        role_id: Set(role),
        department_id: Set(*id),
    });
    tx.insert_all(rows.collect()).await?;
    cx.note("department_ids", serde_json::json!(before), serde_json::json!(wanted));
    Ok(())
}

pub(super) async fn views(cx: &Cx, rows: Vec<Model<Role>>) -> Result<Vec<dto::View>> {
    let tx = cx.tx()?;
    let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
    let holders: Vec<Holder> = ids.iter().copied().map(Holder::Role).collect();
    let mut permissions: HashMap<Id, Vec<String>> = HashMap::new();
    for (holder, code) in grants_of(tx, cx.app.catalogue(), cx.now(), &holders).await? {
        if let Holder::Role(id) = holder {
            permissions.entry(id).or_default().push(code);
        }
    }
    let mut named = departments(tx, &ids).await?;
    let counts = user::count_by_role(tx, &ids).await?;
    let view = |row: entity::Model| {
        let id = row.id;
        let mut view = dto::View::from(row);
        view.permissions = permissions.remove(&id).unwrap_or_default();
        view.permissions.sort();
        view.department_ids = named.remove(&id).unwrap_or_default();
        view.member_count = counts.get(&id).copied().unwrap_or_default();
        view
    };
    Ok(rows.into_iter().map(view).collect())
}

/// `GET /api/roles/{id}/members/`: those whom the caller would find in the list of members too.
pub(super) async fn members(cx: &Cx) -> Result<Json<dto::Members>> {
    let tx = cx.tx()?;
    let shown = session::reached(cx, "identity:user:list", "membership")?.unwrap_or_else(Condition::all);
    let role = tx.get::<entity::Entity>(cx.id("id")?).await?;
    let held = tx.find::<membership_role::Entity>().filter(membership_role::Column::RoleId.eq(role.id));
    let ids: Vec<Id> = tx.all(held).await?.into_iter().map(|row| row.user_id).collect();
    let select = tx
        .find::<user::entity::Entity>()
        .filter(user::entity::Column::Id.is_in(ids))
        .filter(shown)
        .order_by_asc(user::entity::Column::Name);
    let item = |row: user::entity::Model| dto::Member { id: row.id, username: row.username, name: row.name };
    Ok(Json(dto::Members { items: tx.all(select).await?.into_iter().map(item).collect() }))
}
