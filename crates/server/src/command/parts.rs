//! From the configuration to the parts that an application is made of.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, sync::Arc};

use base::{Clock, Secret, SystemClock, secret::ExposeSecret};
use identity::{
    Identity,
    credential::{jwt::Algorithm, seal::Sealer},
};
use jobs::Runners;
use kernel::App;
use outbound::{MailSettings, Mailer, Policy, TlsMode};
use store::{
    Options, Store,
    backup::{self, DataLock},
    kv::{self, Kv, counter::SharedCounter},
};

use crate::{
    cli::Failure,
    config::{AppEnv, Config, JwtAlgorithm, Smtp, SmtpTls},
    metrics::Metrics,
    wiring::{self, EdgeSettings, Parts},
};

use super::schema;

/// However busy a session is, it ends after this.
const SESSION_MAX: std::time::Duration = std::time::Duration::from_hours(90 * 24);

/// Runs a command's work on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    outbound::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("threads cannot be started: {error}")))?;
    runtime.block_on(Box::pin(work))
}

/// A database, and the sign that this process uses the data directory.
pub struct Opened {
    /// The database.
    pub store: Store,
    /// Keeps `tenon db restore` away; released when dropped.
    pub lock: DataLock,
}

/// Connects to a database of the configured kind.
pub async fn connect(config: &Config, url: &Secret) -> base::Result<Store> {
    if let Some(file) = backup::file_of(url.expose_secret()) {
        // Made here when it is missing, so that nobody else on the machine may read it. A folder
        // that cannot be written is told by the database.
        let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    }
    let options = Options { pool: config.database.pool_size, ..Options::new(url.expose_secret()) };
    Store::connect(&options).await
}

/// Why there is no connection. The driver's error tells its own cause, so it is not told again.
pub fn unreachable(error: base::Error) -> Failure {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::failed(format!("{error}{cause}"))
}

/// Opens the configured database.
pub async fn open(config: &Config) -> Result<Opened, Failure> {
    config.ensure_data_dir()?;
    let lock = backup::share(&config.data_dir)?;
    let store = connect(config, &config.database.url).await.map_err(unreachable)?;
    Ok(Opened { store, lock })
}

/// What seals secrets that are stored.
pub fn sealer(config: &Config) -> Result<Sealer, Failure> {
    Sealer::new(&config.encryption_key, config.encryption_key_previous.as_ref())
        .map_err(|error| Failure::refused(error.to_string()))
}

/// What sends letters: the mail server, or a folder while there is none.
pub fn mailer(config: &Config) -> Result<Mailer, Failure> {
    let mailer = match &config.smtp {
        Some(smtp) => Mailer::smtp(&mail_settings(smtp, &config.from_email)),
        None => Mailer::outbox(&config.data_dir, &config.from_email),
    };
    mailer.map_err(|error| Failure::refused(format!("mail cannot be sent: {error}")))
}

fn mail_settings(smtp: &Smtp, from: &str) -> MailSettings {
    MailSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        username: smtp.username.clone(),
        password: smtp.password.clone(),
        tls: match smtp.tls {
            SmtpTls::StartTls => TlsMode::StartTls,
            SmtpTls::Tls => TlsMode::Tls,
            SmtpTls::None => TlsMode::None,
        },
        from: from.to_owned(),
    }
}

/// The store of short-lived values: Redis when it is configured, else a file.
pub async fn key_values(config: &Config, clock: Arc<dyn Clock>) -> base::Result<Arc<dyn Kv>> {
    match &config.redis_url {
        Some(url) => kv::redis(url.expose_secret()).await,
        None => kv::embedded(&config.data_dir.join("kv.db"), clock).await,
    }
}

