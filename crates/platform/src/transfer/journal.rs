//! What each import that is being applied has done: one row for the import, one for each record.
//!
//! Written in the transactions that apply and undo, so that it is always true; gone once an import is
//! over. May import: `store`, the engine's ids.

use std::collections::HashMap;

use base::{Error, Id, Result};
use jobs::{State as JobState, store::entity::job};
use kernel::{
    Cx, Delegation,
    resource::Dynamic,
    transfer::{Step, take_back},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use store::Tx;

/// The tables.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0005_transfer",
    up: |ddl| {
        ddl.tenant_rows("import_run")
            .text("resource", 100)
            .text("state", 16)
            .bigint("fence")
            .integer("line")
            .integer("created")
            .integer("updated")
            .integer("kept")
            .long_text("delegation")
            .create();
        ddl.tenant_rows("import_step")
            .uuid("run_id")
            .integer("seq")
            .uuid("record_id")
            .bigint("version")
            .long_text_null("restores")
            .unique(&["run_id", "seq"])
            .index(&["record_id"])
            .create();
    },
    down: |ddl| ddl.drop_tables(&["import_step", "import_run"]),
};

/// The table `import_run`; its id is the job's.
pub mod run {
    use sea_orm::entity::prelude::*;

    /// One import that is being applied or taken back.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_run")]
    pub struct Model {
        /// The job.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Organisation.
        pub org_id: Uuid,
        /// `identity.post`.
        pub resource: String,
        /// applying, done or undoing.
        pub state: String,
        /// The highest fencing token that has written here.
        pub fence: i64,
        /// Rows of the file that were taken.
        pub line: i32,
        /// New records.
        pub created: i32,
        /// Changed records.
        pub updated: i32,
        /// Records that could not be taken back.
        pub kept: i32,
        /// On whose behalf, as JSON.
        #[sea_orm(column_type = "Text")]
        pub delegation: String,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `import_step`.
pub mod step {
    use sea_orm::entity::prelude::*;

    /// One row of a file that was taken.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_step")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Organisation.
        pub org_id: Uuid,
        /// The import.
        pub run_id: Uuid,
        /// Row of the file, from 0.
        pub seq: i32,
        /// The record.
        pub record_id: Uuid,
        /// Its version afterwards.
        pub version: i64,
        /// JSON that restores it; `None` for a new record.
        #[sea_orm(column_type = "Text", nullable)]
        pub restores: Option<String>,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const APPLYING: &str = "applying";
const DONE: &str = "done";
const UNDOING: &str = "undoing";

/// The fencing token of whoever puts an abandoned import in order: after every attempt of the import itself.
pub(super) const SETTLING: i64 = i64::MAX;

/// How an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Applying,
    Done,
    Undoing,
}

impl run::Model {
    pub(super) fn stands(&self) -> State {
        match self.state.as_str() {
            DONE => State::Done,
            UNDOING => State::Undoing,
            _ => State::Applying,
        }
    }

    /// On whose behalf.
    pub(super) fn by(&self) -> Result<Delegation> {
        serde_json::from_str(&self.delegation).map_err(Error::internal)
    }

