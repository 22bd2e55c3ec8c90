//! Giving and taking permissions: `/admin/permissions/…`, for programs with a key of their own.
//!
//! A change is one unit of work: the lock on the head of all versions, the grant, the new version with its
//! events, the audit entry. Nothing changes, nothing is said, where it was so already.

mod dto;

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use kernel::{
    Api, App, Cx, Json,
    access::{self, Found, Given, Grant, Holder, ORG, Terms as On, Tuple},
    audit::{self, Event},
    port::Newcomer,
};
use serde_json::{Value, json};
use store::Tx;

use self::dto::{Batch, BatchOutcome, GrantView, GrantWish, List, ListQuery, Operation, Outcome, RevokeWish};
use crate::{
    caller::{self, Caller},
    fields::{body, check_sub, check_tuple, input},
    internal::known_or_new,
    problem::{Answered, refuse},
    service::{people, reading, writing},
    snapshot, subject,
    term::Terms,
};

/// Operations of one batch.
const MOST: usize = 500;
/// Bytes of a batch.
const LARGE: usize = 1024 * 1024;
/// Rows of a page.
const PAGE: u64 = 200;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.act("grant", "/admin/permissions/grant", "Give a permission", grant)
        .raw_body(body::<GrantWish>())
        .problems(&[401, 403, 404, 409, 412, 415, 422, 429])
        .refuses_as(refuse);
    own.act("revoke", "/admin/permissions/revoke", "Take a permission away", revoke)
        .raw_body(body::<RevokeWish>())
        .problems(&[401, 403, 404, 412, 415, 422, 429])
        .refuses_as(refuse);
    own.act("batch", "/admin/permissions/batch", "Give and take several permissions", batch)
        .raw_body(body::<Batch>())
        .body_limit(LARGE)
        .problems(&[401, 403, 404, 415, 422, 429])
        .refuses_as(refuse);
    own.get("grants", "/admin/permissions", "Grants to members", list)
        .query::<ListQuery>()
        .problems(&[401, 403, 404, 422, 429])
        .refuses_as(refuse);
}

