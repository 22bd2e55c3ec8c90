//! The names that grants may have: scope types, modules, actions. Another name is refused, so that a slip of
//! the pen is no permission. Deprecated names can be taken away and not given any more.
//!
//! The scope type `org` and the product's own modules and actions are always there.

use base::{Error, FieldError, Result, Timestamp};
use kernel::{
    Api, App, Cx, Json,
    access::{ORG, Tuple},
    audit::{self, Event},
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use store::Tx;
use validator::Validate;

use crate::{
    call,
    caller::{self, Caller},
    entity::term::{ActiveModel, Column, Entity, Model},
    fields::{body, input, is_name},
    problem::refuse,
    service::{reading, writing},
};

/// The kinds of names, as paths and rows call them.
const KINDS: [&str; 3] = ["scope_type", "module", "action"];

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.get("catalog", "/admin/permission-catalog", "The names that grants may have", list)
        .problems(&[401, 403, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.set("catalog_put", "/admin/permission-catalog/{kind}/{name}", "Add or change a name", put)
        .raw_body(body::<Wish>())
        .problems(&[401, 403, 404, 415, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    // Whoever sees grants sees what they may be called.
    api.guarded("members", "term")
        .get("list", "/api/member-terms", "The names that grants may have", shown)
        .needs("members:grant:list");
}

async fn shown(cx: &Cx) -> Result<Json<Catalog>> {
    catalog(&cx.app, cx.tx()?).await.map(Json)
}

/// A name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionTerm")]
pub struct View {
    /// scope_type, module or action.
    kind: String,
    /// The name.
    name: String,
    /// What it means.
    description: Option<String>,
    /// Since when it is given no more.
    deprecated_at: Option<Timestamp>,
    /// Whether the product brings it along.
    built_in: bool,
}

impl From<Model> for View {
    fn from(row: Model) -> Self {
        Self {
            kind: row.kind,
            name: row.name,
            description: row.description,
            deprecated_at: row.deprecated_at.map(Timestamp),
            built_in: false,
        }
    }
}

/// Every name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionCatalog")]
pub struct Catalog {
    /// By kind and name.
    items: Vec<View>,
}

/// What is to be known of a name.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionTermWish")]
pub struct Wish {
    /// What it means.
    #[validate(length(max = 300))]
    description: Option<String>,
    /// Whether it is to be given no more.
    #[serde(default)]
    deprecated: bool,
}

/// The names that the product itself brings along.
fn built_in(app: &App) -> Vec<View> {
    let view = |kind: &str, name: String| View {
        kind: kind.to_owned(),
        name,
        description: None,
        deprecated_at: None,
        built_in: true,
    };
    let entries = app.catalogue().iter().map(|(_, entry)| entry).filter(|entry| !entry.is_platform());
    let mut all = vec![view("scope_type", ORG.to_owned())];
    for entry in entries {
        for (kind, name) in [("module", entry.tuple_module()), ("action", entry.action.clone())] {
            if !all.iter().any(|known| known.kind == kind && known.name == name) {
                all.push(view(kind, name));
            }
        }
    }
    all
}

async fn rows(tx: &Tx) -> Result<Vec<Model>> {
    let select = tx.find::<Entity>().order_by_asc(Column::Kind).order_by_asc(Column::Name);
    tx.all(select).await
}

async fn list(cx: &Cx) -> Result<Json<Catalog>> {
    let caller = caller::program(cx, "catalog:read").await?;
    let tx = reading(&cx.app, caller.org).await?;
    let catalog = catalog(&cx.app, &tx).await?;
    tx.commit().await?;
    Ok(Json(catalog))
}

async fn catalog(app: &App, tx: &Tx) -> Result<Catalog> {
    let mut items = built_in(app);
    items.extend(rows(tx).await?.into_iter().map(View::from));
    items.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    Ok(Catalog { items })
}

async fn change(cx: &Cx, tx: &Tx, caller: &Caller, (kind, name): (&str, &str), wish: &Wish) -> Result<Model> {
    let now = cx.now();
    let select = tx.find::<Entity>().filter(Column::Kind.eq(kind)).filter(Column::Name.eq(name));
    let before = tx.one(select).await?;
    let deprecated_at = match &before {
        _ if !wish.deprecated => None,
        Some(row) => row.deprecated_at.or(Some(now)),
        None => Some(now),
    };
    let row = Model {
        id: before.as_ref().map_or_else(|| cx.app.new_id(), |row| row.id),
        org_id: tx.require_org()?,
        kind: kind.to_owned(),
        name: name.to_owned(),
        description: wish.description.clone(),
        deprecated_at,
        created_at: before.as_ref().map_or(now, |row| row.created_at),
    };
    let values = ActiveModel {
        description: Set(row.description.clone()),
        deprecated_at: Set(row.deprecated_at),
        ..Default::default()
    };
    match &before {
        Some(before) => {
            tx.update_where(values, Condition::all().add(Column::Id.eq(before.id))).await?;
        }
        None => {
            let new = ActiveModel {
                id: Set(row.id),
                org_id: Set(row.org_id),
                kind: Set(row.kind.clone()),
                name: Set(row.name.clone()),
                created_at: Set(now),
                ..values
            };
            tx.insert(new).await?;
        }
    }
    let event =
        Event::new("members:catalog:change", "members.term").target(row.id, format!("{kind} {name}")).change(
            "deprecated",
            before.map(|row| row.deprecated_at.is_some()).into(),
            row.deprecated_at.is_some().into(),
        );
    audit::write(tx, now, caller.who(), &cx.origin, event).await?;
    Ok(row)
}

async fn put(cx: &Cx) -> Result<Json<View>> {
    let caller = caller::program(cx, "catalog:write").await?;
    let (kind, name) = (cx.text("kind")?, cx.text("name")?);
    if !KINDS.contains(&kind) {
        return Err(Error::not_found("not_found", "the kinds are scope_type, module and action"));
    }
    if !is_name(name) {
        let message = "must begin with a letter from a to z and have letters, digits and _ . - only";
        return Err(Error::field("name", "invalid_format", message));
    }
    let wish: Wish = input(cx)?;
    let row = writing!(cx, caller.org, tx => change(cx, &tx, &caller, (kind, name), &wish).await);
    Ok(Json(View::from(row)))
}

/// Adds a name that nobody knows yet.
pub async fn declare(app: &App, tx: &Tx, kind: &str, name: &str, description: &str) -> Result<base::Id> {
    let id = app.new_id();
    let row = ActiveModel {
        id: Set(id),
        org_id: Set(tx.require_org()?),
        kind: Set(kind.to_owned()),
        name: Set(name.to_owned()),
        description: Set(Some(description.to_owned())),
        deprecated_at: Set(None),
        created_at: Set(app.now()),
    };
    tx.insert(row).await?;
    Ok(id)
}

/// What the names are at one time.
pub struct Terms {
    rows: Vec<Model>,
    built_in: Vec<View>,
}

impl Terms {
    /// Reads them.
    pub async fn read(app: &App, tx: &Tx) -> Result<Self> {
        Ok(Self { rows: rows(tx).await?, built_in: built_in(app) })
    }

    /// Whether there is such a name.
    pub fn knows(&self, kind: &str, name: &str) -> bool {
        self.rows.iter().any(|row| row.kind == kind && row.name == name)
            || self.built_in.iter().any(|known| known.kind == kind && known.name == name)
    }

    /// Every name of a kind, deprecated ones included.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let brought = self.built_in.iter().filter(|known| known.kind == kind).map(|known| known.name.clone());
        let told = self.rows.iter().filter(|row| row.kind == kind).map(|row| row.name.clone());
        brought.chain(told).collect()
    }

    /// 422 unless every part of a tuple is a name that is known and, to be given, not deprecated.
    pub fn check(&self, at: &str, tuple: &Tuple, is_given: bool) -> Result<()> {
        let parts = [
            ("scope_type", &tuple.scope_type, "unknown_scope_type"),
            ("module", &tuple.module, "unknown_module"),
            ("action", &tuple.action, "unknown_action"),
        ];
        let mut errors = Vec::new();
        for (kind, name, code) in parts {
            if self.built_in.iter().any(|known| known.kind == kind && known.name == *name) {
                continue;
            }
            let of_kind = || self.rows.iter().filter(|row| row.kind == kind);
            let field = if at.is_empty() { kind.to_owned() } else { format!("{at}.{kind}") };
            match of_kind().find(|row| row.name == *name) {
                Some(row) if row.deprecated_at.is_some() && is_given => {
                    let message = format!("{name} is deprecated; it can be taken away and not given");
                    errors.push(FieldError::new(field, "deprecated", message));
                }
                Some(_) => {}
                None => {
                    let allowed: Vec<&str> = of_kind()
                        .filter(|row| row.deprecated_at.is_none())
                        .map(|row| row.name.as_str())
                        .collect();
                    let mut error = FieldError::new(field, code, format!("there is no {kind} {name}"));
                    error.params = serde_json::json!({ "allowed": allowed });
                    errors.push(error);
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::fields(errors)) }
    }
}
