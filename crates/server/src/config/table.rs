//! The one list of settings: `tenon config`, the reference in the documents, the check for
//! misspelt names and the typed [`super::Config`] all come from it.

use super::value::Shape;

/// What a setting is when nobody sets it.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// Nothing.
    None,
    /// The same everywhere.
    Fixed(&'static str),
    /// One value for dev, one for prod.
    PerEnv {
        /// With `--env dev`.
        dev: &'static str,
        /// With `--env prod`.
        prod: &'static str,
    },
    /// Follows from other settings; the text says how.
    Derived(&'static str),
    /// Made once and kept under `DATA_DIR` in dev; required in prod.
    Generated,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name in the environment and in `.env.<env>`.
    pub name: &'static str,
    /// Masked wherever it is shown, and readable from the file that `<name>_FILE` names.
    pub secret: bool,
    /// In prod a shorter value is refused; 0 means any length.
    pub min_bytes: usize,
    /// What it is when not set.
    pub preset: Preset,
    /// What it must look like.
    pub shape: Shape,
    /// One line for people.
    pub doc: &'static str,
}

const fn open(name: &'static str, preset: Preset, shape: Shape, doc: &'static str) -> Setting {
    Setting { name, secret: false, min_bytes: 0, preset, shape, doc }
}

const fn secret(
    name: &'static str,
    min_bytes: usize,
    preset: Preset,
    shape: Shape,
    doc: &'static str,
) -> Setting {
    Setting { name, secret: true, min_bytes, preset, shape, doc }
}

use Preset::{Derived, Fixed, Generated, None as Unset, PerEnv};
use Shape::{Flag, Instant, Log, Names, Nets, Number, OneOf, Origin, Origins, Outbound, Path, Text, Url};

/// Address families that only this machine can reach.
pub const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// Every setting, in the order in which they are shown.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    open("APP_ENV", Fixed("dev"), OneOf(&["dev", "prod"]), "dev or prod; `--env` wins; it chooses the file `.env.<env>`"),
    open("APP_NAME", Fixed("Tenon"), Text, "the product's name in the console, in mails and in documents"),
    open("APP_HOST", Fixed("127.0.0.1"), Text, "the address to listen on; 0.0.0.0 or :: for every interface"),
    open("APP_PORT", Fixed("8000"), Number { min: 0, max: 65_535 }, "the port to listen on; 0 lets the system choose"),
    open("APP_BASE_URL", Derived("http://<APP_HOST>:<APP_PORT>"), Origin, "how people reach this server; every link in a mail begins with it"),
    open("DATA_DIR", Fixed("./data"), Path, "the folder for the embedded database, files, undelivered mail and generated secrets"),

    secret("JWT_SECRET_KEY", 32, Generated, Text, "signs access tokens with HS256"),
    secret("JWT_SECRET_KEY_PREVIOUS", 32, Unset, Text, "the key before it (HS256), whose access tokens are accepted until they end"),
    open("JWT_ALGORITHM", Fixed("HS256"), OneOf(&["HS256", "RS256", "ES256", "EdDSA"]), "how access tokens are signed"),
    secret("JWT_PRIVATE_KEY", 0, Unset, Text, "PEM (PKCS#8) for RS256, ES256 or EdDSA; without it a key is made and kept, encrypted, in the database"),
    open("JWT_EXPIRE_MINUTES", Fixed("15"), Number { min: 1, max: 1_440 }, "life of an access token"),
    open("JWT_REFRESH_EXPIRE_DAYS", Fixed("14"), Number { min: 1, max: 90 }, "idle life of a refresh token; 90 days is the absolute end of a session"),
    secret("ENCRYPTION_KEY", 32, Generated, Text, "encrypts the secrets that are stored in the database"),
    secret("ENCRYPTION_KEY_PREVIOUS", 32, Unset, Text, "the key before it, still accepted for reading while `tenon keys rotate` re-encrypts"),
    secret("SETUP_TOKEN", 16, Generated, Text, "must accompany the first set-up (X-Setup-Token) unless it comes from this machine in dev"),
    secret("SUPERUSER_PASSWORD", 0, Unset, Text, "the password for `tenon createsuperuser` and `tenon user reset-password` without `--password-stdin`"),
    open("PASSWORD_MIN", Fixed("8"), Number { min: 8, max: 128 }, "the least number of characters of a password"),
    open("SIGN_IN_RSA_PKCS1", Fixed("false"), Flag, "accept passwords under raw RSA PKCS#1 v1.5, for old clients only"),
    open("ALLOW_ORGANIZATION_SIGNUP", Fixed("false"), Flag, "let any signed-in user create an organisation"),

    open("DB_TYPE", Fixed("sqlite"), OneOf(&["sqlite", "postgres", "mysql"]), "the database (postgresql and mariadb are understood too)"),
    open("DB_HOST", Fixed("127.0.0.1"), Text, "host name, address, or folder of the socket"),
    open("DB_PORT", Derived("5432 or 3306"), Number { min: 1, max: 65_535 }, "port of the database"),
    open("DB_USERNAME", Fixed("tenon"), Text, "login role of the database"),
    secret("DB_PASSWORD", 0, Unset, Text, "its password"),
    open("DB_DATABASE", Derived("tenon, or <DATA_DIR>/tenon.db"), Text, "name of the database; for sqlite the path of its file"),
    secret("DATABASE_URL", 0, Derived("from DB_*"), Url(&["sqlite", "postgres", "mysql"]), "all of it in one URL; wins over DB_*"),
    secret("DATABASE_ADMIN_URL", 0, Unset, Url(&["postgres", "mysql"]), "a role that may create databases and roles, for `tenon db init` only"),
    open("DB_POOL_SIZE", Fixed("10"), Number { min: 1, max: 1_000 }, "connections per process"),

    open("REDIS_HOST", Unset, Text, "Redis or Valkey for shared limits and caches; without it they are embedded"),
    open("REDIS_PORT", Fixed("6379"), Number { min: 1, max: 65_535 }, "its port"),
    secret("REDIS_PASSWORD", 0, Unset, Text, "its password"),
    open("REDIS_DATABASE", Fixed("0"), Number { min: 0, max: 1_023 }, "number of its database"),
    secret("REDIS_URL", 0, Derived("from REDIS_*, when REDIS_HOST is set"), Url(&["redis", "rediss"]), "all of it in one URL; wins over REDIS_*"),

    open("SMTP_HOST", Unset, Text, "mail server; without it mails lie under <DATA_DIR>/outbox"),
    open("SMTP_PORT", Derived("587, 465 or 25 by SMTP_TLS"), Number { min: 1, max: 65_535 }, "its port"),
    open("SMTP_USERNAME", Unset, Text, "its user"),
    secret("SMTP_PASSWORD", 0, Unset, Text, "its password"),
    open("SMTP_TLS", Fixed("starttls"), OneOf(&["starttls", "tls", "none"]), "how the connection is protected"),
    open("DEFAULT_FROM_EMAIL", Fixed("Tenon <noreply@localhost>"), Text, "sender of every mail"),

    open("WORKER_CONCURRENCY", Fixed("16"), Number { min: 1, max: 1_000 }, "jobs that one process runs at once"),
    open("WORKER_QUEUES", Unset, Names, "queues that its worker serves, separated by commas; unset: all"),
    open("WORKER_GRACE_SECONDS", Fixed("15"), Number { min: 0, max: 3_600 }, "running jobs may go on for this long after the signal to stop; what is left is handed back"),
    open("SCHEDULES_FILE", Unset, Path, "a JSON file of schedules that the operator declares; see docs/OPERATIONS.md"),
    open("AUDIT_RETENTION_DAYS", Fixed("0"), Number { min: 0, max: 36_500 }, "entries of the audit trail and the sign-in log are deleted after this many days; 0 keeps them"),

    open("TRUSTED_PROXIES", Unset, Nets, "CIDRs of the proxies whose X-Forwarded-For is believed"),
    open("CORS_ORIGINS", Unset, Origins, "origins of other sites that may call the API with credentials; `*` in dev only"),
    open("OUTBOUND_ALLOW", Unset, Outbound, "list of purpose=cidr that requests to user-set addresses may reach beside the public internet; unset, dev allows loopback and private ranges, prod neither"),
    open("ID_ALLOCATE_AUTH", PerEnv { dev: "none", prod: "key" }, OneOf(&["none", "key"]), "who may have ids from /api/segment/allocate: none = anybody who reaches it, key = holders of an API key"),
    secret("INTERNAL_SHARED_SECRET", 32, Unset, Text, "what sister systems send as X-Internal-Secret; without it their routes answer 401"),
    secret("INTERNAL_SHARED_SECRET_PREVIOUS", 32, Unset, Text, "the secret before it, still accepted while the sister systems take over the new one"),
    open("INTERNAL_SHARED_SECRET_PREVIOUS_NOT_AFTER", Unset, Instant, "from when on the previous secret is taken no more, such as 2026-12-31T00:00:00Z; unset: it is taken as long as it is set"),
    open("INTERNAL_RATE_LIMIT_PER_MINUTE", Fixed("6000"), Number { min: 0, max: 10_000_000 }, "calls per minute of all sister systems together, on each node (with Redis, on all of them); 0 sets no limit"),
    open("AUTHENTIK_ISSUER", Unset, Url(&["http", "https"]), "an OIDC issuer whose access tokens are believed at /me, as its tokens write it, with the slash at its end"),
    open("AUTHENTIK_JWKS_URL", Unset, Url(&["http", "https"]), "where its keys are; without it they are discovered"),
    open("AUTHENTIK_AUDIENCE", Unset, Names, "audiences of which a token must name one; in prod required, unless ALLOW_ANY_AUDIENCE=true"),
    open("AUTHENTIK_ALLOWED_ALGS", Fixed("RS256,ES256,ES384"), Names, "signature algorithms that are believed"),
    open("AUTHENTIK_ALLOWED_AZP", Unset, Names, "authorised parties of which a token must name one; unset: any"),
    open("AUTHENTIK_BASE_URL", Unset, Url(&["http", "https"]), "the Authentik whose users are kept, without /api/v3; without it /internal/authentik answers 503"),
    secret("AUTHENTIK_ADMIN_TOKEN", 0, Unset, Text, "a token of its intent `api`, of an account that may view, add and change users, view groups, and add users to them"),
    open("AUTHENTIK_SUB_MODE", Fixed("hashed_user_id"), OneOf(&["hashed_user_id", "user_id", "user_uuid", "user_username", "user_email", "user_upn"]), "the subject mode of the provider whose tokens are believed"),
    open("AUTHENTIK_RECOVERY_STAGE", Unset, Text, "the id of its stage that mails links for a new password; without it none are mailed"),
    open("REQUIRE_AZP", Fixed("false"), Flag, "refuse tokens without an authorised party, which ID tokens have not"),
    open("ALLOW_ANY_AUDIENCE", Fixed("false"), Flag, "believe tokens that were issued for anybody"),
    open("SNAPSHOT_MAX_AGE", Fixed("300"), Number { min: 0, max: 86_400 }, "seconds for which a snapshot of permissions may be used without asking again"),
    open("SNAPSHOT_STALE_IF_ERROR", Fixed("3600"), Number { min: 0, max: 604_800 }, "seconds for which it may be used beyond that while this server cannot be reached"),
    open("MEMBERS_REMIND_DAYS", Fixed("7"), Number { min: 0, max: 365 }, "days before its end at which whoever holds a grant, and whoever gave it, are told by mail; 0: never"),
    open("DOCS_ACCESS", PerEnv { dev: "public", prod: "signed_in" }, OneOf(&["public", "signed_in", "off"]), "who may read /docs, /redoc and /openapi.json"),
    open("METRICS_ALLOW", Fixed(LOOPBACK), Nets, "CIDRs that may read /metrics"),
    open("REQUEST_TIMEOUT_SECONDS", Fixed("30"), Number { min: 1, max: 3_600 }, "a request that takes longer is ended"),
    open("BODY_LIMIT_BYTES", Fixed("10485760"), Number { min: 1_024, max: 1_073_741_824 }, "the largest request body"),
    open("RATE_LIMIT_PER_MINUTE", Fixed("600"), Number { min: 0, max: 1_000_000 }, "requests per minute and client address; 0 sets no limit"),

    open("LOG_LEVEL", Fixed("info"), Log, "off, error, warn, info, debug or trace, also per target: `info,store=debug`"),
    open("LOG_FORMAT", PerEnv { dev: "pretty", prod: "json" }, OneOf(&["json", "pretty"]), "one JSON object or one readable line per event"),
    open("OTEL_EXPORTER_OTLP_ENDPOINT", Unset, Url(&["http", "https"]), "collector for traces (OTLP over HTTP); without it none are sent"),
];

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The secret setting that `<NAME>_FILE` stands for.
pub fn find_file(name: &str) -> Option<&'static Setting> {
    name.strip_suffix("_FILE").and_then(find).filter(|setting| setting.secret)
}

