//! Reads a map key by key, knows which keys were asked for, and says what is wrong with the others.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use super::{
    problem::{Report, did_you_mean},
    tree::{Data, Key, Node, Span},
};

pub(crate) struct Fields<'a> {
    entries: &'a [(Key, Node)],
    /// The map's own place.
    pub(crate) span: &'a Span,
    /// What the map is, for messages: "function `search`".
    place: String,
    report: &'a Report,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    /// `None` when `node` is not a map, which is then reported.
    pub(crate) fn of(node: &'a Node, place: impl Into<String>, report: &'a Report) -> Option<Self> {
        let place = place.into();
        let entries: &[_] = match &node.data {
            Data::Map(entries) => entries,
            Data::Null => &[],
            Data::Broken => return None,
            Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => {
                report.problem(&node.span, format!("{place} must be a map, and is {}", node.kind()));
                return None;
            }
        };
        Some(Self { entries, span: &node.span, place, report, known: RefCell::default() })
    }

    /// The same fields, with another place for what concerns all of them.
    pub(crate) fn at(self, span: &'a Span) -> Self {
        Self { span, ..self }
    }

    /// The key and its value; a key without a value counts as absent, and a broken value as well.
    pub(crate) fn entry(&self, key: &'static str) -> Option<(&'a Key, &'a Node)> {
        self.known.borrow_mut().insert(key);
        let (name, node) = self.entries.iter().find(|(name, _)| name.text == key)?;
        (!matches!(node.data, Data::Null | Data::Broken)).then_some((name, node))
    }

    pub(crate) fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Whether the key is there, with whatever value.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.known.borrow_mut().insert(key);
        self.entries.iter().any(|(name, _)| name.text == key)
    }

    /// The place of a key, or of the map if there is none.
    pub(crate) fn span_of(&self, key: &str) -> Span {
        let found = self.entries.iter().find(|(name, _)| name.text == key);
        found.map_or_else(|| self.span.clone(), |(_, node)| node.span.clone())
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        let node = self.get(key)?;
        text(node, &format!("`{key}`"), self.report)
    }

    pub(crate) fn number(&self, key: &'static str, range: RangeInclusive<u64>, unit: &str) -> Option<u64> {
        let node = self.get(key)?;
        let number = node.scalar().and_then(|text| text.parse().ok());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let got = node.scalar().map_or_else(|| node.kind().to_owned(), str::to_owned);
                let (from, to) = (range.start(), range.end());
                self.report.problem(
                    &node.span,
                    format!("`{key}` must be a whole number from {from} to {to}{unit}, not {got}"),
                );
                None
            }
        }
    }

    pub(crate) fn number32(&self, key: &'static str, range: RangeInclusive<u32>, unit: &str) -> Option<u32> {
        let wide = u64::from(*range.start())..=u64::from(*range.end());
        self.number(key, wide, unit).and_then(|number| u32::try_from(number).ok())
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.get(key)?;
        flag(node, &format!("`{key}`"), self.report)
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let node = self.get(key)?;
        let got = text(node, &format!("`{key}`"), self.report)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == got) {
            return Some(*value);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let message = format!("`{key}` is {got:?}, which is not one of {}", words.join(", "));
        match did_you_mean(&got, words.iter().copied()) {
            Some(word) => self.report.problem_with_help(&node.span, message, format!("did you mean {word}?")),
            None => self.report.problem(&node.span, message),
        }
        None
    }

    /// A list of texts; a single text counts as a list of one when `key` holds that.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let node = self.get(key)?;
        texts(node, &format!("`{key}`"), self.report)
    }

    pub(crate) fn list(&self, key: &'static str) -> Option<&'a [Node]> {
        let node = self.get(key)?;
        let list = node.list();
        if list.is_none() {
            self.report.problem(&node.span, format!("`{key}` must be a list, and is {}", node.kind()));
        }
        list
    }

    /// A map whose values are all scalars.
    pub(crate) fn text_map(&self, key: &'static str) -> Option<BTreeMap<String, String>> {
        let node = self.get(key)?;
        let Some(entries) = node.map() else {
            self.report.problem(&node.span, format!("`{key}` must be a map, and is {}", node.kind()));
            return None;
        };
        let mut map = BTreeMap::new();
        for (name, value) in entries {
            if let Some(text) = text(value, &format!("`{}` in `{key}`", name.text), self.report) {
                map.insert(name.text.clone(), text);
            }
        }
        Some(map)
    }

    pub(crate) fn fields(&self, key: &'static str) -> Option<Fields<'a>> {
        Fields::of(self.get(key)?, format!("`{key}`"), self.report)
    }

    /// A required key that is absent.
    pub(crate) fn missing(&self, key: &str, help: &str) {
        self.report.problem_with_help(self.span, format!("{} has no `{key}`", self.place), help);
    }

    /// Accepted, and without effect here.
    pub(crate) fn note(&self, key: &'static str, why: &str) {
        if let Some((name, _)) = self.entry(key) {
            self.report.note(&name.span, format!("`{key}` of {}: {why}", self.place));
        }
    }

    /// Known, and not supported.
    pub(crate) fn unsupported(&self, key: &'static str, why: &str) {
        if let Some((name, _)) = self.entry(key) {
            let message = format!("`{key}` of {} is not supported yet", self.place);
            match why {
                "" => self.report.problem(&name.span, message),
                why => self.report.problem_with_help(&name.span, message, why),
            }
        }
    }

    /// Everything that was not asked for is unknown, and reported.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for (name, _) in self.entries {
            if known.contains(name.text.as_str()) {
                continue;
            }
            let message = format!("`{}` is not a key that {} has", name.text, self.place);
            match did_you_mean(&name.text, known.iter().copied()) {
                Some(word) => {
                    let help = format!("did you mean `{word}`?");
                    self.report.problem_with_help(&name.span, message, help);
                }
                None => {
                    let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
                    let help = format!("it has {}", words.join(", "));
                    self.report.problem_with_help(&name.span, message, help);
                }
            }
        }
    }
}

pub(crate) fn text(node: &Node, what: &str, report: &Report) -> Option<String> {
    let text = node.scalar();
    if text.is_none() && !node.is_broken() {
        report.problem(&node.span, format!("{what} must be text, and is {}", node.kind()));
    }
    text.map(str::to_owned)
}

pub(crate) fn flag(node: &Node, what: &str, report: &Report) -> Option<bool> {
    match node.scalar() {
        Some("true" | "True") => Some(true),
        Some("false" | "False") => Some(false),
        _ => {
            if !node.is_broken() {
                report.problem(&node.span, format!("{what} must be true or false"));
            }
            None
        }
    }
}

pub(crate) fn texts(node: &Node, what: &str, report: &Report) -> Option<Vec<String>> {
    match &node.data {
        Data::List(items) => {
            Some(items.iter().filter_map(|item| text(item, &format!("an entry of {what}"), report)).collect())
        }
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::Map(_) | Data::Broken => {
            if !node.is_broken() {
                report.problem(&node.span, format!("{what} must be a list, and is {}", node.kind()));
            }
            None
        }
    }
}
