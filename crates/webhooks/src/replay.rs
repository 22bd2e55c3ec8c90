//! Sending the messages of a time again: a job, since there may be many.

use base::{Id, Result, Timestamp};
use chrono::TimeDelta;
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::App;
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect, sea_query::Query};
use serde::{Deserialize, Serialize};
use store::{Mode, Opening, Role, Tx};

use crate::{
    deliver,
    delivery::{self, State},
    entity::{
        delivery as deliveries, endpoint,
        message::{Column, Entity, Model},
    },
    event_type::PING,
    publish,
};

/// For how long messages and what became of them are kept.
pub(crate) const KEPT: TimeDelta = TimeDelta::days(30);
/// Messages of one unit of work.
const BATCH: u64 = 100;

/// Puts the messages of a time in the queue of one receiver.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replayed {
    /// The receiver.
    pub endpoint: Id,
    /// From when on.
    pub since: Timestamp,
    /// Before when.
    pub until: Timestamp,
    /// Of which types; empty: of all that the receiver is told of.
    pub event_types: Vec<String>,
    /// Only those that failed or are held.
    pub only_failed: bool,
}

impl Arguments for Replayed {
    const KIND: &'static str = "webhooks.replay";
    const TITLE: Words = Words { zh: "重放 Webhook 消息", en: "Replay webhook messages" };
    const ABOUT: Words = Words {
        zh: "把一段时间内的消息重新投递给一个接收端。",
        en: "Puts the messages of a time in the queue of one receiver again.",
    };

    fn policy() -> Policy {
        Policy { queue: "webhooks", key_concurrency: Some(1), ..Policy::default() }
    }
    fn key(&self) -> Option<String> {
        Some(self.endpoint.to_string())
    }
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Done {
    /// Deliveries that were put in the queue.
    queued: u64,
}

impl Job<App> for Replayed {
    type Output = Done;

    async fn run(self, app: App, run: Run) -> Result<Done, Failure> {
        let (org, mut after, mut queued, mut seen) = (run.org(), None, 0, 0);
        let total = {
            let tx = app.store().begin(Mode::Read, Opening::new(Role::System, Some(org))).await?;
            let total = count(&tx, &self).await?;
            tx.commit().await?;
            total
        };
        loop {
            let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await?;
            let receiver = tx.lookup::<endpoint::Entity>(self.endpoint).await?;
            let Some(receiver) = receiver.filter(|receiver| receiver.enabled) else { break };
            let messages = page(&tx, &self, after).await?;
            queued += requeue(&app, &tx, &self, &receiver, &messages).await?;
            tx.commit().await?;
            seen += messages.len() as u64;
            run.progress(seen, total.max(seen), "");
            after = messages.last().map(|message| message.id);
            if (messages.len() as u64) < BATCH {
                break;
            }
        }
        Ok(Done { queued })
    }
}

/// The messages that are asked for.
fn asked(of: &Replayed) -> Condition {
    let mut condition =
        Condition::all().add(Column::CreatedAt.gte(of.since.0)).add(Column::CreatedAt.lt(of.until.0));
    if !of.event_types.is_empty() {
        condition = condition.add(Column::EventType.is_in(of.event_types.iter().map(String::as_str)));
    }
    if of.only_failed {
        let theirs = Query::select()
            .column(deliveries::Column::MessageId)
            .from(deliveries::Entity)
            .and_where(deliveries::Column::EndpointId.eq(of.endpoint))
            .and_where(deliveries::Column::State.is_in([State::Failed.as_str(), State::Held.as_str()]))
            .to_owned();
        condition = condition.add(Column::Id.in_subquery(theirs));
    }
    condition
}

/// How many messages are asked for.
pub(crate) async fn count(tx: &Tx, of: &Replayed) -> Result<u64> {
    tx.count(tx.find::<Entity>().filter(asked(of))).await
}

async fn page(tx: &Tx, of: &Replayed, after: Option<Id>) -> Result<Vec<Model>> {
    let mut condition = asked(of);
    if let Some(after) = after {
        condition = condition.add(Column::Id.gt(after));
    }
    tx.all(tx.find::<Entity>().filter(condition).order_by_asc(Column::Id).limit(BATCH)).await
}

async fn requeue(
    app: &App,
    tx: &Tx,
    of: &Replayed,
    receiver: &endpoint::Model,
    messages: &[Model],
) -> Result<u64> {
    use deliveries::Column as D;
    let ids = messages.iter().map(|message| message.id);
    let known = tx.find::<deliveries::Entity>().filter(D::EndpointId.eq(receiver.id));
    let known = tx.all(known.filter(D::MessageId.is_in(ids))).await?;
    let (mut due, mut fresh) = (Vec::new(), Vec::new());
    for message in messages {
        match known.iter().find(|row| row.message_id == message.id) {
            Some(row) if row.state == State::Pending.as_str() => {}
            Some(row) => due.extend(delivery::requeue(tx, app.now(), receiver, row).await?),
            // Another receiver's ping is not for this one, nor is what it is not told of.
            None if message.event_type == PING.name || !publish::wants(receiver, &message.event_type) => {}
            None if of.only_failed => {}
            None => {
                let row = publish::delivery(app, receiver, message.id, &message.event_type);
                due.push(deliver::Due::first(receiver, *row.id.as_ref()));
                fresh.push(row);
            }
        }
    }
    let queued = due.len() as u64;
    tx.insert_all(fresh).await?;
    deliver::enqueue(app, tx, receiver.org_id, due).await?;
    Ok(queued)
}
