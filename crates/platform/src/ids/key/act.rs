//! What one does to keys.

use base::{Error, Result};
use idgen::{Key, NewKey, Range, Settings};
use kernel::{
    Created, Cx, Json,
    audit::{self, Event, Who},
};
use serde_json::{Value, json};

use super::{
    NAME, PATH,
    dto::{Create, Patch, Quarantine, Raise, Release, Rename, Return, View, id_type_of, number},
    load, name_of,
    seen::{FindingView, Findings},
};
use crate::ids::{
    database::rows,
    entity::database::Model,
    generator,
    service::{Ids, org, reading, writing},
};

/// Leaves an entry, to be committed with the answer. The engine has done the work by then: what is done
/// twice does no harm, as nothing here lowers a key.
async fn record(cx: &Cx, action: &str, key: &Key, changes: Vec<(&str, Value, Value)>) -> Result<()> {
    let work = cx.begin(writing(cx)?).await?;
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let mut event = Event::new(format!("ids:key:{action}"), NAME).target(key.id, key.name.as_str());
    for (field, before, after) in changes {
        if before != after {
            event = event.change(field, before, after);
        }
    }
    audit::write(&work, cx.now(), who, &cx.origin, event).await?;
    cx.finish(work);
    Ok(())
}

fn shown(cx: &Cx, key: Key) -> Json<View> {
    Json(View::of(key, cx.now()))
}

pub(super) async fn create(cx: &Cx, input: Create) -> Result<Created<View>> {
    let ids = Ids::of(&cx.app)?;
    let name = name_of(input.name.as_deref(), input.parts.as_ref())?;
    if generator::find(cx, &name).await?.is_some() {
        return Err(Error::conflict("key_exists", "there is a generator of that name already"));
    }
    let mut settings = Settings::default();
    if let Some(mode) = input.mode {
        settings.mode = mode.into();
    }
    if let Some(counter) = input.counter {
        settings.counter = counter.into();
    }
    if let Some(id_type) = &input.id_type {
        settings.id_type = id_type_of(id_type)?;
    }
    if let Some(block) = input.block {
        settings.block = (block.least, block.most);
    }
    settings.sync = input.sync.unwrap_or(settings.sync);
    settings.most_ids = input.most_ids.unwrap_or(settings.most_ids);
    let in_use = input.in_use.as_deref().map_or(Ok(0), |text| number("in_use", text))?;
    let key = ids.engine().create(&NewKey { org: org(cx)?, name, in_use, settings }).await?;
    record(cx, "create", &key, vec![("in_use", json!(null), json!(in_use.to_string()))]).await?;
    Ok(Created::at(PATH, key.id, View::of(key, cx.now())))
}

fn settings_of(key: &Key) -> Value {
    let settings = &key.settings;
    json!({
        "mode": settings.mode.as_str(), "counter": settings.counter.as_str(), "sync": settings.sync, "id_type": settings.id_type.as_str(),
        "most_ids": settings.most_ids, "block": [settings.block.0, settings.block.1],
        "anonymous": settings.anonymous, "calls_per_second": settings.calls_per_second,
        "ids_per_minute": settings.ids_per_minute,
    })
}

pub(super) async fn update(cx: &Cx, input: Patch) -> Result<Json<View>> {
    let ids = Ids::of(&cx.app)?;
    let before = load(cx).await?;
    let settings = input.apply(before.settings)?;
    if settings == before.settings {
        return Ok(shown(cx, before));
    }
    let after = ids.engine().configure(before.org, &before.name, settings).await?;
    record(cx, "update", &after, vec![("settings", settings_of(&before), settings_of(&after))]).await?;
    Ok(shown(cx, after))
}

fn ceilings(before: &Key, after: &Key) -> Vec<(&'static str, Value, Value)> {
    vec![
        ("ceiling", json!(before.ceiling.to_string()), json!(after.ceiling.to_string())),
        ("state", json!(before.state.as_str()), json!(after.state.as_str())),
    ]
}

pub(super) async fn raise(cx: &Cx, input: Raise) -> Result<Json<View>> {
    let before = load(cx).await?;
    let to = number("to", &input.to)?;
    let after = Ids::of(&cx.app)?.engine().raise(before.org, &before.name, to).await;
    let after = after.map_err(|error| renamed(error, "to"))?;
    record(cx, "raise", &after, ceilings(&before, &after)).await?;
    Ok(shown(cx, after))
}

