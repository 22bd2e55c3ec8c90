//! Letters about grants that end soon, to whoever holds them and to whoever gave them. Each end is told of once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::{
    App,
    access::{self, Grant, GranterKind, Holder},
    port::{Notice, NoticeText, Person, Postman},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role, Tx};

use crate::service::{Members, people};

/// Grants that are read at a time.
const ROUND: u64 = 2_000;
/// Grants that one letter names.
const NAMED: usize = 20;

/// Tells of grants that end soon.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemindOfEnds {}

impl Arguments for RemindOfEnds {
    const KIND: &'static str = "members.remind";
    const TITLE: Words = Words { zh: "授权到期提醒", en: "Tell of grants that end" };
    const ABOUT: Words = Words {
        zh: "授权即将到期时，用邮件提醒持有人和授权人；每个到期时间只提醒一次。提前天数见 MEMBERS_REMIND_DAYS。",
        en: "Mails whoever holds a grant that ends soon, and whoever gave it; each end is told of once. \
             MEMBERS_REMIND_DAYS says how soon.",
    };

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 2, ..Policy::default() }
    }
}

/// What was told.
#[derive(Debug, Default, Serialize)]
pub struct Reminded {
    /// Grants.
    pub grants: usize,
    /// Letters.
    pub letters: usize,
}

impl Job<App> for RemindOfEnds {
    type Output = Reminded;

    async fn run(self, app: App, _: Run) -> Result<Reminded, Failure> {
        Ok(remind(&app).await?)
    }
}

/// Tells of the grants of all organisations that end within `MEMBERS_REMIND_DAYS`.
pub async fn remind(app: &App) -> Result<Reminded> {
    let (days, now) = (Members::of(app)?.settings.remind_days, app.now());
    let (mut done, mut after) = (Reminded::default(), None);
    if days == 0 {
        return Ok(done);
    }
    loop {
        let tx = app.system(Mode::Read).await?;
        let mut grants = access::ending(&tx, now, now + TimeDelta::days(days.into()), after, ROUND).await?;
        tx.commit().await?;
        let is_full = grants.len() as u64 == ROUND;
        let Some(last) = grants.last().map(of) else { return Ok(done) };
        if is_full && grants.first().map(of) != Some(last) {
            // The rest of the last member's comes with the next round, so that he gets one letter.
            grants.retain(|grant| of(grant) != last);
        }
        after = grants.last().map(of);
        for (org, grants) in by_org(grants) {
            // One organisation that cannot be told keeps no other waiting.
            match tell(app, org, &grants).await {
                Ok(letters) => {
                    done.grants += grants.len();
                    done.letters += letters;
                }
                Err(error) => tracing::warn!(?error, %org, "nobody could be told of grants that end"),
            }
        }
        if !is_full {
            return Ok(done);
        }
    }
}

fn holder(grant: &Grant) -> Id {
    match grant.holder {
        Holder::User(id) | Holder::Role(id) => id,
    }
}

/// Organisation and holder.
fn of(grant: &Grant) -> (Id, Id) {
    (grant.org, holder(grant))
}

fn by_org(grants: Vec<Grant>) -> BTreeMap<Id, Vec<Grant>> {
    let mut all: BTreeMap<Id, Vec<Grant>> = BTreeMap::new();
    for grant in grants {
        all.entry(grant.org).or_default().push(grant);
    }
    all
}

fn giver(grant: &Grant) -> Option<Id> {
    let giver = grant.terms.granted_by.as_ref()?;
    giver.id.filter(|_| giver.kind == GranterKind::User)
}

