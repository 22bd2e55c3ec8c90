//! Further kinds of id, by name: they sort by time, or are random, or are numbers as people write them.

mod dto;

use std::str::FromStr;

use base::{Error, Id, Result, Timestamp};
use chrono::{DateTime, TimeDelta, Utc};
use idgen::{
    KeyName, Layout,
    number::{Pattern, Reset},
    store::entity::generator::{ActiveModel, Column, Entity, Model},
    ulid,
};
use kernel::{
    Api, Created, Cx, Json, NoContent,
    audit::{self, Event, Who},
};
use schemars::JsonSchema;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Tx;

use self::dto::{Create, Examples, Items, Kind, Patch, Preview, ResetWord, Settings, View};
use super::service::{Ids, org, reading, writing};

const NAME: &str = "ids.generator";
const PATH: &str = "/api/id-generators";
/// Numbers without gaps in one call: the answer must fit into what is kept for its Idempotency-Key.
const GAP_FREE: i64 = 200;
/// Years before a layout ends that somebody is to look.
const WARNING: TimeDelta = TimeDelta::days(5 * 365);

/// Routes.
pub fn mount(api: &mut Api) {
    let number = json!({
        "name": "invoice", "kind": "number",
        "settings": { "pattern": "INV-{yyyyMMdd}-{seq:4}", "reset": "day", "time_zone": "Asia/Shanghai" },
    });
    let mut own = api.guarded("ids", "generator");
    own.get("list", PATH, "Generators of ids", list).detached();
    own.post("create", PATH, "Make a generator", create).detached().problems(&[409]).example(number.clone());
    own.patch("update", "/api/id-generators/{id}", "Change a generator", update)
        .detached()
        .problems(&[409])
        .example(json!({ "name": "invoice-2027" }));
    own.delete("delete", "/api/id-generators/{id}", "Take a generator away", delete).detached();
    own.post("preview", "/api/id-generators/preview", "What a generator would make", preview)
        .needs_any(vec!["ids:generator:create".to_owned(), "ids:generator:update".to_owned()])
        .detached()
        .example(json!({ "kind": "number", "settings": { "pattern": "A-{seq:6}", "reset": "never" } }));
    api.signed_in("ids")
        .get("decode", "/api/ids/decode/{id}", "What an id says of itself", decode)
        .query::<DecodeQuery>()
        .detached()
        .problems(&[404]);
}

/// A generator, ready to work.
pub enum Generator {
    /// What sorts by time.
    Time(Layout, DateTime<Utc>),
    /// UUID version 7.
    Uuid7,
    /// ULID.
    Ulid,
    /// Formatted numbers, the first of a period, and whether they have no gaps.
    Number(Pattern, i64, bool),
}

fn usual_epoch() -> DateTime<Utc> {
    DateTime::from_timestamp(1_704_067_200, 0).unwrap_or_default()
}

