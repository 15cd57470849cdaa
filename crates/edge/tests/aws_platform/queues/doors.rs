//! Who may do what.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Enough for every operation to know whose queue it is about.
fn input() -> Value {
    let handle = json!({ "taskId": "t", "sourceArn": arn("clicks") }).to_string();
    json!({
        "QueueUrl": url("clicks"),
        "QueueName": "clicks",
        "MessageBody": "x",
        "SourceArn": arn("clicks"),
        "TaskHandle": STANDARD.encode(handle),
        "Label": "l",
    })
}

#[tokio::test]
async fn no_operation_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    assert_eq!(operations().count(), 23);
    for operation in operations() {
        for wire in BOTH {
            // What is not signed says by its target or its path that it is for queues.
            let nobody = match wire {
                Wire::Json => ask(&world, wire, operation, &input()),
                Wire::Query => world
                    .ask("POST", &format!("/{ACCOUNT}/clicks"))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form(operation, &input())),
            };
            let code = ("MissingAuthenticationTokenException", "MissingAuthenticationToken");
            is_error(&nobody.send().await, wire, 403, code, "Missing Authentication Token");
            let stranger = sonagi_identity::Keys {
                access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
                secret_access_key: "x".repeat(40),
                session_token: None,
            };
            let reply = ask(&world, wire, operation, &input()).signed_by(stranger).send().await;
            let code = ("UnrecognizedClientException", "InvalidClientTokenId");
            is_error(&reply, wire, 403, code, "security token included in the request is invalid");
        }
        let get = world.get(&format!("/{ACCOUNT}/clicks?Action={operation}")).await;
        assert_eq!(get.status, 403, "{operation}: {get:?}");
    }
}

#[tokio::test]
async fn a_function_may_do_nothing_to_a_queue_that_it_was_not_given() {
    let world = World::open().await;
    queue(&world, "clicks", json!({})).await;
    for operation in operations() {
        for wire in BOTH {
            let asked = ask(&world, wire, operation, &input()).signed_by(world.session("shop", "f"));
            let action = format!("sqs:{}", operation.trim_end_matches("Batch"));
            let text = format!(
                "User: arn:aws:sts::{ACCOUNT}:assumed-role/pets/f is not authorized to perform: {action} on resource: "
            );
            let code = ("AccessDeniedException", "AccessDenied");
            is_error(&asked.send().await, wire, 403, code, &text);
        }
    }
    assert!(receive(&world, &url("clicks")).await.is_empty());
}

#[tokio::test]
async fn the_senders_name_is_the_principals() {
    let world = World::required().await;
    let url = queue(&world, "clicks", json!({})).await;
    send(&world, &url, "x").await;
    assert_eq!(receive(&world, &url).await[0]["Attributes"]["SenderId"], "AKIAIOSFODNN7EXAMPLE");
}
