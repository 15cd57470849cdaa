//! What the gateway takes from a request's headers and adds to them before a function sees them.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use sonagi_model::{Entropy, Timestamp};

use super::front::Front;
use crate::serve::Peer;

const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// About one connection and not about the request (RFC 9110 §7.6.1), or already answered here.
static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// Prepares the headers for a function.
pub(super) fn prepare(
    headers: &mut HeaderMap,
    peer: Peer,
    source_ip: &str,
    authority: &str,
    body_size: usize,
    trace: &str,
    front: Front,
) {
    drop_named_by_connection(headers);
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
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
    let chain = match headers.get(&FORWARDED_FOR) {
        Some(before) => HeaderValue::from_bytes(&[before.as_bytes(), b", ", source_ip.as_bytes()].concat()),
        None => HeaderValue::from_str(source_ip),
    };
    if let Ok(chain) = chain {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.insert(FORWARDED_PORT, peer.local.port().into());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Ok(value) = HeaderValue::from_str(trace) {
        headers.insert(TRACE, value);
    }
}

/// The client's trace, if its header makes sense, or a new one.
pub(super) fn trace(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> String {
    match headers.get(&TRACE).and_then(|value| value.to_str().ok()) {
        Some(given) if is_trace(given) => given.to_owned(),
        Some(_) | None => new_trace(now, entropy),
    }
}

fn drop_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // What the event itself is made of cannot be taken away by naming it.
        .filter(|name| *name != header::HOST && *name != header::AUTHORIZATION)
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// `Root=1-<8 hex digits>-<24 hex digits>`, with other fields perhaps ("Tracing header" in the X-Ray guide).
fn is_trace(value: &str) -> bool {
    value.split(';').any(|field| {
        let Some(root) = field.trim().strip_prefix("Root=1-") else { return false };
        let hex = |part: &str, size: usize| part.len() == size && part.bytes().all(|b| b.is_ascii_hexdigit());
        root.split_once('-').is_some_and(|(time, id)| hex(time, 8) && hex(id, 24))
    })
}

fn new_trace(now: Timestamp, entropy: &dyn Entropy) -> String {
    let random = entropy.bytes::<12>();
    let (mut high, mut low) = ([0; 4], [0; 8]);
    high.copy_from_slice(&random[..4]);
    low.copy_from_slice(&random[4..]);
    let time = now.seconds() as u32;
    format!("Root=1-{time:08x}-{:08x}{:016x}", u32::from_be_bytes(high), u64::from_be_bytes(low))
}
