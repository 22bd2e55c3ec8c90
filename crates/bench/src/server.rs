//! Tenon as a process, on a database of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use store::{Dialect, provision};

use crate::http::{self, Target};

/// Whoever does the set-up.
const CREDENTIALS: &str = r#""username":"bench","password":"correct horse battery 9""#;

/// How Tenon is run.
pub struct Setup<'a> {
    /// The program.
    pub tenon: &'a Path,
    /// What its database on a server is called.
    pub database: &'static str,
    /// Settings beside the usual ones.
    pub settings: Vec<(&'static str, String)>,
}

/// A database that goes when this goes.
struct Database {
    url: String,
    /// Where it is dropped, and how.
    drop: Option<(String, String)>,
    folder: tempfile::TempDir,
}

impl Database {
    fn create(dialect: Dialect, server: &str, name: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        if dialect == Dialect::Sqlite {
            let url = format!("sqlite://{}", folder.path().join("tenon.db").display());
            return Ok(Self { url, drop: None, folder });
        }
        let force = if dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
        let drop = format!("DROP DATABASE IF EXISTS {name}{force}");
        admin(server, &drop)?;
        let url = provision::with_database(server, name).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime
            .block_on(async { provision::Plan::of(&url, server)?.apply().await })
            .map_err(|error| error.to_string())?;
        Ok(Self { url, drop: Some((server.to_owned(), drop)), folder })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, statement)) = &self.drop
            && let Err(error) = admin(server, statement)
        {
            eprintln!("bench: the database stays: {error}");
        }
    }
}

/// A running Tenon.
pub struct Tenon {
    // Ends before its database does.
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    token: String,
    command: (PathBuf, Vec<(&'static str, String)>),
    database: Database,
}

struct Process(Child);

impl Process {
    fn stop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn admin(server: &str, statement: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        use sea_orm::{ConnectOptions, ConnectionTrait, Database};
        let mut options = ConnectOptions::new(server);
        options.max_connections(1).sqlx_logging(false);
        let connection = Database::connect(options).await.map_err(|error| error.to_string())?;
        connection.execute_unprepared(statement).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    })
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn spawn(
    tenon: &Path,
    settings: &[(&str, String)],
    database: &Database,
    port: u16,
) -> Result<Process, String> {
    Command::new(tenon)
        .args(["serve", "--env", "dev", "--port", &port.to_string(), "--no-worker"])
        .env("DATABASE_URL", &database.url)
        .env("DATA_DIR", database.folder.path())
        .env("RATE_LIMIT_PER_MINUTE", "0")
        .env("LOG_LEVEL", "warn")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .current_dir(database.folder.path())
        .spawn()
        .map(Process)
        .map_err(|error| format!("{}: {error}", tenon.display()))
}

impl Tenon {
    /// Starts it and does the set-up.
    pub fn start(setup: Setup<'_>, dialect: Dialect, server: &str) -> Result<Self, String> {
        let database = Database::create(dialect, server, setup.database)?;
        let port = free_port()?;
        let process = spawn(setup.tenon, &setup.settings, &database, port)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let command = (setup.tenon.to_owned(), setup.settings);
        let mut tenon = Self { process, address, token: String::new(), command, database };
        tenon.wait()?;
        let body = format!(r#"{{{CREDENTIALS},"organization":"Bench"}}"#);
        tenon.sign("/api/auth/init-user", &body)?;
        Ok(tenon)
    }

    /// The URL of its database.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// Ends the process and starts another one, which remembers nothing.
    pub fn restart(&mut self) -> Result<(), String> {
        self.process.stop();
        let port = free_port()?;
        self.process = spawn(&self.command.0, &self.command.1, &self.database, port)?;
        self.address = SocketAddr::from(([127, 0, 0, 1], port));
        self.wait()?;
        self.sign("/api/auth/login", &format!("{{{CREDENTIALS}}}"))
    }

    /// Memory of the process that is its own, in bytes; `None` where the system does not say.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
    }

    fn wait(&self) -> Result<(), String> {
        let ready = Target::get(self.address, "/readyz");
        let mut tries = 0;
        while !matches!(http::call(&ready), Ok((200, _))) {
            tries += 1;
            if tries > 300 {
                return Err("Tenon does not get ready".to_owned());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn sign(&mut self, path: &str, body: &str) -> Result<(), String> {
        let host = format!("host: {}\r\n", self.address);
        let request = Target::signed(self.address, "POST", path, body, "");
        // The set-up without a token is for this machine's own name only.
        let request = request.with_host(&host);
        let (status, answer) = http::call(&request)?;
        self.token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        if self.token.is_empty() { Err(format!("{path} answered {status}: {answer}")) } else { Ok(()) }
    }

    /// The header of whoever did the set-up.
    pub fn bearer(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.token)
    }
}
