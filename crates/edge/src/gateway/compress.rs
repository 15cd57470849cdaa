//! Compressing answers that were not compressed by their function.

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::serve::ResponseBody;

/// From this size on, compressing leaves the thread that serves other connections.
const ELSEWHERE: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Brotli,
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// What a request says of how its answer may come, kept while its function has the rest.
#[derive(Debug)]
pub(super) struct Offer {
    /// Bytes from which an answer is compressed.
    minimum: u64,
    method: Method,
    /// The lines of `Accept-Encoding`; there is seldom more than one.
    accepted: Option<HeaderValue>,
    more: Vec<HeaderValue>,
}

impl Offer {
    pub(super) fn new(minimum: u64, method: &Method, headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(header::ACCEPT_ENCODING).iter().cloned();
        Self { minimum, method: method.clone(), accepted: lines.next(), more: lines.collect() }
    }
}

/// Compresses a whole answer that is large enough and whose type gains by it, if the client takes a coding. Streams
/// pass as they are.
pub(super) async fn compress(mut response: Response<ResponseBody>, offer: &Offer) -> Response<ResponseBody> {
    let Some(body) = response.body().as_whole() else { return response };
    let headers = response.headers();
    if (body.len() as u64) < offer.minimum
        || body.is_empty()
        || headers.contains_key(header::CONTENT_ENCODING)
        || headers.contains_key(header::CONTENT_RANGE)
        || response.status() == StatusCode::PARTIAL_CONTENT
        || !headers.get(header::CONTENT_TYPE).is_some_and(gains)
        || headers.get(header::CACHE_CONTROL).is_some_and(|value| contains(value, "no-transform"))
    {
        return response;
    }
    let body = body.clone();
    // From here on the answer depends on what the client takes, whether or not it takes anything.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = accepted(offer.accepted.iter().chain(&offer.more)) else { return response };
    if offer.method == Method::HEAD {
        return response;
    }
    let original = body.len();
    let packed = if original < ELSEWHERE {
        pack(coding, &body)
    } else {
        tokio::task::spawn_blocking(move || pack(coding, &body)).await.ok().flatten()
    };
    let Some(packed) = packed.filter(|packed| packed.len() < original) else { return response };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    weaken_tag(headers);
    *response.body_mut() = ResponseBody::whole(packed);
    response
}

fn pack(coding: Coding, body: &Bytes) -> Option<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(body).ok()?;
            writer.finish().ok()
        }
        Coding::Brotli => {
            // Quality 4 and a 4 MiB window: a little slower than gzip's fast level, and noticeably smaller.
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4 << 10, 4, 22);
            writer.write_all(body).ok()?;
            Some(writer.into_inner())
        }
    }
}

/// A compressed answer is another representation: a strong tag would claim the same bytes (RFC 9110 §8.8.1).
fn weaken_tag(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        headers.insert(header::ETAG, weak);
    }
}

fn contains(value: &HeaderValue, word: &str) -> bool {
    value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(word))
}

fn gains(content_type: &HeaderValue) -> bool {
    let Ok(content_type) = content_type.to_str() else { return false };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // An event stream is read as it grows; a reader may not wait for a coding's block to fill.
    if kind == "text/event-stream" {
        return false;
    }
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind.as_str(),
            "application/json"
                | "application/javascript"
                | "application/xml"
                | "application/wasm"
                | "image/svg+xml"
        )
}

/// The coding with the highest weight in `Accept-Encoding`, brotli at a tie (RFC 9110 §12.5.3).
fn accepted<'v>(values: impl Iterator<Item = &'v HeaderValue>) -> Option<Coding> {
    let (mut gzip, mut brotli, mut any) = (None, None, None);
    for value in values {
        for item in value.to_str().ok()?.split(',') {
            let mut parts = item.split(';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts
                .filter_map(|part| part.trim().strip_prefix("q=").or(part.trim().strip_prefix("Q=")))
                .next()
                .map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0));
            match name.as_str() {
                "gzip" | "x-gzip" => gzip = Some(weight),
                "br" => brotli = Some(weight),
                "*" => any = Some(weight),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    let brotli = brotli.or(any).unwrap_or(0.0);
    if brotli > 0.0 && brotli >= gzip {
        Some(Coding::Brotli)
    } else if gzip > 0.0 {
        Some(Coding::Gzip)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_follows_the_clients_weights() {
        for (value, expected) in [
            ("gzip, deflate, br", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("br;q=0.5, gzip;q=0.8", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(Coding::Brotli)),
            ("*;q=0, gzip", Some(Coding::Gzip)),
            ("identity", None),
            ("gzip;q=nonsense", None),
            ("", None),
        ] {
            assert_eq!(accepted([HeaderValue::from_static(value)].iter()), expected, "{value}");
        }
    }
}
