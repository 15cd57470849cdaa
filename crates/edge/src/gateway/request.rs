//! What the gateway takes from a request's headers and adds to them before a function sees them.

use std::{fmt::Write as _, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    front::Front,
    ids::{TRACE, Trace},
};
use crate::serve::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Prepares the headers for a function that is sent an event.
pub(super) fn prepare(
    headers: &mut HeaderMap,
    peer: Peer,
    source_ip: &SourceIp,
    authority: &str,
    body_size: usize,
    trace: &Trace,
    front: Front,
) {
    keep_end_to_end(headers, |_| Keep::Yes);
    // HTTP/2 says it in `:authority`, and an absolute target overrules the header (RFC 9112 §3.2.2).
    if headers.get(header::HOST).is_none_or(|host| host != authority)
        && let Ok(host) = HeaderValue::from_str(authority)
    {
        headers.insert(header::HOST, host);
    }
    // HTTP APIs name the length of no body too; the others pass on what the client said.
    if front == Front::HttpApi || body_size > 0 || headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, body_size.into());
    }
    if let Some(source_ip) = source_ip.to_header() {
        forward(headers, peer, source_ip, trace);
    }
}

/// Whether a header goes on to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Yes,
    No,
}

/// Takes away what is about one connection and not about the message (RFC 9110 §7.6.1), and what `keep` does not
/// want. One pass looks at every name; headers without such names, the usual ones, cost nothing else.
pub(super) fn keep_end_to_end(headers: &mut HeaderMap, keep: impl Fn(&HeaderName) -> Keep) {
    let mut gone: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        if *name == header::CONNECTION {
            gone.extend(named_by_connection(headers));
        }
        if is_hop_by_hop(name) || keep(name) == Keep::No {
            gone.push(name.clone());
        }
    }
    for name in &gone {
        headers.remove(name);
    }
}

/// Or already answered here.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "expect"
    )
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // Most say no more than this, and it goes in any case.
        .filter(|name| !name.eq_ignore_ascii_case("keep-alive") && !name.eq_ignore_ascii_case("close"))
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        // What the event itself is made of cannot be taken away by naming it.
        .filter(|name| *name != header::HOST && *name != header::AUTHORIZATION)
}

/// Says whence the request came, and its trace.
pub(super) fn forward(headers: &mut HeaderMap, peer: Peer, source_ip: HeaderValue, trace: &Trace) {
    let chain = match headers.get(&FORWARDED_FOR) {
        Some(before) => HeaderValue::from_bytes(&[before.as_bytes(), b", ", source_ip.as_bytes()].concat()),
        None => Ok(source_ip),
    };
    if let Ok(chain) = chain {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.insert(FORWARDED_PORT, peer.local.port().into());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(value) = trace.to_header() {
        headers.insert(TRACE, value);
    }
}

/// The text of a client's address, without an allocation.
pub(super) struct SourceIp {
    text: [u8; LONGEST_IP],
    length: usize,
}

/// An IPv4 address within an IPv6 one.
const LONGEST_IP: usize = 45;

impl SourceIp {
    pub(super) fn of(peer: Peer) -> Self {
        Self::new(peer.remote.ip().to_canonical())
    }

    fn new(ip: IpAddr) -> Self {
        let mut all = Self { text: [0; LONGEST_IP], length: 0 };
        let written = write!(all, "{ip}");
        debug_assert!(written.is_ok());
        all
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }

    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.as_str()).ok()
    }
}

impl std::fmt::Write for SourceIp {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        let place = self.text.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_ever() {
        for text in ["127.0.0.1", "::1", "2001:db8:1111:2222:3333:4444:5555:6666", "::ffff:255.255.255.255"] {
            assert_eq!(SourceIp::new(text.parse().unwrap()).as_str(), text);
        }
    }
}
