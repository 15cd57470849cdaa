//! What an environment may reach, as steps of which the first that fits decides.
//!
//! Whoever enforces it, the machine's rules ([`rules`](super::rules)) or those of the environment's own namespace
//! ([`wall`](super::wall)), does so by the same steps.

use std::net::Ipv4Addr;

use sonagi_model::network::{Destination, METADATA, NamedNetwork, Range, ToInternet};

/// Where no function gets that is granted the internet: what is not of it, by the registries of RFC 6890 and those that
/// came after it.
pub(super) const DENIED: [Range; 16] = [
    Range::new(Ipv4Addr::new(0, 0, 0, 0), 8),
    Range::new(Ipv4Addr::new(10, 0, 0, 0), 8),
    Range::new(Ipv4Addr::new(100, 64, 0, 0), 10),
    Range::new(Ipv4Addr::new(127, 0, 0, 0), 8),
    Range::new(Ipv4Addr::new(169, 254, 0, 0), 16),
    Range::new(Ipv4Addr::new(172, 16, 0, 0), 12),
    Range::new(Ipv4Addr::new(192, 0, 0, 0), 24),
    Range::new(Ipv4Addr::new(192, 0, 2, 0), 24),
    Range::new(Ipv4Addr::new(192, 88, 99, 0), 24),
    Range::new(Ipv4Addr::new(192, 168, 0, 0), 16),
    Range::new(Ipv4Addr::new(198, 18, 0, 0), 15),
    Range::new(Ipv4Addr::new(198, 51, 100, 0), 24),
    Range::new(Ipv4Addr::new(203, 0, 113, 0), 24),
    Range::new(Ipv4Addr::new(224, 0, 0, 0), 4),
    Range::new(Ipv4Addr::new(240, 0, 0, 0), 4),
    // Of the cloud machines' platform, on every machine of one of them.
    Range::new(Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// Where no function gets, however wide a range an operator declares: besides the metadata, what leads nowhere or to
/// everybody, and what environments have among themselves.
const NEVER: [Range; 5] = [
    Range::new(Ipv4Addr::new(0, 0, 0, 0), 8),
    Range::new(Ipv4Addr::new(127, 0, 0, 0), 8),
    Range::new(Ipv4Addr::new(198, 18, 0, 0), 15),
    Range::new(Ipv4Addr::new(224, 0, 0, 0), 4),
    Range::new(Ipv4Addr::new(240, 0, 0, 0), 4),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Reject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) to: Destination,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) steps: Vec<Step>,
    /// Where no step fits.
    pub(super) otherwise: Verdict,
}

fn reject(range: Range) -> Step {
    Step { to: Destination { range, ports: None }, verdict: Verdict::Reject }
}

fn accept(to: Destination) -> Step {
    Step { to, verdict: Verdict::Accept }
}

impl Policy {
    /// Everything: others say what may be reached.
    pub(super) const fn open() -> Self {
        Self { steps: Vec::new(), otherwise: Verdict::Accept }
    }

    /// Public addresses, but for those of this machine: `own`.
    pub(super) fn internet(own: &[Range]) -> Self {
        let steps = DENIED.iter().chain(own).copied().map(reject).collect();
        Self { steps, otherwise: Verdict::Accept }
    }

    /// What `network` leads to. An address of the machine's is reached where it is declared by itself.
    pub(super) fn named(network: &NamedNetwork, own: &[Range]) -> Self {
        let mut steps: Vec<Step> = METADATA.iter().chain(&NEVER).copied().map(reject).collect();
        steps.extend(explicit(network).map(accept));
        steps.extend(own.iter().copied().map(reject));
        steps.extend(network.allow.iter().filter(|to| !to.range.is_one()).copied().map(accept));
        let otherwise = match network.internet {
            ToInternet::No => Verdict::Reject,
            ToInternet::Yes => {
                steps.extend(DENIED.iter().copied().map(reject));
                Verdict::Accept
            }
        };
        Self { steps, otherwise }
    }

    /// What becomes of a packet to `address` and, of TCP or UDP, to `port`.
    #[cfg(test)]
    fn of(&self, address: Ipv4Addr, port: Option<u16>) -> Verdict {
        let fits = |step: &&Step| {
            let ports = step
                .to
                .ports
                .is_none_or(|ports| port.is_some_and(|port| ports.first <= port && port <= ports.last));
            step.to.range.contains(address) && ports
        };
        self.steps.iter().find(fits).map_or(self.otherwise, |step| step.verdict)
    }
}

/// The single addresses that are declared: these may be the machine's own.
pub(super) fn explicit(network: &NamedNetwork) -> impl Iterator<Item = Destination> {
    let never = |range: Range| METADATA.iter().chain(&NEVER).any(|never| range.within(*never));
    network.allow.iter().filter(move |to| to.range.is_one() && !never(to.range)).copied()
}

#[cfg(test)]
mod tests {
    use sonagi_model::{NetworkName, network::Way};

    use super::*;

    fn network(allow: &[&str], internet: ToInternet) -> NamedNetwork {
        NamedNetwork {
            name: NetworkName::new("office").unwrap(),
            allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
            internet,
            way: Way::Translated { source: None },
            dns: Vec::new(),
            vpc: String::new(),
            subnets: Vec::new(),
            security_groups: Vec::new(),
        }
    }

    #[test]
    fn a_network_leads_to_its_ranges_and_never_to_metadata_or_the_machine() {
        let own = ["10.20.0.1/32".parse().unwrap(), "10.20.0.2/32".parse().unwrap()];
        let of = |network: &NamedNetwork, address: &str, port| {
            Policy::named(network, &own).of(address.parse().unwrap(), port) == Verdict::Accept
        };
        let office = network(&["10.20.0.0/16", "192.168.7.5/32:5432", "10.20.0.2/32:53"], ToInternet::No);
        assert!(of(&office, "10.20.3.4", None) && of(&office, "192.168.7.5", Some(5432)));
        assert!(!of(&office, "192.168.7.5", Some(22)) && !of(&office, "192.168.7.5", None));
        assert!(!of(&office, "93.184.216.34", Some(80)) && !of(&office, "10.21.0.1", Some(80)));
        assert!(!of(&office, "10.20.0.1", Some(80)), "the machine's own");
        assert!(of(&office, "10.20.0.2", Some(53)) && !of(&office, "10.20.0.2", Some(54)));

        let wide = network(&["0.0.0.0/0"], ToInternet::No);
        assert!(of(&wide, "8.8.8.8", None) && of(&wide, "10.0.0.1", None));
        for address in
            ["169.254.169.254", "168.63.129.16", "100.100.100.200", "127.0.0.1", "198.18.0.1", "224.0.0.1"]
        {
            assert!(!of(&wide, address, Some(80)), "{address}");
        }

        let open = network(&["10.20.0.0/16"], ToInternet::Yes);
        assert!(of(&open, "8.8.8.8", None) && of(&open, "10.20.9.9", None) && !of(&open, "10.21.0.1", None));
    }

    #[test]
    fn the_internet_is_public_addresses_but_the_machine_s() {
        let policy = Policy::internet(&["93.184.215.10/32".parse().unwrap()]);
        let of = |address: &str| policy.of(address.parse().unwrap(), Some(80));
        assert_eq!(of("8.8.8.8"), Verdict::Accept);
        for address in
            ["93.184.215.10", "10.0.0.1", "169.254.169.254", "127.0.0.1", "192.168.1.1", "198.18.0.1"]
        {
            assert_eq!(of(address), Verdict::Reject, "{address}");
        }
    }
}
