//! The rows of databases: found, written, and what follows from them.

use base::{Error, Id, Result, Secret};
use connector::{Product, Target};
use idgen::{KeyName, store::entity::key};
use kernel::App;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use store::{Mode, Opening, Role, Tx};

use crate::ids::{
    entity::{
        database::{Column, Entity, Model},
        table,
    },
    service::Ids,
};

/// A name as it is compared.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// The database that an organisation has under a system code and a name; one without a name of its own
/// answers to none.
pub async fn named(app: &App, org: Id, system: &str, database: &str) -> Result<Option<Model>> {
    if database.is_empty() {
        return Ok(None);
    }
    let tx = app.store().begin(Mode::Read, Opening::new(Role::App, Some(org))).await?;
    let select = tx
        .find::<Entity>()
        .filter(Column::SystemKey.eq(fold(system)))
        .filter(Column::DatabaseKey.eq(fold(database)));
    let row = tx.one(select).await?;
    tx.commit().await?;
    Ok(row)
}

/// One by its id; 404.
pub async fn get(tx: &Tx, id: Id) -> Result<Model> {
    tx.get::<Entity>(id).await
}

/// All of an organisation by their names.
pub async fn all(tx: &Tx) -> Result<Vec<Model>> {
    let select = tx
        .find::<Entity>()
        .order_by_asc(Column::SystemKey)
        .order_by_asc(Column::DatabaseKey)
        .order_by_asc(Column::Id);
    tx.all(select).await
}

/// How a database is reached.
///
/// Errors: 422 on `address`.
pub fn target(ids: &Ids, row: &Model) -> Result<Target> {
    let password: Secret = ids.open(&row.password_sealed)?;
    let product = Product::parse(&row.product).ok_or_else(|| Error::internal("an unknown product"))?;
    Target::new(product, &row.address, row.account.as_str(), password, row.database_name.as_deref())
}

/// The keys of a database: those of its tables, or, where it stands for a whole server, those of its
/// system code that belong to no sibling.
pub async fn keys(tx: &Tx, row: &Model) -> Result<Vec<key::Model>> {
    let siblings = all(tx).await?;
    let siblings: Vec<String> = siblings
        .into_iter()
        .filter(|other| other.id != row.id && other.system_key == row.system_key)
        .map(|other| other.database_key)
        .collect();
    let within = prefix(&row.system_key, &row.database_key);
    // The character after `:`; text is compared by code point on every database.
    let end = format!("{};", within.trim_end_matches(':'));
    let select = tx
        .find::<key::Entity>()
        .filter(key::Column::Name.gte(within))
        .filter(key::Column::Name.lt(end))
        .order_by_asc(key::Column::Name);
    let mut keys = tx.all(select).await?;
    if row.database_key.is_empty() {
        keys.retain(|key| match KeyName::new(&key.name).ok().and_then(|name| name.parts()) {
            Some([_, database, _, _]) => !siblings.contains(&database),
            None => false,
        });
    }
    Ok(keys)
}

/// How the names of a database's keys begin.
fn prefix(system: &str, database: &str) -> String {
    let escape = |part: &str| part.replace('%', "%25").replace(':', "%3a");
    if database.is_empty() {
        format!("{}:", escape(system))
    } else {
        format!("{}:{}:", escape(system), escape(database))
    }
}

/// The tables that were found in a database.
pub async fn tables(tx: &Tx, id: Id) -> Result<Vec<table::Model>> {
    tx.all(tx.find::<table::Entity>().filter(table::Column::DatabaseId.eq(id))).await
}
