use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reason;

/// A block of addresses (EventBridge User Guide, "IP address matching").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cidr {
    V4 { network: u32, mask: u32 },
    V6 { network: u128, mask: u128 },
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let (address, bits) = text.split_once('/').ok_or(Reason::CidrSlash)?;
        if bits.contains('/') {
            return Err(Reason::CidrSlash);
        }
        let bits: i32 = bits.parse().map_err(|_| Reason::CidrMask)?;
        let bits = u8::try_from(bits.clamp(-1, 255)).map_err(|_| Reason::CidrNegative)?;
        match address.parse() {
            Ok(IpAddr::V4(address)) if bits < 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                Ok(Self::V4 { network: u32::from(address) & mask, mask })
            }
            Ok(IpAddr::V4(_)) => Err(Reason::CidrBits { family: "IPv4", bits: 32 }),
            Ok(IpAddr::V6(address)) if bits < 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                Ok(Self::V6 { network: u128::from(address) & mask, mask })
            }
            Ok(IpAddr::V6(_)) => Err(Reason::CidrBits { family: "IPv6", bits: 128 }),
            Err(_) => Err(Reason::CidrAddress { address: address.to_owned() }),
        }
    }

    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Self::V4 { network, mask } => {
                text.parse::<Ipv4Addr>().is_ok_and(|address| u32::from(address) & mask == network)
            }
            Self::V6 { network, mask } => {
                text.parse::<Ipv6Addr>().is_ok_and(|address| u128::from(address) & mask == network)
            }
        }
    }
}
