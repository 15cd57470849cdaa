//! SNS. What is asked is written as JSON; [`form`] says it as clients do.

mod attributes;
mod doors;
mod endpoints;
mod errors;
mod fifo;
mod lifecycle;
mod publishing;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sonagi_data::queues::{QueueName, Receive, Received};

use super::{
    queues::ACCOUNT,
    world::{Ask, Reply, World},
};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

fn arn(name: &str) -> String {
    format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn operations() -> impl Iterator<Item = &'static str> {
    include_str!("../../data/sns_operations.txt").lines()
}

/// A request, as yet unsigned.
fn ask<'a>(world: &'a World, operation: &str, input: &Value) -> Ask<'a> {
    world
        .ask("POST", "/")
        .service("sns")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(form(operation, input))
}

async fn call(world: &World, operation: &str, input: &Value) -> Reply {
    ask(world, operation, input).signed().send().await
}

/// What an operation answers, within its result.
async fn ok(world: &World, operation: &str, input: Value) -> String {
    let reply = call(world, operation, &input).await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    let text = reply.text();
    let begin = format!("<{operation}Response xmlns=\"{NAMESPACE}\">");
    let request = reply.header("x-amzn-requestid").unwrap();
    let end = format!(
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{operation}Response>"
    );
    let result = text.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let result = result.unwrap_or_else(|| panic!("{text}"));
    let open = format!("<{operation}Result>");
    match result.strip_prefix(&open).and_then(|rest| rest.strip_suffix(&format!("</{operation}Result>"))) {
        Some(members) => members.to_owned(),
        None => {
            assert!(result.is_empty() || result == format!("<{operation}Result/>"), "{result}");
            String::new()
        }
    }
}

#[track_caller]
fn is_error(reply: &Reply, status: u16, code: &str, text: &str) {
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    let body = reply.text();
    let begin = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>"
    );
    assert!(body.starts_with(&begin), "{body} lacks {code}");
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    assert!(body.contains(&text), "{body} lacks {text:?}");
}

/// The text of an element.
#[track_caller]
fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let found = text.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    found.unwrap_or_else(|| panic!("{text} lacks {name}")).0
}

/// The texts of all elements of that name.
fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let close = format!("</{name}>");
    text.split(&format!("<{name}>")).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0)).collect()
}

/// The entries of a map.
fn attributes(text: &str) -> Value {
    let entries = elements(text, "entry").into_iter();
    let unescape = |text: &str| {
        text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    let entries = entries
        .map(|entry| (element(entry, "key").to_owned(), Value::String(unescape(element(entry, "value")))));
    Value::Object(entries.collect())
}

async fn topic(world: &World, name: &str, attributes: Value) -> String {
    let mut attributes = attributes;
    if name.ends_with(".fifo") {
        attributes["FifoTopic"] = "true".into();
    }
    let made = ok(world, "CreateTopic", json!({ "Name": name, "Attributes": attributes })).await;
    element(&made, "TopicArn").to_owned()
}

async fn queue(world: &World, name: &str) {
    let name = QueueName::new(name).unwrap();
    let settings = sonagi_data::queues::Settings::of(&name);
    world.queues.create(&name, settings, Default::default(), None).await.unwrap();
}

/// Subscribes a queue, which is made.
async fn subscribe(world: &World, topic: &str, to: &str, attributes: Value) -> String {
    queue(world, to).await;
    let input = json!({
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": queue_arn(to),
        "Attributes": attributes,
    });
    element(&ok(world, "Subscribe", input).await, "SubscriptionArn").to_owned()
}

async fn publish(world: &World, topic: &str, message: &str, more: Value) -> String {
    let mut input = json!({ "TopicArn": topic, "Message": message });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ok(world, "Publish", input).await
}

async fn receive(world: &World, queue: &str) -> Vec<Received> {
    let name = QueueName::new(queue).unwrap();
    let mut all = Vec::new();
    loop {
        let received = world.queues.receive(&name, Receive::up_to(10)).await.unwrap();
        if received.is_empty() {
            return all;
        }
        let handles = received.iter().map(|message| message.handle.clone()).collect();
        world.queues.acknowledge(&name, handles).await.unwrap();
        all.extend(received);
    }
}

fn body(received: &Received) -> &str {
    std::str::from_utf8(&received.message.body).unwrap()
}

fn envelope(received: &Received) -> Value {
    serde_json::from_slice(&received.message.body).unwrap()
}

/// The messages that a queue has got, out of their envelopes.
async fn messages(world: &World, queue: &str) -> Vec<String> {
    let received = receive(world, queue).await;
    received.iter().map(|message| envelope(message)["Message"].as_str().unwrap().to_owned()).collect()
}

/// An input as a form, as botocore writes it.
fn form(operation: &str, input: &Value) -> String {
    let mut pairs = vec![("Action".to_owned(), operation.to_owned())];
    pairs.push(("Version".to_owned(), "2010-03-31".to_owned()));
    members("", input, &mut pairs);
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn members(prefix: &str, input: &Value, pairs: &mut Vec<(String, String)>) {
    for (name, value) in input.as_object().unwrap() {
        let (key_name, value_name) = match name.as_str() {
            "MessageAttributes" => ("Name", "Value"),
            _ => ("key", "value"),
        };
        match value {
            Value::Object(map) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let at = format!("{prefix}{name}.entry.{}.", index + 1);
                    pairs.push((format!("{at}{key_name}"), key.clone()));
                    match value {
                        Value::Object(_) => members(&format!("{at}{value_name}."), value, pairs),
                        value => pairs.push((format!("{at}{value_name}"), text(value))),
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{prefix}{name}.member.{}", index + 1);
                    match item {
                        Value::Object(_) => members(&format!("{at}."), item, pairs),
                        item => pairs.push((at, text(item))),
                    }
                }
            }
            value => pairs.push((format!("{prefix}{name}"), text(value))),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
