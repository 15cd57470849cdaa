//! EventBridge Scheduler's protocol.

mod doors;
mod errors;
mod groups;
mod lifecycle;

use serde_json::{Value, json};

use super::world::{Ask, Reply, World};

const ACCOUNT: &str = "000000000000";

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn arn(name: &str) -> String {
    format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/{name}")
}

fn group_arn(name: &str) -> String {
    format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/{name}")
}

/// What makes a schedule, and some of its members otherwise.
fn schedule(with: Value) -> Value {
    let mut body = json!({
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": queue_arn("out"), "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/pets") },
    });
    for (name, value) in with.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A request, as yet unsigned.
fn ask<'a>(world: &'a World, method: &str, path: &str, body: Option<&Value>) -> Ask<'a> {
    let asked = world.ask(method, path).service("scheduler");
    match body {
        Some(body) => asked.header("content-type", "application/json").json(body),
        None => asked,
    }
}

async fn call(world: &World, method: &str, path: &str, body: Option<&Value>) -> Reply {
    ask(world, method, path, body).signed().send().await
}

async fn ok(world: &World, method: &str, path: &str, body: Option<Value>) -> Value {
    let reply = call(world, method, path, body.as_ref()).await;
    assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}
