//! The table `api_clients` of the older service: programs with their hashes as they are.
//!
//! What limits a program there and is not understood here refuses the program: it would be let in from
//! anywhere. What is not said to be on is off.

use std::collections::HashMap;

use base::Result;
use kernel::{App, access::ORG};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use store::{Mode, Tx};

use super::{
    Adoption, Fate, Learnt, ReportLine, is_refusal,
    ledger::{Ledger, digest},
    line, row, words,
};
use crate::{
    client::{CALLS, MAKER, SCOPES, Wish, insert, is_usable},
    entity::client::{Column, Entity, Model},
};

const KIND: &str = "program";
const SAVEPOINT: &str = "adopted_program";

const ORIGINS: &[&str] = &["allow_origins", "allowed_origins", "origin_allowlist"];
const IPS: &[&str] = &["allow_ips", "allowed_ips", "ip_allowlist"];
const PATHS: &[&str] = &["allow_paths", "allowed_paths", "path_allowlist"];
const CALLS_COLUMNS: &[&str] = &["rate_limit_per_min", "rate_limit_per_minute", "rate_limit"];

/// Columns that say whether a program is on.
const ON: [&str; 4] = ["is_active", "active", "is_enabled", "enabled"];

/// The columns with lists that are understood.
pub const UNDERSTOOD: [&[&str]; 3] = [ORIGINS, IPS, PATHS];

/// Programs by their client keys.
type Programs = HashMap<String, Model>;

/// Takes a group over; `known` are those of the same keys that are here, in whatever organisation.
pub async fn take(adoption: &Adoption, tx: &Tx, (rows, known): (&[Value], &Programs)) -> Result<Learnt> {
    let mut learnt = Learnt::default();
    let digests = rows.iter().filter_map(|source| row::text(source, &["client_key"]));
    let mut ledger = Ledger::read(tx, digests.map(|key| digest(&[KIND, &key])).collect()).await?;
    for source in rows {
        let name = row::text(source, &["client_key"]).unwrap_or_else(|| "without client_key".to_owned());
        let told = match read(adoption, source) {
            Ok((row, note)) => one(adoption, tx, (&row, note), known.get(&name), &mut ledger).await?,
            Err(why) => line(KIND, name, Fate::Refused, why),
        };
        learnt.report.push(told);
    }
    ledger.write(tx, || adoption.app.new_id(), adoption.app.now()).await?;
    Ok(learnt)
}

