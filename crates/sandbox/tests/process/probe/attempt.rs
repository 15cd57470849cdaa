//! What was tried, and what came of it.

use std::{collections::BTreeSet, fmt::Display, io};

use serde_json::{Map, Value, json};

use crate::sys;

/// Why something did not work: an error's name, or a word of our own in lower case (`nothing` was there to attack,
/// it went `unchanged`).
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(crate) String);

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Self(sys::name_of(number)),
            None => Self(format!("{:?}", error.kind())),
        }
    }
}

impl From<&str> for Refusal {
    fn from(word: &str) -> Self {
        Self(word.to_owned())
    }
}

/// How one way went: what was got, or why not.
pub(crate) type Tried = Result<String, Refusal>;

/// An attempt's name, and what makes it.
pub(crate) type Named = (&'static str, fn(&mut Attempt<'_>));

pub(crate) struct Attempt<'a> {
    pub(crate) event: &'a Value,
    ways: Map<String, Value>,
    done: bool,
    errors: BTreeSet<String>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(event: &'a Value) -> Self {
        Self { event, ways: Map::new(), done: false, errors: BTreeSet::new() }
    }

    pub(crate) fn way(&mut self, name: impl Display, tried: Tried) {
        let said = match tried {
            Ok(got) => {
                self.done = true;
                let got: String = got.chars().take(200).collect();
                format!("done: {got}")
            }
            Err(Refusal(error)) => {
                self.errors.insert(error.clone());
                error
            }
        };
        self.ways.insert(name.to_string(), said.into());
    }

    /// A system call that must not work.
    pub(crate) fn call<const N: usize>(
        &mut self,
        name: impl Display,
        number: libc::c_long,
        arguments: [usize; N],
    ) {
        self.way(name, sys::call(number, arguments).map(|result| result.to_string()));
    }

    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.event[name].as_str().unwrap_or_default()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<&'a str> {
        self.event[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<u64> {
        self.event[name].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    pub(crate) fn answer(mut self, name: &str) -> Value {
        if self.ways.is_empty() {
            self.errors.insert("nothing".into());
        }
        let outcome = if self.done { "done" } else { "refused" };
        json!({ "attempt": name, "outcome": outcome, "errors": self.errors, "ways": self.ways })
    }
}