/// An event of the feed: its kind and its detail.
type Told = (&'static str, Option<Value>);

/// One operation, checked as far as it can be without the database.
struct Task {
    sub: String,
    tuple: Tuple,
    wish: Option<GrantWish>,
    reason: Option<String>,
    at: String,
}

impl Task {
    fn of(operation: Operation, at: String) -> Self {
        match operation {
            Operation::Grant(wish) => Self {
                sub: wish.authentik_sub.clone(),
                tuple: tuple(&wish.scope_type, &wish.scope_id, &wish.module, &wish.action),
                reason: wish.reason.clone(),
                wish: Some(wish),
                at,
            },
            Operation::Revoke(wish) => Self {
                sub: wish.authentik_sub.clone(),
                tuple: tuple(&wish.scope_type, &wish.scope_id, &wish.module, &wish.action),
                reason: wish.reason,
                wish: None,
                at,
            },
        }
    }

    fn field(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// Errors: 403 `insufficient_scope`, `not_grantable`; 422.
    fn check(&self, caller: &Caller, app: &App, now: DateTime<Utc>) -> Result<()> {
        check_sub(&self.field("authentik_sub"), &self.sub)?;
        check_tuple(&self.at, &self.tuple)?;
        if let Some(wish) = &self.wish {
            if wish.expires_at.flatten().is_some_and(|end| end <= now) {
                return Err(Error::field(self.field("expires_at"), "in_the_past", "must be in the future"));
            }
            if wish.create_user {
                caller.require("users:create")?;
            }
        }
        self.check_own(caller, app)?;
        let may = caller.client.as_ref().is_some_and(|client| match self.tuple.scope_type.as_str() {
            // What the product itself asks for is never part of a whole module.
            ORG => client.may_grant.contains(&format!("{}:{}", self.tuple.module, self.tuple.action)),
            _ => client.may_grant(&self.tuple.module, &self.tuple.action),
        });
        if !may {
            let detail =
                format!("this client may not give or take {}:{}", self.tuple.module, self.tuple.action);
            return Err(Error::forbidden("not_grantable", detail));
        }
        Ok(())
    }

    /// The scope type of organisations means the caller's own, and what belongs to the platform is nobody's.
    fn check_own(&self, caller: &Caller, app: &App) -> Result<()> {
        if self.tuple.scope_type != ORG {
            return Ok(());
        }
        if self.tuple.scope_id != caller.org.to_string() {
            let message = "must be the organisation of the caller";
            return Err(Error::field(self.field("scope_id"), "unknown_reference", message));
        }
        let catalogue = app.catalogue();
        let found = catalogue.find_tuple(&self.tuple.module, &self.tuple.action);
        if found.is_some_and(|permission| catalogue.entry(permission).is_platform()) {
            return Err(Error::forbidden("not_grantable", "platform permissions belong to no role"));
        }
        Ok(())
    }
}

fn tuple(scope_type: &str, scope_id: &str, module: &str, action: &str) -> Tuple {
    Tuple {
        scope_type: scope_type.to_owned(),
        scope_id: scope_id.to_owned(),
        module: module.to_owned(),
        action: action.to_owned(),
    }
}

/// What `If-Match` asks: `"42"` or `"42-hex"`.
fn expected(cx: &Cx) -> Result<Option<i64>> {
    let Some(value) = cx.headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
    let version = text.split('-').next().unwrap_or_default().parse();
    version.map(Some).map_err(|_| {
        Error::malformed("bad_header", "If-Match must be the version of the member, such as \"42\"")
    })
}

/// The member that a task is about.
async fn member(cx: &Cx, tx: &Tx, caller: &Caller, task: &Task) -> Result<Id> {
    if let Some(wish) = task.wish.as_ref().filter(|wish| wish.create_user) {
        let new = || Newcomer {
            username: wish.email.clone().unwrap_or_else(|| task.sub.clone()),
            name: wish.display_name.clone().unwrap_or_default(),
            email: wish.email.clone(),
        };
        return known_or_new(&cx.app, tx, (caller.issuer, true), &task.sub, new).await.map(|(user, _)| user);
    }
    let user = subject::resolve(tx, caller.issuer, &task.sub).await?.ok_or_else(subject::unknown)?;
    let person = people(&cx.app)?.find(tx, &[user]).await?.pop();
    person.filter(|person| !person.removed).map(|person| person.id).ok_or_else(subject::unknown)
}

/// Does one task. The caller holds the head's lock and bumps the member's version for what comes back: an
/// event with its detail.
async fn carry_out(
    cx: &Cx,
    tx: &Tx,
    caller: &Caller,
    user: Id,
    task: &Task,
) -> Result<(&'static str, Option<Grant>, Option<(&'static str, Value)>)> {
    let (now, holder) = (cx.now(), Holder::User(user));
    let detail = |grant: &Grant| {
        json!({
            "permission": grant.tuple, "expires_at": grant.terms.expires_at.map(base::time::format),
            "request_id": cx.origin.request_id,
        })
    };
    let Some(wish) = &task.wish else {
        return Ok(match access::take(tx, now, holder, &task.tuple).await? {
            Some(grant) => ("revoked", None, Some(("revoked", detail(&grant)))),
            None => ("not_granted", None, None),
        });
    };
    let terms = |before: Option<&On>| On {
        granted_by: Some(caller.name.chars().take(200).collect()),
        reason: task.reason.clone().or_else(|| before.and_then(|on| on.reason.clone())),
        expires_at: wish.expires_at.unwrap_or_else(|| before.and_then(|on| on.expires_at)),
    };
    let (given, grant) = access::give(tx, cx.app.new_id(), now, holder, &task.tuple, terms).await?;
    Ok(match given {
        Given::New => ("granted", Some(grant.clone()), Some(("granted", detail(&grant)))),
        Given::Updated(_) => ("updated", Some(grant.clone()), Some(("granted", detail(&grant)))),
        Given::Unchanged => ("unchanged", Some(grant), None),
    })
}

/// Who else gives the member what was to be taken from him.
async fn others(cx: &Cx, tx: &Tx, user: Id, tuple: &Tuple) -> Result<Vec<String>> {
    let Some(standing) = cx.app.directory().standing(tx, user).await? else { return Ok(Vec::new()) };
    let held = access::holders_of(tx, cx.now(), tuple).await?;
    let mut names: Vec<String> = standing
        .roles
        .iter()
        .filter(|role| held.iter().any(|grant| grant.holder == Holder::Role(role.id)))
        .map(|role| role.name.clone())
        .collect();
    let is_own = tuple.scope_type == access::ORG && tuple.scope_id == tx.require_org()?.to_string();
    if standing.owner && is_own && cx.app.catalogue().find_tuple(&tuple.module, &tuple.action).is_some() {
        names.push("owner".to_owned());
    }
    Ok(names)
}

async fn note(cx: &Cx, tx: &Tx, caller: &Caller, user: Id, task: &Task, result: &str) -> Result<()> {
    let action = if task.wish.is_some() { "members:permission:grant" } else { "members:permission:revoke" };
    let event = Event::new(action, "identity.user")
        .target(user, task.sub.clone())
        .change("permission", Value::Null, json!(task.tuple))
        .change("result", Value::Null, json!(result))
        .change("reason", Value::Null, json!(task.reason));
    audit::write(tx, cx.now(), caller.who(), &cx.origin, event).await
}

/// Does tasks about any number of members in one unit of work; one version for each member who changed.
async fn perform(cx: &Cx, tx: &Tx, caller: &Caller, tasks: &[Task]) -> Result<Vec<Outcome>> {
    access::lock_head(tx).await?;
    let (terms, expected) = (Terms::read(&cx.app, tx).await?, expected(cx)?);
    let mut done = Vec::with_capacity(tasks.len());
    let mut events: Vec<(Id, Vec<Told>)> = Vec::new();
    for task in tasks {
        terms.check(&task.at, &task.tuple, task.wish.is_some())?;
        let user = member(cx, tx, caller, task).await?;
        if let Some(expected) = expected
            && snapshot::version(&cx.app, tx, caller.org, user).await? != expected
        {
            let detail = "what the member may do has changed since";
            return Err(Error::precondition("version_mismatch", detail));
        }
        let (result, grant, event) = carry_out(cx, tx, caller, user, task).await?;
        if let Some((kind, detail)) = event {
            let event = (kind, Some(detail));
            match events.iter_mut().find(|(known, _)| *known == user) {
                Some((_, all)) => all.push(event),
                None => events.push((user, vec![event])),
            }
        }
        note(cx, tx, caller, user, task, result).await?;
        done.push((user, result, grant));
    }
    for (user, events) in events {
        access::bump_with(tx, caller.org, cx.now(), Some(user), events).await?;
    }
    let mut outcomes = Vec::with_capacity(done.len());
    for ((user, result, grant), task) in done.into_iter().zip(tasks) {
        let still_granted_by =
            if task.wish.is_none() { others(cx, tx, user, &task.tuple).await? } else { Vec::new() };
        outcomes.push(Outcome {
            result,
            permission: grant.map(|grant| GrantView::of(grant, user, task.sub.clone())),
            still_granted_by,
            version: snapshot::version(&cx.app, tx, caller.org, user).await?,
        });
    }
    Ok(outcomes)
}

async fn single(cx: &Cx, operation: impl FnOnce() -> Result<Operation>) -> Result<Outcome> {
    let caller = caller::program(cx, "permissions:write").await?;
    let task = Task::of(operation()?, String::new());
    task.check(&caller, &cx.app, cx.now())?;
    let tasks = [task];
    let mut done = writing!(cx, caller.org, tx => perform(cx, &tx, &caller, &tasks).await);
    done.pop().ok_or_else(|| Error::internal("a task without an outcome"))
}

async fn grant(cx: &Cx) -> Result<Answered<Outcome>> {
    let done = single(cx, || Ok(Operation::Grant(input(cx)?))).await?;
    let status = if done.result == "granted" { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answered { status, body: Some(done) })
}

async fn revoke(cx: &Cx) -> Result<Json<Outcome>> {
    single(cx, || Ok(Operation::Revoke(input(cx)?))).await.map(Json)
}

async fn alone(cx: &Cx, caller: &Caller, tasks: &[Task]) -> Result<Vec<Outcome>> {
    Ok(writing!(cx, caller.org, tx => perform(cx, &tx, caller, tasks).await))
}

async fn batch(cx: &Cx) -> Result<Json<BatchOutcome>> {
    let caller = caller::program(cx, "permissions:write").await?;
    let batch: Batch = input(cx)?;
    let tasks: Vec<Task> = batch
        .operations
        .into_iter()
        .take(MOST)
        .enumerate()
        .map(|(at, operation)| Task::of(operation, format!("operations.{at}")))
        .collect();
    let value = |outcome: &Outcome| serde_json::to_value(outcome).map_err(Error::internal);
    if batch.atomic {
        tasks.iter().try_for_each(|task| task.check(&caller, &cx.app, cx.now()))?;
        let done = writing!(cx, caller.org, tx => perform(cx, &tx, &caller, &tasks).await);
        return Ok(Json(BatchOutcome { results: done.iter().map(value).collect::<Result<_>>()? }));
    }
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        let one = [task];
        let done = match one[0].check(&caller, &cx.app, cx.now()) {
            Ok(()) => alone(cx, &caller, &one).await,
            Err(error) => Err(error),
        };
        results.push(match done {
            Ok(done) => done.first().map(value).transpose()?.unwrap_or_default(),
            Err(error) if kernel::http::problem::status(error.kind()).is_server_error() => return Err(error),
            Err(error) => json!({
                "result": "refused", "code": error.code(), "detail": error.detail(),
                "errors": error.field_errors(),
            }),
        });
    }
    Ok(Json(BatchOutcome { results }))
}

