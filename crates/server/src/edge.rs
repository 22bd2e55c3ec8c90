//! The outermost layer, fused into one function: request id, path, CORS, rate limit, time limit,
//! panics, security headers, metrics and the access log.
//!
//! Operations that answer from memory are found here by their path, before the router: for them the way
//! through it costs more than the work.

use std::{collections::HashMap, convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use base::{Error, Kind};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use kernel::{
    App,
    api::Operation,
    http::{guard, origin, problem},
};
use tower::ServiceExt;
use tower_http::compression::Compression;
use tracing::Instrument;

use crate::{config::Cors, console, metrics::Metrics, wiring::EdgeSettings};

/// The operation that answered, whose path names the request in metrics and the log.
#[derive(Clone)]
pub struct Answered(pub Arc<Operation>);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Paths that the API owns: an unknown one is a problem, not the console.
const API: [&str; 6] = ["/api", "/v1", "/me", "/internal", "/admin", "/.well-known"];

/// Paths with limits of their own: programs ask for ids as often as they insert rows.
const UNCOUNTED: [&str; 2] = ["/api/segment/allocate", "/api/ids/next"];
/// The same, with everything below: sister systems ask for each of their users.
const UNCOUNTED_BELOW: [&str; 2] = ["/internal/", "/admin/"];

/// An operation with one parameter in its path, which answers from memory.
struct Below {
    before: String,
    name: String,
    after: String,
    operation: Arc<Operation>,
}

impl Below {
    fn of(operation: &Arc<Operation>) -> Option<Self> {
        let (before, rest) = operation.path.split_once('{')?;
        let (name, after) = rest.split_once('}')?;
        let [before, name, after] = [before, name, after].map(str::to_owned);
        Some(Self { before, name, after, operation: operation.clone() })
    }

    /// The parameter, where it is written as it is; one that is encoded goes through the router.
    fn value<'p>(&self, path: &'p str) -> Option<&'p str> {
        let value = path.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        (!value.is_empty() && !value.contains(['/', '%'])).then_some(value)
    }
}

/// The whole HTTP service; cloning is cheap.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    router: Router,
    /// Operations without parameters in their path that answer from memory, by path.
    quick: HashMap<String, Arc<Operation>>,
    /// Those with one.
    quick_below: Vec<Below>,
    metrics: Arc<Metrics>,
    settings: EdgeSettings,
    /// What every answer carries unless it says otherwise.
    headers: HeaderMap,
}

impl Edge {
    /// Wraps the operations, which `router` serves, into the whole service.
    pub fn new(
        app: App,
        router: Router,
        operations: &[Arc<Operation>],
        metrics: Arc<Metrics>,
        settings: EdgeSettings,
    ) -> Self {
        let router = router
            .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
            .fallback(|request: Request| async move { fallback(&request) });
        let quick = operations.iter().filter(|operation| operation.is_quick());
        let (below, quick): (Vec<_>, Vec<_>) = quick.partition(|operation| operation.path.contains('{'));
        let quick_below = below.into_iter().filter_map(Below::of).collect();
        let quick = quick.into_iter().map(|operation| (operation.path.clone(), operation.clone())).collect();
        let headers = usual_headers(app.settings().base_url.starts_with("https://"));
        Self { inner: Arc::new(Inner { app, router, quick, quick_below, metrics, settings, headers }) }
    }

    /// Answers one request. The peer's address is expected as [`origin::Peer`] in its extensions.
    pub async fn answer(&self, request: Request) -> Response {
        // Programs do not ask for it, and wrapping their answers costs as much as making some of them.
        if !request.headers().contains_key(header::ACCEPT_ENCODING) {
            let mut response = self.inner.serve(request).await;
            response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
            return response;
        }
        let edge = self.inner.clone();
        let plain = tower::service_fn(move |request: Request| {
            let edge = edge.clone();
            async move { Ok::<_, Infallible>(edge.serve(request).await) }
        });
        match Compression::new(plain).oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }
}

fn usual_headers(https: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), policy);
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if https {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    headers
}

fn is_api(path: &str) -> bool {
    API.iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn fallback(request: &Request) -> Response {
    let path = request.uri().path();
    if is_api(path) || !matches!(*request.method(), Method::GET | Method::HEAD) {
        let error = Error::not_found("no_such_route", "there is nothing at this path");
        return problem::respond(&error, request_id(request.headers()));
    }
    console::serve(path)
}

fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// An id from outside is kept when it could have been ours: 8 to 64 letters, digits, `-`, `_`, `.`.
fn accepted_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(REQUEST_ID)?;
    let text = value.to_str().ok()?;
    let fits = (8..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fits.then(|| value.clone())
}

/// The path without its trailing slash.
fn trim(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') || path.ends_with("//") {
        return None;
    }
    let path = &path[..path.len() - 1];
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    target.parse().ok()
}

