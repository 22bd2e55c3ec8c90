//! The table `permissions` of the older service, and the names in it.

use std::collections::BTreeMap;

use base::{Id, Result};
use chrono::{DateTime, Utc};
use kernel::{
    access::{self, Granter, GranterKind, Holder, ORG, Terms as On, Tuple},
    audit::Event,
};
use serde_json::{Value, json};
use store::Tx;

use super::{
    Adoption, Fate, Known, Learnt, ReportLine,
    ledger::{Ledger, digest},
    line, row, words,
};
use crate::{
    fields::check_tuple,
    service::people,
    term::{self, Terms},
};

const KIND: &str = "permission";
/// Characters of a reason.
const REASON: usize = 500;

/// Permissions with their ends.
type Timed = Vec<(Tuple, Option<DateTime<Utc>>)>;

/// What was given in this group.
struct Given {
    by_user: BTreeMap<Id, (String, Timed)>,
    ledger: Ledger,
}

fn digest_of(adoption: &Adoption, user: &Known, tuple: &Tuple) -> String {
    let issuer = adoption.issuer.to_string();
    let Tuple { scope_type, scope_id, module, action } = tuple;
    digest(&[KIND, &issuer, &user.sub, scope_type, scope_id, module, action])
}

/// A permission there.
struct Row {
    tuple: Tuple,
    granted_at: DateTime<Utc>,
    on: On,
}

fn read(source: &Value, now: DateTime<Utc>) -> Result<Row, String> {
    let part = |name: &'static str| row::text(source, &[name]).ok_or(format!("it has no {name}"));
    let tuple = Tuple {
        scope_type: part("scope_type")?,
        scope_id: part("scope_id")?,
        module: part("module")?,
        action: part("action")?,
    };
    let granter = |name: String| Granter { kind: GranterKind::Unknown, id: None, name };
    let on = On {
        granted_by: row::text(source, &["granted_by"]).map(granter),
        reason: row::text(source, &["reason"]).map(|text| text.chars().take(REASON).collect()),
        expires_at: row::instant(source, &["expires_at"])?,
    };
    Ok(Row { tuple, granted_at: row::instant(source, &["created_at"])?.unwrap_or(now).min(now), on })
}

/// Takes a group over.
pub async fn take(adoption: &Adoption, tx: &Tx, rows: &[Value]) -> Result<Learnt> {
    access::lock_head(tx).await?;
    let terms = Terms::read(&adoption.app, tx).await?;
    let name = |source: &Value| {
        let user = adoption.users.get(&row::text(source, &["user_id"])?)?;
        Some(digest_of(adoption, user, &read(source, adoption.app.now()).ok()?.tuple))
    };
    let ledger = Ledger::read(tx, rows.iter().filter_map(name).collect()).await?;
    let (mut learnt, mut given) = (Learnt::default(), Given { by_user: BTreeMap::new(), ledger });
    for source in rows {
        let told = one(adoption, tx, source, &terms, &mut learnt, &mut given).await?;
        learnt.report.push(told);
    }
    let Given { by_user: given, ledger } = given;
    ledger.write(tx, || adoption.app.new_id(), adoption.app.now()).await?;
    for (user, (sub, tuples)) in given {
        tell(adoption, tx, user, sub, &tuples).await?;
    }
    Ok(learnt)
}

