//! Processes, an HTTP client of forty lines, databases that go away, and a proxy that can be cut.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value, json};

/// The owner's password after [`Server::set_up`].
pub const PASSWORD: &str = "tongue-and-mortise-71";
/// The longest that a command may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "the suite's own switches")]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

// ---- processes ----

/// The binary with nothing of the developer's own environment.
pub fn tenon(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenon"));
    command.env_clear().current_dir(dir).stdin(Stdio::null());
    command.env("PATH", env("PATH").unwrap_or_default());
    command.env("DATA_DIR", dir.join("data")).env("LOG_LEVEL", "error").env("RATE_LIMIT_PER_MINUTE", "0");
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Outcome {
    /// Exit code 0.
    pub fn succeeds(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }

    /// That exit code, and one line on standard error with these words.
    pub fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "one line: {self:?}");
        assert!(self.stderr.starts_with("tenon: ") && self.stderr.ends_with('\n'), "{self:?}");
        words.iter().for_each(|word| self.mentions(word));
    }

    /// The word, wherever.
    pub fn mentions(&self, word: &str) {
        assert!(self.stderr.contains(word) || self.stdout.contains(word), "`{word}` is not in {self:?}");
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Outcome {
    run_with(command, "")
}

/// The same, with something on standard input.
pub fn run_with(command: &mut Command, input: &str) -> Outcome {
    let begin = Instant::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that ends without reading closes the pipe: nothing to complain about.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let (out, err) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
    let code = wait(&mut child, PATIENCE);
    Outcome { code, stdout: out.join().unwrap(), stderr: err.join().unwrap(), took: begin.elapsed() }
}

fn drain(mut source: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The exit code; a process that does not end is killed.
pub fn wait(child: &mut Child, patience: Duration) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begin.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A serving process; killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    /// From the start to the first answer.
    pub took: Duration,
}

impl Server {
    /// Starts `serve` on a free port and waits until it answers.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, &[])
    }

    /// The same with further options.
    pub fn start_with(command: &mut Command, options: &[&str]) -> Self {
        let begin = Instant::now();
        let log = tempfile::NamedTempFile::new().unwrap();
        let stderr = File::options().append(true).open(log.path()).unwrap();
        let command = command.args(["serve", "--port", "0"]).args(options);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains(" serves "));
        // What else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(line) = line else {
            let code = wait(&mut child, PATIENCE);
            panic!("no start: exit code {code:?}, {}", std::fs::read_to_string(log.path()).unwrap());
        };
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.split_whitespace().next().unwrap().to_owned();
        let mut server = Self { child, address, took: Duration::ZERO };
        server.get("/readyz", None).is(200);
        server.took = begin.elapsed();
        server
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// `GET`.
    pub fn get(&self, path: &str, token: Option<&str>) -> Served {
        call(&self.address, "GET", path, token, None).unwrap()
    }

    /// The body of an answer that is no JSON.
    pub fn text(&self, path: &str) -> String {
        self.get(path, None).text
    }

    /// `POST`.
    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Served {
        call(&self.address, "POST", path, token, Some(body)).unwrap()
    }

    /// `POST` of comma-separated values.
    pub fn upload(&self, path: &str, token: &str, csv: &str) -> Served {
        call_with(&self.address, "POST", path, Some(token), Some(("text/csv", csv))).unwrap()
    }

    /// Sets the system up and gives the owner's token.
    pub fn set_up(&self) -> String {
        let person = json!({ "username": "owner", "password": PASSWORD, "email": "owner@example.com" });
        let answer = self.post("/api/auth/init-user", None, &person);
        answer.is(201);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// A token for somebody.
    pub fn sign_in(&self, username: &str, password: &str) -> String {
        let answer =
            self.post("/api/auth/login", None, &json!({ "username": username, "password": password }));
        answer.is(200);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// The codes of all posts, sorted.
    pub fn codes(&self, token: &str) -> Vec<String> {
        let mut codes = Vec::new();
        for page in 1.. {
            let answer = self.get(&format!("/api/posts/?page_size=200&sort=code&page={page}"), Some(token));
            answer.is(200);
            let items = answer.body["items"].as_array().unwrap();
            codes.extend(items.iter().map(|item| item["code"].as_str().unwrap().to_owned()));
            if items.len() < 200 {
                break;
            }
        }
        codes
    }

    /// Sends a signal, expects exit code 0 and says how long it took.
    pub fn end(mut self, signal: &str) -> Duration {
        let begin = Instant::now();
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(wait(&mut self.child, Duration::from_secs(60)), Some(0), "SIG{signal}");
        begin.elapsed()
    }

    /// SIGTERM.
    pub fn terminate(self) {
        self.end("TERM");
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- HTTP ----

/// An answer.
#[derive(Debug)]
pub struct Served {
    pub status: u16,
    head: String,
    text: String,
    pub body: Value,
}

impl Served {
    /// That status.
    pub fn is(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One request on a connection of its own.
pub fn call(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> std::io::Result<Served> {
    let text = body.map(Value::to_string);
    call_with(address, method, path, token, text.as_deref().map(|text| ("application/json", text)))
}

/// The same with a body of any type.
pub fn call_with(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<(&str, &str)>,
) -> std::io::Result<Served> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (kind, text) = body.unwrap_or_default();
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_some() { format!("content-type: {kind}\r\n") } else { String::new() };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: tests\r\nconnection: close\r\n\
         {bearer}{kind}content-length: {}\r\n\r\n{text}",
        text.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Served {
        status: status.ok_or(std::io::ErrorKind::InvalidData)?,
        head: head.to_ascii_lowercase().replace("\r\n", "\n"),
        text: body.to_owned(),
        body: serde_json::from_str(body).unwrap_or_default(),
    })
}

// ---- databases ----

/// A database on a test server; dropped with the value.
pub struct Scratch {
    /// The administrator's URL of the server.
    pub admin: String,
    /// The administrator's URL of the database.
    pub url: String,
    name: String,
    user: String,
}

impl Scratch {
    /// On PostgreSQL, when one is configured.
    pub fn postgres(what: &str) -> Option<Self> {
        Self::on("TEST_POSTGRES_URL", what)
    }

    /// On MariaDB, when one is configured.
    pub fn mysql(what: &str) -> Option<Self> {
        Self::on("TEST_MYSQL_URL", what)
    }

    fn on(variable: &str, what: &str) -> Option<Self> {
        let Some(admin) = env(variable) else {
            println!("left out: {variable} is not set");
            return None;
        };
        let name = format!("tenon_test_{}_process_{what}", std::process::id());
        let url = with(&admin, |url| url.set_path(&name));
        // Users belong to the whole server: tests that run beside each other have one each.
        let user = format!("tenon_{what}_{}", std::process::id());
        Some(Self { admin, url, name, user })
    }

    /// The URL of the database for a user of its own, who goes with it.
    pub fn url_as(&self, password: &str) -> String {
        with(&self.url, |url| {
            url.set_username(&self.user).unwrap();
            url.set_password(Some(password)).unwrap();
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let postgres = self.admin.starts_with("postgres");
        let user = &self.user;
        let statements = match postgres {
            true => [
                format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
                format!("DROP ROLE IF EXISTS {user}"),
            ],
            false => {
                [format!("DROP DATABASE IF EXISTS {}", self.name), format!("DROP USER IF EXISTS {user}@'%'")]
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut options = ConnectOptions::new(self.admin.clone());
            options.max_connections(1).sqlx_logging(false);
            let Ok(admin) = Database::connect(options).await else { return };
            for sql in statements {
                let _ = admin.execute_unprepared(&sql).await;
            }
            let _ = admin.close().await;
        });
    }
}

/// A database of one kind, and what makes it go away.
pub struct Place {
    pub name: &'static str,
    pub url: String,
    _folder: tempfile::TempDir,
    _scratch: Option<Scratch>,
}

/// The embedded database, and an empty one on every configured server.
pub fn places(what: &str) -> Vec<Place> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("tenon.db").display());
    let mut all = vec![Place { name: "sqlite", url, _folder: folder, _scratch: None }];
    for (name, scratch) in [("postgres", Scratch::postgres(what)), ("mysql", Scratch::mysql(what))] {
        let Some(scratch) = scratch else { continue };
        let folder = tempfile::tempdir().unwrap();
        let mut init = tenon(folder.path());
        init.env("DATABASE_URL", &scratch.url).env("DATABASE_ADMIN_URL", &scratch.admin);
        run(init.args(["db", "init"])).succeeds();
        all.push(Place { name, url: scratch.url.clone(), _folder: folder, _scratch: Some(scratch) });
    }
    all
}

fn with(url: &str, change: impl FnOnce(&mut url::Url)) -> String {
    let mut url = url::Url::parse(url).unwrap();
    change(&mut url);
    url.into()
}

// ---- a cable that can be pulled ----

/// A TCP proxy in front of a database.
pub struct Proxy {
    /// The database's URL through the proxy.
    pub url: String,
    up: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Starts one on a free port.
    pub fn before(database: &str) -> Self {
        let target = url::Url::parse(database).unwrap();
        let usual = if target.scheme().starts_with("postgres") { 5432 } else { 3306 };
        let target = (target.host_str().unwrap().to_owned(), target.port().unwrap_or(usual));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (up, open) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self {
            url: with(database, |url| {
                url.set_host(Some("127.0.0.1")).unwrap();
                url.set_port(Some(port)).unwrap();
            }),
            up: up.clone(),
            open: open.clone(),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // While it is cut, a client is let in and thrown out.
                if up.load(Ordering::SeqCst)
                    && let Ok(server) = TcpStream::connect((target.0.as_str(), target.1))
                {
                    let both =
                        |stream: &TcpStream| (stream.try_clone().unwrap(), stream.try_clone().unwrap());
                    let ((client_in, client_out), (server_in, server_out)) = (both(&client), both(&server));
                    open.lock().unwrap().extend([client, server]);
                    copy(client_in, server_out);
                    copy(server_in, client_out);
                }
            }
        });
        proxy
    }

    /// Pulls the cable: what is connected breaks, what connects is thrown out.
    pub fn cut(&self) {
        self.up.store(false, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Plugs it in again.
    pub fn restore(&self) {
        self.up.store(true, Ordering::SeqCst);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
