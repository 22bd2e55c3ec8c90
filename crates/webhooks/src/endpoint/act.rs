//! What one does with a receiver beyond keeping its record.

use base::{Error, FieldError, Id, Result, Timestamp, secret::ExposeSecret};
use chrono::TimeDelta;
use jobs::{Engine, NewJob};
use kernel::{
    Accepted, Created, Cx, Json, Model, Resource,
    audit::{self, Event},
    port::Event as Told,
    resource::{Endpoints, create_record, patch_record, require_record},
};
use serde_json::json;

use super::{
    Endpoint, NAME, PATH, disabled,
    dto::{self, Create, Replay, Replaying, Rotate, Row},
    unknown,
};
use crate::{
    deliver::{self, Due},
    delivery::dto::Queued,
    entity::endpoint::Entity,
    event_type::PING,
    publish,
    replay::{self, KEPT, Replayed},
    service::{self, Webhooks},
};

/// Receivers of one organisation.
const MOST: u64 = 50;
/// Secrets that may sign at once.
const SECRETS: usize = 5;

pub(super) fn mount(endpoints: &mut Endpoints<'_>) {
    let mut own = endpoints.mount();
    own.post("create", PATH, "Make a webhook; its secret is shown this once", create)
        .secret()
        .problems(&[409])
        .example(json!({
            "name": "Orders", "url": "https://orders.example.com/hooks/tenon",
            "event_types": ["permission.granted", "permission.revoked"],
        }));
    own.post("rotate", "/api/webhook-endpoints/{id}/rotate-secret", "Give a webhook another secret", rotate)
        .secret()
        .problems(&[404, 409]);
    own.act("ping", "/api/webhook-endpoints/{id}/ping", "Send a message to try a webhook out", ping)
        .problems(&[404, 409]);
    own.act("enable", "/api/webhook-endpoints/{id}/enable", "Enable a webhook", enable)
        .needs("webhooks:endpoint:update")
        .problems(&[404]);
    own.post("replay", "/api/webhook-endpoints/{id}/replay", "Send the messages of a time again", replay)
        .problems(&[404, 409]);
}

/// A receiver that the caller reaches with an action.
async fn reached(cx: &Cx, action: &str) -> Result<Model<Endpoint>> {
    let id = cx.id("id")?;
    require_record(cx, NAME, action, id).await?;
    cx.tx()?.get::<Entity>(id).await
}

async fn row(cx: &Cx, id: Id) -> Result<Row> {
    let row = cx.tx()?.get::<Entity>(id).await?;
    let (version, created_at, updated_at) = (row.version, row.created_at, row.updated_at);
    let (created_by, updated_by) = (row.created_by, row.updated_by);
    let mut views = Endpoint::views(cx, vec![row]).await?;
    let view = views.pop().ok_or_else(|| Error::internal("a webhook that cannot be shown"))?;
    let (created_at, updated_at) = (Timestamp(created_at), Timestamp(updated_at));
    Ok(Row { id, version, created_at, updated_at, created_by, updated_by, view })
}

async fn create(cx: &Cx, input: Create) -> Result<Created<dto::Told>> {
    let tx = cx.tx()?;
    if tx.count(tx.find::<Entity>()).await? >= MOST {
        let detail = format!("an organisation has at most {MOST} webhooks");
        return Err(Error::conflict("too_many_endpoints", detail));
    }
    let body = serde_json::to_value(&input).map_err(Error::internal)?;
    let (id, _) = create_record(cx, NAME, body).await?;
    let secret = Webhooks::of(&cx.app)?.add_secret(&cx.app, tx, id).await?;
    let told = dto::Told { endpoint: row(cx, id).await?, secret: secret.expose_secret().to_owned() };
    Ok(Created::at(PATH, id, told))
}

