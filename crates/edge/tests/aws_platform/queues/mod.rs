//! SQS in both of its protocols. What is asked is written once, as JSON; [`form`] says it as older clients do.

mod batches;
mod doors;
mod errors;
mod fifo;
mod forms;
mod lifecycle;
mod messages;
mod moving;
mod permissions;
mod waiting;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::world::{Ask, Reply, World};

pub(crate) const ACCOUNT: &str = "000000000000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Json,
    Query,
}

const BOTH: [Wire; 2] = [Wire::Json, Wire::Query];

fn url(name: &str) -> String {
    format!("http://localhost:4566/{ACCOUNT}/{name}")
}

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn operations() -> impl Iterator<Item = &'static str> {
    include_str!("../../data/sqs_operations.txt").lines()
}

/// A request, as yet unsigned.
fn ask<'a>(world: &'a World, wire: Wire, operation: &str, input: &Value) -> Ask<'a> {
    let asked = world.ask("POST", "/").service("sqs");
    match wire {
        Wire::Json => asked
            .header("x-amz-target", &format!("AmazonSQS.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .json(input),
        Wire::Query => asked
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(form(operation, input)),
    }
}

async fn call(world: &World, wire: Wire, operation: &str, input: &Value) -> Reply {
    ask(world, wire, operation, input).signed().send().await
}

/// What an operation answers in JSON.
async fn ok(world: &World, operation: &str, input: Value) -> Value {
    let reply = call(world, Wire::Json, operation, &input).await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
    reply.json()
}

/// What it answers in XML.
async fn ok_xml(world: &World, operation: &str, input: Value) -> String {
    let reply = call(world, Wire::Query, operation, &input).await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    let text = reply.text().to_owned();
    let begin = format!(
        "<?xml version=\"1.0\"?><{operation}Response xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">"
    );
    assert!(text.starts_with(&begin), "{text}");
    let request = reply.header("x-amzn-requestid").unwrap();
    let end = format!(
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{operation}Response>"
    );
    assert!(text.ends_with(&end), "{text}");
    text[begin.len()..text.len() - end.len()].to_owned()
}

async fn queue(world: &World, name: &str, attributes: Value) -> String {
    let mut attributes = attributes;
    if name.ends_with(".fifo") {
        attributes["FifoQueue"] = "true".into();
    }
    let made = ok(world, "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
    made["QueueUrl"].as_str().unwrap().to_owned()
}

async fn send(world: &World, url: &str, body: &str) -> Value {
    ok(world, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await
}

/// What is received now, with all that there is to say of it.
async fn receive(world: &World, url: &str) -> Vec<Value> {
    let input = json!({
        "QueueUrl": url,
        "MaxNumberOfMessages": 10,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    match ok(world, "ReceiveMessage", input).await.get("Messages") {
        Some(messages) => messages.as_array().unwrap().clone(),
        None => Vec::new(),
    }
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

/// An attribute of a queue's.
async fn attribute(world: &World, url: &str, name: &str) -> Value {
    let input = json!({ "QueueUrl": url, "AttributeNames": [name] });
    ok(world, "GetQueueAttributes", input).await["Attributes"][name].clone()
}

/// An error in both of its shapes.
#[track_caller]
fn is_error(reply: &Reply, wire: Wire, status: u16, (json, query): (&str, &str), text: &str) {
    assert_eq!(reply.status.as_u16(), status, "{wire:?} {reply:?}");
    match wire {
        Wire::Json => {
            assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
            let body = reply.json();
            let kind = body["__type"].as_str().unwrap();
            assert_eq!(kind.split_once('#').unwrap().1, json, "{body}");
            assert_eq!(reply.header("x-amzn-query-error"), Some(format!("{query};Sender").as_str()));
            let message = body["message"].as_str().unwrap();
            assert!(message.contains(text), "{message:?} lacks {text:?}");
        }
        Wire::Query => {
            assert_eq!(reply.header("content-type"), Some("text/xml"));
            let body = reply.text();
            let code = format!("<Error><Type>Sender</Type><Code>{query}</Code><Message>");
            assert!(body.contains(&code), "{body} lacks {code}");
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let text = text.replace('"', "&quot;");
            assert!(body.contains(&text), "{body} lacks {text:?}");
            assert!(body.contains("<RequestId>"), "{body}");
        }
    }
}

/// An input as a form, by the names of botocore's model from before JSON.
fn form(operation: &str, input: &Value) -> String {
    let mut pairs = vec![("Action".to_owned(), operation.to_owned())];
    pairs.push(("Version".to_owned(), "2012-11-05".to_owned()));
    members(operation, "", input, &mut pairs);
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn members(operation: &str, prefix: &str, input: &Value, pairs: &mut Vec<(String, String)>) {
    for (name, value) in input.as_object().unwrap() {
        match (name.as_str(), value) {
            ("Attributes", Value::Object(map)) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let at = format!("{prefix}Attribute.{}", index + 1);
                    pairs.push((format!("{at}.Name"), key.clone()));
                    pairs.push((format!("{at}.Value"), value.as_str().unwrap().to_owned()));
                }
            }
            ("tags" | "Tags", Value::Object(map)) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let at = format!("{prefix}Tag.{}", index + 1);
                    pairs.push((format!("{at}.Key"), key.clone()));
                    pairs.push((format!("{at}.Value"), value.as_str().unwrap().to_owned()));
                }
            }
            ("MessageAttributes" | "MessageSystemAttributes", Value::Object(map)) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let at = format!("{prefix}{}.{}", name.trim_end_matches('s'), index + 1);
                    pairs.push((format!("{at}.Name"), key.clone()));
                    members(operation, &format!("{at}.Value."), value, pairs);
                }
            }
            ("Entries", Value::Array(entries)) => {
                for (index, entry) in entries.iter().enumerate() {
                    let at = format!("{operation}RequestEntry.{}.", index + 1);
                    members(operation, &at, entry, pairs);
                }
            }
            (name, Value::Array(items)) => {
                let name = if name == "Actions" { "ActionName" } else { name.trim_end_matches('s') };
                for (index, item) in items.iter().enumerate() {
                    pairs.push((format!("{prefix}{name}.{}", index + 1), item.as_str().unwrap().to_owned()));
                }
            }
            (name, Value::String(text)) => pairs.push((format!("{prefix}{name}"), text.clone())),
            (name, value) => pairs.push((format!("{prefix}{name}"), value.to_string())),
        }
    }
}