/// Sign-in's settings.
pub fn identity_settings(config: &Config) -> identity::Settings {
    identity::Settings {
        issuer: config.http.base_url.clone(),
        access: config.jwt.access,
        refresh_idle: config.jwt.refresh,
        refresh_absolute: SESSION_MAX,
        algorithm: match config.jwt.algorithm {
            JwtAlgorithm::Hs256 => Algorithm::HS256,
            JwtAlgorithm::Rs256 => Algorithm::RS256,
            JwtAlgorithm::Es256 => Algorithm::ES256,
            JwtAlgorithm::EdDsa => Algorithm::EdDSA,
        },
        jwt_secret: config.jwt.secret.clone(),
        jwt_secret_previous: config.jwt.secret_previous.clone(),
        jwt_private_key: config.jwt.private_key.clone(),
        password_min: config.password_min,
        rsa_pkcs1: config.sign_in_rsa_pkcs1,
        organization_signup: config.allow_organization_signup,
        setup_token: config.setup_token.clone(),
    }
}

/// Who may be called at addresses that users set.
pub fn outbound_policy(config: &Config) -> Result<Policy, Failure> {
    Policy::parse(config.outbound_allow.as_deref(), config.env == AppEnv::Dev)
        .map_err(|error| Failure::refused(error.to_string()))
}

fn kernel_settings(config: &Config) -> kernel::Settings {
    kernel::Settings {
        app_name: config.app_name.clone(),
        base_url: config.http.base_url.clone(),
        dev: config.env == AppEnv::Dev,
        trusted_proxies: config.http.trusted_proxies.clone(),
        body_limit: config.http.body_limit,
        rate_limit: config.http.rate_limit.map_or(0, u64::from),
        outbound_allow: config.outbound_allow.clone(),
        digest_key: config.encryption_key.clone(),
        audit_retention_days: config.audit_retention_days,
    }
}

/// The parts of an application on a database that is migrated.
pub async fn assemble(config: &Config, store: Store) -> Result<Parts, Failure> {
    // Wiring reads it again; here a mistake in it is wrong use and not a failure.
    outbound_policy(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let identity =
        Identity::open(&store, clock.now(), identity_settings(config), sealer(config)?, mailer(config)?)
            .await?;
    let metrics = Metrics::default();
    metrics.started_at(clock.now().timestamp_micros() as f64 / 1e6);
    let pool = store.clone();
    metrics.on_render(move |metrics| {
        let (open, idle) = pool.pool_state();
        metrics.set_pool("writer", open.saturating_sub(idle), idle);
    });
    Ok(Parts {
        vault: Arc::new(sealer(config)?),
        kv: key_values(config, clock.clone()).await?,
        store,
        clock,
        settings: kernel_settings(config),
        identity,
        metrics: Arc::new(metrics),
        edge: EdgeSettings {
            cors: config.http.cors.clone(),
            timeout: config.http.timeout,
            docs: config.http.docs,
            metrics_allow: config.http.metrics_allow.clone(),
        },
        data_dir: config.data_dir.clone(),
        allocate_auth: config.allocate_auth,
        members: config.members.clone(),
        counter: config.redis_url.as_ref().map(SharedCounter::new).transpose()?,
    })
}

/// An application for a command that works on people or jobs; in dev its database is migrated first.
pub struct Desk {
    /// The application.
    pub app: App,
    /// The code of every kind of job.
    pub runners: Runners<App>,
    _lock: DataLock,
}

impl Desk {
    /// Closes the database.
    pub async fn close(self) {
        self.app.store().close().await;
    }
}

/// Opens it.
pub async fn desk(config: &Config) -> Result<Desk, Failure> {
    let Opened { store, lock } = schema::open(config).await?;
    schema::ensure(config, &store, false).await?;
    let built = wiring::build(assemble(config, store).await?, wiring::api()).await?;
    Ok(Desk { app: built.app, runners: built.runners, _lock: lock })
}

/// Who the audit trail says it was: whoever sits at the command line.
pub fn operator() -> kernel::audit::Who {
    kernel::audit::Who { kind: kernel::ActorKind::Cli, id: None, name: "tenon".to_owned() }
}

/// From where it came.
pub fn origin() -> kernel::Origin {
    kernel::Origin { request_id: String::new(), ip: None, user_agent: "command line".to_owned() }
}
