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
#[path = "policy_tests.rs"]
mod tests;
