//! What a program with a proven key must also meet. These checks come after the key, so that they tell nobody
//! whether a program exists.

use base::{Error, Result};
use http::header;
use ipnet::IpNet;
use kernel::Cx;

use super::Client;

/// Checks state, end, address, origin and path, in this order.
///
/// Errors: 403 `client_disabled`, `client_expired`, `client_not_allowed`.
pub fn admit(cx: &Cx, client: &Client) -> Result<()> {
    if !client.active {
        return Err(Error::forbidden("client_disabled", "this client was disabled"));
    }
    if client.expires_at.is_some_and(|end| end <= cx.now()) {
        return Err(Error::forbidden("client_expired", "this client's time is over"));
    }
    let refused = |what: &'static str| {
        // Which of the lists it was is for the operator alone.
        tracing::info!(client = client.client_key, what, "a client was refused by a list of its own");
        Error::forbidden("client_not_allowed", "this client may not do that from here")
    };
    if let Some(nets) = &client.allow_ips
        && !cx.origin.ip.is_some_and(|ip| nets.iter().any(|net| contains(net, ip)))
    {
        return Err(refused("address"));
    }
    if let Some(origins) = &client.allow_origins {
        let origin = cx.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).and_then(origin_of);
        if !origin.is_some_and(|origin| origins.contains(&origin)) {
            return Err(refused("origin"));
        }
    }
    if let Some(paths) = &client.allow_paths
        && !paths.iter().any(|pattern| covers(pattern, cx.path()))
    {
        return Err(refused("path"));
    }
    Ok(())
}

fn contains(net: &str, ip: std::net::IpAddr) -> bool {
    parse_net(net).is_some_and(|net| net.contains(&ip.to_canonical()))
}

/// A network, or a single address.
pub(super) fn parse_net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

/// `scheme://host[:port]` in lower case without a default port; `null` and anything longer is none.
pub(super) fn origin_of(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let host = rest.strip_suffix(default).unwrap_or(rest);
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']);
    is_host.then(|| format!("{scheme}://{host}"))
}

/// A pattern is a route's path, or ends in `/*` and covers what lies below it. What is compared is the path of
/// the route that was found, so no other way to write a path leads around it.
pub(super) fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(above) => path.strip_prefix(above).is_some_and(|below| below.starts_with('/')),
        None => pattern.trim_end_matches('/') == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_whole_segments_only() {
        assert!(covers("/admin/permissions/*", "/admin/permissions/grant"));
        assert!(!covers("/admin/permissions/*", "/admin/permissions-x"));
        assert!(!covers("/admin/permissions/*", "/admin/permissions"));
        assert!(covers("/admin/users", "/admin/users") && !covers("/admin/users", "/admin/users/x"));
    }

    #[test]
    fn an_origin_is_compared_without_case_and_default_port() {
        assert_eq!(origin_of("HTTPS://Shop.Example:443").as_deref(), Some("https://shop.example"));
        assert_eq!(origin_of("http://shop.example:8080").as_deref(), Some("http://shop.example:8080"));
        for text in ["null", "https://", "https://a/b", "ftp://a", "*"] {
            assert_eq!(origin_of(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_in_ipv6_clothing_is_the_ipv4_address() {
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3".parse().unwrap()));
        assert!(contains("10.1.2.3", "10.1.2.3".parse().unwrap()));
        assert!(
            !contains("10.0.0.0/8", "11.0.0.1".parse().unwrap())
                && !contains("x", "10.0.0.1".parse().unwrap())
        );
    }
}
