//! What one sees of keys.

use std::collections::{BTreeMap, HashMap};

use base::{Error, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use idgen::{
    Key,
    store::entity::key::{Column, Entity},
};
use kernel::{Cx, Json};
use schemars::JsonSchema;
use sea_orm::{
    Condition, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};
use serde::Deserialize;

use super::{
    dto::{LOW_DAYS, Page, View, number},
    load,
    seen::{Bucket, CallerUse, Lines, Owner, Spans, Usage},
};
use crate::ids::{
    service::{Ids, reading},
    table::{containing, window},
};

/// Which keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// A part of the name.
    #[serde(default)]
    search: Option<String>,
    /// active, exhausted, quarantined, retired, or low: full soon.
    #[serde(default)]
    state: Option<String>,
    /// name, used, full_at or created_at; with `-` the other way round.
    #[serde(default)]
    sort: Option<String>,
    /// From 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    page: Option<u64>,
    /// 1 to 200.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    page_size: Option<u64>,
}

/// The share of a key that is used, as the database works it out.
fn used() -> SimpleExpr {
    Expr::col(Column::Ceiling).mul(1.0).div(Expr::col(Column::MaxValue))
}
/// Days that it lasts, NULL where that is not known.
fn lasts() -> SimpleExpr {
    let left = Expr::col(Column::MaxValue).sub(Expr::col(Column::Ceiling)).mul(1.0);
    left.div(Expr::cust("NULLIF(rate_per_day, 0)"))
}

fn in_state(state: &str) -> Result<Condition> {
    let stored = |word: &str| Expr::col(Column::State).eq(word);
    let full = || Expr::col(Column::Ceiling).gte(Expr::col(Column::MaxValue));
    let all = Condition::all;
    Ok(match state {
        "active" => all().add(stored("active")).add(full().not()),
        "exhausted" => all().add(stored("active")).add(full()),
        "quarantined" | "retired" => all().add(stored(state)),
        "low" => {
            let soon = Condition::any().add(used().gte(0.9)).add(lasts().lte(f64::from(LOW_DAYS)));
            all().add(stored("active")).add(soon)
        }
        _ => {
            let message = "active, exhausted, quarantined, retired or low";
            return Err(Error::field("state", "invalid_value", message));
        }
    })
}

pub(super) async fn list(cx: &Cx) -> Result<Json<Page>> {
    let query: ListQuery = cx.query()?;
    let (page, page_size) = window(query.page, query.page_size)?;
    let tx = reading(cx).await?;
    let mut select = tx.find::<Entity>();
    if let Some(text) = query.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        select = select.filter(Expr::col(Column::Name).like(containing(text)));
    }
    if let Some(state) = &query.state {
        select = select.filter(in_state(state)?);
    }
    let total = tx.count(select.clone()).await?;
    let sort = query.sort.as_deref().unwrap_or("name");
    let (sort, order) = match sort.strip_prefix('-') {
        Some(sort) => (sort, Order::Desc),
        None => (sort, Order::Asc),
    };
    select = match sort {
        "name" => select.order_by(Column::Name, order),
        "created_at" => select.order_by(Column::CreatedAt, order),
        "used" => select.order_by(used(), order),
        // Those that are never full come last either way.
        "full_at" => select
            .order_by(Expr::cust("CASE WHEN rate_per_day > 0 THEN 0 ELSE 1 END"), Order::Asc)
            .order_by(lasts(), order),
        _ => return Err(Error::field("sort", "invalid_value", "name, used, full_at or created_at")),
    };
    let select = select.order_by_asc(Column::Id).offset((page - 1) * page_size).limit(page_size);
    let rows = tx.all(select).await?;
    tx.commit().await?;
    let now = cx.now();
    let items = rows.into_iter().map(|row| Key::of(row).map(|key| View::of(key, now)));
    Ok(Json(Page { items: items.collect::<Result<_>>()?, total, page, page_size }))
}

pub(super) async fn read(cx: &Cx) -> Result<Json<View>> {
    Ok(Json(View::of(load(cx).await?, cx.now())))
}

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalQuery {
    /// Lines that begin at this id or above.
    #[serde(default)]
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    from: Option<String>,
    /// 1 to 500.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
}

