//! Tests of configuration as a whole: precedence, files, refusals.

use std::path::Path;

use base::secret::ExposeSecret;

use super::*;

const KEY_A: &str = "vO3rX1mYtL8qW5zN0bK7cF2dG9hJ4sPe";
const KEY_B: &str = "aT6yU2iR8oE4wQ1zX9cV5bN3mK7jH0gF";

fn inputs(dir: &Path, environment: &[(&str, &str)]) -> Inputs {
    let mut environment: Vec<(String, String)> =
        environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    environment.push(("DATA_DIR".to_owned(), dir.join("data").display().to_string()));
    Inputs { env: None, cli: Vec::new(), environment, directory: dir.to_owned() }
}

fn prod(dir: &Path, environment: &[(&str, &str)]) -> Result<Config, Refused> {
    let safe = [("JWT_SECRET_KEY", KEY_A), ("ENCRYPTION_KEY", KEY_B), ("APP_BASE_URL", "https://tenon.test")];
    let safe = safe.into_iter().filter(|(name, _)| environment.iter().all(|(other, _)| other != name));
    let all: Vec<_> = safe.chain(environment.iter().copied()).filter(|(_, value)| *value != "-").collect();
    Config::load(&Inputs { env: Some(AppEnv::Prod), ..inputs(dir, &all) })
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("folder")
}

#[test]
fn command_line_over_environment_over_file_over_default() {
    let dir = folder();
    std::fs::write(dir.path().join(".env.dev"), "APP_PORT=1\nAPP_NAME=File\n# x\nAPP_HOST=::1\nLOG_LEVEL=\n")
        .expect("w");
    std::fs::write(dir.path().join(".env.prod"), "APP_NAME=Wrong\n").expect("w");
    let mut given = inputs(dir.path(), &[("APP_PORT", "2"), ("APP_NAME", "Environment"), ("APP_HOST", "")]);
    given.cli.push(("APP_PORT", "3".to_owned()));
    let config = Config::load(&given).expect("valid");
    assert_eq!(
        (config.http.port, config.app_name.as_str(), config.http.host.as_str()),
        (3, "Environment", "::1")
    );
    assert_eq!(config.http.listen(), "[::1]:3");
    assert_eq!(config.http.base_url, "http://[::1]:3");
    let source = |name| config.settings.entry(name).expect("known").source.to_string();
    assert_eq!(source("APP_PORT"), "cli");
    assert_eq!(source("APP_NAME"), "environment");
    assert!(source("APP_HOST").ends_with(".env.dev:4"));
    assert_eq!(source("LOG_LEVEL"), "default");
    assert_eq!(source("JWT_SECRET_KEY"), "generated");
}

#[test]
fn generated_secrets_stay_the_same_and_peeking_makes_none() {
    let dir = folder();
    let given = inputs(dir.path(), &[]);
    Config::peek(&given).expect("valid");
    assert!(!dir.path().join("data").exists());
    let first = Config::load(&given).expect("valid");
    let second = Config::load(&given).expect("valid");
    assert_eq!(first.jwt.secret.expose_secret(), second.jwt.secret.expose_secret());
    assert!(first.setup_token.is_some());
}

#[test]
fn secrets_are_read_from_files() {
    let dir = folder();
    let path = dir.path().join("key");
    let shown = path.display().to_string();
    let load = |more: &[(&str, &str)]| {
        let mut all = vec![("JWT_SECRET_KEY_FILE", shown.as_str())];
        all.extend(more);
        Config::peek(&inputs(dir.path(), &all))
    };
    let missing = load(&[]).expect_err("missing").to_string();
    assert!(missing.contains("JWT_SECRET_KEY_FILE") && missing.contains("cannot be read"), "{missing}");
    std::fs::write(&path, " kept \n\n").expect("w");
    assert_eq!(load(&[]).expect("valid").jwt.secret.expose_secret(), " kept \n");
    let both = load(&[("JWT_SECRET_KEY", KEY_A)]).expect_err("both").to_string();
    assert!(both.contains("both set") && !both.contains(KEY_A), "{both}");
    std::fs::write(dir.path().join(".env.dev"), format!("JWT_SECRET_KEY={KEY_A}\n")).expect("w");
    assert_eq!(load(&[]).expect("environment wins").jwt.secret.expose_secret(), " kept \n");
}

