//! Header lines and query strings as the event formats spell them.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::gateway::percent;

/// A header's value as text: UTF-8 if it is that, else each byte as the character of its number (ISO 8859-1, which
/// is what RFC 9110 §5.5 says such bytes once were).
pub(in crate::gateway) fn text(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Payload 2.0: lower-case names, values of one name joined with commas. Cookies have a field of their own.
pub(super) struct Joined<'a>(pub(super) &'a HeaderMap);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.keys().filter(|name| **name != http::header::COOKIE) {
            let mut values = self.0.get_all(name).iter();
            let first = values.next().map(text).unwrap_or_default();
            match values.next() {
                None => map.serialize_entry(name.as_str(), &first)?,
                Some(second) => {
                    let mut joined = first.into_owned();
                    for value in std::iter::once(second).chain(values) {
                        joined.push(',');
                        joined.push_str(&text(value));
                    }
                    map.serialize_entry(name.as_str(), &joined)?;
                }
            }
        }
        map.end()
    }
}

/// How payload 1.0 spells header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As HTTP APIs do.
    Lower,
    /// `Content-Type`: what clients of REST APIs send as a rule. HTTP/2 and our parser keep no case.
    Title,
}

impl Spelling {
    fn spell(self, name: &HeaderName) -> Cow<'_, str> {
        match self {
            Self::Lower => name.as_str().into(),
            Self::Title => {
                let mut at_start = true;
                name.as_str()
                    .chars()
                    .map(|c| {
                        let c = if at_start { c.to_ascii_uppercase() } else { c };
                        at_start = c == '-';
                        c
                    })
                    .collect()
            }
        }
    }
}

/// Payload 1.0's `headers`: the last value of each name.
pub(super) struct Last<'a>(pub(super) &'a HeaderMap, pub(super) Spelling);

impl Serialize for Last<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.keys() {
            if let Some(value) = self.0.get_all(name).iter().next_back() {
                map.serialize_entry(&self.1.spell(name), &text(value))?;
            }
        }
        map.end()
    }
}

/// Payload 1.0's `multiValueHeaders`.
pub(super) struct Every<'a>(pub(super) &'a HeaderMap, pub(super) Spelling);

impl Serialize for Every<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.keys() {
            let values: Vec<_> = self.0.get_all(name).iter().map(text).collect();
            map.serialize_entry(&self.1.spell(name), &values)?;
        }
        map.end()
    }
}

/// The cookies of all `Cookie` headers, each by itself; none if there are none.
pub(super) fn cookies(headers: &HeaderMap) -> Option<Vec<Cow<'_, str>>> {
    let mut cookies = Vec::new();
    for value in headers.get_all(http::header::COOKIE) {
        match text(value) {
            Cow::Borrowed(line) => cookies.extend(crumbs(line).map(Cow::Borrowed)),
            Cow::Owned(line) => cookies.extend(crumbs(&line).map(|crumb| Cow::Owned(crumb.to_owned()))),
        }
    }
    (!cookies.is_empty()).then_some(cookies)
}

fn crumbs(line: &str) -> impl Iterator<Item = &str> {
    line.split(';').map(str::trim).filter(|crumb| !crumb.is_empty())
}

/// The values of each key of a query, in the order of the keys' first appearance.
pub(super) type Query<'a> = IndexMap<Cow<'a, str>, Vec<Cow<'a, str>>>;

/// None if the query has no pairs.
pub(super) fn query(query: Option<&str>) -> Option<Query<'_>> {
    let mut all = Query::new();
    for (key, value) in percent::pairs(query?) {
        all.entry(key).or_default().push(value);
    }
    (!all.is_empty()).then_some(all)
}

/// Payload 2.0's `queryStringParameters`: values of one key joined with commas.
pub(super) struct JoinedQuery<'a>(pub(super) Query<'a>);

impl Serialize for JoinedQuery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, values)| match values.as_slice() {
            [only] => (key, Cow::Borrowed(&**only)),
            many => (key, Cow::Owned(many.join(","))),
        }))
    }
}

/// Payload 1.0's `queryStringParameters`: the last value of each key.
pub(super) struct LastQuery<'a>(pub(super) &'a Query<'a>);

impl Serialize for LastQuery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, values)| (key, values.last())))
    }
}
