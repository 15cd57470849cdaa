//! Tree and event side by side.

use std::cell::Cell;

use serde_json::Value;

use super::{Pattern, compile::Field, dotted, operators::Leaf, values::Scalar};

/// How a part of a pattern is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    No,
    /// By what is not there.
    Absence,
    /// By a value, among others.
    Value,
}

impl Fit {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Value, _) | (_, Self::Value) => Self::Value,
            (Self::Absence, Self::Absence) => Self::Absence,
        }
    }

    fn absent(allowed: bool) -> Self {
        if allowed { Self::Absence } else { Self::No }
    }
}

impl Pattern {
    /// Whether an event, a record or a message's body is wanted; what is no object is wanted by an empty filter policy only.
    ///
    /// Every field must be kept, and is by one of its values. An array in the event is kept by one of its elements; fields
    /// below the same array must be kept by the same one (`aws/event-ruler`, "JSON Array Matching"). A field exists if
    /// there is a value at it that is neither an object nor an empty array (EventBridge User Guide, "Exists matching":
    /// only on leaf nodes); below an array it is looked for in the element that the other fields chose, or in all.
    pub fn matches(&self, event: &Value) -> bool {
        if !event.is_object() {
            // An empty filter policy asks for nothing.
            return self.depth == 0;
        }
        let walk = Walk { pattern: self, dotted: Cell::new(false) };
        let matched = walk.any(event);
        if !walk.dotted.get() {
            return matched;
        }
        walk.dotted.set(false);
        walk.any(&dotted::nested(event, self.depth))
    }
}

struct Walk<'a> {
    pattern: &'a Pattern,
    /// A key with a dot was met: it may name what lies deeper.
    dotted: Cell<bool>,
}

impl Walk<'_> {
    fn any(&self, event: &Value) -> bool {
        self.pattern.rules.iter().any(|rule| self.below(rule, Some(event)) != Fit::No)
    }

    fn field(&self, field: &Field, value: Option<&Value>) -> Fit {
        let own = match field.leaf {
            None => Fit::Absence,
            Some(leaf) => leaf_fit(&self.pattern.leaves[leaf as usize], value),
        };
        if own == Fit::No || field.below.is_empty() { own } else { own.and(self.below(field, value)) }
    }

    fn below(&self, field: &Field, value: Option<&Value>) -> Fit {
        match value {
            Some(Value::Object(members)) => {
                if field.deep && !self.dotted.get() && members.keys().any(|key| key.contains('.')) {
                    self.dotted.set(true);
                }
                let mut fit = Fit::Absence;
                for below in &field.below {
                    fit = fit.and(self.field(below, members.get(&*self.pattern.names[below.name as usize])));
                    if fit == Fit::No {
                        return Fit::No;
                    }
                }
                fit
            }
            Some(Value::Array(items)) => {
                let mut fit = Fit::absent(field.open);
                for item in items {
                    match self.below(field, Some(item)) {
                        Fit::Value => return Fit::Value,
                        Fit::No => fit = Fit::No,
                        Fit::Absence => {}
                    }
                }
                fit
            }
            Some(_) | None => Fit::absent(field.open),
        }
    }
}

fn leaf_fit(leaf: &Leaf, value: Option<&Value>) -> Fit {
    let found = match value {
        None => None,
        Some(Value::Array(items)) => one_passes(leaf, items),
        Some(value) => Scalar::of(value).map(|scalar| leaf.passes(scalar)),
    };
    verdict(leaf, found)
}

/// From whether there were values, and whether one passed.
pub(super) fn verdict(leaf: &Leaf, found: Option<bool>) -> Fit {
    match found {
        Some(true) => Fit::Value,
        Some(false) => Fit::No,
        None => Fit::absent(leaf.absent),
    }
}

/// None if there is no value in it, however deep its arrays.
pub(super) fn one_passes(leaf: &Leaf, items: &[Value]) -> Option<bool> {
    let mut found = None;
    for item in items {
        let passes = match item {
            Value::Array(items) => one_passes(leaf, items),
            item => Scalar::of(item).map(|scalar| leaf.passes(scalar)),
        };
        match passes {
            Some(true) => return Some(true),
            Some(false) => found = Some(false),
            None => {}
        }
    }
    found
}
