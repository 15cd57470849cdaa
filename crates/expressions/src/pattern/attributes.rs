use serde_json::Value;

use super::{
    Pattern,
    matching::{Fit, one_passes, verdict},
    number::Number,
    values::Scalar,
};

/// A message's attribute as filter policies see it (SNS Developer Guide, "Message attribute data types and validation").
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// `String`.
    Text(&'a str),
    /// `Number`, as it was sent: operators on numbers look at it, those on text do not.
    Number(&'a str),
    /// `String.Array`, its JSON read; one element must match.
    Array(&'a [Value]),
    /// `Binary`: it is there, and no other test looks at it.
    Binary,
}

impl Pattern {
    /// Whether a message with these attributes is wanted by a filter policy that was read as
    /// [`Scope::Attributes`](super::Scope::Attributes).
    pub fn matches_attributes<'a>(&self, attribute: impl Fn(&str) -> Option<Attribute<'a>>) -> bool {
        self.rules.iter().any(|rule| {
            rule.below.iter().all(|field| {
                let Some(leaf) = field.leaf.and_then(|leaf| self.leaves.get(leaf as usize)) else {
                    return false;
                };
                let found = match attribute(&self.names[field.name as usize]) {
                    None => None,
                    Some(Attribute::Text(text)) => Some(leaf.passes(Scalar::Text(text))),
                    Some(Attribute::Number(text)) => {
                        Some(leaf.passes(Number::parse(text.trim()).map_or(Scalar::Opaque, Scalar::Number)))
                    }
                    Some(Attribute::Array(items)) => one_passes(leaf, items),
                    Some(Attribute::Binary) => Some(leaf.passes(Scalar::Opaque)),
                };
                verdict(leaf, found) != Fit::No
            })
        })
    }
}
