//! From checked settings to the typed [`Config`].

use std::{path::PathBuf, time::Duration};

use base::Secret;
use ipnet::IpNet;
use platform::ids::AllocateAuth;

use super::{
    Config, Cors, Database, DatabaseKind, DocsAccess, Http, Jwt, JwtAlgorithm, Log, LogFormat, Refused,
    Settings, Smtp, SmtpTls, Worker, derive::mask_url, value::Value,
};

impl Settings {
    /// The typed result, or every problem.
    pub(super) fn typed(self) -> Result<Config, Refused> {
        self.verdict()?;
        Ok(Config {
            env: self.env,
            app_name: self.owned("APP_NAME"),
            data_dir: PathBuf::from(self.owned("DATA_DIR")),
            http: self.http(),
            jwt: self.jwt(),
            encryption_key: self.secret_or_random("ENCRYPTION_KEY"),
            encryption_key_previous: self.secret("ENCRYPTION_KEY_PREVIOUS"),
            setup_token: self.secret("SETUP_TOKEN"),
            superuser_password: self.secret("SUPERUSER_PASSWORD"),
            password_min: self.size("PASSWORD_MIN"),
            sign_in_rsa_pkcs1: self.flag("SIGN_IN_RSA_PKCS1"),
            allow_organization_signup: self.flag("ALLOW_ORGANIZATION_SIGNUP"),
            database: self.database(),
            redis_url: self.secret("REDIS_URL"),
            smtp: self.smtp(),
            from_email: self.owned("DEFAULT_FROM_EMAIL"),
            outbound_allow: self.is_set("OUTBOUND_ALLOW").then(|| self.list("OUTBOUND_ALLOW").join(",")),
            worker: Worker {
                concurrency: self.size("WORKER_CONCURRENCY"),
                queues: self.list("WORKER_QUEUES"),
                grace: Duration::from_secs(self.number("WORKER_GRACE_SECONDS")),
                schedules_file: self.text("SCHEDULES_FILE").map(PathBuf::from),
            },
            audit_retention_days: u32::try_from(self.number("AUDIT_RETENTION_DAYS"))
                .ok()
                .filter(|days| *days > 0),
            allocate_auth: match self.text("ID_ALLOCATE_AUTH") {
                Some("none") => AllocateAuth::None,
                _ => AllocateAuth::Key,
            },
            members: members::Settings {
                internal_secret: self.secret("INTERNAL_SHARED_SECRET"),
                internal_secret_previous: self.secret("INTERNAL_SHARED_SECRET_PREVIOUS"),
                internal_secret_previous_until: self
                    .text("INTERNAL_SHARED_SECRET_PREVIOUS_NOT_AFTER")
                    .and_then(super::value::instant),
                internal_calls: self.number("INTERNAL_RATE_LIMIT_PER_MINUTE"),
                issuer: self.issuer(),
                authentik: self.authentik(),
                max_age: u32::try_from(self.number("SNAPSHOT_MAX_AGE")).unwrap_or(300),
                stale_if_error: u32::try_from(self.number("SNAPSHOT_STALE_IF_ERROR")).unwrap_or(3_600),
                remind_days: u32::try_from(self.number("MEMBERS_REMIND_DAYS")).unwrap_or(7),
            },
            log: self.log(),
            settings: self,
        })
    }

    fn issuer(&self) -> Option<oidc::Issuer> {
        let issuer = self.text("AUTHENTIK_ISSUER")?;
        Some(oidc::Issuer {
            jwks_url: self.text("AUTHENTIK_JWKS_URL").map(str::to_owned),
            audiences: self.list("AUTHENTIK_AUDIENCE"),
            // What is no algorithm was refused before.
            algorithms: self
                .list("AUTHENTIK_ALLOWED_ALGS")
                .iter()
                .filter_map(|one| one.parse().ok())
                .collect(),
            azp: self.list("AUTHENTIK_ALLOWED_AZP"),
            require_azp: self.flag("REQUIRE_AZP"),
            ..oidc::Issuer::new(issuer)
        })
    }

