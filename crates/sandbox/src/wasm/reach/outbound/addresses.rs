//! What kind of machine an address leads to.
//!
//! From IANA's registries of special-purpose addresses (RFC 6890). What is not known to be public is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Anyone's, on the internet.
    Public,
    /// This machine and the networks around it: nobody else can reach them, so who is there trusts who can.
    Private,
    /// No one server: multicast, reserved, for documentation.
    Never,
}

pub(super) fn class(address: IpAddr) -> Class {
    match address.to_canonical() {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        // This network (RFC 791); Linux takes 0.0.0.0 for this machine.
        [0, ..] => Class::Never,
        // Private (RFC 1918), loopback, link-local with the metadata services of clouds (RFC 3927), shared behind
        // carriers' NAT (RFC 6598), between benchmarked devices (RFC 2544).
        [10, ..]
        | [127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [198, 18..=19, ..] => Class::Private,
        // Protocol assignments (RFC 6890), documentation (RFC 5737), relays of 6to4 (RFC 7526).
        [192, 0, 0, _] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => {
            Class::Never
        }
        // Multicast, reserved, broadcast.
        [224..=255, ..] => Class::Never,
        [..] => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address == Ipv6Addr::LOCALHOST {
        return Class::Private;
    }
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        class_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // NAT64 (RFC 6052): what it leads to is IPv4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // NAT64 of the local network (RFC 8215), unique local (RFC 4193), link-local, site-local (RFC 3879).
        [0x64, 0xff9b, 1, ..] | [0xfc00..=0xfdff, ..] | [0xfe80..=0xfeff, ..] => Class::Private,
        // 6to4 (RFC 3056): the router that it leads to has the IPv4 address.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments, with Teredo (RFC 4380), and documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Never,
        // Global unicast (RFC 4291).
        [0x2000..=0x3fff, ..] => Class::Public,
        // Unspecified, IPv4-compatible, discard-only, segment routing, multicast, unassigned.
        [..] => Class::Never,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap())
    }

    #[test]
    fn addresses_are_what_the_registries_say() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.0.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:200::1",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert_eq!(of(public), Class::Public, "{public}");
        }
        for private in [
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
        ] {
            assert_eq!(of(private), Class::Private, "{private}");
        }
        for never in [
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.9",
            "192.88.99.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "ff02::1",
            "5f00::1",
            "4000::1",
            "::ffff:0.0.0.0",
            "64:ff9b::0.0.0.0",
            "64:ff9b::224.0.0.1",
            "2002:e000:1::",
        ] {
            assert_eq!(of(never), Class::Never, "{never}");
        }
    }

    proptest! {
        #[test]
        fn ipv4_is_the_same_however_it_is_dressed(bits: u32) {
            let plain = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            let expected = class(plain.into());
            prop_assert_eq!(class(plain.to_ipv6_mapped().into()), expected);
            prop_assert_eq!(class(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into()), expected);
            prop_assert_eq!(class(Ipv6Addr::new(0x2002, high, low, 1, 2, 3, 4, 5).into()), expected);
            // The standard library knows some of them by name.
            if plain.is_loopback() || plain.is_private() || plain.is_link_local() {
                prop_assert_eq!(expected, Class::Private);
            }
            if plain.is_multicast() || plain.is_broadcast() || plain.is_unspecified() || plain.is_documentation() {
                prop_assert_eq!(expected, Class::Never);
            }
        }

        #[test]
        fn only_global_unicast_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if class(address.into()) == Class::Public {
                let first = address.segments()[0];
                prop_assert!((0x2000..=0x3fff).contains(&first) || first == 0x64 || first == 0);
            }
        }
    }
}
