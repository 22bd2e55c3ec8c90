//! Found tables: what somebody decides about them.

use base::{Error, Id, Result, Timestamp};
use idgen::{IdType, KeyName};
use kernel::{
    Api, Cx, Json,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use sea_orm::{
    ColumnTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};
use serde::{Deserialize, Serialize};
use store::Tx;
use validator::Validate;

use super::{
    database::rows,
    entity::{
        database::Model as Database,
        table::{Column, Entity, Model},
    },
    first_use,
    plan::{self, Keyed},
    scan::set_state,
    service::{Ids, org, reading, writing},
};

const NAME: &str = "ids.table";
/// Tables that one call approves.
const MOST: usize = 1_000;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("ids", "table");
    own.get("list", "/api/id-tables", "Tables that were found in databases", list)
        .query::<Query>()
        .detached();
    own.act("approve", "/api/id-tables/{id}/approve", "Make or raise the key of a found table", approve)
        .needs("ids:table:update")
        .detached();
    own.act("ignore", "/api/id-tables/{id}/ignore", "Leave a found table without a key", ignore)
        .needs("ids:table:update")
        .detached();
    own.act("reset", "/api/id-tables/{id}/reset", "Take a decision about a found table back", reset)
        .needs("ids:table:update")
        .detached();
    own.post("approve_all", "/api/id-tables/approve-all", "Approve every table that waits", approve_all)
        .needs("ids:table:update")
        .detached();
}

/// Which tables.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// waiting, approved, ignored or vanished.
    #[serde(default)]
    state: Option<String>,
    /// Of one database.
    #[serde(default)]
    database_id: Option<Id>,
    /// A part of the table's or the key's name.
    #[serde(default)]
    search: Option<String>,
    /// From 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    page: Option<u64>,
    /// 1 to 200.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    page_size: Option<u64>,
}

/// A found table as shown. Ids are text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdTable")]
pub struct View {
    id: Id,
    /// The database that it was found through.
    database_id: Id,
    system_code: String,
    database: String,
    schema: Option<String>,
    table: String,
    column: String,
    column_type: String,
    /// The name of its key.
    key: String,
    /// The highest id that was seen in it.
    max: Option<String>,
    /// The highest id that its column holds.
    limit: String,
    /// waiting, approved, ignored or vanished.
    state: String,
    found_at: Timestamp,
    seen_at: Timestamp,
    decided_at: Option<Timestamp>,
    note: Option<String>,
}

impl View {
    fn of(row: Model, databases: &[Database]) -> Self {
        let database = databases.iter().find(|one| one.id == row.database_id);
        Self {
            id: row.id,
            database_id: row.database_id,
            system_code: database.map(|one| one.system_code.clone()).unwrap_or_default(),
            database: row.database_name,
            schema: Some(row.schema_name).filter(|schema| !schema.is_empty()),
            table: row.table_name,
            column: row.column_name,
            column_type: row.column_type,
            key: row.key_name,
            max: row.max_value.map(|max| max.to_string()),
            limit: IdType::parse(&row.id_type).map_or(i64::MAX, IdType::max).to_string(),
            state: row.state,
            found_at: row.found_at.into(),
            seen_at: row.seen_at.into(),
            decided_at: row.decided_at.map(Into::into),
            note: row.note,
        }
    }
}

/// A page of found tables.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdTablePage")]
pub struct Page {
    items: Vec<View>,
    /// How many there are.
    total: u64,
    page: u64,
    page_size: u64,
}

/// The window of a list: 422 outside of its bounds.
pub fn window(page: Option<u64>, page_size: Option<u64>) -> Result<(u64, u64)> {
    let (page, page_size) = (page.unwrap_or(1), page_size.unwrap_or(20));
    if !(1..=100_000).contains(&page) {
        return Err(Error::field("page", "range", "from 1 to 100000"));
    }
    if !(1..=200).contains(&page_size) {
        return Err(Error::field("page_size", "range", "from 1 to 200"));
    }
    Ok((page, page_size))
}

/// A pattern that matches what contains the text, in lower case.
pub fn containing(text: &str) -> LikeExpr {
    let escaped = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    LikeExpr::new(format!("%{escaped}%")).escape('!')
}

async fn list(cx: &Cx) -> Result<Json<Page>> {
    let query: Query = cx.query()?;
    let (page, page_size) = window(query.page, query.page_size)?;
    let tx = reading(cx).await?;
    let mut select = tx.find::<Entity>();
    if let Some(state) = &query.state {
        if !["waiting", "approved", "ignored", "vanished"].contains(&state.as_str()) {
            return Err(Error::field("state", "invalid_value", "waiting, approved, ignored or vanished"));
        }
        select = select.filter(Column::State.eq(state.as_str()));
    }
    if let Some(id) = query.database_id {
        select = select.filter(Column::DatabaseId.eq(id));
    }
    if let Some(text) = query.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let name = Func::lower(Expr::col(Column::TableName));
        let found =
            Expr::expr(name).like(containing(text)).or(Expr::col(Column::KeyName).like(containing(text)));
        select = select.filter(found);
    }
    let total = tx.count(select.clone()).await?;
    let select = select
        .order_by_asc(Column::KeyName)
        .order_by_asc(Column::Id)
        .offset((page - 1) * page_size)
        .limit(page_size);
    let rows = tx.all(select).await?;
    let databases = rows::all(&tx).await?;
    tx.commit().await?;
    let items = rows.into_iter().map(|row| View::of(row, &databases)).collect();
    Ok(Json(Page { items, total, page, page_size }))
}

