//! A load of HTTP requests in one thread: some connections, each with one request at a time; or so many
//! requests a second, whether answers come or not.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, mpsc},
};

use crate::load::Latency;

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
    /// As it is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.request
    }
    /// A GET.
    pub fn get(address: SocketAddr, path: &str) -> Self {
        Self::get_with(address, path, "")
    }
    /// A GET with further headers, each ended by a line break.
    pub fn get_with(address: SocketAddr, path: &str, headers: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n");
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

/// An answer.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its head, with names in lower case.
    pub head: &'a [u8],
    /// Its body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// A header of it.
    pub fn header(&self, name: &str) -> Option<String> {
        let wanted = format!("\r\n{name}: ");
        let begin = memmem::find(self.head, wanted.as_bytes())? + wanted.len();
        let value = self.head[begin..].split(|byte| *byte == b'\r').next()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The answer to a request.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, String> {
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
            let length = match (memmem::find(head, name), status) {
                // Whatever it says, nothing follows.
                (_, 204 | 304) => 0,
                (Some(at), _) => number(at + name.len()),
                (None, _) => return Err("an answer without a length".to_owned()),
            };
            let begin = end + 4;
            if self.buffer.len() >= begin + length {
                let (head, body) = self.buffer[..begin + length].split_at(begin);
                return Ok(Answer { status, head, body });
            }
        }
    }
}

/// One request: status and body.
pub fn call(target: &Target) -> Result<(u16, serde_json::Value), String> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(target.address).await?;
        let answer = connection.ask(&target.request).await?;
        Ok((answer.status, serde_json::from_slice(answer.body).unwrap_or_default()))
    })
}

/// A runtime of one thread: what the load takes is taken from the server.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// Puts the load on: the same request again and again.
pub fn measure(load: &Load, target: &Target) -> Result<Rate, String> {
    let usual = |answer: &Answer<'_>| {
        let body = answer.body;
        answer.status == 200 && !body.starts_with(b"{\"code\":4") && !body.starts_with(b"{\"code\":5")
    };
    measure_any(load, std::slice::from_ref(target), usual)
}

