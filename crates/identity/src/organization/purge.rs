//! The end of an organisation whose grace has passed.
//!
//! First nobody gets in any more, then its rows go in batches, each its own transaction, so that a
//! large organisation neither blocks the writer nor runs into a time limit; the organisation's own
//! row goes last, so a run that was cut short is continued by the next one. May import: `kernel`,
//! `store`, this crate's entities.

use base::{Id, Result};
use kernel::{
    App, Origin, access,
    audit::{self, Event, Who},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};
use store::{Mode, Opening, Role, Tx};

use super::{
    entity,
    tables::{self, TenantTable},
};
use crate::{entity::session, resource::user};

/// Rows deleted at a time.
const BATCH: u64 = 1000;

/// Deletes the organisations whose grace has passed, with everything that is theirs; returns how
/// many are gone. Several nodes may call it at once.
pub async fn purge_due(app: &App) -> Result<usize> {
    let tx = app.system(Mode::Read).await?;
    let due = tx.find::<entity::Entity>().filter(entity::Column::DeletingAt.lte(app.now()));
    let due = tx.all(due).await?;
    tx.commit().await?;
    let mut gone = 0;
    for row in due {
        // One that cannot go must not keep the others here; it is tried again in the next round.
        match end(app, &row).await {
            Ok(true) => {
                tracing::info!(organization = %row.id, "an organisation was deleted after its grace");
                gone += 1;
            }
            Ok(false) => {}
            Err(failure) => {
                tracing::error!(organization = %row.id, error = ?failure, "an organisation could not be deleted");
            }
        }
    }
    Ok(gone)
}

async fn end(app: &App, row: &entity::Model) -> Result<bool> {
    Ok(close(app, row.id).await? && purge(app, row).await?)
}

async fn begin(app: &App, org: Id) -> Result<Tx> {
    app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await
}

/// Shuts the door: members are refused from the next request on. `false` if it was called off.
async fn close(app: &App, org: Id) -> Result<bool> {
    let tx = begin(app, org).await?;
    let row = super::lock(&tx, org).await;
    if !row.is_ok_and(|row| row.deleting_at.is_some_and(|at| at <= app.now())) {
        return Ok(false);
    }
    let out = user::entity::ActiveModel { active: Set(false), ..Default::default() };
    tx.update_where(out, Condition::all().add(user::entity::Column::Active.eq(true))).await?;
    let nowhere = session::ActiveModel { org_id: Set(None), ..Default::default() };
    tx.update_where(nowhere, Condition::all().add(session::Column::OrgId.eq(org))).await?;
    access::bump(&tx, app.now(), "organization_deleted", Some(org)).await?;
    tx.commit().await?;
    Ok(true)
}

async fn purge(app: &App, row: &entity::Model) -> Result<bool> {
    let org = row.id;
    let tables = tables::all(app);
    for table in &tables {
        while empty(app, org, *table).await? {}
    }
    // What a request under way has still written goes together with the organisation itself.
    let tx = begin(app, org).await?;
    for table in &tables {
        detach(&tx, org, *table).await?;
        let mut rest = Query::delete();
        rest.from_table(table.name).and_where(Expr::col("org_id").eq(org));
        tx.execute(&rest).await?;
    }
    let mut version = Query::delete();
    version.from_table(access::version_table()).and_where(Expr::col("org_id").eq(org));
    tx.execute(&version).await?;
    let rows = tx.delete_where::<entity::Entity>(Condition::all().add(entity::Column::Id.eq(org))).await?;
    if rows > 0 {
        // Its own trail has just gone with it.
        let event =
            Event::new("identity:organization:purge", "identity.organization").target(org, row.name.clone());
        audit::write_platform(&tx, app.now(), Who::system(), &Origin::nowhere(), event).await?;
    }
    tx.commit().await?;
    Ok(rows > 0)
}

/// Takes the references within a table away: not every database checks them at a statement's end.
async fn detach(tx: &Tx, org: Id, table: TenantTable) -> Result<()> {
    let Some(parent) = table.parent else { return Ok(()) };
    let mut update = Query::update();
    update
        .table(table.name)
        .value(parent, Expr::value(Option::<Id>::None))
        .and_where(Expr::col("org_id").eq(org))
        .and_where(Expr::col(parent).is_not_null());
    tx.execute(&update).await.map(drop)
}

/// Deletes one batch; `true` while there may be more.
async fn empty(app: &App, org: Id, table: TenantTable) -> Result<bool> {
    let tx = begin(app, org).await?;
    detach(&tx, org, table).await?;
    let mut select = Query::select();
    select.column("id").from(table.name).and_where(Expr::col("org_id").eq(org)).limit(BATCH);
    let rows = tx.query_all(&select).await?;
    let ids = rows.iter().map(|row| store::read(row, "id")).collect::<Result<Vec<Id>>>()?;
    if ids.is_empty() {
        return Ok(false);
    }
    let mut delete = Query::delete();
    delete
        .from_table(table.name)
        .and_where(Expr::col("org_id").eq(org))
        .and_where(Expr::col("id").is_in(ids));
    tx.execute(&delete).await?;
    tx.commit().await?;
    Ok(rows.len() as u64 == BATCH)
}
