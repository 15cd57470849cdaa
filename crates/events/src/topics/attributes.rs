//! What a message attribute's type says (SNS Developer Guide, "Message attribute data types and validation"), and how
//! filters see attributes.

use std::collections::BTreeMap;

use serde_json::Value;
use sonagi_data::queues::{Attribute, AttributeValue};
use sonagi_expressions::pattern::{self, Pattern};

/// What stands before the dot of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// `String.Array`: JSON.
    Array,
    Number,
    Binary,
}

impl Kind {
    /// None: it is no type.
    pub fn of(data_type: &str) -> Option<Self> {
        let (base, label) = match data_type.split_once('.') {
            Some((base, label)) if !label.is_empty() => (base, Some(label)),
            Some(_) => return None,
            None => (data_type, None),
        };
        Some(match (base, label) {
            ("String", Some("Array")) => Self::Array,
            ("String", _) => Self::Text,
            ("Number", _) => Self::Number,
            ("Binary", _) => Self::Binary,
            (_, _) => return None,
        })
    }
}

/// A message's attributes, read for filters.
pub(super) struct Seen<'a>(BTreeMap<&'a str, Part<'a>>);

enum Part<'a> {
    Text(&'a str),
    Number(&'a str),
    Array(Vec<Value>),
    Binary,
}

impl<'a> Seen<'a> {
    pub(super) fn new(attributes: &'a [(String, Attribute)]) -> Self {
        let part = |attribute: &'a Attribute| match &attribute.value {
            AttributeValue::Binary(_) => Part::Binary,
            AttributeValue::Text(text) => match Kind::of(&attribute.kind) {
                Some(Kind::Number) => Part::Number(text),
                Some(Kind::Array) => serde_json::from_str(text).map_or(Part::Text(text), Part::Array),
                Some(Kind::Text | Kind::Binary) | None => Part::Text(text),
            },
        };
        Self(attributes.iter().map(|(name, attribute)| (name.as_str(), part(attribute))).collect())
    }

    pub(super) fn match_with(&self, filter: &Pattern) -> bool {
        filter.matches_attributes(|name| {
            Some(match self.0.get(name)? {
                Part::Text(text) => pattern::Attribute::Text(text),
                Part::Number(text) => pattern::Attribute::Number(text),
                Part::Array(items) => pattern::Attribute::Array(items),
                Part::Binary => pattern::Attribute::Binary,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_may_have_a_label() {
        for (text, kind) in [
            ("String", Some(Kind::Text)),
            ("String.Array", Some(Kind::Array)),
            ("String.  prefixed.", Some(Kind::Text)),
            ("Number.int", Some(Kind::Number)),
            ("Binary.png", Some(Kind::Binary)),
            ("String.", None),
            ("Stringprefixed", None),
            ("", None),
            ("string", None),
        ] {
            assert_eq!(Kind::of(text), kind, "{text:?}");
        }
    }
}
