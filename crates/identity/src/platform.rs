//! The installation's administrators: everybody's accounts and all organisations.
//!
//! The permissions of the module `platform` follow from a flag of the account and can be carried by
//! no role. Nothing here shows an organisation's own data. May import: `account`, `kernel`, this
//! crate's entities.

mod audit;
pub mod dto;

use std::collections::HashMap;

use base::{Error, Id, Result};
use http::header;
use kernel::{
    Api, Cx, Json, Spec,
    audit::{Event, Who},
    resource::{ListQuery, etag, expect_version, paginate},
};
use sea_orm::{
    ActiveValue::Set,
    Condition, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};
use serde_json::json;
use store::{Dialect, Mode, Opening, Role, Tx};

use self::dto::{OrganizationRow, Patch, View};
use crate::{
    access::listing::{Listed, Search},
    account::{self, By, one_time, operator},
    entity::{app_user, organization},
    mail::{self, Letter},
    organization::require_session,
    session::{self, Revoke, slug},
};

/// Routes.
pub fn mount(api: &mut Api) {
    let mut users = api.guarded("platform", "user");
    users
        .get("list", "/api/platform/users", "Everybody, whatever the organisation", list)
        .query::<Search>()
        .lists(&user_spec());
    users
        .patch("update", "/api/platform/users/{id}", "Close, open or change somebody's account", update)
        .detached()
        .problems(&[403, 404, 409, 412])
        .example(json!({ "disabled": true }));
    users
        .act(
            "anonymize",
            "/api/platform/users/{id}/anonymize",
            "Take name and address out of an account, for good",
            anonymize,
        )
        .detached()
        .problems(&[403, 404, 409]);
    api.guarded("platform", "organization")
        .get("list", "/api/platform/organizations", "All organisations", organizations)
        .detached()
        .query::<Search>()
        .lists(&organization_spec());
    audit::mount(api);
}

/// The list request of a table without a search key, and its words.
fn list_query(cx: &Cx, spec: &Spec) -> Result<(ListQuery, Vec<String>)> {
    let pairs = cx.query_pairs();
    let query = ListQuery::parse_with(spec, &pairs, &["search"])?;
    let text = pairs.iter().find(|(name, _)| name == "search").map_or("", |(_, text)| text.as_str());
    if text.chars().count() > 200 {
        return Err(Error::field("search", "too_long", "must have at most 200 characters"));
    }
    let words =
        base::text::fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    Ok((query, words))
}

/// Each word must occur in one of the columns. Position instead of LIKE: nothing is a wildcard.
fn search(select: &mut SelectStatement, dialect: Dialect, words: &[String], columns: &[&'static str]) {
    let position = if dialect == Dialect::Postgres { "strpos" } else { "instr" };
    for word in words {
        let found = |column: &'static str| {
            let lower = Func::lower(Expr::col(column));
            Func::cust(Alias::new(position)).arg(lower).arg(Expr::value(word.as_str())).gt(0)
        };
        let any = columns.iter().fold(Condition::any(), |any, column| any.add(found(column)));
        select.cond_where(any);
    }
}

fn user_spec() -> Spec {
    use app_user::Column as C;
    Spec::of::<app_user::Entity>(C::Username)
        .filter([C::Username, C::Email, C::IsPlatformAdmin, C::DisabledAt, C::LastSignInAt, C::CreatedAt])
        .sort([C::Username, C::Name, C::Email, C::LastSignInAt, C::CreatedAt])
}

fn organization_spec() -> Spec {
    use organization::Column as C;
    Spec::of::<organization::Entity>(C::Name).filter([C::Name, C::CreatedAt, C::DeletingAt]).sort([
        C::Name,
        C::CreatedAt,
        C::DeletingAt,
    ])
}

/// `GET /api/platform/users/`.
async fn list(cx: &Cx) -> Result<Json<Listed<View>>> {
    let (tx, spec) = (cx.tx()?, user_spec());
    let (query, words) = list_query(cx, &spec)?;
    let mut select = tx.find::<app_user::Entity>().into_query();
    search(&mut select, tx.dialect(), &words, &["username_key", "name", "email"]);
    let page = paginate(tx, &spec, select, &query).await?;
    let rows = page.rows.iter().map(store::model::<app_user::Model>).collect::<Result<Vec<_>>>()?;
    Ok(Json(Listed::of(&query, page, rows.into_iter().map(View::from).collect())))
}

/// `PATCH /api/platform/users/{id}/`: all of it, or nothing.
async fn update(cx: &Cx, input: Patch) -> Result<Json<View>> {
    if input.is_platform_admin.is_some() || input.email.is_some() {
        require_session(cx)?;
    }
    let tx = cx.app.system(Mode::Write).await?;
    let before = account::lock(&tx, cx.id("id")?).await?.ok_or_else(Error::missing)?;
    expect_version(&cx.headers, input.version.map(Into::into).as_ref(), before.version.into())?;
    if before.anonymized_at.is_some() {
        return Err(Error::conflict("anonymized", "an anonymised account stays as it is"));
    }
    let after = apply(cx, &tx, &before, &input).await?;
    if after.version != before.version {
        announce(cx, &tx, &after, changes("platform:user:update", &before, &after)).await?;
    }
    tx.commit().await?;
    cx.respond_with(header::ETAG, &etag(after.version.into()))?;
    Ok(Json(after.into()))
}