impl Inner {
    async fn serve(&self, mut request: Request) -> Response {
        let started = std::time::Instant::now();
        let _in_flight = self.metrics.in_flight();
        let id = accepted_id(request.headers()).unwrap_or_else(|| {
            HeaderValue::from_str(&self.app.new_id().simple().to_string())
                .unwrap_or(HeaderValue::from_static("-"))
        });
        request.headers_mut().insert(REQUEST_ID, id.clone());
        if let Some(uri) = trim(request.uri()) {
            *request.uri_mut() = uri;
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let cross = self.cross_origin(request.headers());
        let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default(), %method);
        let mut response = self.answer(request, &cross).instrument(span.clone()).await;
        self.decorate(response.headers_mut(), id, &cross);
        let route = response.extensions_mut().remove::<Answered>();
        let route = route.as_ref().map(|answered| answered.0.path.as_str());
        let seconds = started.elapsed().as_secs_f64();
        let status = response.status().as_u16();
        self.metrics.observe(method.as_str(), route, status, seconds);
        if tracing::enabled!(tracing::Level::INFO) {
            let other = || base::text::one_line(&path).chars().take(200).collect();
            let route = route.map_or_else(other, str::to_owned);
            span.in_scope(|| tracing::info!(route, status, ms = (seconds * 1e6).round() / 1e3, "answered"));
        }
        response
    }

    async fn answer(&self, request: Request, cross: &Option<HeaderValue>) -> Response {
        let id = request_id(request.headers()).to_owned();
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if preflight {
            return preflight_answer(cross.is_some());
        }
        if let Some(key) = self.limit_key(&request) {
            let limit = self.app.settings().rate_limit;
            if let Err(failure) = self.app.limit(&key, limit, Duration::from_secs(60)).await {
                self.metrics.rate_limited("request");
                return problem::respond(&failure, &id);
            }
        }
        let path_is_api = is_api(request.uri().path());
        let call = AssertUnwindSafe(self.call(request)).catch_unwind();
        let response = match tokio::time::timeout(self.settings.timeout, call).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                let what = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .or(panic.downcast_ref::<String>().map(String::as_str));
                tracing::error!(panic = what.unwrap_or("without a message"), "a request panicked");
                problem::respond(&Error::internal("panic"), &id)
            }
            Err(_) => {
                let detail = "the request took too long";
                problem::respond(&Error::new(Kind::Timeout, "request_timeout", detail), &id)
            }
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED && path_is_api {
            return method_not_allowed(&response, &id);
        }
        response
    }

    async fn call(&self, request: Request) -> Response {
        let mut request = request;
        if let Some((operation, params)) = self.quick(request.uri().path())
            && operation.method == *request.method()
        {
            match guard::serve_from_memory(&self.app, operation, params, request).await {
                Ok(mut response) => {
                    response.extensions_mut().insert(Answered(operation.clone()));
                    return response;
                }
                Err(left) => request = left,
            }
        }
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// The operation at that path that may be answered from memory, with its parameter.
    fn quick(&self, path: &str) -> Option<(&Arc<Operation>, HashMap<String, String>)> {
        if let Some(operation) = self.quick.get(path) {
            return Some((operation, HashMap::new()));
        }
        self.quick_below.iter().find_map(|below| {
            let value = below.value(path)?;
            Some((&below.operation, HashMap::from([(below.name.clone(), value.to_owned())])))
        })
    }

    /// Under which key the request is counted, if it is.
    fn limit_key(&self, request: &Request) -> Option<String> {
        let path = request.uri().path();
        let is_uncounted =
            UNCOUNTED.contains(&path) || UNCOUNTED_BELOW.iter().any(|one| path.starts_with(one));
        if self.app.settings().rate_limit == 0 || !is_api(path) || is_uncounted {
            return None;
        }
        let peer = request.extensions().get::<origin::Peer>().map(|peer| peer.0.ip());
        let ip = origin::client_ip(peer, request.headers(), &self.app.settings().trusted_proxies)?;
        Some(format!("rate:{}", origin::network(ip)))
    }

    /// The origin to be allowed, when the request comes from another site that may call.
    fn cross_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok().filter(|text| *text != "null")?;
        match &self.settings.cors {
            Cors::Any => Some(origin.clone()),
            Cors::Only(list) => list.iter().any(|allowed| allowed == text).then(|| origin.clone()),
        }
    }

    fn decorate(&self, headers: &mut HeaderMap, id: HeaderValue, cross: &Option<HeaderValue>) {
        headers.reserve(self.headers.len() + 4);
        headers.insert(REQUEST_ID, id);
        for (name, value) in &self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = cross {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            let exposed =
                HeaderValue::from_static("etag, location, retry-after, idempotency-replayed, x-request-id");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn preflight_answer(allowed: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if allowed {
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = "authorization, content-type, if-match, if-none-match, idempotency-key, x-api-key, x-client-key, x-request-id, x-setup-token";
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn method_not_allowed(response: &Response, id: &str) -> Response {
    let error =
        Error::new(Kind::MethodNotAllowed, "method_not_allowed", "this path does not have that method");
    let mut answer = problem::respond(&error, id);
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}
