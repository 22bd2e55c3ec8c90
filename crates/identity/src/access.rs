//! What can be permitted, what somebody may do and why, and direct grants.
//!
//! May import: `kernel`'s catalogue and effective sets, this crate's memberships.

pub mod listing;
mod titles;

use std::collections::BTreeSet;

use base::{Error, Id, Result};
use kernel::{
    Api, Cx, Json, Reach,
    access::{self as grants, Because, DataScope, Held, Holder, Source},
    api::{Access, Operation},
    audit::{self, Event},
    meta::{self, ResourceMeta},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use crate::{authority, session};

/// Routes.
pub fn mount(api: &mut Api) {
    let mut mount = api.signed_in("identity");
    mount.get("permission.list", "/api/permissions", "Every permission that a role can carry", permissions);
    mount.get("meta", "/api/meta", "What the resources look like, for programs that build screens", describe);
    api.signed_in("auth").get(
        "routes",
        "/api/auth/router/backend",
        "Every route with the permission it needs",
        routes,
    );
    let mut users = api.guarded("identity", "user");
    users
        .get("access", "/api/users/{id}/access", "What a member may do, and why", explain)
        .needs("identity:user:read")
        .problems(&[404]);
    users
        .put("grant", "/api/users/{id}/grants", "Grant permissions to a member directly; replaces all", grant)
        .problems(&[404])
        .example(json!({ "permissions": ["identity:post:list"] }));
}

/// A permission of the catalogue.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Permission")]
pub struct PermissionRow {
    /// `module:name:action`.
    pub code: String,
    /// Module.
    pub module: String,
    /// Resource.
    pub name: String,
    /// Action.
    pub action: String,
    /// Title in Chinese.
    pub title_zh: String,
    /// Title in English.
    pub title_en: String,
    /// `route` or `declared`.
    pub source: String,
}

/// Permissions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionList")]
pub struct Permissions {
    /// In the order of the codes.
    pub items: Vec<PermissionRow>,
}

/// `GET /api/permissions/`: the platform's own are left out, since no role can carry them.
async fn permissions(cx: &Cx) -> Result<Json<Permissions>> {
    let row = |entry: &grants::Entry| {
        let (title_zh, title_en) = titles::of(&cx.app, entry);
        PermissionRow {
            code: entry.code.clone(),
            module: entry.module.clone(),
            name: entry.name.clone(),
            action: entry.action.clone(),
            title_zh,
            title_en,
            source: if entry.source == Source::Route { "route" } else { "declared" }.to_owned(),
        }
    };
    let items = cx.app.catalogue().iter().filter(|(_, entry)| !entry.is_platform());
    Ok(Json(Permissions { items: items.map(|(_, entry)| row(entry)).collect() }))
}

/// Descriptions of resources.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MetaList")]
pub struct Resources {
    /// Those that the caller may use at all.
    pub resources: Vec<ResourceMeta>,
}

/// `GET /api/meta/`.
async fn describe(cx: &Cx) -> Result<Json<Resources>> {
    Ok(Json(Resources { resources: meta::describe(cx) }))
}

/// One route of the API.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RouteRow")]
pub struct RouteRow {
    /// Method.
    pub method: String,
    /// Path template.
    pub path: String,
    /// The permission that it needs; the first one where one of several will do.
    pub permission: Option<String>,
    /// The permissions of which one will do, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub any_of: Vec<String>,
    /// `public`, `signed_in` or `permission`.
    pub access: String,
    /// What it does.
    pub summary: String,
}

/// Every route; a service of the application, filled when it is put together.
#[derive(Clone, Debug, Default)]
pub struct Routes(pub Vec<RouteRow>);

impl Routes {
    /// The routes of mounted operations, by path and method.
    pub fn of(operations: &[Operation]) -> Self {
        let row = |operation: &Operation| {
            let codes: Vec<String> = operation.access.codes().into_iter().map(str::to_owned).collect();
            let access = match operation.access {
                Access::Public => "public",
                Access::SignedIn => "signed_in",
                Access::Permission(_) | Access::AnyOf(_) => "permission",
            };
            RouteRow {
                method: operation.method.to_string(),
                path: format!("{}/", operation.path),
                permission: codes.first().cloned(),
                any_of: if codes.len() > 1 { codes } else { Vec::new() },
                access: access.to_owned(),
                summary: operation.summary.clone(),
            }
        };
        let mut rows: Vec<RouteRow> = operations.iter().map(row).collect();
        rows.sort_by(|a, b| (&a.path, &a.method).cmp(&(&b.path, &b.method)));
        Self(rows)
    }
}

/// Routes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RouteList")]
pub struct RouteItems {
    /// By path and method.
    pub items: Vec<RouteRow>,
}

/// `GET /api/auth/router/backend/`.
async fn routes(cx: &Cx) -> Result<Json<RouteItems>> {
    Ok(Json(RouteItems { items: cx.app.service::<Routes>()?.0.clone() }))
}

/// Why somebody holds a permission.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessReason")]
pub struct Reason {
    /// `owner`, `role` or `grant`.
    pub kind: &'static str,
    /// The role.
    pub id: Option<Id>,
    /// Its name.
    pub name: Option<String>,
}

/// A permission that somebody holds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HeldPermission")]
pub struct HeldRow {
    /// Code.
    pub code: String,
    /// On which rows: `all`, those of `departments`, or his own (`self`).
    pub scope: DataScope,
    /// The departments, those below them included.
    pub department_ids: Vec<Id>,
    /// Whether his own rows belong to it besides those of departments.
    pub own: bool,
    /// Why.
    pub because: Vec<Reason>,
}

/// What somebody may do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EffectiveAccess")]
pub struct EffectiveAccess {
    /// Owners may do everything.
    pub owner: bool,
    /// In the order of the codes.
    pub permissions: Vec<HeldRow>,
}

/// `GET /api/users/{id}/access/`.
async fn explain(cx: &Cx) -> Result<Json<EffectiveAccess>> {
    let row = session::member(cx, "identity:user:read").await?;
    let (tx, catalogue) = (cx.tx()?, cx.app.catalogue());
    let Some(standing) = authority::standing(tx, row.id).await? else {
        return Ok(Json(EffectiveAccess { owner: false, permissions: Vec::new() }));
    };
    let held = grants::explain(tx, catalogue, cx.now(), row.id, &standing).await?;
    let permissions = held.into_iter().map(|one| shown(catalogue.entry(one.permission).code.clone(), one));
    Ok(Json(EffectiveAccess { owner: standing.owner, permissions: permissions.collect() }))
}

fn shown(code: String, held: Held) -> HeldRow {
    let (scope, department_ids, own) = match held.reach {
        Reach::All => (DataScope::All, Vec::new(), false),
        Reach::Some { departments, own: true } if departments.is_empty() => {
            (DataScope::Own, Vec::new(), true)
        }
        Reach::Some { departments, own } => {
            (DataScope::Departments, departments.iter().copied().collect(), own)
        }
    };
    let reason = |because: Because| match because {
        Because::Owner => Reason { kind: "owner", id: None, name: None },
        Because::Role(id, name) => Reason { kind: "role", id: Some(id), name: Some(name) },
        Because::Grant => Reason { kind: "grant", id: None, name: None },
    };
    HeldRow { code, scope, department_ids, own, because: held.because.into_iter().map(reason).collect() }
}

/// Direct grants.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserGrants")]
pub struct Grants {
    /// Codes; replaces what was granted directly.
    #[validate(length(max = 1000))]
    pub permissions: Vec<String>,
}

/// Direct grants as they are.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UserGrantList")]
pub struct Granted {
    /// Codes.
    pub permissions: Vec<String>,
}

/// `PUT /api/users/{id}/grants/`. A direct grant opens every row, so what is added must be held on
/// every row; nobody adds anything to himself, which would outlive the role it came from. What was taken from
/// the caller a moment before counts.
async fn grant(cx: &Cx, input: Grants) -> Result<Json<Granted>> {
    cx.lock_access().await?;
    let row = session::member(cx, "identity:user:grant").await?;
    let (tx, actor, holder) = (cx.tx()?, cx.actor()?, Holder::User(row.id));
    if row.is_owner && !cx.is_owner()? {
        return Err(Error::forbidden("owner_only", "only an owner may change an owner"));
    }
    let before: BTreeSet<String> =
        grants::codes_of(tx, cx.app.catalogue(), cx.now(), holder).await?.into_iter().collect();
    let known = |code: &&String| cx.app.catalogue().find(code).is_some();
    for code in input.permissions.iter().filter(|code| !before.contains(*code)).filter(known) {
        if row.id == actor.id {
            return Err(Error::forbidden("cannot_grant", "you cannot grant anything to yourself"));
        }
        if !matches!(cx.reach(code), Ok(Reach::All)) {
            let detail = format!("you cannot grant {code}, which you do not hold on every row");
            return Err(Error::forbidden("cannot_grant", detail));
        }
    }
    let reset = grants::set_grants(cx, holder, &input.permissions).await?;
    // One event for each permission, as when a program gives or takes it.
    let detail = |tuple| Some(json!({ "permission": tuple, "request_id": cx.origin.request_id }));
    let taken = reset.removed.iter().map(|tuple| ("revoked", detail(tuple)));
    let given = reset.added.iter().map(|tuple| ("granted", detail(tuple)));
    let mut events: Vec<_> = taken.chain(given).collect();
    if events.is_empty() {
        events.push(("grants_changed", None));
    }
    grants::bump_with(tx, cx.org()?, cx.now(), Some(row.id), events).await?;
    audit::record(cx, Event::new("identity:user:grant", "identity.user").target(row.id, row.name)).await?;
    let permissions = grants::codes_of(tx, cx.app.catalogue(), cx.now(), holder).await?;
    Ok(Json(Granted { permissions }))
}
