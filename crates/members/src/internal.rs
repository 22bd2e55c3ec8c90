//! What sister systems ask and tell: `/internal/…`, with the shared secret.

use std::collections::BTreeMap;

use base::{Error, Id, Result, Timestamp};
use chrono::TimeDelta;
use http::StatusCode;
use kernel::{
    Api, App, Cx, Json,
    access::Tuple,
    audit::{self, Event},
    port::{MemberCount, Newcomer, ProfileChange},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Tx;
use validator::Validate;

use crate::{
    caller::{self, Caller},
    conditional::{conditional, known_to, not_modified, unchanged},
    fields::{UserView, body, check_sub, check_tuple, input, present},
    meter,
    problem::{Answered, refuse},
    service::{Members, people, writing},
    snapshot::{self, Because, Permission, Snapshot},
    subject,
};

/// Members of one question.
const MOST: usize = 200;
/// Checks of one question.
const CHECKS: usize = 100;
/// Bytes of a body of several.
const LARGE: usize = 1024 * 1024;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.act("upsert", "/internal/users/upsert-by-sub", "Tell of a user", upsert)
        .raw_body(body::<Upsert>())
        .problems(&[401, 409, 415, 422, 429])
        .refuses_as(refuse);
    own.get("snapshot", "/internal/permissions/{authentik_sub}/snapshot", "What a member may do", one)
        .quick(unchanged)
        .query::<Filter>()
        .problems(&[401, 404, 410, 422, 429])
        .refuses_as(refuse);
    own.act("snapshots", "/internal/permissions/snapshots", "What several members may do", several)
        .raw_body(body::<Subs>())
        .body_limit(LARGE)
        .problems(&[401, 415, 422, 429])
        .refuses_as(refuse);
    own.act("check", "/internal/permissions/check", "Whether members may do something", check)
        .raw_body(body::<Check>())
        .problems(&[401, 415, 422, 429])
        .refuses_as(refuse);
}

/// What a sister system knows of a user.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberUpsert")]
pub struct Upsert {
    /// What his issuer calls him.
    authentik_sub: String,
    /// E-mail address; null clears it, absent leaves it.
    #[serde(default, deserialize_with = "present")]
    email: Option<Option<String>>,
    /// Name to show; null clears it, absent leaves it.
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 120))]
    display_name: Option<Option<String>>,
    /// Whether he may work; absent leaves it.
    is_active: Option<bool>,
    /// When this was seen; what is older than what is known changes nothing.
    observed_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// A user and what became of him.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberUpserted")]
pub struct Upserted {
    #[serde(flatten)]
    user: UserView,
    /// Whether he was new.
    created: bool,
    /// What was changed: `display_name`, `email`, `is_active`.
    changed: Vec<&'static str>,
}

/// A user as this wire shows him.
pub(crate) async fn shown(app: &App, tx: &Tx, issuer: Id, user: Id) -> Result<UserView> {
    let person = people(app)?.find(tx, &[user]).await?.pop().ok_or_else(subject::unknown)?;
    let (_, sub) = subject::names(tx, issuer, &[user]).await?.pop().ok_or_else(subject::unknown)?;
    let seen = subject::find(tx, issuer, &sub).await?.and_then(|row| row.last_seen_at);
    Ok(UserView {
        id: user,
        org_id: tx.require_org()?,
        authentik_sub: sub,
        email: person.email,
        email_verified: person.email_verified,
        display_name: person.name,
        is_active: person.active,
        permissions_version: snapshot::version(app, tx, tx.require_org()?, user).await?,
        created_at: Timestamp(person.created_at),
        updated_at: Timestamp(person.updated_at),
        last_seen_at: seen.map(Timestamp),
    })
}

