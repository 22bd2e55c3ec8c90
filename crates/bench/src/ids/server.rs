//! Tenon as a process, on a database of its own.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use store::{Dialect, provision};

use super::{
    Plan,
    http::{self, Target},
};

/// The name of the database on a server.
const DATABASE: &str = "tenon_bench_ids";

/// A running Tenon.
pub struct Tenon {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    token: String,
    _folder: tempfile::TempDir,
    on_server: Option<String>,
}

fn admin(server: &str, statement: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        use sea_orm::{ConnectionTrait, Database};
        let connection = Database::connect(server).await.map_err(|error| error.to_string())?;
        connection.execute_unprepared(statement).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    })
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

impl Tenon {
    /// Starts it and does the set-up.
    pub fn start(plan: &Plan, dialect: Dialect, server: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (url, on_server) = match dialect {
            Dialect::Sqlite => (format!("sqlite://{}", folder.path().join("tenon.db").display()), None),
            _ => {
                let force = if dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
                admin(server, &format!("DROP DATABASE IF EXISTS {DATABASE}{force}"))?;
                let url = provision::with_database(server, DATABASE).map_err(|error| error.to_string())?;
                let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
                runtime
                    .block_on(async { provision::Plan::of(&url, server)?.apply().await })
                    .map_err(|error| error.to_string())?;
                (url, Some(format!("DROP DATABASE IF EXISTS {DATABASE}{force}")))
            }
        };
        let port = free_port()?;
        let mut command = Command::new(&plan.tenon);
        command
            .args(["serve", "--env", "dev", "--port", &port.to_string(), "--no-worker"])
            .env("DATABASE_URL", &url)
            .env("DATA_DIR", folder.path())
            .env("RATE_LIMIT_PER_MINUTE", "0")
            .env("LOG_LEVEL", "warn")
            .stdout(Stdio::null())
            .current_dir(folder.path());
        if let Some(redis) = &plan.redis {
            command.env("REDIS_URL", redis);
        }
        let child = command.spawn().map_err(|error| format!("{}: {error}", plan.tenon.display()))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut tenon = Self {
            child,
            address,
            token: String::new(),
            _folder: folder,
            on_server: on_server.map(|statement| format!("{server}\n{statement}")),
        };
        tenon.set_up()?;
        Ok(tenon)
    }

    fn set_up(&mut self) -> Result<(), String> {
        let ready = Target::get(self.address, "/readyz");
        let mut tries = 0;
        while !matches!(http::call(&ready), Ok((200, _))) {
            tries += 1;
            if tries > 300 {
                return Err("Tenon does not get ready".to_owned());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let body = r#"{"username":"bench","password":"correct horse battery 9","organization":"Bench"}"#;
        let host = format!("host: {}\r\n", self.address);
        let request = Target::signed(self.address, "POST", "/api/auth/init-user", body, "");
        // The set-up without a token is for this machine's own name only.
        let request = request.with_host(&host);
        let (status, answer) = http::call(&request)?;
        self.token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        if self.token.is_empty() { Err(format!("set-up answered {status}: {answer}")) } else { Ok(()) }
    }

    /// Makes a key that works as the settings say, and a call for one id of it.
    pub fn key(&self, table: &str, settings: &str) -> Result<Target, String> {
        let parts = format!(r#"{{"system_code":"bench","database":"bench","table":"{table}","field":"id"}}"#);
        let body = format!(r#"{{"parts":{parts},{}"#, settings.trim_start_matches('{'));
        let headers = format!("authorization: Bearer {}\r\n", self.token);
        let made = Target::signed(self.address, "POST", "/api/id-keys", &body, &headers);
        let (status, answer) = http::call(&made)?;
        if status != 201 {
            return Err(format!("the key {table} answered {status}: {answer}"));
        }
        let body = format!(
            r#"{{"system_code":"bench","db_name":"bench","table_name":"{table}","field_name":"id","segment_count":1}}"#
        );
        Ok(Target::post(self.address, "/api/segment/allocate", &body))
    }

    /// Ends it and its database.
    pub fn stop(mut self) -> Result<(), String> {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        match self.on_server.take().as_deref().and_then(|text| text.split_once('\n')) {
            Some((server, statement)) => admin(server, statement),
            None => Ok(()),
        }
    }
}

impl Drop for Tenon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
