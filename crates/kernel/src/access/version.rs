//! The access version: one counter for the whole product, advanced under a row lock, so that
//! versions rise in commit order; the last value per organisation, and the last one that concerned each
//! subject (a user, a role, or the organisation as a whole). What happened is kept as events.

use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    Order,
    sea_query::{Alias, Cond, Expr, ExprTrait, OnConflict, Query, SelectStatement},
};
use serde_json::Value;
use store::{Mode, Tx};

use crate::App;

/// The table that holds each organisation's version, for the opening statement: `org_id`, `version`.
pub fn version_table() -> Alias {
    Alias::new("access_version")
}

/// Changes of one subject that change what others may do as well: its rows may be gone when somebody asks
/// which of them concern him, so the whole organisation gets the version.
const WHOLE: [&str; 5] =
    ["role_removed", "role_restored", "organization_closing", "organization_restored", "catalogue_changed"];

/// For how long events are kept (members, section 9.3).
const KEPT: TimeDelta = TimeDelta::days(30);
/// Events that one unit of work deletes.
const ROUND: u64 = 1_000;

/// What happened to who may do what.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Id; events of one version are in its order.
    pub id: Id,
    /// The version that it made.
    pub version: i64,
    /// What: `role_changed`, `granted`, …
    pub kind: String,
    /// The user, role or organisation that it happened to.
    pub subject: Option<Id>,
    /// When.
    pub at: DateTime<Utc>,
    /// More of it, as the kind says.
    pub detail: Option<Value>,
}

/// Says that who may do what has changed in the transaction's organisation. `kind` names the
/// event (`role_changed`, `membership_changed`, …), `subject` what it was about.
pub async fn bump(tx: &Tx, now: DateTime<Utc>, kind: &str, subject: Option<Id>) -> Result<()> {
    bump_in(tx, tx.require_org()?, now, kind, subject).await
}

/// As [`bump`], for one of several organisations that a system transaction is about.
pub async fn bump_in(tx: &Tx, org: Id, now: DateTime<Utc>, kind: &str, subject: Option<Id>) -> Result<()> {
    bump_with(tx, org, now, subject, vec![(kind, None)]).await.map(drop)
}

/// As [`bump_in`], with several events of one version, which is returned; they keep their order.
pub async fn bump_with(
    tx: &Tx,
    org: Id,
    now: DateTime<Utc>,
    subject: Option<Id>,
    events: Vec<(&str, Option<Value>)>,
) -> Result<i64> {
    advance(tx, 1).await?;
    let version = head(tx).await?;
    let keep = Query::insert()
        .into_table(version_table())
        .columns(["org_id", "version"])
        .values_panic([org.into(), version.into()])
        .on_conflict(OnConflict::column("org_id").update_column("version").to_owned())
        .to_owned();
    tx.execute(&keep).await?;
    let is_whole = subject.is_none() || events.iter().any(|(kind, _)| WHOLE.contains(kind));
    let whole = is_whole.then_some(org);
    for subject in subject.into_iter().chain(whole) {
        let keep = Query::insert()
            .into_table("access_subject")
            .columns(["id", "org_id", "subject_id", "version"])
            .values_panic([base::id::new(now).into(), org.into(), subject.into(), version.into()])
            .on_conflict(OnConflict::columns(["org_id", "subject_id"]).update_column("version").to_owned())
            .to_owned();
        tx.execute(&keep).await?;
    }
    // Ids of one instant are in no order of their own.
    let mut ids: Vec<Id> = events.iter().map(|_| base::id::new(now)).collect();
    ids.sort_unstable();
    for (id, (kind, detail)) in ids.into_iter().zip(events) {
        let event = Query::insert()
            .into_table("access_event")
            .columns(["id", "org_id", "version", "kind", "subject_id", "at", "detail"])
            .values_panic([
                id.into(),
                org.into(),
                version.into(),
                kind.into(),
                subject.into(),
                now.into(),
                detail.into(),
            ])
            .to_owned();
        tx.execute(&event).await?;
    }
    Ok(version)
}

/// As [`bump`], for every organisation. Needs a system transaction.
pub(super) async fn bump_all(tx: &Tx, now: DateTime<Utc>, kind: &str) -> Result<()> {
    let read = Query::select().column("org_id").from(version_table()).to_owned();
    for row in tx.query_all(&read).await? {
        bump_in(tx, store::read(&row, "org_id")?, now, kind, None).await?;
    }
    Ok(())
}

async fn advance(tx: &Tx, by: i64) -> Result<()> {
    let advance = Query::update()
        .table("access_head")
        .value("version", Expr::col("version").add(by))
        .and_where(Expr::col("id").eq(1))
        .to_owned();
    tx.execute(&advance).await.map(drop)
}

/// Waits until nobody else changes who may do what, and keeps it so until the transaction ends. Whoever
/// decides by what is granted whether to change it takes this first.
pub async fn lock_head(tx: &Tx) -> Result<()> {
    advance(tx, 0).await
}

/// The newest version of all.
pub async fn head(tx: &Tx) -> Result<i64> {
    let read =
        Query::select().column("version").from("access_head").and_where(Expr::col("id").eq(1)).to_owned();
    let row = tx.query_one(&read).await?;
    Ok(row.map(|row| store::read(&row, "version")).transpose()?.unwrap_or_default())
}

/// The organisations with a newer version than this one, and theirs. Needs a system transaction.
pub async fn changed_since(tx: &Tx, version: i64) -> Result<Vec<(Id, i64)>> {
    let read = Query::select()
        .columns(["org_id", "version"])
        .from(version_table())
        .and_where(Expr::col("version").gt(version))
        .to_owned();
    let rows = tx.query_all(&read).await?;
    rows.iter().map(|row| Ok((store::read(row, "org_id")?, store::read(row, "version")?))).collect()
}

