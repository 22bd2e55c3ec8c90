//! `tenon doctor`: the configuration against the real services, with what to do about each finding.

mod database;
mod ids;
mod jobs;
mod services;

use base::secret::ExposeSecret;
use identity::credential::jwt::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    cli::{DoctorArgs, Failure, print},
    config::{AppEnv, Config, Inputs, Settings, Source},
};

use super::{columns::align, parts};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
struct Check {
    level: Level,
    name: &'static str,
    /// What was found and, unless it is good, what to do.
    message: String,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Ok, name, message: message.into() }
    }

    fn warn(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Warn, name, message: message.into() }
    }

    fn fail(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Fail, name, message: message.into() }
    }

    /// A failure in production, a warning elsewhere.
    fn fail_in(env: AppEnv, name: &'static str, message: impl Into<String>) -> Self {
        match env {
            AppEnv::Prod => Self::fail(name, message),
            AppEnv::Dev => Self::warn(name, message),
        }
    }
}

/// Runs every check. Exit code 1 when one failed.
pub fn run(inputs: &Inputs, args: &DoctorArgs) -> Result<(), Failure> {
    let settings = Settings::inspect(inputs);
    let mut checks = configuration(&settings);
    if let Ok(config) = Config::peek(inputs) {
        checks.extend(secrets(&settings));
        checks.extend(signing_key(&config));
        checks.extend(exposure(&config));
        checks.push(outbound(&config));
        checks.extend(jobs::settings(&config));
        checks.extend(parts::block_on(async { Ok(examine(&config).await) })?);
    }
    report(&checks, settings.env, args.json);
    let failed = checks.iter().filter(|check| check.level == Level::Fail).count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::failed("1 check failed")),
        many => Err(Failure::failed(format!("{many} checks failed"))),
    }
}

async fn examine(config: &Config) -> Vec<Check> {
    let mut checks = vec![match config.ensure_data_dir() {
        Ok(()) => Check::ok("data dir", format!("{} can be written", config.data_dir.display())),
        Err(refused) => Check::fail("data dir", refused.to_string()),
    }];
    checks.extend(Box::pin(database::examine(config)).await);
    checks.extend(Box::pin(services::examine(config)).await);
    checks
}

fn configuration(settings: &Settings) -> Vec<Check> {
    let mut checks: Vec<Check> =
        settings.problems.iter().map(|problem| Check::fail("configuration", problem.as_str())).collect();
    checks.extend(settings.warnings.iter().map(|warning| Check::warn("configuration", warning.as_str())));
    if checks.is_empty() {
        let made = [Source::Default, Source::Derived, Source::Generated];
        let set = settings
            .entries
            .iter()
            .filter(|entry| entry.value.is_some() && !made.contains(&entry.source))
            .count();
        checks
            .push(Check::ok("configuration", format!("{} is complete; settings given: {set}", settings.env)));
    }
    checks
}

/// Production judges secrets when it loads them; here is what it would say to those of dev.
fn secrets(settings: &Settings) -> Vec<Check> {
    let short: Vec<String> = settings
        .entries
        .iter()
        .filter(|entry| entry.setting.secret && entry.setting.min_bytes > 0)
        .filter(|entry| entry.raw.as_ref().is_some_and(|raw| raw.len() < entry.setting.min_bytes))
        .map(|entry| format!("{} (at least {} bytes)", entry.setting.name, entry.setting.min_bytes))
        .collect();
    if short.is_empty() {
        return vec![Check::ok("secrets", "long enough")];
    }
    let message =
        format!("too short for prod: {}; make each with `openssl rand -base64 48`", short.join(", "));
    vec![Check::warn("secrets", message)]
}

/// The operator's own key, when one is configured and used.
fn signing_key(config: &Config) -> Option<Check> {
    let settings = parts::identity_settings(config);
    let pem = settings.jwt_private_key.filter(|_| settings.algorithm != Algorithm::HS256)?;
    let wanted = settings.algorithm.as_str();
    Some(match SigningKey::from_pem(pem.expose_secret()) {
        Ok(key) if key.alg() == settings.algorithm => {
            Check::ok("signing key", format!("JWT_PRIVATE_KEY signs with {wanted}"))
        }
        Ok(key) => {
            let message =
                format!("JWT_PRIVATE_KEY is for {}, but JWT_ALGORITHM is {wanted}", key.alg().as_str());
            Check::fail("signing key", message)
        }
        Err(error) => Check::fail("signing key", format!("JWT_PRIVATE_KEY cannot be used: {error}")),
    })
}

/// What follows from how people reach the server.
fn exposure(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let https = config.http.base_url.starts_with("https://");
    if https || config.env == AppEnv::Dev {
        checks.push(Check::ok("base url", config.http.base_url.as_str()));
    }
    checks.push(match config.http.trusted_proxies.as_slice() {
        [] if https => Check::warn(
            "proxies",
            "https comes from a proxy, but TRUSTED_PROXIES is empty: every client would have the proxy's address; list it",
        ),
        [] => Check::ok("proxies", "none is trusted; clients are known by their own address"),
        nets => {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            Check::ok("proxies", format!("{} may name the client's address", nets.join(", ")))
        }
    });
    checks
}

/// Whom the server may call at addresses that users set.
fn outbound(config: &Config) -> Check {
    match (parts::outbound_policy(config), &config.outbound_allow, config.env) {
        (Err(failure), ..) => Check::fail("outbound", failure.message),
        (Ok(_), Some(list), _) if !list.is_empty() => {
            Check::ok("outbound", format!("the public internet and {list}"))
        }
        (Ok(_), None, AppEnv::Dev) => {
            Check::ok("outbound", "the public internet, loopback and private networks")
        }
        _ => Check::ok("outbound", "the public internet only"),
    }
}

fn report(checks: &[Check], env: AppEnv, as_json: bool) {
    if as_json {
        let rows: Vec<Value> = checks
            .iter()
            .map(|check| {
                let level = check.level.name().to_lowercase();
                json!({ "check": check.name, "level": level, "message": base::text::one_line(&check.message) })
            })
            .collect();
        let ok = checks.iter().all(|check| check.level != Level::Fail);
        print(&format!("{:#}\n", json!({ "env": env.to_string(), "ok": ok, "checks": rows })));
        return;
    }
    let row = |check: &Check| {
        vec![check.level.name().to_owned(), check.name.to_owned(), base::text::one_line(&check.message)]
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    print(&align(&["", "check", "finding"], &rows));
}