impl Generator {
    /// From what is stored or sent.
    ///
    /// Errors: 422 on a setting, as `settings.<name>`.
    fn of(kind: Kind, settings: &Settings, now: DateTime<Utc>) -> Result<Self> {
        let has_number = settings.pattern.is_some()
            || settings.reset.is_some()
            || settings.time_zone.is_some()
            || settings.start.is_some()
            || settings.gap_free.is_some();
        if kind != Kind::Number && has_number {
            return Err(Error::field(
                "settings",
                "invalid_value",
                "pattern and its like are for numbers only",
            ));
        }
        let is_timed = matches!(kind, Kind::Snowflake | Kind::Snowflake53);
        if !is_timed && settings.epoch.is_some() {
            return Err(Error::field("settings.epoch", "invalid_value", "only snowflakes have an epoch"));
        }
        match kind {
            Kind::Snowflake | Kind::Snowflake53 => {
                let layout = if kind == Kind::Snowflake { Layout::Bits63 } else { Layout::Bits53 };
                let epoch = settings.epoch.map_or_else(usual_epoch, |at| at.0);
                if epoch > now || layout.ends(epoch) <= now {
                    let message = "must lie in the past, and less than 69 years back";
                    return Err(Error::field("settings.epoch", "range", message));
                }
                Ok(Self::Time(layout, epoch))
            }
            Kind::Uuid7 => Ok(Self::Uuid7),
            Kind::Ulid => Ok(Self::Ulid),
            Kind::Number => {
                let text = settings.pattern.as_deref().ok_or_else(|| {
                    Error::field("settings.pattern", "required", "say how numbers are written")
                })?;
                let zone = settings.time_zone.as_deref().unwrap_or("UTC");
                let zone = chrono_tz::Tz::from_str(zone).map_err(|_| {
                    Error::field("settings.time_zone", "unknown_time_zone", "must be an IANA name")
                })?;
                let reset = match settings.reset.unwrap_or_default() {
                    ResetWord::Never => Reset::Never,
                    ResetWord::Day => Reset::Day,
                    ResetWord::Month => Reset::Month,
                    ResetWord::Year => Reset::Year,
                };
                let pattern = Pattern::parse(text, reset, zone).map_err(|error| {
                    let message =
                        error.field_errors().first().map_or("", |one| one.message.as_str()).to_owned();
                    Error::field("settings.pattern", "invalid_value", message)
                })?;
                Ok(Self::Number(pattern, settings.start.unwrap_or(1), settings.gap_free.unwrap_or(false)))
            }
        }
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Time(layout, epoch) => Some(layout.ends(*epoch)),
            _ => None,
        }
    }

    fn examples(&self, now: DateTime<Utc>) -> Result<Vec<String>> {
        Ok(match self {
            Self::Time(layout, epoch) => {
                let (from, at) = (epoch.timestamp_millis(), now.timestamp_millis());
                let one = |sequence| layout.compose(from, at, 1, sequence).map(|id| id.to_string());
                (0..3).map(one).collect::<Result<_>>()?
            }
            Self::Uuid7 => (0..3).map(|_| base::id::new(now).to_string()).collect(),
            Self::Ulid => ulids(now, 3),
            Self::Number(pattern, start, _) => (0..3).map(|n| pattern.write(now, start + n)).collect(),
        })
    }
}

fn ulids(now: DateTime<Utc>, count: usize) -> Vec<String> {
    ulid::Ulids::at(now, base::random::bytes()).take(count).collect()
}

fn settings_of(row: &Model) -> Result<Settings> {
    let stored = row.settings.clone().unwrap_or_else(|| json!({}));
    serde_json::from_value(stored).map_err(Error::internal)
}

/// A stored generator, ready to work.
fn ready(row: &Model, now: DateTime<Utc>) -> Result<(Kind, Generator)> {
    let kind = Kind::parse(&row.kind).ok_or_else(|| Error::internal("a generator of an unknown kind"))?;
    Ok((kind, Generator::of(kind, &settings_of(row)?, now)?))
}

fn view(row: Model, now: DateTime<Utc>) -> Result<View> {
    let settings = settings_of(&row)?;
    // One whose time is over is shown as well.
    let ends = match Kind::parse(&row.kind) {
        Some(Kind::Snowflake) => Some(Layout::Bits63),
        Some(Kind::Snowflake53) => Some(Layout::Bits53),
        _ => None,
    };
    let ends = ends.map(|layout| layout.ends(settings.epoch.map_or_else(usual_epoch, |at| at.0)));
    Ok(View {
        id: row.id,
        name: row.name,
        kind: row.kind,
        settings,
        expires_at: ends.map(Into::into),
        expires_soon: ends.is_some_and(|ends| ends <= now + WARNING),
        version: row.version,
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    })
}

async fn list(cx: &Cx) -> Result<Json<Items>> {
    let tx = reading(cx).await?;
    let rows = tx.all(tx.find::<Entity>().order_by_asc(Column::Name)).await?;
    tx.commit().await?;
    let items = rows.into_iter().map(|row| view(row, cx.now()));
    Ok(Json(Items { items: items.collect::<Result<_>>()? }))
}

async fn record(cx: &Cx, tx: &Tx, action: &str, row: &Model, before: Value, after: Value) -> Result<()> {
    let actor = cx.actor()?;
    let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
    let mut event = Event::new(format!("ids:generator:{action}"), NAME).target(row.id, row.name.as_str());
    if before != after {
        event = event.change("settings", before, after);
    }
    audit::write(tx, cx.now(), who, &cx.origin, event).await
}

/// Refuses the name of a counter: `key` must mean one thing.
async fn check_name(cx: &Cx, name: &str) -> Result<KeyName> {
    let name = KeyName::new(name).map_err(|error| match error.field_errors().first() {
        Some(one) => Error::field("name", one.code.clone(), one.message.clone()),
        None => error,
    })?;
    match Ids::of(&cx.app)?.engine().key(org(cx)?, &name).await {
        Ok(_) => Err(taken()),
        Err(error) if error.code() == "key_unknown" => Ok(name),
        Err(error) => Err(error),
    }
}

