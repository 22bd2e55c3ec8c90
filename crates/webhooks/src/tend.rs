//! Looking after what waits and what has been kept long enough.

use std::collections::{BTreeMap, BTreeSet};

use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{Arguments, Engine, Failure, Job, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::{Mode, Tx};

use crate::{
    deliver::{self, Due},
    delivery::State,
    entity::{attempt, delivery, endpoint, message, secret},
    health,
    replay::KEPT,
};

/// From when on a delivery that is due and was not tried may have lost its job.
const LATE: TimeDelta = TimeDelta::minutes(5);
/// Rows of one round.
const ROUND: u64 = 200;
/// Ids in one statement.
const IDS: usize = 500;

/// Finds deliveries without a job, and forgets old ones.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tend {}

impl Arguments for Tend {
    const KIND: &'static str = "webhooks.tend";
    const TITLE: Words = Words { zh: "维护 Webhook 投递", en: "Look after webhooks" };
    const ABOUT: Words = Words {
        zh: "找回失去任务的投递，并清理超过 30 天的消息与投递记录。",
        en: "Finds deliveries whose job was called off, and forgets messages and deliveries after 30 days.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "maintenance",
            max_attempts: 1,
            keep: std::time::Duration::from_hours(24),
            ..Policy::default()
        }
    }
}

/// How much there was to do.
#[derive(Debug, Serialize)]
pub struct Tended {
    /// Deliveries that were without a job.
    late: usize,
    /// Messages that were forgotten.
    forgotten: u64,
}

impl Job<App> for Tend {
    type Output = Tended;

    async fn run(self, app: App, _: Run) -> Result<Tended, Failure> {
        Ok(Tended { late: rescue(&app).await?, forgotten: forget(&app).await? })
    }
}

/// Enqueues tries that are late and have no job; how many. All late ones are looked at, page by page: a receiver
/// that is down has many that do have one.
async fn rescue(app: &App) -> Result<usize> {
    let (late, mut after, mut rescued) = (app.now() - LATE, None, 0);
    loop {
        let tx = app.system(Mode::Read).await?;
        let page = page(&tx, late, after).await?;
        let lost = without_job(app, &tx, &page).await?;
        tx.commit().await?;
        if !lost.is_empty() {
            put_in_order(app, &lost).await?;
            rescued += lost.len();
        }
        match page.last() {
            Some(last) if page.len() as u64 == ROUND => after = last.next_at.map(|at| (at, last.id)),
            _ => return Ok(rescued),
        }
    }
}

/// Late deliveries in the order of their times.
async fn page(
    tx: &Tx,
    late: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Id)>,
) -> Result<Vec<delivery::Model>> {
    use delivery::Column as D;
    let mut due = Condition::all().add(D::State.eq(State::Pending.as_str())).add(D::NextAt.lt(late));
    if let Some((at, id)) = after {
        let same = Condition::all().add(D::NextAt.eq(at)).add(D::Id.gt(id));
        due = due.add(D::NextAt.gte(at)).add(Condition::any().add(D::NextAt.gt(at)).add(same));
    }
    let select = tx.find::<delivery::Entity>().filter(due);
    tx.all(select.order_by_asc(D::NextAt).order_by_asc(D::Id).limit(ROUND)).await
}

async fn without_job(app: &App, tx: &Tx, rows: &[delivery::Model]) -> Result<Vec<delivery::Model>> {
    let key = |row: &delivery::Model| (row.org_id, deliver::unique_key(row.id, row.turn));
    let keys: Vec<(Id, String)> = rows.iter().map(key).collect();
    let holders = app.service::<Engine>()?.holders(tx, &keys).await?;
    Ok(rows.iter().zip(holders).filter(|(_, job)| job.is_none()).map(|(row, _)| row.clone()).collect())
}

/// Gives them a job, or holds them where the receiver is disabled. What moved on meanwhile has another turn,
/// and its job does nothing.
async fn put_in_order(app: &App, lost: &[delivery::Model]) -> Result<()> {
    let tx = app.system(Mode::Write).await?;
    let ids = lost.iter().map(|row| row.endpoint_id);
    let receivers = tx.all(tx.find::<endpoint::Entity>().filter(endpoint::Column::Id.is_in(ids))).await?;
    let mut due: BTreeMap<Id, Vec<Due>> = BTreeMap::new();
    let mut held = BTreeSet::new();
    for row in lost {
        match receivers.iter().find(|receiver| receiver.id == row.endpoint_id && receiver.enabled) {
            Some(receiver) => {
                let one = Due { turn: row.turn, slow: true, ..Due::first(receiver, row.id) };
                due.entry(row.org_id).or_default().push(one);
            }
            None => drop(held.insert(row.endpoint_id)),
        }
    }
    for (org, due) in due {
        deliver::enqueue(app, &tx, org, due).await?;
    }
    for endpoint in held {
        health::hold(&tx, endpoint).await?;
    }
    tx.commit().await
}

/// Deletes messages, deliveries and tries that have been kept long enough, in rounds, so that the writer is
/// shared, and secrets that sign no more.
async fn forget(app: &App) -> Result<u64> {
    let old = app.now() - KEPT;
    let mut gone = 0;
    loop {
        let tx = app.system(Mode::Write).await?;
        let ended = Condition::all().add(secret::Column::ExpiresAt.lt(old));
        tx.delete_where::<secret::Entity>(ended).await?;
        let select = tx.find::<message::Entity>().filter(message::Column::CreatedAt.lt(old));
        let messages = tx.all(select.order_by_asc(message::Column::CreatedAt).limit(ROUND)).await?;
        let ids: Vec<Id> = messages.iter().map(|message| message.id).collect();
        forget_messages(&tx, &ids).await?;
        tx.commit().await?;
        gone += ids.len() as u64;
        if (ids.len() as u64) < ROUND {
            return Ok(gone);
        }
    }
}

async fn forget_messages(tx: &Tx, ids: &[Id]) -> Result<()> {
    use delivery::Column as D;
    let select = tx.find::<delivery::Entity>().filter(D::MessageId.is_in(ids.iter().copied()));
    let deliveries: Vec<Id> = tx.all(select).await?.iter().map(|row| row.id).collect();
    for some in deliveries.chunks(IDS) {
        let theirs = Condition::all().add(attempt::Column::DeliveryId.is_in(some.iter().copied()));
        tx.delete_where::<attempt::Entity>(theirs).await?;
        tx.delete_where::<delivery::Entity>(Condition::all().add(D::Id.is_in(some.iter().copied()))).await?;
    }
    let these = Condition::all().add(message::Column::Id.is_in(ids.iter().copied()));
    tx.delete_where::<message::Entity>(these).await.map(drop)
}
