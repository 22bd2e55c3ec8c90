//! Whether a sealed trail is as it was written: every link is worked out again from its entry and the link
//! before it, and every day's seal is opened. May import: [`super::seal`], `base`, `store`.
//!
//! It finds an entry that was changed, removed, or inserted later, a day that was taken out, and a chain that
//! was made anew without the installation's key. Whoever takes away the end of a trail with all its links
//! leaves a shorter sound one: to find that, keep a head elsewhere and give it as `expected`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base::{Error, Id, Result, Timestamp, Vault};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use sea_orm::{
    ExprTrait,
    sea_query::{Expr, Order, Query},
};
use serde::Serialize;
use store::{Tx, read};

use super::seal::{self, COVERED, Link, Trail};

/// Links that are looked at with one statement.
const PAGE: u64 = 1_000;

/// Breaks that are told one by one.
pub const MOST_BREAKS: usize = 100;

/// What is wrong at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AuditBreakKind")]
pub enum BreakKind {
    /// The entry says something else than when it was sealed.
    Changed,
    /// The entry, or its link, is gone.
    Removed,
    /// The entry was not there when its time was sealed.
    Inserted,
    /// A link, or the seal of a day, is not what was written.
    SealChanged,
    /// The head that was expected is not part of the trail.
    HeadMissing,
}

/// One place at which a trail is not as it was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditBreak")]
pub struct Break {
    /// `2026-11-27`.
    pub day: String,
    /// What is wrong.
    pub kind: BreakKind,
    /// The entry, where it is known.
    pub entry_id: Option<Id>,
    /// The entry's time, as it says now.
    pub at: Option<Timestamp>,
    /// In words.
    pub detail: String,
}

/// What a verification found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditVerification")]
pub struct Report {
    /// Whether everything that was looked at is as it was written.
    pub sound: bool,
    /// Days that were looked at.
    pub days: u64,
    /// Sealed entries that were looked at.
    pub entries: u64,
    /// Days of which only the seal is left, since their entries were kept long enough.
    pub pruned_days: u64,
    /// Entries that no link tells of: those of the last seconds, and inserted ones. `None` until the end.
    pub unsealed: Option<u64>,
    /// The hash of the newest link that was looked at.
    pub head: Option<String>,
    /// The first hundred places at which something is wrong.
    pub breaks: Vec<Break>,
    /// The day to go on with, when time was up before the end.
    pub next: Option<String>,
}

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The first day; from the beginning.
    pub from: Option<String>,
    /// The last day; to the end.
    pub to: Option<String>,
    /// A hash that was a head once.
    pub expected: Option<String>,
    /// When to stop at the end of a day and say where to go on.
    pub until: Option<Instant>,
}

/// For how long one question of a caller is worked at before he is told where to go on.
const TURN: Duration = Duration::from_secs(8);

impl Wish {
    /// What a caller asks for, worked at for some seconds.
    ///
    /// Errors: 422 for what is no day, or a last day before the first.
    pub fn of_caller(from: Option<String>, to: Option<String>, expected: Option<String>) -> Result<Self> {
        let (from, to) = (from.map(|day| a_day("from", day)), to.map(|day| a_day("to", day)));
        let (from, to) = (from.transpose()?, to.transpose()?);
        if from.as_ref().zip(to.as_ref()).is_some_and(|(first, last)| first > last) {
            return Err(Error::field("to", "out_of_range", "must not be before the first day"));
        }
        Ok(Self { from, to, expected, until: Some(Instant::now() + TURN) })
    }
}

/// A day as links call it, `2026-11-27`.
///
/// Errors: 422 for `field` when it is none.
pub fn a_day(field: &str, text: String) -> Result<String> {
    match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        Ok(day) if day.format("%Y-%m-%d").to_string() == text => Ok(text),
        _ => Err(Error::field(field, "invalid_date", "must be a day such as 2026-11-27")),
    }
}

/// One pass over a trail.
struct Pass<'a> {
    trail: Trail,
    vault: &'a dyn Vault,
    report: Report,
    before: Option<Link>,
    /// Whether every day so far has lost its entries to their age.
    is_pruned_so_far: bool,
}

