//! The scanner: once a minute it looks into every database, for tables that nobody has decided about, tables
//! that are gone, and ids that somebody wrote past their counter.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use base::{Error, Result};
use chrono::{DateTime, Utc};
use connector::{DatabaseReading, Limits};
use futures_util::{StreamExt, stream};
use idgen::{Key, KeyName, State};
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role, Tx};

use super::{
    database::rows,
    entity::{
        database::{ActiveModel, Column, Entity, Model},
        table,
    },
    plan::{Keyed, look},
    service::Ids,
};

/// Databases that are read at once, so that one that hangs keeps nobody waiting.
const TOGETHER: usize = 16;
/// How long one database may take.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    statement: Duration::from_secs(10),
    total: Duration::from_secs(40),
    tables: 10_000,
};

/// Looks into every database of every organisation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanDatabases {}

impl Arguments for ScanDatabases {
    const KIND: &'static str = "ids.scan";
    const TITLE: Words = Words { zh: "扫描数据库", en: "Scan databases" };
    const ABOUT: Words = Words {
        zh: "查找号段服务数据库中新增或消失的表，并在表中主键超过计数器时抬高计数器。",
        en: "Finds tables that are new or gone in the databases that ids are issued for, and raises counters that their tables have passed.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "ids",
            max_attempts: 1,
            timeout: Duration::from_mins(10),
            keep: Duration::from_hours(24),
            ..Policy::default()
        }
    }
}

/// What was seen.
#[derive(Debug, Default, Serialize)]
pub struct Seen {
    /// Databases that were read, in whole or in part.
    databases: usize,
    /// Databases of which something could not be read.
    failed: usize,
    /// Tables that were new.
    found: usize,
    /// Tables that are gone.
    vanished: usize,
    /// Keys that jumped ahead.
    raised: usize,
}

impl Job<App> for ScanDatabases {
    type Output = Seen;

    async fn run(self, app: App, _: Run) -> Result<Seen, Failure> {
        Ok(scan_all(&app).await?)
    }
}

/// Looks into every database of every organisation.
pub async fn scan_all(app: &App) -> Result<Seen> {
    let tx = app.system(Mode::Read).await?;
    let all = tx.all(tx.find::<Entity>()).await?;
    tx.commit().await?;
    let looks = stream::iter(all.into_iter().map(|row| {
        let app = app.clone();
        async move { scan(&app, row).await }
    }));
    let mut looks = std::pin::pin!(looks.buffer_unordered(TOGETHER));
    let mut seen = Seen::default();
    while let Some(one) = looks.next().await {
        match one {
            Ok(one) => {
                seen.databases += 1;
                seen.failed += one.failed;
                seen.found += one.found;
                seen.vanished += one.vanished;
                seen.raised += one.raised;
            }
            Err(error) => {
                seen.failed += 1;
                tracing::warn!(?error, "a database was not scanned to its end");
            }
        }
    }
    Ok(seen)
}