/// The user of a name, made if there is none; whether he was. Only a caller of the organisation's own may call
/// somebody by his id (`by_id`); a token of another issuer would speak for anybody then.
pub(crate) async fn known_or_new(
    app: &App,
    tx: &Tx,
    (issuer, by_id): (Id, bool),
    sub: &str,
    new: impl FnOnce() -> Newcomer,
) -> Result<(Id, bool)> {
    let known = match by_id {
        true => subject::resolve(tx, issuer, sub).await?,
        false => subject::find(tx, issuer, sub).await?.map(|row| row.user_id),
    };
    if let Some(user) = known
        && people(app)?.find(tx, &[user]).await?.iter().any(|person| !person.removed)
    {
        return Ok((user, false));
    }
    if let Some(row) = subject::find(tx, issuer, sub).await? {
        let gone =
            format!("the member {} was removed; a member of the organisation brings him back", row.sub);
        return Err(Error::conflict("user_removed", gone));
    }
    // Whoever has no name is called by his id, so nobody else may be called so.
    if let Ok(id) = sub.parse::<Id>()
        && people(app)?.is_account(tx, id).await?
    {
        return Err(Error::conflict("sub_taken", "this sub is the id of a user of this server"));
    }
    let user = people(app)?.enrol(app, tx, new()).await?;
    subject::add(app, tx, issuer, sub, user).await?;
    Ok((user, true))
}

async fn tell(cx: &Cx, tx: &Tx, caller: &Caller, wish: &Upsert) -> Result<Upserted> {
    let new = || Newcomer {
        username: wish.email.clone().flatten().unwrap_or_else(|| wish.authentik_sub.clone()),
        name: wish.display_name.clone().flatten().unwrap_or_default(),
        email: wish.email.clone().flatten(),
    };
    let (user, created) = known_or_new(&cx.app, tx, (caller.issuer, true), &wish.authentik_sub, new).await?;
    let row = subject::find(tx, caller.issuer, &wish.authentik_sub).await?;
    let known = row.as_ref().and_then(|row| row.observed_at);
    let is_late = known.zip(wish.observed_at).is_some_and(|(known, seen)| seen < known);
    let mut change = ProfileChange { active: wish.is_active, ..ProfileChange::default() };
    if !created {
        (change.name, change.email) = (wish.display_name.clone(), wish.email.clone());
    }
    let changed =
        if is_late { Vec::new() } else { people(&cx.app)?.change(&cx.app, tx, user, change).await? };
    if let (Some(row), Some(seen), false) = (row, wish.observed_at, is_late) {
        subject::observed(tx, row.id, seen).await?;
    }
    let view = shown(&cx.app, tx, caller.issuer, user).await?;
    if created || !changed.is_empty() {
        let event = Event::new("members:user:upsert", "identity.user")
            .target(user, view.display_name.clone())
            .change("changed", Value::Null, json!(changed));
        audit::write(tx, cx.now(), caller.who(), &cx.origin, event).await?;
    }
    Ok(Upserted { user: view, created, changed })
}

async fn upsert(cx: &Cx) -> Result<Answered<Upserted>> {
    let caller = caller::internal(cx).await?;
    let wish: Upsert = input(cx)?;
    check_sub("authentik_sub", &wish.authentik_sub)?;
    let done = writing!(cx, caller.org, tx => tell(cx, &tx, &caller, &wish).await);
    let status = if done.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answered { status, body: Some(done) })
}

/// What part of a snapshot is asked for; each may come several times.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "SnapshotFilter")]
pub struct Filter {
    /// Only this type of scope.
    #[expect(dead_code, reason = "for the document; what may come several times is read from the pairs")]
    scope_type: Option<String>,
    /// Only this scope.
    #[expect(dead_code, reason = "for the document; what may come several times is read from the pairs")]
    scope_id: Option<String>,
    /// Only this module.
    #[expect(dead_code, reason = "for the document; what may come several times is read from the pairs")]
    module: Option<String>,
    /// `true`: with the reasons of each permission.
    #[expect(dead_code, reason = "for the document; what may come several times is read from the pairs")]
    origin: Option<bool>,
    /// `1`: what was true a second ago will do.
    #[expect(dead_code, reason = "for the document; what may come several times is read from the pairs")]
    #[schemars(range(min = 0, max = 1))]
    max_stale: Option<u8>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    only: BTreeMap<&'static str, Vec<String>>,
    origin: bool,
    pub(crate) stale: bool,
}

