//! The seal of the trails: which entry follows which, in chains that a later change breaks.
//!
//! Entries are written by the transactions that they tell of, in whatever order those commit. Some seconds
//! later [`seal`] appends a link for each: a number, a digest of the entry, and a hash over the link before
//! it and that digest. The newest link of a pass, and of a day, is sealed with the installation's key, so
//! that whoever can write to the database alone cannot make a chain anew. [`super::verify`] reads it all
//! again. May import: this module's trails, `base`, `store`.

use base::{Id, Result, Vault};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ExprTrait, QueryResult, Value as Column,
    sea_query::{Asterisk, Expr, Order, Query, SelectStatement},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Mode, Tx, read};

use super::{mark, mark::MARKS, platform};
use crate::App;

/// How much later than its own time an entry may come to be committed. What comes later is not sealed any
/// more, and [`super::verify`] calls it inserted.
pub const GRACE: Duration = Duration::minutes(15);

/// Entries of one transaction: the writer is shared.
const ROUND: u64 = 500;

/// The table of the organisations' links.
pub const LINKS: &str = "audit_link";
/// The table of the installation's links.
pub const PLATFORM_LINKS: &str = "platform_audit_link";

/// The tables.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0013_audit_link",
    up: |ddl| {
        // The id of a link is that of its entry.
        ddl.tenant_rows(LINKS)
            .keyed_by_org()
            .bigint("seq")
            .text("day", 10)
            .text("entry_hash", 64)
            .text("hash", 64)
            .long_text_null("seal")
            .timestamp("sealed_at")
            .unique(&["seq"])
            .index(&["day", "seq"])
            .lookup("id")
            .lookup("day")
            .append_only()
            .create();
        ddl.tenant_rows(MARKS).text("day", 10).long_text("seal").unique(&["day"]).append_only().create();
        ddl.platform_log(PLATFORM_LINKS)
            .bigint("seq")
            .text("day", 10)
            .text("entry_hash", 64)
            .text("hash", 64)
            .long_text_null("seal")
            .timestamp("sealed_at")
            .unique(&["seq"])
            .index(&["day", "seq"])
            .create();
        if ddl.dialect() == store::Dialect::Postgres {
            // A seal is made anew when the installation's key changes.
            ddl.sql(format!("GRANT UPDATE ON {PLATFORM_LINKS} TO tenon_system"));
        }
    },
    down: |ddl| ddl.drop_tables(&[PLATFORM_LINKS, MARKS, LINKS]),
};

/// Whose trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The organisation; `None` for the installation's own.
    pub org: Option<Id>,
}

impl Trail {
    /// The table of its entries.
    pub(super) fn entries(self) -> &'static str {
        if self.org.is_some() { "audit_entry" } else { platform::TABLE }
    }
    /// The table of its links.
    pub(super) fn links(self) -> &'static str {
        if self.org.is_some() { LINKS } else { PLATFORM_LINKS }
    }
    /// Columns of its links, of this trail only.
    pub(super) fn select<const N: usize>(self, columns: [&'static str; N]) -> SelectStatement {
        let mut select = Query::select();
        select.columns(columns).from(self.links());
        if let Some(org) = self.org {
            select.and_where(Expr::col("org_id").eq(org));
        }
        select
    }
    /// What a seal is made for; it opens for nothing else.
    fn purpose(self, seq: i64) -> String {
        match self.org {
            Some(org) => format!("audit.link:{org}:{seq}"),
            None => format!("audit.link:platform:{seq}"),
        }
    }
    /// The seal of a link.
    fn seal(self, vault: &dyn Vault, seq: i64, hash: &str) -> Result<String> {
        vault.seal(hash.as_bytes(), &self.purpose(seq))
    }
    /// Whether a seal is that of a link.
    pub(super) fn is_sealed(self, vault: &dyn Vault, seq: i64, hash: &str, seal: &str) -> bool {
        vault.open(seal, &self.purpose(seq)).is_ok_and(|plain| plain == hash.as_bytes())
    }
}