/// An error on a field as it is called on this wire.
fn renamed(error: Error, field: &'static str) -> Error {
    match error.field_errors().first() {
        Some(one) => Error::field(field, one.code.clone(), one.message.clone()),
        None => error,
    }
}

pub(super) async fn rename(cx: &Cx, input: Rename) -> Result<Json<View>> {
    let before = load(cx).await?;
    let name = name_of(Some(&input.name), None)?;
    if name == before.name {
        return Ok(shown(cx, before));
    }
    if generator::find(cx, &name).await?.is_some() {
        return Err(Error::conflict("key_exists", "there is a generator of that name already"));
    }
    if let Some([system, database, ..]) = before.name.parts() {
        // The next call under the old name would make it anew, below ids that were issued and not inserted.
        let tx = reading(cx).await?;
        let all = rows::all(&tx).await?;
        tx.commit().await?;
        let covers = |row: &Model| {
            row.system_key == system && (row.database_key.is_empty() || row.database_key == database)
        };
        if all.iter().any(covers) {
            let detail = "its database is configured; rename that, and its keys go along";
            return Err(Error::conflict("database_configured", detail));
        }
    }
    let after = Ids::of(&cx.app)?.engine().rename(before.org, &before.name, &name).await?;
    let names = vec![("name", json!(before.name.as_str()), json!(after.name.as_str()))];
    record(cx, "rename", &after, names).await?;
    Ok(shown(cx, after))
}

pub(super) async fn give_back(cx: &Cx, input: Return) -> Result<Json<View>> {
    let before = load(cx).await?;
    let (start, end) = (number("start", &input.start)?, number("end", &input.end)?);
    let range = Range::new(start, end)
        .ok_or_else(|| Error::field("end", "range", "must not be below the first id"))?;
    let engine = Ids::of(&cx.app)?.engine();
    // An operator hands back for whoever has it.
    let owner = engine.owner(before.org, &before.name, start).await?;
    let caller = owner.and_then(|line| line.caller);
    engine.return_range(before.org, &before.name, range, caller.as_deref()).await?;
    let after = engine.key(before.org, &before.name).await?;
    let returned = vec![("returned", json!(null), json!(format!("{start} to {end}")))];
    record(cx, "return", &after, returned).await?;
    Ok(shown(cx, after))
}

pub(super) async fn revive(cx: &Cx) -> Result<Json<View>> {
    let before = load(cx).await?;
    let after = Ids::of(&cx.app)?.engine().revive(before.org, &before.name).await?;
    record(cx, "revive", &after, ceilings(&before, &after)).await?;
    Ok(shown(cx, after))
}

pub(super) async fn quarantine(cx: &Cx, input: Quarantine) -> Result<Json<View>> {
    let before = load(cx).await?;
    let after = Ids::of(&cx.app)?.engine().quarantine(before.org, &before.name, &input.reason).await?;
    record(cx, "quarantine", &after, ceilings(&before, &after)).await?;
    Ok(shown(cx, after))
}

pub(super) async fn release(cx: &Cx, input: Release) -> Result<Json<View>> {
    let before = load(cx).await?;
    let at_least = number("at_least", &input.at_least)?;
    let after = Ids::of(&cx.app)?.engine().release(before.org, &before.name, at_least).await?;
    record(cx, "release", &after, ceilings(&before, &after)).await?;
    Ok(shown(cx, after))
}

pub(super) async fn check(cx: &Cx) -> Result<Json<Findings>> {
    let key = load(cx).await?;
    let found = Ids::of(&cx.app)?.engine().check(key.org, &key.name).await?;
    record(cx, "check", &key, vec![("findings", json!(null), json!(found.len()))]).await?;
    let findings = found.into_iter().map(|one| FindingView {
        line: one.line,
        start: one.range.start().to_string(),
        end: one.range.end().to_string(),
    });
    Ok(Json(Findings { findings: findings.collect() }))
}

pub(super) async fn retire(cx: &Cx) -> Result<Json<View>> {
    let before = load(cx).await?;
    let after = Ids::of(&cx.app)?.engine().retire(before.org, &before.name).await?;
    record(cx, "retire", &after, ceilings(&before, &after)).await?;
    Ok(shown(cx, after))
}
