//! Whom this machine asks for names: the `nameserver` lines of `resolv.conf(5)`.

use std::net::{IpAddr, SocketAddr};

use sonagi_model::limits;

pub(super) const FILE: &str = "/etc/resolv.conf";
pub(super) const PORT: u16 = 53;

/// The resolvers that `text`, a `resolv.conf`, names, in their order; the machine itself if it names none, as the
/// system's own resolver does.
pub(super) fn named(text: &str) -> Vec<SocketAddr> {
    let mut named: Vec<SocketAddr> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some("nameserver")).then_some(words.next())?
        })
        .filter_map(|address| address.parse().ok())
        .map(|address: IpAddr| SocketAddr::new(address, PORT))
        .take(limits::RESOLVERS)
        .collect();
    if named.is_empty() {
        named.push(SocketAddr::from(([127, 0, 0, 1], PORT)));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_resolvers_are_asked_in_their_order() {
        let text = "# a remark\nsearch example.com\nnameserver 127.0.0.53\nnameserver\t2001:db8::1 # and\n\
                    nameserver nonsense\noptions edns0\nnameserver 9.9.9.9\nnameserver 8.8.8.8\n";
        let named: Vec<String> = named(text).iter().map(ToString::to_string).collect();
        assert_eq!(named, ["127.0.0.53:53", "[2001:db8::1]:53", "9.9.9.9:53"]);
    }

    #[test]
    fn without_any_the_machine_itself_is_asked() {
        assert_eq!(named("options edns0\n"), [SocketAddr::from(([127, 0, 0, 1], 53))]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            proptest::prop_assert!(named(&text).len() <= limits::RESOLVERS);
        }
    }
}
