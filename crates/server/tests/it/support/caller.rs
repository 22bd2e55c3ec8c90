//! Somebody who calls the API.

use axum::body::Body;
use base::Id;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kernel::http::origin::Peer;
use serde_json::Value;
use server::edge::Edge;

/// A caller; cloning is cheap.
#[derive(Clone)]
pub struct Caller {
    edge: Edge,
    pub token: Option<String>,
    pub id: Id,
    pub name: String,
    pub username: String,
    pub session: Id,
    pub org: Option<Id>,
    pub role: Option<Id>,
    pub peer: std::net::SocketAddr,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Reply {
    /// The problem's code.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    /// The id of the record.
    pub fn id(&self) -> Id {
        self.body["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("no id in {}", self.body))
    }
    /// The items of a list.
    pub fn items(&self) -> &Vec<Value> {
        self.body["items"].as_array().unwrap_or_else(|| panic!("no items in {}", self.body))
    }
    /// The answer, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Caller {
    pub fn new(edge: Edge, token: Option<String>) -> Self {
        Self {
            edge,
            token,
            id: Id::nil(),
            name: String::new(),
            username: String::new(),
            session: Id::nil(),
            org: None,
            role: None,
            peer: ([127, 0, 0, 1], 40_000).into(),
            headers: vec![("user-agent".into(), "tests".into()), ("host".into(), "127.0.0.1:8000".into())],
        }
    }

    /// The same caller with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller with a header set.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        next.headers.retain(|(known, _)| known != name);
        next.headers.push((name.to_owned(), value.to_owned()));
        next
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }
    /// POST without a body.
    pub async fn act(&self, path: &str) -> Reply {
        self.send(Method::POST, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        match body {
            Some(body) => {
                self.raw(method, path, Some("application/json"), body.to_string().into_bytes()).await
            }
            None => self.raw(method, path, None, Vec::new()).await,
        }
    }

    /// Any bytes of any type.
    pub async fn raw(&self, method: Method, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(kind) = content_type {
            request = request.header("content-type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Peer(self.peer));
        // Boxed: the whole product is inside this future.
        let response = Box::pin(self.edge.answer(request)).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status: parts.status, headers: parts.headers, bytes, body }
    }
}
