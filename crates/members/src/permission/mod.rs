//! Giving and taking permissions: `/admin/permissions/…`, for programs with a key of their own.
//!
//! A change is one unit of work: the lock on the head of all versions, the grant, the new version with its
//! events, the audit entry. Nothing changes, nothing is said, where it was so already.

pub(crate) mod change;
mod dto;

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use kernel::{
    Api, App, Cx, Json,
    access::{self, Found, Grant, Holder, ORG, Tuple},
    port::{MemberCount, Newcomer},
};
use serde_json::json;
use store::Tx;

use self::{
    change::{Author, Change, Told, Until},
    dto::{Batch, BatchOutcome, GrantView, GrantWish, List, ListQuery, Operation, Outcome, RevokeWish},
};
use crate::{
    call,
    caller::{self, Caller},
    fields::{body, check_sub, check_tuple, input},
    internal::known_or_new,
    meter,
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
        .observed(call::observe)
        .refuses_as(refuse);
    own.act("revoke", "/admin/permissions/revoke", "Take a permission away", revoke)
        .raw_body(body::<RevokeWish>())
        .problems(&[401, 403, 404, 412, 415, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.act("batch", "/admin/permissions/batch", "Give and take several permissions", batch)
        .raw_body(body::<Batch>())
        .body_limit(LARGE)
        .problems(&[401, 403, 404, 415, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
    own.get("grants", "/admin/permissions", "Grants to members", list)
        .query::<ListQuery>()
        .problems(&[401, 403, 404, 422, 429])
        .observed(call::observe)
        .refuses_as(refuse);
}

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

    fn change(&self, user: Id) -> Change<'_> {
        let gives = self.wish.as_ref().map(|wish| Until::of(wish.expires_at));
        Change { user, tuple: &self.tuple, gives, reason: self.reason.as_deref() }
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
        let may = caller.client.as_ref().is_some_and(|client| match self.is_own(caller) {
            // What the product itself asks for is never part of a whole module.
            true => client.may_grant.contains(&format!("{}:{}", self.tuple.module, self.tuple.action)),
            false => client.may_grant(&self.tuple.module, &self.tuple.action),
        });
        if !may {
            let detail =
                format!("this client may not give or take {}:{}", self.tuple.module, self.tuple.action);
            return Err(Error::forbidden("not_grantable", detail));
        }
        Ok(())
    }

    /// Whether it is about the caller's own organisation.
    fn is_own(&self, caller: &Caller) -> bool {
        self.tuple.scope_type == ORG && self.tuple.scope_id == caller.org.to_string()
    }

    /// The scope type of organisations means the caller's own, and what belongs to the platform is nobody's.
    /// What an older service called an organisation can be taken away, though not given.
    fn check_own(&self, caller: &Caller, app: &App) -> Result<()> {
        if self.tuple.scope_type != ORG || (self.wish.is_none() && !self.is_own(caller)) {
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

/// Does tasks about any number of members in one unit of work; one version for each member who changed.
async fn perform(cx: &Cx, tx: &Tx, caller: &Caller, tasks: &[Task]) -> Result<Vec<Outcome>> {
    access::lock_head(tx).await?;
    // What the caller may do may have been taken from it while this waited.
    let caller = &caller.again(cx, tx, "permissions:write").await?;
    tasks.iter().try_for_each(|task| task.check(caller, &cx.app, cx.now()))?;
    let (terms, expected) = (Terms::read(&cx.app, tx).await?, expected(cx)?);
    let (author, mut told) = (Author::program(caller.who()), Told::default());
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        terms.check(&task.at, &task.tuple, task.wish.is_some())?;
        let user = member(cx, tx, caller, task).await?;
        if let Some(expected) = expected
            && snapshot::version(&cx.app, tx, caller.org, user).await? != expected
        {
            let detail = "what the member may do has changed since";
            return Err(Error::precondition("version_mismatch", detail));
        }
        let change = task.change(user);
        let made = change::carry_out(cx, tx, &author, change, &mut told).await?;
        change::note(cx, tx, &author, change, &task.sub, made.result).await?;
        done.push((user, made));
    }
    told.tell(tx, cx.now()).await?;
    let mut outcomes = Vec::with_capacity(done.len());
    for ((user, made), task) in done.into_iter().zip(tasks) {
        let still_granted_by =
            if task.wish.is_none() { change::others(cx, tx, user, &task.tuple).await? } else { Vec::new() };
        outcomes.push(Outcome {
            result: made.result,
            permission: made.grant.map(|grant| GrantView::of(grant, user, task.sub.clone())),
            still_granted_by,
            version: snapshot::version(&cx.app, tx, caller.org, user).await?,
        });
    }
    Ok(outcomes)
}

async fn single(cx: &Cx, operation: impl FnOnce() -> Result<Operation>) -> Result<Outcome> {
    let caller = caller::program(cx, "permissions:write").await?;
    let tasks = [Task::of(operation()?, String::new())];
    let mut done = whole(cx, &caller, &tasks).await?;
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

/// Does tasks, all or none.
async fn whole(cx: &Cx, caller: &Caller, tasks: &[Task]) -> Result<Vec<Outcome>> {
    let checked = tasks.iter().try_for_each(|task| task.check(caller, &cx.app, cx.now()));
    let done = match checked {
        Ok(()) => in_one(cx, caller, tasks).await,
        Err(error) => Err(error),
    };
    if done.as_ref().is_err_and(|error| !kernel::http::problem::status(error.kind()).is_server_error()) {
        for task in tasks {
            let op = if task.wish.is_some() { "grant" } else { "revoke" };
            meter::count(&cx.app, MemberCount::PermissionChange { op, result: "refused" });
        }
    }
    done
}

async fn in_one(cx: &Cx, caller: &Caller, tasks: &[Task]) -> Result<Vec<Outcome>> {
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
        let done = whole(cx, &caller, &tasks).await?;
        return Ok(Json(BatchOutcome { results: done.iter().map(value).collect::<Result<_>>()? }));
    }
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(match whole(cx, &caller, &[task]).await {
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
