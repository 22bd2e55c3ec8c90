//! A Tenon of these tests: who may do what, snapshots, the change feed; it fails as it is told.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
};

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tenon_id::members::{Credential, Members, Options, Seconds};

pub const SECRET: &str = "a-shared-secret-of-more-than-32-bytes";

pub type Tuple = (&'static str, &'static str, &'static str, &'static str);
pub const READ: Tuple = ("org", "7", "mkt", "read");
pub const WRITE: Tuple = ("org", "7", "mkt", "write");

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HashMap<String, String>,
    pub body: Value,
}

/// An answer, or the end of the connection.
pub enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    Cut,
    /// The connection stays open and nothing comes.
    Silence,
}

/// What to do with a request instead of answering it; `None`: answer it all the same.
pub type Step = Box<dyn FnOnce(&Tenon, &Request) -> Option<Reply> + Send>;

#[derive(Clone, Default)]
pub struct Person {
    pub version: i64,
    pub is_inactive: bool,
    pub is_deleted: bool,
    pub permissions: BTreeMap<Tuple, Option<f64>>,
}

#[derive(Default)]
pub struct World {
    pub people: HashMap<String, Person>,
    pub feed: Vec<Value>,
    pub version: i64,
    pub epoch: u64,
    pub is_down: bool,
    /// How far its clock is off.
    pub skew: f64,
    pub page: Option<usize>,
    pub plan: VecDeque<Step>,
    pub seen: Vec<Request>,
}

#[derive(Clone)]
pub struct Tenon {
    pub url: String,
    now: Arc<Mutex<f64>>,
    world: Arc<Mutex<World>>,
}

pub fn problem(status: u16, code: &str) -> Reply {
    refusal(status, code, Vec::new())
}

