//! A small Authentik: users and groups in memory, behind the routes of its admin API that are used, with its
//! answers and errors. What it does is after members, section 12.2; that its answers have the published form
//! is seen by the tests that put Authentik's own contract in front of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The token that it accepts.
pub const TOKEN: &str = "admin-token-of-the-tests-0123456789abcdef";

/// What it does instead of an answer, once.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: the connection stays open.
    Silence,
    /// Ends the connection.
    Hangup,
    /// This status and body, and nothing is done.
    Status(u16, String),
    /// Does what it is asked, and then this status.
    DoneBut(u16),
    /// Somebody else makes this user just before.
    Rival(Value),
}

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Method and path, without the query.
    pub what: String,
    /// The query.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

#[derive(Default)]
struct State {
    users: Vec<Value>,
    groups: Vec<Value>,
    seen: Vec<Seen>,
    /// With the beginning of `what` that it is for.
    faults: VecDeque<(String, Fault)>,
    made: i64,
    page_max: usize,
}

/// The server; it ends with the runtime of the test.
#[derive(Clone)]
pub struct Double {
    /// Its address, without a slash at the end.
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    authorization: String,
    body: Value,
}

type Reply = (u16, Value);

impl Double {
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { page_max: 100, ..State::default() };
        let double = Self { url, state: Arc::new(Mutex::new(state)) };
        let served = double.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move { served.serve(stream).await });
            }
        });
        double
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request whose method and path begin so meets this.
    pub fn fault(&self, begins: &str, fault: Fault) {
        self.state().faults.push_back((begins.to_owned(), fault));
    }

    /// Users of a page at most.
    pub fn page_max(&self, users: usize) {
        self.state().page_max = users;
    }

    /// Makes a user; his number.
    pub fn user(&self, members: Value) -> i64 {
        self.state().add(&members)
    }

    /// Makes a group; its id.
    pub fn group(&self, name: &str, is_superuser: bool, parents: &[&str]) -> String {
        let mut state = self.state();
        let number = state.groups.len() + 1;
        let id = format!("00000000-0000-4000-8000-{number:012}");
        state.groups.push(json!({
            "pk": id, "num_pk": number, "name": name, "is_superuser": is_superuser, "parents": parents,
            "parents_obj": null, "users": [], "users_obj": null, "attributes": {}, "roles": [], "roles_obj": [],
            "inherited_roles_obj": null, "children": [], "children_obj": null,
        }));
        id
    }

    /// Changes a user behind everybody's back.
    pub fn set(&self, pk: i64, member: &str, value: Value) {
        let mut state = self.state();
        state.find(pk).unwrap()[member] = value;
    }

    /// Deletes a user.
    pub fn delete(&self, pk: i64) {
        self.state().users.retain(|user| user["pk"] != pk);
    }

    /// The users.
    pub fn users(&self) -> Vec<Value> {
        self.state().users.clone()
    }

    /// The user of a sign-in name.
    pub fn named(&self, username: &str) -> Value {
        self.users().into_iter().find(|user| user["username"] == username).unwrap()
    }

    /// What came since the last look.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// Methods and paths of what came since the last look.
    pub fn calls(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.what).collect()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let Some(asked) = read(&mut stream).await else { return };
        let what = format!("{} {}", asked.method, asked.path);
        let fault = {
            let mut state = self.state();
            let seen = Seen { what: what.clone(), query: asked.query.clone(), body: asked.body.clone() };
            state.seen.push(seen);
            let at = state.faults.iter().position(|(begins, _)| what.starts_with(begins.as_str()));
            at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault)
        };
        let (status, body) = match fault {
            Some(Fault::Silence) => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
            Some(Fault::Hangup) => return,
            Some(Fault::Status(status, body)) => (status, body),
            Some(Fault::DoneBut(status)) => {
                let _done = self.state().answer(&asked);
                (status, String::new())
            }
            Some(Fault::Rival(user)) => {
                let (status, body) = {
                    let mut state = self.state();
                    state.add(&user);
                    state.answer(&asked)
                };
                (status, text(&body))
            }
            None => {
                let (status, body) = self.state().answer(&asked);
                (status, text(&body))
            }
        };
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!(
            "HTTP/1.1 {status} Said\r\n{kind}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _sent = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

fn text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8192]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |name: &str| {
        let found = head.split("\r\n").filter_map(|line| line.split_once(": "));
        found.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => body.extend_from_slice(&chunk[..read]),
        }
    }
    let url = url::Url::parse(&format!("http://double{target}")).ok()?;
    Some(Asked {
        method,
        path: url.path().to_owned(),
        query: url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        authorization: header("authorization").unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

impl Asked {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl State {
    fn find(&mut self, pk: i64) -> Option<&mut Value> {
        self.users.iter_mut().find(|user| user["pk"] == pk)
    }

    fn add(&mut self, members: &Value) -> i64 {
        self.made += 1;
        let pk = self.made;
        let mut user = json!({
            "pk": pk, "uuid": format!("00000000-0000-4000-9000-{pk:012}"), "uid": format!("{pk:064x}"),
            "username": format!("user-{pk}"), "name": "", "email": "", "is_active": true, "last_login": null,
            "date_joined": "2026-01-01T00:00:00Z", "last_updated": "2026-01-01T00:00:00Z",
            "password_change_date": "2026-01-01T00:00:00Z", "is_superuser": false, "groups": [],
            "groups_obj": null, "roles": [], "roles_obj": null, "attributes": {}, "path": "users",
            "type": "internal", "avatar": "https://sso.example/avatar.png",
        });
        for (name, value) in members.as_object().unwrap() {
            user[name] = value.clone();
        }
        self.users.push(user);
        pk
    }

    fn answer(&mut self, asked: &Asked) -> Reply {
        if asked.authorization != format!("Bearer {TOKEN}") {
            return (403, json!({ "detail": "Token invalid/expired" }));
        }
        let missing = (404, json!({ "detail": "Not found." }));
        let Some(rest) = asked.path.strip_prefix("/api/v3/core/") else { return missing };
        // Without its slash a path is unknown.
        let Some(rest) = rest.strip_suffix('/') else { return missing };
        let parts: Vec<&str> = rest.split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["users"]) => self.list_users(asked),
            ("POST", ["users"]) => self.create(&asked.body),
            ("GET", ["users", pk]) => {
                pk.parse().ok().and_then(|pk| self.find(pk).cloned()).map_or(missing, |user| (200, user))
            }
            ("PATCH", ["users", pk]) => match pk.parse() {
                Ok(pk) => self.change(pk, &asked.body),
                Err(_) => missing,
            },
            ("POST", ["users", pk, "recovery_email"]) => {
                let user = pk.parse().ok().and_then(|pk| self.find(pk));
                match user.map(|user| user["email"] == "") {
                    None => missing,
                    Some(true) => {
                        (400, json!({ "non_field_errors": ["User does not have an email address set."] }))
                    }
                    Some(false) => (204, Value::Null),
                }
            }
            ("GET", ["groups"]) => {
                let name = asked.query("name");
                let groups = self.groups.iter().filter(|group| name.is_none_or(|name| group["name"] == name));
                let groups: Vec<Value> = groups.cloned().collect();
                (200, listed(asked, &groups, 100))
            }
            ("GET", ["groups", id]) => {
                let group = self.groups.iter().find(|group| group["pk"] == *id);
                group.map_or(missing, |group| (200, group.clone()))
            }
            ("POST", ["groups", id, "add_user"]) => {
                let is_known = self.groups.iter().any(|group| group["pk"] == *id);
                match asked.body["pk"].as_i64().filter(|_| is_known).and_then(|pk| self.find(pk)) {
                    Some(user) => {
                        user["groups"].as_array_mut().unwrap().push(json!(id));
                        (204, Value::Null)
                    }
                    None => missing,
                }
            }
            _ => missing,
        }
    }

    fn list_users(&self, asked: &Asked) -> Reply {
        let fits = |user: &&Value| {
            ["username", "email", "uuid"]
                .into_iter()
                .all(|name| asked.query(name).is_none_or(|value| user[name] == value))
        };
        let users: Vec<Value> = self.users.iter().filter(fits).cloned().collect();
        (200, listed(asked, &users, self.page_max))
    }

    fn taken(&self, username: &Value, but: i64) -> bool {
        self.users.iter().any(|user| user["username"] == *username && user["pk"] != but)
    }

    fn create(&mut self, body: &Value) -> Reply {
        if self.taken(&body["username"], 0) {
            return (400, json!({ "username": ["This field must be unique."] }));
        }
        if body["path"].as_str().is_some_and(|path| path.split('/').any(str::is_empty)) {
            return (400, json!({ "path": ["No empty segments in user path allowed."], "code": "invalid" }));
        }
        let pk = self.add(body);
        (201, self.find(pk).unwrap().clone())
    }

    fn change(&mut self, pk: i64, body: &Value) -> Reply {
        let Some(changes) = body.as_object() else { return (400, json!({ "non_field_errors": ["?"] })) };
        if changes.get("username").is_some_and(|username| self.taken(username, pk)) {
            return (400, json!({ "username": ["This field must be unique."] }));
        }
        let Some(user) = self.find(pk) else { return (404, json!({ "detail": "Not found." })) };
        // Members are replaced, attributes as a whole too.
        for (name, value) in changes {
            user[name] = value.clone();
        }
        (200, user.clone())
    }
}

fn listed(asked: &Asked, all: &[Value], page_max: usize) -> Value {
    let number = |name: &str| asked.query(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("page_size").unwrap_or(100).clamp(1, page_max);
    let page = number("page").unwrap_or(1).max(1);
    let start = ((page - 1) * size).min(all.len());
    let end = (start + size).min(all.len());
    let total = all.len().div_ceil(size).max(1);
    json!({
        "pagination": {
            "next": if page < total { page + 1 } else { 0 }, "previous": page - 1, "count": all.len(),
            "current": page, "total_pages": total, "start_index": start + 1, "end_index": end,
        },
        "results": all[start..end], "autocomplete": {},
    })
}
