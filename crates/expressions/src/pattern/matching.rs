//! Tree and event side by side, for all ways through the `$or`s at once.

use std::cell::Cell;

use serde_json::Value;

use super::{
    Pattern,
    compile::{Field, Tree},
    dotted,
    operators::Leaf,
    values::Scalar,
    ways::Ways,
};

/// How a part of a pattern is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    No,
    /// By what is not there.
    Absence,
    /// By a value, among others.
    Value,
}

/// The same of each way, when all its parts must be kept. Those that are in neither are kept by what is not there, so far.
#[derive(Default, Clone, Copy)]
struct Fits<const WORDS: usize> {
    no: Ways<WORDS>,
    /// None of these is in `no`.
    value: Ways<WORDS>,
}

impl<const WORDS: usize> Fits<WORDS> {
    /// One more part, which so many ways have.
    fn add(&mut self, ways: Ways<WORDS>, fit: Fit) {
        match fit {
            Fit::No => {
                self.no = self.no.or(ways);
                self.value = self.value.but(ways);
            }
            Fit::Value => self.value = self.value.or(ways.but(self.no)),
            // The usual case where there is much to look at: it costs nothing.
            Fit::Absence => {}
        }
    }

    fn and(&mut self, other: Self) {
        self.add(other.no, Fit::No);
        self.add(other.value, Fit::Value);
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
        match &self.tree {
            Tree::Few(root) => self.walk(root, event),
            Tree::Many(root) => self.walk(root, event),
        }
    }

    fn walk<const WORDS: usize>(&self, root: &Field<WORDS>, event: &Value) -> bool {
        if !event.is_object() {
            // An empty filter policy asks for nothing.
            return self.depth == 0 && !root.inside.is_empty();
        }
        let walk = Walk { pattern: self, dotted: Cell::new(false) };
        let matched = walk.any(root, event);
        if !walk.dotted.get() {
            return matched;
        }
        walk.any(root, &dotted::nested(event, self.depth))
    }
}

struct Walk<'a> {
    pattern: &'a Pattern,
    /// A key with a dot was met: it may name what lies deeper.
    dotted: Cell<bool>,
}

impl Walk<'_> {
    fn any<const WORDS: usize>(&self, root: &Field<WORDS>, event: &Value) -> bool {
        !root.inside.but(self.below(root, Some(event), root.inside).no).is_empty()
    }

    fn field<const WORDS: usize>(
        &self,
        field: &Field<WORDS>,
        value: Option<&Value>,
        wanted: Ways<WORDS>,
        fits: &mut Fits<WORDS>,
    ) {
        for (leaf, ways) in &field.leaves {
            let ways = ways.and(wanted);
            if !ways.is_empty() {
                fits.add(ways, leaf_fit(&self.pattern.leaves[*leaf as usize], value));
            }
        }
        if !field.below.is_empty() {
            let inside = field.inside.and(wanted).but(fits.no);
            if !inside.is_empty() {
                fits.and(self.below(field, value, inside));
            }
        }
    }

    /// All of `wanted` have something below the field.
    fn below<const WORDS: usize>(
        &self,
        field: &Field<WORDS>,
        value: Option<&Value>,
        wanted: Ways<WORDS>,
    ) -> Fits<WORDS> {
        match value {
            Some(Value::Object(members)) => {
                if field.deep && !self.dotted.get() && members.keys().any(|key| key.contains('.')) {
                    self.dotted.set(true);
                }
                let mut fits = Fits::default();
                for below in &field.below {
                    let wanted = wanted.but(fits.no);
                    if wanted.is_empty() {
                        break;
                    }
                    let member = members.get(&*self.pattern.names[below.name as usize]);
                    self.field(below, member, wanted, &mut fits);
                }
                fits
            }
            Some(Value::Array(items)) => {
                let (mut no, mut value) = (wanted.but(field.open), Ways::default());
                for item in items {
                    // What one element keeps is kept, whatever the others are.
                    let wanted = wanted.but(value);
                    if wanted.is_empty() {
                        break;
                    }
                    let fits = self.below(field, Some(item), wanted);
                    no = no.or(fits.no);
                    value = value.or(fits.value);
                }
                Fits { no: no.but(value), value }
            }
            Some(_) | None => Fits { no: wanted.but(field.open), value: Ways::default() },
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
        None if leaf.absent => Fit::Absence,
        None => Fit::No,
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
