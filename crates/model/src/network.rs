//! The networks that an operator declares for functions: what a VPC is to Lambda.
//!
//! Start reading at [`Networks`]. A function names one of them, or some ids that stand for it; what it then reaches is
//! what its [`NamedNetwork`] says, and nothing else.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use crate::{
    Digest, NetworkName,
    function::{Network, Vpc},
};

/// Never reached, whatever is declared: link-local addresses, where clouds keep their machines' metadata, and the
/// addresses at which some keep it besides (Azure, Alibaba, Oracle).
pub const METADATA: [Range; 4] = [
    Range::new(Ipv4Addr::new(169, 254, 0, 0), 16),
    Range::new(Ipv4Addr::new(168, 63, 129, 16), 32),
    Range::new(Ipv4Addr::new(100, 100, 100, 200), 32),
    Range::new(Ipv4Addr::new(192, 0, 0, 192), 32),
];

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    first: Ipv4Addr,
    prefix: u8,
}

impl Range {
    pub const EVERYTHING: Self = Self::new(Ipv4Addr::UNSPECIFIED, 0);

    /// The range of `prefix` bits (32 at the most) that `address` lies in.
    pub const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = if prefix > 32 { 32 } else { prefix };
        let first = Ipv4Addr::from_bits(address.to_bits() & Self::mask_of(prefix));
        Self { first, prefix }
    }

    pub const fn one(address: Ipv4Addr) -> Self {
        Self::new(address, 32)
    }

    const fn mask_of(prefix: u8) -> u32 {
        if prefix == 0 { 0 } else { u32::MAX << (32 - prefix as u32) }
    }

    pub const fn first(self) -> Ipv4Addr {
        self.first
    }

    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    pub const fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(Self::mask_of(self.prefix))
    }

    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & Self::mask_of(self.prefix) == self.first.to_bits()
    }

    pub const fn within(self, other: Self) -> bool {
        self.prefix >= other.prefix && other.contains(self.first)
    }

    /// A single address.
    pub const fn is_one(self) -> bool {
        self.prefix == 32
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for Range {
    type Err = String;

    /// `10.20.0.0/16`, or an address alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().ok().filter(|bits| *bits <= 32)),
            None => (text, Some(32)),
        };
        let (Ok(address), Some(prefix)) = (address.parse(), prefix) else {
            return Err(format!("{text:?} is no range of IPv4 addresses, such as \"10.20.0.0/16\""));
        };
        let range = Self::new(address, prefix);
        if range.first != address {
            return Err(format!("{text:?} is not the beginning of its range: write {range}"));
        }
        Ok(range)
    }
}

/// Ports from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    pub first: u16,
    pub last: u16,
}

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    pub range: Range,
    /// Of TCP and UDP; none: everything.
    pub ports: Option<Ports>,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.range)?;
        match self.ports {
            None => Ok(()),
            Some(Ports { first, last }) if first == last => write!(f, ":{first}"),
            Some(Ports { first, last }) => write!(f, ":{first}-{last}"),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    /// A range, and behind a colon a port or the first and the last of some.
    fn from_str(text: &str) -> Result<Self, String> {
        let (range, ports) = match text.split_once(':') {
            Some((range, ports)) => (range, Some(ports)),
            None => (text, None),
        };
        let ports = ports.map(|ports| {
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Ports { first, last }),
                _ => Err(format!("{ports:?} is neither a port nor a range of ports, such as \"8000-8010\"")),
            }
        });
        Ok(Self { range: range.parse()?, ports: ports.transpose()? })
    }
}

/// Addresses in a row, of a network of `prefix` bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
    pub prefix: u8,
}

impl Addresses {
    pub fn count(self) -> usize {
        (self.last.to_bits() - self.first.to_bits()) as usize + 1
    }

    pub fn iter(self) -> impl Iterator<Item = Ipv4Addr> {
        (self.first.to_bits()..=self.last.to_bits()).map(Ipv4Addr::from_bits)
    }

    /// The network that they are of.
    pub fn range(self) -> Range {
        Range::new(self.first, self.prefix)
    }
}

/// Whether a network leads to the internet too, as a VPC with a NAT gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToInternet {
    #[default]
    No,
    Yes,
}

/// How functions are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through the machine, with its address towards others, or with the one of its addresses that is said.
    Translated { source: Option<Ipv4Addr> },
    /// To a bridge of the machine's, each with one of `addresses`.
    Bridge { bridge: String, addresses: Addresses, gateway: Option<Ipv4Addr> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNetwork {
    pub name: NetworkName,
    pub allow: Vec<Destination>,
    pub internet: ToInternet,
    pub way: Way,
    /// Whom names are asked of; none: whom the machine asks.
    pub dns: Vec<IpAddr>,
    /// What Lambda's API calls it.
    pub vpc: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
}

impl NamedNetwork {
    /// The VPC's id where the operator says none: always the same for the same name.
    pub fn usual_vpc(name: &NetworkName) -> String {
        let digest = Digest::of(format!("vpc {name}").as_bytes()).to_string();
        format!("vpc-{}", digest.chars().take(17).collect::<String>())
    }
}

/// All that are declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<NamedNetwork>);

/// Why what a function asks for is no network of this server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownNetwork {
    #[error(
        "there is no network {got:?}: this server has {known} (its operator declares them with --networks)"
    )]
    Name { got: String, known: String },
    #[error(
        "there is no network {got:?}: this server declares none (its operator does in a file, with --networks FILE)"
    )]
    None { got: String },
    /// Lambda's own text.
    #[error(
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet \
         ID '{0}' does not exist"
    )]
    Subnet(String),
    /// Lambda's own text.
    #[error(
        "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The \
         security group '{0}' does not exist"
    )]
    SecurityGroup(String),
    /// Lambda's own text.
    #[error("SubnetIds and SecurityIds must coexist or be both empty list.")]
    Half,
    #[error("the subnets {one} and {other} are of different VPCs: a function has one")]
    Several { one: String, other: String },
}

