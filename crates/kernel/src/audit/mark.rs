//! What retention took: before which day entries of an organisation's trail may be gone, sealed with the
//! installation's key. Written before anything is deleted; [`super::verify`] believes nothing else about entries
//! that are not there. May import: [`super::seal`], `base`, `store`.

use base::{Id, Result, Vault};
use sea_orm::{
    ExprTrait, Value as Column,
    sea_query::{Expr, Order, Query},
};
use store::{Mode, Tx, read};

use super::seal::{LINKS, Trail};
use crate::App;

/// The table.
pub const MARKS: &str = "audit_mark";

/// What a mark is sealed for.
fn purpose(org: Id) -> String {
    format!("audit.mark:{org}")
}

/// Says, before anything is deleted, that retention takes the days before `first` of every organisation that
/// has any: verification believes nothing else about entries that are gone.
pub(super) async fn set(app: &App, vault: &dyn Vault, first: &str) -> Result<()> {
    let tx = app.system(Mode::Write).await?;
    let done = Query::select()
        .expr(Expr::val(1))
        .from(MARKS)
        .and_where(Expr::col((MARKS, "org_id")).equals((LINKS, "org_id")))
        .and_where(Expr::col((MARKS, "day")).gte(first))
        .to_owned();
    let due = Query::select()
        .distinct()
        .column((LINKS, "org_id"))
        .from(LINKS)
        .and_where(Expr::col((LINKS, "day")).lt(first))
        .and_where(Expr::exists(done).not())
        .to_owned();
    for row in tx.query_all(&due).await? {
        let org: Id = read(&row, "org_id")?;
        let before = Query::delete().from_table(MARKS).and_where(Expr::col("org_id").eq(org)).to_owned();
        tx.execute(&before).await?;
        let seal = vault.seal(first.as_bytes(), &purpose(org))?;
        let values: [Column; 4] = [app.new_id().into(), org.into(), first.into(), seal.into()];
        let insert = Query::insert()
            .into_table(MARKS)
            .columns(["id", "org_id", "day", "seal"])
            .values_panic(values.map(Into::into))
            .to_owned();
        tx.execute(&insert).await?;
    }
    tx.commit().await
}

/// Before which day retention has taken entries of a trail, if it has.
pub(super) async fn taken_before(tx: &Tx, vault: &dyn Vault, trail: Trail) -> Result<Option<String>> {
    let Some(org) = trail.org else { return Ok(None) };
    let select = Query::select()
        .columns(["day", "seal"])
        .from(MARKS)
        .and_where(Expr::col("org_id").eq(org))
        .order_by("day", Order::Desc)
        .limit(1)
        .to_owned();
    let Some(row) = tx.query_one(&select).await? else { return Ok(None) };
    let (day, seal): (String, String) = (read(&row, "day")?, read(&row, "seal")?);
    let opens = vault.open(&seal, &purpose(org)).is_ok_and(|plain| plain == day.as_bytes());
    Ok(Some(day).filter(|_| opens))
}

/// Makes the marks anew whose key is on its way out.
pub(super) async fn reseal(tx: &Tx, vault: &dyn Vault) -> Result<u64> {
    let all = Query::select().columns(["org_id", "day", "seal"]).from(MARKS).to_owned();
    let mut made = 0;
    for row in tx.query_all(&all).await? {
        let (org, day, seal): (Id, String, String) =
            (read(&row, "org_id")?, read(&row, "day")?, read(&row, "seal")?);
        let made_for = purpose(org);
        let opens = vault.open(&seal, &made_for).is_ok_and(|plain| plain == day.as_bytes());
        if !vault.is_stale(&seal) || !opens {
            continue;
        }
        let update = Query::update()
            .table(MARKS)
            .value("seal", vault.seal(day.as_bytes(), &made_for)?)
            .and_where(Expr::col("org_id").eq(org))
            .and_where(Expr::col("day").eq(day))
            .to_owned();
        made += tx.execute(&update).await?;
    }
    Ok(made)
}