/// A place in a chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The entry.
    pub id: Id,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// `2026-11-27`, never before that of the link before.
    pub day: String,
    /// Of the entry, in hexadecimal digits.
    pub digest: String,
    /// Of the link before and the digest.
    pub hash: String,
    /// The hash, sealed; the newest of a day has one.
    pub seal: Option<String>,
    /// When it was made.
    pub sealed_at: DateTime<Utc>,
}

impl Link {
    pub(super) const COLUMNS: [&'static str; 7] =
        ["id", "seq", "day", "entry_hash", "hash", "seal", "sealed_at"];

    /// What its hash must be after that of the link before it (empty for the first): it covers when and for
    /// which day the link was made, too, so that a chain that is made anew later tells of it.
    pub(super) fn chained(&self, before: &str) -> String {
        let said = format!("{before}\n{}\n{}\n{}", self.digest, self.day, self.sealed_at.timestamp_micros());
        hex(&Sha256::digest(said.as_bytes()))
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: read(row, "id")?,
            seq: read(row, "seq")?,
            day: read(row, "day")?,
            digest: read(row, "entry_hash")?,
            hash: read(row, "hash")?,
            seal: read(row, "seal")?,
            sealed_at: read(row, "sealed_at")?,
        })
    }
}

/// The columns of an entry that its digest covers, `org_id` apart.
pub(super) const COVERED: [&str; 15] = [
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "target_type",
    "target_id",
    "target_name",
    "outcome",
    "ip",
    "user_agent",
    "request_id",
    "changes",
    "search_key",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with its members in order of their names: databases keep objects in orders of their own.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let members: Vec<_> =
                names.into_iter().map(|name| json!([name, ordered(&members[name])])).collect();
            json!(["object", members])
        }
        Value::Array(items) => json!(["array", items.iter().map(ordered).collect::<Vec<_>>()]),
        plain => plain.clone(),
    }
}

/// The digest of an entry, with all that it says.
pub(super) fn digest(row: &QueryResult, org: Option<Id>) -> Result<String> {
    let text = |column| read::<String>(row, column);
    let changes = read::<Option<Value>>(row, "changes")?;
    let said = json!([
        "tenon audit entry 1",
        read::<Id>(row, "id")?,
        org,
        read::<DateTime<Utc>>(row, "at")?.timestamp_micros(),
        text("actor_kind")?,
        read::<Option<Id>>(row, "actor_id")?,
        text("actor_name")?,
        text("action")?,
        text("target_type")?,
        read::<Option<Id>>(row, "target_id")?,
        text("target_name")?,
        text("outcome")?,
        text("ip")?,
        text("user_agent")?,
        text("request_id")?,
        changes.as_ref().map(ordered),
        text("search_key")?,
    ]);
    Ok(hex(&Sha256::digest(said.to_string().as_bytes())))
}

/// The day of an instant, as links call it.
pub(super) fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// From which id on entries may still come to be sealed; `None` while nothing is sealed.
pub(super) async fn open_from(tx: &Tx, links: &'static str, now: DateTime<Utc>) -> Result<Option<Id>> {
    let newest = Query::select().column("id").from(links).order_by("id", Order::Desc).limit(1).to_owned();
    let Some(row) = tx.query_one(&newest).await? else { return Ok(None) };
    // A node whose clock ran ahead once keeps nobody else's entries out.
    let newest = Ord::min(base::id::made_at(read(&row, "id")?).unwrap_or(now), now);
    Ok(Some(base::id::floor(newest - GRACE)))
}

/// Seals what has been committed since, in every trail; how many entries.
pub async fn seal(app: &App, vault: &dyn Vault) -> Result<u64> {
    let mut sealed = 0;
    for is_platform in [false, true] {
        loop {
            let round = seal_round(app, vault, is_platform).await?;
            sealed += round;
            if round < ROUND {
                break;
            }
        }
    }
    Ok(sealed)
}

