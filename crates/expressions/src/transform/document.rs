use sonagi_model::limits;

use super::path::Found;
use crate::json::{self, Kind, Node};

/// An event, read so that its parts can be taken: numbers stay as they are written, and none is rounded.
#[derive(Debug, Clone)]
pub struct Document(pub(super) Node);

impl Document {
    /// None if the text is no JSON, or has more than [`EVENT_DEPTH`](limits::EVENT_DEPTH) objects and arrays in each other.
    pub fn parse(text: &str) -> Option<Self> {
        json::parse_to(text, limits::EVENT_DEPTH).ok().map(Self)
    }
}

/// A value as JSON without blanks.
pub(super) fn write(into: &mut String, node: &Node) {
    match &node.kind {
        Kind::Null => into.push_str("null"),
        Kind::Bool(value) => into.push_str(if *value { "true" } else { "false" }),
        Kind::Number(number) => into.push_str(number),
        Kind::Text(text) => write_quoted(into, text),
        Kind::Array(items) => write_list(into, '[', items, ']', write),
        Kind::Object(members) => write_list(into, '{', members, '}', |into, member| {
            write_quoted(into, &member.name);
            into.push(':');
            write(into, &member.value);
        }),
    }
}

/// A value as part of a JSON string. EventBridge "removes any internal quotes to ensure a valid string" of objects and arrays.
pub(super) fn write_inside(into: &mut String, node: &Node) {
    match &node.kind {
        Kind::Text(text) => write_escaped(into, text),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => write(into, node),
        Kind::Array(_) | Kind::Object(_) => write_unquoted(into, node),
    }
}

fn write_unquoted(into: &mut String, node: &Node) {
    let write_text = |into: &mut String, text: &str| write_escaped(into, &text.replace('"', ""));
    match &node.kind {
        Kind::Text(text) => write_text(into, text),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => write(into, node),
        Kind::Array(items) => write_list(into, '[', items, ']', write_unquoted),
        Kind::Object(members) => write_list(into, '{', members, '}', |into, member| {
            write_text(into, &member.name);
            into.push(':');
            write_unquoted(into, &member.value);
        }),
    }
}

pub(super) fn write_quoted(into: &mut String, text: &str) {
    into.push('"');
    write_escaped(into, text);
    into.push('"');
}

pub(super) fn write_escaped(into: &mut String, text: &str) {
    let quoted = serde_json::Value::from(text).to_string();
    into.push_str(&quoted[1..quoted.len() - 1]);
}

pub(super) fn write_list<T>(
    into: &mut String,
    open: char,
    items: impl IntoIterator<Item = T>,
    close: char,
    each: impl Fn(&mut String, T),
) {
    into.push(open);
    for (index, item) in items.into_iter().enumerate() {
        into.push_str(if index == 0 { "" } else { "," });
        each(into, item);
    }
    into.push(close);
}

impl Found<'_> {
    pub(super) fn write(&self, into: &mut String) {
        match self {
            Self::One(node) => write(into, node),
            Self::All(nodes) => write_list(into, '[', nodes, ']', |into, node| write(into, node)),
        }
    }

    pub(super) fn write_inside(&self, into: &mut String) {
        match self {
            Self::One(node) => write_inside(into, node),
            Self::All(nodes) => write_list(into, '[', nodes, ']', |into, node| write_unquoted(into, node)),
        }
    }
}
