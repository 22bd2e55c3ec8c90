//! What is done to databases, whichever form asked for it: made, changed with their keys, taken away.

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use connector::{Product, Target};
use idgen::{KeyName, store::entity::key};
use kernel::{
    Cx,
    audit::{self, Event, Who},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel};
use serde_json::json;
use store::Tx;

use super::{NAME, dto::MASK, rows};
use crate::ids::{
    entity::{
        database::{ActiveModel, Column, Entity, Model},
        table,
    },
    service::{Ids, org, writing},
};

/// A database as somebody wants it.
pub struct Draft {
    /// As clients name the system.
    pub system_code: String,
    /// What it is.
    pub product: Product,
    /// Where it is.
    pub address: String,
    /// The account.
    pub account: String,
    /// Its password; `None`, or the mask that it is shown as: as it was.
    pub password: Option<Secret>,
    /// The only database to read.
    pub database: Option<String>,
}

/// Leaves an entry in the caller's unit of work.
pub async fn record(cx: &Cx, tx: &Tx, event: Event) -> Result<()> {
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    audit::write(tx, cx.now(), who, &cx.origin, event).await
}

/// A database as people call it.
pub fn title(row: &Model) -> String {
    match &row.database_name {
        Some(database) if !database.is_empty() => format!("{}/{database}", row.system_code),
        _ => row.system_code.clone(),
    }
}

fn is_mask(password: &Secret) -> bool {
    password.expose_secret() == MASK
}

fn taken(error: Error) -> Error {
    if error.code() == "conflict" {
        let detail = "there is a database of that system code and name already";
        return Error::conflict("database_exists", detail).with_source(error);
    }
    error
}

/// Makes a database. An address that cannot be one is 422 where `strict`; the older wire stores any text.
///
/// Errors: 409 `database_exists`.
pub async fn add(cx: &Cx, draft: Draft) -> Result<Model> {
    let ids = Ids::of(&cx.app)?;
    let (id, now) = (cx.app.new_id(), cx.now());
    let password = draft.password.filter(|password| !is_mask(password)).unwrap_or_default();
    let row = Model {
        id,
        org_id: org(cx)?,
        system_key: rows::fold(&draft.system_code),
        system_code: draft.system_code,
        product: draft.product.as_str().to_owned(),
        address: draft.address,
        account: draft.account,
        password_sealed: ids.seal(&password)?,
        database_key: rows::fold(draft.database.as_deref().unwrap_or_default()),
        database_name: draft.database,
        version: 1,
        created_at: now,
        updated_at: now,
        scanned_at: None,
        scan_error: None,
        scan_tables: 0,
        last_job_id: None,
    };
    let work = cx.begin(writing(cx)?).await?;
    work.insert(row.clone().into_active_model().reset_all()).await.map_err(taken)?;
    let event = Event::new("ids:database:create", NAME)
        .target(id, title(&row))
        .change("address", json!(null), json!(row.address))
        .change("kind", json!(null), json!(row.product));
    record(cx, &work, event).await?;
    cx.finish(work);
    Ok(row)
}

/// The new names of a database's keys, where its own name changes.
fn renamed(before: &Model, after: &Model, keys: &[key::Model]) -> Result<Vec<(KeyName, KeyName)>> {
    if before.system_key == after.system_key && before.database_key == after.database_key {
        return Ok(Vec::new());
    }
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        let from = KeyName::new(&key.name)?;
        let Some([_, database, table, field]) = from.parts() else { continue };
        // A server's keys keep the databases that they are in. Where it becomes one database, those of the
        // others stay as they are: that database was never theirs.
        if before.database_key.is_empty() && !after.database_key.is_empty() && database != after.database_key
        {
            continue;
        }
        let database = if after.database_key.is_empty() { &database } else { &after.database_key };
        let to = KeyName::of_column([&after.system_key, database, &table, &field])?;
        names.push((from, to));
    }
    names.retain(|(from, to)| from != to);
    Ok(names)
}

