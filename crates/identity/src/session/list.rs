//! Who is signed in: one's own sessions, and those of the organisation's members.
//!
//! An administrator sees sessions that work in his organisation, of members that his data scope
//! reaches, and nothing of what the same people do elsewhere (decision 2.5).

use base::{Error, Id, Result, Timestamp};
use kernel::{
    Api, Cx, Json, NoContent, Reach,
    audit::{self, Event},
};
use schemars::JsonSchema;
use sea_orm::{
    Condition, Iterable, Order, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};
use store::Tx;

use super::{Revoke, require_session, revoke};
use crate::{entity::session, resource::user};

const LIST: &str = "identity:session:list";
const DELETE: &str = "identity:session:delete";
/// Nobody has more of his own on one page.
const OWN_MAX: u64 = 200;

pub(super) fn mount(api: &mut Api) {
    let mut auth = api.signed_in("auth");
    auth.get("sessions", "/api/auth/sessions", "List your own sessions", own).problems(&[403]);
    auth.delete("end_session", "/api/auth/sessions/{id}", "End one of your own sessions", end_own)
        .problems(&[403]);
    let mut sessions = api.guarded("identity", "session");
    sessions
        .get("list", "/api/sessions", "List who is signed in to the organisation", list)
        .query::<PageQuery>();
    sessions.delete("delete", "/api/sessions/{id}", "End a member's session", end);
    let mut users = api.guarded("identity", "user");
    users.get("sessions", "/api/users/{id}/sessions", "List a member's sessions", of_member).needs(LIST);
    users
        .delete("end_sessions", "/api/users/{id}/sessions", "End a member's sessions", end_of_member)
        .needs(DELETE);
}

/// A session as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct View {
    id: Id,
    /// Whether it is the one that asks.
    current: bool,
    created_at: Timestamp,
    /// When its tokens were last renewed.
    last_seen_at: Timestamp,
    ip: String,
    user_agent: String,
    organization_id: Option<Id>,
    user_id: Id,
    username: String,
    name: String,
}

/// Sessions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sessions")]
struct Sessions {
    items: Vec<View>,
}

/// A page of the organisation's sessions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SessionPage")]
struct SessionPage {
    items: Vec<View>,
    total: u64,
    page: u64,
    page_size: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    /// Page, from 1.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 10_000))]
    page: u64,
    /// Sessions on a page, at most 200.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 200))]
    page_size: u64,
}

fn first() -> u64 {
    1
}
fn twenty() -> u64 {
    20
}

/// Live sessions, the last seen first.
fn live(cx: &Cx) -> SelectStatement {
    let now = cx.now();
    let columns = session::Column::iter().map(|column| (Alias::new("s"), column));
    Query::select()
        .columns(columns)
        .from_as("session", "s")
        .and_where(Expr::col(("s", "revoked_at")).is_null())
        .and_where(Expr::col(("s", "idle_expires_at")).gt(now))
        .and_where(Expr::col(("s", "expires_at")).gt(now))
        .order_by(("s", "last_seen_at"), Order::Desc)
        .order_by(("s", "id"), Order::Desc)
        .to_owned()
}

/// Live sessions in the caller's organisation, of members within his reach.
fn of_organization(cx: &Cx, code: &str) -> Result<SelectStatement> {
    let of_member = Condition::all()
        .add(Expr::col(("m", "id")).eq(Expr::col(("s", "user_id"))))
        .add(Expr::col(("m", "org_id")).eq(Expr::col(("s", "org_id"))))
        .add(Expr::col(("m", "deleted_at")).is_null());
    let mut select = live(cx);
    select
        .expr_as(Expr::col(("m", "username")), "member_username")
        .expr_as(Expr::col(("m", "name")), "member_name")
        .expr_as(Expr::col(("m", "is_owner")), "member_is_owner")
        .join_as(sea_orm::JoinType::InnerJoin, "membership", "m", of_member)
        .and_where(Expr::col(("s", "org_id")).eq(cx.org()?));
    if let Some(within) = reached(cx, code, "m")? {
        select.cond_where(within);
    }
    Ok(select)
}

/// Which rows of `membership`, under that alias, the caller reaches; nothing where it is every one.
pub(crate) fn reached(cx: &Cx, code: &str, alias: &'static str) -> Result<Option<Condition>> {
    let Reach::Some { departments, own } = cx.reach(code)? else { return Ok(None) };
    let departments: Vec<Id> = departments.iter().copied().collect();
    let mut within = Condition::any().add(Expr::col((alias, "department_id")).is_in(departments));
    if own {
        within = within.add(Expr::col((alias, "id")).eq(cx.actor()?.id));
    }
    Ok(Some(within))
}

/// 403 for whoever is no owner himself: what an owner has open, only an owner ends.
pub(crate) fn spare_owner(cx: &Cx, is_owner: bool) -> Result<()> {
    if is_owner && !cx.actor()?.effective.is_owner() {
        return Err(Error::forbidden("owner_only", "only an owner may do this to an owner"));
    }
    Ok(())
}