async fn rotate(cx: &Cx, input: Rotate) -> Result<Json<dto::Told>> {
    let (tx, found) = (cx.tx()?, reached(cx, "rotate").await?);
    let end = cx.now() + TimeDelta::hours(input.overlap_hours.into());
    if input.overlap_hours > 0 && service::signing(tx, cx.now(), &[found.id]).await?.len() >= SECRETS {
        let detail = format!("{SECRETS} secrets sign at present; wait, or end the old ones at once");
        return Err(Error::conflict("too_many_secrets", detail));
    }
    service::end_secrets(tx, found.id, end).await?;
    let secret = Webhooks::of(&cx.app)?.add_secret(&cx.app, tx, found.id).await?;
    let event = Event::new("webhooks:endpoint:rotate", NAME).target(found.id, found.name).change(
        "overlap_hours",
        json!(null),
        json!(input.overlap_hours),
    );
    audit::record(cx, event).await?;
    let secret = secret.expose_secret().to_owned();
    Ok(Json(dto::Told { endpoint: row(cx, found.id).await?, secret }))
}

async fn ping(cx: &Cx) -> Result<Accepted<Queued>> {
    let (app, tx, found) = (&cx.app, cx.tx()?, reached(cx, "ping").await?);
    if !found.enabled {
        return Err(disabled());
    }
    let data = json!({ "endpoint_id": found.id });
    let event = Told { id: app.new_id(), name: PING.name, at: cx.now(), data };
    tx.insert(publish::message(app, found.org_id, &event)).await?;
    let delivery = publish::delivery(app, &found, event.id, PING.name);
    let delivery_id: Id = *delivery.id.as_ref();
    tx.insert(delivery).await?;
    deliver::enqueue(app, tx, found.org_id, vec![Due::first(&found, delivery_id)]).await?;
    audit::record(cx, Event::new("webhooks:endpoint:ping", NAME).target(found.id, found.name)).await?;
    Ok(Accepted(Queued { delivery_id }))
}

async fn enable(cx: &Cx) -> Result<Json<Row>> {
    let found = reached(cx, "update").await?;
    if !found.enabled {
        patch_record(cx, NAME, found.id, json!({ "enabled": true })).await?;
    }
    Ok(Json(row(cx, found.id).await?))
}

async fn replay(cx: &Cx, input: Replay) -> Result<Accepted<Replaying>> {
    let (tx, found) = (cx.tx()?, reached(cx, "replay").await?);
    let (since, until) = (input.since.0, input.until.map_or_else(|| cx.now(), |until| until.0));
    let mut errors = unknown(Webhooks::of(&cx.app)?, &input.event_types);
    if since < cx.now() - KEPT {
        let message = format!("messages are kept for {} days", KEPT.num_days());
        errors.push(FieldError::new("since", "out_of_range", message));
    }
    if until <= since {
        errors.push(FieldError::new("until", "out_of_range", "must be after since"));
    }
    if !errors.is_empty() {
        return Err(Error::fields(errors));
    }
    if !found.enabled {
        return Err(disabled());
    }
    let asked = Replayed {
        endpoint: found.id,
        since: Timestamp(since),
        until: Timestamp(until),
        event_types: input.event_types,
        only_failed: input.only_failed,
    };
    let messages = replay::count(tx, &asked).await?;
    let job = NewJob::of(found.org_id, &asked)?
        .asked_by(Some(cx.actor()?.id), cx.origin.request_id.clone())
        .unique_by_key(format!("webhook-replay:{}", found.id));
    let enqueued = cx.app.service::<Engine>()?.enqueue(tx, job).await?;
    if !enqueued.fresh {
        let detail = "a replay of this webhook is still running; ask again when it has ended";
        return Err(Error::conflict("replay_running", detail));
    }
    let event = Event::new("webhooks:endpoint:replay", NAME)
        .target(found.id, found.name)
        .change("since", json!(null), json!(asked.since))
        .change("until", json!(null), json!(asked.until))
        .change("event_types", json!(null), json!(asked.event_types))
        .change("only_failed", json!(null), json!(asked.only_failed));
    audit::record(cx, event).await?;
    Ok(Accepted(Replaying { job_id: enqueued.id, messages }))
}