/// Looks into one database and writes down what is there.
pub async fn scan(app: &App, row: Model) -> Result<Seen> {
    let ids = Ids::of(app)?;
    let connector = ids.connector().with_limits(LIMITS);
    let reading = match rows::target(ids, &row) {
        Ok(target) => connector.read(&target).await,
        Err(error) => Err(error),
    };
    let mut seen = Seen::default();
    let (read, errors): (Vec<DatabaseReading>, Vec<(String, Error)>) = match reading {
        Ok(reading) => {
            let mut parts = (Vec::new(), Vec::new());
            for one in reading.databases {
                match one {
                    Ok(read) => parts.0.push(read),
                    Err(failed) => parts.1.push(failed),
                }
            }
            parts
        }
        Err(error) => (Vec::new(), vec![(String::new(), error)]),
    };
    seen.failed = usize::from(!errors.is_empty());
    let sentence = errors.first().map(|(name, error)| match name.as_str() {
        "" => error.detail().to_owned(),
        name => format!("{name}: {}", error.detail()),
    });
    let mut tables: Vec<(&DatabaseReading, super::plan::Row, Keyed)> = Vec::new();
    for one in &read {
        for table in &one.tables {
            if let (shown, Some(keyed)) = look(&row.system_key, table) {
                tables.push((one, shown, keyed));
            }
        }
    }
    let keys = ids.engine().keys(Some(row.org_id)).await?;
    let keys: HashMap<KeyName, Key> = keys.into_iter().map(|key| (key.name.clone(), key)).collect();
    let (before, now) = (known(app, &row).await?, app.now());
    let mut unsure: HashSet<KeyName> = HashSet::new();
    for (_, _, keyed) in &tables {
        let Some(key) = keys.get(&keyed.name) else { continue };
        // What did not change since it was last compared needs no look.
        let is_known = before.get(&keyed.name).is_some_and(|known| *known >= keyed.in_use);
        if key.state != State::Active || (is_known && keyed.in_use <= key.ceiling) || keyed.in_use == 0 {
            continue;
        }
        match reconcile(app, &row, key, keyed, now).await {
            Ok(jumped) => seen.raised += usize::from(jumped),
            // One key keeps no other waiting; it is compared again next time.
            Err(error) => {
                tracing::warn!(?error, key = %keyed.name, "a key was not compared with its table");
                seen.failed += 1;
                unsure.insert(keyed.name.clone());
            }
        }
    }
    // Only now: what is written down counts as compared.
    write_down(app, &row, &tables, &read, (&keys, &unsure), sentence, &mut seen).await?;
    Ok(seen)
}

/// What was known of each key's tables when they were last compared: the highest id.
async fn known(app: &App, row: &Model) -> Result<HashMap<KeyName, i64>> {
    let tx = app.store().begin(Mode::Read, Opening::new(Role::System, Some(row.org_id))).await?;
    let old = rows::tables(&tx, row.id).await?;
    tx.commit().await?;
    let mut known = HashMap::new();
    for one in &old {
        if let Ok(name) = KeyName::new(&one.key_name) {
            let highest = one.max_value.unwrap_or(i64::MIN);
            let known = known.entry(name).or_insert(highest);
            // Of tables that share a key the one that is furthest behind is compared again.
            *known = (*known).min(highest);
        }
    }
    Ok(known)
}

/// Raises a key whose table has ids that it did not issue; whether it jumped.
async fn reconcile(app: &App, row: &Model, key: &Key, keyed: &Keyed, now: DateTime<Utc>) -> Result<bool> {
    let ids = Ids::of(app)?;
    if keyed.in_use > key.max() {
        let why = format!("its table has ids up to {}, above the key's limit", keyed.in_use);
        ids.engine().quarantine(row.org_id, &key.name, &why).await?;
        return Ok(false);
    }
    let after = ids.engine().raise(row.org_id, &key.name, keyed.in_use).await?;
    if after.ceiling <= key.ceiling || keyed.in_use <= key.ceiling {
        return Ok(false);
    }
    tracing::warn!(key = %key.name, from = key.ceiling, to = keyed.in_use, "a table passed its counter");
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(row.org_id))).await?;
    let event = Event::new("ids:key:reconcile", "ids.key").target(key.id, key.name.as_str()).change(
        "ceiling",
        json!(key.ceiling.to_string()),
        json!(keyed.in_use.to_string()),
    );
    audit::write(&tx, now, Who::system(), &Origin::nowhere(), event).await?;
    tx.commit().await?;
    Ok(true)
}

