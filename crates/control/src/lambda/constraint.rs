//! Lambda's answer to values outside its model: `ValidationException`.

use crate::Error;

/// One violated rule; `value` is none for a value that was not given.
pub(crate) fn violated(field: &str, value: Option<&str>, rule: &str) -> Error {
    let mut found = Violations::default();
    found.add(field, value, rule);
    found.error()
}

/// Rules that a request violates: all of them are said at once.
#[derive(Default)]
pub(crate) struct Violations {
    found: Vec<String>,
}

impl Violations {
    pub(crate) fn add(&mut self, field: &str, value: Option<&str>, rule: &str) {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        self.found.push(format!("Value {value} at '{field}' failed to satisfy constraint: {rule}"));
    }

    pub(crate) fn range(&mut self, field: &str, value: i64, least: u32, most: u32) {
        let text = value.to_string();
        if value < i64::from(least) {
            self.add(field, Some(&text), &format!("Member must have value greater than or equal to {least}"));
        } else if value > i64::from(most) {
            self.add(field, Some(&text), &format!("Member must have value less than or equal to {most}"));
        }
    }

    pub(crate) fn longest(&mut self, field: &str, value: &str, most: usize) {
        if value.chars().count() > most {
            self.add(field, Some(value), &format!("Member must have length less than or equal to {most}"));
        }
    }

    pub(crate) fn most(&mut self, field: &str, values: &[String], most: usize) {
        if values.len() > most {
            let shown = format!("[{}]", values.join(", "));
            self.add(field, Some(&shown), &format!("Member must have length less than or equal to {most}"));
        }
    }

    pub(crate) fn pattern(&mut self, field: &str, value: &str, fits: bool, pattern: &str) {
        if !fits {
            self.add(
                field,
                Some(value),
                &format!("Member must satisfy regular expression pattern: {pattern}"),
            );
        }
    }

    pub(crate) fn one_of(&mut self, field: &str, value: &str, values: &[&str]) {
        if !values.contains(&value) {
            self.add(
                field,
                Some(value),
                &format!("Member must satisfy enum value set: [{}]", values.join(", ")),
            );
        }
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        if self.found.is_empty() { Ok(()) } else { Err(self.error()) }
    }

    fn error(self) -> Error {
        let (count, plural) = (self.found.len(), if self.found.len() == 1 { "" } else { "s" });
        Error::Constraint(format!("{count} validation error{plural} detected: {}", self.found.join("; ")))
    }
}
