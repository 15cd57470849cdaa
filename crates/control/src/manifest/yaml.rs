//! YAML (and so JSON) text to a tree. CloudFormation's short forms (`!Ref x`) become the long ones (`Ref: x`).
//!
//! The events of the parser are folded on a stack of our own, never on the machine's: depth and the size that
//! aliases expand to are bounded ([`limits::MANIFEST_DEPTH`], [`limits::MANIFEST_NODES`]).

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use sonagi_model::limits;

use super::{
    problem::Report,
    tree::{Data, Key, Node, Span},
};

/// The whole document; `None` when it is not YAML or too large, which is then reported.
pub(super) fn parse(text: &str, report: &Report) -> Option<Node> {
    let mut fold = Fold { report, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    for event in Parser::new_from_str(text) {
        match event {
            Err(error) => {
                let mark = error.marker();
                let at = report.byte(mark.line(), mark.col());
                report.problem(&(at..at), format!("this is not YAML: {}", error.info()));
                return None;
            }
            Ok((event, span)) => {
                let from = report.byte(span.start.line(), span.start.col());
                let to = report.byte(span.end.line(), span.end.col());
                fold.event(event, from..to.max(from)).ok()?;
            }
        }
    }
    fold.root
}

/// The document is given up; why was reported.
struct Abandoned;

struct Fold<'a> {
    report: &'a Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    root: Option<Node>,
}

/// A list or map that is being read.
struct Open {
    span: Span,
    anchor: usize,
    function: Option<String>,
    held: Held,
    /// How deep the deepest thing inside is, and how many there are: what an alias to this will cost.
    height: usize,
    nodes: usize,
}

enum Held {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, names: HashSet<String>, key: Option<Key>, merges: Vec<Node> },
}

struct Anchored {
    node: Node,
    height: usize,
    nodes: usize,
}

