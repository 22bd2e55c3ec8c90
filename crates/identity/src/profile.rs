//! One's own profile: who am I, where, and what may I do.

use base::{Error, Id, Result};
use kernel::{
    Api, Cx, Json, Nullable,
    audit::{Event, Who},
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role, Tx};
use validator::Validate;

use crate::{
    account::{self, By},
    entity::{app_user, membership_role},
    resource::{Status, department, role},
    session::{OrganizationView, UserView, require_session},
};

/// Registers the routes.
pub fn mount(api: &mut Api) {
    let mut auth = api.signed_in("auth");
    auth.get("user_info", "/api/auth/user/info", "Read who you are and what you may do", info).detached();
    auth.patch("change_user_info", "/api/auth/user/info", "Change your name, language or time zone", change)
        .detached()
        .problems(&[403])
        .example(json!({ "name": "Alice", "locale": "en-US", "time_zone": "Europe/Berlin" }));
}

/// The caller, his organisations, and what he may do in the present one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserInfo")]
struct Info {
    user: UserView,
    /// Where he works now.
    organization: Option<OrganizationView>,
    /// Where he could.
    organizations: Vec<OrganizationView>,
    /// Every permission that he holds here.
    permissions: Vec<String>,
    /// His roles here.
    roles: Vec<RoleView>,
    /// His department here.
    department: Option<DepartmentView>,
}

/// A role of the caller.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnRole")]
struct RoleView {
    id: Id,
    name: String,
    code: String,
}

/// The department of the caller.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnDepartment")]
struct DepartmentView {
    id: Id,
    name: String,
}

/// A view of one's organisations crosses their borders, so it is read by the system's role, bound to
/// the present one where rows of it are meant.
async fn begin(cx: &Cx, mode: Mode) -> Result<Tx> {
    cx.app.store().begin(mode, Opening::new(Role::System, cx.actor()?.org)).await
}

async fn info(cx: &Cx) -> Result<Json<Info>> {
    let tx = begin(cx, Mode::Read).await?;
    let info = describe(cx, &tx).await?;
    tx.commit().await?;
    Ok(Json(info))
}

async fn describe(cx: &Cx, tx: &Tx) -> Result<Info> {
    let actor = cx.actor()?;
    let user = tx.get::<app_user::Entity>(actor.id).await?;
    let mut belongings = account::belongings(tx, actor.id).await?;
    // A key is for one organisation, and tells nothing of where else its owner works.
    belongings.retain(|one| actor.session().is_some() || Some(one.organization.id) == actor.org);
    let here = belongings.iter().find(|belonging| Some(belonging.organization.id) == actor.org);
    let (mut roles, mut department) = (Vec::new(), None);
    if let Some(belonging) = here {
        roles = roles_of(tx, actor.id).await?;
        if let Some(id) = belonging.membership.department_id {
            let row = tx.lookup::<department::entity::Entity>(id).await?;
            department = row.map(|row| DepartmentView { id: row.id, name: row.name });
        }
    }
    let permissions = actor.effective.codes(cx.app.catalogue()).into_iter().map(str::to_owned).collect();
    Ok(Info {
        user: UserView::from(&user),
        organization: here.map(OrganizationView::from),
        organizations: belongings.iter().filter(|one| one.is_open()).map(OrganizationView::from).collect(),
        permissions,
        roles,
        department,
    })
}

async fn roles_of(tx: &Tx, user: Id) -> Result<Vec<RoleView>> {
    let held = tx.find::<membership_role::Entity>().filter(membership_role::Column::UserId.eq(user));
    let ids: Vec<Id> = tx.all(held).await?.into_iter().map(|row| row.role_id).collect();
    let roles = tx
        .find::<role::entity::Entity>()
        .filter(role::entity::Column::Id.is_in(ids))
        .filter(role::entity::Column::Status.eq(Status::Enabled))
        .order_by_asc(role::entity::Column::Name);
    let roles = tx.all(roles).await?;
    Ok(roles.into_iter().map(|role| RoleView { id: role.id, name: role.name, code: role.code }).collect())
}

/// Changes to one's profile.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserInfoPatch")]
struct Patch {
    /// Name.
    #[validate(length(min = 1, max = 120))]
    name: Option<String>,
    /// Language: zh-CN or en-US.
    locale: Option<String>,
    /// IANA time zone; `null` for that of the browser.
    #[serde(default)]
    #[validate(length(max = 64))]
    time_zone: Nullable<String>,
}

async fn change(cx: &Cx, input: Patch) -> Result<Json<Info>> {
    require_session(cx)?;
    let (actor, now) = (cx.actor()?, cx.now());
    let tx = begin(cx, Mode::Write).await?;
    let before = account::lock(&tx, actor.id).await?.ok_or_else(Error::missing)?;
    let mut after = before.clone();
    if let Some(name) = &input.name {
        after.name = account::display_name(name)?;
    }
    if let Some(locale) = &input.locale {
        after.locale = account::locale(locale)?;
    }
    match &input.time_zone {
        Nullable::Absent => {}
        Nullable::Null => after.time_zone = account::TIME_ZONE.to_owned(),
        Nullable::Value(zone) => after.time_zone = account::time_zone(zone)?,
    }
    let mut event =
        Event::new("identity:profile:update", "identity.user").target(actor.id, before.username.clone());
    for (field, old, new) in [
        ("name", &before.name, &after.name),
        ("locale", &before.locale, &after.locale),
        ("time_zone", &before.time_zone, &after.time_zone),
    ] {
        if old != new {
            event = event.change(field, json!(old), json!(new));
        }
    }
    if !event.changes.is_empty() {
        let row = app_user::ActiveModel {
            name: Set(after.name.clone()),
            locale: Set(after.locale.clone()),
            time_zone: Set(after.time_zone.clone()),
            ..Default::default()
        };
        account::update(&tx, now, &before, row).await?;
        account::sync_copies(&tx, now, &after).await?;
        let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
        let bump = (before.name != after.name).then_some("profile_changed");
        account::announce(&tx, now, &By { who, origin: &cx.origin }, actor.id, bump, &event).await?;
    }
    let info = describe(cx, &tx).await?;
    tx.commit().await?;
    Ok(Json(info))
}