async fn apply(cx: &Cx, tx: &Tx, before: &app_user::Model, input: &Patch) -> Result<app_user::Model> {
    let now = cx.now();
    let mut after = before.clone();
    if let Some(email) = &input.email
        && before.email.as_deref() != Some(email.trim())
    {
        after = account::set_email(tx, now, &after, Some(email), true).await?;
        // Links that went to the old address must not open the account any more.
        one_time::withdraw_all(tx, before.id).await?;
        if let Some(old) = &before.email {
            let letter = Letter::EmailChanged { name: before.name.clone() };
            mail::enqueue(&cx.app, tx, old, &before.locale, letter).await?;
        }
    }
    let closes = input.disabled == Some(true) && before.disabled_at.is_none();
    let opens = input.disabled == Some(false) && before.disabled_at.is_some();
    let demotes = input.is_platform_admin == Some(false) && before.is_platform_admin;
    let promotes = input.is_platform_admin == Some(true) && !before.is_platform_admin;
    if closes || demotes {
        operator::keep_an_administrator(tx, before).await?;
    }
    let mut row = app_user::ActiveModel::default();
    if let Some(name) = input.name.as_deref().map(account::display_name).transpose()?
        && name != before.name
    {
        after.name.clone_from(&name);
        row.name = Set(name);
    }
    if closes || opens {
        after.disabled_at = closes.then_some(now);
        row.disabled_at = Set(after.disabled_at);
    }
    if promotes || demotes {
        after.is_platform_admin = promotes;
        row.is_platform_admin = Set(promotes);
    }
    if row != app_user::ActiveModel::default() {
        account::update(tx, now, &after, row).await?;
        after.version = after.version.saturating_add(1);
    }
    if after.name != before.name {
        account::sync_copies(tx, now, &after).await?;
    }
    if closes {
        session::revoke(tx, Revoke::User(before.id), "disabled", now).await?;
    }
    after.updated_at = if after.version == before.version { before.updated_at } else { now };
    Ok(after)
}

fn changes(action: &str, before: &app_user::Model, after: &app_user::Model) -> Event {
    let event = Event::new(action, "identity.user").target(after.id, after.username.clone());
    let fields = [
        ("name", json!(before.name), json!(after.name)),
        ("email", json!(before.email), json!(after.email)),
        ("disabled", json!(before.disabled_at.is_some()), json!(after.disabled_at.is_some())),
        ("is_platform_admin", json!(before.is_platform_admin), json!(after.is_platform_admin)),
    ];
    let differs = fields.into_iter().filter(|(_, old, new)| old != new);
    differs.fold(event, |event, (field, old, new)| event.change(field, old, new))
}

/// Tells the person's organisations and the installation.
async fn announce(cx: &Cx, tx: &Tx, person: &app_user::Model, event: Event) -> Result<()> {
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let by = By { who, origin: &cx.origin };
    let kind = match event.changes.get("disabled").map(|change| change["after"] == json!(true)) {
        Some(true) => "user_disabled",
        Some(false) => "user_enabled",
        None => "user_changed",
    };
    account::announce_everywhere(tx, cx.now(), &by, person.id, Some(kind), &event).await
}

/// `POST /api/platform/users/{id}/anonymize/`.
async fn anonymize(cx: &Cx) -> Result<Json<View>> {
    require_session(cx)?;
    let tx = cx.begin(Opening::new(Role::System, None)).await?;
    let before = account::lock(&tx, cx.id("id")?).await?.ok_or_else(Error::missing)?;
    if before.anonymized_at.is_some() {
        return Ok(Json(before.into()));
    }
    let after = operator::anonymize(&cx.app, &tx, &before).await?;
    // Without before and after: the entry must not keep what has just been taken out.
    let event =
        Event::new("platform:user:anonymize", "identity.user").target(after.id, after.username.clone());
    announce(cx, &tx, &after, event).await?;
    cx.finish(tx);
    Ok(Json(after.into()))
}

/// `GET /api/platform/organizations/`.
async fn organizations(cx: &Cx) -> Result<Json<Listed<OrganizationRow>>> {
    let (tx, spec) = (cx.app.system(Mode::Read).await?, organization_spec());
    let (query, words) = list_query(cx, &spec)?;
    let mut select = tx.find::<organization::Entity>().into_query();
    search(&mut select, tx.dialect(), &words, &["name_key"]);
    let page = paginate(&tx, &spec, select, &query).await?;
    let rows = page.rows.iter().map(store::model::<organization::Model>).collect::<Result<Vec<_>>>()?;
    let counts = member_counts(&tx, rows.iter().map(|row| row.id).collect()).await?;
    tx.commit().await?;
    let view = |row: organization::Model| OrganizationRow {
        id: row.id,
        slug: slug(&row),
        member_count: counts.get(&row.id).copied().unwrap_or_default(),
        name: row.name,
        created_at: row.created_at.into(),
        delete_after: row.deleting_at.map(Into::into),
    };
    Ok(Json(Listed::of(&query, page, rows.into_iter().map(view).collect())))
}

async fn member_counts(tx: &Tx, orgs: Vec<Id>) -> Result<HashMap<Id, i64>> {
    let mut select = Query::select();
    select
        .column("org_id")
        .expr_as(Expr::cust("COUNT(*)"), "n")
        .from("membership")
        .and_where(Expr::col("org_id").is_in(orgs))
        .and_where(Expr::col("deleted_at").is_null())
        .group_by_col("org_id");
    let rows = tx.query_all(&select).await?;
    rows.iter().map(|row| Ok((store::read(row, "org_id")?, store::read(row, "n")?))).collect()
}
