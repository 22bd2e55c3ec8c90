//! What operators and developers look at: health, metrics, the API document and its readers.

use axum::{body::Body, response::Response};
use base::{Error, Result};
use http::{HeaderValue, header};
use kernel::{
    Api, Cx, Json,
    api::{Answer, AtHand, Page},
    http::origin,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    config::DocsAccess,
    metrics::{self, Metrics},
    wiring::EdgeSettings,
};

/// The document and who may read it.
pub struct Documentation {
    text: String,
    settings: EdgeSettings,
}

impl Documentation {
    /// Keeps the document as text.
    pub fn new(document: &Value, settings: EdgeSettings) -> Self {
        Self { text: document.to_string(), settings }
    }
}

/// Registers the routes.
pub fn mount(api: &mut Api) {
    let mut system = api.public("system");
    system.get("live", "/healthz", "Whether the process runs", live).quick(|_| AtHand::Now(Ok(alive())));
    system.get("health", "/health", "The same as /healthz", live);
    system.get("ready", "/readyz", "Whether requests can be served", ready);
    system.get("metrics", "/metrics", "Metrics for Prometheus", metrics_text).problems(&[403]);
    system.get("openapi", "/openapi.json", "This document", document).problems(&[401, 404]);
    system.get("schema", "/api/schema", "The same as /openapi.json", document).problems(&[401, 404]);
    for (name, path) in [("docs", "/docs"), ("swagger", "/swagger-ui")] {
        system.get(name, path, "This document in Swagger UI", swagger).problems(&[404]);
    }
    for (name, path) in [("redoc", "/redoc"), ("schema_redoc", "/api/schema/redoc")] {
        system.get(name, path, "This document in ReDoc", redoc).problems(&[404]);
    }
}

/// The state of the process.
#[derive(Serialize, JsonSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

async fn live(_: &Cx) -> Result<Json<Health>> {
    Ok(alive())
}

fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether each thing that requests need is there.
#[derive(Serialize, JsonSchema)]
pub struct Readiness {
    /// `ok`.
    pub status: &'static str,
    /// `ok`.
    pub database: &'static str,
    /// `ok`.
    pub kv: &'static str,
    /// The keys of issuers whose tokens are believed: `ok`, `stale` or `empty`, the worst of them. It
    /// never makes this fail: whoever signed in at Tenon needs none of them.
    pub issuers: &'static str,
}

async fn ready(cx: &Cx) -> Result<Json<Readiness>> {
    cx.app.store().ping().await?;
    cx.app.kv().ping().await?;
    let issuers = members::issuer_keys(&cx.app).await?.standing.as_str();
    Ok(Json(Readiness { status: "ok", database: "ok", kv: "ok", issuers }))
}

async fn metrics_text(cx: &Cx) -> Result<Page> {
    let settings = &cx.app.service::<Documentation>()?.settings;
    let allowed = |ip: &std::net::IpAddr| settings.metrics_allow.iter().any(|net| net.contains(ip));
    if !cx.origin.ip.as_ref().is_some_and(allowed) || is_hidden(cx) {
        return Err(Error::forbidden(
            "not_from_here",
            "metrics are not served to this address; see METRICS_ALLOW",
        ));
    }
    Ok(Page::new(metrics::CONTENT_TYPE, cx.app.service::<std::sync::Arc<Metrics>>()?.render()))
}

/// Whether a proxy stands between that hides who asks: a forwarding header that no trusted proxy
/// wrote, or one without `X-Forwarded-For`. The address is then the proxy's, very often loopback.
fn is_hidden(cx: &Cx) -> bool {
    let named = cx.headers.contains_key("x-forwarded-for");
    let forwarded = named || cx.headers.contains_key("forwarded") || cx.headers.contains_key("x-real-ip");
    if !forwarded {
        return false;
    }
    let trusted = &cx.app.settings().trusted_proxies;
    let from_proxy = |net: &ipnet::IpNet| origin::client_ip(Some(net.addr()), &cx.headers, trusted);
    // What the guard found must be what a trusted peer's header says; an untrusted peer's is not read.
    let found = cx.origin.ip;
    let is_trusted = found.is_some_and(|ip| trusted.iter().any(|net| net.contains(&ip)));
    let agrees = is_trusted || trusted.first().and_then(from_proxy) == found;
    !(named && agrees && !trusted.is_empty())
}

async fn document(cx: &Cx) -> Result<Page> {
    let documentation = cx.app.service::<Documentation>()?;
    match documentation.settings.docs {
        DocsAccess::Public => {}
        DocsAccess::Off => return Err(Error::missing()),
        DocsAccess::SignedIn => {
            if cx.visitor().await?.is_none() && !identity::session::has_live_cookie(cx).await? {
                return Err(Error::unauthenticated("unauthenticated", "sign in to read the documentation"));
            }
        }
    }
    Ok(Page::new("application/json", documentation.text.clone()))
}

fn unless_off(cx: &Cx) -> Result<()> {
    match cx.app.service::<Documentation>()?.settings.docs {
        DocsAccess::Off => Err(Error::missing()),
        _ => Ok(()),
    }
}

async fn swagger(cx: &Cx) -> Result<Reader> {
    unless_off(cx)?;
    let html = aide::swagger::Swagger::new("/openapi.json").with_title(&cx.app.settings().app_name).html();
    Ok(Reader(html))
}

async fn redoc(cx: &Cx) -> Result<Reader> {
    unless_off(cx)?;
    let html = aide::redoc::Redoc::new("/openapi.json").with_title(&cx.app.settings().app_name).html();
    Ok(Reader(html))
}

/// A page with scripts inside: they run because they carry this answer's nonce.
struct Reader(String);

impl Answer for Reader {
    fn respond(self, _: &Cx) -> Result<Response> {
        let nonce = base::random::token();
        let html = self.0.replace("<script>", &format!("<script nonce=\"{nonce}\">"));
        let policy = format!(
            "default-src 'self'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: \
             https:; worker-src blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        let mut response = Response::new(Body::from(html));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let policy = HeaderValue::from_str(&policy).map_err(Error::internal)?;
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        Ok(response)
    }
    fn describe(generator: &mut schemars::SchemaGenerator) -> kernel::api::Description {
        let _ = generator;
        let html = vec![("text/html".into(), serde_json::json!({ "type": "string" }))];
        kernel::api::Description::new(200, html)
    }
}
