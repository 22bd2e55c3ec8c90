//! What a setting may look like, and the value it becomes.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;

/// The form a setting must have.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text on one line or, for keys, several.
    Text,
    /// A path of this machine.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Number {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// One of a few words.
    OneOf(&'static [&'static str]),
    /// A date with time and offset (RFC 3339).
    Instant,
    /// Plain names, separated by commas.
    Names,
    /// CIDRs or addresses, separated by commas.
    Nets,
    /// `scheme://host[:port]` and nothing behind it.
    Origin,
    /// Several origins, or `*`.
    Origins,
    /// `purpose=cidr` entries or `none`.
    Outbound,
    /// A URL with one of these schemes.
    Url(&'static [&'static str]),
    /// A filter of log levels.
    Log,
}

/// A setting that has been read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, URL, word or path.
    Text(String),
    /// A number.
    Number(u64),
    /// A switch.
    Flag(bool),
    /// Networks.
    Nets(Vec<IpNet>),
    /// Several texts.
    List(Vec<String>),
}

/// What outgoing requests to addresses that a user may set are made for.
pub const PURPOSES: &[&str] = &["id_database", "webhook", "http_job", "oidc", "authentik"];

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
const ALIASES: &[(&str, &str)] = &[("postgresql", "postgres"), ("mariadb", "mysql")];

/// The word that `alias` stands for, or itself.
pub fn canonical(word: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word, |(_, name)| name)
}

impl Shape {
    /// What is allowed, as the end of "… is not allowed; use".
    pub fn allowed(self) -> String {
        match self {
            Shape::Text => "text".to_owned(),
            Shape::Path => "a path".to_owned(),
            Shape::Flag => "true or false".to_owned(),
            Shape::Number { min, max } => format!("a whole number from {min} to {max}"),
            Shape::OneOf(words) => words.join(", "),
            Shape::Instant => "a date with time and offset, such as 2026-12-31T00:00:00Z".to_owned(),
            Shape::Names => "names of letters, digits, - and _, separated by commas".to_owned(),
            Shape::Nets => "CIDRs such as 10.0.0.0/8, separated by commas, or none".to_owned(),
            Shape::Origin => "http(s)://host[:port] without a path".to_owned(),
            Shape::Origins => {
                "origins such as https://app.example.com, separated by commas, * or none".to_owned()
            }
            Shape::Outbound => {
                format!("purpose=cidr, separated by commas, or none; purposes: {}", PURPOSES.join(", "))
            }
            Shape::Url(schemes) => format!("a URL that begins with {}", schemes.join(":// or ") + "://"),
            Shape::Log => format!("{}, also per target as in info,store=debug", LEVELS.join(", ")),
        }
    }

    /// Reads a value; the error is what is wrong with it when that is more than "not allowed".
    pub fn parse(self, raw: &str) -> Result<Value, Option<String>> {
        match self {
            Shape::Text | Shape::Path => Ok(Value::Text(raw.to_owned())),
            Shape::Flag => flag(raw).map(Value::Flag).ok_or(None),
            Shape::Number { min, max } => {
                raw.parse().ok().filter(|n| (min..=max).contains(n)).map(Value::Number).ok_or(None)
            }
            Shape::OneOf(words) => one_of(words, raw).map(Value::Text).ok_or(None),
            Shape::Instant => instant(raw).map(|_| Value::Text(raw.to_owned())).ok_or(None),
            Shape::Names => names(raw).map(Value::List).map_err(Some),
            Shape::Nets => {
                list(raw).into_iter().map(net).collect::<Result<_, _>>().map(Value::Nets).map_err(Some)
            }
            Shape::Origin => origin(raw).map(Value::Text).ok_or(None),
            Shape::Origins => origins(raw).map(Value::List).map_err(Some),
            Shape::Outbound => outbound(raw).map(Value::List).map_err(Some),
            Shape::Url(schemes) => url(schemes, raw).map(Value::Text),
            Shape::Log => log(raw).map(|()| Value::Text(raw.to_owned())),
        }
    }
}

/// The instant that a text in RFC 3339 names.
pub fn instant(raw: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(raw).ok().map(|at| at.to_utc())
}

