//! What a database holds compared with its keys: what initialising would do, and doing it.
//!
//! A key is made above the highest id of its table or raised to it, never lowered; each key as a whole or
//! not at all, with the reason. Tables that share a name, but for case or schema, share one key: its ids
//! lie above the highest of all of them and within the narrowest.

use std::collections::{BTreeMap, HashMap};

use base::{Error, Id, Result};
use connector::{KeyOf, TableReading};
use idgen::{IdType, Key, KeyName, NewKey, Settings, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{database::rows, entity::database::Model, service::Ids};

/// Rows of an answer.
pub const MOST: usize = 1_000;

/// What is done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "IdPlanAction")]
pub enum Action {
    /// Its key is made.
    Create,
    /// Its key jumps ahead.
    Raise,
    /// Its key is ahead already.
    Keep,
    /// Its key was given up and is taken up again.
    Revive,
    /// It gets no key.
    Skip,
    /// It should get one and cannot.
    Error,
}

/// One table of a plan. Ids are text: they may be longer than a number of JavaScript.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IdPlanRow")]
pub struct Row {
    /// Its database.
    pub database: String,
    /// Its schema.
    pub schema: Option<String>,
    /// Its name.
    pub table: String,
    /// The leading column of its key.
    pub column: Option<String>,
    /// As the database writes the type.
    pub column_type: Option<String>,
    /// The name of the key.
    pub key: Option<String>,
    /// Up to where the key has issued.
    pub counter: Option<String>,
    /// The highest id in the table.
    pub table_max: Option<String>,
    /// The highest id that the column holds.
    pub limit: Option<String>,
    /// Up to where the key would have issued afterwards.
    pub to: Option<String>,
    /// What is done.
    pub action: Action,
    /// Why not more: no_key, not_integer, is_view, above_limit, unreadable, name_too_long, quarantined.
    pub reason: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
}

/// One database of a plan.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IdPlanDatabase")]
pub struct PlannedDatabase {
    /// Its name.
    pub name: String,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// What would be done.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IdPlan")]
pub struct Plan {
    /// The databases that were looked at.
    pub databases: Vec<PlannedDatabase>,
    /// Their tables.
    pub rows: Vec<Row>,
    /// Whether there are more than the answer holds.
    pub truncated: bool,
}

/// A table with a key of integers, as the plan needs it.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The key.
    pub name: KeyName,
    /// The highest id in use, at least 0.
    pub in_use: i64,
    /// What the column holds.
    pub id_type: IdType,
}

impl Row {
    fn of(reading: &TableReading) -> Self {
        let table = &reading.found.table;
        let column = match &reading.found.key {
            KeyOf::Column(column) | KeyOf::NotInteger(column) => Some(column),
            KeyOf::None | KeyOf::View => None,
        };
        Self {
            database: table.database.clone(),
            schema: table.schema.clone(),
            table: table.name.clone(),
            column: column.map(|column| column.name.clone()),
            column_type: column.map(|column| column.declared.clone()),
            key: None,
            counter: None,
            table_max: None,
            limit: None,
            to: None,
            action: Action::Skip,
            reason: None,
            detail: None,
        }
    }
    fn because(mut self, action: Action, reason: &str, detail: impl Into<String>) -> Self {
        self.action = action;
        self.reason = Some(reason.to_owned());
        self.detail = Some(detail.into());
        self
    }
}

/// What a table gives: its row of the plan, and its key where it has one.
pub fn look(system: &str, reading: &TableReading) -> (Row, Option<Keyed>) {
    let mut row = Row::of(reading);
    let column = match &reading.found.key {
        KeyOf::View => return (row.because(Action::Skip, "is_view", "a view has no key"), None),
        KeyOf::None => return (row.because(Action::Skip, "no_key", "it has no primary key"), None),
        KeyOf::NotInteger(_) => {
            return (row.because(Action::Skip, "not_integer", "its key is not a number"), None);
        }
        KeyOf::Column(column) => column,
    };
    let integer = column.integer.map(|integer| (integer, IdType::within(integer.max())));
    let Some((integer, Some(id_type))) = integer else {
        return (row.because(Action::Skip, "not_integer", "its key is not a number"), None);
    };
    row.limit = Some(integer.max().min(id_type.max().into()).to_string());
    let table = &reading.found.table;
    let name = match KeyName::of_column([system, &table.database, &table.name, &column.name]) {
        Ok(name) => name,
        Err(error) => return (row.because(Action::Error, "name_too_long", error.to_string()), None),
    };
    row.key = Some(name.to_string());
    let highest = match &reading.highest {
        Some(Ok(highest)) => *highest,
        Some(Err(error)) => return (row.because(Action::Error, "unreadable", error.detail()), None),
        None => None,
    };
    row.table_max = highest.map(|highest| highest.to_string());
    let in_use = highest.unwrap_or(0).max(0);
    match i64::try_from(in_use) {
        Ok(in_use) if in_use <= id_type.max() => (row, Some(Keyed { name, in_use, id_type })),
        _ => {
            let detail = format!("ids are issued up to {} only", id_type.max());
            (row.because(Action::Error, "above_limit", detail), None)
        }
    }
}

/// Compares a key with its table.
fn compare(row: &mut Row, keyed: &Keyed, key: Option<&Key>) {
    row.counter = key.map(|key| key.ceiling.to_string());
    let to = keyed.in_use.max(key.map_or(0, |key| key.ceiling));
    row.to = Some(to.to_string());
    let refuse = |row: &mut Row, reason: &str, detail: String| {
        (row.action, row.to) = (Action::Error, None);
        (row.reason, row.detail) = (Some(reason.to_owned()), Some(detail));
    };
    row.action = match key {
        None => Action::Create,
        Some(key) if key.state == State::Quarantined => {
            let detail = key.reason.as_ref().map_or("", |(_, why)| why).to_owned();
            return refuse(row, "quarantined", detail);
        }
        Some(key) if keyed.in_use > key.max() => {
            return refuse(row, "above_limit", format!("the key ends at {}", key.max()));
        }
        Some(key) if key.state == State::Retired => Action::Revive,
        Some(key) if keyed.in_use > key.ceiling => Action::Raise,
        Some(_) => Action::Keep,
    };
}

/// Reads a database and compares it with its keys. With each row of a table that gets a key comes what is
/// known of it.
///
/// Errors: those of the connector, when not even its databases can be listed.
pub async fn read(ids: &Ids, database: &Model) -> Result<(Plan, Vec<Option<Keyed>>)> {
    let target = rows::target(ids, database)?;
    let reading = ids.connector().read(&target).await?;
    let keys = ids.engine().keys(Some(database.org_id)).await?;
    let keys: HashMap<KeyName, Key> = keys.into_iter().map(|key| (key.name.clone(), key)).collect();
    let mut plan = Plan::default();
    let mut found: Vec<(Row, Option<Keyed>)> = Vec::new();
    for one in reading.databases {
        match one {
            Ok(read) => {
                plan.databases.push(PlannedDatabase { name: read.database.clone(), error: None });
                found.extend(read.tables.iter().map(|table| look(&database.system_key, table)));
            }
            Err((name, error)) => {
                let error = Some(error.detail().to_owned());
                plan.databases.push(PlannedDatabase { name, error });
            }
        }
    }
    // Tables that share a key: above all of them, within the narrowest.
    let mut shared: BTreeMap<KeyName, (i64, IdType)> = BTreeMap::new();
    for keyed in found.iter().filter_map(|(_, keyed)| keyed.as_ref()) {
        let one = shared.entry(keyed.name.clone()).or_insert((keyed.in_use, keyed.id_type));
        one.0 = one.0.max(keyed.in_use);
        if keyed.id_type.max() < one.1.max() {
            one.1 = keyed.id_type;
        }
    }
    let mut known = Vec::with_capacity(found.len());
    for (mut row, mut keyed) in found {
        if let Some(keyed) = &mut keyed {
            if let Some((in_use, id_type)) = shared.get(&keyed.name) {
                (keyed.in_use, keyed.id_type) = (*in_use, *id_type);
            }
            compare(&mut row, keyed, keys.get(&keyed.name));
        }
        plan.rows.push(row);
        known.push(keyed);
    }
    Ok((plan, known))
}

/// Does to one key what the plan says.
///
/// Errors: those of the engine; the key is then as it was.
pub async fn apply(ids: &Ids, org: Id, keyed: &Keyed) -> Result<Key> {
    let engine = ids.engine();
    let settings = Settings { id_type: keyed.id_type, ..Settings::default() };
    let new = NewKey { org, name: keyed.name.clone(), in_use: keyed.in_use, settings };
    let key = engine.create_if_missing(&new).await?;
    if keyed.in_use > key.max() {
        let detail = format!("the table has ids up to {}, the key ends at {}", keyed.in_use, key.max());
        return Err(Error::conflict("above_limit", detail));
    }
    if key.state == State::Retired {
        return engine.take_up(org, &keyed.name, keyed.in_use).await;
    }
    engine.raise(org, &keyed.name, keyed.in_use).await
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IdInitialized")]
pub struct Done {
    /// Keys that were made.
    pub created: usize,
    /// Keys that jumped ahead or were taken up again.
    pub raised: usize,
    /// Keys that were ahead already.
    pub kept: usize,
    /// Tables without a key.
    pub skipped: usize,
    /// Tables whose key could not be made, and databases that could not be read.
    pub failed: usize,
    /// Table by table, a thousand at most.
    pub rows: Vec<Row>,
    /// The databases that were looked at.
    pub databases: Vec<PlannedDatabase>,
}

/// Carries a plan out, key by key; `progress` is told after each table.
pub async fn carry_out(
    ids: &Ids,
    org: Id,
    plan: Plan,
    known: &[Option<Keyed>],
    mut progress: impl FnMut(usize, usize),
) -> Done {
    let mut done = Done { databases: plan.databases, ..Done::default() };
    done.failed += done.databases.iter().filter(|one| one.error.is_some()).count();
    let all = plan.rows.len();
    for (at, (mut row, keyed)) in plan.rows.into_iter().zip(known).enumerate() {
        if let (Some(keyed), Action::Create | Action::Raise | Action::Keep | Action::Revive) =
            (keyed, row.action)
        {
            match apply(ids, org, keyed).await {
                Ok(key) => row.to = Some(key.ceiling.to_string()),
                Err(error) => {
                    row.to = None;
                    row = row.because(Action::Error, error.code().to_owned().as_str(), error.detail());
                }
            }
        }
        match row.action {
            Action::Create => done.created += 1,
            Action::Raise | Action::Revive => done.raised += 1,
            Action::Keep => done.kept += 1,
            Action::Skip => done.skipped += 1,
            Action::Error => done.failed += 1,
        }
        done.rows.push(row);
        progress(at + 1, all);
    }
    done
}
