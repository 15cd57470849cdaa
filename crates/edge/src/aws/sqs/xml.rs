//! Answers of the query protocol.

use serde_json::Value;
use sonagi_model::RequestId;

use super::operation::Operation;
use crate::aws::error::xml as escape;

const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// An answer with the members of `output`.
pub(super) fn write(operation: Operation, output: &Value, request: RequestId) -> String {
    let name = operation.name();
    let mut text = begin(name);
    text.push_str(&format!("<{name}Result>"));
    structure(operation, output, &mut text);
    text.push_str(&format!("</{name}Result>"));
    end(name, text, request)
}

/// The answer of an operation that has no output.
pub(super) fn write_nothing(operation: Operation, request: RequestId) -> String {
    end(operation.name(), begin(operation.name()), request)
}

pub(super) fn write_error(side: &str, code: &str, message: &str, request: RequestId) -> String {
    format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{side}</Type><Code>{code}</Code>\
         <Message>{}</Message><Detail/></Error><RequestId>{request}</RequestId></ErrorResponse>",
        escape(message)
    )
}

fn begin(name: &str) -> String {
    format!("<?xml version=\"1.0\"?><{name}Response xmlns=\"{NAMESPACE}\">")
}

fn end(name: &str, mut text: String, request: RequestId) -> String {
    text.push_str(&format!(
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{name}Response>"
    ));
    text
}

fn structure(operation: Operation, value: &Value, text: &mut String) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("Attributes", Value::Object(_)) => map("Attribute", "Name", operation, value, text),
            ("MessageAttributes", Value::Object(_)) => {
                map("MessageAttribute", "Name", operation, value, text);
            }
            ("Tags", Value::Object(_)) => map("Tag", "Key", operation, value, text),
            (name, Value::Array(items)) => {
                let item_name = item(operation, name);
                for item in items {
                    element(operation, &item_name, item, text);
                }
            }
            (name, value) => element(operation, name, value, text),
        }
    }
}

/// What the items of a list are called; none of SQS's lists is wrapped.
fn item(operation: Operation, list: &str) -> String {
    match list {
        "Messages" => "Message".into(),
        "QueueUrls" | "queueUrls" => "QueueUrl".into(),
        "Successful" => format!("{}ResultEntry", operation.name()),
        "Failed" => "BatchResultErrorEntry".into(),
        "Results" => "ListMessageMoveTasksResultEntry".into(),
        other => other.into(),
    }
}

fn map(name: &str, key: &str, operation: Operation, value: &Value, text: &mut String) {
    for (at, value) in value.as_object().into_iter().flatten() {
        text.push_str(&format!("<{name}><{key}>{}</{key}>", escape(at)));
        element(operation, "Value", value, text);
        text.push_str(&format!("</{name}>"));
    }
}

fn element(operation: Operation, name: &str, value: &Value, text: &mut String) {
    text.push_str(&format!("<{name}>"));
    match value {
        Value::Object(_) => structure(operation, value, text),
        Value::String(value) => text.push_str(&escape(value)),
        Value::Number(_) | Value::Bool(_) => text.push_str(&value.to_string()),
        // No list is in a list, and no output has a null.
        Value::Array(_) | Value::Null => {}
    }
    text.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_maps_are_flat() {
        let output = json!({
            "Successful": [{ "Id": "a" }, { "Id": "b" }],
            "Messages": [{
                "Body": "<1 & 2>\n",
                "MessageAttributes": { "n": { "DataType": "String", "StringValue": "v" } },
                "Attributes": { "SenderId": "me" },
            }],
            "Number": 7,
        });
        let mut text = String::new();
        structure(Operation::SendMessageBatch, &output, &mut text);
        assert_eq!(
            text,
            "<SendMessageBatchResultEntry><Id>a</Id></SendMessageBatchResultEntry><SendMessageBatchResultEntry>\
             <Id>b</Id></SendMessageBatchResultEntry><Message><Body>&lt;1 &amp; 2&gt;&#10;</Body><MessageAttribute>\
             <Name>n</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value></MessageAttribute>\
             <Attribute><Name>SenderId</Name><Value>me</Value></Attribute></Message><Number>7</Number>"
        );
    }
}
