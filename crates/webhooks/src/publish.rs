//! The outbox: events become messages and deliveries in the transaction of what they tell of.

use base::{Error, Id, Result};
use futures_util::future::BoxFuture;
use kernel::{
    App,
    port::{Event, Listening, Publisher},
};
use sea_orm::{
    ActiveValue::Set,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::{Value, json};
use store::Tx;

use crate::{
    deliver::{self, Due},
    delivery::State,
    entity::{delivery, endpoint, message},
    service::Webhooks,
};

/// The kernel's port, implemented.
pub struct Outbox;

impl Publisher for Outbox {
    fn publish<'a>(&'a self, app: &'a App, tx: &'a Tx, events: Vec<Event>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let is_quiet = Webhooks::of(app)?.heard.get(&tx.require_org()?) == Some(false);
            if is_quiet { known(app, &events) } else { publish(app, tx, &events).await }
        })
    }

    fn publish_surely<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { publish(app, tx, &events).await })
    }

    fn listening<'a>(&'a self, tx: &'a Tx) -> BoxFuture<'a, Result<Vec<Listening>>> {
        Box::pin(async move {
            let read = Query::select()
                .column("org_id")
                .expr_as(Expr::col("since_version").min(), "since")
                .from("webhook_endpoint")
                .and_where(Expr::col("deleted_at").is_null())
                .group_by_col("org_id")
                .to_owned();
            let rows = tx.query_all(&read).await?;
            let one =
                |row| Ok(Listening { org: store::read(row, "org_id")?, since: store::read(row, "since")? });
            rows.iter().map(one).collect()
        })
    }
}

fn known(app: &App, events: &[Event]) -> Result<()> {
    let webhooks = Webhooks::of(app)?;
    match events.iter().find(|event| !webhooks.knows(event.name)) {
        Some(event) => Err(Error::internal(format!("nobody declared events of the type {}", event.name))),
        None => Ok(()),
    }
}

/// What the receiver sees as `webhook-id`, the same at every try.
pub fn message_id(message: Id) -> String {
    format!("msg_{}", message.simple())
}

/// Whether a receiver is told of events of that type.
pub fn wants(row: &endpoint::Model, event_type: &str) -> bool {
    match row.event_types.as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        None | Some([]) => true,
        Some(names) => names.iter().any(|name| name == event_type),
    }
}

/// An event as it is told.
pub fn message(app: &App, org: Id, event: &Event) -> message::ActiveModel {
    let body = json!({
        "id": message_id(event.id), "type": event.name, "at": base::time::format(event.at),
        "data": event.data,
    });
    message::ActiveModel {
        id: Set(event.id),
        org_id: Set(org),
        event_type: Set(event.name.to_owned()),
        body: Set(body.to_string()),
        created_at: Set(app.now()),
    }
}

/// A message for one receiver: on its way, or held as long as the receiver is disabled.
pub fn delivery(
    app: &App,
    receiver: &endpoint::Model,
    message: Id,
    event_type: &str,
) -> delivery::ActiveModel {
    let state = if receiver.enabled { State::Pending } else { State::Held };
    delivery::ActiveModel {
        id: Set(app.new_id()),
        org_id: Set(receiver.org_id),
        endpoint_id: Set(receiver.id),
        message_id: Set(message),
        event_type: Set(event_type.to_owned()),
        state: Set(state.as_str().to_owned()),
        attempts: Set(0),
        turn: Set(1),
        next_at: Set(receiver.enabled.then(|| app.now())),
        last_status: Set(None),
        last_error: Set(None),
        created_at: Set(app.now()),
        finished_at: Set(None),
    }
}

async fn publish(app: &App, tx: &Tx, events: &[Event]) -> Result<()> {
    known(app, events)?;
    let (webhooks, org) = (Webhooks::of(app)?, tx.require_org()?);
    let receivers = tx.all(tx.find::<endpoint::Entity>()).await?;
    webhooks.heard.insert(org, !receivers.is_empty());
    let (mut messages, mut deliveries, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        let wanting: Vec<_> = receivers.iter().filter(|receiver| wants(receiver, event.name)).collect();
        if wanting.is_empty() {
            continue;
        }
        messages.push(message(app, org, event));
        for receiver in wanting {
            let row = delivery(app, receiver, event.id, event.name);
            if receiver.enabled {
                due.push(Due::first(receiver, *row.id.as_ref()));
            }
            deliveries.push(row);
        }
    }
    tx.insert_all(messages).await?;
    tx.insert_all(deliveries).await?;
    deliver::enqueue(app, tx, org, due).await
}
