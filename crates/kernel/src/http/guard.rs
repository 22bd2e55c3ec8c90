//! The guard: the one path that every request takes.
//!
//! Credential → body → transaction with its opening statement → session, access version and
//! permission → `Idempotency-Key` → handler → commit when the answer is a success, roll back
//! otherwise. A handler cannot forget a step, and cannot begin one by itself.

use std::{collections::HashMap, sync::Arc, sync::Mutex};

use axum::{body::Body, extract::Request, response::Response};
use base::{Error, Kind, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, request::Parts};
use http_body_util::{BodyExt, Limited};
use store::{Mode, Opening, Role};
use tracing::Instrument;

use super::{
    idempotency::{self, Begun},
    origin, problem,
};
use crate::{
    Actor, App, Cx, Origin, access,
    api::{Access, AtHand, Ended, Operation},
    audit,
    cx::denied,
    port::Credential,
    sheet::{Table, read_table},
};

/// How often a request is tried again after a deadlock.
const ATTEMPTS: usize = 3;
/// Bytes of a body that anybody may send: nothing that is public needs more.
const PUBLIC_BODY: usize = 64 * 1024;

/// Answers a request to an operation that can do so from memory; gives it back when the handler has to work.
/// `params` are those of its path.
///
/// No task is started: what is waited for here may be broken off, so a client that goes away leaves nothing
/// behind.
pub async fn serve_from_memory(
    app: &App,
    operation: &Operation,
    params: HashMap<String, String>,
    request: Request,
) -> Result<Response, Request> {
    let Some(quick) = &operation.quick else { return Err(request) };
    let (mut parts, body) = request.into_parts();
    let origin = origin_of(app, &parts);
    let refuse = operation.refusal.unwrap_or(problem::respond);
    let bytes = match read(body, operation.most(app.settings().body_limit)).await {
        Ok(bytes) => bytes,
        Err(failure) => return Ok(refuse(&failure, &origin.request_id)),
    };
    let headers = std::mem::take(&mut parts.headers);
    let mut cx = blank(app, &parts, headers, origin, None, params, bytes, None);
    let outcome = match quick(&cx) {
        AtHand::Now(outcome) => Some(outcome),
        AtHand::Soon(wait) => Some(wait.await),
        AtHand::No => None,
    };
    match outcome {
        Some(Ok(mut response)) => {
            add_headers(&mut cx, &mut response);
            Ok(response)
        }
        Some(Err(failure)) => Ok(refuse(&failure, &cx.origin.request_id)),
        None => {
            parts.headers = cx.headers;
            Err(Request::from_parts(parts, Body::from(cx.body)))
        }
    }
}

/// Answers one request to an operation.
///
/// The work is a task of its own: when the client goes away in the middle, its transaction still
/// ends properly instead of being left open on a pooled connection.
#[expect(clippy::disallowed_methods, reason = "one task for one request, awaited right here")]
pub async fn serve(
    app: App,
    operation: Arc<Operation>,
    params: Vec<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let origin = origin_of(&app, &parts);
    let refuse = operation.refusal.unwrap_or(problem::respond);
    let work = async move {
        let request_id = origin.request_id.clone();
        match attempt(&app, &operation, params, &parts, body, origin).await {
            Ok(response) => response,
            Err(failure) => refuse(&failure, &request_id),
        }
    };
    match tokio::spawn(work.in_current_span()).await {
        Ok(response) => response,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => problem::respond(&Error::unavailable("stopping", "the server is stopping"), ""),
        },
    }
}

/// Where a request came from.
pub fn origin_of(app: &App, parts: &Parts) -> Origin {
    let text = |name: http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let peer = parts.extensions.get::<origin::Peer>().map(|peer| peer.0.ip());
    let user_agent = text(http::header::USER_AGENT).unwrap_or_default();
    Origin {
        request_id: text(http::HeaderName::from_static("x-request-id")).unwrap_or_default().to_owned(),
        ip: origin::client_ip(peer, &parts.headers, &app.settings().trusted_proxies),
        user_agent: base::text::one_line(user_agent).chars().take(400).collect(),
    }
}

