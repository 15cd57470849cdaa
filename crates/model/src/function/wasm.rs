//! What a WebAssembly function asks for beyond the rest.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// How a component is run, and what it may reach. What is not said here it does not get.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wasm {
    #[serde(default)]
    pub wasi: WasiVersion,
    #[serde(default)]
    pub start: WasmStart,
    /// None: an instance of its own for every request.
    #[serde(default)]
    pub reuse: Option<Reuse>,
    /// What `wasi:config` gives.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// The stores that `wasi:keyvalue` may open. They belong to the app: its functions share them.
    #[serde(default)]
    pub keyvalue: Vec<String>,
    /// Where outbound HTTP may go.
    #[serde(default)]
    pub outbound: Vec<OutboundRule>,
}

/// The version of `wasi:http` that a component is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum WasiVersion {
    #[default]
    #[serde(rename = "0.2")]
    P2,
    /// Wasmtime calls it experimental, so it is asked for.
    #[serde(rename = "0.3")]
    P3,
}

impl WasiVersion {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P2 => "0.2",
            Self::P3 => "0.3",
        }
    }
}

/// What an instance's memory holds when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WasmStart {
    /// What the component says.
    #[default]
    Fresh,
    /// What the component had in memory after its initialisation at the deployment. Random seeds, times and secrets
    /// that it read then are frozen.
    Snapshot,
}

/// An instance serves more than one request, until the first of these is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    pub requests: u32,
    /// Seconds.
    pub age: u32,
    /// MiB of linear memory and tables.
    pub memory: u32,
}

impl Default for Reuse {
    fn default() -> Self {
        Self {
            requests: limits::REUSE_REQUESTS_DEFAULT,
            age: limits::REUSE_AGE_DEFAULT,
            memory: limits::REUSE_MEMORY_DEFAULT,
        }
    }
}

/// One entry of the list of where a function's outbound HTTP may go.
///
/// `api.example.com`, `*.example.com` (any name below it, not itself), `10.0.0.5`, `[fd00::1]`, each with a port
/// (`:8080`, `:*` for any) or without one (443 for `https`, 80 for `http`), and with a scheme (`http://`, `https://`)
/// or without (`https` alone). A name that resolves to a private, loopback or link-local address is refused all the
/// same, unless the rule names that very address or begins with `private:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundRule {
    pub scheme: OutboundScheme,
    pub host: OutboundHost,
    pub port: OutboundPort,
    /// Names may resolve to addresses of private networks.
    pub private: PrivateNetworks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboundScheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboundHost {
    /// Lower-case.
    Name(String),
    /// Any name that ends with a dot and this.
    Below(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboundPort {
    Only(u16),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivateNetworks {
    Denied,
    Allowed,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{got:?} does not say where outbound requests may go: write a host such as \"api.example.com\", \"*.example.com\" or \
     \"http://10.0.0.5:8080\""
)]
pub struct BadOutboundRule {
    pub got: String,
}

impl FromStr for OutboundRule {
    type Err = BadOutboundRule;

    fn from_str(text: &str) -> Result<Self, BadOutboundRule> {
        Self::parse(text).ok_or_else(|| BadOutboundRule { got: text.into() })
    }
}

impl OutboundRule {
    fn parse(text: &str) -> Option<Self> {
        let (private, rest) = match text.strip_prefix("private:") {
            Some(rest) => (PrivateNetworks::Allowed, rest),
            None => (PrivateNetworks::Denied, text),
        };
        let (scheme, rest) = match rest.split_once("://") {
            Some(("http", rest)) => (OutboundScheme::Http, rest),
            Some(("https", rest)) => (OutboundScheme::Https, rest),
            Some(_) => return None,
            None => (OutboundScheme::Https, rest),
        };
        let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address = OutboundHost::Address(IpAddr::V6(address.parse().ok()?));
            match rest {
                "" => (address, None),
                port => (address, Some(port.strip_prefix(':')?)),
            }
        } else {
            let (host, port) = match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            };
            (Self::host(host)?, port)
        };
        let port = match (port, scheme) {
            (Some("*"), _) => OutboundPort::Any,
            (Some(port), _) => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                OutboundPort::Only(digits.then(|| port.parse().ok()).flatten().filter(|&port| port > 0)?)
            }
            (None, OutboundScheme::Http) => OutboundPort::Only(80),
            (None, OutboundScheme::Https) => OutboundPort::Only(443),
        };
        Some(Self { scheme, host, port, private })
    }

    fn host(text: &str) -> Option<OutboundHost> {
        if let Ok(address) = text.parse() {
            return Some(OutboundHost::Address(IpAddr::V4(address)));
        }
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        // What ends in a number would be read as an address (WHATWG URL, "ends in a number").
        let number =
            name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if name.len() > 253 || number || !name.split('.').all(label) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        Some(if below { OutboundHost::Below(name) } else { OutboundHost::Name(name) })
    }
}

impl fmt::Display for OutboundRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.private == PrivateNetworks::Allowed {
            f.write_str("private:")?;
        }
        f.write_str(match self.scheme {
            OutboundScheme::Http => "http://",
            OutboundScheme::Https => "https://",
        })?;
        match &self.host {
            OutboundHost::Name(name) => f.write_str(name)?,
            OutboundHost::Below(name) => write!(f, "*.{name}")?,
            OutboundHost::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            OutboundHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match self.port {
            OutboundPort::Only(port) => write!(f, ":{port}"),
            OutboundPort::Any => f.write_str(":*"),
        }
    }
}

impl Serialize for OutboundRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutboundRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbound_rule_prints_as_it_is_read() {
        for (text, whole) in [
            ("api.example.com", "https://api.example.com:443"),
            ("*.Example.com:*", "https://*.example.com:*"),
            ("http://10.0.0.5", "http://10.0.0.5:80"),
            ("http://[fd00::1]:8080", "http://[fd00::1]:8080"),
            ("private:http://intern:81", "private:http://intern:81"),
        ] {
            let rule: OutboundRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), whole);
            assert_eq!(whole.parse::<OutboundRule>().unwrap(), rule);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "ftp://a.example",
            "a b",
            "a.example:0",
            "a.example:65536",
            "a.example:+1",
            "http://",
            "[fd00::1",
            "[fd00::1]8",
            "1.2.3",
            "0x7f.1",
            "a.example/path",
            "user@a.example",
            "*.*.example",
        ] {
            assert!(text.parse::<OutboundRule>().is_err(), "{text}");
        }
    }
}
