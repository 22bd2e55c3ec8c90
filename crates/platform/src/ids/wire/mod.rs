//! The wire of the service that this one replaces: its paths, envelope, texts and forms of refusal, so that
//! clients go on as they are. Where it differs on purpose, `docs/id-service.md` has the table.
//!
//! Business errors are HTTP 200 with a `code`; a failing dependency is 503 and too many calls are 429, in
//! the same envelope with `Retry-After`.

mod allocate;
mod database;
mod envelope;
mod fields;
mod syntax;

use axum::{body::Body, response::Response};
use base::{Error, Kind, Result};
use http::{HeaderValue, StatusCode, header};
use kernel::{
    Api, Cx,
    api::{Answer, Description},
};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

pub use self::envelope::Reply;
use self::fields::Issue;

/// Routes.
pub fn mount(api: &mut Api) {
    allocate::mount(api);
    database::mount(api);
}

fn response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Answer for Reply {
    fn respond(self, _: &Cx) -> Result<Response> {
        Ok(match self {
            Self::Invalid(issues) => response(StatusCode::UNPROCESSABLE_ENTITY, issues_text(&issues)?),
            Self::Done(body) => response(StatusCode::OK, body),
        })
    }

    fn describe(_: &mut SchemaGenerator) -> Description {
        let schema = json!({
            "type": "object",
            "required": ["code", "msg", "data", "traceId"],
            "properties": {
                "code": { "type": "integer", "description": "0 when it was done" },
                "msg": { "type": "string" },
                "data": {},
                "traceId": { "type": "null" },
            },
        });
        Description::new(200, vec![("application/json".to_owned(), schema)])
    }
}

fn issues_text(issues: &[Issue]) -> Result<String> {
    serde_json::to_string(&json!({ "detail": issues })).map_err(Error::internal)
}

/// A refusal as clients of the older service know it.
pub fn refuse(error: &Error, request_id: &str) -> Response {
    let detail = |text: &str| json!({ "detail": text }).to_string();
    let status = kernel::http::problem::status(error.kind());
    if status.is_server_error() {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(request_id, code = error.code(), at = %error.location(), cause, "{}", error.detail());
    }
    let body = match error.kind() {
        Kind::Unauthenticated => detail(match error.code() {
            "unauthenticated" => "Authorization header missing",
            "authorization_malformed" => "Invalid authorization header format",
            "authorization_scheme" => "Invalid authentication scheme",
            _ => "Invalid or expired token",
        }),
        Kind::TooMany => envelope::failure(429, error.detail()),
        Kind::Unavailable => envelope::failure(503, error.detail()),
        // The older service had no permissions; the code is for whoever asks why.
        Kind::Forbidden => json!({ "code": error.code(), "detail": error.detail() }).to_string(),
        Kind::Internal => r#"{"code":500,"msg":"Internal Server Error","data":null}"#.to_owned(),
        _ => detail(error.detail()),
    };
    let mut response = response(status, body);
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The schema of a body, for the document.
fn body_schema(required: &[&str], properties: Value) -> Vec<(String, Value)> {
    let schema = json!({ "type": "object", "required": required, "properties": properties });
    vec![("application/json".to_owned(), schema)]
}