impl Asked {
    pub(crate) fn of(cx: &Cx) -> Result<Self> {
        let mut asked = Self::default();
        for (name, value) in cx.query_pairs() {
            let list = ["scope_type", "scope_id", "module"].into_iter().find(|known| *known == name);
            match (list, name.as_str(), value.as_str()) {
                (Some(list), ..) => asked.only.entry(list).or_default().push(value),
                (_, "origin", "true" | "false") => asked.origin = value == "true",
                (_, "max_stale", "0" | "1") => asked.stale = value == "1",
                _ => {
                    let message = "known are scope_type, scope_id, module, origin=true and max_stale=1";
                    return Err(Error::field(name, "unknown_parameter", message));
                }
            }
        }
        Ok(asked)
    }

    fn takes(&self, tuple: &Tuple) -> bool {
        let takes = |name: &str, value: &String| self.only.get(name).is_none_or(|only| only.contains(value));
        takes("scope_type", &tuple.scope_type)
            && takes("scope_id", &tuple.scope_id)
            && takes("module", &tuple.module)
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_empty() && !self.origin
    }
}

/// A snapshot on the wire.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PermissionSnapshot")]
pub struct SnapshotView {
    /// The form of this document.
    schema: u8,
    /// What his issuer calls the member.
    authentik_sub: String,
    /// The user.
    user_id: Id,
    /// The organisation that speaks.
    org_id: Id,
    /// Whether he may work; if not, there are no permissions.
    is_active: bool,
    /// Higher is newer; never goes back.
    version: i64,
    /// When this was answered.
    generated_at: Timestamp,
    /// Until when it may be used without asking again.
    expires_at: Timestamp,
    /// The same in seconds.
    max_age: u32,
    /// For how many seconds more while this server cannot be reached.
    stale_if_error: u32,
    /// Of the permissions that are shown.
    digest: String,
    /// Sorted by scope type, scope, module, action.
    permissions: Vec<Permission>,
}

pub(crate) fn view(
    cx: &Cx,
    (org, sub): (Id, &str),
    user: Id,
    snapshot: &Snapshot,
    asked: &Asked,
) -> Result<SnapshotView> {
    let settings = &Members::of(&cx.app)?.settings;
    let shown = snapshot.permissions.iter().filter(|one| asked.takes(&one.tuple));
    let shown = shown.map(|one| Permission {
        origin: one.origin.clone().filter(|_: &Vec<Because>| asked.origin),
        ..one.clone()
    });
    let permissions: Vec<Permission> = shown.collect();
    let now = cx.now();
    // A permission that ends within the time is a reason to ask again then.
    let whole = now + TimeDelta::seconds(i64::from(settings.max_age));
    let mark = &snapshot.mark;
    let expires = mark.until.map_or(whole, |until| until.min(whole));
    let digest = match asked.only.is_empty() {
        true => mark.digest.clone(),
        false => snapshot::digest(&permissions),
    };
    Ok(SnapshotView {
        schema: 1,
        authentik_sub: sub.to_owned(),
        user_id: user,
        org_id: org,
        is_active: mark.is_active,
        version: mark.version,
        generated_at: Timestamp(now),
        expires_at: Timestamp(expires),
        max_age: u32::try_from((expires - now).num_seconds().max(0)).unwrap_or(0),
        stale_if_error: settings.stale_if_error,
        digest: format!("sha256:{digest}"),
        permissions,
    })
}

/// The user of a name and his snapshot.
async fn found(cx: &Cx, caller: &Caller, sub: &str, newest: i64) -> Result<Option<(Id, Snapshot)>> {
    snapshot::of_name(&cx.app, (caller.org, caller.issuer), sub, newest).await
}

async fn one(cx: &Cx) -> Result<Answered<SnapshotView>> {
    let caller = caller::internal(cx).await?;
    let sub = cx.text("authentik_sub")?;
    check_sub("authentik_sub", sub)?;
    let asked = Asked::of(cx)?;
    let newest = snapshot::newest(&cx.app, asked.stale).await?;
    if let Some(known) = known_to(cx).filter(|_| asked.is_whole()) {
        let mark = snapshot::mark_of_name(&cx.app, (caller.org, caller.issuer), sub, newest).await?;
        if let Some(mark) = mark.filter(|mark| !mark.is_gone && mark.is_known_as(known)) {
            return not_modified(cx, &mark);
        }
    }
    let (user, snapshot) = found(cx, &caller, sub, newest).await?.ok_or_else(subject::unknown)?;
    if snapshot.mark.is_gone {
        return Err(Error::gone("user_removed", "the member was removed"));
    }
    conditional(cx, (caller.org, sub), user, &snapshot, &asked)
}

