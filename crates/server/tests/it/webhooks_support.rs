//! Receivers on this machine, verified with the standard's own library, for the tests of webhooks.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{body::Bytes, extract::State, response::Response};
use base::Id;
use http::HeaderMap;
use jobs::{Engine, NewJob, PLATFORM};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use store::Mode;
use tokio::task::JoinHandle;

use crate::support::{Caller, Org, TestApp, caller::Reply};

/// What came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub body: Value,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
    /// Whether the standard's library believes it, time included.
    pub fn is_good(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(&self.bytes, &self.headers).is_ok()
    }
    /// The same where the clock was moved: its signature only.
    pub fn is_signed(&self, secret: &str) -> bool {
        let timestamp = self.header("webhook-timestamp").parse().unwrap();
        let signed = Webhook::new(secret).unwrap().sign(self.header("webhook-id"), timestamp, &self.bytes);
        self.header("webhook-signature").split(' ').any(|one| one == signed.as_ref().unwrap())
    }
}

/// How a receiver answers.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// With a place to go to.
    Redirect(String),
    /// 200 with so many bytes.
    Long(usize),
    /// Never.
    Hang,
}

#[derive(Clone)]
struct Desk {
    received: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<Answer>>,
}

/// A receiver.
pub struct Receiver {
    pub address: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    pub async fn at(address: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Desk { received: Arc::default(), answer: Arc::new(Mutex::new(Answer::Status(200))) };
        let router = axum::Router::new().fallback(take).with_state(desk.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, desk, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
    pub fn answers(&self, answer: Answer) {
        *self.desk.answer.lock().unwrap() = answer;
    }
    pub fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }
    pub fn count(&self) -> usize {
        self.desk.received.lock().unwrap().len()
    }
    /// Types of events with the version that they tell of, in the order of the versions.
    pub fn told(&self) -> Vec<(String, Value)> {
        let mut all: Vec<(i64, String, Value)> = self
            .received()
            .iter()
            .map(|one| {
                let version = one.body["data"]["version"].as_i64().unwrap_or_default();
                (version, one.body["type"].as_str().unwrap().to_owned(), one.body["data"].clone())
            })
            .collect();
        all.sort_by_key(|(version, ..)| *version);
        all.into_iter().map(|(_, name, data)| (name, data)).collect()
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    desk.received.lock().unwrap().push(Received { headers, bytes, body });
    let answer = desk.answer.lock().unwrap().clone();
    let (status, place, body) = match answer {
        Answer::Status(status) => (status, None, format!("answer {status}")),
        Answer::Redirect(place) => (302, Some(place), String::new()),
        Answer::Long(bytes) => (200, None, "x".repeat(bytes)),
        Answer::Hang => {
            tokio::time::sleep(Duration::from_mins(5)).await;
            (200, None, String::new())
        }
    };
    let mut response = Response::builder().status(status);
    if let Some(place) = place {
        response = response.header("location", place);
    }
    response.body(body.into()).unwrap()
}

/// A webhook of the organisation and its secret.
pub struct Hook {
    pub id: Id,
    pub secret: String,
    /// The owner, with a key that outlives any session.
    pub owner: Caller,
}

impl Hook {
    pub fn path(&self, verb: &str) -> String {
        format!("/api/webhook-endpoints/{}/{verb}", self.id)
    }
    pub async fn view(&self) -> Value {
        self.owner.get(&self.path("")).await.expect(200).body
    }
    pub async fn ping(&self) -> Reply {
        self.owner.act(&self.path("ping")).await
    }
    /// What became of its messages, the newest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        let path = format!("/api/webhook-deliveries?endpoint_id={}&page_size=200", self.id);
        self.owner.get(&path).await.expect(200).items().clone()
    }
    /// How many are in which state.
    pub async fn states(&self, state: &str) -> usize {
        self.deliveries().await.iter().filter(|one| one["state"] == state).count()
    }
    /// One with its tries.
    pub async fn delivery(&self, of: &Value) -> Value {
        let path = format!("/api/webhook-deliveries/{}", of["id"].as_str().unwrap());
        self.owner.get(&path).await.expect(200).body
    }
}

/// The organisation's owner with a key: the clock is moved beyond the end of any access token.
async fn lasting(org: &Org, name: &str) -> Caller {
    let key = org.owner.post("/api/auth/api-keys", json!({ "name": name })).await.expect(201);
    org.owner.with_token(key.body["key"].as_str().unwrap())
}

/// Makes a webhook.
pub async fn hook(org: &Org, name: &str, url: &str, event_types: Value) -> Hook {
    let body = json!({ "name": name, "url": url, "event_types": event_types });
    let made = org.owner.post("/api/webhook-endpoints", body).await.expect(201);
    let owner = lasting(org, name).await;
    let id = made.body["endpoint"]["id"].as_str().unwrap().parse().unwrap();
    Hook { id, secret: made.body["secret"].as_str().unwrap().to_owned(), owner }
}

/// Tells of what has changed, and does every job that is due.
pub async fn tell(app: &TestApp) {
    while members::relay(&app.app).await.unwrap() > 0 {}
    app.work().await;
}

/// Moves the clock by steps and works after each of them.
pub async fn pass(app: &TestApp, step: chrono::TimeDelta, times: usize) {
    for _ in 0..times {
        app.clock.advance(step);
        app.work().await;
    }
}

/// Has a job of the product run now.
pub async fn run(app: &TestApp, kind: &str) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    let engine = app.app.service::<Engine>().unwrap();
    engine.enqueue(&tx, NewJob::named(PLATFORM, kind, json!({}))).await.unwrap();
    tx.commit().await.unwrap();
    app.work().await;
}
