use sonagi_model::limits;

use super::{Document, TransformError};
use crate::json::{Kind, Node};

/// A path into an event: the part of JSONPath that EventBridge knows (EventBridge User Guide, "Amazon EventBridge input
/// transformation"): `$`, `$.name`, `[0]`, `[*]` and `.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPath {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    Index(usize),
    All,
}

impl InputPath {
    /// Reads a path of at most [`INPUT_PATH_SIZE`](limits::INPUT_PATH_SIZE) characters. A name ends at a dot, a bracket, a
    /// quote or a blank; one with these in it is written `['name']`, which AWS does not know.
    pub fn parse(text: &str) -> Result<Self, TransformError> {
        let size = text.chars().count();
        if size > limits::INPUT_PATH_SIZE {
            return Err(TransformError::PathSize { size });
        }
        let wrong = |rest: &str, wanted| {
            Err(TransformError::Path { path: text.to_owned(), at: text.len() - rest.len(), wanted })
        };
        let Some(mut rest) = text.strip_prefix('$') else {
            return wrong(text, "a $, which is the event");
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(name) = rest.strip_prefix('.') {
                let end = name.find(|letter: char| ".[]'\"".contains(letter) || letter.is_whitespace());
                let (name, after) = name.split_at(end.unwrap_or(name.len()));
                match name {
                    "" => return wrong(after, "a name"),
                    "*" => (Step::All, after),
                    name => (Step::Name(name.into()), after),
                }
            } else if let Some(inside) = rest.strip_prefix('[') {
                let Some((inside, after)) = bracketed(inside) else {
                    return wrong(inside, "a whole number, * or a quoted name, and a ]");
                };
                (inside, after)
            } else {
                return wrong(rest, "a dot or a [");
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps: steps.into_boxed_slice() })
    }

    /// What is there, as JSON; with wildcards, an array of all that is, which may be empty. None if the event has no such place.
    pub fn select(&self, event: &Document) -> Option<String> {
        let mut text = String::new();
        self.place(&event.0)?.write(&mut text);
        Some(text)
    }

    pub(super) fn place<'a>(&self, event: &'a Node) -> Option<Found<'a>> {
        if !self.steps.contains(&Step::All) {
            return self.steps.iter().try_fold(event, |node, step| step.one(node)).map(Found::One);
        }
        let mut places = vec![event];
        for step in &self.steps {
            places = match step {
                Step::All => places.into_iter().flat_map(children).collect(),
                Step::Name(_) | Step::Index(_) => {
                    places.into_iter().filter_map(|node| step.one(node)).collect()
                }
            };
        }
        Some(Found::All(places))
    }
}

/// What a path leads to.
pub(super) enum Found<'a> {
    One(&'a Node),
    /// With wildcards.
    All(Vec<&'a Node>),
}

fn bracketed(inside: &str) -> Option<(Step, &str)> {
    if let Some(quote) = inside.chars().next().filter(|quote| "'\"".contains(*quote)) {
        let (name, after) = inside[1..].split_once(quote)?;
        return Some((Step::Name(name.into()), after.strip_prefix(']')?));
    }
    let (inside, after) = inside.split_once(']')?;
    if inside == "*" {
        return Some((Step::All, after));
    }
    let digits = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
    let index = inside.parse().ok().filter(|_| digits)?;
    Some((Step::Index(index), after))
}

fn children(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Array(items) => items.iter().collect(),
        Kind::Object(members) => members.iter().map(|member| &member.value).collect(),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => Vec::new(),
    }
}

impl Step {
    fn one<'a>(&self, node: &'a Node) -> Option<&'a Node> {
        match (self, &node.kind) {
            // Of members of one name the last counts, as everywhere.
            (Self::Name(name), Kind::Object(members)) => {
                members.iter().rev().find(|member| *member.name == **name).map(|member| &member.value)
            }
            (Self::Index(index), Kind::Array(items)) => items.get(*index),
            _ => None,
        }
    }
}