pub fn refusal(status: u16, code: &str, headers: Vec<(&'static str, String)>) -> Reply {
    let body = json!({ "status": status, "code": code, "detail": format!("because of {code}") });
    Reply::Answer(status, headers, body.to_string())
}

/// Answers so.
pub fn answer(make: impl FnOnce() -> Reply + Send + 'static) -> Step {
    Box::new(move |_, _| Some(make()))
}

pub fn found(document: &Value) -> Reply {
    Reply::Answer(200, Vec::new(), document.to_string())
}

fn text(at: f64) -> String {
    let at = DateTime::from_timestamp_micros((at * 1e6).round() as i64).unwrap();
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn names((scope_type, scope_id, module, action): Tuple) -> Value {
    json!({ "scope_type": scope_type, "scope_id": scope_id, "module": module, "action": action })
}

impl Tenon {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tenon =
            Self { url, now: Arc::new(Mutex::new(1_800_000_000.0)), world: Arc::new(Mutex::default()) };
        let own = tenon.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tenon = own.clone();
                std::thread::spawn(move || tenon.serve(stream.unwrap()));
            }
        });
        tenon
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
    pub fn now(&self) -> f64 {
        *self.now.lock().unwrap()
    }
    pub fn pass_by(&self, seconds: f64) {
        *self.now.lock().unwrap() += seconds;
    }
    pub fn plan(&self, steps: impl IntoIterator<Item = Step>) {
        self.world().plan.extend(steps);
    }
    /// How many requests there were since this was asked for last, and to what.
    pub fn seen(&self) -> Vec<Request> {
        std::mem::take(&mut self.world().seen)
    }

    /// Settings of a client by this clock and without a task.
    pub fn options(&self) -> Options {
        let now = self.now.clone();
        let clock: Seconds = Arc::new(move || *now.lock().unwrap());
        Options { background: false, clock: Some(clock), ..Options::default() }
    }
    pub fn client(&self) -> Members {
        self.client_with(self.options())
    }
    pub fn client_with(&self, options: Options) -> Members {
        Members::new(&self.url, &Credential::InternalSecret(SECRET.to_owned()), options).unwrap()
    }

    // What administrators do.

    pub fn grant(&self, sub: &str, permission: Tuple) {
        self.grant_for(sub, permission, None);
    }
    pub fn grant_for(&self, sub: &str, permission: Tuple, lasts: Option<f64>) {
        let end = lasts.map(|lasts| self.now() + lasts);
        self.world().people.entry(sub.to_owned()).or_default().permissions.insert(permission, end);
        self.change("grant", Some(sub), Some(permission));
    }
    pub fn revoke(&self, sub: &str, permission: Tuple) {
        self.world().people.entry(sub.to_owned()).or_default().permissions.remove(&permission);
        self.change("revoke", Some(sub), Some(permission));
    }
    pub fn disable(&self, sub: &str) {
        self.world().people.entry(sub.to_owned()).or_default().is_inactive = true;
        self.change("user_disabled", Some(sub), None);
    }
    pub fn enable(&self, sub: &str) {
        self.world().people.entry(sub.to_owned()).or_default().is_inactive = false;
        self.change("user_enabled", Some(sub), None);
    }
    pub fn delete(&self, sub: &str) {
        self.world().people.entry(sub.to_owned()).or_default().is_deleted = true;
        self.change("user_deleted", Some(sub), None);
    }
    /// One line of the feed, whoever has the role.
    pub fn change_role(&self, subs: &[&str], permission: Tuple, is_granted: bool) {
        self.change("role_changed", None, None);
        let mut world = self.world();
        let version = world.version;
        for sub in subs {
            let person = world.people.entry((*sub).to_owned()).or_default();
            person.version = version;
            if is_granted {
                person.permissions.insert(permission, None);
            } else {
                person.permissions.remove(&permission);
            }
        }
    }
    pub fn change(&self, op: &str, sub: Option<&str>, permission: Option<Tuple>) {
        let at = text(self.now());
        let mut world = self.world();
        world.version += 1;
        let version = world.version;
        if let Some(sub) = sub {
            world.people.entry(sub.to_owned()).or_default().version = version;
        }
        let item = json!({
            "seq": version, "authentik_sub": sub, "version": version, "op": op,
            "permission": permission.map(names), "at": at, "request_id": null,
        });
        world.feed.push(item);
    }
    /// Versions begin anew, and cursors of before mean nothing.
    pub fn restore_backup(&self) {
        let mut world = self.world();
        world.epoch += 1;
        world.feed.clear();
        world.version = 0;
        let mut version = 0;
        for person in world.people.values_mut() {
            version += 1;
            person.version = version;
        }
        world.version = version;
    }

    // The wire.

    pub fn document(&self, sub: &str) -> Value {
        let now = self.now();
        self.document_of(&self.world(), now, sub)
    }

    fn document_of(&self, world: &World, now: f64, sub: &str) -> Value {
        let (person, shown) = (&world.people[sub], now + world.skew);
        let lasts = |end: &Option<f64>| end.is_none_or(|end| now < end);
        let held = person.permissions.iter().filter(|(_, end)| !person.is_inactive && lasts(end));
        let permissions: Vec<Value> = held
            .map(|(tuple, end)| {
                let mut one = names(*tuple);
                one["expires_at"] = json!(end.map(|end| text(end + world.skew)));
                one
            })
            .collect();
        let ends = person.permissions.values().filter_map(|end| end.filter(|end| *end > now));
        let expires = ends.fold(shown + 300.0, |first, end| first.min(end + world.skew));
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json!(permissions).to_string().as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "schema": 1, "authentik_sub": sub, "user_id": format!("id-of-{sub}"),
            "is_active": !person.is_inactive, "version": person.version,
            "generated_at": text(shown), "expires_at": text(expires), "max_age": 300,
            "stale_if_error": 3600, "digest": format!("sha256:{digest}"), "permissions": permissions,
        })
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read(&mut reader) {
            let step = {
                let mut world = self.world();
                world.seen.push(request.clone());
                world.plan.pop_front()
            };
            let reply = step.and_then(|step| step(self, &request));
            match reply.unwrap_or_else(|| self.handle(&request)) {
                Reply::Answer(status, headers, body) => {
                    let mut head = format!("HTTP/1.1 {status} X\r\n");
                    for (name, value) in headers {
                        head.push_str(&format!("{name}: {value}\r\n"));
                    }
                    let body = if status == 304 { String::new() } else { body };
                    let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                    if reader.get_mut().write_all(whole.as_bytes()).is_err() {
                        return;
                    }
                }
                Reply::Cut => return,
                Reply::Silence => std::thread::sleep(std::time::Duration::from_secs(3)),
            }
        }
    }

    /// The usual answer.
    pub fn handle(&self, request: &Request) -> Reply {
        let now = self.now();
        let world = self.world();
        if world.is_down {
            return problem(503, "database_unavailable");
        }
        if request.headers.get("x-internal-secret").map(String::as_str) != Some(SECRET) {
            return problem(401, "internal_auth_required");
        }
        match request.path.trim_start_matches("/internal/permissions/") {
            "changes" => changes(&world, &request.query),
            "snapshots" => self.several(&world, now, &request.body),
            "check" => {
                let text = |name: &str| request.body[name].as_str().unwrap();
                let person = world.people.get(text("authentik_sub"));
                let holds = |person: &Person| {
                    person.permissions.keys().any(|(a, b, c, d)| {
                        (*a, *b, *c, *d)
                            == (text("scope_type"), text("scope_id"), text("module"), text("action"))
                    })
                };
                let allowed = person.is_some_and(|person| !person.is_inactive && holds(person));
                found(&json!({ "allowed": allowed, "version": world.version }))
            }
            path => self.one(&world, now, path.trim_end_matches("/snapshot"), request),
        }
    }

    fn one(&self, world: &World, now: f64, sub: &str, request: &Request) -> Reply {
        let Some(person) = world.people.get(sub) else { return problem(404, "user_not_found") };
        if person.is_deleted {
            return problem(410, "user_removed");
        }
        let document = self.document_of(world, now, sub);
        let tag = format!("\"{}-{}\"", person.version, &document["digest"].as_str().unwrap()[7..23]);
        let headers = vec![
            ("etag", tag.clone()),
            ("cache-control", "private, max-age=300, stale-if-error=3600".to_owned()),
        ];
        let is_known = request.headers.get("if-none-match") == Some(&tag);
        Reply::Answer(if is_known { 304 } else { 200 }, headers, document.to_string())
    }

    fn several(&self, world: &World, now: f64, body: &Value) -> Reply {
        let subs = body["subs"].as_array().unwrap();
        assert!(subs.len() <= 200);
        let (mut snapshots, mut not_modified, mut not_found) = (Vec::new(), Vec::new(), Vec::new());
        for sub in subs.iter().map(|sub| sub.as_str().unwrap()) {
            match world.people.get(sub).filter(|person| !person.is_deleted) {
                None => not_found.push(sub),
                Some(person) if body["if_versions"][sub] == person.version => not_modified.push(sub),
                Some(_) => snapshots.push(self.document_of(world, now, sub)),
            }
        }
        found(&json!({ "snapshots": snapshots, "not_modified": not_modified, "not_found": not_found }))
    }
}

fn changes(world: &World, query: &HashMap<String, String>) -> Reply {
    let page = |items: &[Value], at: i64, has_more: bool| {
        let cursor = format!("{}.{at}", world.epoch);
        found(&json!({ "items": items, "next_cursor": cursor, "has_more": has_more }))
    };
    let Some(since) = query.get("since") else { return page(&[], world.version, false) };
    let Some((epoch, after)) =
        since.split_once('.').and_then(|(e, a)| Some((e.parse().ok()?, a.parse().ok()?)))
    else {
        return problem(422, "validation_error");
    };
    let (epoch, after): (u64, i64) = (epoch, after);
    if epoch != world.epoch {
        return problem(410, "cursor_expired");
    }
    let items: Vec<Value> =
        world.feed.iter().filter(|item| item["seq"].as_i64().unwrap() > after).cloned().collect();
    let shown = &items[..items.len().min(world.page.unwrap_or(1_000))];
    let at = shown.last().map_or(after, |item| item["seq"].as_i64().unwrap());
    page(shown, at, shown.len() < items.len())
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let target = line.split_whitespace().nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        path: decode(path),
        query: pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

fn decode(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}