#[test]
fn every_problem_is_told_at_once_and_secrets_are_masked() {
    let dir = folder();
    std::fs::write(dir.path().join(".env.dev"), "SMTP_TLS=ssl\n").expect("w");
    let given =
        [("APP_PORT", "80a"), ("DATABASE_URL", "oracle://u:hunter2@h/d"), ("TRUSTED_PROXIES", "10.0.0.0/40")];
    let refused = Config::load(&inputs(dir.path(), &given)).expect_err("wrong");
    let line = refused.to_string();
    assert_eq!(refused.problems.len(), 4, "{line}");
    assert!(
        line.contains("APP_PORT=80a from environment is not allowed; use a whole number from 0 to 65535"),
        "{line}"
    );
    assert!(line.contains(".env.dev:1 is not allowed; use starttls, tls, none"), "{line}");
    assert!(!line.contains("hunter2") && !line.contains('\n'), "{line}");
}

#[test]
fn the_database_url_is_built_and_escaped() {
    let dir = folder();
    let url = |more: &[(&str, &str)]| {
        Config::peek(&inputs(dir.path(), more)).expect("valid").database.url.expose_secret().to_owned()
    };
    assert_eq!(url(&[]), format!("sqlite://{}/data/tenon.db", dir.path().display()));
    let parts = [
        ("DB_TYPE", "postgresql"),
        ("DB_USERNAME", "a b"),
        ("DB_PASSWORD", "p@ss:/?#%"),
        ("DB_DATABASE", "x/y"),
    ];
    assert_eq!(url(&parts), "postgres://a%20b:p%40ss%3A%2F%3F%23%25@127.0.0.1:5432/x%2Fy");
    assert_eq!(url(&[("DB_TYPE", "mariadb"), ("DB_HOST", "::1")]), "mysql://tenon@[::1]:3306/tenon");
    assert_eq!(
        url(&[("DB_TYPE", "postgres"), ("DB_HOST", "/run/postgresql")]),
        "postgres://tenon@%2Frun%2Fpostgresql:5432/tenon"
    );
    let both = Config::peek(&inputs(dir.path(), &[("DATABASE_URL", "mariadb://u@h/d"), ("DB_HOST", "x")]))
        .expect("valid");
    assert_eq!(
        (both.database.url.expose_secret(), both.database.kind),
        ("mysql://u@h/d", DatabaseKind::Mysql)
    );
    assert_eq!(both.warnings(), ["DB_HOST has no effect, because DATABASE_URL is set"]);
    let torn = Config::peek(&inputs(dir.path(), &[("DATABASE_URL", "mysql://u@h/d"), ("DB_TYPE", "sqlite")]));
    assert!(torn.expect_err("torn").to_string().contains("contradicts"));
}

#[test]
fn redis_and_mail_follow_their_hosts() {
    let dir = folder();
    let bare = Config::peek(&inputs(dir.path(), &[("REDIS_PORT", "7000")])).expect("valid");
    assert!(bare.redis_url.is_none() && bare.smtp.is_none());
    assert_eq!(bare.warnings(), ["REDIS_PORT has no effect, because REDIS_HOST is not set"]);
    let given =
        [("REDIS_HOST", "cache"), ("REDIS_PASSWORD", "p/w"), ("SMTP_HOST", "mail"), ("SMTP_TLS", "tls")];
    let full = Config::peek(&inputs(dir.path(), &given)).expect("valid");
    assert_eq!(full.redis_url.expect("url").expose_secret(), "redis://:p%2Fw@cache:6379/0");
    assert_eq!(full.smtp.map(|smtp| (smtp.port, smtp.tls)), Some((465, SmtpTls::Tls)));
}

#[test]
fn misspelt_names_are_reported_from_both_places() {
    let dir = folder();
    std::fs::write(dir.path().join(".env.dev"), "JWT_EXPIRE_MINUTE=5\n").expect("w");
    let config = Config::peek(&inputs(dir.path(), &[("APP_PROT", "1"), ("HOME", "/x")])).expect("valid");
    assert_eq!(config.warnings().len(), 2, "{:?}", config.warnings());
    assert!(
        config.warnings()[0].contains("APP_PROT (environment)") && config.warnings()[0].contains("APP_PORT?")
    );
    assert!(
        config.warnings()[1].contains(".env.dev:1") && config.warnings()[1].contains("JWT_EXPIRE_MINUTES?")
    );
}

