//! Members: the people of an organisation. A record is the membership; its id is the user's.
//!
//! The organisation sets roles, department, posts and whether the member is active; what belongs
//! to the person (name, e-mail, password) only the person or a platform administrator changes.

pub(crate) mod departure;
pub mod dto;
pub mod entity;
mod holders;
mod linked;
mod links;
pub mod rules;

use base::{Error, Result};
use kernel::{
    Change, Cx, Draft, Input, Meta, Model, Resource, Sample, Spec, access,
    resource::{Endpoints, apply},
};
use sea_orm::ActiveValue::Set;

use self::entity::{ActiveModel, Column};
pub use self::{
    holders::{count_by_role, release_post, release_role},
    links::{Join, count_by_department, join, names, search_key},
};
use crate::entity::{membership_post, membership_role};

/// A member.
pub struct User;

impl Resource for User {
    type Entity = entity::Entity;
    type Create = dto::Put;
    type Patch = dto::Patch;
    type View = dto::View;

    const META: Meta =
        Meta { module: "identity", name: "user", plural: "users", zh: "用户", en: "Members" };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Name)
            .search([Column::Username, Column::Name, Column::Email])
            .filter([
                Column::Id,
                Column::Username,
                Column::Name,
                Column::Email,
                Column::Active,
                Column::IsOwner,
                Column::DepartmentId,
                Column::JoinedAt,
            ])
            .sort([Column::Username, Column::Name, Column::Email, Column::Active, Column::JoinedAt])
            .order([(Column::JoinedAt, false)])
            .reference(Column::DepartmentId, "identity.department")
            .owner(Column::Id)
            .dept(Column::DepartmentId)
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }

    fn create(input: &dto::Put) -> ActiveModel {
        ActiveModel {
            active: Set(input.active),
            title: Set(input.title.clone()),
            department_id: Set(input.department_id),
            ..Default::default()
        }
    }

    fn patch(input: &dto::Patch, draft: &mut Draft<Self>) {
        apply(&input.active, &mut draft.active);
        apply(&input.is_owner, &mut draft.is_owner);
        input.title.apply(&mut draft.title);
        input.department_id.apply(&mut draft.department_id);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        rules::check(cx, change).await
    }

    async fn after_save(cx: &Cx, change: &Change<Self>, new: &Model<Self>) -> Result<()> {
        let (roles, posts) = match &change.input {
            Input::Whole(input) => (Some(&input.role_ids), Some(&input.post_ids)),
            Input::Part(input) => (input.role_ids.as_ref(), input.post_ids.as_ref()),
        };
        if let Some(ids) = roles {
            linked::set::<membership_role::Entity>(cx, new.id, ids).await?;
        }
        if let Some(ids) = posts {
            linked::set::<membership_post::Entity>(cx, new.id, ids).await?;
        }
        let was_active = change.old.as_ref().is_some_and(|old| old.active);
        if was_active && !new.active {
            departure::deactivated(cx, new.id).await?;
        }
        let kind = match (was_active, new.active) {
            (true, false) => "user_disabled",
            (false, true) => "user_enabled",
            _ => "membership_changed",
        };
        access::bump(cx.tx()?, cx.now(), kind, Some(new.id)).await
    }

    async fn before_delete(cx: &Cx, row: &Model<Self>, purge: bool) -> Result<()> {
        if row.id == cx.actor()?.id {
            return Err(Error::conflict(
                "own_membership",
                "leave the organisation instead of removing yourself",
            ));
        }
        cx.lock_access().await?;
        if row.is_owner && !cx.is_owner()? {
            return Err(Error::forbidden("owner_only", "only an owner may remove an owner"));
        }
        rules::keep_an_owner(cx, row).await?;
        departure::removed(cx, row.id).await?;
        if purge {
            links::clear(cx, row.id).await?;
        }
        access::bump(cx.tx()?, cx.now(), "membership_removed", Some(row.id)).await
    }

    async fn before_restore(cx: &Cx, row: &Model<Self>) -> Result<()> {
        rules::may_return(cx, row).await?;
        access::bump(cx.tx()?, cx.now(), "membership_restored", Some(row.id)).await
    }

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<dto::View>> {
        links::views(cx, rows).await
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list", "read", "update", "delete", "purge", "export"]);
    }
}
