//! Who may do what.

use sonagi_identity::Keys;

use super::*;
use crate::grants::deploy;

/// Method, path and name of every operation, and the resource that it is asked about.
fn operations() -> Vec<(String, String, String, String)> {
    let lines = include_str!("../../data/scheduler_operations.txt").lines();
    let operation = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [method, path, operation] = words[..] else { panic!("{line}") };
        let resource = match path {
            "/schedules/Name" => arn("default/x"),
            "/schedule-groups/Name" => group_arn("x"),
            "/tags/ResourceArn" => group_arn("x"),
            _ => "*".into(),
        };
        let path = path.replace("Name", "x").replace("ResourceArn", &group_arn("x").replace('/', "%2F"));
        (method.to_owned(), path, operation.to_owned(), resource)
    };
    lines.map(operation).collect()
}

#[tokio::test]
async fn no_operation_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    assert_eq!(operations().len(), 12);
    for (method, path, _, _) in operations() {
        let nobody = ask(&world, &method, &path, Some(&schedule(json!({})))).send().await;
        nobody.is_error(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
        let stranger = Keys {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
            secret_access_key: "x".repeat(40),
            session_token: None,
        };
        let reply = ask(&world, &method, &path, None).signed_by(stranger).send().await;
        reply.is_error(403, "UnrecognizedClientException", "security token");
    }
}

#[tokio::test]
async fn a_function_may_do_nothing_to_a_schedule_that_it_was_not_given() {
    let world = World::open().await;
    for (method, path, operation, resource) in operations() {
        let body = schedule(json!({}));
        let reply =
            ask(&world, &method, &path, Some(&body)).signed_by(world.session("shop", "f")).send().await;
        let text =
            format!("is not authorized to perform: scheduler:{operation} on resource: {resource} because");
        reply.is_error(403, "AccessDeniedException", &text);
    }
}

#[tokio::test]
async fn a_function_hands_to_a_schedule_only_what_it_may_do_itself_or_may_pass() {
    let world = World::open().await;
    let make = async |name: &str, body: Value| {
        let session = world.session("shop", "shop-click");
        ask(&world, "POST", &format!("/schedules/{name}"), Some(&body)).signed_by(session).send().await
    };
    let allow =
        |action: &str, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let create = allow("scheduler:CreateSchedule", &arn("default/*"));
    deploy(&world, json!([create])).await;
    let text = format!("is not authorized to perform: sqs:SendMessage on resource: {}", queue_arn("out"));
    make("a", schedule(json!({}))).await.is_error(403, "AccessDeniedException", &text);
    let mut universal = schedule(json!({}));
    universal["Target"]["Arn"] = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage".into();
    universal["Target"]["Input"] = json!({ "QueueUrl": "out", "MessageBody": "x" }).to_string().into();
    make("a", universal.clone()).await.is_error(403, "AccessDeniedException", &text);
    deploy(&world, json!([create, allow("sqs:SendMessage", &queue_arn("out"))])).await;
    assert_eq!(make("a", schedule(json!({}))).await.status, 200);
    assert_eq!(make("b", universal).await.status, 200);
    let mut dead = schedule(json!({}));
    dead["Target"]["DeadLetterConfig"] = json!({ "Arn": queue_arn("dead") });
    make("c", dead.clone()).await.is_error(403, "AccessDeniedException", &queue_arn("dead"));
    let role = format!("arn:aws:iam::{ACCOUNT}:role/pets");
    deploy(&world, json!([create, allow("iam:PassRole", &role)])).await;
    assert_eq!(make("c", dead).await.status, 200);
}
