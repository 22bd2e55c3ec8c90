//! The table `api_clients` of the older service: programs with their hashes as they are.
//!
//! What limits a program there and is not understood here refuses the program: it would be let in from
//! anywhere.

use base::Result;
use kernel::access::ORG;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use store::{Mode, Tx};

use super::{
    Adoption, Fate, Learnt, ReportLine, is_refusal,
    ledger::{Ledger, digest},
    line, row, words,
};
use crate::{
    client::{CALLS, MAKER, SCOPES, Wish, is_usable, take_over},
    entity::client::{Column, Entity, Model},
};

const KIND: &str = "program";
const SAVEPOINT: &str = "adopted_program";

const ORIGINS: &[&str] = &["allow_origins", "allowed_origins", "origin_allowlist"];
const IPS: &[&str] = &["allow_ips", "allowed_ips", "ip_allowlist"];
const PATHS: &[&str] = &["allow_paths", "allowed_paths", "path_allowlist"];
const CALLS_COLUMNS: &[&str] = &["rate_limit_per_min", "rate_limit_per_minute", "rate_limit"];

/// The columns with lists that are understood.
pub const UNDERSTOOD: [&[&str]; 3] = [ORIGINS, IPS, PATHS];

/// Takes a group over.
pub async fn take(adoption: &Adoption, tx: &Tx, rows: &[Value]) -> Result<Learnt> {
    let mut learnt = Learnt::default();
    let digests = rows.iter().filter_map(|source| row::text(source, &["client_key"]));
    let mut ledger = Ledger::read(tx, digests.map(|key| digest(&[KIND, &key])).collect()).await?;
    for source in rows {
        let name = row::text(source, &["client_key"]).unwrap_or_else(|| "without client_key".to_owned());
        let told = match read(adoption, source) {
            Ok((row, note)) => one(adoption, tx, &row, note, &mut ledger).await?,
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
    let calls = row::number(source, CALLS_COLUMNS).map(|calls| calls.clamp(0, 1_000_000));
    let now = adoption.app.now();
    let mut wish = Wish {
        name: Some(
            row::text(source, &["name"]).unwrap_or_else(|| client_key.clone()).chars().take(120).collect(),
        ),
        active: Some(row::text(source, &["status"]).is_none_or(|status| status == "active")),
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
    Ok((model, note))
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
    row: &Model,
    note: String,
    ledger: &mut Ledger,
) -> Result<ReportLine> {
    let name = row.client_key.clone();
    if let Some(known) = known(adoption, &name).await? {
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
        let event = take_over(&adoption.app, tx, row).await?;
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

/// The program of that key, in whatever organisation.
async fn known(adoption: &Adoption, client_key: &str) -> Result<Option<Model>> {
    let tx = adoption.app.system(Mode::Read).await?;
    let found = tx.one(tx.find::<Entity>().filter(Column::ClientKey.eq(client_key))).await?;
    tx.commit().await?;
    Ok(found)
}
