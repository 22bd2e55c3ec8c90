//! Who may be called: public addresses, and per purpose the networks the operator opened.
//!
//! The check is on addresses, after resolution, never on names: a name proves nothing.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use base::{Error, Result};
use ipnet::IpNet;
use url::{Host, Url};

use super::address::{is_never_allowed, is_public};

/// The longest URL that is accepted.
const URL_MAX: usize = 2048;
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What an outgoing connection is for; each purpose has a list of its own in `OUTBOUND_ALLOW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A database that the id service reads from.
    IdDatabase,
    /// A webhook delivery.
    Webhook,
    /// A job that calls a URL.
    HttpJob,
    /// An OpenID Connect issuer.
    Oidc,
    /// An Authentik installation.
    Authentik,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [Self::IdDatabase, Self::Webhook, Self::HttpJob, Self::Oidc, Self::Authentik];

    /// The name in `OUTBOUND_ALLOW`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdDatabase => "id_database",
            Self::Webhook => "webhook",
            Self::HttpJob => "http_job",
            Self::Oidc => "oidc",
            Self::Authentik => "authentik",
        }
    }
}

impl FromStr for Purpose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or_else(|| {
            Error::invalid("invalid_setting", format!("OUTBOUND_ALLOW: there is no purpose {text:?}"))
        })
    }
}

/// Which addresses may be called for which purpose.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    open: HashMap<Purpose, Vec<IpNet>>,
}

impl Policy {
    /// From `OUTBOUND_ALLOW`: `purpose=cidr` pairs, separated by commas or white space. Unset,
    /// a development server may call loopback and private networks, a production server may
    /// not. Set, the list alone decides. Public addresses need no entry; metadata services,
    /// multicast and disguised IPv4 addresses cannot be opened.
    pub fn parse(allow: Option<&str>, dev: bool) -> Result<Self> {
        let Some(allow) = allow else {
            return if dev { Self::local() } else { Ok(Self::default()) };
        };
        let mut open: HashMap<Purpose, Vec<IpNet>> = HashMap::new();
        for pair in allow.split([',', ' ', '\t', '\n', ';']).filter(|pair| !pair.is_empty()) {
            let wrong =
                || Error::invalid("invalid_setting", format!("OUTBOUND_ALLOW: {pair:?} is not purpose=cidr"));
            let (purpose, network) = pair.split_once('=').ok_or_else(wrong)?;
            let network: IpNet = match network.parse::<IpAddr>() {
                Ok(address) => address.into(),
                Err(_) => network.parse().map_err(|_| wrong())?,
            };
            open.entry(purpose.parse()?).or_default().push(network);
        }
        Ok(Self { open })
    }

    fn local() -> Result<Self> {
        let local = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];
        let local: Vec<IpNet> =
            local.iter().map(|net| net.parse().map_err(Error::internal)).collect::<Result<_>>()?;
        Ok(Self { open: Purpose::ALL.into_iter().map(|purpose| (purpose, local.clone())).collect() })
    }

    /// Whether `address` may be called for `purpose`.
    pub fn allows(&self, purpose: Purpose, address: IpAddr) -> bool {
        let opened = || {
            !is_never_allowed(address)
                && self.open.get(&purpose).is_some_and(|nets| nets.iter().any(|net| net.contains(&address)))
        };
        is_public(address) || opened()
    }

    /// Reads a URL that a user set and refuses what can be refused without asking the name
    /// service: other schemes than http and https, credentials, system ports other than 80
    /// and 443, and addresses (in any notation: `0x7f.1` and `2130706433` are 127.0.0.1 by the
    /// WHATWG URL standard) that are not allowed. For the moment of saving; calling checks again.
    pub fn check_url(&self, purpose: Purpose, text: &str) -> Result<Url> {
        if text.len() > URL_MAX {
            return Err(refused("the URL is too long"));
        }
        let url = Url::parse(text).map_err(|_| refused("this is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only http and https are possible"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL must not contain a user name or a password"));
        }
        if !matches!(url.port_or_known_default(), Some(80 | 443 | 1024..)) {
            return Err(refused("only ports 80, 443 and those from 1024 on are possible"));
        }
        let literal = match url.host() {
            Some(Host::Domain(name)) if !name.trim_matches('.').is_empty() => None,
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            _ => return Err(refused("the URL has no host")),
        };
        match literal {
            Some(address) if !self.allows(purpose, address) => Err(not_allowed(address)),
            _ => Ok(url),
        }
    }

    /// The addresses of a host, resolved once. One address that is not allowed refuses the
    /// whole host: a name that points both outside and inside is an attack or an accident.
    /// Connect to what this returns and never to the name again (DNS rebinding).
    pub async fn resolve(&self, purpose: Purpose, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let unresolved = || Error::unavailable("target_unreachable", "the host name cannot be resolved");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port)))
            .await
            .map_err(|_| unresolved())?
            .map_err(|error| unresolved().with_source(error))?;
        let found: Vec<SocketAddr> = found.collect();
        match found.iter().find(|at| !self.allows(purpose, at.ip())) {
            Some(inside) => Err(not_allowed(inside.ip())),
            None if found.is_empty() => Err(unresolved()),
            None => Ok(found),
        }
    }
}

fn refused(why: &'static str) -> Error {
    Error::field("url", "target_refused", why)
}

/// The address is for the log only: telling it would answer questions about internal names.
fn not_allowed(address: IpAddr) -> Error {
    let why = "this host may not be called from here; an operator can open its network with OUTBOUND_ALLOW";
    refused(why).with_source(format!("{address} is not allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(policy: &Policy, url: &str) -> bool {
        let outcome = policy.check_url(Purpose::Webhook, url);
        outcome.is_err_and(|error| error.field_errors().iter().any(|field| field.code == "target_refused"))
    }

    #[test]
    fn urls_that_lead_inside_or_elsewhere_are_refused() {
        let policy = Policy::parse(None, false).unwrap();
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "example.com",
            "//example.com/",
            "http://",
            "http://.",
            "http://user@example.com/",
            "http://u:p@example.com/",
            "http://:p@example.com/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://0/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://192.168.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://１２７.０.０.１/",
            "http://127。0。0。1/",
            "http://%31%32%37.0.0.1/",
            "http://example.com:22/",
            "https://example.com:25/",
            "http://example.com:0/",
        ] {
            assert!(refuses(&policy, url), "{url}");
        }
    }

    #[test]
    fn ordinary_urls_pass_and_keep_their_content() {
        let policy = Policy::parse(None, false).unwrap();
        for url in [
            "https://example.com/a?b=c",
            "http://8.8.8.8/",
            "https://example.com:8443/",
            "https://[2606:4700::1111]/",
        ] {
            assert_eq!(policy.check_url(Purpose::Webhook, url).unwrap().as_str(), url);
        }
    }

    #[test]
    fn too_long_a_url_is_refused() {
        let url = format!("https://example.com/{}", "a".repeat(3000));
        assert!(refuses(&Policy::default(), &url));
    }

    #[test]
    fn development_opens_local_networks_and_production_does_not() {
        let (dev, prod) = (Policy::parse(None, true).unwrap(), Policy::parse(None, false).unwrap());
        for address in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.20.0.1", "::1", "fd00::1"] {
            let address: IpAddr = address.parse().unwrap();
            for purpose in Purpose::ALL {
                assert!(dev.allows(purpose, address) && !prod.allows(purpose, address), "{address}");
            }
        }
        for address in ["169.254.169.254", "100.64.0.1", "0.0.0.0", "::ffff:127.0.0.1", "fd00:ec2::254"] {
            assert!(!dev.allows(Purpose::Webhook, address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_list_opens_networks_for_its_purpose_only() {
        let policy =
            Policy::parse(Some("oidc=10.1.0.0/16, id_database=127.0.0.1 oidc=fd00::/8"), true).unwrap();
        let allows = |purpose, address: &str| policy.allows(purpose, address.parse().unwrap());
        assert!(allows(Purpose::Oidc, "10.1.9.9") && allows(Purpose::Oidc, "fd00::1"));
        assert!(allows(Purpose::IdDatabase, "127.0.0.1") && allows(Purpose::Webhook, "8.8.8.8"));
        assert!(!allows(Purpose::Webhook, "10.1.9.9") && !allows(Purpose::Oidc, "10.2.0.1"));
        assert!(!allows(Purpose::Webhook, "127.0.0.1"), "a set list replaces the development default");
    }

    #[test]
    fn no_list_opens_a_metadata_service() {
        let policy = Policy::parse(Some("webhook=0.0.0.0/0 webhook=::/0"), false).unwrap();
        assert!(policy.allows(Purpose::Webhook, "10.0.0.1".parse().unwrap()));
        for address in ["169.254.169.254", "0.0.0.0", "::ffff:10.0.0.1", "224.0.0.1", "fd00:ec2::254"] {
            assert!(!policy.allows(Purpose::Webhook, address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_wrong_list_is_refused_with_its_words() {
        for list in ["web=10.0.0.0/8", "webhook", "webhook=10.0.0.0/33", "webhook=intranet"] {
            let error = Policy::parse(Some(list), false).unwrap_err();
            assert_eq!(error.code(), "invalid_setting");
            assert!(error.detail().contains("OUTBOUND_ALLOW"), "{list}");
        }
        assert!(Policy::parse(Some(""), false).is_ok());
    }

    #[tokio::test]
    async fn names_are_judged_by_their_addresses() {
        let (dev, prod) = (Policy::parse(None, true).unwrap(), Policy::parse(None, false).unwrap());
        assert!(dev.resolve(Purpose::Webhook, "localhost", 80).await.is_ok());
        for host in ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1"] {
            let error = prod.resolve(Purpose::IdDatabase, host, 5432).await.unwrap_err();
            assert!(
                error.field_errors().iter().any(|f| f.code == "target_refused") || host == "0x7f.1",
                "{host}: {error:?}"
            );
            assert!(!error.detail().contains("127."), "an address must not be shown");
        }
    }
}