fn taken() -> Error {
    Error::conflict("key_exists", "there is a key or a generator of that name already")
}

fn named(error: Error) -> Error {
    if error.code() == "conflict" { taken().with_source(error) } else { error }
}

async fn create(cx: &Cx, input: Create) -> Result<Created<View>> {
    Generator::of(input.kind, &input.settings, cx.now())?;
    let name = check_name(cx, &input.name).await?;
    let settings = serde_json::to_value(&input.settings).map_err(Error::internal)?;
    let row = Model {
        id: cx.app.new_id(),
        org_id: org(cx)?,
        name: name.to_string(),
        kind: input.kind.as_str().to_owned(),
        settings: Some(settings.clone()),
        version: 1,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let work = cx.begin(writing(cx)?).await?;
    work.insert(row.clone().into_active_model().reset_all()).await.map_err(named)?;
    record(cx, &work, "create", &row, Value::Null, settings).await?;
    cx.finish(work);
    Ok(Created::at(PATH, row.id, view(row, cx.now())?))
}

async fn update(cx: &Cx, input: Patch) -> Result<Json<View>> {
    let id = cx.id("id")?;
    let tx = reading(cx).await?;
    let before = tx.get::<Entity>(id).await?;
    tx.commit().await?;
    let name = match input.name {
        Some(name) if name.to_lowercase() != before.name => check_name(cx, &name).await?.to_string(),
        _ => before.name.clone(),
    };
    let settings = match input.settings {
        Some(settings) => settings,
        None => settings_of(&before)?,
    };
    let kind = Kind::parse(&before.kind).ok_or_else(|| Error::internal("a generator of an unknown kind"))?;
    Generator::of(kind, &settings, cx.now())?;
    if matches!(kind, Kind::Snowflake | Kind::Snowflake53)
        && epoch_of(&settings) != epoch_of(&settings_of(&before)?)
    {
        let message = "ids of two epochs may be the same; make another generator";
        return Err(Error::field("settings.epoch", "fixed", message));
    }
    if kind == Kind::Number && settings.reset != settings_of(&before)?.reset {
        let message = "counting would begin anew and repeat numbers; make another generator";
        return Err(Error::field("settings.reset", "fixed", message));
    }
    let after = Model {
        name,
        settings: Some(serde_json::to_value(&settings).map_err(Error::internal)?),
        version: before.version + 1,
        updated_at: cx.now(),
        ..before.clone()
    };
    let work = cx.begin(writing(cx)?).await?;
    let values = ActiveModel {
        name: Set(after.name.clone()),
        settings: Set(after.settings.clone()),
        version: Set(after.version),
        updated_at: Set(after.updated_at),
        ..Default::default()
    };
    let this = Condition::all().add(Column::Id.eq(id)).add(Column::Version.eq(before.version));
    if work.update_where(values, this).await.map_err(named)? == 0 {
        return Err(Error::new(base::Kind::Precondition, "version_mismatch", "it was changed meanwhile"));
    }
    record(cx, &work, "update", &after, json!(before.settings), json!(after.settings)).await?;
    cx.finish(work);
    view(after, cx.now()).map(Json)
}

fn epoch_of(settings: &Settings) -> DateTime<Utc> {
    settings.epoch.map_or_else(usual_epoch, |at| at.0)
}

async fn delete(cx: &Cx) -> Result<NoContent> {
    let work = cx.begin(writing(cx)?).await?;
    let row = work.get::<Entity>(cx.id("id")?).await?;
    work.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
    record(cx, &work, "delete", &row, Value::Null, Value::Null).await?;
    cx.finish(work);
    Ok(NoContent)
}

async fn preview(cx: &Cx, input: Preview) -> Result<Json<Examples>> {
    let generator = Generator::of(input.kind, &input.settings, cx.now())?;
    Ok(Json(Examples {
        examples: generator.examples(cx.now())?,
        expires_at: generator.expires_at().map(Into::into),
    }))
}

/// The generator of a name.
pub async fn find(cx: &Cx, name: &KeyName) -> Result<Option<Model>> {
    let tx = reading(cx).await?;
    let row = tx.one(tx.find::<Entity>().filter(Column::Name.eq(name.as_str()))).await?;
    tx.commit().await?;
    Ok(row)
}

/// The next ids of a generator: its kind, and the ids.
///
/// Errors: 422 `validation_failed` (`count`) above 10,000; those of the engine.
pub async fn make(cx: &Cx, row: &Model, count: i64) -> Result<(Kind, Vec<String>)> {
    if count > 10_000 {
        return Err(Error::field("count", "range", "a generator makes at most 10000 ids in one call"));
    }
    let ids = Ids::of(&cx.app)?;
    let (kind, generator) = ready(row, cx.now())?;
    let made = match generator {
        Generator::Time(layout, epoch) => {
            let made = ids.engine().snowflakes(row.id, layout, epoch, count).await?;
            made.into_iter().map(|id| id.to_string()).collect()
        }
        Generator::Uuid7 => (0..count).map(|_| base::id::new(cx.now()).to_string()).collect(),
        Generator::Ulid => ulids(cx.now(), usize::try_from(count).unwrap_or_default()),
        Generator::Number(pattern, start, gap_free) => {
            // Committed with the answer either way; without gaps the caller's key must come along, or an
            // answer that is lost would lose its numbers.
            if gap_free && !cx.headers.contains_key("idempotency-key") {
                let detail = "numbers without gaps need an Idempotency-Key, so that a lost answer loses none";
                return Err(Error::invalid("idempotency_key_required", detail));
            }
            if gap_free && count > GAP_FREE {
                let message = format!("at most {GAP_FREE} numbers without gaps in one call");
                return Err(Error::field("count", "range", message));
            }
            let work = cx.begin(writing(cx)?).await?;
            let engine = ids.engine();
            let numbers = engine.numbers_within(&work, (row.org_id, row.id), &pattern, start, count).await?;
            cx.finish(work);
            numbers
        }
    };
    Ok((kind, made))
}

/// Whose id it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecodeQuery {
    /// The generator that made it; needed for ids of digits and for numbers.
    #[serde(default)]
    key: Option<String>,
}

