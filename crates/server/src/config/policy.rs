//! What production refuses, and what is merely odd.

use std::collections::HashSet;

use super::{
    layers::{Effective, Settings, Source},
    table::Preset,
    value::Value,
};

/// Fragments of the secrets that templates and tutorials print (compared without punctuation).
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "changethis",
    "changeit",
    "changein",
    "replaceme",
    "replacethis",
    "yoursecret",
    "yourkey",
    "yourjwt",
    "yourpassword",
    "secretkey",
    "mysecret",
    "supersecret",
    "topsecret",
    "password",
    "example",
    "placeholder",
    "insecure",
    "notasecret",
    "letmein",
    "qwerty",
    "1234567890",
];
/// Passwords that are no secret as a whole.
const WEAK: &[&str] = &[
    "postgres", "root", "admin", "secret", "tenon", "test", "mysql", "mariadb", "redis", "guest", "default",
    "123456", "12345678",
];

/// Why a value cannot serve as a secret in production.
pub fn weakness(value: &str, min_bytes: usize) -> Option<String> {
    if is_placeholder(value) {
        return Some("is a placeholder".to_owned());
    }
    if value.len() < min_bytes {
        return Some(format!("has {} bytes, and {min_bytes} are the least", value.len()));
    }
    (min_bytes > 0 && is_pattern(value)).then(|| "repeats a pattern that can be guessed".to_owned())
}

fn is_placeholder(value: &str) -> bool {
    let plain: String =
        value.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    WEAK.contains(&plain.as_str()) || PLACEHOLDERS.iter().any(|word| plain.contains(word))
}

fn is_pattern(value: &str) -> bool {
    let bytes = value.as_bytes();
    let few = bytes.iter().collect::<HashSet<_>>().len() < 8;
    let periodic = (1..=bytes.len() / 2)
        .any(|period| bytes.iter().skip(period).eq(bytes.iter().take(bytes.len() - period)));
    let steps = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.abs_diff(*b) <= 1)).count();
    few || periodic || steps * 2 > bytes.len()
}

impl Settings {
    /// Whose access tokens are believed, and for whom they must have been issued.
    fn judge_issuer(&mut self) {
        let algorithms = self.list("AUTHENTIK_ALLOWED_ALGS");
        let unknown: Vec<String> =
            algorithms.into_iter().filter(|name| name.parse::<oidc::Algorithm>().is_err()).collect();
        if !unknown.is_empty() {
            self.problems.push(format!("AUTHENTIK_ALLOWED_ALGS: {} cannot be believed", unknown.join(", ")));
        }
        let is_open = self.is_set("AUTHENTIK_ISSUER") && self.list("AUTHENTIK_AUDIENCE").is_empty();
        if is_open && !self.flag("ALLOW_ANY_AUDIENCE") {
            let message =
                "AUTHENTIK_AUDIENCE is not set: tokens that were issued for any program are believed";
            match self.is_prod() {
                true => self.problems.push(format!("{message}; set it, or ALLOW_ANY_AUDIENCE=true")),
                false => self.warnings.push(message.to_owned()),
            }
        }
    }

    /// The Authentik whose users are kept: where it is and as whom it is asked belong together.
    fn judge_authentik(&mut self) {
        let (url, token) = ("AUTHENTIK_BASE_URL", "AUTHENTIK_ADMIN_TOKEN");
        for (set, missing) in [(url, token), (token, url)] {
            if self.is_set(set) && !self.is_set(missing) {
                self.problems.push(format!("{missing} is not set, and {set} needs it"));
            }
        }
        let is_printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if self.text(token).is_some_and(|text| !is_printable(text)) {
            self.problems.push(format!("{token} has characters that no token has"));
        }
        if self.text("AUTHENTIK_RECOVERY_STAGE").is_some_and(|stage| stage.parse::<base::Id>().is_err()) {
            self.problems.push("AUTHENTIK_RECOVERY_STAGE: must be the id of a stage, a UUID".to_owned());
        }
        if self.is_prod() && self.text(url).is_some_and(|url| url.starts_with("http://")) {
            self.warnings.push(format!("{url} is not https: {token} can be read on the way"));
        }
    }

