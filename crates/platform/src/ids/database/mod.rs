//! Databases that ids are issued for: their routes.

pub mod change;
pub mod dto;
pub mod rows;

use std::{collections::HashMap, time::Instant};

use base::{Error, Id, Result, secret::ExposeSecret};
use connector::{Product, Target};
use idgen::KeyName;
use jobs::{Engine as Jobs, NewJob, store::entity::job};
use kernel::{
    Accepted, Api, Created, Cx, Json, NoContent, Nullable,
    audit::{self, Event},
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;
use store::Tx;

use self::{
    change::Draft,
    dto::{Create, Items, Patch, Removal, Test, Tested, View},
};
use super::{
    entity::{database::Model, table},
    initialize::InitializeDatabase,
    plan::{self, Plan},
    progress::Initialization,
    service::{Ids, reading},
};

/// What the audit trail calls it.
pub const NAME: &str = "ids.database";
const PATH: &str = "/api/id-databases";

/// Routes.
pub fn mount(api: &mut Api) {
    let sample = json!({
        "system_code": "shop", "kind": "postgresql", "address": "db.example.org:5432",
        "user": "reader", "password": "secret", "database": "orders",
    });
    let mut own = api.guarded("ids", "database");
    own.get("list", PATH, "Databases that ids are issued for", list).detached();
    own.post("create", PATH, "Add a database", create).detached().problems(&[409]).example(sample.clone());
    own.get("read", "/api/id-databases/{id}", "A database", read).detached();
    own.patch(
        "update",
        "/api/id-databases/{id}",
        "Change a database; with its name its keys are renamed",
        update,
    )
    .detached()
    .problems(&[409, 412])
    .example(json!({ "address": "db2.example.org:5432" }));
    own.delete("delete", "/api/id-databases/{id}", "Take a database away; its keys are given up", delete)
        .detached();
    own.get("removal", "/api/id-databases/{id}/removal", "What that would touch", removal)
        .needs("ids:database:delete")
        .detached();
    own.post("test_new", "/api/id-databases/test", "Whether a database answers", test_new)
        .needs_any(vec!["ids:database:create".to_owned(), "ids:database:update".to_owned()])
        .detached()
        .example(sample);
    own.act("test", "/api/id-databases/{id}/test", "Whether a stored database answers", test)
        .needs("ids:database:update")
        .detached();
    own.act("plan", "/api/id-databases/{id}/plan", "What initialising would do", plan_of)
        .needs("ids:database:initialize")
        .detached();
    own.act("initialize", "/api/id-databases/{id}/initialize", "Make its keys, or raise them", initialize);
    own.get(
        "initialization",
        "/api/id-databases/{id}/initialization",
        "The newest initialisation and how it goes",
        initialization,
    )
    .needs("ids:database:initialize");
}

/// Views with what is counted beside the rows.
async fn views(cx: &Cx, tx: &Tx, list: Vec<Model>) -> Result<Vec<View>> {
    let ids = Ids::of(&cx.app)?;
    let waiting = tx.find::<table::Entity>().filter(table::Column::State.eq("waiting"));
    let mut by_database: HashMap<Id, usize> = HashMap::new();
    for row in tx.all(waiting).await? {
        *by_database.entry(row.database_id).or_default() += 1;
    }
    let mut out = Vec::with_capacity(list.len());
    for row in list {
        let keys = rows::keys(tx, &row).await?.iter().filter(|key| key.state != "retired").count();
        let has_password = !ids.open(&row.password_sealed)?.expose_secret().is_empty();
        let waiting = by_database.get(&row.id).copied().unwrap_or_default();
        out.push(View::of(row, has_password, keys, waiting));
    }
    Ok(out)
}

async fn view(cx: &Cx, id: Id) -> Result<View> {
    let tx = reading(cx).await?;
    let row = rows::get(&tx, id).await?;
    let view = views(cx, &tx, vec![row]).await?.pop().ok_or_else(Error::missing)?;
    tx.commit().await?;
    Ok(view)
}

async fn list(cx: &Cx) -> Result<Json<Items>> {
    let tx = reading(cx).await?;
    let list = rows::all(&tx).await?;
    let items = views(cx, &tx, list).await?;
    tx.commit().await?;
    Ok(Json(Items { items }))
}

async fn read(cx: &Cx) -> Result<Json<View>> {
    view(cx, cx.id("id")?).await.map(Json)
}

/// Names are kept as they are typed, but for a blank one.
fn check(draft: &Draft) -> Result<()> {
    if draft.system_code.trim().is_empty() {
        return Err(Error::field("system_code", "required", "must not be blank"));
    }
    for (field, text) in [("system_code", Some(&draft.system_code)), ("database", draft.database.as_ref())] {
        if text.is_some_and(|text| text.chars().any(char::is_control)) {
            return Err(Error::field(field, "invalid_value", "must be one line of text"));
        }
    }
    let (system, database) = (&draft.system_code, draft.database.as_deref().unwrap_or_default());
    KeyName::of_column([system, database, "t", "f"])?;
    change::target_of(draft, None).map(drop)
}

fn blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

async fn create(cx: &Cx, input: Create) -> Result<Created<View>> {
    let draft = Draft {
        system_code: input.system_code,
        product: input.kind.into(),
        address: input.address,
        account: input.user,
        password: Some(input.password.into()),
        database: blank(input.database),
    };
    check(&draft)?;
    let has_password = draft.password.as_ref().is_some_and(|password| !password.expose_secret().is_empty());
    let row = change::add(cx, draft).await?;
    Ok(Created::at(PATH, row.id, View::of(row, has_password, 0, 0)))
}

async fn update(cx: &Cx, input: Patch) -> Result<Json<View>> {
    let id = cx.id("id")?;
    let tx = reading(cx).await?;
    let before = rows::get(&tx, id).await?;
    let shown = views(cx, &tx, vec![before.clone()]).await?.pop().ok_or_else(Error::missing)?;
    tx.commit().await?;
    let product = Product::parse(&before.product).ok_or_else(|| Error::internal("an unknown product"))?;
    let draft = Draft {
        system_code: input.system_code.unwrap_or(before.system_code),
        product: input.kind.map_or(product, Into::into),
        address: input.address.unwrap_or(before.address),
        account: input.user.unwrap_or(before.account),
        password: input.password.map(Into::into),
        database: match input.database {
            Nullable::Absent => before.database_name,
            Nullable::Null => None,
            Nullable::Value(name) => blank(Some(name)),
        },
    };
    check(&draft)?;
    let row = change::replace(cx, id, draft, Some(before.version)).await?;
    Ok(Json(View::of(row, shown.has_password, shown.keys, shown.tables_waiting)))
}

async fn delete(cx: &Cx) -> Result<NoContent> {
    change::remove(cx, cx.id("id")?).await?;
    Ok(NoContent)
}

async fn removal(cx: &Cx) -> Result<Json<Removal>> {
    let tx = reading(cx).await?;
    let row = rows::get(&tx, cx.id("id")?).await?;
    let touched = change::footprint(&tx, &row).await?;
    tx.commit().await?;
    Ok(Json(Removal {
        retires: touched.keys.iter().take(100).map(ToString::to_string).collect(),
        retires_total: touched.keys.len(),
        forgets_tables: touched.tables,
        keeps: touched.siblings,
    }))
}

/// Tries a target; what it says is an answer and no failure.
async fn try_out(ids: &Ids, target: &Target) -> Tested {
    let begin = Instant::now();
    let outcome = async {
        let probe = ids.connector().probe(target).await?;
        let tables = match probe.databases.first() {
            Some(first) => Some(ids.connector().tables(target, first).await?.len()),
            None => None,
        };
        Ok::<_, Error>((probe, tables))
    };
    let outcome = outcome.await;
    let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok((probe, tables)) => Tested {
            ok: true,
            error: None,
            product: Some(probe.product),
            milliseconds,
            databases: probe.databases,
            tables,
        },
        Err(error) => Tested { error: Some(error.detail().to_owned()), milliseconds, ..Tested::default() },
    }
}

