//! The access version: one counter for the whole product, advanced under a row lock, so that
//! versions rise in commit order, and the last value per organisation.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use store::Tx;

/// The table that holds each organisation's version, for the opening statement: `org_id`, `version`.
pub fn version_table() -> Alias {
    Alias::new("access_version")
}

/// Says that who may do what has changed in the transaction's organisation. `kind` names the
/// event (`role_changed`, `membership_changed`, …), `subject` what it was about.
pub async fn bump(tx: &Tx, now: DateTime<Utc>, kind: &str, subject: Option<Id>) -> Result<()> {
    bump_in(tx, tx.require_org()?, now, kind, subject).await
}

/// As [`bump`], for one of several organisations that a system transaction is about.
pub async fn bump_in(tx: &Tx, org: Id, now: DateTime<Utc>, kind: &str, subject: Option<Id>) -> Result<()> {
    let advance = Query::update()
        .table("access_head")
        .value("version", Expr::col("version").add(1))
        .and_where(Expr::col("id").eq(1))
        .to_owned();
    tx.execute(&advance).await?;
    let read =
        Query::select().column("version").from("access_head").and_where(Expr::col("id").eq(1)).to_owned();
    let row = tx.query_one(&read).await?;
    let version: i64 = row.map(|row| store::read(&row, "version")).transpose()?.unwrap_or_default();
    let keep = Query::insert()
        .into_table(version_table())
        .columns(["org_id", "version"])
        .values_panic([org.into(), version.into()])
        .on_conflict(OnConflict::column("org_id").update_column("version").to_owned())
        .to_owned();
    tx.execute(&keep).await?;
    let event = Query::insert()
        .into_table("access_event")
        .columns(["id", "org_id", "version", "kind", "subject_id", "at"])
        .values_panic([
            base::id::new(now).into(),
            org.into(),
            version.into(),
            kind.into(),
            subject.into(),
            now.into(),
        ])
        .to_owned();
    tx.execute(&event).await.map(drop)
}
