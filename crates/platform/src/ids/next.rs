//! `POST /api/ids/next`: ids of a key in the house's own form.

use base::Result;
use idgen::{KeyName, Request};
use kernel::{Api, Cx, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use super::{caller::Caller, generator, service::Ids};

/// Ids that one answer lists; of more it says the first and the last.
const LISTED: i64 = 10_000;

/// Routes.
pub fn mount(api: &mut Api) {
    api.guarded("ids", "key")
        .post("next", "/api/ids/next", "The next ids of a key", next)
        .needs("ids:key:allocate")
        .detached()
        .problems(&[404, 409, 503])
        .example(json!({ "key": "shop:orders:invoice:id", "count": 3 }));
    api.signed_in("ids").get("settings", "/api/ids/settings", "How ids are given here", settings);
}

/// What is asked for.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IdsNext")]
pub struct Next {
    /// The name of a key or of a generator.
    #[validate(length(min = 1, max = 500))]
    key: String,
    /// How many ids.
    #[validate(range(min = 1, max = 1_000_000))]
    #[serde(default = "one")]
    count: i64,
}

fn one() -> i64 {
    1
}

/// What is given. Ids are text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdsGiven")]
pub struct Given {
    /// The key.
    pub key: String,
    /// counter, snowflake, snowflake53, uuid7, ulid or number.
    pub kind: String,
    /// The ids; none where there are more than 10,000.
    pub ids: Vec<String>,
    /// The first of them, of a counter.
    pub start: Option<String>,
    /// The last of them, of a counter.
    pub end: Option<String>,
}

async fn next(cx: &Cx, input: Next) -> Result<Json<Given>> {
    let ids = Ids::of(&cx.app)?;
    let caller = Caller::of(cx)?;
    let name = KeyName::new(&input.key)?;
    let key = match ids.engine().attend(caller.org, &name).await {
        Err(error) if error.code() == "key_unknown" => {
            let Some(row) = generator::find(cx, &name).await? else { return Err(error) };
            let (kind, ids) = generator::make(cx, &row, input.count).await?;
            let kind = kind.as_str().to_owned();
            return Ok(Json(Given { key: row.name, kind, ids, start: None, end: None }));
        }
        outcome => outcome?,
    };
    ids.gate.pass(&key, Some(&caller.name), input.count, cx.now())?;
    let token = cx.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let request = Request {
        org: caller.org,
        key: name,
        count: input.count,
        caller: Some(caller.name),
        request_id: Some(cx.origin.request_id.clone()),
        token: token.map(str::to_owned),
        merge: false,
    };
    let range = ids.engine().allocate(&request).await?.range;
    let listed = usize::try_from(if input.count <= LISTED { input.count } else { 0 }).unwrap_or_default();
    Ok(Json(Given {
        key: key.name.to_string(),
        kind: "counter".to_owned(),
        ids: (range.start()..=range.end()).take(listed).map(|id| id.to_string()).collect(),
        start: Some(range.start().to_string()),
        end: Some(range.end().to_string()),
    }))
}

/// How ids are given.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdsSettings")]
pub struct View {
    /// none, or key: whether an API key is asked for on `POST /api/segment/allocate`.
    allocate_auth: String,
    /// Whether keys can count in Redis here.
    redis: bool,
    /// Where clients reach it.
    base_url: String,
}

async fn settings(cx: &Cx) -> Result<Json<View>> {
    let ids = Ids::of(&cx.app)?;
    Ok(Json(View {
        allocate_auth: ids.auth().as_str().to_owned(),
        redis: ids.engine().has_counter(),
        base_url: cx.app.settings().base_url.clone(),
    }))
}
