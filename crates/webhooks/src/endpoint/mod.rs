//! Receivers: records of the engine, with secrets apart from them.

mod act;
pub mod dto;

use base::{Error, FieldError, Id, Result};
use kernel::{
    Change, Cx, Draft, Meta, Model, Resource, Sample, Spec, access,
    resource::{Endpoints, apply},
};
use outbound::{GuardedClient, Purpose};
use sea_orm::{ActiveValue, ActiveValue::Set, ColumnTrait, Condition};
use serde_json::json;
use store::Tx;

use self::dto::{Create, Hint, Patch, View};
use crate::{
    entity::{
        attempt, delivery,
        endpoint::{ActiveModel, Column, Entity},
        secret,
    },
    health,
    service::{self, Webhooks},
};

/// A receiver.
pub struct Endpoint;

/// The name under which the kernel knows receivers.
pub(crate) const NAME: &str = "webhooks.endpoint";
/// The collection.
const PATH: &str = "/api/webhook-endpoints";

/// Why a receiver is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody wanted it.
    ByHand,
    /// For too long nothing could be delivered.
    Failing,
    /// It said that it wants nothing more.
    Gone,
}

impl Reason {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// 409: nothing is sent to a receiver that is disabled.
pub(crate) fn disabled() -> Error {
    Error::conflict("endpoint_disabled", "this webhook is disabled; enable it first")
}

impl Resource for Endpoint {
    type Entity = Entity;
    type Create = Create;
    type Patch = Patch;
    type View = View;

    const META: Meta = Meta {
        module: "webhooks",
        name: "endpoint",
        plural: "webhook-endpoints",
        zh: "Webhook 端点",
        en: "Webhooks",
    };

    fn spec() -> Spec {
        use Column as C;
        Spec::of::<Entity>(C::Name)
            .search([C::Name, C::Url, C::Description])
            .filter([
                C::Name,
                C::Url,
                C::Enabled,
                C::DisabledReason,
                C::CreatedAt,
                C::LastSuccessAt,
                C::LastFailureAt,
            ])
            .sort([C::Name, C::CreatedAt, C::LastSuccessAt, C::LastFailureAt])
            .order([(C::Name, false)])
            .unique([C::Name])
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }

    fn create(input: &Create) -> ActiveModel {
        ActiveModel {
            name: Set(input.name.clone()),
            url: Set(input.url.clone()),
            description: Set(input.description.clone()),
            event_types: Set(Some(json!(input.event_types))),
            enabled: Set(input.enabled),
            disabled_reason: Set(None),
            disabled_at: Set(None),
            failing_since: Set(None),
            last_success_at: Set(None),
            last_failure_at: Set(None),
            since_version: Set(0),
            ..Default::default()
        }
    }

    fn patch(input: &Patch, draft: &mut Draft<Self>) {
        apply(&input.name, &mut draft.name);
        apply(&input.url, &mut draft.url);
        input.description.apply(&mut draft.description);
        if let Some(names) = &input.event_types {
            draft.event_types = Set(Some(json!(names)));
        }
        apply(&input.enabled, &mut draft.enabled);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        check(cx, change)?;
        let (old, draft) = (change.old.as_ref(), &mut change.draft);
        match old {
            Some(old) => {
                // What a PUT leaves out is not up to it.
                draft.since_version = Set(old.since_version);
                draft.last_success_at = Set(old.last_success_at);
                draft.last_failure_at = Set(old.last_failure_at);
                draft.failing_since = Set(old.failing_since);
                draft.disabled_at = Set(old.disabled_at);
                draft.disabled_reason = Set(old.disabled_reason.clone());
                if matches!(&draft.url, Set(url) if *url != old.url) {
                    // How the place before fared says nothing of this one.
                    draft.failing_since = Set(None);
                }
            }
            None => draft.since_version = Set(access::head(cx.tx()?).await?),
        }
        let was_enabled = old.is_none_or(|old| old.enabled);
        let enabled = match draft.enabled {
            ActiveValue::Set(enabled) | ActiveValue::Unchanged(enabled) => enabled,
            ActiveValue::NotSet => was_enabled,
        };
        match (was_enabled, enabled) {
            (false, true) => {
                draft.disabled_reason = Set(None);
                draft.disabled_at = Set(None);
                draft.failing_since = Set(None);
            }
            (true, false) => {
                draft.disabled_reason = Set(Some(Reason::ByHand.as_str().to_owned()));
                draft.disabled_at = Set(Some(cx.now()));
            }
            _ => {}
        }
        Ok(())
    }

    async fn after_save(cx: &Cx, _: &Change<Self>, new: &Model<Self>) -> Result<()> {
        if !new.enabled {
            health::hold(cx.tx()?, new.id).await?;
        }
        forget(cx)
    }

    async fn before_delete(cx: &Cx, row: &Model<Self>, purge: bool) -> Result<()> {
        let tx = cx.tx()?;
        if purge {
            clear(tx, row.id).await?;
        } else {
            health::hold(tx, row.id).await?;
        }
        forget(cx)
    }

    async fn before_restore(cx: &Cx, _: &Model<Self>) -> Result<()> {
        forget(cx)
    }

    async fn views(cx: &Cx, rows: Vec<Model<Self>>) -> Result<Vec<View>> {
        let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
        let signing = service::signing(cx.tx()?, cx.now(), &ids).await?;
        let view = |row: Model<Self>| {
            let own = signing.iter().filter(|secret| secret.endpoint_id == row.id);
            let secrets = own.map(Hint::from).collect();
            View { secrets, ..row.into() }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list", "read", "update", "delete", "purge"]);
        act::mount(endpoints);
    }
}

/// Whether anybody listens may have changed.
fn forget(cx: &Cx) -> Result<()> {
    let (tx, app) = (cx.tx()?, cx.app.clone());
    let org = tx.require_org()?;
    let heard = Webhooks::of(&app)?.heard.clone();
    tx.after_commit(move || heard.invalidate(&org));
    Ok(())
}

fn check(cx: &Cx, change: &Change<Endpoint>) -> Result<()> {
    let mut errors = Vec::new();
    if let ActiveValue::Set(url) = &change.draft.url {
        // What only the name service knows is judged at each try.
        let policy = cx.app.service::<GuardedClient>()?.policy();
        if let Err(error) = policy.check_url(Purpose::Webhook, url) {
            errors.extend(error.field_errors().iter().cloned());
        }
    }
    if let ActiveValue::Set(list) = &change.draft.event_types {
        errors.extend(unknown(Webhooks::of(&cx.app)?, &dto::names(list.as_ref())));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::fields(errors)) }
}

/// What is wrong with a list of types.
fn unknown(webhooks: &Webhooks, names: &[String]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if !webhooks.knows(name) {
            let message = format!("there are no events of the type {name}");
            errors.push(FieldError::new(format!("event_types.{at}"), "unknown_value", message));
        }
    }
    errors
}

/// Deletes what belongs to a receiver; its messages may be others' as well and go with time.
async fn clear(tx: &Tx, id: Id) -> Result<()> {
    tx.delete_where::<secret::Entity>(Condition::all().add(secret::Column::EndpointId.eq(id))).await?;
    tx.delete_where::<attempt::Entity>(Condition::all().add(attempt::Column::EndpointId.eq(id))).await?;
    tx.delete_where::<delivery::Entity>(Condition::all().add(delivery::Column::EndpointId.eq(id))).await?;
    Ok(())
}
