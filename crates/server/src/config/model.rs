//! The typed configuration that the server is wired from.

use std::{path::PathBuf, time::Duration};

use base::Secret;
use ipnet::IpNet;
use platform::ids::AllocateAuth;

use super::{AppEnv, Settings};

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with `JWT_SECRET_KEY`.
    Hs256,
    /// RSA.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// Access and refresh tokens.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// How they are signed.
    pub algorithm: JwtAlgorithm,
    /// For HS256.
    pub secret: Secret,
    /// The one before, whose tokens are still accepted.
    pub secret_previous: Option<Secret>,
    /// PKCS#8 PEM for the others, when the operator brings one.
    pub private_key: Option<Secret>,
    /// Life of an access token.
    pub access: Duration,
    /// Idle life of a refresh token.
    pub refresh: Duration,
}

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// Embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// The database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which.
    pub kind: DatabaseKind,
    /// `sqlite://path`, `postgres://…` or `mysql://…`.
    pub url: Secret,
    /// The same without its password, for messages.
    pub shown_url: String,
    /// For `tenon db init`.
    pub admin_url: Option<Secret>,
    /// Connections per process.
    pub pool_size: u32,
}

/// How a mail server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain first, then upgraded.
    StartTls,
    /// From the first byte.
    Tls,
    /// Unprotected.
    None,
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User, when it asks for one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Protection.
    pub tls: SmtpTls,
}

/// Which other sites may call with credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Every one (dev only).
    Any,
    /// These; none when empty.
    Only(Vec<String>),
}

/// Who may read the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocsAccess {
    /// Everybody.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Nobody.
    Off,
}

/// The HTTP server.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address or name to listen on.
    pub host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// Without a slash at its end.
    pub base_url: String,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Other sites.
    pub cors: Cors,
    /// Documentation.
    pub docs: DocsAccess,
    /// Who may read `/metrics`.
    pub metrics_allow: Vec<IpNet>,
    /// The longest request.
    pub timeout: Duration,
    /// The largest body.
    pub body_limit: usize,
    /// Requests per minute and client address, when limited.
    pub rate_limit: Option<u32>,
}

impl Http {
    /// `host:port`, ready to bind.
    pub fn listen(&self) -> String {
        if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// One readable line.
    Pretty,
}

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct Log {
    /// Levels, possibly per target.
    pub filter: String,
    /// Form.
    pub format: LogFormat,
    /// Collector for traces; its URL may hold a password.
    pub otlp_endpoint: Option<Secret>,
}

/// The worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Jobs at once.
    pub concurrency: usize,
    /// Queues that it serves; empty: all.
    pub queues: Vec<String>,
    /// How long running jobs may go on after the signal to stop.
    pub grace: Duration,
    /// Schedules that the operator declares, as a JSON file.
    pub schedules_file: Option<PathBuf>,
}

/// Everything that can be configured, typed.
#[derive(Clone, Debug)]
pub struct Config {
    /// dev or prod.
    pub env: AppEnv,
    /// The product's name.
    pub app_name: String,
    /// Where files live.
    pub data_dir: PathBuf,
    /// HTTP.
    pub http: Http,
    /// Tokens.
    pub jwt: Jwt,
    /// Encrypts stored secrets.
    pub encryption_key: Secret,
    /// Still decrypts them.
    pub encryption_key_previous: Option<Secret>,
    /// Asked for at the first set-up; without one, set-up over the network is closed.
    pub setup_token: Option<Secret>,
    /// For the commands that set a password.
    pub superuser_password: Option<Secret>,
    /// Least characters of a password.
    pub password_min: usize,
    /// Old clients' encryption.
    pub sign_in_rsa_pkcs1: bool,
    /// Self-service organisations.
    pub allow_organization_signup: bool,
    /// Database.
    pub database: Database,
    /// Redis, when there is one.
    pub redis_url: Option<Secret>,
    /// Mail server, when there is one.
    pub smtp: Option<Smtp>,
    /// Sender of mails.
    pub from_email: String,
    /// `purpose=cidr` entries, separated by commas; `None` when nobody set it.
    pub outbound_allow: Option<String>,
    /// Background work.
    pub worker: Worker,
    /// Days for which the audit trail and the sign-in log are kept; `None`: for ever.
    pub audit_retention_days: Option<u32>,
    /// Who may have ids over the older wire.
    pub allocate_auth: AllocateAuth,
    /// The authority on members.
    pub members: members::Settings,
    /// Logs.
    pub log: Log,
    /// Where each value came from.
    pub settings: Settings,
}