pub(super) async fn journal(cx: &Cx) -> Result<Json<Lines>> {
    let query: JournalQuery = cx.query()?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        return Err(Error::field("limit", "range", "from 1 to 500"));
    }
    let from = query.from.as_deref().map_or(Ok(0), |text| number("from", text))?;
    let key = load(cx).await?;
    let (engine, limit) = (Ids::of(&cx.app)?.engine(), limit as usize);
    let mut asked = limit + 1;
    loop {
        let count = u32::try_from(asked).map_err(Error::internal)?;
        let mut lines = engine.lines(key.org, &key.name, from, count).await?;
        // Several lines may begin with one id: a page ends between ids, so that none is left out, and is
        // longer where one id has more lines than it holds.
        let start = |at: usize| lines.get(at).map(|line| line.range.start());
        let first = start(0);
        let cut = start(limit).filter(|cut| Some(*cut) > first);
        let cut = cut.or_else(|| (limit..lines.len()).filter_map(start).find(|next| Some(*next) > first));
        if cut.is_none() && lines.len() == asked {
            asked *= 10;
            continue;
        }
        lines.retain(|line| cut.is_none_or(|cut| line.range.start() < cut));
        let next = cut.map(|cut| cut.to_string());
        return Ok(Json(Lines { items: lines.into_iter().map(Into::into).collect(), next }));
    }
}

pub(super) async fn spans(cx: &Cx) -> Result<Json<Spans>> {
    let key = load(cx).await?;
    let spans = Ids::of(&cx.app)?.engine().unattributed(key.org, &key.name).await?;
    Ok(Json(Spans { items: spans.into_iter().map(Into::into).collect() }))
}

/// Which id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerQuery {
    /// The id.
    #[schemars(extend("pattern" = "^[0-9]{1,19}$"))]
    value: String,
}

pub(super) async fn owner(cx: &Cx) -> Result<Json<Owner>> {
    let query: OwnerQuery = cx.query()?;
    let id = number("value", &query.value)?;
    let key = load(cx).await?;
    let engine = Ids::of(&cx.app)?.engine();
    if let Some(line) = engine.owner(key.org, &key.name, id).await? {
        let state = line.kind.as_str().to_owned();
        let line = Some(line.into());
        return Ok(Json(Owner { state, line, span: None }));
    }
    let spans = engine.unattributed(key.org, &key.name).await?;
    let span = spans.into_iter().find(|span| span.range.contains(id));
    let state = match &span {
        Some(span) if span.is_held => "held",
        Some(_) => "unattributed",
        None if id <= key.origin => "before",
        None => "free",
    };
    Ok(Json(Owner { state: state.to_owned(), line: None, span: span.map(Into::into) }))
}

/// Over which time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// 1 to 720; up to 3 hours are shown by the minute, up to 72 by the hour, more by the day.
    #[serde(default)]
    #[schemars(range(min = 1, max = 720))]
    hours: Option<i64>,
}

/// How long a bucket is.
fn step(hours: i64) -> TimeDelta {
    match hours {
        ..=3 => TimeDelta::minutes(1),
        4..=72 => TimeDelta::hours(1),
        _ => TimeDelta::days(1),
    }
}

fn floor(at: DateTime<Utc>, step: TimeDelta) -> Result<DateTime<Utc>> {
    at.duration_trunc(step).map_err(Error::internal)
}

pub(super) async fn usage(cx: &Cx) -> Result<Json<Usage>> {
    let query: UsageQuery = cx.query()?;
    let hours = query.hours.unwrap_or(24);
    if !(1..=720).contains(&hours) {
        return Err(Error::field("hours", "range", "from 1 to 720"));
    }
    let key = load(cx).await?;
    let (now, step) = (cx.now(), step(hours));
    let begin = floor(now - TimeDelta::hours(hours), step)? + step;
    let uses = Ids::of(&cx.app)?.engine().usage(key.org, &key.name, begin).await?;
    let mut buckets: BTreeMap<DateTime<Utc>, (i128, i64)> = BTreeMap::new();
    let mut at = begin;
    while at <= now {
        buckets.insert(at, (0, 0));
        at += step;
    }
    let mut callers: HashMap<Option<String>, (i128, i64)> = HashMap::new();
    for one in uses {
        let sum = buckets.entry(floor(one.at, step)?).or_default();
        *sum = (sum.0 + i128::from(one.ids), sum.1 + one.calls);
        let sum = callers.entry(one.caller).or_default();
        *sum = (sum.0 + i128::from(one.ids), sum.1 + one.calls);
    }
    let mut callers: Vec<_> = callers.into_iter().collect();
    callers.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    callers.truncate(100);
    Ok(Json(Usage {
        buckets: buckets
            .into_iter()
            .map(|(at, (ids, calls))| Bucket { at: at.into(), ids: ids.to_string(), calls })
            .collect(),
        callers: callers
            .into_iter()
            .map(|(caller, (ids, calls))| CallerUse { caller, ids: ids.to_string(), calls })
            .collect(),
    }))
}
