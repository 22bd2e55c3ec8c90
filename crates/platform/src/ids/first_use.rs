//! The first use of a table: nobody has made its key, so its database is asked what is in use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Error, Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Column, Session, Table};
use idgen::{IdType, Key, KeyName, NewKey, Settings, State};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
};
use store::{Mode, Opening, Role};
use tokio::sync::Mutex as Turnstile;

use super::{database::rows, service::Ids};

/// How long a table that was not there is taken to be missing still.
const MARKED: TimeDelta = TimeDelta::seconds(60);
/// How long a caller waits for somebody else who asks the same database.
const PATIENCE: Duration = Duration::from_millis(3_100);
/// Questions to databases that one client address may cause in a minute.
const QUESTIONS: u64 = 120;

/// Tables that are remembered to be missing.
const MARKS: usize = 10_000;

type OneAtATime = Arc<Turnstile<()>>;

/// One at a time asks for a key, and for a while nobody asks for a table that was not there.
#[derive(Default)]
pub struct Turnstiles {
    by_key: Mutex<HashMap<(Id, KeyName), OneAtATime>>,
    missing: Mutex<HashMap<(Id, KeyName), DateTime<Utc>>>,
}

impl Turnstiles {
    fn of(&self, org: Id, name: &KeyName) -> Arc<Turnstile<()>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits at are forgotten, so that unknown names leave nothing behind.
        by_key.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        by_key.entry((org, name.clone())).or_default().clone()
    }

    fn mark(&self, org: Id, name: &KeyName, now: DateTime<Utc>) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.len() >= MARKS {
            missing.retain(|_, since| now < *since + MARKED);
        }
        if missing.len() < MARKS {
            missing.insert((org, name.clone()), now);
        }
    }
    fn is_marked(&self, org: Id, name: &KeyName, now: DateTime<Utc>) -> bool {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get(&(org, name.clone())).is_some_and(|since| now < *since + MARKED)
    }
}

/// Leaves an entry about a key that its first use has made or taken up again.
async fn record(app: &App, origin: &Origin, key: &Key, in_use: i64) -> Result<()> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(key.org))).await?;
    let event = Event::new("ids:key:first_use", "ids.key").target(key.id, key.name.as_str()).change(
        "in_use",
        serde_json::Value::Null,
        in_use.to_string().into(),
    );
    audit::write(&tx, app.now(), Who::system(), origin, event).await?;
    tx.commit().await
}

/// A column as a client names it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// System code.
    pub system: &'a str,
    /// Database.
    pub database: &'a str,
    /// Table.
    pub table: &'a str,
    /// Column.
    pub field: &'a str,
}

/// What a column and those that share its key hold: keys know neither case nor schema.
pub(super) struct Shared {
    /// The highest id of all.
    pub highest: i128,
    /// The narrowest type.
    pub id_type: IdType,
}

/// Columns that share a key beside the one that is asked for.
const SISTERS: usize = 50;

/// Looks at a column and at those that share its key, as initialising does. One that this account cannot read
/// is left out, as the scanner leaves it out.
///
/// Errors: 422 `not_integer`, `too_many_alike`; those of the connector for the column itself.
pub(super) async fn shared(session: &mut Session, table: &Table, column: &Column) -> Result<Shared> {
    let type_of = |column: &Column| column.integer.and_then(|integer| IdType::within(integer.max()));
    let id_type = type_of(column).ok_or_else(|| {
        let detail = format!("the column {} is of type {}, which holds no ids", column.name, column.declared);
        Error::invalid("not_integer", detail)
    })?;
    let highest = session.highest(table, column).await?.unwrap_or(0).max(0);
    let mut shared = Shared { highest, id_type };
    let sisters = session.alike(table, column).await?;
    if sisters.len() > SISTERS {
        let detail = format!("more than {SISTERS} tables are called {}; initialise the database", table.name);
        return Err(Error::invalid("too_many_alike", detail));
    }
    for (sister, column) in sisters {
        let Some(narrow) = type_of(&column) else { continue };
        match session.highest(&sister, &column).await {
            Ok(highest) => {
                shared.highest = shared.highest.max(highest.unwrap_or(0));
                if narrow.max() < shared.id_type.max() {
                    shared.id_type = narrow;
                }
            }
            Err(error) => {
                let schema = sister.schema.as_deref().unwrap_or_default();
                tracing::warn!(
                    ?error,
                    table = sister.name,
                    schema,
                    "a table that shares a key cannot be read"
                );
            }
        }
    }
    Ok(shared)
}

/// Makes the key of a column from what its database says.
///
/// Errors: 404 `database_unknown`, `column_unknown`, `column_marked`; 422 `not_integer`; 409
/// `key_exhausted`; 429; 503 `first_use_busy`, and those of the connector.
pub async fn make(app: &App, origin: &Origin, org: Id, name: &KeyName, place: Place<'_>) -> Result<Arc<Key>> {
    let ids = Ids::of(app)?;
    if ids.turnstiles.is_marked(org, name, app.now()) {
        return Err(Error::not_found("column_marked", "the table or column was not there a moment ago"));
    }
    app.limit(&format!("ids:first:{}", origin.network()), QUESTIONS, Duration::from_secs(60)).await?;
    let turnstile = ids.turnstiles.of(org, name);
    let Ok(_turn) = tokio::time::timeout(PATIENCE, turnstile.lock()).await else {
        return Err(Error::unavailable("first_use_busy", "somebody else asks for this key").retry_after(3));
    };
    // Somebody may have made it while this caller waited.
    let was_retired = match ids.engine().attend(org, name).await {
        Ok(key) if key.state != State::Retired => return Ok(key),
        Err(error) if error.code() != "key_unknown" => return Err(error),
        known => known.is_ok(),
    };
    let row = rows::named(app, org, place.system, place.database).await?;
    let row = row.ok_or_else(|| Error::not_found("database_unknown", "there is no such database"))?;
    let target = rows::target(ids, &row)?;
    let database = row.database_name.as_deref().unwrap_or(place.database);
    let mut session = ids.connector().open(&target, database).await?;
    let Some((table, column)) = session.column(None, place.table, place.field).await? else {
        ids.turnstiles.mark(org, name, app.now());
        return Err(Error::not_found("column_unknown", "there is no such table or column"));
    };
    let Shared { highest, id_type } = shared(&mut session, &table, &column).await?;
    let in_use = i64::try_from(highest).ok().filter(|highest| *highest <= id_type.max());
    let in_use = in_use.ok_or_else(|| {
        let detail = format!(
            "the key {name} is exhausted: its table has ids up to {highest}, the limit is {}",
            id_type.max()
        );
        Error::conflict("key_exhausted", detail)
    })?;
    let settings = Settings { id_type, ..Settings::default() };
    let key = ids.engine().create_if_missing(&NewKey { org, name: name.clone(), in_use, settings }).await?;
    if key.state == State::Retired && row.created_at <= key.state_since {
        // Somebody gave it up while its database was here; that stands.
        return Err(Error::conflict("key_retired", format!("the key {name} was given up")));
    }
    if key.state == State::Retired || was_retired {
        // Its database was taken away and is here again: it goes on above both. Another node may have been
        // faster, which this one has then to notice.
        ids.engine().take_up(org, name, in_use).await?;
    }
    record(app, origin, &key, in_use).await?;
    ids.engine().attend(org, name).await
}
