//! Looking after what waits and what has been kept long enough.

use base::{Id, Result};
use chrono::TimeDelta;
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
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
    /// Deliveries that may have been without a job.
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

/// Enqueues tries that are late; where there is a job already nothing happens.
async fn rescue(app: &App) -> Result<usize> {
    let tx = app.system(Mode::Write).await?;
    let late = tx
        .find::<delivery::Entity>()
        .filter(delivery::Column::State.eq(State::Pending.as_str()))
        .filter(delivery::Column::NextAt.lt(app.now() - LATE))
        .order_by_asc(delivery::Column::NextAt)
        .limit(ROUND);
    let late = tx.all(late).await?;
    let ids = late.iter().map(|row| row.endpoint_id);
    let receivers = tx.all(tx.find::<endpoint::Entity>().filter(endpoint::Column::Id.is_in(ids))).await?;
    for row in &late {
        match receivers.iter().find(|receiver| receiver.id == row.endpoint_id && receiver.enabled) {
            Some(receiver) => {
                let due = Due { turn: row.turn, slow: true, ..Due::first(receiver, row.id) };
                deliver::enqueue(app, &tx, row.org_id, vec![due]).await?;
            }
            None => health::hold(&tx, row.endpoint_id).await?,
        }
    }
    tx.commit().await?;
    Ok(late.len())
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