#[test]
fn prod_starts_with_random_secrets_and_makes_none() {
    let dir = folder();
    let config = prod(dir.path(), &[]).expect("safe");
    assert_eq!((config.http.docs, config.log.format), (DocsAccess::SignedIn, LogFormat::Json));
    assert!(config.setup_token.is_none() && config.outbound_allow.is_none());
    assert!(!dir.path().join("data").exists());
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
}

#[test]
fn prod_refuses_each_unsafe_value() {
    let dir = folder();
    for (name, value, told) in [
        ("JWT_SECRET_KEY", "changeme", "is a placeholder"),
        ("JWT_SECRET_KEY", "your-secret-key-change-in-production", "is a placeholder"),
        ("JWT_SECRET_KEY", "Zk3x9Qm1", "has 8 bytes, and 32 are the least"),
        ("ENCRYPTION_KEY", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "repeats a pattern"),
        ("ENCRYPTION_KEY", "-", "ENCRYPTION_KEY is not set"),
        ("ENCRYPTION_KEY", KEY_A, "are the same"),
        ("SETUP_TOKEN", "changeme", "is a placeholder"),
        ("DB_PASSWORD", "postgres", "is a placeholder"),
        ("DATABASE_URL", "postgres://u:changeme@h/d", "is a placeholder"),
        ("CORS_ORIGINS", "*", "CORS_ORIGINS=*"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "TRUSTED_PROXIES"),
        ("JWT_PRIVATE_KEY", "abc", "PKCS#8"),
    ] {
        let more = [(name, value), ("JWT_ALGORITHM", "EdDSA")];
        let line = prod(dir.path(), &more).expect_err(name).to_string();
        assert!(line.contains(told), "{name}={value}: {line}");
        assert!(name == "CORS_ORIGINS" || value == "-" || !line.contains(&format!("={value}")), "{line}");
    }
    let all = prod(dir.path(), &[("JWT_SECRET_KEY", "-"), ("ENCRYPTION_KEY", "-"), ("CORS_ORIGINS", "*")]);
    assert_eq!(all.expect_err("three").problems.len(), 3);
    let unread =
        prod(dir.path(), &[("ENCRYPTION_KEY", "-"), ("ENCRYPTION_KEY_FILE", "/nowhere")]).expect_err("one");
    assert_eq!(unread.problems.len(), 1, "{unread}");
    let misspelt = prod(dir.path(), &[("JWT_SECRET_KEY", "-"), ("JWT_SECRETKEY", KEY_A)])
        .expect_err("missing")
        .to_string();
    assert!(misspelt.contains("did you mean JWT_SECRET_KEY?") && !misspelt.contains(KEY_A), "{misspelt}");
    let missing = prod(dir.path(), &[("APP_BASE_URL", "-")]).expect("allowed");
    assert!(missing.warnings()[0].contains("APP_BASE_URL"));
}

#[test]
fn what_is_shown_holds_no_secret() {
    let dir = folder();
    let given = [
        ("JWT_SECRET_KEY", KEY_A),
        ("DB_PASSWORD", "hunter2hunter2"),
        ("DB_TYPE", "postgres"),
        ("REDIS_URL", "redis://:hunter2@h/0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:hunter2@h:4318"),
    ];
    let settings = Settings::inspect(&inputs(dir.path(), &given));
    let shown = format!("{}{}{settings:?}", settings.table(), settings.json());
    for secret in [KEY_A, "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("postgres://tenon:****@127.0.0.1:5432/tenon"), "{shown}");
    assert!(shown.contains("**** (32 bytes or more)"));
    let config = Config::peek(&inputs(dir.path(), &given)).expect("valid");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_environment_is_chosen_by_option_then_variable() {
    let dir = folder();
    let env = |given: Inputs| Settings::inspect(&given).env;
    assert_eq!(env(inputs(dir.path(), &[])), AppEnv::Dev);
    assert_eq!(env(inputs(dir.path(), &[("APP_ENV", "prod")])), AppEnv::Prod);
    assert_eq!(
        env(Inputs { env: Some(AppEnv::Dev), ..inputs(dir.path(), &[("APP_ENV", "prod")]) }),
        AppEnv::Dev
    );
    let wrong = Config::peek(&inputs(dir.path(), &[("APP_ENV", "staging")])).expect_err("wrong");
    assert!(wrong.to_string().contains("use dev or prod"));
    std::fs::write(dir.path().join(".env.dev"), "APP_ENV=prod\n").expect("w");
    assert!(
        Config::peek(&inputs(dir.path(), &[])).expect_err("torn").to_string().contains("remove the line")
    );
}
