use std::borrow::Cow;

use serde_json::{Map, Value};
use sonagi_model::{Timestamp, limits};

use super::{
    TransformError, Transformer,
    template::{Part, Place, Source},
};

/// What the predefined variables tell of the rule and of the event's arrival.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    pub ingestion_time: Timestamp,
}

impl Transformer {
    /// The text for the target: at most [`TRANSFORMED_SIZE`](limits::TRANSFORMED_SIZE) bytes.
    ///
    /// A variable that stands for a value is written as JSON; one in a string is written into it, objects and arrays
    /// without their quotes. One whose path leads nowhere is an empty string. What is written into a string is escaped
    /// where it must be, so that no event can break the JSON.
    pub fn render(&self, event: &Value, occasion: Occasion<'_>) -> Result<String, TransformError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable { source, place } => {
                    let value = source.value(event, occasion);
                    match (value, place) {
                        (Some(value), Place::Value) => text.push_str(&value.to_string()),
                        (None, Place::Value) => text.push_str("\"\""),
                        (Some(value), Place::Text) => write_inside(&mut text, &value),
                        (None, Place::Text) => {}
                    }
                }
            }
            if text.len() > limits::TRANSFORMED_SIZE {
                return Err(TransformError::TooLarge);
            }
        }
        Ok(text)
    }
}

impl Source {
    fn value<'a>(&self, event: &'a Value, occasion: Occasion<'_>) -> Option<Cow<'a, Value>> {
        let text = |text: &str| Some(Cow::Owned(Value::String(text.to_owned())));
        match self {
            Self::Path(path) => path.select(event),
            Self::RuleArn => text(occasion.rule_arn),
            Self::RuleName => text(occasion.rule_name),
            Self::IngestionTime => {
                // Events' times have no fractions of a second.
                let time = occasion.ingestion_time.to_string();
                text(&format!("{}Z", time.split('.').next().unwrap_or_default()))
            }
            Self::Event => Some(Cow::Owned(without_detail(event))),
            Self::EventJson => Some(Cow::Borrowed(event)),
        }
    }
}

/// EventBridge calls `detail-type` here `detailType`.
fn without_detail(event: &Value) -> Value {
    let members = event.as_object().into_iter().flatten().filter(|(name, _)| *name != "detail");
    let named = members.map(|(name, value)| {
        let name = if name == "detail-type" { "detailType" } else { name };
        (name.to_owned(), value.clone())
    });
    Value::Object(Map::from_iter(named))
}

/// A value as part of a JSON string.
fn write_inside(text: &mut String, value: &Value) {
    match value {
        Value::String(inside) => write_escaped(text, inside),
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::Array(_) | Value::Object(_) => write_unquoted(text, value),
    }
}

fn write_escaped(text: &mut String, inside: &str) {
    let quoted = Value::from(inside).to_string();
    text.push_str(&quoted[1..quoted.len() - 1]);
}

/// EventBridge "removes any internal quotes to ensure a valid string".
fn write_unquoted(text: &mut String, value: &Value) {
    let write_text = |text: &mut String, inside: &str| write_escaped(text, &inside.replace('"', ""));
    match value {
        Value::String(inside) => write_text(text, inside),
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_unquoted(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_text(text, name);
                text.push(':');
                write_unquoted(text, value);
            }
            text.push('}');
        }
    }
}