fn flag(raw: &str) -> Option<bool> {
    match raw.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn one_of(words: &[&str], raw: &str) -> Option<String> {
    let wanted = raw.to_ascii_lowercase();
    let wanted = canonical(&wanted);
    words.iter().find(|word| word.eq_ignore_ascii_case(wanted)).map(|&word| word.to_owned())
}

/// The entries between commas; `none` is the empty list.
fn list(raw: &str) -> Vec<&str> {
    if raw.trim() == "none" {
        return Vec::new();
    }
    raw.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

fn names(raw: &str) -> Result<Vec<String>, String> {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match list(raw).into_iter().find(|name| !plain(name)) {
        Some(bad) => Err(format!("`{bad}` is no name")),
        None => Ok(list(raw).into_iter().map(str::to_owned).collect()),
    }
}

fn net(text: &str) -> Result<IpNet, String> {
    let parsed = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    parsed.map(|net| net.trunc()).ok_or_else(|| format!("`{text}` is neither an address nor a CIDR"))
}

fn origin(raw: &str) -> Option<String> {
    let url = url::Url::parse(raw).ok()?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    (bare && plain && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

fn origins(raw: &str) -> Result<Vec<String>, String> {
    list(raw)
        .into_iter()
        .map(|entry| match entry {
            "*" => Ok("*".to_owned()),
            _ => origin(entry).ok_or_else(|| format!("`{entry}` is not an origin")),
        })
        .collect()
}

fn outbound(raw: &str) -> Result<Vec<String>, String> {
    list(raw)
        .into_iter()
        .map(|entry| {
            let (purpose, cidr) = entry.split_once('=').ok_or_else(|| format!("`{entry}` has no `=`"))?;
            if !PURPOSES.contains(&purpose) {
                return Err(format!("`{purpose}` is no purpose"));
            }
            Ok(format!("{purpose}={}", net(cidr)?))
        })
        .collect()
}

fn url(schemes: &[&str], raw: &str) -> Result<String, Option<String>> {
    let (scheme, rest) = raw.split_once(':').ok_or(None)?;
    let lower = scheme.to_ascii_lowercase();
    let scheme = canonical(&lower);
    if !schemes.contains(&scheme) {
        return Err(None);
    }
    let whole = format!("{scheme}:{rest}");
    if scheme == "sqlite" {
        return Ok(whole);
    }
    let parsed = url::Url::parse(&whole).map_err(|error| Some(error.to_string()))?;
    if parsed.host_str().unwrap_or_default().is_empty() && parsed.query().is_none() {
        return Err(Some("there is no host in it".to_owned()));
    }
    Ok(whole)
}

fn log(raw: &str) -> Result<(), Option<String>> {
    for part in raw.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).to_ascii_lowercase();
        if !LEVELS.contains(&level.as_str()) {
            return Err(Some(format!("`{part}` names no level")));
        }
    }
    tracing_subscriber::EnvFilter::try_new(raw).map(drop).map_err(|error| Some(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_take_what_they_should_and_refuse_the_rest() {
        let port = Shape::Number { min: 0, max: 65_535 };
        assert_eq!(port.parse("8000"), Ok(Value::Number(8000)));
        for wrong in ["65536", "-1", "80a", "8 000", ""] {
            assert!(port.parse(wrong).is_err(), "{wrong}");
        }
        let kinds = Shape::OneOf(&["sqlite", "postgres", "mysql"]);
        assert_eq!(kinds.parse("PostgreSQL"), Ok(Value::Text("postgres".into())));
        assert_eq!(kinds.parse("mariadb"), Ok(Value::Text("mysql".into())));
        assert!(kinds.parse("oracle").is_err());
        assert_eq!(Shape::OneOf(&["EdDSA"]).parse("eddsa"), Ok(Value::Text("EdDSA".into())));
        assert_eq!(Shape::Flag.parse("Yes"), Ok(Value::Flag(true)));
        assert!(Shape::Instant.parse("2026-12-31T00:00:00+08:00").is_ok());
        for wrong in ["2026-12-31", "2026-12-31T00:00:00", "soon"] {
            assert!(Shape::Instant.parse(wrong).is_err(), "{wrong}");
        }
        assert!(Shape::Flag.parse("maybe").is_err());
    }

    #[test]
    fn networks_and_origins() {
        let nets = Shape::Nets.parse("10.1.2.3/8, ::1").expect("valid");
        assert_eq!(
            nets,
            Value::Nets(vec!["10.0.0.0/8".parse().expect("net"), "::1/128".parse().expect("net")])
        );
        assert_eq!(Shape::Nets.parse("none"), Ok(Value::Nets(vec![])));
        assert!(Shape::Nets.parse("10.0.0.0/33").is_err());
        assert_eq!(
            Shape::Origin.parse("https://a.example:443/"),
            Ok(Value::Text("https://a.example".into()))
        );
        for wrong in ["https://a.example/x", "a.example", "ftp://a.example", "https://u:p@a.example"] {
            assert!(Shape::Origin.parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn outbound_rules_name_their_purpose() {
        let rules = Shape::Outbound.parse("webhook=10.1.0.0/8, oidc=::1").expect("valid");
        assert_eq!(rules, Value::List(vec!["webhook=10.0.0.0/8".into(), "oidc=::1/128".into()]));
        assert_eq!(Shape::Outbound.parse("none"), Ok(Value::List(vec![])));
        assert!(Shape::Outbound.parse("hooks=10.0.0.0/8").is_err());
        assert!(Shape::Outbound.parse("webhook").is_err());
    }

    #[test]
    fn urls_and_levels() {
        let db = Shape::Url(&["sqlite", "postgres", "mysql"]);
        assert_eq!(db.parse("postgresql://u@h/d"), Ok(Value::Text("postgres://u@h/d".into())));
        assert_eq!(db.parse("sqlite:/tmp/x.db"), Ok(Value::Text("sqlite:/tmp/x.db".into())));
        assert!(db.parse("oracle://h/d").is_err());
        assert!(db.parse("just text").is_err());
        assert!(Shape::Log.parse("info,store=debug").is_ok());
        assert!(Shape::Log.parse("inof").is_err());
    }
}
