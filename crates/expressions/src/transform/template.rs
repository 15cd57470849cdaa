use std::collections::BTreeMap;

use sonagi_model::limits;

use super::{InputPath, TransformError};
use crate::json::{self, FlawKind, Kind, Node};

/// An input transformer that was read: a template and what is filled in.
#[derive(Debug, Clone)]
pub struct Transformer {
    pub(super) parts: Box<[Part]>,
    /// What its variables are, each once.
    pub(super) sources: Box<[Source]>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    /// As it is in the template.
    Text(Box<str>),
    Variable {
        /// Which of the sources.
        source: usize,
        place: Place,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Path(InputPath),
    RuleArn,
    RuleName,
    IngestionTime,
    /// The event without `detail`.
    Event,
    /// The whole event.
    EventJson,
}

/// Where a variable stands, and so how its value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// As a value: strings get quotes, objects and arrays stay JSON.
    Value,
    /// In a string: without quotes of its own.
    Text,
}

/// A variable in the template's text.
struct Found<'a> {
    at: usize,
    end: usize,
    name: &'a str,
    place: Place,
}

impl Transformer {
    /// Reads a template and the paths of its variables.
    ///
    /// The template is JSON in which `<name>` stands for a value, or is part of a string; or it is one string or several,
    /// each in double quotes on a line of its own. Limits: [`INPUT_PATHS`](limits::INPUT_PATHS) and
    /// [`INPUT_TEMPLATE_SIZE`](limits::INPUT_TEMPLATE_SIZE). Predefined are `aws.events.rule-arn`,
    /// `aws.events.rule-name`, `aws.events.event.ingestion-time`, `aws.events.event` and `aws.events.event.json`.
    pub fn parse(paths: &BTreeMap<String, String>, template: &str) -> Result<Self, TransformError> {
        if paths.len() > limits::INPUT_PATHS {
            return Err(TransformError::Variables { count: paths.len() });
        }
        let size = template.chars().count();
        if !(1..=limits::INPUT_TEMPLATE_SIZE).contains(&size) {
            return Err(TransformError::TemplateSize { size });
        }
        let mut named = BTreeMap::new();
        for (name, path) in paths {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if name.is_empty() || !name.bytes().all(letters) || name.starts_with("AWS") {
                return Err(TransformError::Name { name: name.clone() });
            }
            named.insert(name.as_str(), InputPath::parse(path)?);
        }
        let found = variables(template);
        check(template, &found)?;
        let (mut parts, mut sources) = (Vec::new(), Vec::new());
        let mut end = 0;
        for variable in found {
            let source = match variable.name {
                "aws.events.rule-arn" => Source::RuleArn,
                "aws.events.rule-name" => Source::RuleName,
                "aws.events.event.ingestion-time" => Source::IngestionTime,
                "aws.events.event" => Source::Event,
                "aws.events.event.json" => Source::EventJson,
                name => match named.get(name) {
                    Some(path) => Source::Path(path.clone()),
                    None => {
                        let (line, column) = json::line_and_column(template, variable.at);
                        return Err(TransformError::Placeholder { name: name.to_owned(), line, column });
                    }
                },
            };
            parts.push(Part::Text(template[end..variable.at].into()));
            let known = sources.iter().position(|known| *known == source);
            let source = known.unwrap_or_else(|| {
                sources.push(source);
                sources.len() - 1
            });
            parts.push(Part::Variable { source, place: variable.place });
            end = variable.end;
        }
        parts.push(Part::Text(template[end..].into()));
        Ok(Self { parts: parts.into_boxed_slice(), sources: sources.into_boxed_slice() })
    }
}

fn variables(template: &str) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let (mut place, mut at) = (Place::Value, 0);
    while let Some(byte) = template.as_bytes().get(at) {
        match (byte, place) {
            (b'"', Place::Value) => place = Place::Text,
            (b'"', Place::Text) => place = Place::Value,
            // What follows is no quote, whatever it is.
            (b'\\', Place::Text) => at += 1,
            (b'<', _) => {
                if let Some(name) = name(&template[at + 1..]) {
                    let end = at + name.len() + 2;
                    found.push(Found { at, end, name, place });
                    at = end;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn name(rest: &str) -> Option<&str> {
    let (name, _) = rest.split_once('>')?;
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!name.is_empty() && name.bytes().all(letters)).then_some(name)
}

/// Whether it is JSON once its variables are filled in: each is replaced by text of its own length.
fn check(template: &str, found: &[Found<'_>]) -> Result<(), TransformError> {
    let mut filled = String::with_capacity(template.len());
    for variable in found {
        filled.push_str(&template[filled.len()..variable.at]);
        let filling = "x".repeat(variable.name.len());
        let quote = if variable.place == Place::Value { '"' } else { 'x' };
        filled.extend([quote]);
        filled.push_str(&filling);
        filled.extend([quote]);
    }
    filled.push_str(&template[filled.len()..]);
    let place = |at| json::line_and_column(template, at);
    let nodes = json::parse_all(&filled).map_err(|flaw| {
        let (line, column) = place(flaw.at);
        let wanted = match flaw.kind {
            // It begins like no JSON: most likely it is text.
            FlawKind::Wanted(_) if filled[..flaw.at].trim().is_empty() => {
                "a double quote around the text, or JSON"
            }
            FlawKind::Wanted(wanted) => wanted,
            FlawKind::Ends => "the rest of the JSON",
            FlawKind::TooDeep => "something that is nested less deeply",
        };
        TransformError::Template { wanted, line, column }
    })?;
    if let [first, second, ..] = &nodes[..] {
        let is_line = |node: &Node| {
            matches!(node.kind, Kind::Text(_)) && template.as_bytes().get(node.at) == Some(&b'"')
        };
        let apart = |node: &Node| template[..node.at].ends_with(['\n', '\r', ' ', '\t']);
        let lines = nodes.iter().all(is_line) && nodes[1..].iter().all(apart);
        if !lines {
            let (line, column) = place(if is_line(first) { second.at } else { first.at });
            let wanted = "one JSON value, or lines of text, each in double quotes";
            return Err(TransformError::Template { wanted, line, column });
        }
    }
    match nodes.iter().find_map(|node| keyed(node, found)) {
        Some(at) => {
            let (line, column) = place(at);
            Err(TransformError::Key { line, column })
        }
        None => Ok(()),
    }
}

/// Where a variable stands in a key.
fn keyed(node: &Node, found: &[Found<'_>]) -> Option<usize> {
    match &node.kind {
        Kind::Object(members) => members.iter().find_map(|member| {
            let key = member.at..member.value.at;
            let in_key = found.iter().map(|variable| variable.at).find(|at| key.contains(at));
            in_key.or_else(|| keyed(&member.value, found))
        }),
        Kind::Array(items) => items.iter().find_map(|item| keyed(item, found)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => None,
    }
}
