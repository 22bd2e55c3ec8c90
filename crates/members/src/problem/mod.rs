//! Refusals: problems as everywhere, but where fields are wrong, `detail` is the list that clients of a
//! FastAPI service read (`loc`, `msg`, `type`).

use axum::response::Response;
use base::{Error, Kind, Result};
use http::{HeaderValue, StatusCode, header};
use kernel::{
    Cx,
    api::{Answer, Description},
    http::problem,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

/// Writes a refusal.
pub fn refuse(error: &Error, request_id: &str) -> Response {
    let mut response = problem::respond(error, request_id);
    if error.kind() == Kind::Invalid {
        let body = json!({
            "type": format!("urn:tenon:{}", error.code()),
            "title": "Unprocessable Entity",
            "status": 422,
            "code": error.code(),
            "detail": details(error),
            "request_id": request_id,
            "errors": error.field_errors(),
        });
        *response.body_mut() = body.to_string().into();
    }
    if error.code() == "missing_token" {
        let value = HeaderValue::from_static("Bearer realm=\"member\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    } else if error.code() == "invalid_token" {
        let value = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

fn details(error: &Error) -> Vec<Value> {
    if error.field_errors().is_empty() {
        return vec![json!({ "loc": ["body"], "msg": error.detail(), "type": error.code() })];
    }
    let place = |field: &str| -> Vec<Value> {
        let parts = field.split('.').filter(|part| !part.is_empty());
        let part = |part: &str| part.parse::<u64>().map_or_else(|_| json!(part), |at| json!(at));
        std::iter::once(json!("body")).chain(parts.map(part)).collect()
    };
    let errors = error.field_errors().iter();
    errors
        .map(|one| json!({ "loc": place(&one.field), "msg": one.message, "type": one.code, "ctx": one.params }))
        .collect()
}

/// A JSON answer with a status of its own, or one without a body.
pub struct Answered<T> {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Option<T>,
}

impl<T: Serialize + JsonSchema + Send> Answer for Answered<T> {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = Response::default();
        if let Some(body) = &self.body {
            *response.body_mut() = serde_json::to_vec(body).map_err(Error::internal)?.into();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        *response.status_mut() = self.status;
        Ok(response)
    }

    fn describe(generator: &mut SchemaGenerator) -> Description {
        let schema = generator.subschema_for::<T>().to_value();
        Description::new(200, vec![("application/json".to_owned(), schema)])
    }
}