fn view(row: &session::Model, current: Option<Id>, username: String, name: String) -> View {
    View {
        id: row.id,
        current: Some(row.id) == current,
        created_at: row.created_at.into(),
        last_seen_at: row.last_seen_at.into(),
        ip: row.ip.clone(),
        user_agent: row.user_agent.clone(),
        organization_id: row.org_id,
        user_id: row.user_id,
        username,
        name,
    }
}

fn member_view(cx: &Cx, row: &QueryResult) -> Result<View> {
    let current = cx.actor()?.session();
    let (username, name) = (store::read(row, "member_username")?, store::read(row, "member_name")?);
    Ok(view(&store::model(row)?, current, username, name))
}

async fn own(cx: &Cx) -> Result<Json<Sessions>> {
    require_session(cx)?;
    let actor = cx.actor()?;
    let mut select = live(cx);
    select.and_where(Expr::col(("s", "user_id")).eq(actor.id)).limit(OWN_MAX);
    let show = |row: &QueryResult| {
        let row: session::Model = store::model(row)?;
        Ok(view(&row, actor.session(), actor.username.clone(), actor.name.clone()))
    };
    let items = cx.tx()?.query_all(&select).await?.iter().map(show).collect::<Result<_>>()?;
    Ok(Json(Sessions { items }))
}

async fn end_own(cx: &Cx) -> Result<NoContent> {
    require_session(cx)?;
    let mut select = live(cx);
    select
        .and_where(Expr::col(("s", "user_id")).eq(cx.actor()?.id))
        .and_where(Expr::col(("s", "id")).eq(cx.id("id")?));
    end_one(cx, &select, cx.actor()?.username.clone()).await
}

async fn list(cx: &Cx) -> Result<Json<SessionPage>> {
    let PageQuery { page, page_size } = cx.query()?;
    if page == 0 || page_size == 0 || page_size > 200 || page > 10_000 {
        let field = if page == 0 || page > 10_000 { "page" } else { "page_size" };
        return Err(Error::field(field, "out_of_range", "page from 1 to 10000, page_size from 1 to 200"));
    }
    let tx = cx.tx()?;
    let mut select = of_organization(cx, LIST)?;
    let total = count(tx, &select).await?;
    select.limit(page_size).offset((page - 1) * page_size);
    let items = tx.query_all(&select).await?.iter().map(|row| member_view(cx, row)).collect::<Result<_>>()?;
    Ok(Json(SessionPage { items, total, page, page_size }))
}

async fn count(tx: &Tx, select: &SelectStatement) -> Result<u64> {
    let mut inner = select.clone();
    inner.clear_selects().expr(Expr::val(1)).clear_order_by();
    let outer =
        Query::select().expr_as(Expr::cust("COUNT(*)"), "n").from_subquery(inner, "counted").to_owned();
    let row = tx.query_one(&outer).await?.ok_or_else(|| Error::internal("a count has a row"))?;
    let n: i64 = store::read(&row, "n")?;
    Ok(u64::try_from(n).unwrap_or_default())
}

async fn end(cx: &Cx) -> Result<NoContent> {
    let mut select = of_organization(cx, DELETE)?;
    select.and_where(Expr::col(("s", "id")).eq(cx.id("id")?));
    let row = cx.tx()?.query_one(&select).await?.ok_or_else(Error::missing)?;
    spare_owner(cx, store::read(&row, "member_is_owner")?)?;
    let username = store::read(&row, "member_username")?;
    end_one(cx, &select, username).await
}

async fn end_one(cx: &Cx, select: &SelectStatement, username: String) -> Result<NoContent> {
    let tx = cx.tx()?;
    let row = tx.query_one(select).await?.ok_or_else(Error::missing)?;
    let session: session::Model = store::model(&row)?;
    revoke(tx, Revoke::One(session.id), "ended", cx.now()).await?;
    audit::record(cx, Event::new(DELETE, "identity.session").target(session.id, username)).await?;
    Ok(NoContent)
}

/// The member of the path, if the caller reaches him; else 404.
pub(crate) async fn member(cx: &Cx, code: &str) -> Result<user::entity::Model> {
    let member = cx.tx()?.get::<user::entity::Entity>(cx.id("id")?).await?;
    let within = match cx.reach(code)? {
        Reach::All => true,
        Reach::Some { departments, own } => {
            member.department_id.is_some_and(|id| departments.contains(&id))
                || (own && member.id == cx.actor()?.id)
        }
    };
    if within { Ok(member) } else { Err(Error::missing()) }
}

async fn of_member(cx: &Cx) -> Result<Json<Sessions>> {
    let member = member(cx, LIST).await?;
    let mut select = of_organization(cx, LIST)?;
    select.and_where(Expr::col(("s", "user_id")).eq(member.id)).limit(OWN_MAX);
    let items =
        cx.tx()?.query_all(&select).await?.iter().map(|row| member_view(cx, row)).collect::<Result<_>>()?;
    Ok(Json(Sessions { items }))
}

async fn end_of_member(cx: &Cx) -> Result<NoContent> {
    let member = member(cx, DELETE).await?;
    spare_owner(cx, member.is_owner)?;
    revoke(cx.tx()?, Revoke::UserInOrg(member.id, cx.org()?), "ended", cx.now()).await?;
    let event = Event::new(DELETE, "identity.user").target(member.id, member.username);
    audit::record(cx, event).await?;
    Ok(NoContent)
}