/// Verifies the trail of the transaction's organisation, or of the installation.
pub async fn verify(
    tx: &Tx,
    vault: &dyn Vault,
    trail: Trail,
    now: DateTime<Utc>,
    wish: &Wish,
) -> Result<Report> {
    let before = match &wish.from {
        Some(from) => newest_before(tx, trail, from).await?,
        None => None,
    };
    let report = Report {
        sound: true,
        days: 0,
        entries: 0,
        pruned_days: 0,
        unsealed: None,
        head: before.as_ref().map(|link| link.hash.clone()),
        breaks: Vec::new(),
        next: None,
    };
    let is_pruned_so_far = match &before {
        Some(link) => is_missing(tx, trail, link).await?,
        None => true,
    };
    let mut pass = Pass { trail, vault, report, before, is_pruned_so_far };
    let mut to = wish.to.clone();
    loop {
        let mut select = trail.select(Link::COLUMNS);
        let last = pass.before.as_ref().map_or(0, |link| link.seq);
        select.and_where(Expr::col("seq").gt(last)).order_by("seq", Order::Asc).limit(PAGE + 1);
        if let Some(to) = &to {
            select.and_where(Expr::col("day").lte(to.as_str()));
        }
        let rows = tx.query_all(&select).await?;
        let links = rows.iter().map(Link::read).collect::<Result<Vec<_>>>()?;
        // One more than is looked at tells whether a day ends where the page does.
        let (page, next) = links.split_at(links.len().min(PAGE as usize));
        pass.look(tx, page, next.first()).await?;
        if next.is_empty() {
            break;
        }
        if to == wish.to && wish.until.is_some_and(|until| Instant::now() >= until) {
            to = pass.before.as_ref().map(|link| link.day.clone());
        }
    }
    if to != wish.to {
        pass.report.next =
            first_after(tx, trail, to.as_deref().unwrap_or_default(), wish.to.as_deref()).await?;
        if pass.report.next.is_some() {
            return Ok(pass.report);
        }
    }
    if wish.to.is_none() {
        pass.look_for_inserted(tx, now).await?;
        if let Some(expected) = &wish.expected
            && !is_there(tx, trail, expected).await?
        {
            let detail = format!("no link of the trail has the hash {expected}: its end was taken away");
            pass.tell(seal::day(now), BreakKind::HeadMissing, None, None, detail);
        }
    }
    Ok(pass.report)
}

async fn newest_before(tx: &Tx, trail: Trail, day: &str) -> Result<Option<Link>> {
    let select = trail
        .select(Link::COLUMNS)
        .and_where(Expr::col("day").lt(day))
        .order_by("seq", Order::Desc)
        .limit(1)
        .to_owned();
    tx.query_one(&select).await?.as_ref().map(Link::read).transpose()
}

async fn first_after(tx: &Tx, trail: Trail, day: &str, to: Option<&str>) -> Result<Option<String>> {
    let mut select = trail.select(["day"]);
    select.and_where(Expr::col("day").gt(day)).order_by("day", Order::Asc).limit(1);
    if let Some(to) = to {
        select.and_where(Expr::col("day").lte(to));
    }
    tx.query_one(&select).await?.map(|row| read(&row, "day")).transpose()
}

/// The entries of some links, by their ids: digest and time.
async fn digests(tx: &Tx, trail: Trail, links: &[Link]) -> Result<HashMap<Id, (String, DateTime<Utc>)>> {
    let mut select = Query::select();
    select.columns(COVERED).from(trail.entries());
    select.and_where(Expr::col("id").is_in(links.iter().map(|link| link.id)));
    if let Some(org) = trail.org {
        select.and_where(Expr::col("org_id").eq(org));
    }
    let mut found = HashMap::with_capacity(links.len());
    for row in tx.query_all(&select).await? {
        found.insert(read::<Id>(&row, "id")?, (seal::digest(&row, trail.org)?, read(&row, "at")?));
    }
    Ok(found)
}

/// Whether a link has that hash. Asked for by itself: a caller may read the trail in several turns.
async fn is_there(tx: &Tx, trail: Trail, hash: &str) -> Result<bool> {
    let select = trail.select(["seq"]).and_where(Expr::col("hash").eq(hash)).limit(1).to_owned();
    Ok(tx.query_one(&select).await?.is_some())
}

async fn is_missing(tx: &Tx, trail: Trail, link: &Link) -> Result<bool> {
    Ok(digests(tx, trail, std::slice::from_ref(link)).await?.is_empty())
}

