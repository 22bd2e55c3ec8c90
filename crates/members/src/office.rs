//! What back offices see of members and of what was done: `/admin/users`, `/admin/audit`.

use base::{Error, Id, Result, Timestamp};
use kernel::{
    Api, Cx, Json,
    audit::{
        self, Event, entity,
        seal::Trail as SealedTrail,
        verify::{self, Report, Wish},
    },
    port::ProfileChange,
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use validator::Validate;

use crate::{
    call, caller,
    fields::{UserView, body, check_sub, input},
    internal::shown,
    problem::refuse,
    service::{people, reading, writing},
    subject,
};

/// Rows of a page.
const PAGE: u64 = 200;
/// The entries of the trail that are about this authority.
const OWN: &str = "members:";

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.get("users", "/admin/users", "Members", users)
        .query::<UserQuery>()
        .problems(&[401, 403, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.amend("user_update", "/admin/users/{authentik_sub}", "Let a member work, or not", state)
        .raw_body(body::<State>())
        .problems(&[401, 403, 404, 409, 415, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.get("audit", "/admin/audit", "What was done", trail)
        .query::<TrailQuery>()
        .problems(&[401, 403, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.get("audit_verify", "/admin/audit/verify", "Whether the sealed trail is as it was written", verified)
        .query::<Days>()
        .problems(&[401, 403, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
}

/// Which members.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberQuery")]
pub struct UserQuery {
    /// In their names or addresses.
    search: Option<String>,
    /// Where the page before ended.
    cursor: Option<Id>,
    /// 1 to 200.
    limit: Option<u64>,
}

/// A member in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberRow")]
pub struct Row {
    id: Id,
    authentik_sub: String,
    email: Option<String>,
    display_name: String,
    is_active: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A page of members.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberList")]
pub struct Users {
    /// By age.
    items: Vec<Row>,
    /// For the next page; null at the end.
    next_cursor: Option<Id>,
}

fn within(limit: Option<u64>) -> Result<u64> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::field("limit", "range", format!("from 1 to {PAGE}")))
}

async fn users(cx: &Cx) -> Result<Json<Users>> {
    let caller = caller::program(cx, "users:read").await?;
    let query: UserQuery = cx.query()?;
    let limit = within(query.limit)?;
    let tx = reading(&cx.app, caller.org).await?;
    let found = people(&cx.app)?.search(&tx, query.search.as_deref(), query.cursor, limit).await?;
    let ids: Vec<Id> = found.iter().map(|person| person.id).collect();
    let names = subject::names(&tx, caller.issuer, &ids).await?;
    tx.commit().await?;
    let is_full = found.len() as u64 == limit;
    let next_cursor = ids.last().copied().filter(|_| is_full);
    let items = found.into_iter().zip(names).map(|(person, (_, sub))| Row {
        id: person.id,
        authentik_sub: sub,
        email: person.email,
        display_name: person.name,
        is_active: person.active,
        created_at: Timestamp(person.created_at),
        updated_at: Timestamp(person.updated_at),
    });
    Ok(Json(Users { items: items.collect(), next_cursor }))
}

/// Whether a member may work.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberState")]
pub struct State {
    /// Whether he may.
    is_active: bool,
}

async fn state(cx: &Cx) -> Result<Json<UserView>> {
    let caller = caller::program(cx, "users:write").await?;
    let sub = cx.text("authentik_sub")?;
    check_sub("authentik_sub", sub)?;
    let wish: State = input(cx)?;
    let view = writing!(cx, caller.org, tx => {
        let user = subject::resolve(&tx, caller.issuer, sub).await?.ok_or_else(subject::unknown)?;
        let person = people(&cx.app)?.find(&tx, &[user]).await?.pop().filter(|person| !person.removed);
        person.ok_or_else(subject::unknown)?;
        let change = ProfileChange { active: Some(wish.is_active), ..ProfileChange::default() };
        let changed = people(&cx.app)?.change(&cx.app, &tx, user, change).await?;
        if !changed.is_empty() {
            let event = Event::new("members:user:state", "identity.user").target(user, sub).change(
                "is_active",
                json!(!wish.is_active),
                json!(wish.is_active),
            );
            audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await?;
        }
        shown(&cx.app, &tx, caller.issuer, user).await
    });
    Ok(Json(view))
}

/// Which entries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberTrailQuery")]
pub struct TrailQuery {
    /// Of this action, such as `members:permission:grant`.
    action: Option<String>,
    /// Of this request.
    request_id: Option<String>,
    /// Where the page before ended.
    cursor: Option<Id>,
    /// 1 to 200.
    limit: Option<u64>,
}

/// An entry.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberTrailEntry")]
pub struct Entry {
    id: Id,
    at: Timestamp,
    actor_kind: String,
    actor_name: String,
    action: String,
    target_id: Option<Id>,
    target_name: String,
    outcome: String,
    request_id: String,
    changes: Option<Value>,
}

/// A page of entries.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberTrail")]
pub struct Trail {
    /// The newest first.
    items: Vec<Entry>,
    /// For the next page; null at the end.
    next_cursor: Option<Id>,
}

/// Which days are verified.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberTrailDays")]
pub struct Days {
    /// The first, `2026-11-27` (UTC); the beginning unless said otherwise.
    from: Option<String>,
    /// The last; the end unless said otherwise.
    to: Option<String>,
}

async fn verified(cx: &Cx) -> Result<Json<Report>> {
    let caller = caller::program(cx, "audit:read").await?;
    let days: Days = cx.query()?;
    let wish = Wish::of_caller(days.from, days.to, None)?;
    let trail = SealedTrail { org: Some(caller.org) };
    Ok(Json(verify::verify_trail(&cx.app, trail, wish).await?))
}

async fn trail(cx: &Cx) -> Result<Json<Trail>> {
    let caller = caller::program(cx, "audit:read").await?;
    let query: TrailQuery = cx.query()?;
    let limit = within(query.limit)?;
    if query.action.as_deref().is_some_and(|action| !action.starts_with(OWN)) {
        return Err(Error::field("action", "unknown_value", "actions of this authority begin with members:"));
    }
    let tx = reading(&cx.app, caller.org).await?;
    let mut select = tx.find::<entity::Entity>().filter(entity::Column::Action.starts_with(OWN));
    if let Some(action) = &query.action {
        select = select.filter(entity::Column::Action.eq(action.as_str()));
    }
    if let Some(request) = &query.request_id {
        select = select.filter(entity::Column::RequestId.eq(request.as_str()));
    }
    if let Some(cursor) = query.cursor {
        select = select.filter(entity::Column::Id.lt(cursor));
    }
    let rows = tx.all(select.order_by_desc(entity::Column::Id).limit(limit)).await?;
    tx.commit().await?;
    let is_full = rows.len() as u64 == limit;
    let next_cursor = rows.last().map(|row| row.id).filter(|_| is_full);
    let entry = |row: entity::Model| Entry {
        id: row.id,
        at: Timestamp(row.at),
        actor_kind: row.actor_kind,
        actor_name: row.actor_name,
        action: row.action,
        target_id: row.target_id,
        target_name: row.target_name,
        outcome: row.outcome,
        request_id: row.request_id,
        changes: row.changes,
    };
    Ok(Json(Trail { items: rows.into_iter().map(entry).collect(), next_cursor }))
}
