//! Whether a sealed trail is as it was written: every link is worked out again from its entry and the link
//! before it, and every day's seal is opened. May import: [`super::seal`], `base`, `store`.
//!
//! It finds an entry that was changed, removed, or inserted later, a day that was taken out, and a chain that
//! was made anew without the installation's key. Whoever takes away the end of a trail with all its links
//! leaves a shorter sound one: to find that, keep a head elsewhere and give it as `expected`.

use std::{
    collections::HashMap,
    sync::Arc,
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
use store::{Mode, Opening, Role, Tx, read};

use super::{
    mark,
    seal::{self, COVERED, Link, Trail},
};
use crate::App;

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
    /// Entries that were sealed long after their time: no worker ran meanwhile, or somebody has made the chain
    /// anew by taking the links away.
    pub late: Vec<Late>,
    /// What to go on with, as the first day of another question, when time was up before the end.
    pub next: Option<String>,
}

/// Entries of a day that were sealed long after their time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditSealedLate")]
pub struct Late {
    /// `2026-11-27`.
    pub day: String,
    /// When the first of them was.
    pub sealed_at: Timestamp,
    /// How many.
    pub entries: u64,
}

/// How much later than its time an entry is sealed at most while workers run.
const LATE: chrono::Duration = chrono::Duration::hours(1);

/// Days of late seals that are told one by one.
const MOST_LATE: usize = 31;

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The first day; from the beginning.
    pub from: Option<String>,
    /// The link after which to go on within that day.
    pub after: Option<i64>,
    /// From which id on entries may still come to be sealed ([`bound`]).
    pub open_from: Option<Id>,
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
        let (from, after) = match from.as_deref().and_then(|from| from.split_once(':')) {
            Some((day, seq)) => {
                let seq = seq.parse().map_err(|_| Error::field("from", "invalid_date", A_DAY))?;
                (Some(day.to_owned()), Some(seq))
            }
            None => (from, None),
        };
        let from = from.map(|day| a_day("from", day)).transpose()?;
        let to = to.map(|day| a_day("to", day)).transpose()?;
        if from.as_ref().zip(to.as_ref()).is_some_and(|(first, last)| first > last) {
            return Err(Error::field("to", "out_of_range", "must not be before the first day"));
        }
        Ok(Self { from, to, after, expected, open_from: None, until: Some(Instant::now() + TURN) })
    }
}

const A_DAY: &str = "must be a day such as 2026-11-27";

/// A day as links call it, `2026-11-27`.
///
/// Errors: 422 for `field` when it is none.
pub fn a_day(field: &str, text: String) -> Result<String> {
    match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        Ok(day) if day.format("%Y-%m-%d").to_string() == text => Ok(text),
        _ => Err(Error::field(field, "invalid_date", A_DAY)),
    }
}

/// One pass over a trail.
struct Pass<'a> {
    trail: Trail,
    vault: &'a dyn Vault,
    report: Report,
    before: Option<Link>,
    /// Days before this one may have lost entries to their age.
    taken_before: String,
}

/// From which id on entries may still come to be sealed. The seal passes over all trails at once, so a request
/// of one organisation cannot tell by itself.
pub async fn bound(app: &App, trail: Trail) -> Result<Option<Id>> {
    let tx = app.system(Mode::Read).await?;
    let bound = seal::open_from(&tx, trail.links(), app.now()).await?;
    tx.commit().await?;
    Ok(bound)
}

/// Verifies a trail in units of work of its own; whether the caller may is the caller's to know.
pub async fn verify_trail(app: &App, trail: Trail, wish: Wish) -> Result<Report> {
    let vault = app.service::<Arc<dyn Vault>>()?;
    let wish = Wish { open_from: bound(app, trail).await?, ..wish };
    let role = if trail.org.is_some() { Role::App } else { Role::System };
    let tx = app.store().begin(Mode::Read, Opening::new(role, trail.org)).await?;
    let report = verify(&tx, &**vault, trail, app.now(), &wish).await?;
    tx.commit().await?;
    Ok(report)
}

/// Verifies the trail of the transaction's organisation, or of the installation.
pub async fn verify(
    tx: &Tx,
    vault: &dyn Vault,
    trail: Trail,
    now: DateTime<Utc>,
    wish: &Wish,
) -> Result<Report> {
    let taken = mark::taken_before(tx, vault, trail).await?;
    let report = verify_once(tx, vault, trail, now, wish, taken.clone()).await?;
    if report.sound {
        return Ok(report);
    }
    // Retention may have begun to take days while they were read.
    let since = mark::taken_before(tx, vault, trail).await?;
    if since == taken { Ok(report) } else { verify_once(tx, vault, trail, now, wish, since).await }
}

