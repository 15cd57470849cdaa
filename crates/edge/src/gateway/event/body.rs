//! Which bodies go as text and which as base64.

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

use super::{Asked, Front};

pub(super) enum EventBody<'a> {
    None,
    Text(&'a str),
    Base64(&'a [u8]),
}

impl<'a> EventBody<'a> {
    pub(super) fn of(asked: &'a Asked<'a>) -> Self {
        if asked.body.is_empty() {
            return Self::None;
        }
        let media_type =
            asked.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(essence);
        let as_text = match asked.front {
            Front::HttpApi | Front::FunctionUrl => media_type.is_none_or(is_text_type),
            Front::RestApi => !media_type.is_some_and(|kind| is_binary_type(asked.binary_media_types, kind)),
        };
        // What is announced as text and is none would not survive a JSON string.
        let text = as_text.then(|| std::str::from_utf8(asked.body).ok()).flatten();
        text.map_or(Self::Base64(asked.body), Self::Text)
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn is_base64(&self) -> bool {
        matches!(self, Self::Base64(_))
    }
}

impl Serialize for EventBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Base64(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
        }
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// What HTTP APIs and function URLs pass as it is. A form (`application/x-www-form-urlencoded`) is not among it.
fn is_text_type(media_type: &str) -> bool {
    let kind = media_type.to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml" | "")
}

/// Whether a REST API's `binaryMediaTypes` name this type: exactly, as `image/*`, or as `*/*`.
pub(in crate::gateway) fn is_binary_type(binary: &[String], media_type: &str) -> bool {
    let media_type = essence(media_type);
    binary.iter().any(|pattern| {
        // SAM writes `image~1png`, since a slash cannot stand in the JSON pointers that API Gateway takes.
        let pattern = pattern.replace("~1", "/");
        match pattern.strip_suffix("/*") {
            Some("*") => true,
            Some(family) => {
                media_type.split_once('/').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(family))
            }
            None => pattern.eq_ignore_ascii_case(media_type),
        }
    })
}
