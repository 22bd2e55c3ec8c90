//! `POST /api/segment/allocate`: a block of ids.

use std::{borrow::Cow, cell::Cell, time::Duration};

use base::{Error, Kind, Result};
use idgen::{Key, KeyName, MOST_IDS, Range, Request, State};
use kernel::{Api, Cx, api::AtHand};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mode;

use super::{
    Reply, body_schema,
    envelope::{Wide, business, success},
    fields::Fields,
    refuse,
};
use crate::ids::{
    caller::Caller,
    first_use::{self, Place},
    service::{AllocateAuth, Ids},
};

/// What somebody needs to have ids where not everybody may.
pub const PERMISSION: &str = "ids:key:allocate";

/// Calls with a bad key that one client address may make in a minute; good ones are not counted here.
const REFUSALS: u64 = 120;

pub fn mount(api: &mut Api) {
    let name = || json!({ "type": "string" });
    let count = json!({ "type": "integer", "minimum": 1, "maximum": MOST_IDS, "default": 10_000 });
    api.public("ids")
        .act("allocate", "/api/segment/allocate", "A block of ids for a table", allocate)
        .raw_body(body_schema(
            &["system_code", "db_name", "table_name", "field_name"],
            json!({
                "system_code": name(), "db_name": name(), "table_name": name(), "field_name": name(),
                "segment_count": count,
            }),
        ))
        .parameters(vec![json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "the same caller with the same key gets the same block",
            "schema": { "type": "string", "maxLength": 255 },
        })])
        .refuses_as(refuse)
        .quick(from_memory);
}

/// The body as nearly every client sends it.
#[derive(Deserialize)]
struct Usual<'a> {
    #[serde(borrow)]
    system_code: Cow<'a, str>,
    #[serde(borrow)]
    db_name: Cow<'a, str>,
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow)]
    field_name: Cow<'a, str>,
    #[serde(default = "ten_thousand")]
    segment_count: i64,
}

fn ten_thousand() -> i64 {
    10_000
}

/// Ids that this node has at hand, for a caller who shows nothing. Whatever is out of the ordinary is left to
/// [`allocate`], which also knows what to say of it.
fn from_memory(cx: &Cx) -> AtHand<'_, Reply> {
    match take(cx) {
        None => AtHand::No,
        Some((ids, taken)) if taken.waits => AtHand::Soon(Box::pin(async move {
            ids.engine().written_down().await?;
            given(taken.issued.range)
        })),
        Some((_, taken)) => AtHand::Now(given(taken.issued.range)),
    }
}

fn given(range: Range) -> Result<Reply> {
    let (start, end) = (range.start(), range.end());
    let msg = format!("Allocated segment: {start} to {end}");
    success(&msg, Block { start: Wide(start), end: Wide(end) })
}

fn take(cx: &Cx) -> Option<(&Ids, idgen::AtHand)> {
    let ids = Ids::of(&cx.app).ok()?;
    let is_plain = ["authorization", "x-api-key", "idempotency-key"];
    if ids.auth() != AllocateAuth::None || is_plain.iter().any(|name| cx.headers.contains_key(*name)) {
        return None;
    }
    let org = ids.known_home()?;
    let body: Usual<'_> = Fields::is_json(&cx.headers).then(|| serde_json::from_slice(cx.body()).ok())??;
    let parts = [&body.system_code, &body.db_name, &body.table_name, &body.field_name];
    let key = KeyName::of_column(parts.map(|part| part.as_ref())).ok()?;
    let request = Request {
        org,
        key,
        count: body.segment_count,
        caller: Some(Caller::anonymous(cx, org).name),
        request_id: None,
        token: None,
        merge: true,
    };
    let (now, passed) = (cx.now(), Cell::new(None));
    let pass = |key: &Key| {
        ids.gate.pass(key, None, request.count, now)?;
        passed.set(Some(key.id));
        Ok(())
    };
    let Some(taken) = ids.engine().allocate_at_hand(&request, pass) else {
        // The handler counts the call again.
        if let Some(key) = passed.get() {
            ids.gate.forget(key, request.count, now);
        }
        return None;
    };
    // A refusal is said in words by the handler, which is refused in the same way.
    Some((ids, taken.ok()?))
}

/// A block.
#[derive(Serialize)]
struct Block {
    start: Wide,
    end: Wide,
}