impl Preset {
    /// The default as the documents show it.
    pub fn describe(self) -> String {
        match self {
            Unset => String::new(),
            Fixed(value) => value.to_owned(),
            PerEnv { dev, prod } => format!("{dev} in dev, {prod} in prod"),
            Derived(how) => format!("({how})"),
            Generated => "(made once in dev)".to_owned(),
        }
    }
}

/// The reference of all settings as a Markdown table, for `docs/OPERATIONS.md`.
pub fn markdown() -> String {
    let mut out = String::from("| name | default | allowed | meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let name = if setting.secret {
            format!("`{}` (secret)", setting.name)
        } else {
            format!("`{}`", setting.name)
        };
        let cell = |text: String| text.replace('|', "\\|");
        out += &format!(
            "| {name} | {} | {} | {} |\n",
            cell(setting.preset.describe()),
            cell(setting.shape.allowed()),
            cell(setting.doc.to_owned())
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_are_valid() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(
                SETTINGS.iter().skip(index + 1).all(|other| other.name != setting.name),
                "{}",
                setting.name
            );
            let defaults = match setting.preset {
                Fixed(value) => vec![value],
                PerEnv { dev, prod } => vec![dev, prod],
                _ => vec![],
            };
            for value in defaults {
                assert!(setting.shape.parse(value).is_ok(), "{}={value}", setting.name);
            }
        }
    }

    #[test]
    fn the_example_file_names_every_setting_and_no_other() {
        let text = include_str!("../../../../.env.example");
        let named: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").split_once('='))
            .map(|(name, _)| name)
            .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .collect();
        for setting in SETTINGS {
            assert!(named.contains(&setting.name), "{} is missing from .env.example", setting.name);
        }
        for name in named {
            assert!(
                find(name).is_some() || find_file(name).is_some(),
                "{name} in .env.example is no setting"
            );
        }
    }
}
