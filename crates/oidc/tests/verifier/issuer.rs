//! An issuer of forty lines, whose keys, answers and failures a test controls and whose fetches it counts.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use base::ManualClock;
use oidc::{Issuer, Verifier};
use outbound::{GuardedClient, Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::signer::{self, Signer};

const PATH: &str = "/application/o/member/";

/// What the issuer answers, and how often it was asked.
pub struct Script {
    pub jwks: String,
    pub jwks_status: u16,
    pub jwks_headers: String,
    pub document: Value,
    pub document_status: u16,
    /// Connections are closed without an answer.
    pub down: bool,
    /// Before each answer.
    pub delay: Duration,
    pub jwks_hits: usize,
    pub document_hits: usize,
}

/// A running issuer, a clock, and a verifier that trusts it.
pub struct World {
    script: Arc<Mutex<Script>>,
    pub origin: String,
    pub clock: ManualClock,
    pub verifier: Verifier,
    pub issuer: Issuer,
}

impl World {
    /// An issuer that publishes these keys, and is found by discovery.
    pub async fn with(keys: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let issuer = format!("{origin}{PATH}");
        let script = Arc::new(Mutex::new(Script {
            jwks: jwks(keys),
            jwks_status: 200,
            jwks_headers: String::new(),
            document: json!({"issuer": issuer, "jwks_uri": format!("{issuer}keys/")}),
            document_status: 200,
            down: false,
            delay: Duration::ZERO,
            jwks_hits: 0,
            document_hits: 0,
        }));
        serve(listener, Arc::clone(&script));
        let clock = ManualClock::default();
        let issuer = Issuer { audiences: vec!["member".into()], ..Issuer::new(issuer) };
        Self { script, origin, verifier: verifier(&clock), clock, issuer }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub fn publish(&self, keys: &[&Signer]) {
        self.script().jwks = jwks(keys);
    }

    /// Fetches of the JWK set so far.
    pub fn hits(&self) -> usize {
        self.script().jwks_hits
    }

    pub fn claims(&self) -> Value {
        signer::claims(&self.issuer.issuer, &self.clock)
    }

    /// The code of the refusal, or "ok".
    pub async fn try_token(&self, token: &str) -> String {
        self.judge(&self.issuer, token).await
    }

    pub async fn judge(&self, issuer: &Issuer, token: &str) -> String {
        match self.verifier.verify(issuer, token).await {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
    }

    /// Waits until so many fetches have been answered and what they brought is in use.
    pub async fn settle(&self, hits: usize) {
        for _ in 0..500 {
            if self.hits() >= hits {
                // The answer is on its way; the verifier takes it in within a moment.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} fetches of {hits}", self.hits());
    }
}

pub fn verifier(clock: &ManualClock) -> Verifier {
    let client = GuardedClient::new(Policy::parse(None, true).unwrap());
    Verifier::new(client, Arc::new(clock.clone()))
}

fn jwks(keys: &[&Signer]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

#[expect(clippy::disallowed_methods, reason = "a server for a test")]
fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, Arc::clone(&script)));
        }
    });
}

async fn answer(mut socket: TcpStream, script: Arc<Mutex<Script>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 2048];
        match socket.read(&mut chunk).await {
            Ok(length @ 1..) => request.extend_from_slice(&chunk[..length]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, headers, body, delay) = {
        let mut script = script.lock().unwrap();
        match path.strip_prefix(PATH) {
            Some(".well-known/openid-configuration") => {
                script.document_hits += 1;
                (script.document_status, String::new(), script.document.to_string(), script.delay)
            }
            Some("keys/" | "jwks/") => {
                script.jwks_hits += 1;
                (script.jwks_status, script.jwks_headers.clone(), script.jwks.clone(), script.delay)
            }
            _ => (404, String::new(), String::new(), Duration::ZERO),
        }
    };
    tokio::time::sleep(delay).await;
    if script.lock().unwrap().down {
        return;
    }
    let head = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let _written = socket.write_all(format!("{head}{body}").as_bytes()).await;
}