/// Replaces what is known of a database. Where its name changes its keys are renamed in the same unit of
/// work, so that their counters go on.
///
/// Errors: 404; 409 `database_exists`, `key_exists`; 412 when `version` is not the row's.
pub async fn replace(cx: &Cx, id: Id, draft: Draft, version: Option<i32>) -> Result<Model> {
    let ids = Ids::of(&cx.app)?;
    ids.engine().flush().await?;
    let work = cx.begin(writing(cx)?).await?;
    let before = rows::get(&work, id).await?;
    if version.is_some_and(|version| version != before.version) {
        return Err(Error::new(base::Kind::Precondition, "version_mismatch", "it was changed meanwhile"));
    }
    let password = draft.password.filter(|password| !is_mask(password));
    let moves = before.address != draft.address
        || before.account != draft.account
        || before.product != draft.product.as_str();
    if moves && password.is_none() && !ids.open(&before.password_sealed)?.expose_secret().is_empty() {
        // Whoever may change an address may not have the stored password sent there.
        let message = "type the password again for another address, user or kind";
        return Err(Error::field("password", "required", message));
    }
    let after = Model {
        system_key: rows::fold(&draft.system_code),
        system_code: draft.system_code,
        product: draft.product.as_str().to_owned(),
        address: draft.address,
        account: draft.account,
        password_sealed: match &password {
            Some(password) => ids.seal(password)?,
            None => before.password_sealed.clone(),
        },
        database_key: rows::fold(draft.database.as_deref().unwrap_or_default()),
        database_name: draft.database,
        version: before.version + 1,
        updated_at: cx.now(),
        ..before.clone()
    };
    let names = renamed(&before, &after, &rows::keys(&work, &before).await?)?;
    ids.engine().rename_within(&work, before.org_id, &names).await?;
    let this = Condition::all().add(Column::Id.eq(id)).add(Column::Version.eq(before.version));
    let values = after.clone().into_active_model().reset_all();
    let values =
        ActiveModel { id: sea_orm::ActiveValue::NotSet, org_id: sea_orm::ActiveValue::NotSet, ..values };
    if work.update_where(values, this).await.map_err(taken)? == 0 {
        return Err(Error::new(base::Kind::Precondition, "version_mismatch", "it was changed meanwhile"));
    }
    let mut event = Event::new("ids:database:update", NAME).target(id, title(&after));
    for (field, old, new) in [
        ("system_code", json!(before.system_code), json!(after.system_code)),
        ("database", json!(before.database_name), json!(after.database_name)),
        ("kind", json!(before.product), json!(after.product)),
        ("address", json!(before.address), json!(after.address)),
        ("user", json!(before.account), json!(after.account)),
        ("password", json!("***"), json!(if password.is_some() { "changed" } else { "***" })),
        ("renamed_keys", json!(0), json!(names.len())),
    ] {
        if old != new {
            event = event.change(field, old, new);
        }
    }
    record(cx, &work, event).await?;
    if before.database_key != after.database_key {
        // They were found in another database. Where the system's code alone changes, the names of their keys
        // follow at the next scan. Nodes that have not noticed yet issue from blocks of the same keys for a
        // moment: other ids than anybody else's.
        work.delete_where::<table::Entity>(Condition::all().add(table::Column::DatabaseId.eq(id))).await?;
    }
    cx.finish(work);
    Ok(after)
}

/// What the end of a database touches.
pub struct Footprint {
    /// Its keys.
    pub keys: Vec<KeyName>,
    /// Tables that were found in it.
    pub tables: usize,
    /// Databases of the same system.
    pub siblings: Vec<String>,
}

/// Looks what the end of a database would touch.
pub async fn footprint(tx: &Tx, row: &Model) -> Result<Footprint> {
    let keys = rows::keys(tx, row).await?;
    let live = keys.iter().filter(|key| key.state != "retired");
    let siblings = rows::all(tx).await?;
    let siblings = siblings.iter().filter(|other| other.id != row.id && other.system_key == row.system_key);
    Ok(Footprint {
        keys: live.map(|key| KeyName::new(&key.name)).collect::<Result<_>>()?,
        tables: rows::tables(tx, row.id).await?.len(),
        siblings: siblings.map(title).collect(),
    })
}

/// Takes a database away. Its keys are given up and not forgotten: if it comes back, they go on above what
/// they issued.
///
/// Errors: 404.
pub async fn remove(cx: &Cx, id: Id) -> Result<()> {
    let ids = Ids::of(&cx.app)?;
    ids.engine().flush().await?;
    let work = cx.begin(writing(cx)?).await?;
    let row = rows::get(&work, id).await?;
    let touched = footprint(&work, &row).await?;
    ids.engine().retire_within(&work, row.org_id, &touched.keys).await?;
    work.delete_where::<table::Entity>(Condition::all().add(table::Column::DatabaseId.eq(id))).await?;
    work.delete_where::<Entity>(Condition::all().add(Column::Id.eq(id))).await?;
    let event = Event::new("ids:database:delete", NAME).target(id, title(&row)).change(
        "retired_keys",
        json!(0),
        json!(touched.keys.len()),
    );
    record(cx, &work, event).await?;
    cx.finish(work);
    Ok(())
}

/// Where a draft would be reached, with a stored password where it has none.
pub fn target_of(draft: &Draft, stored: Option<Secret>) -> Result<Target> {
    let given = draft.password.clone().filter(|password| !is_mask(password));
    let password = given.or(stored).unwrap_or_default();
    let account = draft.account.as_str();
    Target::new(draft.product, &draft.address, account, password, draft.database.as_deref())
}

/// Remembers the job that initialises a database.
pub async fn remember_job(tx: &Tx, id: Id, job: Id) -> Result<()> {
    let values = ActiveModel { last_job_id: Set(Some(job)), ..Default::default() };
    tx.update_where(values, Condition::all().add(Column::Id.eq(id))).await.map(drop)
}
