//! The seals of the audit trails: which days are sealed, and whether a trail is as it was written.
//!
//! An organisation's at `/api/audit-seals`, the installation's at `/api/platform/audit/…`. May import: the
//! kernel's audit trail.

use base::{Error, Id, Result, Timestamp};
use kernel::{
    Api, Cx, Json,
    audit::{
        self, Event,
        days::{self, Day, Standing},
        seal::Trail,
        verify::{self, Report, Wish, a_day},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Tx};
use validator::Validate;

/// Days of one answer unless said otherwise, and at most.
const DAYS: (usize, usize) = (31, 400);

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("identity", "audit_seal");
    own.get("list", "/api/audit-seals", "The days of the sealed audit trail, newest first", list)
        .query::<Window>()
        .problems(&[422]);
    own.get("standing", "/api/audit-seals/status", "How far the audit trail is sealed", standing)
        .needs("identity:audit_seal:list");
    own.post("verify", "/api/audit-seals/verify", "Whether the audit trail is as it was written", verify)
        .detached()
        .problems(&[422])
        .example(json!({ "from": "2026-11-01" }));
    let mut platform = api.guarded("platform", "audit");
    platform
        .get(
            "seals",
            "/api/platform/audit/seals",
            "The days of the installation's sealed trail",
            platform_list,
        )
        .detached()
        .needs("platform:audit:list")
        .query::<Window>()
        .problems(&[422]);
    platform
        .post(
            "verify",
            "/api/platform/audit/verify",
            "Whether that trail is as it was written",
            platform_verify,
        )
        .detached()
        .problems(&[422])
        .example(json!({}));
}

/// Which days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Window {
    /// Days before this one, `2026-11-27`.
    before: Option<String>,
    /// How many days at most, 1 to 400; 31 unless said otherwise.
    limit: Option<usize>,
}

/// A day of a sealed trail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditSeal")]
struct DayView {
    /// `2026-11-27` (UTC).
    day: String,
    /// `open` while the day lasts and its chain grows, else `closed`.
    state: &'static str,
    /// Entries that were sealed.
    entries: u64,
    /// When the newest of them was sealed.
    sealed_at: Timestamp,
    /// The hash at the end of the day.
    hash: String,
    /// The hash at the end of the day before in the chain.
    previous_hash: Option<String>,
    /// Whether the entries were kept long enough and only the seal is left.
    pruned: bool,
}

/// Days of a sealed trail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditSeals")]
struct Days {
    /// Newest first.
    items: Vec<DayView>,
    /// `before` of the next ones; null at the end.
    next: Option<String>,
}

/// How far a trail is sealed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditSealStatus")]
struct StandingView {
    /// Entries in the chain since its beginning.
    sealed: u64,
    /// Entries that wait to be sealed, which takes ten seconds.
    unsealed: u64,
    /// When an entry was sealed last.
    last_sealed_at: Option<Timestamp>,
    /// The newest hash. Kept elsewhere, it shows later that the end of the trail was not taken away.
    head: Option<String>,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        Self {
            sealed: standing.sealed,
            unsealed: standing.unsealed,
            last_sealed_at: standing.sealed_at.map(Timestamp),
            head: standing.head,
        }
    }
}

/// What to verify.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AuditVerify")]
struct Range {
    /// The first day, `2026-11-27` (UTC), or what `next` said; the beginning unless said otherwise.
    from: Option<String>,
    /// The last day; the end unless said otherwise.
    to: Option<String>,
    /// A head that was noted down earlier: its link must still be there. Only to the end of the trail.
    #[validate(length(min = 64, max = 64))]
    expected: Option<String>,
}

async fn days(cx: &Cx, tx: &Tx, trail: Trail) -> Result<Days> {
    let window: Window = cx.query()?;
    let limit = window.limit.unwrap_or(DAYS.0);
    if !(1..=DAYS.1).contains(&limit) {
        return Err(Error::field("limit", "out_of_range", format!("must be between 1 and {}", DAYS.1)));
    }
    let before = window.before.map(|day| a_day("before", day)).transpose()?;
    // One more tells whether there are more.
    let mut found = days::days(tx, trail, before.as_deref(), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let today = cx.now().format("%Y-%m-%d").to_string();
    let next = if more { found.last().map(|day| day.day.clone()) } else { None };
    let view = |day: Day| DayView {
        state: if day.day >= today { "open" } else { "closed" },
        day: day.day,
        entries: day.entries,
        sealed_at: Timestamp(day.sealed_at),
        hash: day.hash,
        previous_hash: day.previous_hash,
        pruned: day.is_pruned,
    };
    Ok(Days { items: found.into_iter().map(view).collect(), next })
}

/// What is told of a look: also at what, since a part that is sound says nothing of the rest.
fn event(action: &str, (from, to): &(Option<String>, Option<String>), report: &Report) -> Event {
    Event {
        outcome: if report.sound { None } else { Some("failed") },
        ..Event::new(action, "identity.audit_seal")
            .change("from", json!(null), json!(from))
            .change("to", json!(null), json!(to))
            .change("next", json!(null), json!(report.next))
            .change("entries", json!(null), json!(report.entries))
            .change("breaks", json!(null), json!(report.breaks.len()))
            .change("head", json!(null), json!(report.head))
    }
}

/// `GET /api/audit-seals/`.
async fn list(cx: &Cx) -> Result<Json<Days>> {
    let tx = cx.tx()?;
    Ok(Json(days(cx, tx, Trail { org: Some(tx.require_org()?) }).await?))
}

/// `GET /api/audit-seals/status/`.
async fn standing(cx: &Cx) -> Result<Json<StandingView>> {
    let tx = cx.tx()?;
    Ok(Json(days::standing(tx, Trail { org: Some(tx.require_org()?) }, cx.now()).await?.into()))
}

/// `POST /api/audit-seals/verify/`: reads in units of work of its own, and tells the trail that it did.
async fn verify(cx: &Cx, range: Range) -> Result<Json<Report>> {
    // Nobody without an organisation has the permission of one.
    verified(cx, Some(cx.actor()?.org.ok_or_else(Error::missing)?), range, "identity:audit_seal:verify").await
}

async fn verified(cx: &Cx, org: Option<Id>, range: Range, action: &str) -> Result<Json<Report>> {
    let asked = (range.from.clone(), range.to.clone());
    let wish = Wish::of_caller(range.from, range.to, range.expected)?;
    let report = verify::verify_trail(&cx.app, Trail { org }, wish).await?;
    let event = event(action, &asked, &report);
    audit::record_now(&cx.app, org, audit::who(cx), &cx.origin, event).await?;
    Ok(Json(report))
}

/// `GET /api/platform/audit/seals/`.
async fn platform_list(cx: &Cx) -> Result<Json<Days>> {
    let tx = cx.app.system(Mode::Read).await?;
    let days = days(cx, &tx, Trail { org: None }).await?;
    tx.commit().await?;
    Ok(Json(days))
}

/// `POST /api/platform/audit/verify/`.
async fn platform_verify(cx: &Cx, range: Range) -> Result<Json<Report>> {
    verified(cx, None, range, "platform:audit:verify").await
}
