//! How a receiver fares: since when it fails, when it is disabled, and what that means for what waits.

use std::sync::Arc;

use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
    port::{Notice, NoticeText, People, Postman},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, LockType, Query},
};
use serde_json::json;
use store::{Dialect, Tx};

use crate::{
    delivery::State,
    endpoint::{self, Reason},
    entity::endpoint::{ActiveModel, Column, Entity, Model},
};

/// For how long nothing but failures is borne.
const PATIENCE: TimeDelta = TimeDelta::days(5);
/// After how long without a failure what failed before is forgotten: longer than any wait for another try, so
/// that somebody to whom nothing was sent meanwhile is not taken for one that never answers.
const RECENT: TimeDelta = TimeDelta::hours(36);
/// How often a success is written down of a receiver that is well.
const NOTED: TimeDelta = TimeDelta::seconds(10);
/// What a receiver answers that wants nothing more (RFC 9110, 15.5.11).
const GONE: u16 = 410;

/// Notes that a receiver took a message.
pub(crate) async fn succeeded(tx: &Tx, now: DateTime<Utc>, id: Id) -> Result<()> {
    let values =
        ActiveModel { last_success_at: Set(Some(now)), failing_since: Set(None), ..Default::default() };
    let worth = Condition::any()
        .add(Column::FailingSince.is_not_null())
        .add(Column::LastSuccessAt.is_null())
        .add(Column::LastSuccessAt.lt(now - NOTED));
    tx.update_where(values, Condition::all().add(Column::Id.eq(id)).add(worth)).await.map(drop)
}

/// Keeps a receiver's record from changing until the transaction ends.
pub(crate) async fn lock(tx: &Tx, id: Id) -> Result<()> {
    let mut select = Query::select();
    select.column("id").from("webhook_endpoint").and_where(Expr::col("id").eq(id));
    if tx.dialect() != Dialect::Sqlite {
        select.lock(LockType::Update);
    }
    tx.query_one(&select).await.map(drop)
}

/// Notes that a receiver did not, and disables it when that has been so for too long.
pub(crate) async fn failed(app: &App, tx: &Tx, id: Id, status: Option<u16>) -> Result<()> {
    let now = app.now();
    let Some(row) = tx.lookup::<Entity>(id).await?.filter(|row| row.enabled) else { return Ok(()) };
    let is_recent = row.last_failure_at.is_some_and(|last| now - last <= RECENT);
    let since = row.failing_since.filter(|_| is_recent).unwrap_or(now);
    let values = ActiveModel {
        last_failure_at: Set(Some(now)),
        failing_since: Set(Some(since)),
        ..Default::default()
    };
    tx.update_where(values, Condition::all().add(Column::Id.eq(id))).await?;
    match status {
        Some(GONE) => disable(app, tx, &row, Reason::Gone).await,
        _ if now - since >= PATIENCE => disable(app, tx, &row, Reason::Failing).await,
        _ => Ok(()),
    }
}

/// Holds what waits for a receiver.
pub(crate) async fn hold(tx: &Tx, id: Id) -> Result<()> {
    let mut update = Query::update();
    update
        .table("webhook_delivery")
        .value("state", State::Held.as_str())
        .value("next_at", Expr::value(None::<DateTime<Utc>>))
        // Jobs that are under way for it do nothing more.
        .value("turn", Expr::col("turn").add(1))
        .and_where(Expr::col("endpoint_id").eq(id))
        .and_where(Expr::col("state").eq(State::Pending.as_str()));
    if let Some(org) = tx.org_filter()? {
        update.and_where(Expr::col("org_id").eq(org));
    }
    tx.execute(&update).await.map(drop)
}

/// Disables a receiver by itself, and tells whoever made it.
async fn disable(app: &App, tx: &Tx, row: &Model, reason: Reason) -> Result<()> {
    let now = app.now();
    let values = ActiveModel {
        enabled: Set(false),
        disabled_reason: Set(Some(reason.as_str().to_owned())),
        disabled_at: Set(Some(now)),
        version: Set(row.version + 1),
        updated_at: Set(now),
        ..Default::default()
    };
    let still = Condition::all().add(Column::Id.eq(row.id)).add(Column::Version.eq(row.version));
    if tx.update_where(values, still).await? == 0 {
        // Somebody is changing it; the next failure will do it.
        return Ok(());
    }
    hold(tx, row.id).await?;
    let event = Event::new("webhooks:endpoint:disable", endpoint::NAME)
        .target(row.id, row.name.clone())
        .change("enabled", json!(true), json!(false))
        .change("disabled_reason", json!(null), json!(reason.as_str()));
    audit::write(tx, now, Who::system(), &Origin::nowhere(), event).await?;
    // That nobody can be told is no reason to leave it enabled.
    tx.savepoint("notice").await?;
    if let Err(error) = tell(app, tx, row, reason).await {
        tracing::warn!(?error, endpoint = %row.id, "nobody could be told that a webhook was disabled");
        tx.back_to_savepoint("notice").await?;
    }
    Ok(())
}

async fn tell(app: &App, tx: &Tx, row: &Model, reason: Reason) -> Result<()> {
    let Some(maker) = row.created_by else { return Ok(()) };
    let people = app.service::<Arc<dyn People>>()?.find(tx, &[maker]).await?;
    let address = people.into_iter().find(|person| person.active).and_then(|person| person.email);
    let Some(address) = address else { return Ok(()) };
    let (zh, en) = match reason {
        Reason::Gone => {
            ("接收端回答 410，表示不再需要消息。", "The receiver answered 410: it wants no more messages.")
        }
        _ => ("连续 5 天全部投递失败。", "For five days nothing could be delivered."),
    };
    let notice = Notice {
        locale: None,
        zh: NoticeText {
            subject: format!("Webhook 已自动停用：{}", row.name),
            lines: vec![zh.to_owned(), "停用期间的消息保留 30 天；启用后可以重放。".to_owned()],
        },
        en: NoticeText {
            subject: format!("A webhook was disabled: {}", row.name),
            lines: vec![
                en.to_owned(),
                "Messages are kept for 30 days; once it is enabled again they can be replayed.".to_owned(),
            ],
        },
        link: Some(format!("{}/webhooks/endpoints", app.settings().base_url.trim_end_matches('/'))),
    };
    app.service::<Arc<dyn Postman>>()?.notify(app, tx, &address, notice).await
}