    fn authentik(&self) -> Option<authentik::Settings> {
        let (url, token) = (self.text("AUTHENTIK_BASE_URL")?, self.secret("AUTHENTIK_ADMIN_TOKEN")?);
        Some(authentik::Settings {
            // What is no mode was refused before.
            sub_mode: self.text("AUTHENTIK_SUB_MODE").and_then(|mode| mode.parse().ok()).unwrap_or_default(),
            recovery_stage: self.text("AUTHENTIK_RECOVERY_STAGE").map(str::to_owned),
            ..authentik::Settings::new(url, token)
        })
    }

    fn http(&self) -> Http {
        let origins = self.list("CORS_ORIGINS");
        Http {
            host: self.owned("APP_HOST"),
            port: self.port("APP_PORT"),
            base_url: self.owned("APP_BASE_URL").trim_end_matches('/').to_owned(),
            trusted_proxies: self.nets("TRUSTED_PROXIES"),
            cors: if origins.iter().any(|origin| origin == "*") { Cors::Any } else { Cors::Only(origins) },
            docs: match self.text("DOCS_ACCESS") {
                Some("public") => DocsAccess::Public,
                Some("signed_in") => DocsAccess::SignedIn,
                _ => DocsAccess::Off,
            },
            metrics_allow: self.nets("METRICS_ALLOW"),
            timeout: Duration::from_secs(self.number("REQUEST_TIMEOUT_SECONDS")),
            body_limit: self.size("BODY_LIMIT_BYTES"),
            rate_limit: u32::try_from(self.number("RATE_LIMIT_PER_MINUTE")).ok().filter(|limit| *limit > 0),
        }
    }

    fn jwt(&self) -> Jwt {
        let lines = |pem: &str| Secret::from(pem.replace("\\n", "\n"));
        Jwt {
            algorithm: match self.text("JWT_ALGORITHM") {
                Some("RS256") => JwtAlgorithm::Rs256,
                Some("ES256") => JwtAlgorithm::Es256,
                Some("EdDSA") => JwtAlgorithm::EdDsa,
                _ => JwtAlgorithm::Hs256,
            },
            secret: self.secret_or_random("JWT_SECRET_KEY"),
            secret_previous: self.secret("JWT_SECRET_KEY_PREVIOUS"),
            private_key: self.text("JWT_PRIVATE_KEY").map(lines),
            access: Duration::from_secs(60 * self.number("JWT_EXPIRE_MINUTES")),
            refresh: Duration::from_secs(86_400 * self.number("JWT_REFRESH_EXPIRE_DAYS")),
        }
    }

    fn database(&self) -> Database {
        Database {
            kind: match self.text("DB_TYPE") {
                Some("postgres") => DatabaseKind::Postgres,
                Some("mysql") => DatabaseKind::Mysql,
                _ => DatabaseKind::Sqlite,
            },
            url: self.secret_or_random("DATABASE_URL"),
            shown_url: mask_url(self.text("DATABASE_URL").unwrap_or_default()),
            admin_url: self.secret("DATABASE_ADMIN_URL"),
            pool_size: u32::try_from(self.number("DB_POOL_SIZE")).unwrap_or(1),
        }
    }

    fn smtp(&self) -> Option<Smtp> {
        Some(Smtp {
            host: self.text("SMTP_HOST")?.to_owned(),
            port: self.port("SMTP_PORT"),
            username: self.text("SMTP_USERNAME").map(str::to_owned),
            password: self.secret("SMTP_PASSWORD"),
            tls: match self.text("SMTP_TLS") {
                Some("tls") => SmtpTls::Tls,
                Some("none") => SmtpTls::None,
                _ => SmtpTls::StartTls,
            },
        })
    }

    fn log(&self) -> Log {
        Log {
            filter: self.owned("LOG_LEVEL"),
            format: if self.text("LOG_FORMAT") == Some("json") { LogFormat::Json } else { LogFormat::Pretty },
            otlp_endpoint: self.secret("OTEL_EXPORTER_OTLP_ENDPOINT"),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.entry(name)?.value.as_ref()
    }

    fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::from)
    }

    fn secret_or_random(&self, name: &str) -> Secret {
        self.secret(name).unwrap_or_else(|| Secret::from(base::random::token()))
    }

    fn size(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }

    fn port(&self, name: &str) -> u16 {
        u16::try_from(self.number(name)).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Flag(true)))
    }

    fn nets(&self, name: &str) -> Vec<IpNet> {
        match self.value(name) {
            Some(Value::Nets(nets)) => nets.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }
}