async fn seal_round(app: &App, vault: &dyn Vault, is_platform: bool) -> Result<u64> {
    let (entries, links) =
        if is_platform { (platform::TABLE, PLATFORM_LINKS) } else { ("audit_entry", LINKS) };
    let tx = app.system(Mode::Write).await?;
    let now = app.now();
    let mut linked = Query::select();
    linked.expr(Expr::val(1)).from(links).and_where(Expr::col((links, "id")).equals((entries, "id")));
    let mut open = Query::select();
    open.columns(COVERED.map(|column| (entries, column))).from(entries);
    if !is_platform {
        open.column((entries, "org_id"));
        linked.and_where(Expr::col((links, "org_id")).equals((entries, "org_id")));
    }
    open.and_where(Expr::exists(linked).not()).order_by((entries, "id"), Order::Asc).limit(ROUND);
    if let Some(from) = open_from(&tx, links, now).await? {
        open.and_where(Expr::col((entries, "id")).gte(from));
    }
    let rows = tx.query_all(&open).await?;
    let mut chains: Vec<(Trail, Vec<&QueryResult>)> = Vec::new();
    for row in &rows {
        let trail = Trail { org: if is_platform { None } else { Some(read(row, "org_id")?) } };
        match chains.iter_mut().find(|(known, _)| *known == trail) {
            Some((_, rows)) => rows.push(row),
            None => chains.push((trail, vec![row])),
        }
    }
    for (trail, rows) in chains {
        append(&tx, vault, trail, &rows, now).await?;
    }
    tx.commit().await?;
    Ok(rows.len() as u64)
}

/// Appends links for entries of one trail. Two nodes that do so at once meet at the uniqueness of the numbers.
async fn append(
    tx: &Tx,
    vault: &dyn Vault,
    trail: Trail,
    rows: &[&QueryResult],
    now: DateTime<Utc>,
) -> Result<()> {
    let newest = trail.select(Link::COLUMNS).order_by("seq", Order::Desc).limit(1).to_owned();
    let mut last = tx.query_one(&newest).await?.as_ref().map(Link::read).transpose()?;
    // Stored to the microsecond, and hashed as it is stored.
    let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
    let mut made = Vec::with_capacity(rows.len());
    for row in rows {
        let (seq, before) = last.as_ref().map_or((1, ""), |before| (before.seq + 1, &before.hash));
        // An entry that was committed around midnight belongs to the day that has begun in the chain, and one
        // of a clock that runs ahead to today: days never fall again.
        let own = Ord::min(day(read(row, "at")?), day(now));
        let day = last.as_ref().map_or(own.clone(), |before| Ord::max(before.day.clone(), own));
        let (id, digest) = (read(row, "id")?, digest(row, trail.org)?);
        let mut link = Link { id, seq, day, digest, hash: String::new(), seal: None, sealed_at: now };
        link.hash = link.chained(before);
        made.push(link.clone());
        last = Some(link);
    }
    for at in 0..made.len() {
        if made.get(at + 1).is_none_or(|next| next.day != made[at].day) {
            made[at].seal = Some(trail.seal(vault, made[at].seq, &made[at].hash)?);
        }
    }
    let mut columns = vec!["id", "seq", "day", "entry_hash", "hash", "seal", "sealed_at"];
    columns.extend(trail.org.map(|_| "org_id"));
    let mut insert = Query::insert();
    insert.into_table(trail.links()).columns(columns);
    for link in made {
        let mut values: Vec<Column> = vec![
            link.id.into(),
            link.seq.into(),
            link.day.into(),
            link.digest.into(),
            link.hash.into(),
            link.seal.into(),
            now.into(),
        ];
        values.extend(trail.org.map(Column::from));
        insert.values_panic(values.into_iter().map(Into::into));
    }
    tx.execute(&insert).await?;
    Ok(())
}