impl Fold<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Abandoned> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                self.give_up(&span, "a template is one YAML document, and here a second one starts")
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => self.alias(anchor, &span),
            Event::Scalar(text, style, anchor, tag) => {
                let function = self.function(tag.as_deref(), &span);
                let core = tag.as_deref().is_some_and(Tag::is_yaml_core_schema);
                // A key is its text, even if it reads `On`.
                let is_key =
                    self.open.last().is_some_and(|open| matches!(open.held, Held::Map { key: None, .. }));
                let plain = style == ScalarStyle::Plain && function.is_none() && !core && !is_key;
                let data = match plain {
                    true => plain_scalar(&text),
                    false => Data::Text(text.into_owned()),
                };
                let node = call(function, Node::new(span, data));
                self.finish(node, anchor, 1, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                let function = self.function(tag.as_deref(), &span);
                self.start(span, anchor, function, Held::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let function = self.function(tag.as_deref(), &span);
                let held =
                    Held::Map { entries: Vec::new(), names: HashSet::new(), key: None, merges: Vec::new() };
                self.start(span, anchor, function, held)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn give_up(&self, span: &Span, message: impl Into<String>) -> Result<(), Abandoned> {
        self.report.problem(span, message);
        Err(Abandoned)
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Abandoned> {
        let cost = self.anchors.get(&anchor).map(|anchored| (anchored.height, anchored.nodes));
        let Some((height, nodes)) = cost else {
            return self.give_up(span, "this alias stands inside of what it names");
        };
        // Before the copy is made: a bomb must not go off first.
        self.fits(span, height, nodes)?;
        let copy = self.anchors.get(&anchor).map(|anchored| anchored.node.clone());
        match copy {
            Some(node) => self.place(node, height, nodes),
            None => Err(Abandoned),
        }
    }

    fn fits(&mut self, span: &Span, height: usize, nodes: usize) -> Result<(), Abandoned> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > limits::MANIFEST_NODES {
            let limit = limits::MANIFEST_NODES;
            return self.give_up(
                span,
                format!("the template holds more than {limit} values once its aliases are expanded"),
            );
        }
        if self.open.len() + height > limits::MANIFEST_DEPTH {
            let limit = limits::MANIFEST_DEPTH;
            return self.give_up(span, format!("values nest deeper than {limit} levels here"));
        }
        Ok(())
    }

    fn start(
        &mut self,
        span: Span,
        anchor: usize,
        function: Option<String>,
        held: Held,
    ) -> Result<(), Abandoned> {
        self.fits(&span, 1, 1)?;
        self.open.push(Open { span, anchor, function, held, height: 0, nodes: 0 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Abandoned> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let Open { span, anchor, function, held, height, nodes } = open;
        let data = match held {
            Held::List(items) => Data::List(items),
            Held::Map { mut entries, mut names, merges, .. } => {
                for merge in &merges {
                    self.merge(merge, &mut entries, &mut names);
                }
                Data::Map(entries)
            }
        };
        // Long enough to be seen, short enough to be shown: a block's span is where it starts.
        let node = call(function, Node::new(span, data));
        self.record(node, anchor, height + 1, nodes + 1)
    }

    /// YAML's merge key `<<`: what the map itself says wins, then earlier maps over later ones.
    fn merge(&self, merged: &Node, entries: &mut Vec<(Key, Node)>, names: &mut HashSet<String>) {
        match &merged.data {
            Data::Map(more) => {
                for (key, value) in more {
                    if names.insert(key.text.clone()) {
                        entries.push((key.clone(), value.clone()));
                    }
                }
            }
            Data::List(maps) if maps.iter().all(|map| map.map().is_some()) => {
                maps.iter().for_each(|map| self.merge(map, entries, names));
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) | Data::Broken => {
                self.report.problem(&merged.span, "`<<` merges a map, or a list of maps");
            }
        }
    }

    fn finish(&mut self, node: Node, anchor: usize, height: usize, nodes: usize) -> Result<(), Abandoned> {
        self.fits(&node.span.clone(), height, nodes)?;
        self.record(node, anchor, height, nodes)
    }

    fn record(&mut self, node: Node, anchor: usize, height: usize, nodes: usize) -> Result<(), Abandoned> {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), height, nodes });
        }
        self.place(node, height, nodes)
    }

    /// Hands a finished node to what it stands in.
    fn place(&mut self, node: Node, height: usize, nodes: usize) -> Result<(), Abandoned> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(height);
        open.nodes = open.nodes.saturating_add(nodes);
        match &mut open.held {
            Held::List(items) => items.push(node),
            Held::Map { entries, names, key, merges } => match key.take() {
                Some(name) if name.text == "<<" => merges.push(node),
                Some(name) => {
                    if !names.insert(name.text.clone()) {
                        let first = entries.iter().find(|(old, _)| old.text == name.text);
                        let line = first.map_or(0, |(old, _)| self.report.line(old.span.start));
                        let message =
                            format!("`{}` stands twice in this map, first in line {line}", name.text);
                        self.report.problem(&name.span, message);
                    } else {
                        entries.push((name, node));
                    }
                }
                None => match key_text(&node) {
                    Some(text) => *key = Some(Key { text, span: node.span }),
                    None => {
                        self.report.problem(&node.span, format!("a key is text, not {}", node.kind()));
                        return Err(Abandoned);
                    }
                },
            },
        }
        Ok(())
    }

    /// The long form's name of a short form's tag.
    fn function(&self, tag: Option<&Tag>, span: &Span) -> Option<String> {
        let tag = tag?;
        if tag.is_yaml_core_schema() {
            return None;
        }
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!" | "", name @ ("Ref" | "Condition")) => Some(name.into()),
            ("!" | "", "") => None,
            ("!" | "", name) => Some(format!("Fn::{name}")),
            (handle, suffix) => {
                self.report.problem(span, format!("the tag `{handle}{suffix}` means nothing in a template"));
                None
            }
        }
    }
}

fn key_text(node: &Node) -> Option<String> {
    match &node.data {
        Data::Text(text) | Data::Number(text) => Some(text.clone()),
        Data::Bool(flag) => Some(flag.to_string()),
        Data::Null => Some("null".into()),
        Data::List(_) | Data::Map(_) | Data::Broken => None,
    }
}

fn call(function: Option<String>, argument: Node) -> Node {
    match function {
        None => argument,
        Some(text) => {
            let span = argument.span.clone();
            Node::new(span.clone(), Data::Map(vec![(Key { text, span }, argument)]))
        }
    }
}

/// What a plain scalar means in YAML 1.1, which CloudFormation reads. Numbers keep their text, and dates are text.
fn plain_scalar(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Data::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Data::Bool(false),
        _ if is_number(text) => Data::Number(text.into()),
        _ => Data::Text(text.into()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
        && text.parse::<f64>().is_ok()
}
