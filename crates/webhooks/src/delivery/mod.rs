//! Deliveries: lists by the engine of resources, one with its tries, and doing it again.

pub mod dto;

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use kernel::{
    Accepted, Cx, Draft, Json, Meta, Model, Resource, Sample, Spec,
    audit::{self, Event},
    resource::{Endpoints, Never, require_record},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use store::Tx;

use self::dto::{Detail, Row, Try, View};
use crate::{
    deliver::{self, Due},
    endpoint::disabled,
    entity::{
        attempt,
        delivery::{ActiveModel, Column, Entity, Model as DeliveryRow},
        endpoint, message,
    },
};

/// A delivery.
pub struct Delivery;

/// The name under which the kernel knows deliveries.
const NAME: &str = "webhooks.delivery";
const ONE: &str = "/api/webhook-deliveries/{id}";

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its next try.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Every try is spent.
    Failed,
    /// The receiver is disabled.
    Held,
}

impl State {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

impl Resource for Delivery {
    type Entity = Entity;
    type Create = Never;
    type Patch = Never;
    type View = View;

    const META: Meta = Meta {
        module: "webhooks",
        name: "delivery",
        plural: "webhook-deliveries",
        zh: "Webhook 投递",
        en: "Webhook deliveries",
    };

    fn spec() -> Spec {
        use Column as C;
        Spec::of::<Entity>(C::EventType)
            .filter([C::EndpointId, C::EventType, C::State, C::LastStatus, C::CreatedAt, C::FinishedAt])
            .sort([C::CreatedAt, C::FinishedAt, C::NextAt])
            .order([(C::CreatedAt, true)])
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }
    fn create(_: &Never) -> Draft<Self> {
        Draft::<Self>::default()
    }
    fn patch(_: &Never, _: &mut Draft<Self>) {}

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<View>> {
        let tx = cx.tx()?;
        let ids = rows.iter().map(|row| row.endpoint_id);
        let known =
            tx.all(tx.find_with_trash::<endpoint::Entity>().filter(endpoint::Column::Id.is_in(ids))).await?;
        let name = |id| known.iter().find(|row| row.id == id).map(|row| row.name.clone());
        let view = |row: Model<Self>| View { endpoint_name: name(row.endpoint_id), ..row.into() };
        Ok(rows.into_iter().map(view).collect())
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list"]);
        let mut own = endpoints.mount();
        own.get("read", ONE, "A delivery with what was sent and each try", read).problems(&[404]);
        own.act("redeliver", "/api/webhook-deliveries/{id}/redeliver", "Deliver it again", redeliver)
            .problems(&[404, 409]);
    }
}

async fn row(cx: &Cx, row: DeliveryRow) -> Result<Row> {
    let (id, created_at) = (row.id, row.created_at.into());
    let mut views = Delivery::views(cx, vec![row]).await?;
    let view = views.pop().ok_or_else(|| Error::internal("a delivery that cannot be shown"))?;
    Ok(Row { id, created_at, view })
}

async fn read(cx: &Cx) -> Result<Json<Detail>> {
    let tx = cx.tx()?;
    let found = tx.get::<Entity>(cx.id("id")?).await?;
    let body = tx.lookup::<message::Entity>(found.message_id).await?.map(|message| message.body);
    let tries = tx
        .find::<attempt::Entity>()
        .filter(attempt::Column::DeliveryId.eq(found.id))
        .order_by_asc(attempt::Column::At)
        .order_by_asc(attempt::Column::Id);
    let tries = tx.all(tries).await?.into_iter().map(Try::from).collect();
    Ok(Json(Detail { row: row(cx, found).await?, body: body.unwrap_or_default(), tries }))
}

async fn redeliver(cx: &Cx) -> Result<Accepted<Row>> {
    let (tx, id) = (cx.tx()?, cx.id("id")?);
    require_record(cx, NAME, "redeliver", id).await?;
    let found = tx.get::<Entity>(id).await?;
    let receiver = tx.lookup::<endpoint::Entity>(found.endpoint_id).await?.ok_or_else(Error::missing)?;
    if !receiver.enabled {
        return Err(disabled());
    }
    if found.state == State::Pending.as_str() {
        return Err(Error::conflict("delivery_pending", "it waits for its next try already"));
    }
    let due = requeue(tx, cx.now(), &receiver, &found).await?;
    deliver::enqueue(&cx.app, tx, receiver.org_id, due.into_iter().collect()).await?;
    let event = Event::new("webhooks:delivery:redeliver", NAME).target(id, found.event_type.clone());
    audit::record(cx, event).await?;
    let now = tx.get::<Entity>(id).await?;
    Ok(Accepted(row(cx, now).await?))
}

/// Puts a delivery that is not pending in the queue anew, with all its tries; `None` when somebody else did.
pub(crate) async fn requeue(
    tx: &Tx,
    now: DateTime<Utc>,
    receiver: &endpoint::Model,
    row: &DeliveryRow,
) -> Result<Option<Due>> {
    let turn = row.turn + 1;
    let values = ActiveModel {
        state: Set(State::Pending.as_str().to_owned()),
        attempts: Set(0),
        turn: Set(turn),
        next_at: Set(Some(now)),
        finished_at: Set(None),
        ..Default::default()
    };
    let changed = tx.update_where(values, at(row.id, row.turn)).await?;
    Ok((changed > 0).then(|| Due { turn, ..Due::first(receiver, row.id) }))
}

/// A delivery, as long as it stands at that turn.
pub(crate) fn at(id: Id, turn: i64) -> Condition {
    Condition::all().add(Column::Id.eq(id)).add(Column::Turn.eq(turn))
}
