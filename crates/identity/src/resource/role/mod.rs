//! Roles: what members may do, and on which rows.
//!
//! Nobody can put into a role what he lacks, widen a role beyond his own reach, or change a role
//! that he holds himself so that it carries more.

pub mod dto;
pub mod entity;
mod guard;
mod links;

use base::Result;
use kernel::{
    Change, Created, Cx, Draft, Input, Meta, Model, Resource, Sample, Spec, access,
    access::Holder,
    resource::{Endpoints, apply},
};
use sea_orm::{ActiveValue::Set, ColumnTrait};
use serde_json::json;

use self::entity::{ActiveModel, Column};
pub use self::guard::may_open;
pub(super) use self::guard::within_reach;
use crate::{entity::role_department, resource::user};

/// A role.
pub struct Role;

impl Resource for Role {
    type Entity = entity::Entity;
    type Create = dto::Create;
    type Patch = dto::Patch;
    type View = dto::View;

    const META: Meta = Meta { module: "identity", name: "role", plural: "roles", zh: "角色", en: "Roles" };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Name)
            .search([Column::Name, Column::Code, Column::Description])
            .filter([Column::Code, Column::Name, Column::Status, Column::DataScope, Column::BuiltIn])
            .sort([Column::Code, Column::Name, Column::Status, Column::CreatedAt, Column::UpdatedAt])
            .order([(Column::Name, false)])
            .unique([Column::Code])
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({
                "name": "Support {n}", "code": "support-{n}", "description": "Answers people",
                "data_scope": "department", "permissions": ["identity:post:list", "identity:post:read"],
            }),
            patch: json!({ "description": null, "permissions": ["identity:post:list"], "data_scope": "self" }),
        }]
    }

    fn create(input: &dto::Create) -> ActiveModel {
        ActiveModel {
            code: Set(input.code.clone()),
            name: Set(input.name.clone()),
            description: Set(input.description.clone()),
            status: Set(input.status),
            data_scope: Set(input.data_scope),
            built_in: Set(false),
            ..Default::default()
        }
    }

    fn patch(input: &dto::Patch, draft: &mut Draft<Self>) {
        apply(&input.code, &mut draft.code);
        apply(&input.name, &mut draft.name);
        input.description.apply(&mut draft.description);
        apply(&input.status, &mut draft.status);
        apply(&input.data_scope, &mut draft.data_scope);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        // A PUT builds a new draft; whether a role came with the product is not up to it.
        if let Some(old) = &change.old {
            change.draft.built_in = Set(old.built_in);
        }
        guard::check(cx, change).await
    }

    async fn after_save(cx: &Cx, change: &Change<Self>, new: &Model<Self>) -> Result<()> {
        let (permissions, departments) = match &change.input {
            Input::Whole(input) => (Some(&input.permissions), Some(&input.department_ids)),
            Input::Part(input) => (input.permissions.as_ref(), input.department_ids.as_ref()),
        };
        if let Some(codes) = permissions {
            access::set_grants(cx, Holder::Role(new.id), codes).await?;
        }
        if let Some(ids) = departments {
            links::set_departments(cx, new.id, ids).await?;
        }
        access::bump(cx.tx()?, cx.now(), "role_changed", Some(new.id)).await
    }

    async fn before_delete(cx: &Cx, row: &Model<Self>, purge: bool) -> Result<()> {
        let tx = cx.tx()?;
        user::release_role(tx, row.id).await?;
        if purge {
            access::forget(tx, Holder::Role(row.id)).await?;
            let named = sea_orm::Condition::all().add(role_department::Column::RoleId.eq(row.id));
            tx.delete_where::<role_department::Entity>(named).await?;
        }
        access::bump(tx, cx.now(), "role_removed", Some(row.id)).await
    }

    async fn before_restore(cx: &Cx, row: &Model<Self>) -> Result<()> {
        access::bump(cx.tx()?, cx.now(), "role_restored", Some(row.id)).await
    }

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<dto::View>> {
        links::views(cx, rows).await
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        let mut mount = endpoints.mount();
        mount
            .post("copy", "/api/roles/{id}/copy", "Copy a role with its permissions", copy)
            .needs("identity:role:create")
            .example(json!({ "name": "Support, night shift", "code": "support-night" }));
        mount
            .get("members", "/api/roles/{id}/members", "The members who hold a role", links::members)
            .needs("identity:role:read");
    }
}

/// `POST /api/roles/{id}/copy/`.
async fn copy(cx: &Cx, input: dto::Copy) -> Result<Created<serde_json::Value>> {
    let tx = cx.tx()?;
    let source = tx.get::<entity::Entity>(cx.id("id")?).await?;
    let permissions = access::codes_of(tx, cx.app.catalogue(), cx.now(), Holder::Role(source.id)).await?;
    let departments = links::departments(tx, &[source.id]).await?.remove(&source.id).unwrap_or_default();
    let body = json!({
        "name": input.name, "code": input.code, "description": source.description, "status": source.status,
        "data_scope": source.data_scope, "permissions": permissions, "department_ids": departments,
    });
    let (id, view) = kernel::resource::create_record(cx, "identity.role", body).await?;
    Ok(Created::at("/api/roles", id, view))
}
