//! One record: create, read, replace, patch, trash, restore, purge.

use std::sync::Arc;

use axum::response::Response;
use base::{Error, FieldError, Id, Kind, Result};
use http::{HeaderMap, header};
use sea_orm::{
    Value,
    sea_query::{Expr, ExprTrait, LockType, Query},
};
use serde_json::{Map, Value as Json, json};
use store::Dialect;

use super::{
    Dynamic,
    dynamic::{AnyChange, Row},
    spec::{SEARCH_KEY, STAMPS},
    statement::{self, Trash},
    value,
};
use crate::{
    Cx,
    api::{Answer, Created, Json as Body, NoContent},
    audit::{self, Event},
    http::decode,
};

/// A strong entity tag: the version in quotes (decision 4.4).
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// 412 when `If-Match` names other versions, 409 when the body does.
pub fn expect_version(headers: &HeaderMap, body: Option<&Json>, version: i64) -> Result<()> {
    if let Some(wanted) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) {
        let tag = etag(version);
        if !wanted.split(',').map(str::trim).any(|one| one == "*" || one == tag) {
            let detail = format!("the record is at version {version} now; read it again");
            return Err(Error::precondition("version_mismatch", detail));
        }
    }
    match body.map(|json| json.as_i64()) {
        Some(Some(sent)) if sent == version => Ok(()),
        Some(Some(_)) => {
            let detail = format!("somebody else has changed the record; it is at version {version} now");
            Err(Error::conflict("version_conflict", detail))
        }
        Some(None) => Err(Error::field("version", "wrong_type", "must be an integer")),
        None => Ok(()),
    }
}

/// The record of that id within what `action` reaches, or 404.
pub(crate) async fn find(
    cx: &Cx,
    resource: &dyn Dynamic,
    id: Id,
    action: &str,
    trash: Trash,
    lock: bool,
) -> Result<Row> {
    let tx = cx.tx()?;
    let reach = cx.reach(&resource.meta().permission(action))?;
    let mut select = statement::scoped(tx, resource.spec(), cx.actor()?.id, &reach, trash)?;
    select.and_where(Expr::col("id").eq(id));
    if lock && tx.dialect() != Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    match tx.query_one(&select).await? {
        Some(raw) => resource.row(&raw),
        None => Err(Error::missing()),
    }
}

/// The record of that id within what both `delete` and `purge` reach.
pub(crate) async fn find_to_purge(cx: &Cx, resource: &dyn Dynamic, id: Id) -> Result<Row> {
    cx.require(&resource.meta().permission("purge"))?;
    find(cx, resource, id, "delete", Trash::With, true).await?;
    find(cx, resource, id, "purge", Trash::With, true).await
}

async fn show(cx: &Cx, resource: &dyn Dynamic, row: Row) -> Result<Json> {
    cx.respond_with(header::ETAG, &etag(row.version()))?;
    let mut shown = resource.render(cx, vec![row]).await?;
    shown.pop().ok_or_else(|| Error::internal("a record that cannot be shown"))
}

pub(crate) async fn read(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let row = find(cx, &*resource, cx.id("id")?, "read", Trash::With, false).await?;
    Body(show(cx, &*resource, row).await?).respond(cx)
}

pub(crate) async fn create(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let body = decode::json(&cx.headers, cx.body())?;
    let row = insert(cx, &*resource, body).await?;
    let id = row.id();
    let shown = show(cx, &*resource, row).await?;
    Created::at(&resource.meta().path(), id, shown).respond(cx)
}

/// Creates a record of the named resource as its own route would, for actions that make one.
pub async fn create_record(cx: &Cx, full_name: &str, body: Json) -> Result<(Id, Json)> {
    let resource = cx.app.registry().find(full_name).cloned();
    let resource = resource.ok_or_else(|| Error::internal(format!("no resource {full_name}")))?;
    let row = insert(cx, &*resource, body).await?;
    let id = row.id();
    show(cx, &*resource, row).await.map(|shown| (id, shown))
}

/// Changes a record of the named resource as its own PATCH would, for actions that change one.
pub async fn patch_record(cx: &Cx, full_name: &str, id: Id, body: Json) -> Result<Json> {
    let resource = cx.app.registry().find(full_name).cloned();
    let resource = resource.ok_or_else(|| Error::internal(format!("no resource {full_name}")))?;
    let row = find(cx, &*resource, id, "update", Trash::Without, true).await?;
    let row = update(cx, &*resource, &row, body, false).await?;
    show(cx, &*resource, row).await
}

