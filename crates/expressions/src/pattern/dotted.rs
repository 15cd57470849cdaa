use serde_json::{Map, Value, map::Entry};

/// The event with its keys taken apart at their dots, `levels` deep: to patterns, `{"a.b": 1}` and `{"a": {"b": 1}}` are
/// the same (EventBridge User Guide, "Considerations when creating event patterns").
///
/// What lies deeper is left as it is, since no path leads there.
pub(super) fn nested(value: &Value, levels: usize) -> Value {
    match value {
        Value::Object(members) if levels > 0 => {
            let mut object = Map::new();
            for (key, value) in members {
                let names: Vec<&str> = key.splitn(levels + 1, '.').collect();
                insert(&mut object, &names, nested(value, levels.saturating_sub(names.len())));
            }
            Value::Object(object)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| nested(item, levels)).collect()),
        value => value.clone(),
    }
}

fn insert(object: &mut Map<String, Value>, names: &[&str], value: Value) {
    let Some((name, rest)) = names.split_first() else {
        return;
    };
    let value = rest
        .iter()
        .rev()
        .fold(value, |value, name| Value::Object(Map::from_iter([((*name).to_owned(), value)])));
    match object.entry(*name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(mut entry) => merge(entry.get_mut(), value),
    }
}

/// Both are kept: objects as one, others side by side in one array.
fn merge(one: &mut Value, other: Value) {
    match (&mut *one, other) {
        (Value::Object(members), Value::Object(others)) => {
            for (name, value) in others {
                match members.entry(name) {
                    Entry::Vacant(entry) => {
                        entry.insert(value);
                    }
                    Entry::Occupied(mut entry) => merge(entry.get_mut(), value),
                }
            }
        }
        (Value::Array(items), other) => items.push(other),
        (_, other) => {
            let first = one.take();
            *one = Value::Array(vec![first, other]);
        }
    }
}
