//! Which IP addresses belong to the public Internet. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address may be called without anybody's leave: it is globally reachable unicast
/// by the special-purpose registries (RFC 6890 and its updates). Every IPv6 form that carries
/// an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is refused as a whole.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Addresses that no list opens: cloud metadata services, "this host", multicast, broadcast.
pub fn is_never_allowed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first == 0 || first >= 224 || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_multicast() || METADATA_V6.contains(&v6) || carries_v4(v6)
        }
    }
}

/// AWS, Azure, Google, OpenStack; Alibaba.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(100, 100, 100, 200)];
/// AWS on IPv6.
const METADATA_V6: [Ipv6Addr; 1] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]                // this network, private (RFC 1918), loopback
            | [100, 64..=127, ..]         // carrier-grade NAT (RFC 6598)
            | [169, 254, ..]              // link-local (RFC 3927), metadata services
            | [172, 16..=31, ..]          // private
            | [192, 168, ..]              // private
            | [192, 0, 0 | 2, _]          // protocol assignments (RFC 6890), documentation (RFC 5737)
            | [192, 31, 196, _]           // AS112 (RFC 7535)
            | [192, 52, 193, _]           // AMT (RFC 7450)
            | [192, 88, 99, _]            // 6to4 relays (RFC 7526)
            | [192, 175, 48, _]           // AS112 (RFC 7534)
            | [198, 18 | 19, ..]          // benchmarks (RFC 2544)
            | [198, 51, 100, _]           // documentation
            | [203, 0, 113, _]            // documentation
            | [224..=255, ..] // multicast, reserved, broadcast
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global_unicast = a & 0xe000 == 0x2000; // 2000::/3 (RFC 4291); ULA, link-local, NAT64, ::/96 lie outside
    // Protocol assignments (RFC 2928): Teredo, ORCHID, benchmarks; documentation (RFC 3849).
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8))
        || a == 0x2002                         // 6to4 (RFC 3056)
        || (a == 0x2620 && b == 0x4f)          // AS112 2620:4f:8000::/48
        || (a == 0x3fff && b < 0x1000); // documentation (RFC 9637)
    global_unicast && !special
}

/// IPv4-compatible or -mapped (RFC 4291 section 2.5.5), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
fn carries_v4(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, low] => !(high == 0 && low <= 1),
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => true,
        [0x64, 0xff9b, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12:3456::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn metadata_and_disguised_addresses_are_never_allowed() {
        for text in [
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(is_never_allowed(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "fd12::1", "8.8.8.8", "2606:4700::1111"] {
            assert!(!is_never_allowed(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        /// Against the standard library's opinion, which is narrower but never wrong.
        #[test]
        fn nothing_the_standard_library_calls_special_is_public(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!(special && is_public(IpAddr::V4(v4))));
        }

        #[test]
        fn no_disguise_makes_an_ipv4_address_public(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ] {
                prop_assert!(!is_public(IpAddr::V6(v6)), "{}", v6);
            }
        }

        #[test]
        fn unique_local_and_link_local_ipv6_is_not_public(bits: u128) {
            let ula = Ipv6Addr::from((bits >> 7) | (0xfc << 120));
            let link = Ipv6Addr::from((bits >> 10) | (0xfe80 << 112));
            prop_assert!(!is_public(IpAddr::V6(ula)) && !is_public(IpAddr::V6(link)));
        }
    }
}
