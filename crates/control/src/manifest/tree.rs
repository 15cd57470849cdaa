//! A manifest's values, each with its place in the text: the one shape that TOML, YAML and JSON are read into.

use std::ops::Range;

pub(crate) type Span = Range<usize>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) data: Data,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    /// As it is written, so that `1.10` stays `1.10`.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
    /// Wrong, and already reported: whoever meets it says nothing more.
    Broken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Node {
    pub(crate) fn new(span: Span, data: Data) -> Self {
        Self { span, data }
    }

    pub(crate) fn broken(span: &Span) -> Self {
        Self::new(span.clone(), Data::Broken)
    }

    pub(crate) fn text(span: &Span, text: impl Into<String>) -> Self {
        Self::new(span.clone(), Data::Text(text.into()))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.data == Data::Broken
    }

    /// The text of a scalar, in the way CloudFormation makes strings of numbers and booleans.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) | Data::Number(text) => Some(text),
            Data::Bool(true) => Some("true"),
            Data::Bool(false) => Some("false"),
            Data::Null | Data::List(_) | Data::Map(_) | Data::Broken => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(items) => Some(items),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::Map(_) | Data::Broken => {
                None
            }
        }
    }

    pub(crate) fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) | Data::Broken => {
                None
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        self.map()?.iter().find(|(name, _)| name.text == key)
    }

    /// What this is, for a message: "a list".
    pub(crate) fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
            Data::Broken => "a broken value",
        }
    }
}