impl Pass<'_> {
    fn tell(
        &mut self,
        day: String,
        kind: BreakKind,
        entry_id: Option<Id>,
        at: Option<DateTime<Utc>>,
        detail: String,
    ) {
        self.report.sound = false;
        if self.report.breaks.len() < MOST_BREAKS {
            self.report.breaks.push(Break { day, kind, entry_id, at: at.map(Timestamp), detail });
        }
    }

    async fn look(&mut self, tx: &Tx, links: &[Link], next: Option<&Link>) -> Result<()> {
        let found = digests(tx, self.trail, links).await?;
        for (at, link) in links.iter().enumerate() {
            let ends_day = links.get(at + 1).or(next).is_none_or(|next| next.day != link.day);
            let is_new_day = self.before.as_ref().is_none_or(|before| before.day != link.day);
            self.report.days += u64::from(is_new_day);
            let found = found.get(&link.id);
            self.judge(link, found, is_new_day, ends_day);
            self.report.head = Some(link.hash.clone());
            self.before = Some(link.clone());
        }
        Ok(())
    }

    fn judge(
        &mut self,
        link: &Link,
        found: Option<&(String, DateTime<Utc>)>,
        is_new_day: bool,
        ends_day: bool,
    ) {
        // Of a day that was kept long enough the newest link alone is left, and no entry; and there is no
        // older day of which more is left.
        let is_pruned = self.is_pruned_so_far && is_new_day && ends_day && found.is_none();
        let (before_seq, before_hash) =
            self.before.as_ref().map_or((0, String::new()), |before| (before.seq, before.hash.clone()));
        let follows = link.seq == before_seq + 1;
        if is_pruned {
            self.report.pruned_days += 1;
        } else {
            self.is_pruned_so_far = false;
            self.report.entries += 1;
            if !follows {
                let missing = link.seq - before_seq - 1;
                let detail = format!("{missing} links before number {} are gone", link.seq);
                self.tell(link.day.clone(), BreakKind::Removed, None, None, detail);
            } else if link.hash != seal::chain(&before_hash, &link.digest) {
                let detail = format!("link {} does not follow from the one before it", link.seq);
                self.tell(link.day.clone(), BreakKind::SealChanged, Some(link.id), None, detail);
            }
            match found {
                None => {
                    let detail = format!("entry {} of the chain is gone", link.seq);
                    self.tell(link.day.clone(), BreakKind::Removed, Some(link.id), None, detail);
                }
                Some((digest, at)) if *digest != link.digest => {
                    let detail = format!("entry {} says something else than when it was sealed", link.seq);
                    self.tell(link.day.clone(), BreakKind::Changed, Some(link.id), Some(*at), detail);
                }
                Some((_, at)) => self.judge_time(link.id, *at),
            }
        }
        let sealed = link
            .seal
            .as_deref()
            .is_some_and(|seal| self.trail.is_sealed(self.vault, link.seq, &link.hash, seal));
        if (ends_day || is_pruned) && !sealed {
            let detail =
                "the day's seal does not open: it was changed, or made with a key that is configured no more";
            self.tell(link.day.clone(), BreakKind::SealChanged, None, None, detail.to_owned());
        }
    }

    /// An entry's id is made at its time; one that was written with another time was not written by the product.
    fn judge_time(&mut self, id: Id, at: DateTime<Utc>) {
        let made = base::id::made_at(id);
        if made.is_none_or(|made| (made - at).num_milliseconds().abs() > 1_000) {
            let detail = "its id was not made at the time that it tells";
            self.tell(seal::day(at), BreakKind::Inserted, Some(id), Some(at), detail.to_owned());
        }
    }

    async fn look_for_inserted(&mut self, tx: &Tx, now: DateTime<Utc>) -> Result<()> {
        self.report.unsealed = Some(seal::count_unsealed(tx, self.trail).await?);
        let Some(open) = seal::open_from(tx, self.trail.links(), now).await? else { return Ok(()) };
        let select = seal::unsealed(self.trail)
            .columns(["id", "at"])
            .and_where(Expr::col("id").lt(open))
            .order_by("id", Order::Asc)
            .limit(MOST_BREAKS as u64)
            .to_owned();
        for row in tx.query_all(&select).await? {
            let at: DateTime<Utc> = read(&row, "at")?;
            let detail = "it was not there when its time was sealed";
            self.tell(
                seal::day(at),
                BreakKind::Inserted,
                Some(read(&row, "id")?),
                Some(at),
                detail.to_owned(),
            );
        }
        Ok(())
    }
}
