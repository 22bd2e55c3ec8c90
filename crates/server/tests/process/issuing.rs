//! Ids over HTTP while nodes are killed with SIGKILL and started again: eight clients write down what they
//! got, and what they asked when no answer came; at the end this is compared with the journal.
//!
//! Every client calls for ids of four keys in turn: strict and buffered, each with and without `sync`. Half
//! of the clients have an API key, the others show nothing. Some calls carry an `Idempotency-Key` and are
//! sent again, to another node, until they are answered. `TENON_FAULT_SECONDS` says for how long (12).
//!
//! The strict keys count in the database, or in a Redis that is flushed, killed and started empty, and killed
//! and started from an old dump meanwhile.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    folder,
    redis::Redis,
    support::{self, Place, Server, places},
};

const CLIENTS: usize = 8;
/// Mode and `sync` of the keys.
const MODES: [(&str, bool); 4] =
    [("strict", false), ("buffered", false), ("strict", true), ("buffered", true)];

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
fn seconds() -> u64 {
    std::env::var("TENON_FAULT_SECONDS").map_or(12, |seconds| seconds.parse().unwrap())
}

fn dice(faces: usize) -> usize {
    usize::from(u16::from_ne_bytes(base::random::bytes())) % faces
}

/// Where nodes are to be found; where one is dead, nowhere.
type Addresses = Mutex<Vec<Option<String>>>;

/// Servers on one database.
struct Nodes<'a> {
    command: &'a (dyn Fn() -> Command + Sync),
    servers: Vec<Option<Server>>,
    addresses: &'a Addresses,
}

impl Nodes<'_> {
    /// One more.
    fn add(&mut self) -> &Server {
        let server = Server::start(&mut (self.command)());
        self.addresses.lock().unwrap().push(Some(server.address.clone()));
        self.servers.push(Some(server));
        self.first()
    }
    fn first(&self) -> &Server {
        self.servers[0].as_ref().unwrap()
    }
    /// SIGKILL, and a new one in its place.
    fn replace(&mut self, one: usize) {
        self.addresses.lock().unwrap()[one] = None;
        self.servers[one].take().unwrap().kill();
        let server = Server::start(&mut (self.command)());
        self.addresses.lock().unwrap()[one] = Some(server.address.clone());
        self.servers[one] = Some(server);
    }
}

/// Somebody who asks.
#[derive(Clone)]
struct Client {
    number: usize,
    /// None shows nothing.
    api_key: Option<String>,
    /// As the journal names him.
    caller: String,
}

/// A range that a client got.
#[derive(Clone, Debug)]
struct Got {
    mode: usize,
    caller: String,
    is_named: bool,
    /// With an `Idempotency-Key`.
    is_kept: bool,
    asked: Duration,
    answered: Duration,
    start: i64,
    end: i64,
}

/// A call that got no answer, and was not sent again.
struct Lost {
    mode: usize,
    caller: String,
    count: i64,
}

#[derive(Default)]
struct Notes {
    got: Vec<Got>,
    lost: Vec<Lost>,
    refused: BTreeMap<String, usize>,
    repeats: usize,
}

/// A connection that is kept.
struct Line {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Line {
    fn open(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self { address: address.to_owned(), stream: BufReader::new(stream) })
    }

    fn post(&mut self, headers: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let text = body.to_string();
        let request = format!(
            "POST /api/segment/allocate HTTP/1.1\r\nhost: {}\r\nuser-agent: tests\r\n{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            self.address,
            text.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let head = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = head.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
            } else if let Some(value) = head.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or_default();
            } else if head.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).map_err(|_| std::io::ErrorKind::InvalidData)?;
        Ok((status, body))
    }
}

/// An answer, if there was one.
enum Outcome {
    Given(i64, i64),
    Refused(String),
    Silence,
}

/// Any node that lives, another one than before where that one fell silent.
fn call(line: &mut Option<Line>, addresses: &Addresses, headers: &str, ask: &Value) -> Outcome {
    if line.is_none() || dice(50) == 0 {
        let live: Vec<String> = addresses.lock().unwrap().iter().flatten().cloned().collect();
        if live.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
            return Outcome::Refused("no node lives".to_owned());
        }
        // Nobody was asked yet, so nothing is lost.
        match Line::open(&live[dice(live.len())]) {
            Ok(open) => *line = Some(open),
            Err(_) => {
                std::thread::sleep(Duration::from_millis(5));
                return Outcome::Refused("nobody is there".to_owned());
            }
        }
    }
    match line.as_mut().unwrap().post(headers, ask) {
        Ok((200, body)) if body["code"] == 0 => {
            let id = |name: &str| body["data"][name].as_i64().unwrap();
            Outcome::Given(id("start"), id("end"))
        }
        Ok((status, body)) => Outcome::Refused(format!("{status} {body}")),
        Err(_) => {
            *line = None;
            Outcome::Silence
        }
    }
}