/// What an id says.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "IdDecoded")]
pub struct Decoded {
    /// snowflake, snowflake53, uuid7, ulid or number.
    kind: String,
    /// When it was made.
    at: Option<Timestamp>,
    /// The day, month or year that a number counts in: its first day.
    date: Option<String>,
    /// By which node number.
    worker: Option<i64>,
    /// As which of its millisecond or period; text, as it may be long.
    sequence: Option<String>,
}

async fn decode(cx: &Cx) -> Result<Json<Decoded>> {
    let query: DecodeQuery = cx.query()?;
    let text = cx.text("id")?;
    let unreadable = || Error::field("id", "invalid_value", "is no id that this service makes");
    if let Some(key) = &query.key {
        let name = KeyName::new(key)?;
        let row = find(cx, &name).await?;
        let row =
            row.ok_or_else(|| Error::not_found("key_unknown", format!("there is no generator {name}")))?;
        return by_generator(&row, text, cx.now())?.ok_or_else(unreadable).map(Json);
    }
    if let Some(at) = text.parse::<Id>().ok().filter(|id| id.get_version_num() == 7).and_then(instant_of) {
        return Ok(Json(Decoded { kind: "uuid7".to_owned(), at: Some(at.into()), ..Decoded::default() }));
    }
    if let Some(at) = ulid::instant(text) {
        return Ok(Json(Decoded { kind: "ulid".to_owned(), at: Some(at.into()), ..Decoded::default() }));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && org(cx).is_ok() {
        return Err(Error::field("key", "required", "name the generator that made this id"));
    }
    Err(unreadable())
}

fn instant_of(id: Id) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn by_generator(row: &Model, text: &str, now: DateTime<Utc>) -> Result<Option<Decoded>> {
    let (kind, generator) = ready(row, now)?;
    let kind = kind.as_str().to_owned();
    Ok(match generator {
        Generator::Time(layout, epoch) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let id = if digits { text.parse().ok() } else { None };
            id.and_then(|id| layout.parts(epoch, id)).map(|parts| Decoded {
                kind,
                at: Some(parts.at.into()),
                worker: Some(parts.worker),
                sequence: Some(parts.sequence.to_string()),
                date: None,
            })
        }
        Generator::Uuid7 => {
            let at = text.parse().ok().and_then(instant_of);
            at.map(|at| Decoded { kind, at: Some(at.into()), ..Decoded::default() })
        }
        Generator::Ulid => {
            ulid::instant(text).map(|at| Decoded { kind, at: Some(at.into()), ..Decoded::default() })
        }
        Generator::Number(pattern, ..) => pattern.read(text).map(|(date, sequence)| Decoded {
            kind,
            date: date.map(|date| date.to_string()),
            sequence: Some(sequence.to_string()),
            ..Decoded::default()
        }),
    })
}