async fn attempt(
    app: &App,
    operation: &Operation,
    params: Vec<(String, String)>,
    parts: &Parts,
    body: Body,
    origin: Origin,
) -> Result<Response> {
    let credential = match operation.access {
        Access::Public => None,
        _ => {
            let found = app.directory().authenticate(app, &parts.headers).await?;
            Some(found.ok_or_else(|| Error::unauthenticated("unauthenticated", "sign in first"))?)
        }
    };
    let body = read(body, operation.most(app.settings().body_limit)).await?;
    let params: HashMap<String, String> = params.into_iter().collect();
    let mode = if matches!(parts.method, Method::GET | Method::HEAD) { Mode::Read } else { Mode::Write };
    let (mut tries, mut table, started) = (0, None, std::time::Instant::now());
    loop {
        tries += 1;
        let (headers, origin) = (parts.headers.clone(), origin.clone());
        let (credential, params) = (credential.clone(), params.clone());
        let mut cx = blank(app, parts, headers, origin, credential, params, body.clone(), table);
        match run(&mut cx, operation, mode).await {
            Err(failure) if failure.is_retryable() && tries < ATTEMPTS => {
                tracing::debug!(operation = operation.id, tries, "trying again after a lost lock");
                table = cx.table.take();
            }
            Err(failure) => {
                operation.observe(&cx, problem::status(failure.kind()), Some(failure.code()), started);
                return refuse(cx, operation, mode, failure).await;
            }
            Ok(response) => {
                operation.observe(&cx, response.status(), None, started);
                return Ok(response);
            }
        }
    }
}

/// The context of a request before its unit of work.
#[expect(clippy::too_many_arguments, reason = "the parts of a context, which the callers above have apart")]
fn blank(
    app: &App,
    parts: &Parts,
    headers: HeaderMap,
    origin: Origin,
    credential: Option<Credential>,
    params: HashMap<String, String>,
    body: Bytes,
    table: Option<Arc<Table>>,
) -> Cx {
    Cx {
        app: app.clone(),
        origin,
        method: parts.method.clone(),
        headers,
        credential,
        actor: None,
        tx: None,
        params,
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        uri: parts.uri.clone(),
        body,
        table,
        respond: Mutex::default(),
        notes: Mutex::default(),
        kept: Mutex::default(),
        renewed: Mutex::default(),
        claim: None,
        handed: Mutex::default(),
    }
}

/// Ends a request that failed: its work is taken back, and what was denied is recorded.
async fn refuse(mut cx: Cx, operation: &Operation, mode: Mode, failure: Error) -> Result<Response> {
    // Before anything else: an embedded database has one writer.
    if let Some(tx) = cx.tx.take() {
        let _ = tx.rollback().await;
    }
    if operation.detached
        && let Some(claim) = &cx.claim
        && let Ok(Some(response)) = claim.answer_now(&cx.app).await
    {
        return Ok(response);
    }
    if failure.code() == "permission_denied" && mode == Mode::Write {
        audit::record_denial(&cx, operation).await;
    }
    Err(failure)
}

async fn run(cx: &mut Cx, operation: &Operation, mode: Mode) -> Result<Response> {
    if operation.takes_table && cx.table.is_none() {
        // Reading takes long: not before the caller is known to be allowed, and not in his transaction.
        enter(cx, Mode::Read).await?;
        operation.check(cx)?;
        cx.commit().await?;
        cx.table = Some(Arc::new(read_table(&cx.headers, cx.body.clone()).await?));
    }
    if cx.credential.is_some() {
        enter(cx, mode).await?;
        operation.check(cx)?;
        match idempotency::begin(cx, operation).await? {
            Begun::Free => {}
            Begun::First(claim) => cx.claim = Some(claim),
            Begun::Answered(response) => {
                cx.commit().await?;
                return Ok(response);
            }
        }
        if operation.detached {
            // The work begins its own transactions; this one only verified the caller.
            cx.commit().await?;
        } else if let Some(claim) = &cx.claim {
            claim.hold(cx.tx()?, cx.now()).await?;
        }
    }
    let mut response = (operation.handler)(cx).await?;
    add_headers(cx, &mut response);
    if response.status().is_success() || response.status().is_redirection() {
        cx.take_over().await?;
        if let Some(claim) = &cx.claim {
            response = claim.keep(cx, response).await?;
        }
        cx.commit().await?;
    }
    Ok(response)
}