/// Puts the load on: one of the requests at a time, drawn anew for each. `fits` judges answers.
pub fn measure_any(load: &Load, targets: &[Target], fits: fn(&Answer<'_>) -> bool) -> Result<Rate, String> {
    let mut took: Vec<u32> = Vec::new();
    let begin = Instant::now();
    let (from, until) = (begin + load.time / 5, begin + load.time / 5 + load.time);
    let address = targets.first().ok_or("nothing to ask")?.address;
    let requests: Arc<[Vec<u8>]> = targets.iter().map(|target| target.request.clone()).collect();
    runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..load.connections {
            let requests = requests.clone();
            tasks.spawn(async move {
                let mut dice = Dice::new(connection as u64);
                let mut connection = Connection::open(address).await?;
                let mut took = Vec::new();
                loop {
                    let request = &requests[dice.below(requests.len())];
                    let asked = Instant::now();
                    let answer = connection.ask(request).await?;
                    let done = Instant::now();
                    if !fits(&answer) {
                        return Err(unfit(&answer));
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

fn unfit(answer: &Answer<'_>) -> String {
    format!("answered {}: {}", answer.status, String::from_utf8_lossy(answer.body))
}

/// Connections of an open loop: more than are ever used unless answers take long.
const OPEN: usize = 64;

/// Asks `rate` times a second, each time one of the requests, whether answers have come or not. What an answer
/// took counts from when it was to be asked for, so that whoever waits for a connection counts as well.
pub fn measure_open(
    rate: u32,
    time: Duration,
    targets: &[Target],
    fits: fn(&Answer<'_>) -> bool,
) -> Result<Latency, String> {
    let address = targets.first().ok_or("nothing to ask")?.address;
    let requests: Arc<[Vec<u8>]> = targets.iter().map(|target| target.request.clone()).collect();
    let (due, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..OPEN {
            let (requests, queue) = (requests.clone(), queue.clone());
            let mut connection_to = Connection::open(address).await?;
            tasks.spawn(async move {
                let (mut dice, mut took) = (Dice::new(connection as u64), Vec::new());
                while let Some(at) = next(&queue).await {
                    let answer = connection_to.ask(&requests[dice.below(requests.len())]).await?;
                    took.push(Instant::now().saturating_duration_since(at));
                    if !fits(&answer) {
                        return Err(unfit(&answer));
                    }
                }
                Ok::<_, String>(took)
            });
        }
        // A thread of its own: a timer of the runtime counts in whole milliseconds.
        let clock = std::thread::spawn(move || {
            let begin = Instant::now();
            let count = u32::try_from(time.as_millis() * u128::from(rate) / 1_000).unwrap_or(u32::MAX);
            for number in 0..count {
                let at = begin + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if due.send(at).is_err() {
                    return;
                }
            }
        });
        let mut took = Vec::new();
        while let Some(one) = tasks.join_next().await {
            took.extend(one.map_err(|error| error.to_string())??);
        }
        clock.join().map_err(|_| "the clock of the load broke")?;
        Ok(Latency::of(took))
    })
}

async fn next(queue: &Mutex<mpsc::UnboundedReceiver<Instant>>) -> Option<Instant> {
    queue.lock().await.recv().await
}

/// Asks for each of `targets` once, over so many connections; `keep` is given each answer with its place.
pub fn each(
    connections: usize,
    targets: &[Target],
    mut keep: impl FnMut(usize, &Answer<'_>) -> Result<(), String>,
) -> Result<Latency, String> {
    let address = targets.first().ok_or("nothing to ask")?.address;
    runtime()?.block_on(async {
        let (mut places, mut took) = (0..targets.len(), Vec::with_capacity(targets.len()));
        let (done, mut answers) = mpsc::channel::<(usize, Duration, u16, Vec<u8>, Vec<u8>)>(connections);
        let mut tasks = tokio::task::JoinSet::new();
        let share = targets.len().div_ceil(connections.max(1));
        for _ in 0..connections {
            let own: Vec<(usize, Vec<u8>)> =
                places.by_ref().take(share).map(|at| (at, targets[at].request.clone())).collect();
            let done = done.clone();
            tasks.spawn(async move {
                let mut connection = Connection::open(address).await?;
                for (at, request) in own {
                    let asked = Instant::now();
                    let answer = connection.ask(&request).await?;
                    let kept =
                        (at, asked.elapsed(), answer.status, answer.head.to_vec(), answer.body.to_vec());
                    done.send(kept).await.map_err(|error| error.to_string())?;
                }
                Ok::<_, String>(())
            });
        }
        drop(done);
        while let Some((at, time, status, head, body)) = answers.recv().await {
            took.push(time);
            keep(at, &Answer { status, head: &head, body: &body })?;
        }
        while let Some(one) = tasks.join_next().await {
            one.map_err(|error| error.to_string())??;
        }
        Ok(Latency::of(took))
    })
}

/// Numbers that are as good as chance, and the same in each run (SplitMix64).
pub struct Dice(u64);

impl Dice {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x2545_f491_4f6c_dd1d))
    }
    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (end.max(1) as u64)).unwrap_or_default()
    }
}

impl Target {
    /// The same request for another host; the header is ended by a line break.
    pub fn with_host(&self, header: &str) -> Self {
        let text = String::from_utf8_lossy(&self.request).replace("host: bench\r\n", header);
        Self { address: self.address, request: text.into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_reach_everybody_and_are_the_same_in_each_run() {
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (0..1_000).map(|_| dice.below(100)).collect::<Vec<_>>()
        };
        let all: std::collections::BTreeSet<usize> = draw(1).into_iter().collect();
        assert!(all.len() == 100 && draw(1) == draw(1) && draw(1) != draw(2));
    }

    #[test]
    fn headers_of_an_answer_are_found_by_their_names() {
        let answer = Answer {
            status: 304,
            head: b"HTTP/1.1 304 Not Modified\r\netag: \"4-ab\"\r\nvary: x\r\n\r\n",
            body: b"",
        };
        assert_eq!(answer.header("etag").as_deref(), Some("\"4-ab\""));
        assert_eq!(answer.header("age"), None);
    }
}
