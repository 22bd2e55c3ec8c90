//! A load of HTTP requests: some connections, each with one request at a time, in one thread.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How much is asked.
pub struct Load {
    /// Connections.
    pub connections: usize,
    /// How long is counted; a fifth of it goes before.
    pub time: Duration,
}

/// What is asked.
#[derive(Clone)]
pub struct Target {
    /// Of whom.
    pub address: SocketAddr,
    request: Vec<u8>,
}

/// What came.
pub struct Rate {
    /// Answers a second.
    pub per_second: f64,
    /// Half of them were faster, in milliseconds.
    pub p50: f64,
    /// One of a hundred was slower.
    pub p99: f64,
}

impl Target {
    /// A GET.
    pub fn get(address: SocketAddr, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        Self { address, request: request.into_bytes() }
    }
    /// A POST of JSON.
    pub fn post(address: SocketAddr, path: &str, body: &str) -> Self {
        Self::signed(address, "POST", path, body, "")
    }
    /// A request with JSON and further headers, each ended by a line break.
    pub fn signed(address: SocketAddr, method: &str, path: &str, body: &str, headers: &str) -> Self {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { address, request: request.into_bytes() }
    }
}

/// One connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Status and body of the answer.
    async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8]), String> {
        self.buffer.clear();
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the connection ended".to_owned());
            }
            // Servers write header names in lower case; every cycle spent here is taken from the server.
            let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else { continue };
            let head = &self.buffer[..end];
            let number = |at: usize| {
                let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
                digits.fold(0usize, |number, digit| number * 10 + usize::from(digit - b'0'))
            };
            let status = u16::try_from(number(9)).map_err(|_| "no status")?;
            let name = b"\r\ncontent-length: ";
            let at = memmem::find(head, name).ok_or("an answer without a length")?;
            let length = number(at + name.len());
            let begin = end + 4;
            if self.buffer.len() >= begin + length {
                return Ok((status, &self.buffer[begin..begin + length]));
            }
        }
    }
}

/// One request: status and body.
pub fn call(target: &Target) -> Result<(u16, serde_json::Value), String> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(target.address).await?;
        let (status, body) = connection.ask(&target.request).await?;
        Ok((status, serde_json::from_slice(body).unwrap_or_default()))
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// Puts the load on.
pub fn measure(load: &Load, target: &Target) -> Result<Rate, String> {
    let mut took: Vec<u32> = Vec::new();
    let begin = Instant::now();
    let (from, until) = (begin + load.time / 5, begin + load.time / 5 + load.time);
    runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..load.connections {
            let target = target.clone();
            tasks.spawn(async move {
                let mut connection = Connection::open(target.address).await?;
                let mut took = Vec::new();
                loop {
                    let asked = Instant::now();
                    let (status, body) = connection.ask(&target.request).await?;
                    let done = Instant::now();
                    if status != 200 || body.starts_with(b"{\"code\":4") || body.starts_with(b"{\"code\":5") {
                        let body = String::from_utf8_lossy(body).into_owned();
                        return Err(format!("answered {status}: {body}"));
                    }
                    if done >= until {
                        return Ok(took);
                    }
                    if asked >= from {
                        took.push(u32::try_from((done - asked).as_micros()).unwrap_or(u32::MAX));
                    }
                }
            });
        }
        while let Some(one) = tasks.join_next().await {
            took.extend(one.map_err(|error| error.to_string())??);
        }
        Ok::<_, String>(())
    })?;
    took.sort_unstable();
    let at = |share: f64| {
        let place = (took.len() as f64 * share) as usize;
        took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    };
    Ok(Rate { per_second: took.len() as f64 / load.time.as_secs_f64(), p50: at(0.5), p99: at(0.99) })
}

impl Target {
    /// The same request for another host; the header is ended by a line break.
    pub fn with_host(&self, header: &str) -> Self {
        let text = String::from_utf8_lossy(&self.request).replace("host: bench\r\n", header);
        Self { address: self.address, request: text.into_bytes() }
    }
}
