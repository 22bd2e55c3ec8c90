//! Where a database server is and who signs in.

use std::{fmt, net::Ipv6Addr};

use base::{Error, Result, Secret};

use crate::Product;

/// A database server that somebody else runs, and the account that reads it.
#[derive(Clone)]
pub struct Target {
    /// What it is.
    pub product: Product,
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// The only database to read; for Oracle the service name. `None`: every one that is not the
    /// system's own, for Oracle the service `ORCL`.
    pub database: Option<String>,
}

impl Target {
    /// Reads `address`: `host`, `host:port`, `v6`, `[v6]` or `[v6]:port`; without a port, the product's own.
    /// Anything else is 422 on the field `address`. A blank `database` counts as none.
    pub fn new(
        product: Product,
        address: &str,
        user: impl Into<String>,
        password: Secret,
        database: Option<&str>,
    ) -> Result<Self> {
        let (host, port) = place(address.trim(), product.default_port()).ok_or_else(|| {
            Error::field(
                "address",
                "invalid_address",
                "must be a host or host:port; an IPv6 address with a port stands in brackets",
            )
        })?;
        let database = database.filter(|name| !name.trim().is_empty()).map(str::to_owned);
        Ok(Self { product, host, port, user: user.into(), password, database })
    }
}

fn place(address: &str, default: u16) -> Option<(String, u16)> {
    if address.parse::<Ipv6Addr>().is_ok() {
        return Some((address.to_owned(), default));
    }
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = if port.is_empty() { default } else { number(port.strip_prefix(':')?)? };
        return Some((host.to_owned(), port));
    }
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, number(port)?),
        None => (address, default),
    };
    is_host(host).then(|| (host.to_owned(), port))
}

/// Digits alone: `u16::from_str` would take a plus sign.
fn number(port: &str) -> Option<u16> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port > 0)
}

/// What a name service can be asked for (RFC 1123, and underscores as many networks have them).
fn is_host(host: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len()) && part.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

/// Without the password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("product", &self.product)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<(String, u16)> {
        let target = Target::new(Product::Mysql, address, "u", "pass".to_owned().into(), Some(" ")).ok()?;
        assert_eq!(target.database, None);
        Some((target.host, target.port))
    }

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        for (address, host, port) in [
            ("db", "db", 3306),
            (" db.example.org:3307 ", "db.example.org", 3307),
            ("db.example.org.", "db.example.org.", 3306),
            ("my_db-1:1", "my_db-1", 1),
            ("10.0.0.7:65535", "10.0.0.7", 65535),
            ("::1", "::1", 3306),
            ("fe80::a:3306", "fe80::a:3306", 3306),
            ("[::1]", "::1", 3306),
            ("[2001:db8::5]:3308", "2001:db8::5", 3308),
            ("bücher.example", "bücher.example", 3306),
        ] {
            assert_eq!(of(address), Some((host.to_owned(), port)), "{address}");
        }
    }

    #[test]
    fn anything_else_is_an_error_on_the_address() {
        for address in [
            "",
            " ",
            ":3306",
            "db:",
            "db:0",
            "db:65536",
            "db:+1",
            "db:1:2",
            "db:abc",
            "a b",
            "a/b",
            "a@b",
            "a..b",
            "/var/run/socket",
            "[::1",
            "[::1]x",
            "[db]:1",
            "[1.2.3.4]:1",
            "db)(HOST=x",
            "a'b",
            "-é\u{0}",
            "a\\b",
        ] {
            let error = Target::new(Product::Oracle, address, "u", String::new().into(), None).unwrap_err();
            assert_eq!(error.field_errors()[0].field, "address", "{address}");
        }
    }

    #[test]
    fn a_target_does_not_show_its_password() {
        let target =
            Target::new(Product::Mysql, "db", "u", "s3cret".to_owned().into(), Some("shop")).unwrap();
        assert!(!format!("{target:?}").contains("s3cret"));
        assert_eq!(target.database.as_deref(), Some("shop"));
    }
}