/// 404 unless the caller reaches that record of the named resource with `action`; for actions of a
/// resource's own. In a unit of work that writes, the record is locked.
pub async fn require_record(cx: &Cx, full_name: &str, action: &str, id: Id) -> Result<()> {
    let resource = cx.app.registry().find(full_name).cloned();
    let resource = resource.ok_or_else(|| Error::internal(format!("no resource {full_name}")))?;
    let lock = cx.method != http::Method::GET;
    find(cx, &*resource, id, action, Trash::Without, lock).await.map(drop)
}

pub(crate) async fn replace(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    write(cx, resource, true).await
}

pub(crate) async fn patch(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    write(cx, resource, false).await
}

async fn write(cx: &Cx, resource: Arc<dyn Dynamic>, whole: bool) -> Result<Response> {
    let row = find(cx, &*resource, cx.id("id")?, "update", Trash::Without, true).await?;
    let mut body = decode::json(&cx.headers, cx.body())?;
    let sent = body.as_object_mut().and_then(|members| members.remove("version"));
    expect_version(&cx.headers, sent.as_ref(), row.version())?;
    let row = update(cx, &*resource, &row, body, whole).await?;
    Body(show(cx, &*resource, row).await?).respond(cx)
}

pub(crate) async fn delete(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let purge_asked = match cx.query_pairs().iter().find(|(name, _)| name == "purge") {
        Some((_, text)) => {
            text.parse().map_err(|_| Error::field("purge", "invalid_value", "must be true or false"))?
        }
        None => false,
    };
    let id = cx.id("id")?;
    if purge_asked {
        let row = find_to_purge(cx, &*resource, id).await?;
        expect_version(&cx.headers, None, row.version())?;
        purge(cx, &*resource, &row).await?;
    } else {
        let row = find(cx, &*resource, id, "delete", Trash::Without, true).await?;
        expect_version(&cx.headers, None, row.version())?;
        trash(cx, &*resource, &row).await?;
    }
    NoContent.respond(cx)
}

pub(crate) async fn restore_one(cx: &Cx, resource: Arc<dyn Dynamic>) -> Result<Response> {
    let row = find(cx, &*resource, cx.id("id")?, "delete", Trash::Only, true).await?;
    let row = restore(cx, &*resource, &row).await?;
    Body(show(cx, &*resource, row).await?).respond(cx)
}

/// Creates a record from a body.
pub(crate) async fn insert(cx: &Cx, resource: &dyn Dynamic, body: Json) -> Result<Row> {
    let mut change = resource.create(body)?;
    let (id, now, actor) = (cx.app.new_id(), cx.now(), cx.actor()?.id);
    let stamps: [(&str, Value); 9] = [
        ("id", id.into()),
        ("org_id", cx.org()?.into()),
        ("version", 1i32.into()),
        ("created_at", now.into()),
        ("updated_at", now.into()),
        ("created_by", Some(actor).into()),
        ("updated_by", Some(actor).into()),
        ("deleted_at", value::null(super::Kind::Instant)),
        ("alive", Some(true).into()),
    ];
    for (column, value) in stamps {
        resource.set(&mut change, column, value)?;
    }
    resource.before_save(cx, &mut change).await?;
    let mut values = resource.values(&change)?;
    check(cx, resource, &values, None).await?;
    keep_search_key(resource, &mut values, None);
    let statement = Query::insert()
        .into_table(resource.spec().table)
        .columns(values.iter().map(|(name, _)| *name))
        .values_panic(values.iter().map(|(_, value)| value.clone().into()))
        .to_owned();
    cx.tx()?.execute(&statement).await?;
    let reach = cx.reach(&resource.meta().permission("create"))?;
    if resource.spec().dept == Some("id") && reach != crate::Reach::All {
        // A new department lies in nobody's reach that was worked out before it existed.
        cx.renew_reach().await?;
    }
    finish(cx, resource, change, id, "create", None).await
}

/// Changes a record: `whole` is a PUT, else a PATCH.
pub(crate) async fn update(
    cx: &Cx,
    resource: &dyn Dynamic,
    old: &Row,
    body: Json,
    whole: bool,
) -> Result<Row> {
    let mut change = if whole { resource.replace(body, old)? } else { resource.patch(body, old)? };
    resource.before_save(cx, &mut change).await?;
    let mut values = resource.values(&change)?;
    values.retain(|(name, value)| !STAMPS.contains(name) && old.get(name) != Some(value));
    check(cx, resource, &values, Some(old)).await?;
    keep_search_key(resource, &mut values, Some(old));
    store_columns(cx, resource, old, values).await?;
    finish(cx, resource, change, old.id(), "update", Some(old)).await
}

