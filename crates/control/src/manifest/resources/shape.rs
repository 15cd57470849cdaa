//! What a service's properties look like: they are read by a table of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sonagi_expressions::{pattern, schedule};

use super::{
    super::{
        fields::{self, Fields},
        problem::{Report, did_you_mean},
        tree::Node,
    },
    Json, texts,
};

/// What one property may be, and so what becomes of it.
#[derive(Clone, Copy)]
pub(in super::super) enum Shape {
    Text,
    /// A whole number: the least, the most, the unit.
    Whole(u32, u32, &'static str),
    Flag,
    Word(&'static [&'static str]),
    Texts,
    /// Texts by names.
    Pairs,
    /// A list of `Key` and `Value`, kept as that.
    Tags,
    Map(&'static [Field]),
    Maps(&'static [Field]),
    /// A document, or a text that is one: it becomes a text.
    Document,
    Pattern(pattern::Dialect),
    Schedule(schedule::Dialect),
    Zone,
    Path,
    /// `InputPathsMap` and `InputTemplate`.
    Transformer,
    /// It has no effect here, and why.
    Idle(&'static str),
    Unsupported(&'static str),
}

#[derive(Clone, Copy)]
pub(in super::super) struct Field {
    key: &'static str,
    shape: Shape,
    needed: Option<&'static str>,
}

/// A property that may be absent.
pub(in super::super) const fn said(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, needed: None }
}

/// One that must be there, and an example of it.
pub(in super::super) const fn needed(key: &'static str, shape: Shape, example: &'static str) -> Field {
    Field { key, shape, needed: Some(example) }
}

/// The properties of `table` that are there. Others are left for whoever calls [`Fields::finish`].
pub(in super::super) fn read(fields: &Fields<'_>, table: &[Field], report: &Report) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in table {
        if let Some(example) = field.needed
            && !fields.has(field.key)
        {
            fields.missing(field.key, example);
        }
        if let Some(value) = one(fields, field, report) {
            properties.insert(field.key.to_owned(), value);
        }
    }
    properties
}

fn one(fields: &Fields<'_>, field: &Field, report: &Report) -> Option<Value> {
    let key = field.key;
    let what = || format!("`{key}`");
    match field.shape {
        Shape::Idle(why) => {
            fields.note(key, why);
            return None;
        }
        Shape::Unsupported(why) => {
            fields.unsupported(key, why);
            return None;
        }
        Shape::Text => return fields.text(key).map(Value::from),
        Shape::Whole(least, most, unit) => return fields.number32(key, least..=most, unit).map(Value::from),
        Shape::Flag => return fields.flag(key).map(Value::from),
        Shape::Texts => return fields.texts(key).map(Value::from),
        Shape::Pairs => {
            let pairs = fields.text_map(key)?;
            return Some(pairs.into_iter().map(|(name, text)| (name, Value::from(text))).collect());
        }
        Shape::Word(_)
        | Shape::Tags
        | Shape::Map(_)
        | Shape::Maps(_)
        | Shape::Document
        | Shape::Pattern(_)
        | Shape::Schedule(_)
        | Shape::Zone
        | Shape::Path
        | Shape::Transformer => {}
    }
    let node = fields.get(key)?;
    match field.shape {
        Shape::Word(words) => word(node, &what(), words, report).map(Value::from),
        Shape::Tags => {
            let list = fields.list(key)?;
            let tags = list.iter().filter_map(|item| map(item, TAG, "a tag".into(), report));
            Some(Value::Array(tags.map(Value::Object).collect()))
        }
        Shape::Map(table) => map(node, table, what(), report).map(Value::Object),
        Shape::Maps(table) => {
            let items = fields.list(key)?.iter();
            let items = items.filter_map(|item| map(item, table, format!("an entry of `{key}`"), report));
            Some(Value::Array(items.map(Value::Object).collect()))
        }
        Shape::Document => {
            let json = Json::of(node)?;
            if let Err(error) = serde_json::from_str::<Value>(&json.text) {
                report.problem(&node.span, format!("`{key}` is not JSON: {error}"));
            }
            Some(json.text.into())
        }
        Shape::Pattern(dialect) => texts::pattern(node, dialect, report).map(Value::from),
        Shape::Schedule(dialect) => texts::schedule(node, dialect, report).map(Value::from),
        Shape::Zone => texts::zone(node, report).map(Value::from),
        Shape::Path => texts::path(node, report).map(Value::from),
        Shape::Transformer => transformer(node, report).map(Value::Object),
        Shape::Text
        | Shape::Whole(..)
        | Shape::Flag
        | Shape::Texts
        | Shape::Pairs
        | Shape::Idle(_)
        | Shape::Unsupported(_) => None,
    }
}

const TAG: &[Field] = &[
    needed("Key", Shape::Text, "a tag has a key and a value"),
    needed("Value", Shape::Text, "a tag has a key and a value"),
];
const TRANSFORMER: &[Field] =
    &[said("InputPathsMap", Shape::Pairs), needed("InputTemplate", Shape::Text, "what the target is to get")];

fn map(node: &Node, table: &[Field], place: String, report: &Report) -> Option<Map<String, Value>> {
    let fields = Fields::of(node, place, report)?;
    let properties = read(&fields, table, report);
    fields.finish();
    Some(properties)
}

fn transformer(node: &Node, report: &Report) -> Option<Map<String, Value>> {
    let properties = map(node, TRANSFORMER, "`InputTransformer`".into(), report)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let paths = properties.get("InputPathsMap").and_then(Value::as_object);
    let paths: BTreeMap<String, String> =
        paths.into_iter().flatten().filter_map(|(name, path)| Some((name.clone(), text(path)?))).collect();
    if let Some(template) = properties.get("InputTemplate").and_then(text) {
        texts::transformer(&paths, &template, node.get("InputTemplate").unwrap_or(node), report);
    }
    Some(properties)
}

fn word(node: &Node, what: &str, words: &[&'static str], report: &Report) -> Option<&'static str> {
    let got = fields::text(node, what, report)?;
    if let Some(word) = words.iter().find(|word| **word == got) {
        return Some(word);
    }
    let message = format!("{what} is {got:?}, which is not one of {}", words.join(", "));
    match did_you_mean(&got, words.iter().copied()) {
        Some(word) => report.problem_with_help(&node.span, message, format!("did you mean {word}?")),
        None => report.problem(&node.span, message),
    }
    None
}