impl Networks {
    /// The one that a function asks for; none if it asks for none.
    ///
    /// # Errors
    /// It is not declared.
    pub fn of(&self, network: &Network) -> Result<Option<&NamedNetwork>, UnknownNetwork> {
        match network {
            Network::None | Network::Internet | Network::InternetIfPossible => Ok(None),
            Network::Named(name) => self.named(name).map(Some),
            Network::Vpc(vpc) => self.of_vpc(vpc).map(Some),
        }
    }

    fn named(&self, name: &NetworkName) -> Result<&NamedNetwork, UnknownNetwork> {
        self.0.iter().find(|network| network.name == *name).ok_or_else(|| {
            let got = name.to_string();
            let known: Vec<&str> = self.0.iter().map(|network| network.name.as_str()).collect();
            match known.is_empty() {
                true => UnknownNetwork::None { got },
                false => UnknownNetwork::Name { got, known: known.join(", ") },
            }
        })
    }

    fn of_vpc(&self, vpc: &Vpc) -> Result<&NamedNetwork, UnknownNetwork> {
        let Some(first) = vpc.subnets.first().filter(|_| !vpc.security_groups.is_empty()) else {
            return Err(UnknownNetwork::Half);
        };
        let of = |id: &String| {
            let found = self.0.iter().find(|network| network.subnets.contains(id));
            found.ok_or_else(|| UnknownNetwork::Subnet(id.clone()))
        };
        let network = of(first)?;
        for id in &vpc.subnets {
            if of(id)?.name != network.name {
                return Err(UnknownNetwork::Several { one: first.clone(), other: id.clone() });
            }
        }
        match vpc.security_groups.iter().find(|id| !network.security_groups.contains(id)) {
            Some(unknown) => Err(UnknownNetwork::SecurityGroup(unknown.clone())),
            None => Ok(network),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, subnets: &[&str]) -> NamedNetwork {
        let name = NetworkName::new(name).unwrap();
        NamedNetwork {
            vpc: NamedNetwork::usual_vpc(&name),
            name,
            allow: Vec::new(),
            internet: ToInternet::No,
            way: Way::Translated { source: None },
            dns: Vec::new(),
            subnets: subnets.iter().map(ToString::to_string).collect(),
            security_groups: vec!["sg-1".into()],
        }
    }

    fn vpc(subnets: &[&str], groups: &[&str]) -> Network {
        let texts = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
        Network::Vpc(Vpc { subnets: texts(subnets), security_groups: texts(groups) })
    }

    #[test]
    fn a_network_is_found_by_its_name_and_by_its_subnets() {
        let networks =
            Networks(vec![network("office", &["subnet-1", "subnet-2"]), network("lab", &["subnet-3"])]);
        let found =
            |asked: &Network| networks.of(asked).map(|found| found.map(|found| found.name.to_string()));
        let named = |name: &str| Network::Named(NetworkName::new(name).unwrap());
        assert_eq!(found(&named("lab")).unwrap().unwrap(), "lab");
        assert_eq!(found(&vpc(&["subnet-2", "subnet-1"], &["sg-1"])).unwrap().unwrap(), "office");
        assert_eq!(found(&Network::Internet), Ok(None));
        let wrong = |asked: Network| found(&asked).unwrap_err().to_string();
        assert!(wrong(named("offce")).contains("this server has office, lab"));
        assert!(wrong(vpc(&["subnet-9"], &["sg-1"])).ends_with("The subnet ID 'subnet-9' does not exist"));
        assert!(wrong(vpc(&["subnet-1"], &["sg-2"])).ends_with("The security group 'sg-2' does not exist"));
        assert!(wrong(vpc(&["subnet-1", "subnet-3"], &["sg-1"])).contains("different VPCs"));
        assert_eq!(
            wrong(vpc(&["subnet-1"], &[])),
            "SubnetIds and SecurityIds must coexist or be both empty list."
        );
        assert!(Networks::default().of(&named("lab")).unwrap_err().to_string().contains("--networks FILE"));
    }

    #[test]
    fn a_destination_is_a_range_and_ports() {
        for text in ["10.20.0.0/16", "192.168.7.5/32:5432", "10.0.0.0/8:8000-8010", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        assert_eq!("10.0.0.1".parse::<Destination>().unwrap().to_string(), "10.0.0.1/32");
        for wrong in
            ["", "10.0.0.1/33", "10.0.0.1/8", "10.0.0.0/8:", "10.0.0.0/8:0", "10.0.0.0/8:9-8", "::1/128", "x"]
        {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }
}