async fn list(cx: &Cx) -> Result<Json<List>> {
    let caller = caller::program(cx, "permissions:read").await?;
    let query: ListQuery = cx.query()?;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Error::field("limit", "range", format!("from 1 to {PAGE}")));
    }
    let tx = reading(&cx.app, caller.org).await?;
    let user = match &query.authentik_sub {
        Some(sub) => Some(subject::resolve(&tx, caller.issuer, sub).await?.ok_or_else(subject::unknown)?),
        None => None,
    };
    let found = Found {
        user,
        scope_type: query.scope_type,
        scope_id: query.scope_id,
        module: query.module,
        action: query.action,
        after: query.cursor,
    };
    let grants = access::page(&tx, cx.now(), &found, limit).await?;
    let users: Vec<Id> = grants.iter().filter_map(held_by).collect();
    let names = subject::names(&tx, caller.issuer, &users).await?;
    tx.commit().await?;
    let is_full = grants.len() as u64 == limit;
    let next_cursor = grants.last().map(|grant| grant.id).filter(|_| is_full);
    let items = grants.into_iter().filter_map(|grant| {
        let user = held_by(&grant)?;
        let sub = names.iter().find(|(known, _)| *known == user).map(|(_, sub)| sub.clone())?;
        Some(GrantView::of(grant, user, sub))
    });
    Ok(Json(List { items: items.collect(), next_cursor }))
}

fn held_by(grant: &Grant) -> Option<Id> {
    match grant.holder {
        Holder::User(user) => Some(user),
        Holder::Role(_) => None,
    }
}
