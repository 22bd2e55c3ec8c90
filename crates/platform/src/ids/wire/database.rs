//! `/api/database/*`: databases, their initialisation and what was found in them.

use base::{Error, Id, Kind, Result, Secret};
use connector::Product;
use idgen::{IdType, Key, KeyName, NewKey, Settings, State};
use kernel::{Api, Cx, audit::Event};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Reply, body_schema,
    envelope::{Wide, business, success},
    fields::{Fields, Issue},
    refuse,
};
use crate::ids::{
    database::{
        change::{self, Draft},
        dto::MASK,
        rows,
    },
    entity::{database::Model, table},
    plan,
    service::{Ids, org, reading, writing},
};

pub fn mount(api: &mut Api) {
    let text = || json!({ "type": "string" });
    let config = body_schema(
        &["system_code", "db_type", "db_address", "db_user", "db_password"],
        json!({
            "system_code": { "type": "string", "minLength": 1, "maxLength": 100 },
            "db_type": { "type": "string", "enum": ["mysql", "postgresql", "sqlserver", "oracle"] },
            "db_address": text(), "db_user": text(), "db_password": text(),
            "db_name": { "type": ["string", "null"] },
        }),
    );
    let custom = body_schema(
        &["table_name", "field_name"],
        json!({
            "table_name": text(), "field_name": text(),
            "initial_value": { "type": "integer", "minimum": 0, "default": 0 },
        }),
    );
    let mut own = api.guarded("ids", "database");
    own.get("wire_list", "/api/database/list", "Databases, for older clients", list)
        .needs("ids:database:list")
        .detached()
        .refuses_as(refuse);
    own.act("wire_add", "/api/database/add", "Add a database, for older clients", add)
        .needs("ids:database:create")
        .raw_body(config.clone())
        .detached()
        .refuses_as(refuse);
    own.get("wire_read", "/api/database/{guid}", "A database, for older clients", read)
        .needs("ids:database:read")
        .detached()
        .refuses_as(refuse);
    own.set("wire_replace", "/api/database/{guid}", "Replace a database, for older clients", replace)
        .needs("ids:database:update")
        .raw_body(config)
        .detached()
        .refuses_as(refuse);
    own.delete("wire_delete", "/api/database/{guid}", "Take a database away, for older clients", delete)
        .needs("ids:database:delete")
        .detached()
        .refuses_as(refuse);
    own.act(
        "wire_initialize",
        "/api/database/initialize/{guid}",
        "Make its keys, for older clients",
        initialize,
    )
    .needs("ids:database:initialize")
    .detached()
    .refuses_as(refuse);
    own.act(
        "wire_add_config",
        "/api/database/{guid}/add-config",
        "A key of its own, for older clients",
        add_config,
    )
    .needs("ids:key:create")
    .raw_body(custom)
    .detached()
    .refuses_as(refuse);
    own.get(
        "wire_discovered",
        "/api/database/{guid}/discovered-tables",
        "Tables that wait, for older clients",
        discovered,
    )
    .needs("ids:table:list")
    .detached()
    .refuses_as(refuse);
}

/// A database on this wire.
#[derive(Serialize)]
struct Config {
    guid: Id,
    system_code: String,
    db_type: String,
    db_address: String,
    db_user: String,
    db_password: &'static str,
    db_name: Option<String>,
}

impl From<Model> for Config {
    fn from(row: Model) -> Self {
        Self {
            guid: row.id,
            system_code: row.system_code,
            db_type: row.product,
            db_address: row.address,
            db_user: row.account,
            db_password: MASK,
            db_name: row.database_name,
        }
    }
}

fn not_found(guid: &str) -> Reply {
    business(404, &format!("Database config with guid {guid} not found"))
}