/// A found table and its database.
async fn load(tx: &Tx, id: Id) -> Result<(Model, Database)> {
    let row = tx.get::<Entity>(id).await?;
    let database = rows::get(tx, row.database_id).await?;
    Ok((row, database))
}

async fn decide(cx: &Cx, row: &Model, database: &Database, state: &str, action: &str) -> Result<Json<View>> {
    let work = cx.begin(writing(cx)?).await?;
    set_state(&work, row, state, cx.now(), None).await?;
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new(format!("ids:table:{action}"), NAME)
        .target(row.id, format!("{}.{}", row.database_name, row.table_name))
        .change("state", row.state.clone().into(), state.into());
    audit::write(&work, cx.now(), who, &cx.origin, event).await?;
    let after = work.get::<Entity>(row.id).await?;
    cx.finish(work);
    Ok(Json(View::of(after, std::slice::from_ref(database))))
}

/// Asks the table anew and makes its key.
async fn make_key(cx: &Cx, row: &Model, database: &Database) -> Result<()> {
    let ids = Ids::of(&cx.app)?;
    let target = rows::target(ids, database)?;
    let schema = Some(row.schema_name.as_str()).filter(|schema| !schema.is_empty());
    // A server that cannot be asked is not ours to answer for.
    let asked = |error: Error| match error.kind() {
        base::Kind::Unavailable => Error::conflict("target_unreachable", error.detail().to_owned()),
        _ => error,
    };
    let mut session = ids.connector().open(&target, &row.database_name).await.map_err(asked)?;
    let found = session.column(schema, &row.table_name, &row.column_name).await.map_err(asked)?;
    let (table, column) =
        found.ok_or_else(|| Error::conflict("table_gone", "the table is not there any more"))?;
    let shared = first_use::shared(&mut session, &table, &column).await;
    let first_use::Shared { highest, id_type } = shared.map_err(|error| match error.code() {
        "not_integer" => Error::conflict("not_integer", "its key holds no ids"),
        _ => asked(error),
    })?;
    let in_use = i64::try_from(highest).ok().filter(|highest| *highest <= id_type.max());
    let in_use = in_use.ok_or_else(|| {
        Error::conflict("above_limit", format!("ids are issued up to {} only", id_type.max()))
    })?;
    let keyed = Keyed { name: KeyName::new(&row.key_name)?, in_use, id_type };
    plan::apply(ids, org(cx)?, &keyed).await.map(drop)
}

async fn approve(cx: &Cx) -> Result<Json<View>> {
    let tx = reading(cx).await?;
    let (row, database) = load(&tx, cx.id("id")?).await?;
    tx.commit().await?;
    make_key(cx, &row, &database).await?;
    decide(cx, &row, &database, "approved", "approve").await
}

async fn ignore(cx: &Cx) -> Result<Json<View>> {
    let tx = reading(cx).await?;
    let (row, database) = load(&tx, cx.id("id")?).await?;
    tx.commit().await?;
    decide(cx, &row, &database, "ignored", "ignore").await
}

async fn reset(cx: &Cx) -> Result<Json<View>> {
    let tx = reading(cx).await?;
    let (row, database) = load(&tx, cx.id("id")?).await?;
    tx.commit().await?;
    decide(cx, &row, &database, "waiting", "reset").await
}

/// Which tables to approve.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdTableApproval")]
pub struct Approval {
    /// Those of one database; none: all.
    #[serde(default)]
    database_id: Option<Id>,
}

/// What became of them.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "IdTableApproved")]
pub struct Approved {
    /// Tables that have a key now.
    approved: usize,
    /// Tables that do not.
    failed: usize,
    /// Why not.
    errors: Vec<ApprovalError>,
}

/// A table that could not be approved.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdTableError")]
pub struct ApprovalError {
    /// Which.
    table: String,
    /// Why.
    message: String,
}

async fn approve_all(cx: &Cx, input: Approval) -> Result<Json<Approved>> {
    let tx = reading(cx).await?;
    let mut select = tx.find::<Entity>().filter(Column::State.eq("waiting"));
    if let Some(id) = input.database_id {
        select = select.filter(Column::DatabaseId.eq(id));
    }
    let mut waiting = tx.all(select.order_by_asc(Column::KeyName)).await?;
    let databases = rows::all(&tx).await?;
    tx.commit().await?;
    waiting.truncate(MOST);
    let (mut out, mut done) = (Approved::default(), Vec::new());
    for row in waiting {
        let Some(database) = databases.iter().find(|one| one.id == row.database_id) else { continue };
        match make_key(cx, &row, database).await {
            Ok(()) => done.push(row),
            Err(error) => {
                out.failed += 1;
                let table = format!("{}.{}", row.database_name, row.table_name);
                out.errors.push(ApprovalError { table, message: error.detail().to_owned() });
            }
        }
    }
    out.errors.truncate(100);
    out.approved = done.len();
    let work = cx.begin(writing(cx)?).await?;
    for row in &done {
        set_state(&work, row, "approved", cx.now(), None).await?;
    }
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let event = Event::new("ids:table:approve_all", NAME).change("approved", 0.into(), done.len().into());
    audit::write(&work, cx.now(), who, &cx.origin, event).await?;
    cx.finish(work);
    Ok(Json(out))
}