async fn one(
    adoption: &Adoption,
    tx: &Tx,
    source: &Value,
    terms: &Terms,
    learnt: &mut Learnt,
    given: &mut Given,
) -> Result<ReportLine> {
    let id = row::text(source, &["id"]).unwrap_or_default();
    let owner = row::text(source, &["user_id"]).unwrap_or_default();
    let user = adoption.users.get(&owner);
    let who = user.map_or_else(|| format!("user {owner}"), |user| user.sub.clone());
    let row = match read(source, adoption.app.now()) {
        Ok(row) => row,
        Err(why) => return Ok(line(KIND, format!("{who} id {id}"), Fate::Refused, why)),
    };
    let Tuple { scope_type, scope_id, module, action } = &row.tuple;
    let name = format!("{who} {scope_type}/{scope_id} {module}:{action}");
    let Some(user) = user else {
        return Ok(line(KIND, name, Fate::Refused, "its user was not taken over"));
    };
    if let Err(why) = check(adoption, &row) {
        return Ok(line(KIND, name, Fate::Refused, why));
    }
    let holder = Holder::User(user.user);
    let held = access::find(tx, holder, &row.tuple).await?;
    let lasts = |end: Option<DateTime<Utc>>| end.is_none_or(|end| adoption.app.now() < end);
    if held.is_some_and(|grant| lasts(grant.terms.expires_at)) {
        learnt.modules.insert(module.clone());
        return Ok(line(KIND, name, Fate::Unchanged, ""));
    }
    let digest = digest_of(adoption, user, &row.tuple);
    if given.ledger.has(&digest) {
        return Ok(line(KIND, name, Fate::Unchanged, "it was taken away here since"));
    }
    if !user.active && may_work(adoption, tx, user.user).await? {
        return Ok(line(KIND, name, Fate::Refused, "its user may not work there, and may here"));
    }
    for (kind, word) in [("scope_type", scope_type), ("module", module), ("action", action)] {
        let named = (kind, word.clone());
        // A dry run has taken back what it declared; it is told once nevertheless.
        let is_here = learnt.names.contains(&named) || adoption.names.contains(&named);
        if !terms.knows(kind, word) && !is_here {
            let id = term::declare(&adoption.app, tx, kind, word, "from the older service").await?;
            let event = Event::new("members:catalog:change", "members.term")
                .target(id, format!("{kind} {word}"))
                .change("deprecated", Value::Null, json!(false));
            adoption.note(tx, event).await?;
            learnt.names.insert(named);
            learnt.report.push(line("name", format!("{kind} {word}"), Fate::Taken, ""));
        }
    }
    give(adoption, tx, user, &row).await?;
    learnt.modules.insert(module.clone());
    given.ledger.add(digest);
    let entry = given.by_user.entry(user.user).or_insert_with(|| (user.sub.clone(), Vec::new()));
    entry.1.push((row.tuple.clone(), row.on.expires_at));
    Ok(line(KIND, name, Fate::Taken, ""))
}

async fn may_work(adoption: &Adoption, tx: &Tx, user: Id) -> Result<bool> {
    let found = people(&adoption.app)?.find(tx, &[user]).await?;
    Ok(found.iter().any(|person| person.active))
}

fn check(adoption: &Adoption, row: &Row) -> Result<(), String> {
    check_tuple("", &row.tuple).map_err(|error| words(&error))?;
    if row.tuple.scope_type == ORG && row.tuple.scope_id == adoption.options.org.to_string() {
        return Err("what may be done in Tenon itself is given here only".to_owned());
    }
    match row.on.expires_at.filter(|end| *end <= adoption.app.now()) {
        Some(end) => Err(format!("it has ended at {}", base::time::format(end))),
        None => Ok(()),
    }
}

async fn give(adoption: &Adoption, tx: &Tx, user: &Known, row: &Row) -> Result<()> {
    let holder = Holder::User(user.user);
    let on = |_: Option<&On>| row.on.clone();
    access::give(tx, adoption.app.new_id(), row.granted_at, holder, &row.tuple, on).await.map(drop)
}

/// Tells the feed and the trail what a user was given.
async fn tell(
    adoption: &Adoption,
    tx: &Tx,
    user: Id,
    sub: String,
    tuples: &[(Tuple, Option<DateTime<Utc>>)],
) -> Result<()> {
    let detail = |(tuple, end): &(Tuple, Option<DateTime<Utc>>)| {
        ("granted", Some(json!({ "permission": tuple, "expires_at": end.map(base::time::format) })))
    };
    let (now, org) = (adoption.app.now(), adoption.options.org);
    access::bump_with(tx, org, now, Some(user), tuples.iter().map(detail).collect()).await?;
    let tuples: Vec<&Tuple> = tuples.iter().map(|(tuple, _)| tuple).collect();
    let event = Event::new("members:permission:grant", "identity.user").target(user, sub).change(
        "permissions",
        Value::Null,
        json!(tuples),
    );
    adoption.note(tx, event).await
}
