//! What the policy refuses, opens and never opens.

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
    let policy = Policy::parse(Some("oidc=10.1.0.0/16, id_database=127.0.0.1 oidc=fd00::/8"), true).unwrap();
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
