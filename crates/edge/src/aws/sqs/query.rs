//! From a form's pairs to the input that JSON would have had (Smithy, "AWS query protocol", with SQS's flattened lists
//! and maps): `Attribute.1.Name=DelaySeconds&Attribute.1.Value=5` is `{"Attributes": {"DelaySeconds": "5"}}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::Fault;
use crate::aws::query::Query;

/// Dots in a key that mean something; no input nests deeper.
const DEPTH: usize = 8;

/// What of one part of the key is below another.
#[derive(Default)]
struct Node {
    value: Option<String>,
    below: BTreeMap<String, Node>,
}

/// What a member is.
enum Shape {
    Text,
    Number,
    List,
    /// What its keys and its values are called.
    Map(&'static str, &'static str),
    /// Of structures.
    Structures,
}

/// A member's name in JSON, by its name in forms.
fn member(name: &str) -> (&str, Shape) {
    match name {
        "Attribute" | "Attributes" => ("Attributes", Shape::Map("Name", "Value")),
        "Tag" | "Tags" | "tags" => ("Tags", Shape::Map("Key", "Value")),
        "MessageAttribute" | "MessageAttributes" => ("MessageAttributes", Shape::Map("Name", "Value")),
        "MessageSystemAttribute" | "MessageSystemAttributes" => {
            ("MessageSystemAttributes", Shape::Map("Name", "Value"))
        }
        "AttributeName" | "AttributeNames" => ("AttributeNames", Shape::List),
        "MessageAttributeName" | "MessageAttributeNames" => ("MessageAttributeNames", Shape::List),
        "MessageSystemAttributeName" | "MessageSystemAttributeNames" => {
            ("MessageSystemAttributeNames", Shape::List)
        }
        "AWSAccountId" | "AWSAccountIds" => ("AWSAccountIds", Shape::List),
        "ActionName" | "Actions" => ("Actions", Shape::List),
        "TagKey" | "TagKeys" => ("TagKeys", Shape::List),
        "StringListValue" => ("StringListValues", Shape::List),
        "BinaryListValue" => ("BinaryListValues", Shape::List),
        "SendMessageBatchRequestEntry"
        | "DeleteMessageBatchRequestEntry"
        | "ChangeMessageVisibilityBatchRequestEntry"
        | "Entries" => ("Entries", Shape::Structures),
        "DelaySeconds"
        | "VisibilityTimeout"
        | "WaitTimeSeconds"
        | "MaxNumberOfMessages"
        | "MaxResults"
        | "MaxNumberOfMessagesPerSecond" => (name, Shape::Number),
        _ => (name, Shape::Text),
    }
}

/// The input of the operation that a form asks for.
pub(super) fn read(form: &Query) -> Result<Value, Fault> {
    let mut root = Node::default();
    for (key, value) in form.pairs() {
        let mut node = &mut root;
        for part in key.splitn(DEPTH, '.') {
            node = node.below.entry(part.to_owned()).or_default();
        }
        node.value.get_or_insert_with(|| value.to_owned());
    }
    structure(root)
}

fn structure(node: Node) -> Result<Value, Fault> {
    let mut object = Map::new();
    for (name, node) in node.below {
        let (json, shape) = member(&name);
        let value = match shape {
            Shape::Text => match node.value {
                Some(text) => Value::String(text),
                None => continue,
            },
            Shape::Number => match node.value {
                Some(text) => Value::Number(number(json, &text)?.into()),
                None => continue,
            },
            Shape::List => Value::Array(
                items(node).into_iter().filter_map(|item| item.value.map(Value::String)).collect(),
            ),
            Shape::Map(key, value) => map(node, key, value)?,
            Shape::Structures => {
                Value::Array(items(node).into_iter().map(structure).collect::<Result<_, _>>()?)
            }
        };
        object.insert(json.to_owned(), value);
    }
    Ok(Value::Object(object))
}

fn map(node: Node, key: &str, value: &str) -> Result<Value, Fault> {
    let mut object = Map::new();
    for mut item in items(node) {
        let name = item.below.remove(key).and_then(|name| name.value).unwrap_or_default();
        let value = match item.below.remove(value) {
            Some(value) if !value.below.is_empty() => structure(value)?,
            Some(Node { value: Some(text), .. }) => Value::String(text),
            Some(_) | None => Value::String(String::new()),
        };
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

/// The items of a list in their order: `X.1`, `X.2`, or, as some write them, `X.member.1`; or `X` alone, which botocore
/// writes without a value for an empty list.
fn items(mut node: Node) -> Vec<Node> {
    for word in ["member", "entry"] {
        if let Some(below) = node.below.remove(word) {
            return items(below);
        }
    }
    let mut items: Vec<(u32, Node)> = Vec::new();
    let value = node.value.filter(|value| !value.is_empty());
    let mut alone = Node { value, below: BTreeMap::new() };
    for (part, item) in node.below {
        match part.parse() {
            Ok(index) => items.push((index, item)),
            Err(_) => drop(alone.below.insert(part, item)),
        }
    }
    if alone.value.is_some() || !alone.below.is_empty() {
        items.push((0, alone));
    }
    items.sort_by_key(|(index, _)| *index);
    items.into_iter().map(|(_, item)| item).collect()
}

fn number(name: &str, text: &str) -> Result<i64, Fault> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(64).collect();
        Fault::parameter(format!("Value {text} for parameter {name} is invalid. Reason: Must be an integer."))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(form: &str) -> Value {
        super::read(&Query::parse(form)).unwrap()
    }

    #[test]
    fn a_form_is_what_json_would_be() {
        assert_eq!(
            read(
                "QueueUrl=http%3A%2F%2Fh%2F0%2Fq&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.10.Id=c\
                 &SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.DelaySeconds=5\
                 &SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=my.name\
                 &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String\
                 &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v+w"
            ),
            json!({
                "QueueUrl": "http://h/0/q",
                "Entries": [
                    {
                        "Id": "a",
                        "DelaySeconds": 5,
                        "MessageAttributes": { "my.name": { "DataType": "String", "StringValue": "v w" } },
                    },
                    { "Id": "b" },
                    { "Id": "c" },
                ],
            })
        );
        assert_eq!(
            read("Attribute.1.Name=Policy&Attribute.1.Value=&Tag.1.Key=k&Tag.1.Value=v&AttributeName=All"),
            json!({ "Attributes": { "Policy": "" }, "Tags": { "k": "v" }, "AttributeNames": ["All"] })
        );
        assert_eq!(
            read("Attribute.Name=DelaySeconds&Attribute.Value=5&TagKeys.member.2=b&TagKeys.member.1=a"),
            json!({ "Attributes": { "DelaySeconds": "5" }, "TagKeys": ["a", "b"] })
        );
        assert_eq!(
            read("SendMessageBatchRequestEntry=&AttributeName=&TagKey.1="),
            json!({ "AttributeNames": [], "Entries": [], "TagKeys": [""] })
        );
        assert!(super::read(&Query::parse("MaxNumberOfMessages=ten")).is_err());
    }

    proptest! {
        #[test]
        fn no_form_breaks_it(form in "([A-Z]{0,1}[a-z.0-9]{0,12}|Attribute|Tag|Entries|\\.1|\\.Name|=|&){0,24}") {
            drop(super::read(&Query::parse(&form)));
        }

        #[test]
        fn no_depth_breaks_it(depth in 0..20_000_usize) {
            drop(super::read(&Query::parse(&"Entries.1.".repeat(depth))));
        }
    }
}
