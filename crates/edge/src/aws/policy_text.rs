//! The text of a policy, as operations that add and remove single statements edit it.

use serde_json::{Map, Value};

pub(super) fn read(policy: Option<&str>) -> Option<Map<String, Value>> {
    serde_json::from_str(policy?).ok()
}

/// The statements of a policy, of which a single one may stand without a list.
pub(super) fn statements(policy: &mut Map<String, Value>) -> Vec<Value> {
    match policy.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(single @ Value::Object(_)) => vec![single],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Vec::new(),
    }
}

/// A policy has a single value without a list.
pub(super) fn one_or_all(values: impl Iterator<Item = String>) -> Value {
    let mut values: Vec<Value> = values.map(Value::String).collect();
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}