/// Several members.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SnapshotQuestion")]
pub struct Subs {
    /// Whose.
    #[validate(length(min = 1, max = 200))]
    subs: Vec<String>,
    /// The versions that the caller has.
    #[serde(default)]
    if_versions: BTreeMap<String, i64>,
}

/// Several snapshots.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SnapshotAnswer")]
pub struct Snapshots {
    /// Those that the caller does not have.
    snapshots: Vec<SnapshotView>,
    /// Those that he has.
    not_modified: Vec<String>,
    /// Those that nobody knows.
    not_found: Vec<String>,
}

async fn several(cx: &Cx) -> Result<Json<Snapshots>> {
    let caller = caller::internal(cx).await?;
    let question: Subs = input(cx)?;
    let mut answer = Snapshots { snapshots: Vec::new(), not_modified: Vec::new(), not_found: Vec::new() };
    let newest = snapshot::newest(&cx.app, false).await?;
    for sub in question.subs.iter().take(MOST) {
        let found =
            if check_sub("subs", sub).is_ok() { found(cx, &caller, sub, newest).await? } else { None };
        match found.filter(|(_, snapshot)| !snapshot.mark.is_gone) {
            None => answer.not_found.push(sub.clone()),
            Some((_, snapshot))
                if snapshot.mark.is_settled
                    && question.if_versions.get(sub) == Some(&snapshot.mark.version) =>
            {
                meter::count(&cx.app, MemberCount::SnapshotNotModified);
                answer.not_modified.push(sub.clone());
            }
            Some((user, snapshot)) => {
                answer.snapshots.push(view(cx, (caller.org, sub), user, &snapshot, &Asked::default())?);
            }
        }
    }
    Ok(Json(answer))
}

/// One question.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PermissionQuestion")]
pub struct Question {
    /// Who.
    authentik_sub: String,
    /// What kind of scope.
    scope_type: String,
    /// Which.
    scope_id: String,
    /// Module.
    module: String,
    /// Action.
    action: String,
}

/// One question, or several as `checks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "PermissionCheck")]
#[expect(dead_code, reason = "for the document; the body is read by its form")]
pub enum Check {
    /// Several.
    Several {
        /// At most 100.
        checks: Vec<Question>,
    },
    /// One.
    One(Question),
}

/// Several questions.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Several {
    #[validate(length(min = 1, max = 100), nested)]
    checks: Vec<Question>,
}

async fn answer(cx: &Cx, caller: &Caller, question: Question, (at, newest): (&str, i64)) -> Result<Value> {
    let Question { authentik_sub, scope_type, scope_id, module, action } = question;
    check_sub("authentik_sub", &authentik_sub)?;
    let tuple = Tuple { scope_type, scope_id, module, action };
    check_tuple(at, &tuple)?;
    let found = found(cx, caller, &authentik_sub, newest).await?;
    let Some((_, snapshot)) = found else { return Ok(json!({ "allowed": false, "version": 0 })) };
    let held = snapshot.permissions.binary_search_by(|one| one.tuple.cmp(&tuple)).is_ok();
    Ok(json!({ "allowed": held && snapshot.mark.is_active, "version": snapshot.mark.version }))
}

async fn check(cx: &Cx) -> Result<Answered<Value>> {
    let caller = caller::internal(cx).await?;
    let is_several = kernel::http::decode::json(&cx.headers, cx.body())?.get("checks").is_some();
    if !is_several {
        let question = input(cx)?;
        let newest = snapshot::newest(&cx.app, false).await?;
        let body = Some(answer(cx, &caller, question, ("", newest)).await?);
        return Ok(Answered { status: StatusCode::OK, body });
    }
    let several: Several = input(cx)?;
    let newest = snapshot::newest(&cx.app, false).await?;
    let mut results = Vec::with_capacity(several.checks.len());
    for (at, question) in several.checks.into_iter().take(CHECKS).enumerate() {
        results.push(answer(cx, &caller, question, (&format!("checks.{at}"), newest)).await?);
    }
    Ok(Answered { status: StatusCode::OK, body: Some(json!({ "results": results })) })
}