    /// Whether it is being put in order, and no attempt of the import itself is any more.
    pub(super) fn is_settling(&self) -> bool {
        self.fence == SETTLING
    }
}

fn number(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The import's row, if there is one.
pub(super) async fn find(tx: &Tx, id: Id) -> Result<Option<run::Model>> {
    tx.one(tx.find::<run::Entity>().filter(run::Column::Id.eq(id))).await
}

/// Begins to apply.
pub(super) async fn begin(tx: &Tx, id: Id, resource: &str, fence: i64, by: &Delegation) -> Result<()> {
    tx.insert(run::ActiveModel {
        id: Set(id),
        org_id: Set(by.org),
        delegation: Set(serde_json::to_string(by).map_err(Error::internal)?),
        resource: Set(resource.to_owned()),
        state: Set(APPLYING.to_owned()),
        fence: Set(fence),
        line: Set(0),
        created: Set(0),
        updated: Set(0),
        kept: Set(0),
    })
    .await
}

/// Takes hold of the import for this unit of work, under a fencing token: 409 `lease_lost` when a later
/// attempt has, or when it does not stand as it should.
async fn hold(tx: &Tx, id: Id, fence: i64, state: &str) -> Result<run::Model> {
    let own = Condition::all()
        .add(run::Column::Id.eq(id))
        .add(run::Column::Fence.lte(fence))
        .add(run::Column::State.eq(state));
    let held = run::ActiveModel { fence: Set(fence), ..Default::default() };
    let lost = || Error::conflict("lease_lost", "another attempt goes on with this import");
    // Writing locks the row; what is read after it is what this unit of work goes on from.
    if tx.update_where(held, own).await? == 0 {
        return Err(lost());
    }
    find(tx, id).await?.ok_or_else(lost)
}

/// As [`hold`], of an import that is being applied: how far it is by now.
pub(super) async fn hold_to_apply(tx: &Tx, id: Id, fence: i64) -> Result<run::Model> {
    hold(tx, id, fence, APPLYING).await
}

/// What a batch did; `done` once it was the last.
pub(super) async fn write(
    cx: &Cx,
    (org, id): (Id, Id),
    steps: Vec<(usize, Step)>,
    (line, created, updated): (usize, usize, usize),
    done: bool,
) -> Result<()> {
    let row = |(seq, step): (usize, Step)| -> Result<step::ActiveModel> {
        Ok(step::ActiveModel {
            id: Set(cx.app.new_id()),
            org_id: Set(org),
            run_id: Set(id),
            seq: Set(number(seq)),
            record_id: Set(step.record),
            version: Set(step.version),
            restores: Set(step
                .before
                .as_ref()
                .map(serde_json::to_string)
                .transpose()
                .map_err(Error::internal)?),
        })
    };
    let rows = steps.into_iter().map(row).collect::<Result<Vec<_>>>()?;
    let tx = cx.tx()?;
    if !rows.is_empty() {
        tx.insert_all(rows).await?;
    }
    let values = run::ActiveModel {
        state: Set(if done { DONE } else { APPLYING }.to_owned()),
        line: Set(number(line)),
        created: Set(number(created)),
        updated: Set(number(updated)),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(run::Column::Id.eq(id))).await.map(drop)
}

/// Says that the import is being taken back; no attempt applies any more of it.
pub(super) async fn turn(tx: &Tx, id: Id, fence: i64) -> Result<()> {
    let own = Condition::all().add(run::Column::Id.eq(id)).add(run::Column::Fence.lte(fence));
    let values = run::ActiveModel { state: Set(UNDOING.to_owned()), fence: Set(fence), ..Default::default() };
    tx.update_where(values, own).await.map(drop)
}

/// Steps that are left.
pub(super) async fn left(tx: &Tx, id: Id) -> Result<u64> {
    tx.count(tx.find::<step::Entity>().filter(step::Column::RunId.eq(id))).await
}

/// Undoes some of the last steps, as long as `more` says so; how many.
pub(super) async fn undo(
    cx: &Cx,
    resource: &dyn Dynamic,
    id: Id,
    fence: i64,
    more: impl Fn() -> bool,
) -> Result<u64> {
    let tx = cx.tx()?;
    hold(tx, id, fence, UNDOING).await?;
    let last = tx
        .find::<step::Entity>()
        .filter(step::Column::RunId.eq(id))
        .order_by_desc(step::Column::Seq)
        .limit(super::import::BATCH as u64);
    let (mut undone, mut kept) = (0, 0);
    // How far the versions of earlier steps have moved since the rows were read.
    let mut moved: HashMap<Id, i64> = HashMap::new();
    for row in tx.all(last).await? {
        let before =
            row.restores.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?;
        let by = moved.entry(row.record_id).or_default();
        let step = Step { record: row.record_id, version: row.version + *by, before };
        match take_back(cx, resource, &step).await? {
            // An earlier row of the file may have changed the same record.
            Some(version) if step.before.is_some() => {
                let further = version - (step.version - 1);
                shift_earlier(tx, &row, further).await?;
                *by += further;
            }
            Some(_) => {}
            None => kept += 1,
        }
        tx.delete_where::<step::Entity>(Condition::all().add(step::Column::Id.eq(row.id))).await?;
        undone += 1;
        if !more() {
            break;
        }
    }
    if kept > 0 {
        let all = find(tx, id).await?.map_or(0, |run| run.kept) + kept;
        let values = run::ActiveModel { kept: Set(all), ..Default::default() };
        tx.update_where(values, Condition::all().add(run::Column::Id.eq(id))).await?;
    }
    Ok(undone)
}

/// Moves the versions that the earlier steps of a record expect. Whoever changed the record between two
/// rows of the file is told from the import by the gap that stays.
async fn shift_earlier(tx: &Tx, row: &step::Model, by: i64) -> Result<()> {
    let statement = Query::update()
        .table(step::Entity)
        .value(step::Column::Version, Expr::col(step::Column::Version).add(by))
        .and_where(step::Column::OrgId.eq(row.org_id))
        .and_where(step::Column::RunId.eq(row.run_id))
        .and_where(step::Column::RecordId.eq(row.record_id))
        .and_where(step::Column::Seq.lt(row.seq))
        .to_owned();
    tx.execute(&statement).await.map(drop)
}

/// Forgets some of the steps of an import that is over; how many.
pub(super) async fn forget_steps(tx: &Tx, id: Id, most: u64) -> Result<u64> {
    let some = tx.find::<step::Entity>().filter(step::Column::RunId.eq(id)).limit(most);
    let ids: Vec<Id> = tx.all(some).await?.into_iter().map(|row| row.id).collect();
    tx.delete_where::<step::Entity>(Condition::all().add(step::Column::Id.is_in(ids))).await
}

/// Imports whose job is over or gone, so that somebody must put them in order: organisation and import.
pub(super) async fn abandoned(tx: &Tx) -> Result<Vec<(Id, Id)>> {
    let mut found = Vec::new();
    for run in tx.all(tx.find::<run::Entity>()).await? {
        let job = tx.one(tx.find::<job::Entity>().filter(job::Column::Id.eq(run.id))).await?;
        let state = job.and_then(|job| JobState::parse(&job.state));
        if state.is_none_or(JobState::is_final) {
            found.push((run.org_id, run.id));
        }
    }
    Ok(found)
}

/// Forgets an import that is over.
pub(super) async fn forget(tx: &Tx, id: Id) -> Result<()> {
    tx.delete_where::<run::Entity>(Condition::all().add(run::Column::Id.eq(id))).await.map(drop)
}
