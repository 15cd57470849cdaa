//! What a request is called: at API Gateway, as an invocation, in a trace.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use http::{HeaderMap, HeaderName, HeaderValue};
use sonagi_model::{Entropy, RequestId, Timestamp};

pub(super) const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The two ids of a request at API Gateway; the first is the invocation's too. Nothing here is on the heap: most
/// requests want only some of it as text.
pub(super) struct Ids {
    pub(super) request: RequestId,
    pub(super) trace: Trace,
    /// When the request was met.
    pub(super) now: Timestamp,
}

impl Ids {
    pub(super) fn new(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self { request: RequestId::random(entropy), trace: Trace::new(headers, now, entropy), now }
    }

    pub(super) fn extended(&self) -> Extended {
        let mut text = [0; 16];
        // 11 bytes are 16 characters, padding included.
        let written = URL_SAFE.encode_slice(&self.request.as_bytes()[5..], &mut text);
        debug_assert_eq!(written, Ok(text.len()));
        Extended(text)
    }
}

/// 16 characters, as in `requestContext.requestId` of an HTTP API.
pub(super) struct Extended([u8; 16]);

impl Extended {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The `X-Amzn-Trace-Id` header's value: the client's, or a new one.
#[derive(Debug)]
pub(super) enum Trace {
    /// Visible ASCII.
    Given(HeaderValue),
    New([u8; NEW_TRACE]),
}

/// `Root=1-`, 8 digits, a hyphen, 24 digits.
const NEW_TRACE: usize = 40;

impl Trace {
    fn new(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> Self {
        match headers.get(&TRACE) {
            Some(given) if given.to_str().is_ok_and(is_trace) => Self::Given(given.clone()),
            Some(_) | None => Self::New(new_trace(now, entropy.bytes())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Given(value) => value.to_str().unwrap_or_default(),
            Self::New(text) => std::str::from_utf8(text).unwrap_or_default(),
        }
    }

    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        match self {
            Self::Given(value) => Some(value.clone()),
            Self::New(text) => HeaderValue::from_bytes(text).ok(),
        }
    }

    /// With room for what `invoke` adds to it.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::with_capacity(2 * NEW_TRACE + 16);
        text.push_str(self.as_str());
        text
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

fn new_trace(now: Timestamp, random: [u8; 12]) -> [u8; NEW_TRACE] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = *b"Root=1-00000000-000000000000000000000000";
    let digits = (now.seconds() as u32).to_be_bytes().into_iter().chain(random);
    let places = (7..15).step_by(2).chain((16..NEW_TRACE).step_by(2));
    for (at, byte) in places.zip(digits) {
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 0xf)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_trace_has_the_time_and_random_digits() {
        let random = std::array::from_fn(|at| at as u8 * 0x11);
        let text = new_trace(Timestamp::from_millis(0x5e6a_879e_u64 * 1_000), random);
        assert_eq!(std::str::from_utf8(&text), Ok("Root=1-5e6a879e-00112233445566778899aabb"));
        assert!(is_trace(std::str::from_utf8(&text).unwrap()));
    }
}