/// What the handler said beside its answer.
fn add_headers(cx: &mut Cx, response: &mut Response) {
    let extra = std::mem::take(cx.respond.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
    for (name, value) in extra {
        response.headers_mut().append(name, value);
    }
}

/// Opens the caller's unit of work and verifies him in it.
pub(crate) async fn enter(cx: &mut Cx, mode: Mode) -> Result<()> {
    let credential =
        cx.credential.clone().ok_or_else(|| Error::unauthenticated("unauthenticated", "sign in first"))?;
    let app = cx.app.clone();
    let read = Some(app.directory().opening(&credential));
    let tx = app.store().begin(mode, Opening { role: Role::App, org: credential.org, read }).await?;
    let admission = match tx.opened() {
        Some(row) => app.directory().admit(&app, &credential, row)?,
        None => return Err(Error::unauthenticated("session_ended", "the session has ended; sign in again")),
    };
    let version = admission.access_version;
    let mut effective = access::load(&app, &tx, credential.user, version, admission.platform_admin).await?;
    if !effective.is_member() {
        return Err(Error::unauthenticated(
            "session_ended",
            "you are no longer a member here; sign in again",
        ));
    }
    if let Some(scopes) = &admission.scopes {
        effective = Arc::new(effective.limited(app.catalogue(), scopes));
    }
    cx.actor = Some(Actor {
        id: credential.user,
        username: admission.username,
        name: admission.name,
        org: credential.org,
        platform_admin: admission.platform_admin,
        credential: credential.kind,
        effective,
    });
    cx.tx = Some(tx);
    Ok(())
}

impl Operation {
    /// Whether [`serve_from_memory`] may answer it, by its path alone.
    pub fn is_quick(&self) -> bool {
        self.quick.is_some() && self.access == Access::Public && self.path.matches('{').count() <= 1
    }

    /// Bytes that a body may have, where `general` is the limit of the installation.
    fn most(&self, general: usize) -> usize {
        let usual = if self.access == Access::Public { general.min(PUBLIC_BODY) } else { general };
        self.body_limit.unwrap_or(usual)
    }

    /// Tells whoever wants to know how a request ended.
    fn observe(&self, cx: &Cx, status: StatusCode, refused: Option<&str>, started: std::time::Instant) {
        if let Some(observer) = self.observer {
            observer(cx, &Ended { operation: self, status, refused, took: started.elapsed() });
        }
    }

    /// 403 unless the caller may.
    fn check(&self, cx: &Cx) -> Result<()> {
        match &self.access {
            Access::Public | Access::SignedIn => Ok(()),
            Access::Permission(code) => cx.require(code),
            Access::AnyOf(codes) if codes.iter().any(|code| cx.can(code)) => Ok(()),
            Access::AnyOf(codes) => Err(denied(codes.first().map(String::as_str).unwrap_or_default())),
        }
    }
}

/// The whole body, or 413.
async fn read(body: Body, limit: usize) -> Result<Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(cause) if cause.downcast_ref::<http_body_util::LengthLimitError>().is_some() => {
            let detail = format!("the body is larger than {limit} bytes");
            Err(Error::new(Kind::TooLarge, "body_too_large", detail))
        }
        Err(cause) => {
            Err(Error::malformed("body_incomplete", "the body ended before it was complete")
                .with_source(cause))
        }
    }
}
