//! Which queues, topics, buses and functions a `sonagi.toml` has, and what they are called outside it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use sonagi_model::{AppName, resource::ResourceKind};

use super::super::{
    Context,
    fields::{self, Fields},
    names::{self, Order},
    problem::{Report, did_you_mean},
    resources::Place,
    tree::{Data, Node},
};

/// What can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Sort {
    Queue,
    Topic,
    Bus,
    Function,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Queue, Self::Topic, Self::Bus, Self::Function];

    /// The word for it, which is the table that declares it and the key that names it.
    pub(in super::super) const fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::Bus => "bus",
            Self::Function => "function",
        }
    }

    pub(super) const fn kind(self) -> Option<ResourceKind> {
        match self {
            Self::Queue => Some(ResourceKind::Queue),
            Self::Topic => Some(ResourceKind::Topic),
            Self::Bus => Some(ResourceKind::Bus),
            Self::Function => None,
        }
    }
}

pub(in super::super) struct Things<'a> {
    pub(in super::super) app: &'a AppName,
    pub(in super::super) context: &'a Context,
    /// Names outside, by sort and name here; of a function with its alias.
    known: BTreeMap<(Sort, String), String>,
    /// What the function that is read was granted.
    granted: RefCell<BTreeSet<(Sort, String)>>,
}

impl<'a> Things<'a> {
    pub(super) fn of(tree: &Node, app: &'a AppName, context: &'a Context) -> Self {
        let mut known = BTreeMap::new();
        for sort in Sort::ALL {
            for (key, node) in tree.get(sort.word()).and_then(Node::map).unwrap_or_default() {
                let order = match node.get("fifo").map(|node| &node.data) {
                    Some(Data::Bool(true)) => Order::Fifo,
                    Some(_) | None => Order::Standard,
                };
                let name = match sort.kind() {
                    Some(kind) => names::resource(app, &key.text, kind, order),
                    None => {
                        let Some(name) = names::lambda_name(app, &key.text) else { continue };
                        match node.get("alias").and_then(Node::scalar) {
                            Some(alias) => format!("{name}:{alias}"),
                            None => name.to_string(),
                        }
                    }
                };
                known.insert((sort, key.text.clone()), name);
            }
        }
        Self { app, context, known, granted: RefCell::default() }
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place(self.context)
    }

    /// What a thing is called outside the manifest.
    pub(in super::super) fn name(&self, sort: Sort, name: &str) -> Option<&str> {
        self.known.get(&(sort, name.to_owned())).map(String::as_str)
    }

    fn arn_of(&self, sort: Sort, name: &str) -> String {
        match sort.kind() {
            Some(kind) => self.place().arn(kind, name),
            None => self.place().function(name),
        }
    }

    /// The ARN of what is named, by its name here or its ARN.
    pub(super) fn arn(&self, sort: Sort, node: &Node, report: &Report) -> Option<String> {
        let word = sort.word();
        let text = fields::text(node, &format!("`{word}`"), report)?;
        if text.starts_with("arn:") {
            return Some(text);
        }
        if let Some(name) = self.name(sort, &text) {
            return Some(self.arn_of(sort, name));
        }
        let known = self.known.keys().filter(|(known, _)| *known == sort).map(|(_, name)| name.as_str());
        let message = format!("there is no {word} {text:?} in this manifest");
        match did_you_mean(&text, known) {
            Some(known) => report.problem_with_help(&node.span, message, format!("did you mean {known:?}?")),
            None => {
                let help = format!("declare it as `[{word}.{text}]`, or write its ARN");
                report.problem_with_help(&node.span, message, help);
            }
        }
        None
    }

    /// The one thing that a table names: its sort and its ARN.
    pub(super) fn one(&self, fields: &Fields<'_>, sorts: &[Sort], report: &Report) -> Option<(Sort, String)> {
        let named: Vec<_> = sorts.iter().filter_map(|sort| Some((*sort, fields.get(sort.word())?))).collect();
        match named.as_slice() {
            [(sort, node)] => Some((*sort, self.arn(*sort, node, report)?)),
            [] if sorts.iter().any(|sort| fields.has(sort.word())) => None,
            _ => {
                let words: Vec<_> = sorts.iter().map(|sort| format!("`{}`", sort.word())).collect();
                let message = format!("one of {} must be named here, and no other", words.join(", "));
                report.problem(fields.span, message);
                None
            }
        }
    }

    /// Notes that the function that is read may do something to a thing.
    pub(in super::super) fn grant(&self, sort: Sort, name: &str) {
        if self.name(sort, name).is_some() {
            self.granted.borrow_mut().insert((sort, name.to_owned()));
        }
    }

    /// How the function finds what it was granted since this was asked the last time: variables and their values.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let granted = self.granted.take();
        let variable = |(sort, name): (Sort, String)| {
            let outside = self.name(sort, &name)?;
            let value = match sort {
                Sort::Queue => self.place().queue_url(outside),
                Sort::Topic => self.arn_of(sort, outside),
                Sort::Bus => outside.to_owned(),
                Sort::Function => return None,
            };
            let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
            let word = sort.word().to_ascii_uppercase();
            Some((format!("{word}_{}", name.chars().map(letter).collect::<String>()), value))
        };
        granted.into_iter().filter_map(variable).collect()
    }
}
