//! The calls of a program for those who keep it: `/api/member-clients/{id}/calls`.

use std::collections::BTreeMap;

use base::{Error, Id, Result, Timestamp};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use kernel::{Api, Cx, Json};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::KEPT;
use crate::entity::{
    call::{Column, Entity, Model},
    client, hour,
};

/// Rows of a page, at most and usually.
const PAGE: (u64, u64) = (200, 50);

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("members", "client");
    own.get("calls", "/api/member-clients/{id}/calls", "What a program called in the last week", list)
        .query::<Asked>()
        .problems(&[422]);
    own.get("call_stats", "/api/member-clients/{id}/calls/stats", "A program's calls by the hour", stats)
        .needs("members:client:calls");
}

/// Which calls.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberCallQuery")]
pub struct Asked {
    /// `2xx`, `3xx`, `4xx`, `5xx`, or one status such as `403`.
    status: Option<String>,
    /// Where the page before ended.
    before: Option<Id>,
    /// 1 to 200; 50 where it is absent.
    limit: Option<u64>,
}

/// One call of a program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberCall")]
pub struct View {
    id: Id,
    /// When it came in.
    at: Timestamp,
    method: String,
    /// The path's template.
    route: String,
    status: i32,
    /// Milliseconds to the answer.
    duration_ms: i64,
    /// From where.
    ip: Option<String>,
    request_id: String,
    /// The code of a refusal.
    reason: Option<String>,
}

impl From<Model> for View {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            at: Timestamp(row.at),
            method: row.method,
            route: row.route,
            status: row.status,
            duration_ms: row.duration_ms,
            ip: row.ip,
            request_id: row.request_id,
            reason: row.reason,
        }
    }
}

/// Calls of a program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberCallList")]
pub struct List {
    /// The newest first.
    items: Vec<View>,
    /// For the next page; null at the end.
    next_before: Option<Id>,
}

/// A status, or the class of several.
fn status_of(text: &str) -> Result<(Option<i32>, i32)> {
    let wrong = || Error::field("status", "invalid_format", "must be 2xx, 3xx, 4xx, 5xx or a status");
    if let Some(class) = text.strip_suffix("xx") {
        let class = class.parse().ok().filter(|class| (2..=5).contains(class) && text.len() == 3);
        return class.map(|class| (None, class)).ok_or_else(wrong);
    }
    let status: i32 = text.parse().map_err(|_| wrong())?;
    if (200..=599).contains(&status) { Ok((Some(status), status / 100)) } else { Err(wrong()) }
}

async fn list(cx: &Cx) -> Result<Json<List>> {
    let asked: Asked = cx.query()?;
    let limit = asked.limit.unwrap_or(PAGE.1);
    if !(1..=PAGE.0).contains(&limit) {
        return Err(Error::field("limit", "range", format!("from 1 to {}", PAGE.0)));
    }
    let tx = cx.tx()?;
    let program = tx.get::<client::Entity>(cx.id("id")?).await?;
    let mut select = tx.find::<Entity>().filter(Column::ClientId.eq(program.id));
    if let Some(status) = &asked.status {
        let (status, class) = status_of(status)?;
        select = select.filter(Column::Class.eq(class));
        if let Some(status) = status {
            select = select.filter(Column::Status.eq(status));
        }
    }
    if let Some(before) = asked.before {
        select = select.filter(Column::Id.lt(before));
    }
    // What is older waits to be deleted.
    select = select.filter(Column::Id.gte(base::id::floor(cx.now() - KEPT)));
    let rows = tx.all(select.order_by_desc(Column::Id).limit(limit)).await?;
    let is_full = rows.len() as u64 == limit;
    let next_before = rows.last().map(|row| row.id).filter(|_| is_full);
    Ok(Json(List { items: rows.into_iter().map(View::from).collect(), next_before }))
}

/// Numbers of calls.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "MemberCallCounts")]
pub struct Counts {
    /// Answered with 2xx or 3xx.
    ok: i64,
    /// With 4xx.
    refused: i64,
    /// With 5xx.
    failed: i64,
}

impl Counts {
    fn add(&mut self, class: i32, calls: i64) {
        match class {
            4 => self.refused += calls,
            5 => self.failed += calls,
            _ => self.ok += calls,
        }
    }
}

/// The calls of an hour.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberCallHour")]
pub struct InHour {
    /// Its beginning.
    hour: Timestamp,
    #[serde(flatten)]
    counts: Counts,
}

/// The calls of the last week.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberCallStats")]
pub struct Stats {
    /// The beginning of the first hour.
    from: Timestamp,
    /// Now.
    until: Timestamp,
    /// Hours with calls, the oldest first.
    hours: Vec<InHour>,
    /// All of them.
    total: Counts,
}

async fn stats(cx: &Cx) -> Result<Json<Stats>> {
    let (tx, now) = (cx.tx()?, cx.now());
    let from = (now - KEPT).duration_trunc(TimeDelta::hours(1)).map_err(Error::internal)?;
    let program = tx.get::<client::Entity>(cx.id("id")?).await?;
    let select = tx
        .find::<hour::Entity>()
        .filter(hour::Column::ClientId.eq(program.id))
        .filter(hour::Column::Hour.gte(from));
    let (mut hours, mut total): (BTreeMap<DateTime<Utc>, Counts>, Counts) = Default::default();
    for row in tx.all(select).await? {
        hours.entry(row.hour).or_default().add(row.class, row.calls);
        total.add(row.class, row.calls);
    }
    let hours = hours.into_iter().map(|(hour, counts)| InHour { hour: Timestamp(hour), counts }).collect();
    Ok(Json(Stats { from: Timestamp(from), until: Timestamp(now), hours, total }))
}
