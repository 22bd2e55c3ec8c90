//! Menu entries: an organisation's own order, titles and links. The pages themselves live in the
//! console; what is stored here never names code.

pub mod dto;
pub mod entity;

use std::collections::HashMap;

use base::{Error, Id, Result};
use kernel::{Change, Cx, Draft, Meta, Resource, Sample, Spec, resource::apply};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, entity::prelude::*};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::entity::{ActiveModel, Column as C};

/// What a menu entry is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, JsonSchema,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "MenuKind")]
pub enum Kind {
    /// A heading with entries below it.
    Group,
    /// A page of the console, by its key.
    Page,
    /// A link to somewhere else.
    Link,
}

/// A menu entry.
pub struct Menu;

impl Resource for Menu {
    type Entity = entity::Entity;
    type Create = dto::Create;
    type Patch = dto::Patch;
    type View = dto::View;

    const META: Meta =
        Meta { module: "identity", name: "menu", plural: "menus", zh: "菜单", en: "Menu entries" };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(C::TitleEn)
            .search([C::TitleZh, C::TitleEn])
            .filter([C::ParentId, C::Kind, C::Page, C::Hidden])
            .sort([C::Sort, C::TitleZh, C::TitleEn, C::CreatedAt])
            .order([(C::Sort, false), (C::TitleEn, false)])
            .reference(C::ParentId, "identity.menu")
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({
                "kind": "link", "title_zh": "手册 {n}", "title_en": "Handbook {n}",
                "url": "https://example.com/handbook", "icon": "book", "sort": 90,
            }),
            patch: json!({ "title_en": "Manual {n}", "hidden": true }),
        }]
    }

    fn create(input: &dto::Create) -> ActiveModel {
        ActiveModel {
            parent_id: Set(input.parent_id),
            kind: Set(input.kind),
            title_zh: Set(input.title_zh.clone()),
            title_en: Set(input.title_en.clone()),
            page: Set(input.page.clone()),
            url: Set(input.url.clone()),
            icon: Set(input.icon.clone()),
            sort: Set(input.sort),
            hidden: Set(input.hidden),
            permission: Set(input.permission.clone()),
            ..Default::default()
        }
    }

    fn patch(input: &dto::Patch, draft: &mut Draft<Self>) {
        input.parent_id.apply(&mut draft.parent_id);
        apply(&input.kind, &mut draft.kind);
        apply(&input.title_zh, &mut draft.title_zh);
        apply(&input.title_en, &mut draft.title_en);
        input.page.apply(&mut draft.page);
        input.url.apply(&mut draft.url);
        input.icon.apply(&mut draft.icon);
        apply(&input.sort, &mut draft.sort);
        apply(&input.hidden, &mut draft.hidden);
        input.permission.apply(&mut draft.permission);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        let draft = &change.draft;
        let kind = *draft.kind.as_ref();
        match (kind, draft.page.as_ref().as_deref(), draft.url.as_ref().as_deref()) {
            (Kind::Page, None, _) => {
                return Err(Error::field("page", "required", "a page entry names its page"));
            }
            (Kind::Link, _, None) => return Err(Error::field("url", "required", "a link needs its URL")),
            (Kind::Link, _, Some(url)) if !is_web(url) => {
                return Err(Error::field("url", "not_a_url", "must begin with https:// or http://"));
            }
            _ => {}
        }
        if let Some(code) = draft.permission.as_ref()
            && cx.app.catalogue().find(code).is_none()
        {
            return Err(Error::field(
                "permission",
                "unknown_permission",
                format!("there is no permission {code}"),
            ));
        }
        if let (Some(parent), Some(old)) = (draft.parent_id.as_ref(), &change.old) {
            not_below(cx, old.id, *parent).await?;
        }
        Ok(())
    }
}

/// Only pages of the web: no `javascript:`, no `data:`.
fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

async fn not_below(cx: &Cx, id: Id, parent: Id) -> Result<()> {
    let tx = cx.tx()?;
    let rows = tx.all(tx.find::<entity::Entity>()).await?;
    let parents: HashMap<Id, Option<Id>> = rows.into_iter().map(|row| (row.id, row.parent_id)).collect();
    let mut at = Some(parent);
    for _ in 0..=parents.len() {
        match at {
            Some(here) if here == id => {
                return Err(Error::field("parent_id", "circular", "an entry cannot lie below itself"));
            }
            Some(here) => at = parents.get(&here).copied().flatten(),
            None => break,
        }
    }
    Ok(())
}
