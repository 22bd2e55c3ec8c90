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
use crate::{fields::check_sub, service::people, snapshot, subject};

const KIND: &str = "user";
/// Characters of a name to show.
const NAME: usize = 120;
const SAVEPOINT: &str = "adopted_user";
/// The highest version that is believed: what every program can count to. The counter here goes on above it.
const VERSION: i64 = 1 << 53;

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
    Ok(Row {
        sub,
        email: row::text(source, &["email"]),
        name: row::text(source, &["display_name"]).unwrap_or_default(),
        active: active(source)?,
        version: version(source)?,
        observed_at: row::instant(source, &["profile_observed_at"])?,
        seen_at: row::instant(source, &["last_seen_at"])?,
        created_at: row::instant(source, &["created_at"])?,
    })
}

/// Whether he may work there. Where no column speaks of it, he may.
fn active(source: &Value) -> Result<bool, String> {
    let is_active = match source.get("is_active") {
        None => true,
        Some(value) => row::truth(value).ok_or("its is_active is neither true nor false")?,
    };
    Ok(is_active && row::over(source).is_none())
}

fn version(source: &Value) -> Result<i64, String> {
    let Some(text) = row::text(source, &["perm_version"]) else { return Ok(0) };
    let version = text.trim().parse().ok().filter(|version| (0..=VERSION).contains(version));
    version.ok_or_else(|| format!("its perm_version `{text}` is none: a number from 0 to {VERSION}"))
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
    // Whoever keeps the highest version that he has seen goes on with those from here.
    access::raise_head(tx, row.version).await?;
    let known = |user: Id| (id.to_owned(), Known { sub: row.sub.clone(), user, active: row.active });
    if let Some(found) = subject::find(tx, adoption.issuer, &row.sub).await? {
        learnt.users.push(known(found.user_id));
        return Ok(line(KIND, &row.sub, Fate::Unchanged, catch_up(adoption, tx, row, found.user_id).await?));
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

/// Lifts the version of a member who was here before above the one there; what is to be said of him.
async fn catch_up(adoption: &Adoption, tx: &Tx, row: &Row, user: Id) -> Result<String> {
    let (app, org) = (&adoption.app, adoption.options.org);
    let mut notes = Vec::new();
    if row.version > 0 && snapshot::version(app, tx, org, user).await? <= row.version {
        access::bump(tx, app.now(), "user_changed", Some(user)).await?;
        notes.push("his version goes on above the one there");
    }
    let may_work = people(app)?.find(tx, &[user]).await?.iter().any(|person| person.active);
    if !row.active && may_work {
        notes.push("may not work there, and may here: what he has there is not given to him");
    }
    Ok(notes.join("; "))
}

async fn make(adoption: &Adoption, tx: &Tx, row: &Row, email: Option<String>) -> Result<Id, Error> {
    let (app, people) = (&adoption.app, people(&adoption.app)?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_somebody_may_work_is_read_or_refused_and_never_guessed() {
        let read = |mut row: Value| {
            row["authentik_sub"] = json!("ann");
            read(&row).map(|row| row.active)
        };
        for yes in
            [json!({}), json!({ "is_active": true }), json!({ "is_active": 1 }), json!({ "is_active": "t" })]
        {
            assert_eq!(read(yes.clone()), Ok(true), "{yes}");
        }
        for no in [
            json!({ "is_active": false }),
            json!({ "is_active": 0 }),
            json!({ "is_active": "false" }),
            json!({ "is_active": true, "deleted_at": "2026-01-01T00:00:00" }),
            json!({ "is_active": true, "disabled_at": "2026-01-01T00:00:00" }),
        ] {
            assert_eq!(read(no.clone()), Ok(false), "{no}");
        }
        for neither in [json!(null), json!("inactive"), json!(2), json!("")] {
            assert!(read(json!({ "is_active": neither })).is_err(), "{neither}");
        }
    }

    #[test]
    fn a_version_that_no_counter_reaches_is_refused() {
        let read = |version: Value| version_of(&version);
        assert_eq!((read(json!(null)), read(json!(7)), read(json!("7"))), (Ok(0), Ok(7), Ok(7)));
        assert_eq!(read(json!(VERSION)), Ok(VERSION));
        for absurd in
            [json!(VERSION + 1), json!(i64::MAX), json!(u64::MAX), json!(-1), json!("many"), json!(1.5)]
        {
            assert!(read(absurd.clone()).is_err(), "{absurd}");
        }
    }

    fn version_of(version: &Value) -> Result<i64, String> {
        super::version(&json!({ "perm_version": version }))
    }
}
