//! `Fn::Sub`: a text with `${Name}`, `${Resource.Attribute}`, `${Own}` and `${!Literal}` in it.

use std::collections::BTreeMap;

use super::{super::tree::Node, template::Template};

impl Template<'_> {
    pub(super) fn substitute(&self, argument: &Node) -> Node {
        let wants = "`Fn::Sub` wants a text, or a list of a text and a map of its variables";
        let (text, own) = match argument.list() {
            Some([text, own]) => {
                let Some(entries) = own.map() else { return self.wrong(own, wants) };
                let mut values = BTreeMap::new();
                for (key, value) in entries {
                    match self.text(value, "a variable of `Fn::Sub` must be a text") {
                        Ok(text) => values.insert(key.text.as_str(), text),
                        Err(broken) => return broken,
                    };
                }
                (text, values)
            }
            Some(_) => return self.wrong(argument, wants),
            None => (argument, BTreeMap::new()),
        };
        let Some(template) = text.scalar() else { return self.wrong(text, wants) };
        let span = &text.span;
        let mut result = String::new();
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            result.push_str(before);
            let Some(end) = after.find('}') else {
                // Without its end it is plain text.
                result.push_str(&rest[start..]);
                rest = "";
                break;
            };
            let name = &after[..end];
            rest = &after[end + 1..];
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str("${");
                result.push_str(literal);
                result.push('}');
                continue;
            }
            let name = name.trim();
            let value = match own.get(name) {
                Some(value) => value.clone(),
                None => {
                    let value = match name.split_once('.') {
                        Some((resource, attribute)) => self.attribute(resource, attribute, span),
                        None => self.reference(name, span),
                    };
                    match value.scalar() {
                        Some(text) => text.to_owned(),
                        None if value.is_broken() => return value,
                        None => {
                            return self.wrong(text, &format!("`${{{name}}}` is {}, not text", value.kind()));
                        }
                    }
                }
            };
            if !self.charge(span, value.len()) {
                return Node::broken(span);
            }
            result.push_str(&value);
        }
        result.push_str(rest);
        Node::text(span, self.localize(result))
    }
}
