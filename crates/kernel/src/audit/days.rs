//! The sealed trail day by day, and how far it is sealed. May import: [`super::seal`], `base`, `store`.

use base::Result;
use chrono::{DateTime, Utc};
use sea_orm::{
    ExprTrait,
    sea_query::{Expr, Order},
};
use store::{Tx, read};

use super::seal::{Link, Trail, count_unsealed, open_from};

/// What is sealed of a day.
#[derive(Clone, Debug)]
pub struct Day {
    /// `2026-11-27`.
    pub day: String,
    /// Entries in the chain.
    pub entries: u64,
    /// When its newest link was made.
    pub sealed_at: DateTime<Utc>,
    /// The hash of its newest link.
    pub hash: String,
    /// That of the day before in the chain.
    pub previous_hash: Option<String>,
    /// Whether only its seal is left.
    pub is_pruned: bool,
}

/// The newest days of a trail, before a day if one is named; one by one along the index, since a day may have
/// any number of links.
pub async fn days(tx: &Tx, trail: Trail, before: Option<&str>, limit: usize) -> Result<Vec<Day>> {
    let newest = |before: Option<&str>| {
        let mut select = trail.select(Link::COLUMNS);
        select.order_by("day", Order::Desc).order_by("seq", Order::Desc).limit(1);
        if let Some(before) = before {
            select.and_where(Expr::col("day").lt(before));
        }
        select
    };
    let mut days: Vec<Day> = Vec::new();
    let mut row = tx.query_one(&newest(before)).await?;
    while let (Some(found), true) = (&row, days.len() < limit) {
        let link = Link::read(found)?;
        let mut first = trail.select(["seq", "id"]);
        first.and_where(Expr::col("day").eq(link.day.as_str())).order_by("seq", Order::Asc).limit(1);
        let first = tx.query_one(&first).await?;
        let first: i64 = first.map_or(Ok(link.seq), |row| read(&row, "seq"))?;
        let earlier = tx.query_one(&newest(Some(&link.day))).await?;
        let previous = earlier.as_ref().map(Link::read).transpose()?;
        // Numbers go on through a chain: how many a day had is told by the one before it.
        let begun = previous.as_ref().map_or(0, |previous| previous.seq);
        days.push(Day {
            entries: (link.seq - begun).unsigned_abs(),
            sealed_at: link.sealed_at,
            hash: link.hash,
            previous_hash: previous.map(|previous| previous.hash),
            is_pruned: first == link.seq && link.seq - begun > 1,
            day: link.day,
        });
        row = earlier;
    }
    Ok(days)
}

/// How far a trail is sealed.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Entries in the chain since its beginning.
    pub sealed: u64,
    /// Entries that wait for the next pass.
    pub unsealed: u64,
    /// When the newest link was made.
    pub sealed_at: Option<DateTime<Utc>>,
    /// Its hash: kept elsewhere, it shows later that the end of the trail was not taken away.
    pub head: Option<String>,
}

/// How far a trail is sealed.
pub async fn standing(tx: &Tx, trail: Trail, now: DateTime<Utc>) -> Result<Standing> {
    let newest = trail.select(["seq", "hash", "sealed_at"]).order_by("seq", Order::Desc).limit(1).to_owned();
    let row = tx.query_one(&newest).await?;
    Ok(Standing {
        sealed: row.as_ref().map_or(Ok(0), |row| read::<i64>(row, "seq"))?.unsigned_abs(),
        unsealed: count_unsealed(tx, trail, open_from(tx, trail.links(), now).await?).await?,
        sealed_at: row.as_ref().map(|row| read(row, "sealed_at")).transpose()?,
        head: row.as_ref().map(|row| read(row, "hash")).transpose()?,
    })
}