async fn test_new(cx: &Cx, input: Test) -> Result<Json<Tested>> {
    let ids = Ids::of(&cx.app)?;
    let stored = match input.id {
        None => None,
        Some(id) => {
            let tx = reading(cx).await?;
            let row = rows::get(&tx, id).await?;
            tx.commit().await?;
            // A stored password goes only where it goes anyway: nobody may have it sent elsewhere.
            let same = row.address == input.address
                && row.account == input.user
                && Product::parse(&row.product) == Some(input.kind.into());
            let none = || Error::field("password", "required", "type the password again for another address");
            if !same && input.password.is_none() {
                return Err(none());
            }
            same.then(|| ids.open(&row.password_sealed)).transpose()?
        }
    };
    let draft = Draft {
        system_code: input.system_code.unwrap_or_else(|| "-".to_owned()),
        product: input.kind.into(),
        address: input.address,
        account: input.user,
        password: input.password.map(Into::into),
        database: blank(input.database),
    };
    let target = change::target_of(&draft, stored)?;
    Ok(Json(try_out(ids, &target).await))
}

/// The stored row of the path.
async fn stored(cx: &Cx) -> Result<Model> {
    let tx = reading(cx).await?;
    let row = rows::get(&tx, cx.id("id")?).await?;
    tx.commit().await?;
    Ok(row)
}

