//! What is set for asynchronous invocations: event invoke configurations and dead-letter queues.

use serde_json::{Value, json};

use super::world::{Reply, World, creation};

const FUNCTIONS: &str = "/2015-03-31/functions";
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:ends";
const INVALID: &str = "InvalidParameterValueException";
const ABSENT: &str = "ResourceNotFoundException";

fn path(function: &str, qualifier: &str) -> String {
    format!("/2019-09-25/functions/{function}/event-invoke-config?Qualifier={qualifier}")
}

async fn put(world: &World, qualifier: &str, config: Value) -> Reply {
    world.ask("PUT", &path("pets", qualifier)).json(&config).send().await
}

async fn update(world: &World, qualifier: &str, config: Value) -> Reply {
    world.ask("POST", &path("pets", qualifier)).json(&config).send().await
}

/// With the functions `pets`, which has a version and the alias `live`, and `others`, and the queue `ends`.
async fn world() -> World {
    let world = World::open().await;
    let mut pets = creation("pets");
    pets["Publish"] = json!(true);
    assert_eq!(world.ask("POST", FUNCTIONS).json(&pets).send().await.status, 201);
    assert_eq!(world.create("others").await.status, 201);
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    assert_eq!(world.ask("POST", &format!("{FUNCTIONS}/pets/aliases")).json(&alias).send().await.status, 201);
    make_queue(&world, "ends").await;
    world
}

pub(crate) async fn make_queue(world: &World, name: &str) {
    let fifo = match name.ends_with(".fifo") {
        true => json!({ "FifoQueue": "true" }),
        false => json!({}),
    };
    let made = world
        .ask("POST", "/")
        .header("x-amz-target", "AmazonSQS.CreateQueue")
        .header("content-type", "application/x-amz-json-1.0")
        .json(&json!({ "QueueName": name, "Attributes": fifo }))
        .send()
        .await;
    assert_eq!(made.status, 200, "{made:?}");
}