    /// Adds what is wrong or odd about the values as a whole.
    pub fn judge(&mut self) {
        if self.is_prod() {
            self.judge_secrets();
            self.judge_exposure();
        }
        self.judge_issuer();
        self.judge_authentik();
        let wildcard = matches!(
            self.entry("CORS_ORIGINS").and_then(|entry| entry.value.as_ref()),
            Some(Value::List(origins)) if origins.iter().any(|origin| origin == "*")
        );
        if wildcard && self.is_prod() {
            self.problems.push(
                "CORS_ORIGINS=* would let every site use a signed-in person's session; list the origins"
                    .to_owned(),
            );
        } else if wildcard {
            self.warnings.push("CORS_ORIGINS=* works in dev only; prod refuses it".to_owned());
        }
        let asymmetric = self.text("JWT_ALGORITHM") != Some("HS256");
        match self.text("JWT_PRIVATE_KEY") {
            Some(_) if !asymmetric => self.warnings.push("JWT_PRIVATE_KEY has no effect, because JWT_ALGORITHM is HS256".to_owned()),
            Some(key) if !key.contains("-----BEGIN PRIVATE KEY-----") => self.problems.push(
                "JWT_PRIVATE_KEY=**** is not allowed; use a PKCS#8 PEM that begins with -----BEGIN PRIVATE KEY-----".to_owned(),
            ),
            _ => {}
        }
        if asymmetric && self.text("JWT_SECRET_KEY_PREVIOUS").is_some() {
            self.warnings
                .push("JWT_SECRET_KEY_PREVIOUS has no effect, because JWT_ALGORITHM is not HS256".to_owned());
        }
        if self.text("SMTP_TLS") == Some("none") && self.text("SMTP_PASSWORD").is_some() {
            self.warnings.push("SMTP_TLS=none sends SMTP_PASSWORD unprotected".to_owned());
        }
    }

    fn judge_secrets(&mut self) {
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.setting.secret) {
            let name = entry.setting.name;
            if self.problems.iter().any(|problem| problem.starts_with(name)) {
                continue;
            }
            if entry.value.is_none()
                && matches!(entry.setting.preset, Preset::Generated)
                && name != "SETUP_TOKEN"
            {
                found.push(format!(
                    "{name} is not set; put at least {} random bytes there, for example from `openssl rand -base64 48`",
                    entry.setting.min_bytes
                ));
            }
            if let Some(why) = judged_text(entry).and_then(|text| weakness(&text, entry.setting.min_bytes)) {
                found.push(format!(
                    "{name} ({}) {why}; use a random one, for example from `openssl rand -base64 48`",
                    entry.source
                ));
            }
        }
        let keys = ["JWT_SECRET_KEY", "ENCRYPTION_KEY"].map(|name| self.text(name));
        if keys[0].is_some() && keys[0] == keys[1] {
            found.push("JWT_SECRET_KEY and ENCRYPTION_KEY are the same; use two".to_owned());
        }
        self.problems.extend(found);
    }

    fn judge_exposure(&mut self) {
        if self.entry("APP_BASE_URL").is_some_and(|entry| entry.source == Source::Derived) {
            self.warnings
                .push("APP_BASE_URL is not set: links in mails will point to this machine".to_owned());
        } else if self.text("APP_BASE_URL").is_some_and(|url| url.starts_with("http://")) {
            self.warnings
                .push("APP_BASE_URL is not https: cookies and passwords travel unprotected".to_owned());
        }
        let everyone = matches!(
            self.entry("TRUSTED_PROXIES").and_then(|entry| entry.value.as_ref()),
            Some(Value::Nets(nets)) if nets.iter().any(|net| net.prefix_len() == 0)
        );
        if everyone {
            self.problems.push("TRUSTED_PROXIES trusts the whole internet, so anyone could claim any address; list your proxies".to_owned());
        }
    }
}

/// The part of a secret setting that must be hard to guess: of a URL its password.
fn judged_text(entry: &Effective) -> Option<String> {
    let Some(Value::Text(text)) = &entry.value else { return None };
    if entry.setting.name == "JWT_PRIVATE_KEY" || entry.source == Source::Derived {
        return None;
    }
    if entry.setting.name.ends_with("_URL") {
        return url::Url::parse(text).ok().and_then(|url| url.password().map(str::to_owned));
    }
    Some(text.clone())
}

#[cfg(test)]
mod tests {
    use super::weakness;

    #[test]
    fn placeholders_short_and_patterned_secrets_are_weak() {
        for weak in [
            "changeme",
            "your-secret-key-change-in-production",
            "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
            "short-but-random-Zk3",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "Zk3!x9Zk3!x9Zk3!x9Zk3!x9Zk3!x9Zk3!x9",
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
            "django-insecure-9v7r2k4h1m5q8w3e6t0y",
        ] {
            assert!(weakness(weak, 32).is_some(), "{weak}");
        }
    }

    #[test]
    fn random_secrets_pass() {
        for _ in 0..1_000 {
            let token = base::random::token();
            assert_eq!(weakness(&token, 32), None, "{token}");
        }
        assert_eq!(weakness("3f1c9a5b7e2d80644c1fa0b39e8d72515a6c0f4e", 32), None);
        assert_eq!(weakness("kJ8#mP2x", 0), None);
        assert!(weakness("postgres", 0).is_some());
    }
}
