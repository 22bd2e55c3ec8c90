//! Posts: the job titles that an organisation gives its members.

pub mod dto;
pub mod entity;

use base::Result;
use kernel::{Cx, Draft, Meta, Model, Resource, Sample, Spec, resource::apply};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use self::entity::{ActiveModel, Column};
use crate::resource::user;

/// A post.
pub struct Post;

impl Resource for Post {
    type Entity = entity::Entity;
    type Create = dto::Create;
    type Patch = dto::Patch;
    type View = dto::View;

    const META: Meta = Meta { module: "identity", name: "post", plural: "posts", zh: "岗位", en: "Posts" };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Name)
            .search([Column::Code, Column::Name])
            .filter([Column::Code, Column::Name, Column::Status, Column::Sort, Column::CreatedAt])
            .sort([
                Column::Code,
                Column::Name,
                Column::Sort,
                Column::Status,
                Column::CreatedAt,
                Column::UpdatedAt,
            ])
            .order([(Column::Sort, false), (Column::Code, false)])
            .unique([Column::Code])
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({ "code": "engineer-{n}", "name": "Engineer {n}", "sort": 10, "remark": "Builds things" }),
            patch: json!({ "name": "Senior engineer {n}", "remark": null }),
        }]
    }

    fn create(input: &dto::Create) -> ActiveModel {
        ActiveModel {
            code: Set(input.code.clone()),
            name: Set(input.name.clone()),
            sort: Set(input.sort),
            status: Set(input.status),
            remark: Set(input.remark.clone()),
            ..Default::default()
        }
    }

    fn patch(input: &dto::Patch, draft: &mut Draft<Self>) {
        apply(&input.code, &mut draft.code);
        apply(&input.name, &mut draft.name);
        apply(&input.sort, &mut draft.sort);
        apply(&input.status, &mut draft.status);
        input.remark.apply(&mut draft.remark);
    }

    async fn before_delete(cx: &Cx, row: &Model<Self>, _purge: bool) -> Result<()> {
        user::release_post(cx.tx()?, row.id).await
    }
}
