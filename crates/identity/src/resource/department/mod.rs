//! Departments: the tree that an organisation is divided into, and that data scopes follow.

pub mod dto;
pub mod entity;
mod moving;
mod tree;

use std::collections::HashMap;

use base::{Error, Id, Result};
use kernel::{Change, Cx, Draft, Meta, Model, Resource, Sample, Spec, access, resource::apply};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use serde_json::json;

use self::entity::{ActiveModel, Column};
pub use self::{moving::brings_within_reach, tree::Tree};
use crate::{entity::role_department, resource::user};

/// A department.
pub struct Department;

impl Resource for Department {
    type Entity = entity::Entity;
    type Create = dto::Create;
    type Patch = dto::Patch;
    type View = dto::View;

    const META: Meta =
        Meta {
            module: "identity", name: "department", plural: "departments", zh: "部门", en: "Departments"
        };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Name)
            .search([Column::Name, Column::Code])
            .filter([Column::ParentId, Column::Name, Column::Code, Column::LeaderId, Column::Status])
            .sort([Column::Name, Column::Code, Column::Sort, Column::Status, Column::CreatedAt])
            .order([(Column::Sort, false), (Column::Name, false)])
            .unique([Column::Code])
            .reference(Column::ParentId, "identity.department")
            .reference(Column::LeaderId, "identity.user")
            .dept(Column::Id)
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({ "name": "Sales {n}", "code": "sales-{n}", "sort": 1, "phone": "+86 10 1234 5678" }),
            patch: json!({ "name": "Sales and marketing {n}", "phone": null }),
        }]
    }

    fn create(input: &dto::Create) -> ActiveModel {
        ActiveModel {
            parent_id: Set(input.parent_id),
            name: Set(input.name.clone()),
            code: Set(input.code.clone()),
            sort: Set(input.sort),
            leader_id: Set(input.leader_id),
            phone: Set(input.phone.clone()),
            email: Set(input.email.clone()),
            status: Set(input.status),
            ..Default::default()
        }
    }

    fn patch(input: &dto::Patch, draft: &mut Draft<Self>) {
        input.parent_id.apply(&mut draft.parent_id);
        apply(&input.name, &mut draft.name);
        input.code.apply(&mut draft.code);
        apply(&input.sort, &mut draft.sort);
        input.leader_id.apply(&mut draft.leader_id);
        input.phone.apply(&mut draft.phone);
        input.email.apply(&mut draft.email);
        apply(&input.status, &mut draft.status);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        match &change.old {
            Some(old) => moving::check(cx, old, &change.draft).await,
            None => Ok(()),
        }
    }

    async fn after_save(cx: &Cx, change: &Change<Self>, new: &Model<Self>) -> Result<()> {
        let moved = change.old.as_ref().is_none_or(|old| old.parent_id != new.parent_id);
        if moved {
            access::bump(cx.tx()?, cx.now(), "department_moved", Some(new.id)).await?;
        }
        Ok(())
    }

    async fn before_delete(cx: &Cx, row: &Model<Self>, purge: bool) -> Result<()> {
        let tx = cx.tx()?;
        let members = tx.find::<user::entity::Entity>().filter(user::entity::Column::DepartmentId.eq(row.id));
        match tx.count(members).await? {
            0 => {}
            n => return Err(Error::conflict("in_use", format!("{n} members belong to this department"))),
        }
        if purge {
            let named = sea_orm::Condition::all().add(role_department::Column::DepartmentId.eq(row.id));
            tx.delete_where::<role_department::Entity>(named).await?;
        }
        access::bump(tx, cx.now(), "department_removed", Some(row.id)).await
    }

    async fn before_restore(cx: &Cx, row: &Model<Self>) -> Result<()> {
        access::bump(cx.tx()?, cx.now(), "department_restored", Some(row.id)).await
    }

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<dto::View>> {
        let tx = cx.tx()?;
        let parents = rows.iter().filter_map(|row| row.parent_id);
        let select = tx.find_with_trash::<entity::Entity>().filter(Column::Id.is_in(parents));
        let names: HashMap<Id, String> =
            tx.all(select).await?.into_iter().map(|row| (row.id, row.name)).collect();
        let leaders = user::names(tx, rows.iter().filter_map(|row| row.leader_id)).await?;
        let counts = user::count_by_department(tx, rows.iter().map(|row| row.id)).await?;
        let view = |row: Model<Self>| {
            let id = row.id;
            let mut view = dto::View::from(row);
            view.parent_name = view.parent_id.and_then(|id| names.get(&id).cloned());
            view.leader_name = view.leader_id.and_then(|id| leaders.get(&id).cloned());
            view.member_count = counts.get(&id).copied().unwrap_or_default();
            view
        };
        Ok(rows.into_iter().map(view).collect())
    }
}