async fn store_columns(
    cx: &Cx,
    resource: &dyn Dynamic,
    old: &Row,
    mut values: Vec<(&'static str, Value)>,
) -> Result<()> {
    let spec = resource.spec();
    let stamps: [(&'static str, Value); 3] = [
        ("version", (i32::try_from(old.version()).unwrap_or(i32::MAX).saturating_add(1)).into()),
        ("updated_at", cx.now().into()),
        ("updated_by", Some(cx.actor()?.id).into()),
    ];
    values.extend(stamps.into_iter().filter(|(name, _)| spec.has(name)));
    let mut statement = Query::update();
    statement.table(spec.table).values(values.into_iter().map(|(name, value)| (name, Expr::value(value))));
    statement.and_where(Expr::col("id").eq(old.id()));
    if let Some(org) = cx.tx()?.org_filter()? {
        statement.and_where(Expr::col("org_id").eq(org));
    }
    if spec.has("version") {
        statement.and_where(Expr::col("version").eq(old.version()));
    }
    match cx.tx()?.execute(&statement).await? {
        0 => Err(Error::conflict(
            "version_conflict",
            "somebody else has just changed the record; read it again",
        )),
        _ => Ok(()),
    }
}

/// Reads the saved record back, within the caller's reach, runs the hook, and writes the audit entry.
async fn finish(
    cx: &Cx,
    resource: &dyn Dynamic,
    change: AnyChange,
    id: Id,
    action: &str,
    old: Option<&Row>,
) -> Result<Row> {
    let saved = match find(cx, resource, id, action, Trash::Without, false).await {
        Err(failure) if failure.kind() == Kind::NotFound => {
            let detail = "the record would lie outside the rows that you may change";
            return Err(Error::forbidden("out_of_scope", detail));
        }
        other => other?,
    };
    resource.after_save(cx, &change, &saved).await?;
    record(cx, resource, action, &saved, diff(old, Some(&saved))).await?;
    Ok(saved)
}

async fn record(
    cx: &Cx,
    resource: &dyn Dynamic,
    action: &str,
    row: &Row,
    changes: Map<String, Json>,
) -> Result<()> {
    let meta = resource.meta();
    let label = row.text(resource.spec().label);
    let event = Event::new(meta.permission(action), meta.full_name()).target(row.id(), label);
    audit::record(cx, Event { changes, ..event }).await
}

/// `{field: {before, after}}` of the columns that differ, without the engine's own.
fn diff(old: Option<&Row>, new: Option<&Row>) -> Map<String, Json> {
    let mut out = Map::new();
    let columns = new.or(old).map(Row::values).unwrap_or_default();
    for (name, _) in columns.iter().filter(|(name, _)| !STAMPS.contains(name) && *name != SEARCH_KEY) {
        let json = |row: Option<&Row>| row.map(|row| row.json(name)).unwrap_or_default();
        let (before, after) = (json(old), json(new));
        if before != after {
            out.insert((*name).to_owned(), json!({ "before": before, "after": after }));
        }
    }
    out
}

/// Puts a record into the trash.
pub(crate) async fn trash(cx: &Cx, resource: &dyn Dynamic, row: &Row) -> Result<()> {
    if !resource.spec().has("deleted_at") {
        return purge(cx, resource, row).await;
    }
    unreferenced(cx, resource, row).await?;
    resource.before_delete(cx, row, false).await?;
    let gone = vec![("deleted_at", cx.now().into()), ("alive", value::null(super::Kind::Boolean))];
    store_columns(cx, resource, row, gone).await?;
    record(cx, resource, "delete", row, Map::new()).await
}

/// Takes a record out of the trash.
pub(crate) async fn restore(cx: &Cx, resource: &dyn Dynamic, row: &Row) -> Result<Row> {
    resource.before_restore(cx, row).await?;
    check(cx, resource, row.values(), Some(row)).await?;
    let back = vec![("deleted_at", value::null(super::Kind::Instant)), ("alive", Some(true).into())];
    store_columns(cx, resource, row, back).await?;
    let row = find(cx, resource, row.id(), "delete", Trash::Without, false).await?;
    record(cx, resource, "restore", &row, Map::new()).await?;
    Ok(row)
}

/// Deletes a record for good.
pub(crate) async fn purge(cx: &Cx, resource: &dyn Dynamic, row: &Row) -> Result<()> {
    unreferenced(cx, resource, row).await?;
    resource.before_delete(cx, row, true).await?;
    let mut statement = Query::delete();
    statement.from_table(resource.spec().table).and_where(Expr::col("id").eq(row.id()));
    if let Some(org) = cx.tx()?.org_filter()? {
        statement.and_where(Expr::col("org_id").eq(org));
    }
    cx.tx()?.execute(&statement).await?;
    record(cx, resource, "purge", row, diff(Some(row), None)).await
}

/// 422 for a reference to what does not exist here, 409 for a value that is taken.
async fn check(
    cx: &Cx,
    resource: &dyn Dynamic,
    values: &[(&'static str, Value)],
    old: Option<&Row>,
) -> Result<()> {
    let get = |name: &str| values.iter().find(|(column, _)| *column == name).map(|(_, value)| value);
    for (column, target) in &resource.spec().references {
        if let Some(Value::Uuid(Some(id))) = get(column)
            && !exists(cx, target, *id).await?
        {
            let message = "refers to a record that does not exist";
            return Err(Error::fields(vec![FieldError::new(*column, "unknown_reference", message)]));
        }
    }
    for columns in &resource.spec().unique {
        if columns.iter().any(|column| get(column).is_some()) {
            not_taken(cx, resource, columns, &get, old).await?;
        }
    }
    Ok(())
}

async fn exists(cx: &Cx, target: &str, id: Id) -> Result<bool> {
    let registry = cx.app.registry();
    let resource = registry.find(target).ok_or_else(|| Error::internal(format!("no resource {target}")))?;
    let everything = crate::Reach::All;
    let mut select =
        statement::scoped(cx.tx()?, resource.spec(), cx.actor()?.id, &everything, Trash::Without)?;
    select.and_where(Expr::col("id").eq(id));
    Ok(cx.tx()?.query_one(&select).await?.is_some())
}

async fn not_taken<'v>(
    cx: &Cx,
    resource: &dyn Dynamic,
    columns: &[&'static str],
    get: &impl Fn(&str) -> Option<&'v Value>,
    old: Option<&Row>,
) -> Result<()> {
    let mut select =
        statement::scoped(cx.tx()?, resource.spec(), cx.actor()?.id, &crate::Reach::All, Trash::Without)?;
    for column in columns {
        let value = get(column).or_else(|| old.and_then(|row| row.get(column)));
        match value {
            Some(value) if value::to_json(value) != Json::Null => {
                select.and_where(Expr::col(*column).eq(value.clone()));
            }
            // NULLs differ from each other.
            _ => return Ok(()),
        }
    }
    if let Some(old) = old {
        select.and_where(Expr::col("id").ne(old.id()));
    }
    if cx.tx()?.query_one(&select).await?.is_none() {
        return Ok(());
    }
    let fields = columns.iter().map(|column| FieldError::new(*column, "taken", "is taken by another record"));
    Err(Error::conflict("conflict", format!("{} is taken by another record", columns.join(", ")))
        .with_fields(fields.collect()))
}

/// 409 while live records of any resource refer to this one.
async fn unreferenced(cx: &Cx, resource: &dyn Dynamic, row: &Row) -> Result<()> {
    let name = resource.meta().full_name();
    for other in cx.app.registry().iter() {
        for (column, _) in other.spec().references.iter().filter(|(_, target)| *target == name) {
            let mut select = statement::scoped(
                cx.tx()?,
                other.spec(),
                cx.actor()?.id,
                &crate::Reach::All,
                Trash::Without,
            )?;
            select.and_where(Expr::col(*column).eq(row.id())).limit(1);
            if cx.tx()?.query_one(&select).await?.is_some() {
                let detail = format!("{} still refer to it", other.meta().plural);
                return Err(Error::conflict("in_use", detail));
            }
        }
    }
    Ok(())
}

/// Keeps `search_key`: the normalised text of the searched columns.
fn keep_search_key(resource: &dyn Dynamic, values: &mut Vec<(&'static str, Value)>, old: Option<&Row>) {
    let spec = resource.spec();
    if !spec.has(SEARCH_KEY) {
        return;
    }
    let get = |name: &str| {
        let new = values.iter().find(|(column, _)| *column == name).map(|(_, value)| value);
        new.or_else(|| old.and_then(|row| row.get(name))).map(value::to_json)
    };
    let texts = spec.search.iter().filter_map(|name| get(name)?.as_str().map(base::text::fold));
    let key: String = texts.collect::<Vec<_>>().join("\u{1f}").chars().take(600).collect();
    values.retain(|(name, _)| *name != SEARCH_KEY);
    values.push((SEARCH_KEY, key.into()));
}
