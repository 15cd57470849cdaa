use serde_json::Value;

use super::{
    Pattern,
    compile::{Field, Tree},
    matching::{Fit, one_passes, verdict},
    number::Number,
    operators::Leaf,
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
        match &self.tree {
            Tree::Few(root) => self.attributes_fit(root, attribute),
            Tree::Many(root) => self.attributes_fit(root, attribute),
        }
    }

    fn attributes_fit<'a, const WORDS: usize>(
        &self,
        root: &Field<WORDS>,
        attribute: impl Fn(&str) -> Option<Attribute<'a>>,
    ) -> bool {
        let mut wanted = root.inside;
        for field in &root.below {
            let attribute = attribute(&self.names[field.name as usize]);
            // An attribute has nothing below it.
            wanted = wanted.but(field.inside);
            for (leaf, ways) in &field.leaves {
                if !wanted.and(*ways).is_empty() && !fits(&self.leaves[*leaf as usize], attribute) {
                    wanted = wanted.but(*ways);
                }
            }
        }
        !wanted.is_empty()
    }
}

fn fits(leaf: &Leaf, attribute: Option<Attribute<'_>>) -> bool {
    let found = match attribute {
        None => None,
        Some(Attribute::Text(text)) => Some(leaf.passes(Scalar::Text(text))),
        Some(Attribute::Number(text)) => {
            Some(leaf.passes(Number::parse(text.trim()).map_or(Scalar::Opaque, Scalar::Number)))
        }
        Some(Attribute::Array(items)) => one_passes(leaf, items),
        Some(Attribute::Binary) => Some(leaf.passes(Scalar::Opaque)),
    };
    verdict(leaf, found) != Fit::No
}
