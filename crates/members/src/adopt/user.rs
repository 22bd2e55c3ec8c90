//! The table `users` of the older service.

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use kernel::{
    access,
    audit::Event,
    port::{Newcomer, ProfileChange},
};
use serde_json::{Value, json};
use store::Tx;

use super::{Adoption, Fate, Known, Learnt, ReportLine, is_refusal, line, row, words};
use crate::{fields::check_sub, service::people, subject};

const KIND: &str = "user";
/// Characters of a name to show.
const NAME: usize = 120;
const SAVEPOINT: &str = "adopted_user";

/// A user there.
struct Row {
    sub: String,
    email: Option<String>,
    name: String,
    active: bool,
    version: i64,
    observed_at: Option<DateTime<Utc>>,
    seen_at: Option<DateTime<Utc>>,
    created_at: Option<DateTime<Utc>>,
}

fn read(source: &Value) -> Result<Row, String> {
    let sub = row::text(source, &["authentik_sub"]).ok_or("it has no authentik_sub")?;
    check_sub("authentik_sub", &sub).map_err(|error| words(&error))?;
    let is_gone = row::instant(source, &["deleted_at"])?.is_some();
    Ok(Row {
        sub,
        email: row::text(source, &["email"]),
        name: row::text(source, &["display_name"]).unwrap_or_default(),
        active: source.get("is_active").and_then(Value::as_bool).unwrap_or(true) && !is_gone,
        version: row::number(source, &["perm_version"]).unwrap_or_default(),
        observed_at: row::instant(source, &["profile_observed_at"])?,
        seen_at: row::instant(source, &["last_seen_at"])?,
        created_at: row::instant(source, &["created_at"])?,
    })
}

/// Takes a group over.
pub async fn take(adoption: &Adoption, tx: &Tx, rows: &[Value]) -> Result<Learnt> {
    access::lock_head(tx).await?;
    let mut learnt = Learnt::default();
    for source in rows {
        let id = row::text(source, &["id"]).unwrap_or_default();
        let told = match read(source) {
            Ok(row) => one(adoption, tx, &id, &row, &mut learnt).await?,
            Err(why) => {
                let name = row::text(source, &["authentik_sub"]).unwrap_or_else(|| format!("id {id}"));
                line(KIND, name, Fate::Refused, why)
            }
        };
        learnt.report.push(told);
    }
    Ok(learnt)
}

async fn one(adoption: &Adoption, tx: &Tx, id: &str, row: &Row, learnt: &mut Learnt) -> Result<ReportLine> {
    let known = |user: Id| (id.to_owned(), Known { sub: row.sub.clone(), user });
    if let Some(found) = subject::find(tx, adoption.issuer, &row.sub).await? {
        learnt.users.push(known(found.user_id));
        return Ok(line(KIND, &row.sub, Fate::Unchanged, ""));
    }
    if let Ok(user) = row.sub.parse::<Id>()
        && people(&adoption.app)?.is_account(tx, user).await?
    {
        return Ok(line(KIND, &row.sub, Fate::Refused, "it is the id of a user of this server"));
    }
    tx.savepoint(SAVEPOINT).await?;
    let mut made = make(adoption, tx, row, row.email.clone()).await;
    let mut note = "";
    if made.as_ref().is_err_and(is_refusal) && row.email.is_some() {
        // An address that cannot be one is no reason to lose its owner.
        tx.back_to_savepoint(SAVEPOINT).await?;
        made = make(adoption, tx, row, None).await;
        note = "without its address, which is none here";
    }
    match made {
        Ok(user) => {
            tx.release_savepoint(SAVEPOINT).await?;
            learnt.users.push(known(user));
            let note = if row.active { note } else { "may not work, as there" };
            Ok(line(KIND, &row.sub, Fate::Taken, note))
        }
        Err(error) if is_refusal(&error) => {
            tx.back_to_savepoint(SAVEPOINT).await?;
            Ok(line(KIND, &row.sub, Fate::Refused, words(&error)))
        }
        Err(error) => Err(error),
    }
}

async fn make(adoption: &Adoption, tx: &Tx, row: &Row, email: Option<String>) -> Result<Id, Error> {
    let (app, people) = (&adoption.app, people(&adoption.app)?);
    // Whoever keeps the highest version that he has seen goes on with those from here.
    access::raise_head(tx, row.version).await?;
    let name: String = base::text::one_line(row.name.trim()).chars().take(NAME).collect();
    let new = Newcomer {
        username: email.clone().unwrap_or_else(|| row.sub.clone()),
        name: name.trim().to_owned(),
        email,
    };
    let user = people.enrol(app, tx, new).await?;
    subject::add(app, tx, adoption.issuer, &row.sub, user).await?;
    if let Some(at) = row.created_at {
        people.set_joined(tx, user, at).await?;
    }
    if let Some(at) = row.seen_at {
        subject::seen(tx, adoption.issuer, &row.sub, at).await?;
    }
    if let Some(at) = row.observed_at
        && let Some(found) = subject::find(tx, adoption.issuer, &row.sub).await?
    {
        subject::observed(tx, found.id, at).await?;
    }
    if !row.active {
        let change = ProfileChange { active: Some(false), ..ProfileChange::default() };
        people.change(app, tx, user, change).await?;
    }
    let event = Event::new("members:user:upsert", "identity.user").target(user, row.sub.clone()).change(
        "changed",
        Value::Null,
        json!(["adopted"]),
    );
    adoption.note(tx, event).await?;
    Ok(user)
}