#[tokio::test]
async fn a_configuration_is_put_changed_shown_and_deleted_for_each_qualifier() {
    let world = world().await;
    let made =
        put(&world, "live", json!({ "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2 })).await;
    let mut shown = json!({
        "LastModified": 1_769_847_330.123,
        "FunctionArn": format!("{ARN}pets:live"),
        "MaximumEventAgeInSeconds": 60,
        "MaximumRetryAttempts": 2,
        "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} },
    });
    assert_eq!((made.status.as_u16(), made.json()), (200, shown.clone()));

    // Nothing else changes.
    let destinations = json!({ "OnFailure": { "Destination": QUEUE }, "OnSuccess": { "Destination": "" } });
    let updated = update(&world, "live", json!({ "DestinationConfig": destinations })).await;
    shown["DestinationConfig"] = json!({ "OnSuccess": {}, "OnFailure": { "Destination": QUEUE } });
    assert_eq!((updated.status.as_u16(), updated.json()), (200, shown.clone()));
    assert_eq!(world.get(&path("pets", "live")).await.json(), shown);
    assert_eq!(world.get("/2019-09-25/functions/pets:live/event-invoke-config").await.json(), shown);

    // Everything else goes back to its default, which is not shown.
    let put_again = put(&world, "live", json!({ "MaximumRetryAttempts": 0 })).await.json();
    shown = json!({
        "LastModified": 1_769_847_330.123,
        "FunctionArn": format!("{ARN}pets:live"),
        "MaximumRetryAttempts": 0,
        "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} },
    });
    assert_eq!(put_again, shown);

    let success = json!({ "OnSuccess": { "Destination": format!("{ARN}others:$LATEST") } });
    for (qualifier, of) in [("1", "1"), ("$LATEST", "$LATEST"), ("", "$LATEST")] {
        let made = put(&world, qualifier, json!({ "DestinationConfig": success })).await.json();
        assert_eq!(made["FunctionArn"], format!("{ARN}pets:{of}"), "{made}");
    }
    let mut arns = Vec::new();
    let mut marker = String::new();
    while arns.len() < 3 {
        let list = format!("/2019-09-25/functions/pets/event-invoke-config/list?MaxItems=1&Marker={marker}");
        let page = world.get(&list).await.json();
        arns.push(page["FunctionEventInvokeConfigs"][0]["FunctionArn"].as_str().unwrap().to_owned());
        marker = page["NextMarker"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(
        (arns, marker.as_str()),
        (["$LATEST", "1", "live"].map(|q| format!("{ARN}pets:{q}")).into(), "")
    );

    let gone = world.ask("DELETE", &path("pets", "1")).send().await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    let none = format!("The function {ARN}pets:1 doesn't have an EventInvokeConfig");
    world.get(&path("pets", "1")).await.is_error(404, ABSENT, &none);
    world.ask("DELETE", &path("pets", "1")).send().await.is_error(404, ABSENT, &none);

    // An alias that is made anew begins anew.
    let alias = format!("{FUNCTIONS}/pets/aliases/live");
    assert_eq!(world.ask("DELETE", &alias).send().await.status, 204);
    world.get(&path("pets", "live")).await.is_error(404, ABSENT, "doesn't have an EventInvokeConfig");
}

#[tokio::test]
async fn what_lambda_refuses_is_refused_in_its_words() {
    let world = world().await;
    let unset = format!("The function {ARN}pets:live doesn't have an EventInvokeConfig");
    update(&world, "live", json!({ "MaximumRetryAttempts": 1 })).await.is_error(404, ABSENT, &unset);
    let nothing = "You must specify at least one of error handling or destination setting.";
    put(&world, "", json!({})).await.is_error(400, INVALID, nothing);
    put(&world, "none", json!({ "MaximumRetryAttempts": 1 })).await.is_error(
        404,
        ABSENT,
        "The function doesn't exist.",
    );
    let nowhere = world.ask("PUT", &path("nobody", "")).json(&json!({ "MaximumRetryAttempts": 1 }));
    nowhere.send().await.is_error(404, ABSENT, "The function doesn't exist.");
    let unset = format!("The function {ARN}nobody:$LATEST doesn't have an EventInvokeConfig");
    world.get(&path("nobody", "")).await.is_error(404, ABSENT, &unset);
    world.get("/2019-09-25/functions/nobody/event-invoke-config/list").await.is_error(
        404,
        ABSENT,
        "The function doesn't exist.",
    );
    for (config, text) in [
        (json!({ "MaximumRetryAttempts": 3 }), "'3' at 'maximumRetryAttempts'"),
        (json!({ "MaximumRetryAttempts": -1 }), "greater than or equal to 0"),
        (json!({ "MaximumEventAgeInSeconds": 59 }), "'59' at 'maximumEventAgeInSeconds'"),
        (json!({ "MaximumEventAgeInSeconds": 21_601 }), "less than or equal to 21600"),
        (
            json!({ "DestinationConfig": { "OnFailure": { "Destination": "ends" } } }),
            "'ends' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: $|kafka://",
        ),
        (
            json!({ "DestinationConfig": { "OnSuccess": { "Destination": format!("{QUEUE}{}", "x".repeat(312)) } } }),
            "less than or equal to 350",
        ),
    ] {
        put(&world, "", config).await.is_error(400, "ValidationException", text);
    }
    let to = |arn: &str| json!({ "DestinationConfig": { "OnSuccess": { "Destination": arn } } });
    for alias in ["", ":live"] {
        let itself = to(&format!("{ARN}pets{alias}"));
        put(&world, "live", itself).await.is_error(
            400,
            INVALID,
            "You can't specify the function as a destination for itself.",
        );
    }
    make_queue(&world, "ends.fifo").await;
    for arn in [
        &format!("{ARN}nobody"),
        &format!("{ARN}others:nobody"),
        "arn:aws:sqs:us-east-1:000000000000:nobody",
        "arn:aws:sqs:us-east-1:000000000000:ends.fifo",
        "arn:aws:sqs:eu-west-1:000000000000:ends",
        "arn:aws:events:us-east-1:000000000000:rule/ends",
        "kafka://ends",
    ] {
        put(&world, "", to(arn)).await.is_error(
            400,
            INVALID,
            &format!("The destination ARN {arn} is invalid."),
        );
    }
    let role = "arn:aws:iam::000000000000:role/pets";
    put(&world, "", to(role)).await.is_error(
        400,
        INVALID,
        &format!(
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={role}), onFailure=null) \
             is invalid."
        ),
    );
    for arn in
        ["arn:aws:sns:us-east-1:000000000000:news", "arn:aws:events:us-east-1:000000000000:event-bus/default"]
    {
        assert_eq!(put(&world, "", to(arn)).await.status, 200, "{arn}");
    }
}

#[tokio::test]
async fn dead_letters_are_a_functions_setting_that_its_versions_keep() {
    let world = world().await;
    let at = format!("{FUNCTIONS}/pets/configuration");
    let set = |arn: &str| {
        let change = json!({ "DeadLetterConfig": { "TargetArn": arn } });
        world.ask("PUT", &at).json(&change).send()
    };
    let shown = json!({ "TargetArn": QUEUE });
    assert_eq!(set(QUEUE).await.json()["DeadLetterConfig"], shown);
    let version =
        world.ask("POST", &format!("{FUNCTIONS}/pets/versions")).json(&json!({})).send().await.json();
    assert_eq!((&version["Version"], &version["DeadLetterConfig"]), (&json!("2"), &shown));
    let update = world.ask("PUT", &at).json(&json!({ "Timeout": 4 })).send().await.json();
    assert_eq!(update["DeadLetterConfig"], shown);
    assert_eq!(set("").await.json().get("DeadLetterConfig"), None);
    let version = world.get(&format!("{FUNCTIONS}/pets?Qualifier=2")).await.json();
    assert_eq!(version["Configuration"]["DeadLetterConfig"], shown);

    set("queue").await.is_error(400, "ValidationException", "'queue' at 'deadLetterConfig.targetArn'");
    for arn in [
        &format!("{ARN}others"),
        "arn:aws:sqs:us-east-1:000000000000:nobody",
        "arn:aws:sqs:us-east-1:000000000000:ends.fifo",
    ] {
        set(arn).await.is_error(400, INVALID, &format!("The dead letter ARN {arn} is invalid"));
    }
    let mut body = creation("third");
    body["DeadLetterConfig"] = json!({ "TargetArn": "arn:aws:sns:us-east-1:000000000000:news" });
    let made = world.ask("POST", FUNCTIONS).json(&body).send().await;
    assert_eq!((made.status.as_u16(), &made.json()["DeadLetterConfig"]), (201, &body["DeadLetterConfig"]));
}
