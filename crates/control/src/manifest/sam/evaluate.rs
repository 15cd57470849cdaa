//! Intrinsic functions ("Intrinsic function reference" in the CloudFormation user guide).
//!
//! [`Template::evaluate`] turns a value with functions in it into one without. `None` is `AWS::NoValue`: whatever
//! holds it is left out. What is wrong becomes [`Data::Broken`], reported once, and is passed on silently.

use sonagi_model::limits;

use super::{
    super::{
        problem::did_you_mean,
        tree::{Data, Key, Node, Span},
    },
    template::Template,
};

/// The functions that are known and not supported, so that a typo is told from them.
const UNSUPPORTED: [&str; 8] = [
    "Fn::Cidr",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::Transform",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::ForEach",
    "Fn::Contains",
];
const SUPPORTED: [&str; 13] = [
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::If",
    "Fn::Base64",
    "Fn::Equals",
    "Fn::And",
    "Fn::Or",
    "Fn::Not",
];

/// The function that a map is a call of.
pub(super) fn call(node: &Node) -> Option<(&Key, &Node)> {
    match node.map()? {
        [(key, argument)] if key.text == "Ref" || key.text.starts_with("Fn::") => Some((key, argument)),
        _ => None,
    }
}

impl Template<'_> {
    pub(super) fn evaluate(&self, node: &Node) -> Option<Node> {
        let span = &node.span;
        if !self.charge(span, node.scalar().map_or(0, str::len) + size_of::<Node>()) {
            return Some(Node::broken(span));
        }
        match &node.data {
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::Broken => Some(node.clone()),
            Data::List(items) => {
                let items = items.iter().filter_map(|item| self.evaluate(item)).collect();
                Some(Node::new(span.clone(), Data::List(items)))
            }
            Data::Map(entries) => {
                if let Some((function, argument)) = call(node) {
                    return self.call(function, argument);
                }
                if let Some((stray, _)) = entries.iter().find(|(key, _)| key.text.starts_with("Fn::")) {
                    let message = format!("`{}` must be the only key of its map", stray.text);
                    self.report.problem(&stray.span, message);
                    return Some(Node::broken(span));
                }
                let entries = entries
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), self.evaluate(value)?)))
                    .collect();
                Some(Node::new(span.clone(), Data::Map(entries)))
            }
        }
    }

    fn call(&self, function: &Key, argument: &Node) -> Option<Node> {
        let span = if argument.span.is_empty() { &function.span } else { &argument.span };
        let result = match function.text.as_str() {
            "Ref" => match argument.scalar() {
                Some("AWS::NoValue") => return None,
                Some(name) => self.reference(name, span),
                None => self.wrong(argument, "`Ref` wants the name of a parameter or a resource"),
            },
            "Fn::If" => return self.choose(argument),
            "Fn::GetAtt" => self.get_att(argument),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Base64" => self.base64(argument),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                let message = format!("`{}` may stand in `Conditions` alone", function.text);
                self.report.problem(&function.span, message);
                Node::broken(span)
            }
            name => {
                let message = format!("the function `{name}` is not supported yet");
                match did_you_mean(name, SUPPORTED).filter(|_| !UNSUPPORTED.contains(&name)) {
                    Some(word) => {
                        let message = format!("`{name}` is not a function that a template has");
                        let help = format!("did you mean `{word}`?");
                        self.report.problem_with_help(&function.span, message, help);
                    }
                    None => self.report.problem(&function.span, message),
                }
                Node::broken(span)
            }
        };
        let size = result.scalar().map_or(0, str::len);
        Some(if self.charge(span, size) { result } else { Node::broken(span) })
    }

    /// Counts what evaluation produces: a small template can multiply itself beyond any memory.
    pub(super) fn charge(&self, span: &Span, bytes: usize) -> bool {
        let before = self.memory.produced.get();
        let after = before.saturating_add(bytes);
        self.memory.produced.set(after);
        if after <= limits::MANIFEST_EVALUATED {
            return true;
        }
        if before <= limits::MANIFEST_EVALUATED {
            let limit = limits::MANIFEST_EVALUATED;
            self.report.problem(span, format!("evaluating the template makes more than {limit} bytes"));
        }
        false
    }

    /// Says what the function wanted, unless what it got is broken already.
    pub(super) fn wrong(&self, argument: &Node, message: &str) -> Node {
        if !argument.is_broken() {
            self.report.problem(&argument.span, message);
        }
        Node::broken(&argument.span)
    }

    /// An evaluated argument that must be one text.
    pub(super) fn text(&self, node: &Node, message: &str) -> Result<String, Node> {
        match self.evaluate(node) {
            Some(value) => match value.scalar() {
                Some(text) => Ok(text.to_owned()),
                None => Err(self.wrong(&value, message)),
            },
            None => Err(self.wrong(node, message)),
        }
    }

    /// `Fn::If: [condition, then, otherwise]`; the other branch is never looked at.
    fn choose(&self, argument: &Node) -> Option<Node> {
        let wants = "`Fn::If` wants a list: a condition's name, a value if it holds, a value if not";
        let Some([name, then, otherwise]) = argument.list() else {
            return Some(self.wrong(argument, wants));
        };
        let Some(text) = name.scalar() else { return Some(self.wrong(name, wants)) };
        match self.condition(text, &name.span) {
            Some(true) => self.evaluate(then),
            Some(false) => self.evaluate(otherwise),
            None => Some(Node::broken(&argument.span)),
        }
    }

    fn join(&self, argument: &Node) -> Node {
        let wants = "`Fn::Join` wants a list: a separator, and a list of texts";
        let Some([separator, items]) = argument.list() else { return self.wrong(argument, wants) };
        let separator = match self.text(separator, wants) {
            Ok(text) => text,
            Err(broken) => return broken,
        };
        let Some(items) = self.evaluate(items) else { return self.wrong(items, wants) };
        let Some(list) = items.list() else { return self.wrong(&items, wants) };
        let mut text = String::new();
        for (index, item) in list.iter().enumerate() {
            let Some(part) = item.scalar() else { return self.wrong(item, wants) };
            if !self.charge(&argument.span, separator.len() + part.len()) {
                return Node::broken(&argument.span);
            }
            if index > 0 {
                text.push_str(&separator);
            }
            text.push_str(part);
        }
        Node::text(&argument.span, self.localize(text))
    }

    fn split(&self, argument: &Node) -> Node {
        let wants = "`Fn::Split` wants a list: a separator, and a text";
        let Some([separator, text]) = argument.list() else { return self.wrong(argument, wants) };
        let (separator, text) = match (self.text(separator, wants), self.text(text, wants)) {
            (Ok(separator), Ok(text)) if !separator.is_empty() => (separator, text),
            (Err(broken), _) | (_, Err(broken)) => return broken,
            (Ok(_), Ok(_)) => return self.wrong(argument, "`Fn::Split` wants a separator that is not empty"),
        };
        let count = text.matches(&separator).count() + 1;
        if !self.charge(&argument.span, text.len() + count * size_of::<Node>()) {
            return Node::broken(&argument.span);
        }
        let parts = text.split(&separator).map(|part| Node::text(&argument.span, part)).collect();
        Node::new(argument.span.clone(), Data::List(parts))
    }

    fn select(&self, argument: &Node) -> Node {
        let wants = "`Fn::Select` wants a list: an index from 0, and a list";
        let Some([index, items]) = argument.list() else { return self.wrong(argument, wants) };
        let index = match self.text(index, wants).map(|text| text.parse::<usize>()) {
            Ok(Ok(index)) => index,
            Ok(Err(_)) => return self.wrong(index, wants),
            Err(broken) => return broken,
        };
        let Some(items) = self.evaluate(items) else { return self.wrong(items, wants) };
        let Some(list) = items.list() else { return self.wrong(&items, wants) };
        match list.get(index) {
            Some(item) => Node::new(argument.span.clone(), item.data.clone()),
            None => {
                let message = format!("there is no item {index} in a list of {}", list.len());
                self.wrong(argument, &message)
            }
        }
    }

    fn find_in_map(&self, argument: &Node) -> Node {
        let wants = "`Fn::FindInMap` wants a list: a mapping's name, a key, and a key in that";
        let Some([name, first, second]) = argument.list() else { return self.wrong(argument, wants) };
        let keys = [name, first, second].map(|node| self.text(node, wants));
        let [Ok(name), Ok(first), Ok(second)] = keys else { return Node::broken(&argument.span) };
        let Some((_, mapping)) = self.mappings.iter().find(|(key, _)| key.text == name) else {
            let message = format!("there is no mapping {name:?}");
            match did_you_mean(&name, self.mappings.iter().map(|(key, _)| key.text.as_str())) {
                Some(word) => {
                    let help = format!("did you mean `{word}`?");
                    self.report.problem_with_help(&argument.span, message, help);
                }
                None => self.report.problem(&argument.span, message),
            }
            return Node::broken(&argument.span);
        };
        let Some(inner) = mapping.get(&first) else {
            return self.wrong(argument, &format!("the mapping {name:?} has no key {first:?}"));
        };
        match inner.get(&second) {
            Some(value) if value.map().is_none() => match self.evaluate(value) {
                Some(value) => Node::new(argument.span.clone(), value.data),
                None => Node::broken(&argument.span),
            },
            Some(_) => self.wrong(argument, "a mapping's values are texts or lists"),
            None => self.wrong(argument, &format!("{first:?} in the mapping {name:?} has no key {second:?}")),
        }
    }

    fn base64(&self, argument: &Node) -> Node {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        match self.text(argument, "`Fn::Base64` wants a text") {
            Ok(text) => Node::text(&argument.span, STANDARD.encode(text)),
            Err(broken) => broken,
        }
    }
}