async fn test(cx: &Cx) -> Result<Json<Tested>> {
    let ids = Ids::of(&cx.app)?;
    let target = rows::target(ids, &stored(cx).await?)?;
    Ok(Json(try_out(ids, &target).await))
}

async fn plan_of(cx: &Cx) -> Result<Json<Plan>> {
    let row = stored(cx).await?;
    let mut plan = match plan::read(Ids::of(&cx.app)?, &row).await {
        Ok((plan, _)) => plan,
        Err(error) if error.kind() == base::Kind::Internal => return Err(error),
        // A server that cannot be asked is part of the answer: it is not ours to answer for.
        Err(error) => {
            let why = error.field_errors().first().map_or(error.detail(), |one| one.message.as_str());
            let name = row.database_name.unwrap_or(row.address);
            Plan {
                databases: vec![plan::PlannedDatabase { name, error: Some(why.to_owned()) }],
                ..Plan::default()
            }
        }
    };
    plan.truncated = plan.rows.len() > plan::MOST;
    plan.rows.truncate(plan::MOST);
    Ok(Json(plan))
}

async fn initialize(cx: &Cx) -> Result<Accepted<Initialization>> {
    let (tx, engine) = (cx.tx()?, cx.app.service::<Jobs>()?);
    let row = rows::get(tx, cx.id("id")?).await?;
    let job = NewJob::of(row.org_id, &InitializeDatabase { database: row.id })?
        .asked_by(Some(cx.actor()?.id), cx.origin.request_id.clone())
        .unique_by_key(row.id.to_string());
    let enqueued = engine.enqueue(tx, job).await?;
    change::remember_job(tx, row.id, enqueued.id).await?;
    audit::record(cx, Event::new("ids:database:initialize", NAME).target(row.id, row.system_code)).await?;
    let job = tx.get::<job::Entity>(enqueued.id).await?;
    Ok(Accepted(Initialization::of(job)))
}

async fn initialization(cx: &Cx) -> Result<Json<Initialization>> {
    let tx = cx.tx()?;
    let row = rows::get(tx, cx.id("id")?).await?;
    let job = tx.lookup::<job::Entity>(row.last_job_id.ok_or_else(Error::missing)?).await?;
    Ok(Json(Initialization::of(job.ok_or_else(Error::missing)?)))
}

/// Seals stored passwords anew that lie under an older key; how many.
pub async fn reseal(app: &kernel::App, tx: &Tx) -> Result<u64> {
    use sea_orm::{ActiveValue::Set, Condition};

    use super::entity::database::{ActiveModel, Column, Entity};
    let ids = Ids::of(app)?;
    let mut done = 0;
    for row in tx.all(tx.find::<Entity>()).await? {
        if let Some(sealed) = ids.reseal(&row.password_sealed)? {
            let values = ActiveModel { password_sealed: Set(sealed), ..Default::default() };
            done += tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
        }
    }
    Ok(done)
}
