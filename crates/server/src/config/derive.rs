//! Settings that follow from others: the base URL, ports and connection URLs.

use url::Url;

use super::{
    AppEnv,
    layers::{Settings, Source},
    value::Value,
};

impl Settings {
    /// Text of a setting, when it has a value.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.entry(name)?.value.as_ref()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Number of a setting; 0 when a problem was already found with it.
    pub fn number(&self, name: &str) -> u64 {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// Fills in everything that follows from other settings.
    pub fn derive(&mut self) {
        let host = self.text("APP_HOST").unwrap_or_default().to_owned();
        let visible = match host.as_str() {
            "0.0.0.0" | "::" | "" => "127.0.0.1".to_owned(),
            v6 if v6.contains(':') => format!("[{v6}]"),
            _ => host,
        };
        let port = self.number("APP_PORT");
        self.fill("APP_BASE_URL", format!("http://{visible}:{port}"), Source::Derived);
        let smtp_port = match self.text("SMTP_TLS") {
            Some("tls") => "465",
            Some("none") => "25",
            _ => "587",
        };
        self.fill("SMTP_PORT", smtp_port.to_owned(), Source::Derived);
        self.derive_database();
        self.derive_redis();
    }

    fn derive_database(&mut self) {
        if let Some(url) = self.text("DATABASE_URL") {
            let kind = url.split(':').next().unwrap_or_default().to_owned();
            if self.is_set("DB_TYPE") && self.text("DB_TYPE") != Some(kind.as_str()) {
                self.problems.push(format!(
                    "DB_TYPE contradicts DATABASE_URL, which is for {kind}; remove one of them"
                ));
            }
            let ignored = ["DB_HOST", "DB_PORT", "DB_USERNAME", "DB_PASSWORD", "DB_DATABASE"];
            self.warn_ignored(&ignored, "DATABASE_URL");
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.setting.name == "DB_TYPE") {
                (entry.raw, entry.value) = (Some(kind.clone()), Some(Value::Text(kind)));
                entry.source =
                    if entry.source == Source::Default { Source::Derived } else { entry.source.clone() };
            }
            return;
        }
        let kind = self.text("DB_TYPE").unwrap_or("sqlite").to_owned();
        let data_dir = self.text("DATA_DIR").unwrap_or(".").trim_end_matches('/').to_owned();
        let url = if kind == "sqlite" {
            self.fill("DB_DATABASE", format!("{data_dir}/tenon.db"), Source::Derived);
            format!("sqlite://{}", percent_path(self.text("DB_DATABASE").unwrap_or_default()))
        } else {
            let port = if kind == "mysql" { "3306" } else { "5432" };
            self.fill("DB_PORT", port.to_owned(), Source::Derived);
            self.fill("DB_DATABASE", "tenon".to_owned(), Source::Derived);
            self.network_url(&kind)
        };
        self.fill("DATABASE_URL", url, Source::Derived);
    }

    fn network_url(&self, kind: &str) -> String {
        let field = |name| percent(self.text(name).unwrap_or_default());
        let password = self.text("DB_PASSWORD").map(|p| format!(":{}", percent(p))).unwrap_or_default();
        let host = authority_host(self.text("DB_HOST").unwrap_or_default());
        let port = self.number("DB_PORT");
        format!("{kind}://{}{password}@{host}:{port}/{}", field("DB_USERNAME"), field("DB_DATABASE"))
    }

    fn derive_redis(&mut self) {
        if self.is_set("REDIS_URL") {
            self.warn_ignored(&["REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DATABASE"], "REDIS_URL");
        } else if let Some(host) = self.text("REDIS_HOST") {
            let password =
                self.text("REDIS_PASSWORD").map(|p| format!(":{}@", percent(p))).unwrap_or_default();
            let (host, port) = (authority_host(host), self.number("REDIS_PORT"));
            let url = format!("redis://{password}{host}:{port}/{}", self.number("REDIS_DATABASE"));
            self.fill("REDIS_URL", url, Source::Derived);
        } else {
            self.warn_ignored(&["REDIS_PORT", "REDIS_PASSWORD", "REDIS_DATABASE"], "no REDIS_HOST");
        }
    }

    fn warn_ignored(&mut self, names: &[&str], why: &str) {
        let set: Vec<&str> = names.iter().copied().filter(|name| self.is_set(name)).collect();
        if !set.is_empty() {
            let verb = if set.len() == 1 { "has" } else { "have" };
            self.warnings.push(
                format!("{} {verb} no effect, because {why} is set", set.join(", "))
                    .replace("no REDIS_HOST is set", "REDIS_HOST is not set"),
            );
        }
    }

    /// Whether this is production.
    pub fn is_prod(&self) -> bool {
        self.env == AppEnv::Prod
    }
}

fn authority_host(host: &str) -> String {
    match host {
        v6 if v6.contains(':') && !v6.starts_with('[') => format!("[{v6}]"),
        socket if socket.starts_with('/') => percent(socket),
        name => name.to_owned(),
    }
}

/// Everything but unreserved characters as `%XX`.
pub fn percent(text: &str) -> String {
    encode(text, b"-._~")
}

/// As [`percent`], with slashes kept.
pub fn percent_path(text: &str) -> String {
    encode(text, b"-._~/")
}

fn encode(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A URL with every password in it masked; `****` when it cannot be read.
pub fn mask_url(raw: &str) -> String {
    if raw.starts_with("sqlite:") {
        return raw.to_owned();
    }
    let Ok(mut url) = Url::parse(raw) else { return "****".to_owned() };
    if url.password().is_some() && url.set_password(Some("****")).is_err() {
        return "****".to_owned();
    }
    let sensitive =
        |name: &str| name.contains("password") || name.contains("secret") || name.contains("token");
    if url.query_pairs().any(|(name, _)| sensitive(&name)) {
        url.set_query(Some("****"));
    }
    url.to_string().replace("%2A%2A%2A%2A", "****")
}
