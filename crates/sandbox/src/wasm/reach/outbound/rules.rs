//! Whether the manifest lets a request go where it wants to.

use std::net::IpAddr;

use http::{Uri, uri::Scheme};
use sonagi_model::function::{OutboundHost, OutboundPort, OutboundRule, OutboundScheme, PrivateNetworks};
use wasmtime_wasi_http::Error;

use super::addresses::{Class, class};

/// Where a request wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) scheme: OutboundScheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Lower-case, without the dot at its end.
    Name(String),
    /// Never IPv4 as IPv6.
    Address(IpAddr),
}

/// Which addresses a request may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    Public,
    PublicAndPrivate,
    /// The one that the manifest names.
    Named(IpAddr),
}

impl Destination {
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        // A user's name before the host has misled many who read it.
        if authority.as_str().contains('@') {
            return Err(Error::HttpRequestUriInvalid);
        }
        let (scheme, usual) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => (OutboundScheme::Http, 80),
            Some(scheme) if *scheme == Scheme::HTTPS => (OutboundScheme::Https, 443),
            Some(_) | None => return Err(Error::HttpProtocolError),
        };
        let host = Host::of(authority.host()).ok_or(Error::HttpRequestUriInvalid)?;
        // What comes after the host is a port that fits, or nothing at all.
        let port = match authority.as_str().get(authority.host().len()..).unwrap_or_default() {
            "" => usual,
            rest => port(rest).ok_or(Error::HttpRequestUriInvalid)?,
        };
        Ok(Self { scheme, host, port })
    }

    /// What the `host` field of the request says.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        match (self.scheme, self.port) {
            (OutboundScheme::Http, 80) | (OutboundScheme::Https, 443) => host,
            (OutboundScheme::Http | OutboundScheme::Https, port) => format!("{host}:{port}"),
        }
    }
}

impl Host {
    fn of(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[') {
            let address: IpAddr = IpAddr::V6(address.strip_suffix(']')?.parse().ok()?);
            return Some(Self::Address(address.to_canonical()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letter);
        // What ends in a number is an address to some who resolve it, and a name to none.
        let number = name.rsplit('.').next().is_some_and(ends_as_number);
        let fits = name.len() <= 253 && !number && name.split('.').all(label);
        fits.then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

/// Of a colon and digits.
fn port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|&port| port > 0)
}

fn ends_as_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// None: no rule lets the request go there.
pub(super) fn permitted(rules: &[OutboundRule], to: &Destination) -> Option<Passes> {
    rules.iter().filter_map(|rule| permits(rule, to)).reduce(Passes::wider)
}

fn permits(rule: &OutboundRule, to: &Destination) -> Option<Passes> {
    let port = match rule.port {
        OutboundPort::Only(port) => port == to.port,
        OutboundPort::Any => true,
    };
    if rule.scheme != to.scheme || !port {
        return None;
    }
    let by_name = match rule.private {
        PrivateNetworks::Denied => Passes::Public,
        PrivateNetworks::Allowed => Passes::PublicAndPrivate,
    };
    match (&rule.host, &to.host) {
        (OutboundHost::Name(rule), Host::Name(name)) => (rule == name).then_some(by_name),
        (OutboundHost::Below(rule), Host::Name(name)) => {
            let below = name.strip_suffix(rule.as_str()).and_then(|rest| rest.strip_suffix('.'));
            below.is_some_and(|rest| !rest.is_empty()).then_some(by_name)
        }
        (OutboundHost::Address(rule), Host::Address(address)) => {
            (rule.to_canonical() == *address).then_some(Passes::Named(*address))
        }
        (OutboundHost::Name(_) | OutboundHost::Below(_), Host::Address(_))
        | (OutboundHost::Address(_), Host::Name(_)) => None,
    }
}

impl Passes {
    /// Of two rules that both let a request go, what either does.
    fn wider(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(address), _) | (_, Self::Named(address)) => Self::Named(address),
            (Self::PublicAndPrivate, _) | (_, Self::PublicAndPrivate) => Self::PublicAndPrivate,
            (Self::Public, Self::Public) => Self::Public,
        }
    }

    pub(super) fn address(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self, class(address)) {
            (Self::Named(named), _) => named == address,
            (Self::Public | Self::PublicAndPrivate, Class::Public) => true,
            (Self::PublicAndPrivate, Class::Private) => true,
            (Self::Public, Class::Private) => false,
            (Self::Public | Self::PublicAndPrivate, Class::Never) => false,
        }
    }
}

#[cfg(test)]
mod tests;