/// The database of the path; `None` for a guid that stands for none.
async fn find(cx: &Cx) -> Result<Option<Model>> {
    let Ok(id) = cx.id("guid") else { return Ok(None) };
    let tx = reading(cx).await?;
    let found = rows::get(&tx, id).await;
    match found {
        Ok(row) => tx.commit().await.map(|()| Some(row)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What clients are told as business errors; what is ours to answer for stays an error.
fn explain(error: Error) -> Result<Reply> {
    match error.kind() {
        Kind::Conflict => Ok(business(409, error.detail())),
        Kind::Invalid => {
            Ok(business(400, error.field_errors().first().map_or(error.detail(), |one| one.message.as_str())))
        }
        _ => Err(error),
    }
}

const PRODUCTS: [(&str, Product); 4] = [
    ("mysql", Product::Mysql),
    ("postgresql", Product::Postgres),
    ("sqlserver", Product::SqlServer),
    ("oracle", Product::Oracle),
];

fn draft(cx: &Cx) -> Result<Draft, Vec<Issue>> {
    let mut fields = Fields::read(&cx.headers, cx.body())?;
    let system_code = fields.text("system_code", 1, 100);
    let product = fields.word("db_type", &PRODUCTS);
    let address = fields.text("db_address", 0, 300);
    let account = fields.text("db_user", 0, 200);
    let password: Secret = fields.text("db_password", 0, 1_000).into();
    let database = fields.optional_text("db_name", 200);
    fields.end()?;
    let product = product.unwrap_or(Product::Mysql);
    Ok(Draft { system_code, product, address, account, password: Some(password), database })
}

async fn list(cx: &Cx) -> Result<Reply> {
    let tx = reading(cx).await?;
    let mut all = rows::all(&tx).await?;
    tx.commit().await?;
    // In the order in which they were made; the older service had none.
    all.sort_by_key(|row| row.id);
    success("", all.into_iter().map(Config::from).collect::<Vec<_>>())
}

/// Names that no database could have: the engine and the tables hold text of one line.
fn check(draft: &Draft) -> Result<()> {
    let texts = [&draft.system_code, &draft.address, &draft.account];
    let has_control = |text: &str| text.chars().any(char::is_control);
    if texts.iter().any(|text| has_control(text)) || draft.database.as_deref().is_some_and(has_control) {
        return Err(Error::invalid("invalid_value", "names and addresses have no control characters"));
    }
    Ok(())
}

async fn add(cx: &Cx) -> Result<Reply> {
    let draft = match draft(cx) {
        Ok(draft) => draft,
        Err(issues) => return Ok(Reply::Invalid(issues)),
    };
    if let Err(error) = check(&draft) {
        return explain(error);
    }
    let named = already(&draft);
    match change::add(cx, draft).await {
        Ok(row) => success("Database configuration added successfully", Config::from(row)),
        Err(error) if error.code() == "database_exists" => Ok(business(409, &named)),
        Err(error) => explain(error),
    }
}

fn already(draft: &Draft) -> String {
    let database = draft.database.as_deref().unwrap_or_default();
    format!(
        "Database configuration already exists for system_code: {}, db_name: {database}",
        draft.system_code
    )
}

async fn read(cx: &Cx) -> Result<Reply> {
    match find(cx).await? {
        Some(row) => success("", Config::from(row)),
        None => Ok(not_found(cx.text("guid")?)),
    }
}

async fn replace(cx: &Cx) -> Result<Reply> {
    let draft = match draft(cx) {
        Ok(draft) => draft,
        Err(issues) => return Ok(Reply::Invalid(issues)),
    };
    if let Err(error) = check(&draft) {
        return explain(error);
    }
    let Some(row) = find(cx).await? else { return Ok(not_found(cx.text("guid")?)) };
    let named = already(&draft);
    match change::replace(cx, row.id, draft, None).await {
        Ok(row) => success("Database configuration updated successfully", Config::from(row)),
        Err(error) if error.code() == "database_exists" => Ok(business(409, &named)),
        Err(error) => explain(error),
    }
}

async fn delete(cx: &Cx) -> Result<Reply> {
    let Some(row) = find(cx).await? else { return Ok(not_found(cx.text("guid")?)) };
    change::remove(cx, row.id).await?;
    success("Database configuration deleted successfully", json!({ "deleted": true, "guid": row.id }))
}

async fn initialize(cx: &Cx) -> Result<Reply> {
    let ids = Ids::of(&cx.app)?;
    let Some(row) = find(cx).await? else { return Ok(not_found(cx.text("guid")?)) };
    let (plan, known) = match plan::read(ids, &row).await {
        Ok(read) => read,
        Err(error) if error.kind() == Kind::Internal => return Err(error),
        Err(error) => {
            let why = error.field_errors().first().map_or(error.detail(), |one| one.message.as_str());
            return Ok(business(500, &format!("Failed to initialize database: {why}")));
        }
    };
    // One database that cannot be read, of one, is a failure; of several it is told beside the others.
    if let [only] = plan.databases.as_slice()
        && let Some(why) = &only.error
    {
        return Ok(business(500, &format!("Failed to initialize database: {why}")));
    }
    let done = plan::carry_out(ids, org(cx)?, plan, &known, |_, _| ()).await;
    let mut segments: Vec<&str> = Vec::new();
    for row in done.rows.iter().filter(|row| !matches!(row.action, plan::Action::Skip | plan::Action::Error))
    {
        let key = row.key.as_deref().unwrap_or_default();
        if !segments.contains(&key) {
            segments.push(key);
        }
    }
    let data = json!({
        "initialized_count": segments.len(),
        "segments": segments,
        "tables": done.rows,
        "databases": done.databases,
    });
    let event = Event::new("ids:database:initialize", "ids.database")
        .target(row.id, change::title(&row))
        .change("created", json!(0), json!(done.created))
        .change("raised", json!(0), json!(done.raised));
    let work = cx.begin(writing(cx)?).await?;
    change::record(cx, &work, event).await?;
    cx.finish(work);
    success(&format!("Initialized {} segments", segments.len()), data)
}

async fn add_config(cx: &Cx) -> Result<Reply> {
    let ids = Ids::of(&cx.app)?;
    let mut fields = match Fields::read(&cx.headers, cx.body()) {
        Ok(fields) => fields,
        Err(issues) => return Ok(Reply::Invalid(issues)),
    };
    let table = fields.text("table_name", 0, usize::MAX);
    let field = fields.text("field_name", 0, usize::MAX);
    let in_use = fields.integer("initial_value", 0, 0, i64::MAX);
    if let Err(issues) = fields.end() {
        return Ok(Reply::Invalid(issues));
    }
    let Some(row) = find(cx).await? else { return Ok(not_found(cx.text("guid")?)) };
    if row.database_key.is_empty() {
        return Ok(business(400, "Database name not configured"));
    }
    let name = match KeyName::of_column([&row.system_key, &row.database_key, &table, &field]) {
        Ok(name) => name,
        Err(error) => return explain(error),
    };
    let settings = Settings { id_type: IdType::I64, ..Settings::default() };
    let new = NewKey { org: row.org_id, name: name.clone(), in_use, settings };
    match ids.engine().create(&new).await {
        Ok(key) => added(cx, &key, in_use).await,
        Err(error) if error.code() == "key_exists" => {
            let taken = || Ok(business(409, &format!("Configuration already exists for {name}")));
            if ids.engine().key(row.org_id, &name).await?.state != State::Retired {
                return taken();
            }
            // It goes on above what it issued before it was given up.
            match ids.engine().revive_above(row.org_id, &name, in_use).await {
                Err(error) if error.code() == "not_retired" => taken(),
                outcome => added(cx, &outcome?, in_use).await,
            }
        }
        Err(error) => explain(error),
    }
}

async fn added(cx: &Cx, key: &Key, in_use: i64) -> Result<Reply> {
    let event = Event::new("ids:key:create", "ids.key").target(key.id, key.name.as_str()).change(
        "in_use",
        json!(null),
        json!(in_use.to_string()),
    );
    let work = cx.begin(writing(cx)?).await?;
    change::record(cx, &work, event).await?;
    cx.finish(work);
    let data = json!({ "segment_key": key.name.as_str(), "initial_value": Wide(in_use) });
    success("Custom configuration added successfully", data)
}

async fn discovered(cx: &Cx) -> Result<Reply> {
    let Ok(id) = cx.id("guid") else { return success("", Value::Array(Vec::new())) };
    let tx = reading(cx).await?;
    let waiting = tx
        .find::<table::Entity>()
        .filter(table::Column::DatabaseId.eq(id))
        .filter(table::Column::State.eq("waiting"))
        .order_by_asc(table::Column::KeyName)
        .order_by_asc(table::Column::Id);
    let rows = tx.all(waiting).await?;
    tx.commit().await?;
    let one = |row: table::Model| {
        json!({
            "database": row.database_name,
            "table": row.table_name,
            "primary_key": row.column_name,
            "max_id": Wide(row.max_value.unwrap_or(0)),
        })
    };
    success("", rows.into_iter().map(one).collect::<Vec<_>>())
}
