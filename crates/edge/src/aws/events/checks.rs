//! Constraints of the input's members, told all at once as AWS does.

use std::ops::RangeInclusive;

use sonagi_model::limits;

use super::error::Fault;

/// Letters that a text may have, and how AWS writes that.
pub(super) struct Letters {
    allows: fn(u8) -> bool,
    written: &'static str,
}

pub(super) const NAME: Letters = Letters {
    allows: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'),
    written: "[\\.\\-_A-Za-z0-9]+",
};
pub(super) const BUS_NAME: Letters = Letters {
    allows: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_'),
    written: "[/\\.\\-_A-Za-z0-9]+",
};
pub(super) const STATEMENT: Letters = Letters {
    allows: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
    written: "[a-zA-Z0-9-_]+",
};

/// Characters of a value that an error repeats.
const SHOWN: usize = 256;

/// What is wrong with an input.
#[derive(Default)]
pub(super) struct Checks(Vec<String>);

impl Checks {
    fn fail(&mut self, value: &str, at: &str, constraint: &str) {
        self.0.push(format!("{value} at '{at}' failed to satisfy constraint: {constraint}"));
    }

    pub(super) fn there(&mut self, at: &str, is_there: bool) {
        if !is_there {
            self.fail("Value null", at, "Member must not be null");
        }
    }

    pub(super) fn length(&mut self, at: &str, value: Option<&str>, lengths: RangeInclusive<usize>) {
        let Some(value) = value else { return };
        let length = value.chars().count();
        let shown = shown(value);
        if length < *lengths.start() {
            let constraint = format!("Member must have length greater than or equal to {}", lengths.start());
            self.fail(&shown, at, &constraint);
        }
        if length > *lengths.end() {
            let constraint = format!("Member must have length less than or equal to {}", lengths.end());
            self.fail(&shown, at, &constraint);
        }
    }

    pub(super) fn letters(&mut self, at: &str, value: Option<&str>, letters: &Letters) {
        if let Some(value) = value.filter(|value| value.is_empty() || !value.bytes().all(letters.allows)) {
            let constraint = format!("Member must satisfy regular expression pattern: {}", letters.written);
            self.fail(&shown(value), at, &constraint);
        }
    }

    /// A name that must be there.
    pub(super) fn name(&mut self, at: &str, value: Option<&str>, most: usize) {
        self.there(at, value.is_some());
        self.optional_name(at, value, most);
    }

    pub(super) fn optional_name(&mut self, at: &str, value: Option<&str>, most: usize) {
        self.length(at, value, 1..=most);
        self.letters(at, value, &NAME);
    }

    pub(super) fn description(&mut self, value: Option<&str>) {
        self.length("description", value, 0..=limits::BUS_DESCRIPTION_SIZE);
    }

    pub(super) fn count(&mut self, at: &str, count: usize, counts: RangeInclusive<usize>) {
        if count < *counts.start() {
            let constraint = format!("Member must have length greater than or equal to {}", counts.start());
            self.fail("Value", at, &constraint);
        }
        if count > *counts.end() {
            let constraint = format!("Member must have length less than or equal to {}", counts.end());
            self.fail("Value", at, &constraint);
        }
    }

    pub(super) fn range(&mut self, at: &str, value: Option<i64>, range: RangeInclusive<i64>) {
        let Some(value) = value else { return };
        let shown = format!("Value '{value}'");
        if value < *range.start() {
            let constraint = format!("Member must have value greater than or equal to {}", range.start());
            self.fail(&shown, at, &constraint);
        }
        if value > *range.end() {
            let constraint = format!("Member must have value less than or equal to {}", range.end());
            self.fail(&shown, at, &constraint);
        }
    }

    pub(super) fn one_of(&mut self, at: &str, value: Option<&str>, values: &[&str]) {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let constraint = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.fail(&shown(value), at, &constraint);
        }
    }

    pub(super) fn done(self) -> Result<(), Fault> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Fault::validation(format!("1 validation error detected: {}", self.0[0]))),
            count => {
                Err(Fault::validation(format!("{count} validation errors detected: {}", self.0.join("; "))))
            }
        }
    }
}

fn shown(value: &str) -> String {
    format!("Value '{}'", value.chars().take(SHOWN).collect::<String>())
}
