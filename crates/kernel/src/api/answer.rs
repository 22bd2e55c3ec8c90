//! What handlers return, and how it is documented.

use axum::{body::Body, response::Response};
use base::{Error, Id, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderValue, StatusCode, header};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::Cx;

/// How an answer is described in the document.
#[derive(Clone, Debug)]
pub struct Description {
    /// Status of success.
    pub status: u16,
    /// Content type → schema; empty when there is no body.
    pub content: Vec<(String, Value)>,
    /// Whether it carries tokens or secrets, so that it may be kept nowhere.
    pub secret: bool,
}

impl Description {
    /// An answer without secrets.
    pub fn new(status: u16, content: Vec<(String, Value)>) -> Self {
        Self { status, content, secret: false }
    }
}

/// Something that a handler may return.
pub trait Answer: Send {
    /// The answer on the wire.
    fn respond(self, cx: &Cx) -> Result<Response>;
    /// The answer in the document.
    fn describe(generator: &mut SchemaGenerator) -> Description;
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Result<Response> {
    let bytes = serde_json::to_vec(body).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn json_description<T: JsonSchema>(status: u16, generator: &mut SchemaGenerator) -> Description {
    let schema = generator.subschema_for::<T>().to_value();
    Description::new(status, vec![("application/json".to_owned(), schema)])
}

/// 200 with a JSON body.
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema + Send> Answer for Json<T> {
    fn respond(self, _: &Cx) -> Result<Response> {
        json_response(StatusCode::OK, &self.0)
    }
    fn describe(generator: &mut SchemaGenerator) -> Description {
        json_description::<T>(200, generator)
    }
}

/// 201 with a JSON body and, when there is one place to find it, a `Location`.
pub struct Created<T> {
    /// The body.
    pub body: T,
    /// Path of the new thing.
    pub location: Option<String>,
}

impl<T> Created<T> {
    /// A new thing at `<collection>/<id>/`.
    pub fn at(collection: &str, id: Id, body: T) -> Self {
        Self { body, location: Some(format!("{collection}/{id}/")) }
    }
}

impl<T: Serialize + JsonSchema + Send> Answer for Created<T> {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = json_response(StatusCode::CREATED, &self.body)?;
        if let Some(location) = self.location {
            let value = HeaderValue::from_str(&location).map_err(Error::internal)?;
            response.headers_mut().insert(header::LOCATION, value);
        }
        Ok(response)
    }
    fn describe(generator: &mut SchemaGenerator) -> Description {
        json_description::<T>(201, generator)
    }
}

/// 202 with a JSON body: it will be done, or, where that must not be told, it may have been.
pub struct Accepted<T>(pub T);

impl<T: Serialize + JsonSchema + Send> Answer for Accepted<T> {
    fn respond(self, _: &Cx) -> Result<Response> {
        json_response(StatusCode::ACCEPTED, &self.0)
    }
    fn describe(generator: &mut SchemaGenerator) -> Description {
        json_description::<T>(202, generator)
    }
}

/// 204.
pub struct NoContent;

impl Answer for NoContent {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
    fn describe(_: &mut SchemaGenerator) -> Description {
        Description::new(204, Vec::new())
    }
}

/// A download.
pub struct File {
    /// Name offered to the person.
    pub name: String,
    /// Content type.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Body,
}

impl File {
    /// A download whose pieces are read while it goes out. Fused: a layer that compresses asks once more
    /// after the end.
    pub fn streamed(
        name: String,
        content_type: &'static str,
        pieces: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self { name, content_type, body: Body::from_stream(pieces.fuse()) }
    }
}

/// Server-sent events (WHATWG HTML, 9.2), as text that is ready to go out.
pub struct Events(Body);

impl Events {
    /// The events of a stream; the answer ends with it.
    pub fn of(events: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Body::from_stream(events.fuse()))
    }
}

impl Answer for Events {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = Response::new(self.0);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // What stands in between must not gather them.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }
    fn describe(_: &mut SchemaGenerator) -> Description {
        Description::new(200, vec![("text/event-stream".to_owned(), serde_json::json!({}))])
    }
}

impl Answer for File {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = Response::new(self.body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let safe: String =
            self.name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        let disposition = format!("attachment; filename=\"{safe}\"");
        let value = HeaderValue::from_str(&disposition).map_err(Error::internal)?;
        headers.insert(header::CONTENT_DISPOSITION, value);
        Ok(response)
    }
    fn describe(_: &mut SchemaGenerator) -> Description {
        let binary = serde_json::json!({ "type": "string", "format": "binary" });
        Description::new(200, vec![("application/octet-stream".to_owned(), binary)])
    }
}

/// 200 with text of some kind, made anew each time.
pub struct Page {
    content_type: &'static str,
    text: String,
}

impl Page {
    /// Text of a content type.
    pub fn new(content_type: &'static str, text: String) -> Self {
        Self { content_type, text }
    }
}

impl Answer for Page {
    fn respond(self, _: &Cx) -> Result<Response> {
        let mut response = Response::new(Body::from(self.text));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }
    fn describe(_: &mut SchemaGenerator) -> Description {
        Description::new(200, vec![("*/*".to_owned(), serde_json::json!({}))])
    }
}