async fn write_down(
    app: &App,
    row: &Model,
    tables: &[(&DatabaseReading, super::plan::Row, Keyed)],
    read: &[DatabaseReading],
    (keys, unsure): (&HashMap<KeyName, Key>, &HashSet<KeyName>),
    sentence: Option<String>,
    seen: &mut Seen,
) -> Result<()> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(row.org_id))).await?;
    let now = app.now();
    // It may have been taken away meanwhile.
    if tx.lookup::<Entity>(row.id).await?.is_none() {
        return tx.commit().await;
    }
    let place =
        |one: &table::Model| (one.database_name.clone(), one.schema_name.clone(), one.table_name.clone());
    let old = rows::tables(&tx, row.id).await?;
    let mut old: HashMap<_, table::Model> = old.into_iter().map(|one| (place(&one), one)).collect();
    let mut fresh = Vec::new();
    for (_, shown, keyed) in tables {
        let here = (shown.database.clone(), shown.schema.clone().unwrap_or_default(), shown.table.clone());
        let has_key = keys.get(&keyed.name).is_some_and(|key| key.state != State::Retired);
        let max_value =
            shown.table_max.as_ref().map(|_| keyed.in_use).filter(|_| !unsure.contains(&keyed.name));
        match old.remove(&here) {
            Some(before) => {
                note_seen(&tx, &before, shown, keyed, (has_key, max_value), now).await?;
            }
            None => {
                seen.found += usize::from(!has_key);
                fresh.push(new_row(app, row, here, shown, keyed, (has_key, max_value), now));
            }
        }
    }
    tx.insert_all(fresh.into_iter().map(|one| one.into_active_model().reset_all()).collect()).await?;
    for gone in old.into_values().filter(|one| one.state != "vanished") {
        // Only where its database was read.
        if read.iter().any(|one| one.database == gone.database_name) {
            seen.vanished += 1;
            set_state(&tx, &gone, "vanished", now, Some("it is not there any more")).await?;
        }
    }
    let values = ActiveModel {
        scanned_at: Set(Some(now)),
        scan_error: Set(sentence.map(|text| text.chars().take(500).collect())),
        scan_tables: Set(i64::try_from(tables.len()).unwrap_or(i64::MAX)),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
    tx.commit().await
}

/// A table that is seen again.
async fn note_seen(
    tx: &Tx,
    before: &table::Model,
    shown: &super::plan::Row,
    keyed: &Keyed,
    (has_key, max_value): (bool, Option<i64>),
    now: DateTime<Utc>,
) -> Result<()> {
    let state = match before.state.as_str() {
        "ignored" => "ignored",
        _ if has_key => "approved",
        _ => "waiting",
    };
    let values = table::ActiveModel {
        column_name: Set(shown.column.clone().unwrap_or_default()),
        column_type: Set(shorten(shown.column_type.as_deref().unwrap_or_default(), 100)),
        id_type: Set(keyed.id_type.as_str().to_owned()),
        key_name: Set(keyed.name.to_string()),
        max_value: Set(max_value),
        seen_at: Set(now),
        state: Set(state.to_owned()),
        note: Set(if before.state == "vanished" { None } else { before.note.clone() }),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(table::Column::Id.eq(before.id))).await.map(drop)
}

fn new_row(
    app: &App,
    row: &Model,
    (database_name, schema_name, table_name): (String, String, String),
    shown: &super::plan::Row,
    keyed: &Keyed,
    (has_key, max_value): (bool, Option<i64>),
    now: DateTime<Utc>,
) -> table::Model {
    table::Model {
        id: app.new_id(),
        org_id: row.org_id,
        database_id: row.id,
        database_name,
        schema_name,
        table_name,
        column_name: shown.column.clone().unwrap_or_default(),
        column_type: shorten(shown.column_type.as_deref().unwrap_or_default(), 100),
        id_type: keyed.id_type.as_str().to_owned(),
        key_name: keyed.name.to_string(),
        max_value,
        state: if has_key { "approved" } else { "waiting" }.to_owned(),
        found_at: now,
        seen_at: now,
        decided_at: None,
        note: None,
    }
}

fn shorten(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Moves a found table to another state.
pub async fn set_state(
    tx: &Tx,
    row: &table::Model,
    state: &str,
    now: DateTime<Utc>,
    note: Option<&str>,
) -> Result<()> {
    let values = table::ActiveModel {
        state: Set(state.to_owned()),
        decided_at: Set(if state == "vanished" { row.decided_at } else { Some(now) }),
        note: Set(note.map(str::to_owned)),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(table::Column::Id.eq(row.id))).await.map(drop)
}
