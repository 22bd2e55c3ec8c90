//! Targets, scratch databases that go away with their value, and peers that say what they are told.

use std::time::Duration;

use connector::{Column, Connector, Found, KeyOf, Limits, Product, Session, Target};
use outbound::Policy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
pub fn server(variable: &str) -> Option<Url> {
    let found = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    found.map(|url| Url::parse(&url).unwrap())
}

/// Databases whose names begin alike; they are dropped with the value.
pub struct Scratch {
    url: Url,
    prefix: String,
    run: fn(&Url, &str, Vec<String>),
    dropping: Vec<String>,
}

impl Scratch {
    pub fn new(url: Url, test: &str, run: fn(&Url, &str, Vec<String>)) -> Self {
        Self { url, prefix: format!("tenon_test_{}_{test}", std::process::id()), run, dropping: Vec::new() }
    }

    pub fn name(&self, of: &str) -> String {
        format!("{}_{of}", self.prefix)
    }

    /// Runs statements on the server; `on` is a database, or empty for the URL's own.
    pub fn run(&self, on: &str, statements: &[&str]) {
        let statements = statements.iter().map(|one| (*one).to_owned()).collect();
        // A runtime of its own: a drop may have to wait for it.
        let (run, url, on) = (self.run, self.url.clone(), on.to_owned());
        std::thread::spawn(move || run(&url, &on, statements)).join().unwrap();
    }

    /// What undoes it all, in order.
    pub fn drop_with(&mut self, statement: String) {
        self.dropping.push(statement);
    }

    pub fn target(&self, product: Product, database: Option<&str>) -> Target {
        let address =
            format!("{}:{}", self.url.host_str().unwrap(), self.url.port_or_known_default().unwrap_or(0));
        let address = if address.ends_with(":0") { self.url.host_str().unwrap().to_owned() } else { address };
        let password = self.url.password().unwrap_or_default().to_owned();
        Target::new(product, &address, self.url.username(), password.into(), database).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (run, url, statements) = (self.run, self.url.clone(), std::mem::take(&mut self.dropping));
        let _ = std::thread::spawn(move || run(&url, "", statements)).join();
    }
}

pub fn connector() -> Connector {
    Connector::new(Policy::parse(None, true).unwrap(), Limits::default())
}

/// One that gives up soon.
pub fn hasty() -> Connector {
    let limits = Limits {
        connect: Duration::from_millis(600),
        statement: Duration::from_millis(300),
        total: Duration::from_secs(5),
        ..Limits::default()
    };
    connector().with_limits(limits)
}

/// The keys as one line for each table: `schema.table column type range`.
pub fn lines(found: &[Found]) -> Vec<String> {
    let of = |one: &Found| {
        let schema = one.table.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        let key = match &one.key {
            KeyOf::Column(column) => format!("{} {:?}", column.name, column.integer.unwrap()),
            KeyOf::None => "has no key".to_owned(),
            KeyOf::NotInteger(column) => format!("{} is {}", column.name, column.declared),
            KeyOf::View => "is a view".to_owned(),
        };
        format!("{schema}{} {key}", one.table.name)
    };
    found.iter().map(of).collect()
}

/// The key's column of a table that was found.
pub fn key(found: &[Found], table: &str) -> (connector::Table, Column) {
    let one = found.iter().find(|one| one.table.name == table).unwrap();
    match &one.key {
        KeyOf::Column(column) | KeyOf::NotInteger(column) => (one.table.clone(), column.clone()),
        other => panic!("{table} has {other:?}"),
    }
}

pub async fn highest(session: &mut Session, found: &[Found], table: &str) -> Option<i128> {
    let (table, column) = key(found, table);
    session.highest(&table, &column).await.unwrap()
}

/// Which column is meant, as `schema.table.column`.
pub async fn column(
    session: &mut Session,
    schema: Option<&str>,
    table: &str,
    column: &str,
) -> Option<String> {
    let (table, column) = session.column(schema, table, column).await.unwrap()?;
    let schema = table.schema.map(|schema| format!("{schema}.")).unwrap_or_default();
    Some(format!("{schema}{}.{}", table.name, column.name))
}

/// A port of a listener that hands each connection to `speak`.
#[expect(clippy::disallowed_methods, reason = "a peer works beside the test")]
pub async fn peer<F>(speak: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(speak(stream));
        }
    });
    port
}

/// A peer that reads, answers once, and reads on until the other side hangs up.
pub async fn answering(answer: Vec<u8>) -> u16 {
    peer(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut sink = [0_u8; 4096];
            if stream.read(&mut sink).await.unwrap_or(0) > 0 && stream.write_all(&answer).await.is_ok() {
                while stream.read(&mut sink).await.unwrap_or(0) > 0 {}
            }
        }
    })
    .await
}

/// A port that nobody listens on.
pub async fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port()
}

pub fn target(product: Product, port: u16, password: &str) -> Target {
    let address = format!("127.0.0.1:{port}");
    Target::new(product, &address, "app", password.to_owned().into(), Some("shop")).unwrap()
}