fn read(adoption: &Adoption, source: &Value) -> Result<(Model, String), String> {
    let client_key = row::text(source, &["client_key"]).ok_or("it has no client_key")?;
    let fits =
        client_key.len() <= 64 && client_key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if !fits {
        return Err(
            "its client_key has more than 64 characters, or others than letters, digits, _ and -".into()
        );
    }
    let key_hash = hash(source, "api_key_hash")?.ok_or("it has no api_key_hash")?;
    let previous_until = row::instant(source, &["previous_not_after"])?;
    let previous_hash = hash(source, "api_key_hash_previous")?.filter(|_| previous_until.is_some());
    not_understood(source)?;
    let (scopes, may_grant, note) = powers(adoption, source)?;
    let off = off(source);
    let calls = row::number(source, CALLS_COLUMNS).map(|calls| calls.clamp(0, 1_000_000));
    let now = adoption.app.now();
    let mut wish = Wish {
        name: Some(
            row::text(source, &["name"]).unwrap_or_else(|| client_key.clone()).chars().take(120).collect(),
        ),
        active: Some(off.is_none()),
        scopes: Some(scopes),
        may_grant: Some(may_grant),
        allow_origins: Some(row::list(source, ORIGINS)?),
        allow_ips: Some(row::list(source, IPS)?),
        allow_paths: Some(row::list(source, PATHS)?),
        calls_per_minute: Some(calls.and_then(|calls| i32::try_from(calls).ok()).unwrap_or(CALLS)),
        expires_at: Some(row::instant(source, &["expires_at", "expire_at"])?),
    };
    wish.check().map_err(|error| words(&error))?;
    let made_by = row::text(source, &["created_by"]).unwrap_or_else(|| adoption.options.who.name.clone());
    let mut model = Model {
        id: adoption.app.new_id(),
        org_id: adoption.options.org,
        client_key,
        name: String::new(),
        key_hash,
        previous_until: previous_until.filter(|_| previous_hash.is_some()),
        previous_hash,
        key_prefix: row::text(source, &["key_prefix"]).unwrap_or_default().chars().take(16).collect(),
        active: true,
        scopes: None,
        may_grant: None,
        allow_origins: None,
        allow_ips: None,
        allow_paths: None,
        calls_per_minute: CALLS,
        expires_at: None,
        last_used_at: row::instant(source, &["last_used_at"])?,
        made_by: made_by.chars().take(MAKER).collect(),
        created_at: row::instant(source, &["created_at"])?.unwrap_or(now),
        updated_at: now,
    };
    wish.apply(&mut model);
    let notes = [note, off.map(|why| format!("switched off: {why}")).unwrap_or_default()];
    Ok((model, notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ")))
}

/// Why a program is off, if it is. Where no column speaks of it, it is on.
fn off(source: &Value) -> Option<String> {
    let is_active = |status: &Value| *status == json!("active") || *status == json!(true);
    if source.get("status").is_some_and(|status| !is_active(status)) {
        return Some("its status is not active".to_owned());
    }
    let not_on = |name: &&&str| source.get(**name).is_some_and(|value| row::truth(value) != Some(true));
    if let Some(name) = ON.iter().find(not_on) {
        return Some(format!("its {name} is not true"));
    }
    row::over(source).map(|name| format!("its {name} says so"))
}

fn hash(source: &Value, name: &'static str) -> Result<Option<String>, String> {
    let Some(hash) = row::text(source, &[name]) else { return Ok(None) };
    if hash.len() <= 300 && is_usable(&hash) {
        return Ok(Some(hash));
    }
    Err(format!("its {name} is no Argon2, bcrypt or sha256: hash that can be verified; give it another key"))
}

/// Fails for a list that limits a program in a way that is not known.
fn not_understood(source: &Value) -> Result<(), String> {
    let is_list = |name: &str| ["allow", "whitelist", "deny", "block"].iter().any(|word| name.contains(word));
    let is_known = |name: &str| UNDERSTOOD.iter().any(|names| names.contains(&name));
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "[]" || text == "{}",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let mut columns = source.as_object().into_iter().flatten();
    match columns.find(|(name, value)| is_list(name) && !is_known(name) && !is_empty(value)) {
        Some((name, _)) => Err(format!("its limit in the column {name} is not understood")),
        None => Ok(()),
    }
}

/// What it may do, and what is to be said of that.
fn powers(adoption: &Adoption, source: &Value) -> Result<(Vec<String>, Vec<String>, String), String> {
    let has_scopes = source.get("scopes").is_some();
    if !has_scopes && !adoption.options.grant_modules {
        let note = "it may do nothing here until it is given scopes (--grant-modules gives them)";
        return Ok((Vec::new(), Vec::new(), note.to_owned()));
    }
    let catalogue = adoption.app.catalogue();
    let foreign = |module: &&String| {
        module.as_str() != ORG && !catalogue.iter().any(|(_, entry)| entry.tuple_module() == **module)
    };
    if !has_scopes {
        let may_grant: Vec<String> = adoption.modules.iter().filter(foreign).take(200).cloned().collect();
        let scopes = vec!["permissions:read".to_owned(), "permissions:write".to_owned()];
        return Ok((scopes, may_grant, String::new()));
    }
    let (scopes, unknown): (Vec<String>, Vec<String>) = row::list(source, &["scopes"])?
        .unwrap_or_default()
        .into_iter()
        .partition(|scope| SCOPES.contains(&scope.as_str()));
    let is_product = |grant: &String| {
        grant.split_once(':').is_some_and(|(module, action)| catalogue.find_tuple(module, action).is_some())
    };
    let (own, may_grant): (Vec<String>, Vec<String>) =
        row::list(source, &["may_grant"])?.unwrap_or_default().into_iter().partition(is_product);
    let left_out = [unknown, own].concat();
    let note = match left_out.is_empty() {
        true => String::new(),
        false => format!("without {}", left_out.join(", ")),
    };
    Ok((scopes, may_grant, note))
}

async fn one(
    adoption: &Adoption,
    tx: &Tx,
    (row, note): (&Model, String),
    known: Option<&Model>,
    ledger: &mut Ledger,
) -> Result<ReportLine> {
    let name = row.client_key.clone();
    if let Some(known) = known {
        let (fate, note) = match known {
            known if known.org_id != row.org_id => {
                (Fate::Refused, "another organisation has this client_key")
            }
            known if known.key_hash == row.key_hash => (Fate::Unchanged, ""),
            // Its key was replaced here since.
            _ => (Fate::Unchanged, "with another key than there"),
        };
        return Ok(line(KIND, name, fate, note));
    }
    let digest = digest(&[KIND, &name]);
    if ledger.has(&digest) {
        return Ok(line(KIND, name, Fate::Unchanged, "it was removed here since"));
    }
    tx.savepoint(SAVEPOINT).await?;
    let taken = async {
        let event = insert(tx, row).await?;
        adoption.note(tx, event.change("adopted", json!(null), json!(true))).await
    };
    match taken.await {
        Ok(()) => {
            tx.release_savepoint(SAVEPOINT).await?;
            ledger.add(digest);
            Ok(line(KIND, name, Fate::Taken, note))
        }
        Err(error) if is_refusal(&error) => {
            tx.back_to_savepoint(SAVEPOINT).await?;
            Ok(line(KIND, name, Fate::Refused, words(&error)))
        }
        Err(error) => Err(error),
    }
}

/// Those programs of a group that are here, in whatever organisation.
pub async fn known(app: &App, rows: &[Value]) -> Result<Programs> {
    let keys: Vec<String> = rows.iter().filter_map(|source| row::text(source, &["client_key"])).collect();
    let tx = app.system(Mode::Read).await?;
    let found = tx.all(tx.find::<Entity>().filter(Column::ClientKey.is_in(keys))).await?;
    tx.commit().await?;
    Ok(found.into_iter().map(|row| (row.client_key.clone(), row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_on_only_where_every_column_that_speaks_of_it_says_so() {
        for on in [
            json!({}),
            json!({ "status": "active" }),
            json!({ "status": true, "is_active": 1, "enabled": "t", "revoked_at": null, "disabled": false }),
        ] {
            assert_eq!(off(&on), None, "{on}");
        }
        for refused in [
            json!({ "status": null }),
            json!({ "status": "" }),
            json!({ "status": "Active" }),
            json!({ "status": "enabled" }),
            json!({ "status": false }),
            json!({ "status": 1 }),
            json!({ "status": "active", "is_active": false }),
            json!({ "status": "active", "enabled": null }),
            json!({ "active": "maybe" }),
            json!({ "status": "active", "revoked_at": "2026-01-01T00:00:00" }),
            json!({ "disabled_reason": "stolen" }),
        ] {
            assert!(off(&refused).is_some(), "{refused}");
        }
    }
}