/// Asks until it is told to stop.
fn ask(client: &Client, addresses: &Addresses, stop: &AtomicBool, zero: Instant) -> Notes {
    let (mut notes, mut line) = (Notes::default(), None);
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (mode, count) = (dice(MODES.len()), 1 + i64::try_from(dice(30)).unwrap());
        let is_kept = dice(4) == 0;
        let mut headers = String::new();
        if let Some(key) = &client.api_key {
            headers += &format!("x-api-key: {key}\r\n");
        }
        if is_kept {
            headers += &format!("idempotency-key: client-{}-{number}\r\n", client.number);
        }
        let body = json!({
            "system_code": "fault", "db_name": "d", "table_name": format!("t{mode}"), "field_name": "id",
            "segment_count": count,
        });
        let asked = zero.elapsed();
        let mut tries = 0;
        loop {
            tries += 1;
            match call(&mut line, addresses, &headers, &body) {
                Outcome::Given(start, end) => {
                    assert_eq!(end - start + 1, count, "as many as were asked for");
                    notes.repeats += usize::from(tries > 1);
                    notes.got.push(Got {
                        mode,
                        caller: client.caller.clone(),
                        is_named: client.api_key.is_some(),
                        is_kept,
                        asked,
                        answered: zero.elapsed(),
                        start,
                        end,
                    });
                    break;
                }
                // Whoever has named the call sends it again.
                Outcome::Silence if is_kept => {}
                Outcome::Silence => {
                    notes.lost.push(Lost { mode, caller: client.caller.clone(), count });
                    break;
                }
                Outcome::Refused(why) => {
                    *notes.refused.entry(why).or_default() += 1;
                    // An unsettled call is settled; any other one was not made.
                    if !is_kept || tries == 1 {
                        break;
                    }
                    assert!(zero.elapsed() < Duration::from_secs(seconds() + 90), "never answered: {body}");
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
    notes
}

/// A key as it is at the end.
struct Account {
    key: Value,
    lines: Vec<Value>,
    spans: Vec<(i64, i64)>,
}

fn id(value: &Value) -> i64 {
    value.as_str().unwrap_or_else(|| panic!("no id: {value}")).parse().unwrap()
}

fn read(server: &Server, token: &str, key: &str) -> Account {
    let get = |path: &str| {
        let answer = server.get(&format!("/api/id-keys/{key}{path}"), Some(token));
        answer.is(200);
        answer.body
    };
    let check = server.post(&format!("/api/id-keys/{key}/check"), Some(token), &json!({}));
    check.is(200);
    assert_eq!(check.body["findings"], json!([]), "two owners");
    let (mut lines, mut from) = (Vec::new(), "0".to_owned());
    loop {
        let page = get(&format!("/journal?limit=500&from={from}"));
        lines.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => from = next.to_owned(),
            None => break,
        }
    }
    let spans = get("/spans")["items"].as_array().unwrap().clone();
    let spans = spans.iter().map(|span| (id(&span["start"]), id(&span["end"]))).collect();
    Account { key: get("/"), lines, spans }
}

/// If A's answer came before B was asked, A's ids are lower: over all clients and nodes.
fn assert_rising(got: &[&Got]) {
    let (mut by_answer, mut by_question) = (got.to_vec(), got.to_vec());
    by_answer.sort_by_key(|one| one.answered);
    by_question.sort_by_key(|one| one.asked);
    let (mut highest, mut answered) = (0, by_answer.into_iter().peekable());
    for one in by_question {
        while let Some(before) = answered.next_if(|before| before.answered < one.asked) {
            highest = highest.max(before.end);
        }
        assert!(one.start > highest, "{one:?} was asked for after {highest} had been answered");
    }
}

/// Received against written.
fn compare(mode: usize, account: &Account, got: &[&Got], lost: &[&Lost]) {
    let (kind, is_sync) = MODES[mode];
    let name = format!("{kind}{}", if is_sync { " with sync" } else { "" });
    let (state, reason) = (&account.key["state"], &account.key["reason"]);
    assert_eq!((state, reason), (&json!("active"), &Value::Null), "{name}");
    let mut sorted = got.to_vec();
    sorted.sort_by_key(|one| one.start);
    for pair in sorted.windows(2) {
        assert!(pair[0].end < pair[1].start, "{name}: issued twice: {:?} and {:?}", pair[0], pair[1]);
    }
    assert!(sorted.last().is_none_or(|last| last.end <= id(&account.key["ceiling"])), "{name}");
    // Lines begin where the one before has ended, or later.
    let mut lines: BTreeMap<i64, (i64, &Value)> = BTreeMap::new();
    for line in &account.lines {
        let (start, end) = (id(&line["start"]), id(&line["end"]));
        assert_ne!(line["kind"], "returned", "{name}");
        assert!(lines.insert(start, (end, line)).is_none(), "{name}: two lines begin at {start}");
    }
    let mut before = 0;
    for (start, (end, line)) in &lines {
        assert!(*start > before, "{name}: {line} overlaps what ends at {before}");
        before = *end;
    }
    let at = |id: i64| lines.range(..=id).next_back().filter(|(_, (end, _))| *end >= id);
    let (mut unwritten, mut received) = (0, BTreeMap::<i64, i64>::new());
    for one in got {
        let Some((start, (end, line))) = at(one.start) else {
            assert!(!is_sync && !one.is_kept, "{name}: received and not written: {one:?}");
            unwritten += 1;
            assert!(at(one.end).is_none() && lines.range(one.start..=one.end).next().is_none(), "{one:?}");
            let spans = &account.spans;
            // A span ends with its lease, and a range may reach from one lease into the next.
            let in_spans = |start: i64, end: i64| -> i64 {
                spans.iter().map(|span| (span.1.min(end) - span.0.max(start) + 1).max(0)).sum()
            };
            let is_open = in_spans(one.start, one.end) == one.end - one.start + 1;
            // The answer has a thousand spans at most, the lowest.
            let beyond = spans.len() >= 1_000 && spans.last().is_some_and(|(_, end)| *end < one.end);
            assert!(is_open || beyond, "{name}: neither written nor unattributed: {one:?}");
            continue;
        };
        assert_eq!(
            (&line["kind"], &line["caller"]),
            (&json!("issued"), &json!(one.caller)),
            "{name}: {one:?}"
        );
        if one.is_named || one.is_kept {
            assert_eq!((*start, *end), (one.start, one.end), "{name}: not the range that was received");
        }
        assert!(one.end <= *end, "{name}: {one:?} reaches beyond {line}");
        *received.entry(*start).or_default() += one.end - one.start + 1;
    }
    // What is written and nobody received was asked for by calls that got no answer.
    let mut owed: BTreeMap<&str, i64> = BTreeMap::new();
    for (start, (end, line)) in lines.iter().filter(|(_, (_, line))| line["kind"] == "issued") {
        let nobodys = end - start + 1 - received.get(start).copied().unwrap_or(0);
        *owed.entry(line["caller"].as_str().unwrap_or_default()).or_default() += nobodys;
    }
    for (caller, nobodys) in &owed {
        let asked: i64 = lost.iter().filter(|one| one.caller == *caller).map(|one| one.count).sum();
        assert!(*nobodys <= asked, "{name}: {caller} was given {nobodys} ids that nobody asked for, {asked}");
    }
    println!(
        "{name}: {} ranges, {} lines, {unwritten} ranges unwritten, {} unanswered, ceiling {}",
        got.len(),
        lines.len(),
        lost.len(),
        account.key["ceiling"]
    );
}

/// One thing that happens to Redis; what it was.
fn strike(redis: &mut Redis) -> &'static str {
    match dice(4) {
        0 => {
            redis.command(&["FLUSHALL"]);
            "flushed"
        }
        1 => {
            redis.command(&["SAVE"]);
            "saved"
        }
        2 => {
            redis.restart_empty();
            "empty"
        }
        _ => {
            redis.restart();
            "from a dump"
        }
    }
}

fn run(place: &Place, count: usize, mut redis: Option<Redis>) {
    let dir = folder();
    let url = redis.as_ref().map(Redis::url);
    let command = || {
        let mut command = support::tenon(dir.path());
        command.env("DATABASE_URL", &place.url).env("LOG_LEVEL", "error");
        if let Some(url) = &url {
            command.env("REDIS_URL", url);
        }
        command
    };
    let addresses = Addresses::default();
    let mut nodes = Nodes { command: &command, servers: Vec::new(), addresses: &addresses };
    let token = nodes.add().set_up();
    for _ in 1..count {
        nodes.add();
    }
    let create = |(mode, (kind, sync)): (usize, (&str, bool))| {
        let parts = json!({
            "system_code": "fault", "database": "d", "table": format!("t{mode}"), "field": "id",
        });
        let counter = if url.is_some() && kind == "strict" { "redis" } else { "sql" };
        let body = json!({ "parts": parts, "mode": kind, "sync": sync, "counter": counter });
        let made = nodes.first().post("/api/id-keys", Some(&token), &body);
        made.is(201);
        made.body["id"].as_str().unwrap().to_owned()
    };
    let keys: Vec<String> = MODES.into_iter().enumerate().map(create).collect();
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            if number % 2 == 0 {
                return Client { number, api_key: None, caller: "anonymous 127.0.0.1".to_owned() };
            }
            let body = json!({ "name": format!("client {number}") });
            let made = nodes.first().post("/api/auth/api-keys", Some(&token), &body);
            made.is(201);
            let caller = format!("owner (key {})", made.body["id"].as_str().unwrap());
            Client { number, api_key: made.body["key"].as_str().map(str::to_owned), caller }
        })
        .collect();
    let (stop, zero) = (AtomicBool::new(false), Instant::now());
    let (mut kills, mut strikes) = (0, BTreeMap::<&str, usize>::new());
    let notes: Vec<Notes> = std::thread::scope(|scope| {
        let (addresses, stop) = (&addresses, &stop);
        let start = |client| scope.spawn(move || ask(client, addresses, stop, zero));
        let threads: Vec<_> = clients.iter().map(start).collect();
        while zero.elapsed() < Duration::from_secs(seconds()) {
            std::thread::sleep(Duration::from_millis(700 + dice(600) as u64));
            nodes.replace(dice(count));
            kills += 1;
            if let Some(redis) = &mut redis {
                *strikes.entry(strike(redis)).or_default() += 1;
            }
        }
        stop.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // Those that end in order write what they have.
    nodes.servers.into_iter().flatten().for_each(Server::terminate);
    let server = Server::start(&mut command());
    let token = server.sign_in("owner", support::PASSWORD);
    let got: Vec<&Got> = notes.iter().flat_map(|notes| &notes.got).collect();
    let lost: Vec<&Lost> = notes.iter().flat_map(|notes| &notes.lost).collect();
    let repeats: usize = notes.iter().map(|notes| notes.repeats).sum();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for (why, times) in notes.iter().flat_map(|notes| &notes.refused) {
        *refused.entry(why).or_default() += times;
    }
    println!(
        "{}: {kills} kills, Redis {strikes:?}, {} answers, {} calls lost, {repeats} sent again, refused: {refused:?}",
        place.name,
        got.len(),
        lost.len()
    );
    // A node that was just started, or whose database is busy, may ask for patience; nothing else.
    let is_patience = |why: &&str| why.starts_with("no") || why.starts_with("503 ");
    assert!(refused.keys().all(is_patience), "{refused:?}");
    assert!(got.len() > 100 && kills > 2, "{} answers, {kills} kills", got.len());
    for (mode, key) in keys.iter().enumerate() {
        let of = |one: &&&Got| one.mode == mode;
        let got: Vec<&Got> = got.iter().filter(of).copied().collect();
        let lost: Vec<&Lost> = lost.iter().filter(|one| one.mode == mode).copied().collect();
        if MODES[mode].0 == "strict" {
            assert_rising(&got);
        }
        compare(mode, &read(&server, &token, key), &got, &lost);
    }
    server.terminate();
}

#[test]
fn three_nodes_on_one_server_that_are_killed_again_and_again_issue_no_id_twice() {
    for place in places("issuing").iter().filter(|place| place.name != "sqlite") {
        run(place, 3, None);
    }
}

#[test]
fn nodes_that_count_in_a_redis_which_is_flushed_emptied_and_set_back_issue_no_id_twice() {
    for place in places("counting").iter().filter(|place| place.name != "sqlite") {
        run(place, 3, Some(Redis::start()));
    }
}

#[test]
fn a_node_on_the_embedded_database_that_is_killed_again_and_again_issues_no_id_twice() {
    let all = places("alone");
    run(all.iter().find(|place| place.name == "sqlite").unwrap(), 1, None);
}