/// The newest version that concerned one of the subjects or their organisation as a whole; 0 when none did.
pub async fn subject_version(tx: &Tx, org: Id, subjects: &[Id]) -> Result<i64> {
    let all = subjects.iter().copied().chain([org]);
    let read = Query::select()
        .expr_as(Expr::col("version").max(), "version")
        .from("access_subject")
        .and_where(Expr::col("org_id").eq(org))
        .and_where(Expr::col("subject_id").is_in(all))
        .to_owned();
    let row = tx.query_one(&read).await?;
    let version: Option<i64> = row.map(|row| store::read(&row, "version")).transpose()?.flatten();
    Ok(version.unwrap_or_default())
}

/// Events of the transaction's organisation after a version and, within it, after an id; the oldest first.
pub async fn events(tx: &Tx, (version, id): (i64, Id), limit: u64) -> Result<Vec<Event>> {
    let later =
        Expr::col("version").gt(version).or(Expr::col("version").eq(version).and(Expr::col("id").gt(id)));
    let read = Query::select()
        .columns(["id", "version", "kind", "subject_id", "at", "detail"])
        .from("access_event")
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .and_where(later)
        .order_by("version", Order::Asc)
        .order_by("id", Order::Asc)
        .limit(limit)
        .to_owned();
    let rows = tx.query_all(&read).await?;
    let event = |row: &sea_orm::QueryResult| {
        Ok(Event {
            id: store::read(row, "id")?,
            version: store::read(row, "version")?,
            kind: store::read(row, "kind")?,
            subject: store::read(row, "subject_id")?,
            at: store::read(row, "at")?,
            detail: store::read(row, "detail")?,
        })
    };
    rows.iter().map(event).collect()
}

/// Raises the counter of all versions, if it is lower: for subjects whose versions elsewhere were higher.
pub async fn raise_head(tx: &Tx, least: i64) -> Result<()> {
    let raise = Query::update()
        .table("access_head")
        .value("version", least)
        .and_where(Expr::col("id").eq(1))
        .and_where(Expr::col("version").lt(least))
        .to_owned();
    tx.execute(&raise).await.map(drop)
}

/// The place of one event of an organisation: the first one of all, or the last one before an instant.
fn place(org: Id, before: Option<DateTime<Utc>>) -> SelectStatement {
    let order = if before.is_some() { Order::Desc } else { Order::Asc };
    let mut read = Query::select();
    read.columns(["version", "id", "at"]).from("access_event").and_where(Expr::col("org_id").eq(org));
    if let Some(before) = before {
        read.and_where(Expr::col("at").lt(before));
    }
    read.order_by("version", order.clone()).order_by("id", order).limit(1).to_owned()
}

/// Whether events after this place may have been forgotten ([`prune`]) in the transaction's organisation.
///
/// Of what is older than is kept, the newest event stays. So nothing can have gone as long as the first event
/// is young, and whoever has read the first one has missed none.
pub async fn is_forgotten(tx: &Tx, now: DateTime<Utc>, (version, id): (i64, Id)) -> Result<bool> {
    let Some(first) = tx.query_one(&place(tx.require_org()?, None)).await? else { return Ok(false) };
    let at: DateTime<Utc> = store::read(&first, "at")?;
    let first: (i64, Id) = (store::read(&first, "version")?, store::read(&first, "id")?);
    Ok((version, id) < first && at < now - KEPT)
}

/// Deletes events that are older than 30 days, in rounds, but the newest of them; how many.
pub async fn prune(app: &App) -> Result<u64> {
    let before = app.now() - KEPT;
    let tx = app.system(Mode::Read).await?;
    let read = Query::select().column("org_id").from(version_table()).to_owned();
    let orgs = tx.query_all(&read).await?;
    tx.commit().await?;
    let mut gone = 0;
    for row in orgs {
        gone += prune_in(app, store::read(&row, "org_id")?, before).await?;
    }
    Ok(gone)
}

async fn prune_in(app: &App, org: Id, before: DateTime<Utc>) -> Result<u64> {
    let tx = app.system(Mode::Read).await?;
    let last = tx.query_one(&place(org, Some(before))).await?;
    tx.commit().await?;
    let Some(last) = last else { return Ok(0) };
    let (version, id): (i64, Id) = (store::read(&last, "version")?, store::read(&last, "id")?);
    let same = Expr::col("version").eq(version).and(Expr::col("id").lt(id));
    let earlier = Cond::any().add(Expr::col("version").lt(version)).add(same);
    let mut gone = 0;
    loop {
        let tx = app.system(Mode::Write).await?;
        let round = Query::select()
            .column("id")
            .from("access_event")
            .and_where(Expr::col("org_id").eq(org))
            .cond_where(earlier.clone())
            .order_by("version", Order::Asc)
            .order_by("id", Order::Asc)
            .limit(ROUND)
            .to_owned();
        let rows = tx.query_all(&round).await?;
        let ids: Vec<Id> = rows.iter().map(|row| store::read(row, "id")).collect::<Result<_>>()?;
        if ids.is_empty() {
            tx.commit().await?;
            return Ok(gone);
        }
        let delete = Query::delete()
            .from_table("access_event")
            .and_where(Expr::col("org_id").eq(org))
            .and_where(Expr::col("id").is_in(ids))
            .to_owned();
        gone += tx.execute(&delete).await?;
        tx.commit().await?;
    }
}