/// Writes the letters of one organisation, and notes that they were written; how many there are.
async fn tell(app: &App, org: Id, grants: &[Grant]) -> Result<usize> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await?;
    let mut ids: Vec<Id> = grants.iter().map(holder).chain(grants.iter().filter_map(giver)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known: HashMap<Id, Person> = HashMap::new();
    for chunk in ids.chunks(500) {
        let found = people(app)?.find(&tx, chunk).await?;
        known.extend(found.into_iter().filter(|one| one.active).map(|one| (one.id, one)));
    }
    let mut held: BTreeMap<Id, Vec<&Grant>> = BTreeMap::new();
    let mut given: BTreeMap<Id, Vec<&Grant>> = BTreeMap::new();
    // What somebody has who may not work is missed by nobody.
    for grant in grants.iter().filter(|grant| known.contains_key(&holder(grant))) {
        held.entry(holder(grant)).or_default().push(grant);
        if let Some(giver) = giver(grant).filter(|giver| *giver != holder(grant)) {
            given.entry(giver).or_default().push(grant);
        }
    }
    let mut letters = 0;
    for (reader, grants) in held {
        letters += usize::from(write(app, &tx, known.get(&reader), own(&grants)).await?);
    }
    for (reader, grants) in given {
        letters += usize::from(write(app, &tx, known.get(&reader), others(&grants, &known)).await?);
    }
    access::mark_told(&tx, &grants.iter().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(letters)
}

/// Hands a letter over; `false` where there is nobody to read it.
async fn write(app: &App, tx: &Tx, reader: Option<&Person>, notice: Notice) -> Result<bool> {
    let Some((reader, address)) = reader.and_then(|reader| Some((reader, reader.email.as_ref()?))) else {
        return Ok(false);
    };
    let notice = Notice { locale: Some(reader.locale.clone()), ..notice };
    app.service::<Arc<dyn Postman>>()?.notify(app, tx, address, notice).await?;
    Ok(true)
}

fn end(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

fn what(grant: &Grant) -> String {
    let tuple = &grant.tuple;
    format!("{} {}, {}:{}", tuple.scope_type, tuple.scope_id, tuple.module, tuple.action)
}

/// What a letter says: a sentence, a line for each grant, and how many more there are.
fn text(subject: &str, begin: String, lines: Vec<String>, more: impl Fn(usize) -> String) -> NoticeText {
    let rest = lines.len().saturating_sub(NAMED);
    let mut all = vec![begin];
    all.extend(lines.into_iter().take(NAMED));
    all.extend((rest > 0).then(|| more(rest)));
    NoticeText { subject: subject.to_owned(), lines: all }
}

/// To whoever holds grants.
fn own(grants: &[&Grant]) -> Notice {
    let lines = || grants.iter().map(|grant| format!("{} — {}", what(grant), end(grant.terms.expires_at)));
    Notice {
        zh: text(
            "您的权限即将到期",
            format!("您有 {} 项权限即将到期。如仍需要，请联系授权人延长。", grants.len()),
            lines().collect(),
            |rest| format!("另有 {rest} 项。"),
        ),
        en: text(
            "Permissions of yours end soon",
            match grants.len() {
                1 => {
                    "One of your permissions ends soon. If you still need it, ask whoever gave it.".to_owned()
                }
                n => format!(
                    "{n} of your permissions end soon. If you still need them, ask whoever gave them."
                ),
            },
            lines().collect(),
            |rest| format!("And {rest} more."),
        ),
        link: None,
        locale: None,
    }
}

/// To whoever gave grants.
fn others(grants: &[&Grant], known: &HashMap<Id, Person>) -> Notice {
    let lines = || {
        grants.iter().map(|grant| {
            let name = known.get(&holder(grant)).map(|person| person.name.as_str()).unwrap_or_default();
            format!("{name}: {} — {}", what(grant), end(grant.terms.expires_at))
        })
    };
    Notice {
        zh: text(
            "您授予的权限即将到期",
            format!("您授予他人的 {} 项权限即将到期。如仍需要，请延长期限。", grants.len()),
            lines().collect(),
            |rest| format!("另有 {rest} 项。"),
        ),
        en: text(
            "Permissions that you gave end soon",
            match grants.len() {
                1 => "A permission that you gave ends soon. If it is still needed, give it a later end."
                    .to_owned(),
                n => format!(
                    "{n} permissions that you gave end soon. Give those that are still needed a later end."
                ),
            },
            lines().collect(),
            |rest| format!("And {rest} more."),
        ),
        link: None,
        locale: None,
    }
}
