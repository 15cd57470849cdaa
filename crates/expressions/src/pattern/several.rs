//! Tests of which one must pass, however many they are.

use std::net::Ipv6Addr;

use super::{
    number::Number,
    operators::{Test, folded},
    values::Scalar,
};

/// A value is looked up among those of one kind, which are sorted, and not compared with each.
#[derive(Debug, Clone, Default)]
pub(super) struct Tests {
    pub(super) texts: Vec<Box<str>>,
    /// In lower case: what is equal but for its case.
    pub(super) folds: Vec<Box<str>>,
    /// An address is the same however it is written.
    pub(super) addresses: Vec<Ipv6Addr>,
    pub(super) numbers: Vec<Number>,
    /// None begins with another.
    pub(super) prefixes: Vec<Box<str>>,
    /// None ends with another. Sorted from their ends.
    pub(super) suffixes: Vec<Box<str>>,
    pub(super) others: Vec<Test>,
}

impl Tests {
    /// Makes it ready, once all are there.
    pub(super) fn settle(&mut self) {
        self.texts.sort_unstable();
        self.folds.sort_unstable();
        self.addresses.sort_unstable();
        self.numbers.sort_unstable_by(|one, other| one.double().total_cmp(&other.double()));
        self.prefixes.sort_unstable();
        self.prefixes.dedup_by(|later, earlier| later.starts_with(&**earlier));
        self.suffixes.sort_unstable_by(|one, other| one.bytes().rev().cmp(other.bytes().rev()));
        self.suffixes.dedup_by(|later, earlier| later.ends_with(&**earlier));
    }

    pub(super) fn one_passes(&self, value: Scalar<'_>) -> bool {
        let found = match value {
            Scalar::Text(text) => self.has_text(text),
            Scalar::Number(number) => self.has_number(number),
            Scalar::Null | Scalar::Bool(_) | Scalar::Opaque => false,
        };
        found || self.others.iter().any(|test| test.passes(value))
    }

    fn has_text(&self, text: &str) -> bool {
        let (texts, folds) = (&self.texts, &self.folds);
        texts.binary_search_by(|known| (**known).cmp(text)).is_ok()
            || folds.binary_search_by(|known| known.chars().cmp(folded(text))).is_ok()
            || (!self.addresses.is_empty()
                && text.parse().is_ok_and(|address| self.addresses.binary_search(&address).is_ok()))
            || self.has_prefix(text)
            || self.has_suffix(text)
    }

    /// What is before a text in their order is its prefix, or none is.
    fn has_prefix(&self, text: &str) -> bool {
        let behind = self.prefixes.partition_point(|prefix| **prefix <= *text);
        behind.checked_sub(1).is_some_and(|at| text.starts_with(&*self.prefixes[at]))
    }

    fn has_suffix(&self, text: &str) -> bool {
        let behind = self.suffixes.partition_point(|suffix| suffix.bytes().rev().le(text.bytes().rev()));
        behind.checked_sub(1).is_some_and(|at| text.ends_with(&*self.suffixes[at]))
    }

    fn has_number(&self, number: Number) -> bool {
        let double = number.double();
        let from = self.numbers.partition_point(|known| known.double() < double);
        // Whole numbers beyond a double's precision may share one.
        self.numbers[from..].iter().take_while(|known| known.double() <= double).any(|known| *known == number)
    }

    pub(super) fn wildcards(&self) -> usize {
        self.others.iter().map(Test::wildcards).sum()
    }
}
