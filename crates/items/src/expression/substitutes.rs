use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::Reason;
use crate::Value;

/// What a request puts into its expressions: `ExpressionAttributeNames` and `ExpressionAttributeValues`. All expressions of
/// a request share them, and each must be used by one.
#[derive(Debug, Default)]
pub struct Substitutes {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    used: RefCell<BTreeSet<String>>,
}

impl Substitutes {
    /// By what stands in expressions: `#name` and `:value`.
    pub fn new(names: BTreeMap<String, String>, values: BTreeMap<String, Value>) -> Self {
        Self { names, values, used: RefCell::default() }
    }

    pub(super) fn name(&self, placeholder: &str) -> Result<String, Reason> {
        let name = self.names.get(placeholder).ok_or_else(|| Reason::NoName(placeholder.to_owned()))?;
        self.used.borrow_mut().insert(placeholder.to_owned());
        Ok(name.clone())
    }

    pub(super) fn value(&self, placeholder: &str) -> Result<Value, Reason> {
        let value = self.values.get(placeholder).ok_or_else(|| Reason::NoValue(placeholder.to_owned()))?;
        self.used.borrow_mut().insert(placeholder.to_owned());
        Ok(value.clone())
    }

    /// The names that no expression used, in the order of their placeholders.
    pub fn unused_names(&self) -> Vec<&str> {
        let used = self.used.borrow();
        self.names.keys().map(String::as_str).filter(|name| !used.contains(*name)).collect()
    }

    pub fn unused_values(&self) -> Vec<&str> {
        let used = self.used.borrow();
        self.values.keys().map(String::as_str).filter(|name| !used.contains(*name)).collect()
    }
}
