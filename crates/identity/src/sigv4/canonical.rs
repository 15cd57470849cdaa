//! The canonical request: one text for one request, whatever way it was written.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use super::{ALGORITHM, SignedRequest};

/// Everything but RFC 3986's unreserved characters.
const ENCODE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODE_PATH: &AsciiSet = &ENCODE.remove(b'/');

/// How a service wants its path: S3's objects have names in which every character counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathRule {
    /// Normalised, then encoded a second time.
    Normalized,
    /// Encoded once, as it is.
    Literal,
}

impl PathRule {
    pub(crate) fn of(service: &str) -> Self {
        match service {
            "s3" | "s3-object-lambda" | "s3-outposts" | "s3express" => Self::Literal,
            _ => Self::Normalized,
        }
    }
}

pub(crate) fn request(
    request: &SignedRequest<'_>,
    rule: PathRule,
    signed_headers: &[&str],
    leave_out: Option<&str>,
    payload: &str,
) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(request.method.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(path(request.path, rule).as_bytes());
    text.push(b'\n');
    text.extend_from_slice(query(request.query, leave_out).as_bytes());
    text.push(b'\n');
    for name in signed_headers {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        let values = request.headers.iter().filter(|(key, _)| key == name);
        for (index, (_, value)) in values.enumerate() {
            if index > 0 {
                text.push(b',');
            }
            fold(&mut text, value);
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(signed_headers.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(payload.as_bytes());
    text
}

pub(crate) fn string_to_sign(time: &str, scope: &str, canonical: &[u8]) -> String {
    format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
        text
    })
}

fn path(raw: &str, rule: PathRule) -> String {
    match rule {
        PathRule::Literal => {
            let path = if raw.is_empty() { "/" } else { raw };
            // Segment by segment: an encoded slash stays one.
            let segments: Vec<String> = path
                .split('/')
                .map(|part| percent_encode(&percent_decode_str(part).collect::<Vec<_>>(), ENCODE).to_string())
                .collect();
            segments.join("/")
        }
        PathRule::Normalized => percent_encode(normalized(raw).as_bytes(), ENCODE_PATH).to_string(),
    }
}

/// Without `.`, `..` and empty segments (RFC 3986 §5.2.4, and runs of slashes become one).
fn normalized(raw: &str) -> String {
    let mut segments = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    if raw.ends_with('/') && !segments.is_empty() {
        path.push('/');
    }
    path
}

/// Names and values, each decoded and encoded again, sorted by the encoded bytes. A `+` is a space.
fn query(raw: &str, leave_out: Option<&str>) -> String {
    let encode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encode(&percent_decode_str(&text).collect::<Vec<_>>(), ENCODE).to_string()
    };
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .filter(|(name, _)| Some(name.as_str()) != leave_out)
        .collect();
    pairs.sort_unstable();
    let mut text = String::with_capacity(raw.len() + 8);
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// Without blanks at both ends, and with runs of blanks as one space.
fn fold(text: &mut Vec<u8>, value: &[u8]) {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// Encodes one value for a query string as signatures want it.
pub(crate) fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_encoded_twice_but_for_s3() {
        let cases = [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("/a//b/./c/../d/", "/a/b/d/", "/a//b/./c/../d/"),
            ("/a%20b", "/a%2520b", "/a%20b"),
            ("/%E1%88%B4", "/%25E1%2588%25B4", "/%E1%88%B4"),
            ("/a:b*", "/a%3Ab%2A", "/a%3Ab%2A"),
            ("/a%2fb", "/a%252fb", "/a%2Fb"),
            ("/../../x", "/x", "/../../x"),
        ];
        for (raw, twice, once) in cases {
            assert_eq!(path(raw, PathRule::Normalized), twice);
            assert_eq!(path(raw, PathRule::Literal), once);
        }
    }

    #[test]
    fn queries_are_sorted_by_their_encoded_bytes() {
        assert_eq!(query("b=2&a=1&a=0&c&A=%7e&&d=a+b&e=x/y", None), "A=~&a=0&a=1&b=2&c=&d=a%20b&e=x%2Fy");
        assert_eq!(query("a=1&X-Amz-Signature=2", Some("X-Amz-Signature")), "a=1");
    }
}
