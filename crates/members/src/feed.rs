//! What has changed: `/internal/permissions/changes`, in the order in which it was committed.
//!
//! A consumer takes a cursor before it reads its first snapshots, and from then on asks for what came after.
//! A cursor is sealed, so that nobody makes one up; one from before a restored backup is refused.

use std::time::Duration;

use base::{Error, Id, Result, Timestamp, secret::ExposeSecret};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kernel::{
    Api, App, Cx, Json,
    access::{self, Event},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use crate::{
    caller,
    problem::refuse,
    service::{Members, reading},
    subject,
};

/// Items of one answer.
const MOST: u64 = 1_000;
/// Seconds that an answer may be waited for.
const WAIT: u64 = 25;
/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of the seal.
const SEAL: usize = 16;

/// Routes.
pub fn mount(api: &mut Api) {
    api.public("members")
        .get("changes", "/internal/permissions/changes", "What has changed since", changes)
        .query::<Since>()
        .problems(&[401, 410, 422, 429])
        .refuses_as(refuse);
}

/// Since when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChangesSince")]
pub struct Since {
    /// The cursor of the answer before; absent: only the newest cursor.
    since: Option<String>,
    /// 1 to 1,000.
    limit: Option<u64>,
    /// For how many seconds to wait for a change, 0 to 25.
    wait: Option<u64>,
}

/// One change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionChange")]
pub struct Item {
    /// The version that it made; several changes may have one.
    seq: i64,
    /// Whom it is about; null where it may be anybody.
    authentik_sub: Option<String>,
    /// The version of what that member may do.
    version: i64,
    /// `grant`, `revoke`, `expire`, `user_disabled`, `user_enabled`, `user_deleted`, `user_changed`, or
    /// `role_changed`, which may concern everybody.
    op: &'static str,
    /// What was given or taken.
    permission: Option<Value>,
    /// When.
    at: Timestamp,
    /// In which request.
    request_id: Option<String>,
}

/// What has changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionChanges")]
pub struct Changes {
    /// The oldest first.
    items: Vec<Item>,
    /// Where to go on.
    next_cursor: String,
    /// Whether there is more already.
    has_more: bool,
}

fn seal(app: &App, org: Id, place: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(app.settings().digest_key.expose_secret().as_bytes());
    digest.update(b"members.feed");
    digest.update(org.as_bytes());
    digest.update(place);
    digest.finalize().into()
}

fn cursor(app: &App, org: Id, (version, id): (i64, Id)) -> String {
    let mut bytes = Vec::with_capacity(24 + SEAL);
    bytes.extend(version.to_be_bytes());
    bytes.extend(id.as_bytes());
    let seal = seal(app, org, &bytes);
    bytes.extend(&seal[..SEAL]);
    BASE64.encode(bytes)
}

fn place(app: &App, org: Id, cursor: &str) -> Result<(i64, Id)> {
    let wrong = || Error::field("since", "invalid_cursor", "this is no cursor of this feed");
    let bytes = BASE64.decode(cursor).map_err(|_| wrong())?;
    let (place, shown) = bytes.split_at_checked(24).ok_or_else(wrong)?;
    if !base::secret::same(&seal(app, org, place)[..SEAL], shown) {
        return Err(wrong());
    }
    let (version, id) = place.split_at(8);
    let version = i64::from_be_bytes(version.try_into().map_err(|_| wrong())?);
    Ok((version, Id::from_slice(id).map_err(|_| wrong())?))
}

/// What a kind of event of the access trail is called in the feed.
pub fn op(kind: &str) -> &'static str {
    match kind {
        "granted" => "grant",
        "revoked" => "revoke",
        "expired" => "expire",
        "user_disabled" => "user_disabled",
        "user_enabled" => "user_enabled",
        "membership_removed" => "user_deleted",
        "membership_added"
        | "membership_changed"
        | "membership_restored"
        | "grants_changed"
        | "profile_changed"
        | "user_changed" => "user_changed",
        _ => "role_changed",
    }
}

async fn changes(cx: &Cx) -> Result<Json<Changes>> {
    let caller = caller::internal(cx).await?;
    let query: Since = cx.query()?;
    let (limit, wait) = (query.limit.unwrap_or(MOST), query.wait.unwrap_or(0));
    if !(1..=MOST).contains(&limit) {
        return Err(Error::field("limit", "range", format!("from 1 to {MOST}")));
    }
    if wait > WAIT {
        return Err(Error::field("wait", "range", format!("from 0 to {WAIT}")));
    }
    let members = Members::of(&cx.app)?;
    let mut newest = members.heads.newest(&cx.app).await?;
    let Some(since) = &query.since else {
        let next_cursor = cursor(&cx.app, caller.org, (newest, Id::max()));
        return Ok(Json(Changes { items: Vec::new(), next_cursor, has_more: false }));
    };
    let from = place(&cx.app, caller.org, since)?;
    if from.0 > newest {
        let detail = "this cursor is from another time of this database; begin anew with a full reading";
        return Err(Error::gone("cursor_expired", detail));
    }
    let tx = reading(&cx.app, caller.org).await?;
    let is_forgotten = access::is_forgotten(&tx, cx.now(), from).await;
    tx.commit().await?;
    if is_forgotten? {
        let detail = "this cursor is older than what is kept; begin anew with a full reading";
        return Err(Error::gone("cursor_expired", detail));
    }
    let until = Instant::now() + Duration::from_secs(wait);
    loop {
        let tx = reading(&cx.app, caller.org).await?;
        let events = access::events(&tx, from, limit).await?;
        let users: Vec<Id> = events.iter().filter_map(|event| event.subject).collect();
        let names = subject::names(&tx, caller.issuer, &users).await?;
        tx.commit().await?;
        if !events.is_empty() || Instant::now() >= until {
            let last = events.last().map_or(from, |event| (event.version, event.id));
            let has_more = events.len() as u64 == limit;
            let items = events.into_iter().map(|event| item(event, &names)).collect();
            return Ok(Json(Changes { items, next_cursor: cursor(&cx.app, caller.org, last), has_more }));
        }
        // Whoever waits costs one look at the head, which all who wait share.
        let seen = newest;
        while newest == seen && Instant::now() < until {
            sleep(LOOK).await;
            newest = members.heads.recent(&cx.app).await?;
        }
    }
}

fn item(event: Event, names: &[(Id, String)]) -> Item {
    let op = op(&event.kind);
    let sub = event.subject.filter(|_| op != "role_changed");
    let sub = sub.and_then(|user| names.iter().find(|(known, _)| *known == user)).map(|(_, sub)| sub.clone());
    let text = |name: &str| event.detail.as_ref().and_then(|detail| detail.get(name)).cloned();
    Item {
        seq: event.version,
        authentik_sub: sub,
        version: event.version,
        op,
        permission: text("permission"),
        at: Timestamp(event.at),
        request_id: text("request_id").and_then(|id| id.as_str().map(str::to_owned)),
    }
}