async fn allocate(cx: &Cx) -> Result<Reply> {
    let ids = Ids::of(&cx.app)?;
    let caller = match ids.auth() {
        AllocateAuth::None if !Caller::shows_key(cx) => {
            // Somebody who is signed in means his own organisation. Any other token is ignored, as the older
            // service did.
            let known = match cx.headers.contains_key(http::header::AUTHORIZATION) {
                true => Caller::known(cx, PERMISSION, Mode::Read).await,
                false => Err(Error::unauthenticated("unauthenticated", "sign in first")),
            };
            match known {
                Err(error) if error.kind() == Kind::Unauthenticated => {
                    Caller::anonymous(cx, ids.home(&cx.app).await?)
                }
                outcome => outcome?,
            }
        }
        // A key says in whose name, also where none is needed; then it must be good.
        _ => match Caller::known(cx, PERMISSION, Mode::Read).await {
            Err(error) if error.kind() == Kind::Unauthenticated => {
                let key = format!("ids:refused:{}", cx.origin.network());
                cx.app.limit(&key, REFUSALS, Duration::from_secs(60)).await?;
                return Err(error);
            }
            outcome => outcome?,
        },
    };
    let mut fields = match Fields::read(&cx.headers, cx.body()) {
        Ok(fields) => fields,
        Err(issues) => return Ok(Reply::Invalid(issues)),
    };
    let system = fields.text("system_code", 0, usize::MAX);
    let database = fields.text("db_name", 0, usize::MAX);
    let table = fields.text("table_name", 0, usize::MAX);
    let field = fields.text("field_name", 0, usize::MAX);
    let count = fields.integer("segment_count", 10_000, 1, MOST_IDS);
    if let Err(issues) = fields.end() {
        return Ok(Reply::Invalid(issues));
    }
    let token = token(cx)?;
    let place = Place { system: &system, database: &database, table: &table, field: &field };
    let name = match KeyName::of_column([&system, &database, &table, &field]) {
        Ok(name) => name,
        Err(error) => {
            return Ok(business(400, error.field_errors().first().map_or("", |one| one.message.as_str())));
        }
    };
    match issue(cx, ids, &caller, &name, (place, token), count).await {
        Ok(range) => given(range),
        Err(error) => explain(error, &name, place, count),
    }
}

async fn issue(
    cx: &Cx,
    ids: &Ids,
    caller: &Caller,
    name: &KeyName,
    (place, token): (Place<'_>, Option<String>),
    count: i64,
) -> Result<Range> {
    let key = match ids.engine().attend(caller.org, name).await {
        Ok(key) if key.state != State::Retired => key,
        Ok(_) => first_use::make(&cx.app, &cx.origin, caller.org, name, place).await?,
        Err(error) if error.code() == "key_unknown" => {
            first_use::make(&cx.app, &cx.origin, caller.org, name, place).await?
        }
        Err(error) => return Err(error),
    };
    if count > key.settings.most_ids {
        return Err(Error::invalid("count_above_limit", key.settings.most_ids.to_string()));
    }
    ids.gate.pass(&key, caller.limited_as(), count, cx.now())?;
    let request = Request {
        org: caller.org,
        key: name.clone(),
        count,
        caller: Some(caller.name.clone()),
        request_id: Some(cx.origin.request_id.clone()),
        token,
        merge: caller.is_anonymous,
    };
    let mut issued = ids.engine().allocate(&request).await;
    if issued.as_ref().is_err_and(|error| matches!(error.code(), "key_unknown" | "key_retired")) {
        // It was renamed or given up since this node last looked.
        first_use::make(&cx.app, &cx.origin, caller.org, name, place).await?;
        issued = ids.engine().allocate(&request).await;
    }
    Ok(issued?.range)
}

/// The caller's `Idempotency-Key`.
fn token(cx: &Cx) -> Result<Option<String>> {
    let Some(value) = cx.headers.get("idempotency-key") else { return Ok(None) };
    let visible = |text: &&str| {
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let text = value.to_str().ok().filter(visible);
    let text = text.ok_or_else(|| {
        Error::malformed("idempotency_key_invalid", "Idempotency-Key must be 1 to 255 visible characters")
    })?;
    Ok(Some(text.to_owned()))
}

/// What the older service says, or would say, of a failure; what is ours to answer for stays an error.
fn explain(error: Error, name: &KeyName, place: Place<'_>, count: i64) -> Result<Reply> {
    let Place { system, database, table, field } = place;
    Ok(match error.code() {
        "database_unknown" => business(
            404,
            &format!(
                "Database configuration not found for system_code: {system}, db_name: {database}. \
                 Please add database configuration first."
            ),
        ),
        "column_unknown" => business(
            404,
            &format!(
                "Table '{table}' or field '{field}' does not exist in database '{database}'. \
                 Please check your database schema."
            ),
        ),
        "column_marked" => business(
            404,
            &format!(
                "Table or field does not exist for key: {name}. Please check your database configuration."
            ),
        ),
        "first_use_busy" => business(
            503,
            &format!(
                "Failed to initialize segment cache for key: {name}. System is busy, please retry later."
            ),
        ),
        "not_integer" => business(400, &format!("Column '{field}' of table '{table}' is not an integer")),
        "count_above_limit" => {
            let most = error.detail().parse().unwrap_or(MOST_IDS);
            Reply::Invalid(Fields::above("segment_count", count, most))
        }
        "key_quarantined" => business(503, error.detail()),
        "target_denied" | "target_no_database" | "target_unreachable" | "target_failed" => {
            business(500, error.detail())
        }
        _ if error.kind() == Kind::Conflict => business(409, error.detail()),
        _ if error.kind() == Kind::Invalid => {
            // The address of its database is none, or one that the operator forbids.
            business(500, error.field_errors().first().map_or(error.detail(), |one| one.message.as_str()))
        }
        _ => return Err(error),
    })
}