/// Makes the seals anew that were made with a key that is on its way out; how many. Those within a day are
/// left: nothing reads them.
pub async fn reseal(tx: &Tx, vault: &dyn Vault) -> Result<u64> {
    let mut made = mark::reseal(tx, vault).await?;
    for links in [LINKS, PLATFORM_LINKS] {
        let is_platform = links == PLATFORM_LINKS;
        let mut days = Query::select();
        days.column("day").expr_as(Expr::col("seq").max(), "newest").from(links).group_by_col("day");
        if !is_platform {
            days.column("org_id").group_by_col("org_id");
        }
        for row in tx.query_all(&days).await? {
            let trail = Trail { org: if is_platform { None } else { Some(read(&row, "org_id")?) } };
            let newest = trail
                .select(Link::COLUMNS)
                .and_where(Expr::col("seq").eq(read::<i64>(&row, "newest")?))
                .to_owned();
            let Some(row) = tx.query_one(&newest).await? else { continue };
            let link = Link::read(&row)?;
            let Some(old) = link.seal.filter(|seal| vault.is_stale(seal)) else { continue };
            // What does not open is not made good: it stays what verification stumbles over.
            if !trail.is_sealed(vault, link.seq, &link.hash, &old) {
                continue;
            }
            let mut update = Query::update();
            update
                .table(links)
                .value("seal", trail.seal(vault, link.seq, &link.hash)?)
                .and_where(Expr::col("id").eq(link.id));
            if let Some(org) = trail.org {
                update.and_where(Expr::col("org_id").eq(org));
            }
            made += tx.execute(&update).await?;
        }
    }
    Ok(made)
}

/// Forgets the links of days before `first`, but the newest of each: it holds what comes after.
pub(super) async fn prune(app: &App, first: &str) -> Result<()> {
    loop {
        let tx = app.system(Mode::Write).await?;
        let later = Query::select()
            .expr(Expr::val(1))
            .from_as(LINKS, "later")
            .and_where(Expr::col(("later", "org_id")).equals((LINKS, "org_id")))
            .and_where(Expr::col(("later", "day")).equals((LINKS, "day")))
            .and_where(Expr::col(("later", "seq")).gt(Expr::col((LINKS, "seq"))))
            .to_owned();
        let old = Query::select()
            .columns([(LINKS, "org_id"), (LINKS, "id")])
            .from(LINKS)
            .and_where(Expr::col((LINKS, "day")).lt(first))
            .and_where(Expr::exists(later))
            .limit(ROUND)
            .to_owned();
        let rows = tx.query_all(&old).await?;
        let mut ids: Vec<Id> = Vec::with_capacity(rows.len());
        for row in &rows {
            ids.push(read(row, "id")?);
        }
        if ids.is_empty() {
            return Ok(());
        }
        let gone = Query::delete().from_table(LINKS).and_where(Expr::col("id").is_in(ids)).to_owned();
        tx.execute(&gone).await?;
        tx.commit().await?;
    }
}

/// How many entries of a trail are not sealed yet or never will be.
pub(super) fn unsealed(trail: Trail) -> SelectStatement {
    let (entries, links) = (trail.entries(), trail.links());
    let mut linked = Query::select();
    linked.expr(Expr::val(1)).from(links).and_where(Expr::col((links, "id")).equals((entries, "id")));
    let mut select = Query::select();
    select.from(entries);
    if let Some(org) = trail.org {
        linked.and_where(Expr::col((links, "org_id")).eq(org));
        select.and_where(Expr::col((entries, "org_id")).eq(org));
    }
    select.and_where(Expr::exists(linked).not());
    select
}

/// The same as a count, from an id on if one is named.
pub(super) async fn count_unsealed(tx: &Tx, trail: Trail, from: Option<Id>) -> Result<u64> {
    let mut select = unsealed(trail);
    if let Some(from) = from {
        select.and_where(Expr::col((trail.entries(), "id")).gte(from));
    }
    select.expr_as(Expr::col(Asterisk).count(), "n");
    let row = tx.query_one(&select).await?;
    let n: i64 = row.map_or(Ok(0), |row| read(&row, "n"))?;
    Ok(n.unsigned_abs())
}