async fn verify_once(
    tx: &Tx,
    vault: &dyn Vault,
    trail: Trail,
    now: DateTime<Utc>,
    wish: &Wish,
    taken_before: Option<String>,
) -> Result<Report> {
    let before = match (&wish.from, wish.after) {
        (Some(_), Some(seq)) => link(tx, trail, seq).await?,
        (Some(from), None) => newest_before(tx, trail, from).await?,
        (None, _) => None,
    };
    let report = Report {
        sound: true,
        days: 0,
        entries: 0,
        pruned_days: 0,
        unsealed: None,
        head: before.as_ref().map(|link| link.hash.clone()),
        breaks: Vec::new(),
        late: Vec::new(),
        next: None,
    };
    let mut pass = Pass { trail, vault, report, before, taken_before: taken_before.unwrap_or_default() };
    loop {
        let mut select = trail.select(Link::COLUMNS);
        let last = pass.before.as_ref().map_or(0, |link| link.seq);
        select.and_where(Expr::col("seq").gt(last)).order_by("seq", Order::Asc).limit(PAGE + 1);
        if let Some(to) = &wish.to {
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
        if wish.until.is_some_and(|until| Instant::now() >= until) {
            pass.report.next = pass.before.as_ref().map(|link| format!("{}:{}", link.day, link.seq));
            return Ok(pass.report);
        }
    }
    if wish.to.is_none() {
        pass.look_for_inserted(tx, wish.open_from).await?;
        if let Some(expected) = &wish.expected
            && !is_there(tx, trail, expected).await?
        {
            let detail = format!("no link of the trail has the hash {expected}: its end was taken away");
            pass.tell(seal::day(now), BreakKind::HeadMissing, None, None, detail);
        }
    }
    Ok(pass.report)
}

async fn link(tx: &Tx, trail: Trail, seq: i64) -> Result<Option<Link>> {
    let select = trail.select(Link::COLUMNS).and_where(Expr::col("seq").eq(seq)).to_owned();
    tx.query_one(&select).await?.as_ref().map(Link::read).transpose()
}

async fn newest_before(tx: &Tx, trail: Trail, day: &str) -> Result<Option<Link>> {
    let select = trail
        .select(Link::COLUMNS)
        .and_where(Expr::col("day").lt(day))
        .order_by("day", Order::Desc)
        .order_by("seq", Order::Desc)
        .limit(1)
        .to_owned();
    tx.query_one(&select).await?.as_ref().map(Link::read).transpose()
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
            self.judge(link, found, ends_day);
            self.report.head = Some(link.hash.clone());
            self.before = Some(link.clone());
        }
        Ok(())
    }

    fn judge(&mut self, link: &Link, found: Option<&(String, DateTime<Utc>)>, ends_day: bool) {
        let may_be_taken = link.day < self.taken_before;
        let (before_seq, before_hash) =
            self.before.as_ref().map_or((0, String::new()), |before| (before.seq, before.hash.clone()));
        let is_pruned = may_be_taken && found.is_none();
        self.report.pruned_days += u64::from(is_pruned && ends_day);
        self.report.entries += u64::from(!is_pruned);
        let follows = link.seq == before_seq + 1;
        if !follows && !may_be_taken {
            let missing = link.seq - before_seq - 1;
            let detail = format!("{missing} links before number {} are gone", link.seq);
            self.tell(link.day.clone(), BreakKind::Removed, None, None, detail);
        } else if follows && link.hash != link.chained(&before_hash) {
            let detail = format!("link {} does not follow from the one before it", link.seq);
            self.tell(link.day.clone(), BreakKind::SealChanged, Some(link.id), None, detail);
        }
        match found {
            None if may_be_taken => {}
            None => {
                let detail = format!("entry {} of the chain is gone", link.seq);
                self.tell(link.day.clone(), BreakKind::Removed, Some(link.id), None, detail);
            }
            Some((digest, at)) if *digest != link.digest => {
                let detail = format!("entry {} says something else than when it was sealed", link.seq);
                self.tell(link.day.clone(), BreakKind::Changed, Some(link.id), Some(*at), detail);
            }
            Some((_, at)) => {
                self.judge_time(link.id, *at);
                if link.sealed_at - *at > LATE {
                    self.note_late(link);
                }
            }
        }
        let sealed = link
            .seal
            .as_deref()
            .is_some_and(|seal| self.trail.is_sealed(self.vault, link.seq, &link.hash, seal));
        if ends_day && !sealed {
            let detail =
                "the day's seal does not open: it was changed, or made with a key that is configured no more";
            self.tell(link.day.clone(), BreakKind::SealChanged, None, None, detail.to_owned());
        }
    }

    fn note_late(&mut self, link: &Link) {
        let late = &mut self.report.late;
        let is_full = late.len() >= MOST_LATE;
        match late.last_mut() {
            Some(last) if last.day == link.day => last.entries += 1,
            _ if is_full => {}
            _ => late.push(Late { day: link.day.clone(), sealed_at: Timestamp(link.sealed_at), entries: 1 }),
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

    async fn look_for_inserted(&mut self, tx: &Tx, open_from: Option<Id>) -> Result<()> {
        self.report.unsealed = Some(seal::count_unsealed(tx, self.trail, None).await?);
        let Some(open) = open_from else { return Ok(()) };
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
